"""No step of a drop's way looks through the years in the ledger: what it seeks, an index finds.

Does: takes a drop from its arrival to its collection, notes every statement, and has the ledger explain each.
Touches: the temporary directory of a test.
Does not: time anything (scripts/bench server growth does).
"""

import re

import pytest

from gateway.channel.mail import FolderPost
from gateway.store.durable import write_durably
from gateway.store.ledger import drops, reports
from gateway.store.sqlite import SQLite
from gateway.workflow import collect
from gateway.workflow.assess import assess_all
from gateway.workflow.folders import status
from gateway.workflow.notify import send_due
from gateway.workflow.publish import publish
from gateway.workflow.recover import mirror
from tests.samples import wmo_csv
from tests.world import World

# Tables that grow with each drop, under the names that statements give them.
GROWING = ("drops", "payloads", "deliveries", "reports", "report_files", "deadlines", "notifications", "log", "seals")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, frozenset[str]]:
    """Every statement that is put to a ledger, with the names of its parameters."""
    seen: dict[str, frozenset[str]] = {}
    for name in ("rows", "run"):
        real = getattr(SQLite, name)

        def noting(self: SQLite, sql: str, /, *, real: object = real, **params: object) -> object:
            seen[sql] = frozenset(params)
            assert callable(real)
            return real(self, sql, **params)

        monkeypatch.setattr(SQLite, name, noting)
    return seen


def looked_through(engine: SQLite, sql: str, parameters: frozenset[str]) -> list[str]:
    """The growing tables that a statement looks through from end to end. An index of a few rows only (`where ...`) is
    as good as none to read."""
    small = {
        row["name"] for row in engine.rows("select name from sqlite_master where sql like 'create index % where %'")
    }
    plan = engine.rows(" ".join(("explain query plan", sql)), **dict.fromkeys(parameters))
    names = {name: name for name in GROWING}
    names |= {alias: table for table, alias in re.findall(rf"\b({'|'.join(GROWING)}) as (\w+)", sql)}
    scans = (re.match(r"SCAN (\w+)(?: USING (?:COVERING )?INDEX (\w+))?", str(row["detail"])) for row in plan)
    return [names[scan[1]] for scan in scans if scan and scan[1] in names and scan[2] not in small]


def test_no_statement_on_the_way_of_a_drop_looks_through_a_table_that_grows(
    world: World, asked: dict[str, frozenset[str]]
) -> None:
    asked.clear()
    for seed in (1, 2):
        drop = world.drop("WMO_0363_2017H2.csv", wmo_csv(3, seed=seed))
        assert len(drops.undecided(world.engine, "0363")) == 1
        world.work()
        assess_all(world.ctx, world.tell)
        publish(world.ctx)
        send_due(world.ctx, FolderPost(world.folder, write_durably, sender="gateway@desk.example"), world.tell)
        assert len(reports.entries(world.engine, "0363", confirmed=False)) > 3
        for report in world.reports_of(drop):
            collect.observed(world.ctx, world.account("amsterdam"), report.id)
            collect.confirm(world.ctx, world.account("amsterdam"), report.id)
        status(world.ctx, "0363")
        mirror(world.ctx)
    asked_of = {sql: names for sql, names in asked.items() if re.match(r"\s*(select|with|update|insert|delete)", sql)}
    assert len(asked_of) > 40
    slow = {sql: tables for sql, names in asked_of.items() if (tables := looked_through(world.engine, sql, names))}
    assert slow == {}


def test_a_look_through_everything_is_seen(world: World) -> None:
    sql = "select p.name from drops as p where p.state = 'decided' and p.name = :name"
    assert looked_through(world.engine, sql, frozenset({"name"})) == ["drops"]
    assert looked_through(world.engine, "select id from drops where id = :id", frozenset({"id"})) == []
