"""Any order of drops, verdicts, acts, mails, nights and crashes leaves a gateway that is as it must be.

Does: hypothesis plays sequences on one gateway with a real ledger, real folders and a real mail server, and on the
model; after every step the two are compared. A doomed step runs in a child process that dies at its k-th operation;
then the gateway is opened anew and recovers.
Touches: folders in memory where the machine has such a thing, the loopback interface.
Does not: work out what must be (lifecycle_model, lifecycle_duties) or look (lifecycle_look).
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.channel.server import MailServer
from tests.story import lifecycle_steps as steps
from tests.story.lifecycle_machine import Lifecycle

MEMORY = Path("/dev/shm")


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder for many gateways."""
    folder = Path(tempfile.mkdtemp(prefix="lifecycle-", dir=MEMORY if os.access(MEMORY, os.W_OK) else None))
    yield folder
    shutil.rmtree(folder)


def play(place: Path, examples: int, length: int) -> int:
    """Play so many stories of at most so many steps; how many were begun."""
    begun = 0
    steps.examine_beforehand()
    with MailServer() as server:

        class Played(Lifecycle):
            def __init__(self) -> None:
                nonlocal begun
                super().__init__(place, server)
                begun += 1

        run_state_machine_as_test(
            Played, settings=settings(max_examples=examples, stateful_step_count=length, report_multiple_bugs=False)
        )
    return begun


@pytest.mark.timeout(600)
def test_any_order_of_steps_leaves_it_as_it_must_be(place: Path) -> None:
    assert play(place, 50, 25) >= 50


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_long_stories_leave_it_as_it_must_be(place: Path) -> None:
    assert play(place, 2000, 50) >= 2000
