"""Writers of one ledger stand in line.

Does: has a writer that waits stand beside one that never rests, and asks who came first; holds the line for too long.
Touches: ledgers in temporary directories; processes of its own.
Does not: test what a transaction guards (test_sqlite).
"""

import fcntl
import multiprocessing
import os
import threading
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from gateway.errors import Temporary
from gateway.store.sqlite import SQLite
from gateway.store.turns import Turn

TURNS = 200


def never_rest(path: Path, begun: Event, ended: Event) -> None:
    """Write without a pause until told to end."""
    engine = SQLite(path)
    while not ended.is_set():
        engine.run("insert into lines (who) values ('busy')")
        begun.set()
    engine.close()


def test_who_never_rests_lets_others_write(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    engine = SQLite(path)
    engine.run("create table lines (id integer primary key, who text) strict")
    spawn = multiprocessing.get_context("spawn")
    begun, ended = spawn.Event(), spawn.Event()
    other = spawn.Process(target=never_rest, args=(path, begun, ended))
    other.start()
    assert begun.wait(60)
    for _ in range(TURNS):
        with engine.transaction():
            engine.run("insert into lines (who) values ('patient')")
    ended.set()
    other.join(60)
    ours = engine.rows("select min(id) as first, max(id) as last from lines where who = 'patient'")[0]
    between = engine.rows("select count(*) as n from lines where who = 'busy' and id between :first and :last", **ours)[
        0
    ]["n"]
    engine.close()
    # One each would be fairest. Without turns the busy one has some ten for each of the other's.
    assert between < 3 * TURNS


def test_every_writer_has_its_own_place_also_within_a_process(tmp_path: Path) -> None:
    first, second = Turn(tmp_path, 0.05), Turn(tmp_path, 60)
    with first:
        waiting = threading.Thread(target=second.__enter__)
        waiting.start()
        waiting.join(0.05)
        assert waiting.is_alive()
    waiting.join(60)
    assert not waiting.is_alive()
    with pytest.raises(Temporary, match="locked"), first:
        pass
    second.close()
    with first:
        pass
    first.close()


def test_a_turn_ends_when_its_transaction_begins(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    engine = SQLite(path)
    engine.run("create table lines (who text) strict")
    descriptor = os.open(tmp_path, os.O_RDONLY)
    with engine.transaction():
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Whoever has the turn now does not hold up a transaction under way.
        engine.run("insert into lines (who) values ('inside')")
    os.close(descriptor)
    assert engine.rows("select who from lines") == [{"who": "inside"}]
    engine.close()


def test_where_there_is_no_folder_there_is_no_turn(tmp_path: Path) -> None:
    with pytest.raises(Temporary):
        Turn(tmp_path / "nowhere", 1.0)
