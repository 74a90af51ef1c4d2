"""What the tests of retention share: a world whose files are old enough, and what is left in it.

Does: drops with a canary in each record, assessed deliveries, a search of every file for bytes.
Touches: the temporary directory of a test.
Does not: test.
"""

import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from gateway.domain.model import Drop, to_ms
from gateway.store.engine import Engine
from gateway.store.ledger import (
    assessor,
    deadlines,
    retention,
)
from gateway.store.ledger.retention import Deletion
from gateway.workflow.retain import plan
from tests.samples import WMO_HEADER, csv_bytes, wmo_rows
from tests.world import MONDAY, World, tree

WMO = "WMO_0363_2017H2.csv"
CANARY = b"KANARIE-7f3a9c"
# The round closes for withdrawals on 23 March; 21 days later is 13 April, a day that is still kept whole.
LAST_KEPT = datetime(2018, 4, 13, 21, 59, tzinfo=UTC)
GONE = datetime(2018, 4, 13, 22, 1, tzinfo=UTC)
START = datetime(2000, 1, 1, tzinfo=UTC)
END = datetime(2100, 1, 1, tzinfo=UTC)


def canary_csv(rows: int = 60) -> bytes:
    """A sound file of which each record holds the canary."""
    records = wmo_rows(rows)
    for number, record in enumerate(records):
        record[3] = f"{CANARY.decode()}-{number}"
    return csv_bytes(WMO_HEADER, records)


def old_world(folder: Path) -> World:
    """A world in which every file was written when the story began."""
    made = World(folder).open("amsterdam", "bloemendaal")
    made.ctx = replace(made.ctx, written=lambda _modified: MONDAY)
    return made


def assessed(world: World) -> None:
    """Every report on every delivery was made, and the assessor has what counts."""
    for owed in deadlines.unmet(world.engine):
        if owed.kind == "quality":
            deadlines.meet(world.engine, "quality", owed.subject, to_ms(world.clock()))
    for row in world.engine.rows("select id from deliveries where state in ('approved', 'assessed')"):
        collected(world, row["id"])


def collected(world: World, delivery_id: str) -> None:
    """The assessor fetched a delivery."""
    assessor.note_collection(world.engine, "delivery", delivery_id, "cbs", to_ms(world.clock()))


def delivered(world: World, body: bytes | None = None, name: str = WMO) -> Drop:
    """A drop that was judged and assessed."""
    drop = world.drop(name, canary_csv() if body is None else body)
    world.work()
    assessed(world)
    return drop


def payload(world: World, drop: Drop) -> bytes | None:
    """What the ledger still has of a drop's bytes."""
    rows = world.engine.rows("select body from payloads where drop_id = :id", id=drop.id)
    return None if rows[0]["body"] is None else bytes(rows[0]["body"])


def holding(folder: Path, canary: bytes) -> list[str]:
    """Every file under a folder that holds these bytes anywhere: in free pages, logs, names of hidden files."""
    return [path for path, body in tree(folder).items() if canary in body]


def proofs(engine: Engine, what: str = "") -> list[Deletion]:
    """Every deletion."""
    return [each for each in retention.deletions(engine, START, END) if what in each.erasure.what]


def kept(world: World) -> list[tuple[str, str]]:
    """What stays although its term is over, and why."""
    return [(each.what, each.why) for each in plan(world.ctx).kept]


def working_file(world: World, body: bytes) -> Path:
    """A file that an account began to upload and never finished."""
    item = world.spool.working("amsterdam", "0363", "inbox") / "WMO.csv.part"
    descriptor = world.spool.open_working(item, truncate=True)
    os.write(descriptor, body)
    world.spool.close_working(item, descriptor, to_ms(world.clock()))
    os.close(descriptor)
    return item
