"""Faults that end the process: kill -9 at named points and at random moments, and SIGTERM while uploads run.

Does: kills, starts again, lets the clients try again what got no answer, asks the oracle in between and at the end.
Touches: a rig.
Does not: know what is right (oracle).
"""

import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import paramiko

from tests.faults import oracle
from tests.faults.load import Attempt, Book, File, Told, send
from tests.faults.points import POINTS, Point
from tests.faults.rig import PATIENCE, Outcome, Rig
from tests.house import Gateway

ROOT = Path(__file__).resolve().parents[2]
DRAIN = 30.0
# After so many deaths everything is compared, not only what was received.
SPAN = 25


def lay_in_watch_folder(rig: Rig, number: int) -> None:
    """A file that a local program moves into the watch folder."""
    file = File("0363", f"watch_{number:05d}.csv")
    hidden = rig.house.inbox / "0363" / f".{file.name}"
    hidden.write_bytes(file.body)
    hidden.rename(hidden.with_name(file.name))
    rig.put.append(file)


# --- named points -----------------------------------------------------------------------------------------------------


def doomed(rig: Rig, point: Point) -> Gateway:
    """A gateway that will die there."""
    nth = str(point.nth)
    module = (sys.executable, "-m", "tests.faults.doomed", point.place, point.step, point.when, nth)
    return rig.gateway("env", f"PYTHONPATH={ROOT}", *module)


def die_at(rig: Rig, point: Point, number: int) -> None:
    """One life that ends at the point, with clients at work, and the next one that mends it."""
    rig.house = doomed(rig, point)
    rig.doubtful += 1
    try:
        rig.house.start()
    except AssertionError:
        # Before it was ready; the exit code says if that was the point.
        pass
    else:
        lay_in_watch_folder(rig, number)
        rig.load(60).join()
    try:
        code = rig.house.wait_end(PATIENCE)
    except subprocess.TimeoutExpired:
        rig.house.kill()
        code = 0
    rig.expect(code == -signal.SIGKILL, f"{point.name}: not reached, or ended with {code} instead")
    rig.house = rig.gateway()
    rig.start()
    rig.again()


def named_points(root: Path, points: Sequence[Point] = POINTS) -> Outcome:
    """kill -9 at each point, one after the other on one gateway."""
    with Rig(root) as rig:
        for number, point in enumerate(points):
            die_at(rig, point, number)
            rig.wrong += [f"{point.name}: {line}" for line in so_far(rig)]
            # A half written COMMIT is a power cut, which nobody survives who has the ledger's shared memory open.
            rig.house.ledger().close()
            rig.house.stop()
        rig.house = rig.gateway()
        rig.start()
        return rig.outcome(len(points))


def so_far(rig: Rig) -> list[str]:
    """What is wrong with what was received until now, while the gateway runs and no client does."""
    rig.house.wait_until(
        lambda: not any(rig.house.inbox.glob("*/.landed/*")) and not any(rig.house.inbox.glob("*/.claimed/*")),
        "the rescan", PATIENCE,
    )  # fmt: skip
    rig.house.wait_until(lambda: not any(rig.house.inbox.glob("*/watch_*")), "the watch folder", PATIENCE)
    return list(oracle.received(rig.house.ledger(), rig.book.attempts, rig.put))


# --- at random --------------------------------------------------------------------------------------------------------


def random_moments(root: Path, times: int, seed: int = 20180212) -> Outcome:
    """kill -9 at moments drawn from a seed, while three clients upload and files come through the watch folder; all is
    sealed at rest."""
    draw = random.Random(seed)
    with Rig(root, sealed=True) as rig:
        rig.start()
        for number in range(times):
            heard = rig.book.count(Told.OK)
            if number % 3 == 0:
                lay_in_watch_folder(rig, number)
            load = rig.load(4)
            rig.book.wait_ok(heard + 1)
            threading.Event().wait(draw.random() * 0.3)
            rig.house.kill()
            load.join()
            rig.doubtful += 1
            rig.start()
            rig.wrong += [f"after death {number}: {line}" for line in so_far(rig)]
            if number % SPAN == SPAN - 1:
                rig.settle(600)
            if rig.wrong:
                break
        return rig.outcome(times, "sealed at rest")


# --- SIGTERM ----------------------------------------------------------------------------------------------------------


def uploading(house: Gateway, book: Book, file: File, hold: Callable[[], object]) -> threading.Thread:
    """An upload on a connection of its own, held when half of it is written."""

    def run() -> None:
        try:
            with house.paramiko("amsterdam") as client:
                book.note(send(client, file, hold))
        except (OSError, EOFError, paramiko.SSHException):
            book.note(Attempt(file, Told.NOTHING, asked=False))

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def drained(root: Path, times: int, *, stubborn: bool = False) -> Outcome:
    """SIGTERM while three uploads run: they end, nobody else gets in, exit 0 in time. `stubborn`: one never ends."""
    slowest = 0.0
    with Rig(root) as rig:
        for number in range(times):
            rig.start()
            slowest = max(slowest, drain_once(rig, number, stubborn=stubborn))
        rig.start()
        return rig.outcome(times, f"slowest end {slowest:.1f} s" + (", with an upload that never ended" * stubborn))


def drain_once(rig: Rig, number: int, *, stubborn: bool) -> float:
    """Seconds from SIGTERM to the end."""
    go, never = threading.Event(), threading.Event()
    half = threading.Semaphore(0)

    def hold(until: threading.Event) -> Callable[[], object]:
        def held() -> None:
            half.release()
            until.wait(PATIENCE)

        return held

    files = [File("0363", f"drain_{number}_{each}.csv", "working" if each == 2 else "plain") for each in range(3)]
    threads = [uploading(rig.house, rig.book, file, hold(go)) for file in files]
    if stubborn:
        threads.append(uploading(rig.house, rig.book, File("0363", f"stubborn_{number}.csv", "half"), hold(never)))
    for _ in threads:
        rig.expect(half.acquire(timeout=PATIENCE), "an upload did not begin")
    begun = time.monotonic()
    rig.house.process.send_signal(signal.SIGTERM)
    rig.house.wait_event("stopping")
    go.set()
    code = rig.house.wait_end(PATIENCE)
    took = time.monotonic() - begun
    never.set()
    for thread in threads:
        thread.join()
    told = {attempt.file.name: attempt.told for attempt in rig.book.attempts}
    rig.expect(code == 0, f"ended with {code}")
    rig.expect(took < DRAIN, f"ended after {took:.0f} s")
    rig.expect(all(told[file.name] is Told.OK for file in files), "a running upload was not let end")
    return took
