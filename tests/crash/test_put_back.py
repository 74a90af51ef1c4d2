"""Killed at every step of a restore, there is the old ledger, or none, or the new one; never a fresh or a torn one.

Does: puts a backup back in a forked child that dies at its k-th operation; looks; puts it back once more.
Touches: folders in memory where the machine has such a thing.
Does not: use the command line (tests/story/test_restore).
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing
from functools import cache, partial
from pathlib import Path

import pytest

from gateway.errors import Corrupt
from gateway.store import backups
from gateway.store.ledger import log
from gateway.store.sqlite import SQLite
from gateway.workflow import restored
from tests.crash.killer import Killer, install
from tests.crash.scenario import Tell
from tests.forked import telling
from tests.world import MONDAY

KILLED = 137
MEMORY = Path("/dev/shm")
OLD, COPIED = 7, 3


@pytest.fixture
def folder() -> Iterator[Path]:
    """A ledger with seven lines, and a backup of when it had three."""
    made = Path(tempfile.mkdtemp(prefix="restore-", dir=MEMORY if os.access(MEMORY, os.W_OK) else None))
    lay_out(made / "template")
    yield made
    shutil.rmtree(made)


def lay_out(folder: Path) -> None:
    folder.mkdir()
    engine = SQLite(folder / "ledger.db")
    engine.migrate()
    for number in range(OLD):
        if number == COPIED:
            backups.make(engine, folder / "copy.db", MONDAY, sandbox=True, open_copy=SQLite)
        log.append(engine, log.Line(MONDAY, "login"))
    engine.close()


def put_back(folder: Path, number: int) -> None:
    """What `gateway restore --replace` does, without its questions."""
    ledger = folder / "ledger.db"
    place = folder / f".place{number}.new"
    found = backups.look(folder / "copy.db")
    backups.bring(folder / "copy.db", found, place, SQLite)
    with closing(SQLite(place)) as engine:
        restored.close_gate(engine, MONDAY, found.moment)
        engine.scrub()
    backups.put(place, ledger, folder / f"aside{number}.db" if ledger.exists() else None)


def dying(folder: Path, killer: Killer, tell: Tell) -> None:
    """A restore that ends early."""
    install(killer)
    put_back(folder, 1)
    for name in killer.steps:
        tell(name)


@cache
def steps() -> tuple[str, ...]:
    """The names of all steps of a restore."""
    with tempfile.TemporaryDirectory() as place:
        lay_out(Path(place) / "day")
        return tuple(telling(partial(dying, Path(place) / "day", Killer())).told.decode().splitlines())


def lines(file: Path) -> int | None:
    """How many lines the log of a ledger has, None when there is no ledger; Corrupt when it is torn."""
    if not file.exists():
        return None
    with closing(SQLite(file)) as engine:
        problems = engine.check()
        if problems:
            raise Corrupt(problems[0])
        return engine.counts()["log"]


def wrongs(folder: Path, number: int, when: str) -> list[str]:
    """What is wrong after a restore died, and after another one."""
    copy = folder / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(folder / "template", copy)
    ended = telling(partial(dying, copy, Killer(at=number, when=when, by_signal=number % 2 == 0)))
    found = [] if ended.status in (0, KILLED, -9) else [f"ended by itself with {ended.status}"]
    here, aside = lines(copy / "ledger.db"), lines(copy / "aside1.db")
    if (here, aside) not in ((OLD, None), (None, OLD), (COPIED + 1, OLD)):
        found.append(f"after the death: ledger {here}, aside {aside}")
    put_back(copy, 2)
    if lines(copy / "ledger.db") != COPIED + 1:
        found.append(f"after the second: {lines(copy / 'ledger.db')}")
    if OLD not in (lines(copy / "aside1.db"), lines(copy / "aside2.db")):
        found.append("the old ledger is gone")
    return found


def test_killed_at_every_step_of_a_restore(folder: Path) -> None:
    assert len(steps()) > 20
    tried = [(number, when) for number in range(1, len(steps()) + 1) for when in ("before", "torn", "after")]
    bad = {f"{when} step {number} ({steps()[number - 1]})": wrongs(folder, number, when) for number, when in tried}
    assert {point: wrong for point, wrong in bad.items() if wrong} == {}
