"""A config directory of one's own: a copy of the shipped files, and a short way to change one and hear the problems.

Does: gives `config` (a directory) and `tell` (its problems, or those after a change of one file).
Touches: the temporary directory of a test.
Does not: replace any part of the configuration.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.config import load
from gateway.errors import ConfigError

SHIPPED = Path(__file__).resolve().parents[2] / "config"

Tell = Callable[..., list[str]]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A copy of the shipped YAML files."""
    directory = tmp_path / "config"
    shutil.copytree(SHIPPED, directory, ignore=lambda folder, names: {n for n in names if n.startswith("host_key")})
    return directory


@pytest.fixture
def tell(config: Path) -> Tell:
    """`tell("gateway.yaml", text)` writes the file, loads everything and returns the problems as lines."""

    def lines(file: str = "", text: str | bytes = "") -> list[str]:
        if file:
            path = config / file
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
        try:
            load(config)
        except ConfigError as error:
            return [str(problem) for problem in error.problems]
        return []

    return lines
