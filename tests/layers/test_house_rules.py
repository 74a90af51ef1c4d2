"""The rules of the house that no linter knows.

Does: looks at every module's header, at who asks the time, at silenced checkers, at undeclared packages.
Touches: the source files, reading.
Does not: import the gateway.
"""

import ast
import configparser
import re
import sys
from pathlib import Path

import pytest

from tests.layers.house import ROOT, imported, modules, name, tree

HEADER_WORDS = ("Does:", "Touches:", "Does not:")
# The daemon hands the clock down; logs stamp each line with the real time besides the legal one.
CLOCK_HOMES = ("gateway/daemon", "gateway/logs.py", "gateway/cli/", "gateway/client")
LEGAL_CLOCKS = {"now", "utcnow", "today", "time", "time_ns"}
DISTRIBUTIONS = {
    "yaml": "pyyaml",
    "sqlite_utils": "sqlite-utils",
    "jinja2": "Jinja2",
    "pydantic_core": "pydantic",
    "prometheus_client": "prometheus-client",
    "argon2": "argon2-cffi",
}


@pytest.mark.parametrize("module", modules(), ids=name)
def test_every_module_opens_with_a_header(module: Path) -> None:
    header = ast.get_docstring(tree(module)) or ""
    assert [word for word in HEADER_WORDS if word not in header] == []


@pytest.mark.parametrize("module", [m for m in modules() if not name(m).startswith(CLOCK_HOMES)], ids=name)
def test_only_the_composition_root_asks_the_time(module: Path) -> None:
    asked = [
        f"line {node.lineno}: {node.func.value.id}.{node.func.attr}"
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in LEGAL_CLOCKS
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in {"datetime", "date", "time"}
    ]
    assert asked == []


def test_no_checker_is_silenced() -> None:
    silencer = re.compile(r"#\s*(?:noqa|type:\s*ignore|pragma:\s*no cover)")
    places = [*modules(), *(ROOT / "tests").rglob("*.py")]
    silenced = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in places
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if silencer.search(line)
    ]
    assert silenced == []


@pytest.mark.parametrize(
    ("folder", "sections"),
    [
        ("gateway", [("options", "install_requires")]),
        ("tests", [("options", "install_requires"), ("options.extras_require", "dev")]),
    ],
)
def test_every_package_that_is_imported_is_declared(folder: str, sections: list[tuple[str, str]]) -> None:
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg", encoding="utf-8")
    lines = [line for section, key in sections for line in settings[section][key].split()]
    declared = {re.split(r"[<>=;\[ ]", line)[0] for line in lines}
    known = set(sys.stdlib_module_names) | {"gateway", "tests"}
    undeclared = {
        f"{name(module)}: {package}"
        for module in (ROOT / folder).rglob("*.py")
        for package in imported(module) - known
        if DISTRIBUTIONS.get(package, package) not in declared
    }
    assert undeclared == set()


@pytest.mark.parametrize(
    ("room", "guests"), [("domain", {"polars"}), ("reports", {"jinja2", "markupsafe"}), ("errors.py", set())]
)
def test_the_pure_rooms_have_no_other_guests(room: str, guests: set[str]) -> None:
    known = set(sys.stdlib_module_names) | {"gateway"}
    strangers = {
        f"{name(module)}: {package}"
        for module in modules()
        if name(module).startswith(f"gateway/{room}")
        for package in imported(module) - known - guests
    }
    assert strangers == set()


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_lock_files_pin_by_hash_and_name_no_machine(lock: str) -> None:
    lines = (ROOT / lock).read_text(encoding="utf-8").splitlines()
    wanted = [line for line in lines if line and not line.startswith((" ", "#"))]
    assert len(wanted) > 20
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][^ ]* \\", line) for line in wanted)
    assert [line for line in lines if re.search(r"index-url|find-links|://|trusted-host", line)] == []
    assert sum("--hash=sha256:" in line for line in lines) >= len(wanted)


def test_the_lock_of_the_browser_tests_names_no_registry() -> None:
    lock = (ROOT / "tests" / "browser" / "package-lock.json").read_text(encoding="utf-8")
    assert "resolved" not in lock
    assert "://" not in lock
    assert lock.count('"integrity": "sha512-') == lock.count('"node_modules/')
