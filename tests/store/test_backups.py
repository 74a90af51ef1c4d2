"""A backup is whole or it is none, and what is put back is what was copied.

Does: copies while others write, damage of every sort, folders of backups.
Touches: the temporary directory of a test.
Does not: decide anything about mails or reports (tests/workflow/test_restored).
"""

import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.errors import Corrupt, GatewayError
from gateway.store import backups
from gateway.store.engine import Engine
from gateway.store.ledger import facts, log
from gateway.store.sqlite import SQLite

NOW = datetime(2018, 2, 14, 3, tzinfo=UTC)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[SQLite]:
    """A ledger with a hundred lines."""
    engine = SQLite(tmp_path / "ledger.db")
    engine.migrate()
    write(engine, 100)
    yield engine
    engine.close()


def write(engine: Engine, lines: int) -> None:
    with engine.transaction():
        for number in range(lines):
            log.append(engine, log.Line(NOW, "login", "0363", f"user{number}", detail={"filler": "x" * 200}))


def make(engine: Engine, file: Path) -> backups.Backup:
    return backups.make(engine, file, NOW, sandbox=True, open_copy=SQLite)


def bring(file: Path, place: Path) -> SQLite:
    """A backup brought to a place and opened there."""
    backups.bring(file, backups.look(file), place, SQLite)
    return SQLite(place)


def test_a_backup_holds_every_row_and_says_so(ledger: SQLite, tmp_path: Path) -> None:
    made = make(ledger, tmp_path / "copy.db")
    assert (made.moment, made.sandbox, made.rows["log"]) == (NOW, True, 100)
    assert backups.look(tmp_path / "copy.db") == made
    copy = bring(tmp_path / "copy.db", tmp_path / "back.db")
    assert copy.counts() == ledger.counts()
    assert log.everything(copy) == log.everything(ledger)
    copy.close()


def test_any_administrator_can_check_it_without_us(ledger: SQLite, tmp_path: Path) -> None:
    make(ledger, tmp_path / "copy.db")
    checked = subprocess.run(["sha256sum", "-c", "copy.db.sha256"], cwd=tmp_path, capture_output=True, check=False)
    assert checked.returncode == 0
    assert sorted(path.name for path in tmp_path.glob("copy*")) == ["copy.db", "copy.db.json", "copy.db.sha256"]
    assert (tmp_path / "copy.db").stat().st_mode & 0o777 == 0o600


def test_a_backup_while_others_write_is_of_one_moment(ledger: SQLite, tmp_path: Path) -> None:
    """Each transaction adds a line and counts it in a setting: a copy that was torn would tell two numbers."""
    ended = threading.Event()

    def work() -> None:
        number = 100
        while not ended.is_set():
            number += 1
            with ledger.transaction():
                log.append(ledger, log.Line(NOW, "login"))
                facts.set_setting(ledger, "lines", str(number))

    writer = threading.Thread(target=work)
    writer.start()
    told = []
    try:
        for number in range(5):
            made = make(ledger, tmp_path / f"copy{number}.db")
            copy = bring(tmp_path / f"copy{number}.db", tmp_path / f"back{number}.db")
            told.append((made.rows["log"], int(facts.setting(copy, "lines") or 100)))
            copy.close()
    finally:
        ended.set()
        writer.join()
    assert [lines for lines, _ in told] == [count for _, count in told]
    assert told[-1][0] > told[0][0]


def test_a_backup_never_replaces_a_file(ledger: SQLite, tmp_path: Path) -> None:
    (tmp_path / "copy.db").write_bytes(b"precious")
    with pytest.raises(GatewayError, match="never replaces"):
        make(ledger, tmp_path / "copy.db")
    assert (tmp_path / "copy.db").read_bytes() == b"precious"


def test_a_damaged_ledger_gives_no_backup(ledger: SQLite, tmp_path: Path) -> None:
    write(ledger, 2_000)
    ledger.scrub()
    with (tmp_path / "ledger.db").open("r+b") as file:
        file.seek(400 * 1024)
        file.write(b"\xff" * 8192)
    fresh = SQLite(tmp_path / "ledger.db")
    with pytest.raises(Corrupt):
        make(fresh, tmp_path / "copy.db")
    fresh.close()
    assert list(tmp_path.glob("*copy*")) == []


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-4096])


def flip(file: Path) -> None:
    body = bytearray(file.read_bytes())
    body[len(body) // 2] ^= 1
    file.write_bytes(body)


def lose_facts(file: Path) -> None:
    file.with_name(f"{file.name}.json").unlink()


def spoil_facts(file: Path) -> None:
    file.with_name(f"{file.name}.json").write_bytes(b"{}")


def claim_more(file: Path) -> None:
    path = file.with_name(f"{file.name}.json")
    said = json.loads(path.read_bytes())
    said["rows"]["log"] += 1
    path.write_text(json.dumps(said))


@pytest.mark.parametrize("harm", [cut, flip, lose_facts, spoil_facts, claim_more], ids=lambda each: each.__name__)
def test_what_is_not_whole_is_not_put_back(ledger: SQLite, tmp_path: Path, harm: Callable[[Path], None]) -> None:
    make(ledger, tmp_path / "copy.db")
    harm(tmp_path / "copy.db")
    with pytest.raises(GatewayError):
        bring(tmp_path / "copy.db", tmp_path / "back.db")


def test_the_ledger_that_was_there_is_set_aside_with_what_was_not_written_back_yet(tmp_path: Path) -> None:
    old, fresh = SQLite(tmp_path / "ledger.db"), SQLite(tmp_path / "place.db")
    for engine, lines in ((old, 3), (fresh, 5)):
        engine.migrate()
        write(engine, lines)
    fresh.close()
    backups.put(tmp_path / "place.db", tmp_path / "ledger.db", tmp_path / "aside.db")
    now, aside = SQLite(tmp_path / "ledger.db"), SQLite(tmp_path / "aside.db")
    assert (now.counts()["log"], aside.counts()["log"]) == (5, 3)
    for engine in (old, now, aside):
        engine.close()


def test_a_folder_gets_names_with_the_time_and_loses_the_old_ones(ledger: SQLite, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    (folder / "ledger-notes.db").write_bytes(b"somebody else's")
    for day in range(4):
        at = NOW + timedelta(days=day)
        backups.make(ledger, backups.target(folder, at), at, sandbox=False, open_copy=SQLite)
    gone = backups.prune(folder, NOW + timedelta(days=1, hours=1))
    assert [path.name for path in gone] == ["ledger-20180214T030000Z.db", "ledger-20180215T030000Z.db"]
    assert [path.name for path in backups.prune(folder, NOW + timedelta(days=900))] == ["ledger-20180216T030000Z.db"]
    left = sorted(path.name for path in folder.glob("*.db"))
    assert left == ["ledger-20180217T030000Z.db", "ledger-notes.db"]


def test_a_file_is_a_target_as_it_is(tmp_path: Path) -> None:
    assert backups.target(tmp_path / "mine.db", NOW) == tmp_path / "mine.db"
    assert backups.target(tmp_path, NOW) == tmp_path / "ledger-20180214T030000Z.db"
