"""A world of one's own for each test of the workflow.

Does: gives `world`, in which Amsterdam and Bloemendaal accepted the terms.
Touches: the temporary directory of a test.
Does not: replace a step.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path).open("amsterdam", "bloemendaal")
    yield made
    made.close()
