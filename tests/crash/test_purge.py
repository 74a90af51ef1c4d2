"""Killed at every step of a purge, the next one ends what was begun: nothing is left, everything is proven once.

Does: lays out a gateway of which a payload, reports, a working file, a refused file and old lines are to go; lets a
purge die at its k-th operation in a forked child; purges again and looks.
Touches: folders in memory where the machine has such a thing.
Does not: cut the power.
"""

import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from pathlib import Path

import pytest

from gateway.domain.model import Lane, to_ms
from gateway.store.ledger import assessor, deadlines, log, retention
from gateway.workflow.recover import differences
from gateway.workflow.retain import purge
from tests.crash.killer import Killer, install
from tests.crash.scenario import Tell, examine
from tests.forked import telling
from tests.samples import WMO_HEADER, csv_bytes, wmo_rows
from tests.world import MONDAY, Clock, World, tree

KILLED = 137
MEMORY = Path("/dev/shm")
CANARY = b"KANARIE-7f3a9c"
WMO = "WMO_0363_2017H2.csv"
LATER = datetime(2021, 6, 1, tzinfo=UTC)
WHENS = ("before", "torn", "after")


@cache
def canary_csv() -> bytes:
    """A sound file with the canary in each record."""
    records = wmo_rows(30)
    for number, record in enumerate(records):
        record[3] = f"{CANARY.decode()}-{number}"
    return csv_bytes(WMO_HEADER, records)


@cache
def template() -> Path:
    """A gateway with something of everything that can go; made once, copied for each death."""
    folder = Path(tempfile.mkdtemp(prefix="purge-", dir=place()))
    world = World(folder, examiner=examine).open("amsterdam", "bloemendaal")
    world.drop(WMO, canary_csv())
    world.drop("WMO_0363_2017H1.csv", canary_csv(), lane=Lane.TRIAL)
    world.work()
    for owed in deadlines.unmet(world.engine):
        deadlines.meet(world.engine, owed.kind, owed.subject, to_ms(world.clock()))
    for row in world.engine.rows("select id from deliveries"):
        assessor.note_collection(world.engine, "delivery", row["id"], "cbs", to_ms(world.clock()))
    item = world.spool.working("amsterdam", "0363", "inbox") / "WMO.part"
    descriptor = world.spool.open_working(item, truncate=True)
    os.write(descriptor, CANARY)
    os.close(descriptor)
    (world.spool.inbox / "0363" / WMO).write_bytes(CANARY)
    claim = world.spool.claim(world.spool.inbox / "0363" / WMO, "0363", "inbox", world.ctx.new_id())
    world.spool.refuse_claim(claim)
    world.close()
    return folder


def place() -> Path | None:
    """Where folders are cheap."""
    return MEMORY if os.access(MEMORY, os.W_OK) else None


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where the copies go."""
    made = Path(tempfile.mkdtemp(prefix="purge-", dir=place()))
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="module", autouse=True)
def _cleared() -> Iterator[None]:
    yield
    shutil.rmtree(template())
    template.cache_clear()


def purged(copy: Path, first_id: int = 1_000_000) -> World:
    """The gateway years later, after one purge."""
    world = World(copy, clock=Clock(LATER), first_id=first_id, examiner=examine)
    purge(replace(world.ctx, written=lambda _modified: MONDAY))
    return world


def dying(copy: Path, killer: Killer, tell: Tell) -> None:
    """A purge that ends early."""
    install(killer)
    purged(copy).close()
    for name in killer.steps:
        tell(name)


@cache
def steps() -> tuple[str, ...]:
    """The names of all steps of a purge on which nothing happens."""
    copy = Path(shutil.copytree(template(), template().with_name("counting")))
    ended = telling(partial(dying, copy, Killer()))
    shutil.rmtree(copy)
    return tuple(ended.told.decode().splitlines())


def wrongs(world: World) -> list[str]:
    """Everything about a purged gateway that is not as it must be."""
    found = [f"canary in {path}" for path, body in tree(world.folder).items() if CANARY in body]
    found += [f"report left: {path}" for path in tree(world.spool.outbox)]
    found += [f"difference: {each.what} {each.subject}" for each in differences(world.ctx)]
    found += [f"begun, not proven: {each.what} {each.subject}" for each in retention.begun(world.engine)]
    proven = retention.deletions(world.engine, MONDAY, LATER + timedelta(days=1))
    counts = Counter((each.erasure.what, each.erasure.subject, each.erasure.name) for each in proven)
    found += [f"proven {n} times: {key}" for key, n in counts.items() if n > 1 and key[0] != "rows"]
    kinds = {what for what, _, _ in counts}
    if kinds != {"payload", "report", "working", "refused", "log", "rows"}:
        found.append(f"proven: {sorted(kinds)}")
    told = Counter(line.event for line in log.everything(world.engine) if line.drop_id and "erased" in line.event)
    if told != {"payload_erased": 1, "trial_erased": 1}:
        found.append(f"told: {told}")
    return found


def after_death(folder: Path, number: int, when: str) -> list[str]:
    """What is wrong after a purge died at a step and another followed."""
    copy = folder / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(template(), copy)
    ended = telling(partial(dying, copy, Killer(at=number, when=when, by_signal=number % 2 == 0)))
    if ended.status not in (0, KILLED, -9):
        return [f"ended by itself with {ended.status}"]
    world = purged(copy, first_id=2_000_000)
    found = wrongs(world)
    world.close()
    return found


def test_a_purge_that_nobody_disturbs_leaves_nothing(folder: Path) -> None:
    assert after_death(folder, 1_000_000, "before") == []
    assert len(steps()) > 60
    assert Counter(steps())["commit"] > 8


def test_killed_anywhere_the_next_purge_ends_it(folder: Path) -> None:
    commits = [(number, when) for number, name in enumerate(steps(), 1) if name == "commit" for when in WHENS]
    others = [(number, WHENS[number % 3]) for number, name in enumerate(steps(), 1) if name != "commit"][::4]
    bad = {
        f"{when} step {number} ({steps()[number - 1]})": after_death(folder, number, when)
        for number, when in commits + others
    }
    assert {point: wrong for point, wrong in bad.items() if wrong} == {}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_killed_at_every_step(folder: Path) -> None:
    tried = [(number, when) for number in range(1, len(steps()) + 1) for when in WHENS]
    bad = {f"{when} step {number}": after_death(folder, number, when) for number, when in tried}
    assert {point: wrong for point, wrong in bad.items() if wrong} == {}
