"""The layers hold, and the contracts that say so would notice if they did not.

Does: runs import-linter on the source, and on copies in which one rule is broken.
Touches: copies in a temporary folder.
Does not: repeat the contracts; they stand in setup.cfg.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.layers.house import ROOT


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """What import-linter says of the package in `folder`."""
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-logo", "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=60)


def test_every_import_keeps_to_the_contracts() -> None:
    said = lint(ROOT)
    assert said.returncode == 0, said.stdout + said.stderr
    assert " 0 broken" in said.stdout


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package and its contracts in a folder of their own."""
    folder = tmp_path_factory.mktemp("house")
    skip = shutil.ignore_patterns("__pycache__", "defaults", "texts")
    shutil.copytree(ROOT / "gateway", folder / "gateway", ignore=skip)
    shutil.copy(ROOT / "setup.cfg", folder / "setup.cfg")
    return folder


@pytest.mark.parametrize(
    ("module", "added", "complaint"),
    [
        ("newroom.py", '"""New."""', "gateway.newroom"),
        ("edge/fax.py", '"""New."""', "gateway.edge.fax"),
        ("store/paper.py", '"""New."""', "gateway.store.paper"),
        ("domain/guess.py", '"""New."""', "gateway.domain.guess"),
        ("domain/model.py", "import os", "gateway.domain.model -> os"),
        ("domain/model.py", "import gateway.config", "gateway.domain.model -> gateway.config"),
        ("domain/model.py", "import gateway.domain.kinds", "gateway.domain.model -> gateway.domain.kinds"),
        ("reports/facts.py", "import yaml", "gateway.reports.facts -> yaml"),
        ("store/spool.py", "import gateway.channel", "gateway.store.spool -> gateway.channel"),
        ("store/spool.py", "import gateway.store.ledger", "gateway.store.spool -> gateway.store.ledger"),
        ("workflow/__init__.py", "import gateway.store.sqlite", "gateway.workflow -> gateway.store.sqlite"),
        ("workflow/__init__.py", "import asyncssh", "gateway.workflow -> asyncssh"),
        ("workflow/__init__.py", "import sqlite3", "gateway.workflow -> sqlite3"),
    ],
)
def test_a_breach_is_noticed(copy: Path, module: str, added: str, complaint: str) -> None:
    planted = copy / "gateway" / module
    before = planted.read_bytes() if planted.exists() else None
    planted.write_bytes((before or b"") + b"\n" + added.encode() + b"\n")
    try:
        said = lint(copy)
    finally:
        if before is None:
            planted.unlink()
        else:
            planted.write_bytes(before)
    assert said.returncode == 1, said.stdout
    assert complaint in said.stdout
