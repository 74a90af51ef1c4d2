"""Whatever is done to a file, the answer is a configuration or a list of problems with places in it."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.config import load
from gateway.errors import ConfigError, Problem
from tests.config.conftest import SHIPPED

FILES = sorted(
    path.relative_to(SHIPPED).as_posix()
    for path in SHIPPED.rglob("*.yaml")
    if path.name in ("gateway.yaml", "participants.yaml", "2017H2.yaml", "SBW.yaml", "taakveld.yaml")
)
PIECES = [
    *("0363", '"0363"', "2018-02-30", "18:00", "no", "null", "~", "[]", "{}", "[[", "]", "}", ": ", "- ", "\t", "\n"),
    *(
        "&a ",
        "*a",
        "!!int ",
        "<<: ",
        "? ",
        "'",
        '"',
        "#",
        "|",
        "1e999",
        "-1",
        "99999999999999999999",
        "é",
        "\x00",
        ", ",
    ),
    *("true", "x: 1\n", "\n---\n", "\n...\n", "%YAML 9.9\n", ".nan", "0x", "1_", "2,5MB", "@", "`"),
]


@pytest.fixture(scope="module")
def directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "config"
        shutil.copytree(SHIPPED, target)
        (target / "gateway.yaml").write_text('sftp: {listen: "h:1"}\nwatch:\n  accounts: {"0363": amsterdam}\n')
        yield target


def problems(directory: Path) -> tuple[Problem, ...]:
    try:
        return load(directory).warnings
    except ConfigError as error:
        return error.problems


@settings(max_examples=120, deadline=None)
@given(data=st.data(), file=st.sampled_from(FILES), piece=st.sampled_from(PIECES), cut=st.integers(0, 12))
def test_a_damaged_file_gives_problems_with_places(
    directory: Path, data: st.DataObject, file: str, piece: str, cut: int
) -> None:
    path = directory / file
    whole = path.read_text()
    at = data.draw(st.integers(0, len(whole)))
    path.write_text(whole[:at] + piece + whole[at + cut :])
    try:
        for problem in problems(directory):
            assert problem.file
            assert problem.line >= 1
            assert problem.column >= 1
            assert problem.path
            assert problem.what
            assert "\n" not in str(problem)
    finally:
        path.write_text(whole)
