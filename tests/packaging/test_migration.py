"""Ledgers of former programs: copied before the upgrade, then taken over with every row.

Does: makes a ledger at each former step of the schema with a row in every table and migrates it; takes over two ledgers
that former programs really wrote, with a real daemon.
Touches: temporary folders, the loopback interface.
Does not: install anything (test_deb).

`ledgers/0001.db.gz` was written by the first program that could serve, `0005.db.gz` by the last one before the log was
sealed: each an approved Wmo file and a rejected SBW file of the demo's Amsterdam, in a sandbox on 12 February 2018.
"""

import gzip
import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlite_utils import Database

from gateway.errors import Conflict
from gateway.store import backups, sqlite
from gateway.store.engine import steps
from gateway.store.sqlite import WORDS, SQLite
from tests.house import COMMAND, Gateway, copy_demo

LEDGERS = Path(__file__).parent / "ledgers"
OLD = sorted(path.name.removesuffix(".db.gz") for path in LEDGERS.glob("*.db.gz"))
STEPS = steps(WORDS)
# What a CHECK lets through, by table and column, or by column.
ALLOWED: dict[str, Any] = {
    "lane": "inbox",
    "channel": "sftp",
    "drops.state": "decided",
    "deliveries.state": "approved",
    "deadlines.kind": "technical",
    "notifications.state": "pending",
    "assessor_collections.what": "delivery",
    "pushes.what": "delivery",
    "pushes.state": "pending",
    "packages.what": "delivery",
    "erasures.what": "payload",
    "deletions.what": "payload",
    "final": 0,
    "lapsed": 0,
    "withdrawn": 0,
    "held": 1,
}
Row = dict[str, Any]
Content = dict[str, list[Row]]
OF_TYPE: dict[str, Any] = {"INTEGER": 1518422400000, "BLOB": b"\x00bytes\xff"}


@pytest.fixture
def former(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[SQLite]:
    """A ledger as a program with so many steps made it, with a row in every table."""
    with monkeypatch.context() as patched:
        patched.setattr(sqlite, "steps", lambda words: steps(words)[: request.param])
        engine = SQLite(tmp_path / "ledger.db")
        engine.migrate()
        fill(tmp_path / "ledger.db")
    yield engine
    engine.close()


def fill(path: Path) -> None:
    """A row in every table that has none, parents first."""
    with opened(path) as database:
        for name in database.table_names():
            table = database.table(name)
            if table.count == 0:
                row = {column.name: value_of(name, column.name, column.type) for column in table.columns}
                for key in table.foreign_keys:
                    # A row that follows itself would be its own parent: those columns stay empty.
                    parent = None if key.other_table == name else next(database.table(key.other_table).rows)
                    row[str(key.column)] = None if parent is None else parent[str(key.other_column)]
                table.insert(row)


def value_of(table: str, column: str, type_: str) -> Any:
    given = ALLOWED.get(f"{table}.{column}", ALLOWED.get(column))
    return OF_TYPE.get(type_, f"{table}.{column}") if given is None else given


def content(path: Path) -> Content:
    """Every row of every table, in its order."""
    with opened(path) as database:
        return {
            name: list(database.table(name).rows) for name in database.table_names() if not name.startswith("sqlite_")
        }


@contextmanager
def opened(path: Path) -> Iterator[Database]:
    database = Database(str(path))
    try:
        yield database
    finally:
        database.close()


def kept(before: Content, after: Content) -> bool:
    """Whether every row is there with every value; columns and tables may have been added."""
    return all(
        len(rows) == len(after[table])
        and all(old.items() <= new.items() for old, new in zip(rows, after[table], strict=True))
        for table, rows in before.items()
        if table != "schema_steps"
    )


former_steps = pytest.mark.parametrize(
    "former", range(1, len(STEPS)), ids=[name for name, _ in STEPS[:-1]], indirect=True
)


@former_steps
def test_every_row_of_every_former_schema_is_kept(former: SQLite, tmp_path: Path) -> None:
    before = content(tmp_path / "ledger.db")
    assert all(before.values())
    former.migrate()
    after = content(tmp_path / "ledger.db")
    assert kept(before, after)
    assert [row["name"] for row in after["schema_steps"]] == [name for name, _ in STEPS]
    assert former.check() == []
    former.migrate()
    assert content(tmp_path / "ledger.db") == after


@former_steps
def test_what_was_copied_before_is_what_the_former_program_left(former: SQLite, tmp_path: Path) -> None:
    from tests.store.test_backups import NOW

    before = content(tmp_path / "ledger.db")
    backups.make(former, tmp_path / "copy.db", NOW, sandbox=False, open_copy=SQLite)
    former.migrate()
    copy = SQLite(tmp_path / "copy.db")
    assert content(tmp_path / "copy.db") == before
    copy.migrate()
    assert kept(before, content(tmp_path / "copy.db"))
    copy.close()


def test_a_step_that_fails_leaves_the_ledger_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = SQLite(tmp_path / "ledger.db")
    engine.migrate()
    fill(tmp_path / "ledger.db")
    before = content(tmp_path / "ledger.db")
    broken = ("9999_broken.sql", ["alter table drops add column colour text", "insert into nowhere values (1)"])
    with monkeypatch.context() as patched:
        patched.setattr(sqlite, "steps", lambda words: [*steps(words), broken])
        with pytest.raises(Exception, match="nowhere"):
            engine.migrate()
    assert content(tmp_path / "ledger.db") == before
    engine.migrate()
    assert content(tmp_path / "ledger.db") == before
    engine.close()


def test_a_program_refuses_the_ledger_of_a_newer_one(tmp_path: Path) -> None:
    engine = SQLite(tmp_path / "ledger.db")
    engine.migrate()
    engine.run("insert into schema_steps (name) values ('9999_future.sql')")
    before = content(tmp_path / "ledger.db")
    with pytest.raises(Conflict, match="9999_future"):
        engine.migrate()
    assert content(tmp_path / "ledger.db") == before
    engine.close()


# --- ledgers that former programs really wrote ------------------------------------------------------------------------


@pytest.fixture(params=OLD)
def taken_over(request: pytest.FixtureRequest, demo_template: Path, tmp_path: Path) -> Path:
    """A demo with the ledger of a former program."""
    root = copy_demo(demo_template, tmp_path / "gateway")
    (root / "var").mkdir(exist_ok=True)
    for path in (root / "var").iterdir():
        path.unlink() if path.is_file() else None
    (root / "var" / "ledger.db").write_bytes(gzip.decompress((LEDGERS / f"{request.param}.db.gz").read_bytes()))
    return root


def run(root: Path, *arguments: str) -> str:
    command = [str(COMMAND), arguments[0], *arguments[1:], "--config", str(root / "config")]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def test_a_backup_before_the_upgrade_does_not_change_the_ledger(taken_over: Path, tmp_path: Path) -> None:
    ledger = taken_over / "var" / "ledger.db"
    before = content(ledger)
    made = json.loads(run(taken_over, "backup", str(tmp_path / "copy.db"), "--json"))
    assert content(ledger) == before
    assert content(tmp_path / "copy.db") == before
    assert made["rows"]["drops"] == 2


def test_a_gateway_goes_on_with_the_ledger_of_a_former_one(taken_over: Path) -> None:
    before = content(taken_over / "var" / "ledger.db")
    with Gateway(taken_over) as gateway:
        ids = {row["short_id"]: row["name"] for row in before["drops"]}
        # Every report of then is placed again, byte for byte.
        for file in before["report_files"]:
            path = gateway.outbox / "0363" / file["name"]
            gateway.wait_until(path.exists, file["name"])
            assert path.read_bytes() == file["body"]
        # And life goes on: a correction counts on from what was delivered then.
        body = taken_over / "demo" / "files" / "SBW_0363_2017H2.csv"
        assert gateway.sftp("amsterdam", f"put {body} /0363/inbox/SBW_0363_2017H2.csv\n").returncode == 0
        gateway.wait_report("0363", "^TR_0363_2017H2_SBW_v002_.*_GOEDGEKEURD")
        for short, name in ids.items():
            assert name in run(taken_over, "show", short)
        assert gateway.events(level="error") == []
    after = content(taken_over / "var" / "ledger.db")
    for table in ("drops", "payloads", "deliveries", "report_files", "acceptances", "rules"):
        assert [row for row in before[table] if not any(kept_row(row, new) for new in after[table])] == [], table


def kept_row(old: Row, new: Row) -> bool:
    """Whether a row is the same one, but for what its further life changes."""
    passing = {"collected_at", "state"}
    return {name: value for name, value in old.items() if name not in passing}.items() <= new.items()
