"""Fixtures for everybody: a demo that was laid out once, and a running gateway on a copy of it.

Does: `demo_template` (a session's one demo, to copy), `gateway` (a daemon for one test); hypothesis without deadlines.
Touches: temporary folders.
Does not: hold the harness itself; that is tests/house.py.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.house import Gateway, copy_demo, lay_out_demo

# How long an example takes says how busy the machine is.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")


@pytest.fixture(scope="session")
def demo_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A demo that nobody serves. Copy it (`copy_demo`), never run it."""
    return lay_out_demo(tmp_path_factory.mktemp("template") / "gateway")


@pytest.fixture
def gateway(demo_template: Path, tmp_path: Path) -> Iterator[Gateway]:
    """A running gateway in a sandbox, with a demo of its own."""
    with Gateway(copy_demo(demo_template, tmp_path / "gateway")) as running:
        yield running
