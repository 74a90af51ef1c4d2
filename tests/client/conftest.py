"""Fixtures for the municipality's end: a running gateway that a module shares where its tests do not hurt it.

Does: `shared` (one gateway a module), `town` (a municipality's machine at it), `own_town` (at a gateway of its own).
Touches: temporary folders.
Does not: more.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.client.municipality import Municipality
from tests.house import Gateway, copy_demo


@pytest.fixture(scope="module")
def shared(demo_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A running gateway for tests that only add to it."""
    with Gateway(copy_demo(demo_template, tmp_path_factory.mktemp("shared") / "gateway")) as running:
        yield running


@pytest.fixture
def town(shared: Gateway, tmp_path: Path) -> Municipality:
    """Amsterdam's machine at the shared gateway."""
    return Municipality(shared, tmp_path / "town")


@pytest.fixture
def own_town(gateway: Gateway, tmp_path: Path) -> Municipality:
    """Amsterdam's machine at a gateway of this test's own."""
    return Municipality(gateway, tmp_path / "town")
