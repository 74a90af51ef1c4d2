"""What is SQLite's own: settings that durability rests on, errors in our words, and why the class is not the plain one.

Does: looks at pragmas and tables, locks and damages the file, counts what a deferred transaction loses.
Touches: a ledger file in a temporary directory.
Does not: repeat the conformance suite (test_engine).
"""

import threading
from pathlib import Path

import pytest
from pysqlite3 import dbapi2 as sqlite3
from sqlite_utils import Database, utils

from gateway.errors import Conflict, Corrupt, Temporary
from gateway.store.ledger import facts
from gateway.store.sqlite import OLDEST_SAFE, PAGE_BYTES, Connection, SQLite

WRITERS, ROUNDS = 4, 200


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


def pragma(engine: SQLite, name: str) -> object:
    return next(iter(engine.rows(f"pragma {name}")[0].values()))


def test_the_driver_is_one_that_does_not_lose_commits() -> None:
    assert sqlite3.sqlite_version_info >= OLDEST_SAFE
    assert vars(utils)["sqlite3"].connect is sqlite3.connect


def test_an_older_one_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.store.sqlite.OLDEST_SAFE", (99, 0, 0))
    with pytest.raises(Corrupt, match="can lose data"):
        SQLite(path)


def test_durability_is_in_force_on_every_thread(path: Path) -> None:
    engine = SQLite(path)
    engine.migrate()
    found: list[dict[str, object]] = []

    def look() -> None:
        names = ("journal_mode", "synchronous", "foreign_keys", "secure_delete", "busy_timeout")
        found.append({name: pragma(engine, name) for name in names})

    look()
    other = threading.Thread(target=look)
    other.start()
    other.join()
    engine.close()
    wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "secure_delete": 1, "busy_timeout": 10_000}
    assert found == [wanted, wanted]


def test_every_table_is_strict(path: Path) -> None:
    engine = SQLite(path)
    engine.migrate()
    listed = [row for row in engine.rows("pragma table_list") if row["type"] == "table"]
    tables = [row for row in listed if not str(row["name"]).startswith("sqlite_")]
    loose = [row["name"] for row in tables if not row["strict"]]
    with pytest.raises(Conflict):
        engine.run("insert into log (at, event, detail) values ('yesterday', 'received', '{}')")
    engine.close()
    assert len(tables) > 8
    assert loose == []


def count_up(database: Database, failures: list[str]) -> None:
    """Read a number and write the next one, as a repeat or a version is decided."""
    for _ in range(ROUNDS):
        try:
            with database.atomic():
                number = int(database.execute("select value from settings").fetchone()[0])
                database.execute("update settings set value = ?", [str(number + 1)])
        except sqlite3.OperationalError as error:
            failures.append(str(error))


def raced(path: Path, kind: type[Database]) -> tuple[int, int]:
    """What the number is after four threads counted, and how many updates failed."""
    engine = SQLite(path)
    engine.migrate()
    facts.set_setting(engine, "count", "0")
    failures: list[str] = []
    databases = [
        kind(sqlite3.connect(str(path), isolation_level=None, check_same_thread=False, timeout=10.0))
        for _ in range(WRITERS)
    ]
    threads = [threading.Thread(target=count_up, args=(database, failures)) for database in databases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for database in databases:
        database.close()
    total = int(facts.setting(engine, "count") or "")
    engine.close()
    return total, len(failures)


def test_the_plain_class_loses_updates_and_ours_does_not(path: Path, tmp_path: Path) -> None:
    total, failed = raced(tmp_path / "plain.db", Database)
    assert failed > 0
    assert total == WRITERS * ROUNDS - failed
    assert raced(path, Connection) == (WRITERS * ROUNDS, 0)


def test_a_locked_ledger_is_temporary(path: Path) -> None:
    holder, other = SQLite(path), SQLite(path, busy_seconds=0.05)
    holder.migrate()
    with holder.transaction():
        facts.set_setting(holder, "one", "1")
        with pytest.raises(Temporary, match="locked"), other.transaction():
            pass
        with pytest.raises(Temporary, match="locked"):
            facts.set_setting(other, "two", "2")
        assert facts.setting(other, "one") is None
    facts.set_setting(other, "two", "2")
    assert facts.setting(holder, "two") == "2"
    holder.close()
    other.close()


def test_a_full_disk_is_temporary_and_leaves_what_was_there(path: Path) -> None:
    engine = SQLite(path)
    engine.migrate()
    facts.set_setting(engine, "one", "1")
    pages = pragma(engine, "page_count")
    engine.rows(f"pragma max_page_count = {pages}")
    with pytest.raises(Temporary, match="full"), engine.transaction():
        facts.set_setting(engine, "two", "2" * 1_000_000)
    assert facts.setting(engine, "two") is None
    engine.rows("pragma max_page_count = 1000000")
    with engine.transaction():
        facts.set_setting(engine, "two", "2" * 1_000_000)
    assert facts.setting(engine, "one") == "1"
    engine.close()


def test_a_file_that_is_no_ledger_is_corrupt(path: Path) -> None:
    path.write_bytes(b"This is no database at all.\n" * 1000)
    with pytest.raises(Corrupt, match="not a database"):
        SQLite(path).migrate()


def test_a_damaged_ledger_is_corrupt_or_says_so(path: Path) -> None:
    engine = SQLite(path)
    engine.migrate()
    for number in range(2000):
        facts.set_setting(engine, f"name {number}", "x" * 200)
    engine.rows("pragma wal_checkpoint(truncate)")
    engine.close()
    body = bytearray(path.read_bytes())
    # Every other page of the latter half: pages of the table and of its index are mixed there.
    for page in range(len(body) // 2 // PAGE_BYTES * PAGE_BYTES, len(body), 2 * PAGE_BYTES):
        body[page : page + PAGE_BYTES] = b"\xff" * PAGE_BYTES
    path.write_bytes(body)
    damaged = SQLite(path)
    assert damaged.check() != []
    with pytest.raises(Corrupt, match="malformed"):
        damaged.rows("select sum(length(value)) from settings where name > ''")
    damaged.close()


def test_a_folder_that_is_gone_is_temporary(tmp_path: Path) -> None:
    with pytest.raises(Temporary, match="unable to open"):
        SQLite(tmp_path / "nowhere" / "ledger.db").migrate()


def test_a_thread_has_a_connection_of_its_own_and_close_closes_all(path: Path) -> None:
    engine = SQLite(path)
    engine.migrate()
    with engine.transaction():
        facts.set_setting(engine, "one", "1")
        seen: list[str | None] = []
        other = threading.Thread(target=lambda: seen.append(facts.setting(engine, "one")))
        other.start()
        other.join()
        assert seen == [None]
    engine.close()
    left = [entry.name for entry in path.parent.iterdir()]
    assert left == ["ledger.db"]
