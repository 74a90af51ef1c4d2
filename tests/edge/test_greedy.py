"""Somebody with a valid key who wants everything at once: what one account may hold and cause stays within bounds.

Does: opens files for reading in two sessions until no more are given; has uploads refused again and again.
Touches: a temporary directory.
Does not: speak SSH (test_session), or measure (docs/attacks.md).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import asyncssh
import pytest
from asyncssh.sftp import SFTPAttrs

from gateway.edge.sftp import house as module
from gateway.edge.sftp.house import House
from gateway.edge.sftp.listing import Recent
from gateway.edge.sftp.rates import Rates
from gateway.edge.sftp.session import Session
from gateway.workflow.intake import Intake
from tests.world import MONDAY, World, silent

READ = asyncssh.FXF_READ
WRITE = asyncssh.FXF_WRITE | asyncssh.FXF_CREAT | asyncssh.FXF_TRUNC


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A ledger in which Amsterdam may deliver."""
    made = World(tmp_path).open("amsterdam")
    yield made
    made.close()


@pytest.fixture
def house(world: World) -> House:
    """What all sessions share."""
    intake = Intake(world.ctx, rescan_seconds=60, received=lambda: None, tell=silent)
    return House(
        world.ctx, intake, Recent(lambda: 0.0), world.tell, lambda: 0.0, (), lambda: MONDAY, refusals=Rates(1000, 2)
    )


def session(house: House) -> Session:
    """One more session of Amsterdam."""
    account = house.ctx.configuration().participants.accounts["amsterdam"]
    return Session(cast(Any, None), house, account, "127.0.0.1")


async def test_what_an_account_has_open_for_reading_is_bounded_over_its_sessions(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_HELD", 10)
    one, other = session(house), session(house)
    opened = await one.open(b"/LEESMIJ.txt", READ, SFTPAttrs())
    with pytest.raises(asyncssh.SFTPFailure, match="BUSY"):
        await other.open(b"/README.txt", READ, SFTPAttrs())
    await one.close(opened)
    assert not house.held
    await other.close(await other.open(b"/README.txt", READ, SFTPAttrs()))
    assert not house.held


async def test_each_refusal_that_is_written_down_takes_a_turn(house: House) -> None:
    greedy = session(house)
    for number in range(5):
        with pytest.raises(asyncssh.SFTPError):
            await greedy.open(b"/0363/inbox/no name %d.csv" % number, WRITE, SFTPAttrs())
    # Two at once; the clock stands still, so three wait in line, and this one behind them.
    assert house.refusals.owed("amsterdam", 0.0) == pytest.approx(4 / 1000)


async def test_a_code_in_the_wrong_folder_is_not_in_the_log(world: World, house: House) -> None:
    code = "0123-4567-89ab-cdef-0123-4567-89ab-cdef"
    with pytest.raises(asyncssh.SFTPNoSuchFile):
        await session(house).stat(f"/0363/VERIFICATIE_{code}".encode())
    (line,) = [facts for event, facts in world.told if event == "path_refused"]
    assert line["path"] == "/0363/VERIFICATIE_"
