"""Folders of the gateway's own below a folder where a local program may write: nothing is forged in them.

Does: puts folders of its own in the place of `.landed` and `.claimed`, as such a program could, with what would be a
landing or a claim in them.
Touches: temporary directories; as root, owners.
Does not: show that a kernel keeps to its permissions.
"""

import os
import shutil
import stat
from pathlib import Path

import pytest

from gateway.errors import GatewayError, Temporary
from gateway.store.ledger import drops
from gateway.store.spool import CLAIMED, LANDED, REFUSED, WORKING, Landing, Spool
from gateway.workflow.intake import Intake
from gateway.workflow.mend import mend
from gateway.workflow.recover import differences
from tests.samples import wmo_csv
from tests.world import World

NAME = "WMO_0363_2017H2.csv"
BODY = wmo_csv(3, seed=1)
FOREIGN = 65_533
CODE = "0363"


@pytest.fixture
def inbox(world: World) -> Path:
    """Where a program of the group drops files; not sticky."""
    folder = world.spool.inbox / CODE
    folder.chmod(0o2770)
    return folder


def foreign(folder: Path) -> Path:
    """A folder as somebody else makes it. Who is not root cannot give one away, but a mode that is as suspect."""
    folder.mkdir()
    folder.chmod(0o755 if os.geteuid() == 0 else 0o775)
    if os.geteuid() == 0:
        os.chown(folder, FOREIGN, FOREIGN)
    return folder


def real(world: World) -> Landing:
    """A landing with facts and payload that fit."""
    return world.land(world.attempt(NAME), BODY)


def intake(world: World) -> None:
    Intake(world.ctx, rescan_seconds=1.0, received=lambda: None, tell=world.tell).scan()


def opened(world: World) -> list[tuple[str, bool]]:
    """What the doctor says of folders that are open: which, and whether it can be mended."""
    found = [each for each in differences(world.ctx) if each.code == "OPEN"]
    return [(str(Path(each.subject).relative_to(world.spool.inbox)), each.mends) for each in found]


# --- forged ---------------------------------------------------------------------------------------------------------


def test_a_folder_of_somebody_else_in_the_place_of_landed_is_not_looked_into(world: World, inbox: Path) -> None:
    landing = real(world)
    (inbox / LANDED).rename(inbox / "kept")
    shutil.copytree(inbox / "kept" / landing.facts.id, foreign(inbox / LANDED) / landing.facts.id)
    intake(world)
    assert drops.counts(world.engine) == {}
    assert world.spool.unreachable() == [(CODE, "another user may have put it there")]
    assert (f"{CODE}/{LANDED}", os.geteuid() != 0) in opened(world)


def test_a_landing_of_somebody_else_in_our_own_folder_is_spoilt(world: World) -> None:
    """As where the names changed places between the listing and the reading."""
    folder = real(world).folder
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    shutil.rmtree(folder)
    foreign(folder)
    for name, body in files.items():
        (folder / name).write_bytes(body)
    intake(world)
    assert drops.counts(world.engine) == {}
    assert [event for event, _ in world.told] == ["landing_unreadable"]


def test_the_folder_for_trials_cannot_play_the_part_of_landed(world: World, inbox: Path) -> None:
    """It is ours, and others may write in it."""
    landing = real(world)
    (inbox / "proef").chmod(0o2770)
    (inbox / LANDED).rename(inbox / "kept")
    (inbox / "proef").rename(inbox / LANDED)
    (inbox / "kept" / landing.facts.id).rename(inbox / LANDED / landing.facts.id)
    intake(world)
    assert drops.counts(world.engine) == {}


def test_nothing_lands_in_a_folder_of_somebody_else(world: World, inbox: Path) -> None:
    (inbox / LANDED).rename(inbox / "kept")
    foreign(inbox / LANDED)
    with pytest.raises(Temporary):
        real(world)
    assert list((inbox / LANDED).iterdir()) == []


def test_a_claim_that_nobody_made_is_not_taken(world: World, inbox: Path) -> None:
    """The name of the folder would say that the file lay there before the close."""
    (inbox / CLAIMED).rename(inbox / "kept")
    forged = foreign(inbox / CLAIMED) / world.ctx.new_id() / "put=1518422400000"
    forged.mkdir(parents=True)
    (forged / NAME).write_bytes(BODY)
    intake(world)
    assert drops.counts(world.engine) == {}
    with pytest.raises(Temporary):
        Spool.claims_in(foreign(inbox / "kept" / "more"))


def test_nothing_is_claimed_into_a_folder_of_somebody_else(world: World, inbox: Path) -> None:
    (inbox / CLAIMED).rename(inbox / "kept")
    foreign(inbox / CLAIMED)
    (inbox / NAME).write_bytes(BODY)
    with pytest.raises(Temporary):
        world.spool.claim(inbox / NAME, CODE, "inbox", world.ctx.new_id())
    assert (inbox / NAME).read_bytes() == BODY


# --- told and mended ------------------------------------------------------------------------------------------------


def test_the_doctor_says_nothing_of_folders_as_they_are_made_or_advised(world: World) -> None:
    assert opened(world) == []
    (world.spool.inbox / CODE).chmod(0o3770)
    (world.spool.inbox / CODE / "proef").chmod(0o3770)
    assert opened(world) == []


@pytest.mark.parametrize(
    ("place", "mode", "after"),
    [
        (CODE, 0o2770, 0o3770),
        (f"{CODE}/proef", 0o777, 0o1777),
        (f"{CODE}/{LANDED}", 0o750, 0o700),
        (f"{CODE}/{CLAIMED}", 0o770, 0o700),
        (f"{CODE}/{REFUSED}", 0o755, 0o700),
        (WORKING, 0o711, 0o700),
        (".", 0o775, 0o755),
    ],
)
def test_the_doctor_finds_a_folder_that_is_open_and_closes_it(world: World, place: str, mode: int, after: int) -> None:
    folder = world.spool.inbox / place
    folder.chmod(mode)
    assert opened(world) == [(place, True)]
    mend(world.ctx, world.tell, edge=True, publisher=True)
    assert stat.S_IMODE(folder.stat().st_mode) == after
    assert [each for each in opened(world) if each[1]] == []


def test_a_folder_where_everybody_may_deliver_is_for_a_person(world: World) -> None:
    (world.spool.inbox / CODE).chmod(0o1777)
    assert opened(world) == [(CODE, False)]


def test_what_lies_in_a_folder_that_is_closed_stays(world: World, inbox: Path) -> None:
    (inbox / NAME).write_bytes(BODY)
    landing = real(world)
    world.spool.close([CODE])
    assert ((inbox / NAME).read_bytes(), Spool.read_facts(landing.folder).facts) == (BODY, landing.facts)


def test_a_link_is_not_given_a_mode(world: World, inbox: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o755)
    (inbox / LANDED).rmdir()
    (inbox / LANDED).symlink_to(tmp_path / "elsewhere")
    world.spool.close([CODE])
    assert stat.S_IMODE((tmp_path / "elsewhere").stat().st_mode) == 0o755
    with pytest.raises(GatewayError):
        real(world)
