"""Killed at every step of a day, the gateway loses nothing, doubles nothing and leaves nothing lying about.

Does: runs the day of scenario.py in a forked child that dies at its k-th operation, starts the gateway again and looks;
and once more with the recovery killed as well.
Touches: folders in memory where the machine has such a thing (fsync is called all the same).
Does not: doubt that what was fsynced is there; power.py knows what may be lost when the power goes.
"""

import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path

import pytest

from tests.crash.killer import Killer, install
from tests.crash.power import Disk
from tests.crash.scenario import Tell, everything, lay_out, live, recovered, wrongs
from tests.forked import Ended, telling

KILLED = 137
MEMORY = Path("/dev/shm")


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder for many short days."""
    folder = Path(tempfile.mkdtemp(prefix="crash-", dir=MEMORY if os.access(MEMORY, os.W_OK) else None))
    yield folder
    shutil.rmtree(folder)


def fresh(place: Path) -> Path:
    """The folder before the day."""
    folder = place / "day"
    shutil.rmtree(folder, ignore_errors=True)
    lay_out(folder)
    return folder


@cache
def day() -> tuple[str, ...]:
    """The names of all steps of a day on which nothing happens; examinations are remembered for all that fork."""
    with tempfile.TemporaryDirectory() as place:
        told: list[str] = []
        live(fresh(Path(place)), told.append)
        world = recovered(Path(place) / "day")
        found = wrongs(world, told)
        world.close()
        if found:
            raise AssertionError(found)
        ended = telling(partial(counted, fresh(Path(place))))
    return tuple(ended.told.decode().splitlines())


def counted(folder: Path, tell: Tell) -> None:
    """A day that tells nothing but its steps."""
    killer = Killer()
    install(killer)
    live(folder, lambda _line: None)
    for name in killer.steps:
        tell(name)


def killed(folder: Path, killer: Killer, tell: Tell) -> None:
    """A day that ends early."""
    install(killer)
    live(folder, tell)


def cut_off(folder: Path, number: int, some: int | None, tell: Tell) -> None:
    """A day that ends with the power."""
    disk = Disk(folder, some)
    disk.install()
    install(Killer(at=number, when="after", last=disk.lose))
    live(folder, tell)


def killed_again(folder: Path, killer: Killer, _tell: Tell) -> None:
    """A recovery that ends early."""
    install(killer)
    recovered(folder, first_id=500_000, hours=11).close()


def after_a_crash(place: Path, killer: Killer, again: Killer | None = None) -> list[str]:
    """What is wrong after a day that `killer` ended, and a recovery that `again` ended."""
    folder = fresh(place)
    ended = telling(partial(killed, folder, killer))
    if again is not None and telling(partial(killed_again, folder, again)).status not in (0, KILLED, -9):
        return ["the recovery ended by itself"]
    return wrong_in(folder, ended)


def after_a_power_cut(place: Path, number: int, some: int | None) -> list[str]:
    """What is wrong after a day on which the power went with step `number`."""
    folder = fresh(place)
    return wrong_in(folder, telling(partial(cut_off, folder, number, some)))


def wrong_in(folder: Path, ended: Ended) -> list[str]:
    """What is wrong once the gateway was started again, and once more."""
    if ended.status not in (0, KILLED, -9):
        return [f"the day ended by itself with {ended.status}"]
    world = recovered(folder)
    found = wrongs(world, ended.told.decode().splitlines())
    before = everything(world)
    world.close()
    if not found:
        world = recovered(folder, first_id=2_000_000, hours=13)
        found = [f"recovering twice changed {name}" for name, was in before.items() if everything(world)[name] != was]
        world.close()
    return found


def points(stride: int) -> list[tuple[int, str]]:
    """Where to die: every commit in two of three ways by turns, every `stride`-th step in one of them."""
    found = []
    for number, name in enumerate(day(), 1):
        if name == "commit":
            found += [(number, when) for n, when in enumerate(("before", "torn", "after")) if n != number % 3]
        elif number % stride == 0:
            found.append((number, ("before", "torn", "after")[number // stride % 3]))
    return found


def bad_points(place: Path, tried: list[tuple[int, str]]) -> dict[str, list[str]]:
    """What went wrong, by point."""
    found = {}
    for number, when in tried:
        wrong = after_a_crash(place, Killer(at=number, when=when, by_signal=number % 2 == 0))
        if wrong:
            found[f"{when} step {number} ({day()[number - 1]})"] = wrong
    return found


def test_the_day_is_long_enough_to_mean_something() -> None:
    counts = Counter(day())
    assert len(day()) > 500
    assert counts["commit"] > 30
    assert min(counts[name] for name in ("fsync", "rename", "write", "open", "mkdir", "unlink", "insert")) > 2


@pytest.mark.timeout(600)
def test_killed_at_any_step_nothing_is_lost_doubled_or_left(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tried = points(stride=13)
    bad = bad_points(place, tried)
    with capsys.disabled():
        print(f"\ncrash test: {len(tried)} points of {len(day())} steps tried, {len(bad)} bad")
    assert len(tried) > 150
    assert bad == {}


@pytest.mark.timeout(600)
def test_what_a_power_cut_may_lose_was_promised_to_nobody(place: Path) -> None:
    bad = {}
    tried = range(2, len(day()) + 1, 13)
    for number in tried:
        wrong = after_a_power_cut(place, number, number if number % 2 else None)
        if wrong:
            bad[f"step {number} ({day()[number - 1]})"] = wrong
    assert len(tried) > 80
    assert bad == {}


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_power_goes_at_every_step(place: Path) -> None:
    tried = [(number, some) for number in range(1, len(day()) + 1) for some in (None, number, -number)]
    bad = {point: wrong for point in tried if (wrong := after_a_power_cut(place, *point))}
    assert len(tried) > 1500
    assert bad == {}


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_killed_at_every_step(place: Path) -> None:
    tried = [(number, when) for number in range(1, len(day()) + 1) for when in ("before", "torn", "after")]
    assert len(tried) > 1500
    assert bad_points(place, tried) == {}


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_killed_at_every_step_and_again_while_recovering(place: Path) -> None:
    bad = {}
    tried = 0
    for number in range(1, len(day()) + 1, 3):
        for second in (number % 7 + 1, number % 61 + 5, number % 199 + 10):
            tried += 1
            wrong = after_a_crash(place, Killer(at=number, when="after"), Killer(at=second, by_signal=True))
            if wrong:
                bad[number, second] = wrong
    assert tried > 500
    assert bad == {}
