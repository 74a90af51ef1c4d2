"""Faults of the world around: events that are lost, clocks that jump, the two days of summer time, a broken
configuration.

Does: lets the kernel throw events away, moves the clock under a running gateway, lives through both nights, breaks a
YAML file; clients upload meanwhile.
Touches: a rig.
Does not: judge (oracle), but for due dates, which it counts itself.
"""

import signal
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from gateway.domain.model import from_ms
from tests.faults.kills import ROOT, lay_in_watch_folder
from tests.faults.load import Told
from tests.faults.rig import PATIENCE, Outcome, Rig

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
QUEUE = Path("/proc/sys/fs/inotify/max_queued_events")
JUMPS = (timedelta(hours=1), -timedelta(hours=1), -timedelta(days=2), timedelta(days=2, hours=1), timedelta(days=3))
# A night each, and the due date of what is dropped in it: three working days after that Sunday.
NIGHTS = {"2018-03-25": date(2018, 3, 28), "2018-10-28": date(2018, 10, 31)}


# --- events -----------------------------------------------------------------------------------------------------------


def lost_events(root: Path, files: int) -> Outcome:
    """More events than the kernel keeps, while the gateway does not read; then files, whose events are lost."""
    with Rig(root) as rig:
        rig.start()
        most = int(QUEUE.read_text())
        rig.house.process.send_signal(signal.SIGSTOP)
        folder = rig.house.inbox / "0363"
        flood = [folder / f".flood{number}" for number in range(2)]
        # Each makes two events: made, and closed after writing.
        for number in range(most // 2 + 100):
            flood[number % 2].write_bytes(b"")
            flood[number % 2].unlink()
        for number in range(files):
            lay_in_watch_folder(rig, number)
        rig.house.process.send_signal(signal.SIGCONT)
        rig.house.wait_until(lambda: not any(rig.house.inbox.glob("*/watch_*")), "the rescan", PATIENCE)
        rig.load(3).join()
        return rig.outcome(1, f"{files} files behind {most:,} events, which is all that the kernel keeps")


# --- clocks -----------------------------------------------------------------------------------------------------------


def jumps(root: Path, times: int) -> Outcome:
    """The machine's clock jumps forward and back by hours and days under a gateway in real time."""
    offset = root.with_name("offset")
    start = datetime(2018, 2, 19, 9, tzinfo=UTC) - datetime.now(UTC)

    def set_clock(away: timedelta) -> None:
        fresh = offset.with_name("offset.new")
        fresh.write_text(str((start + away).total_seconds()))
        fresh.replace(offset)

    set_clock(timedelta())
    with Rig(root, simulate=None) as rig:
        # The doctor has the machine's right clock, by which this round is long over.
        rig.expected.append("past their term")
        rig.house = rig.gateway(
            "env", f"PYTHONPATH={ROOT}", sys.executable, "-m", "tests.faults.jumpy", str(offset)
        )  # fmt: skip
        rig.start()
        away = timedelta()
        load = rig.load()
        for jump in JUMPS[-times:]:
            heard = rig.book.count(Told.OK)
            rig.book.wait_ok(heard + 3)
            away += jump
            set_clock(away)
            rig.book.wait_ok(heard + 8)
        load.stop()
        return rig.outcome(times, "by " + ", ".join(f"{jump / timedelta(hours=1):+.0f} h" for jump in JUMPS[-times:]))


def _long_round(content: Any) -> None:
    """The delivery window reaches beyond both nights."""
    content["delivery"] = {"opens": date(2018, 2, 12), "closes": date(2018, 11, 30)}
    content["withdrawal"] = None
    content["target"] = None


def night(root: Path, day: str) -> Outcome:
    """The night in which the clocks change, from half past one until after four, with uploads all the time."""
    with Rig(root, simulate=f"{day}T01:30", speed=1200.0) as rig:
        rig.house.edit("rounds/2017H2.yaml", _long_round)
        rig.start()
        until = datetime.fromisoformat(f"{day}T04:15").replace(tzinfo=AMSTERDAM)

        def newest() -> datetime:
            return max(drop.received_at for drop in rig.house.drops())

        while newest() < until:
            rig.load(4).join()
        rows = rig.house.ledger().rows("select due_at from deadlines where kind = 'technical'")
        last = datetime.combine(NIGHTS[day] + timedelta(days=1), datetime.min.time(), AMSTERDAM)
        wrong = [
            row["due_at"] for row in rows if not timedelta(0) <= last - from_ms(row["due_at"]) < timedelta(seconds=2)
        ]
        rig.expect(rows and not wrong, f"{len(wrong)} of {len(rows)} due dates are not the end of {NIGHTS[day]}")
        hours = len({drop.received_at.hour for drop in rig.house.drops()})
        return rig.outcome(1, f"{len(rows)} drops in {hours} hours of UTC, all due at the end of {NIGHTS[day]}")


# --- configuration ----------------------------------------------------------------------------------------------------


def broken_configuration(root: Path, times: int) -> Outcome:
    """A file of the configuration is broken and mended again, while clients upload."""
    with Rig(root) as rig:
        rig.start()
        path = rig.house.config / "participants.yaml"
        good = path.read_text(encoding="utf-8")
        load = rig.load()
        for number in range(1, times + 1):
            for text, event in (
                (good.replace("login:", "login: [", 1), "rejected"),
                (good + f"# {number}\n", "loaded"),
            ):
                fresh = path.with_name(".participants.new")
                fresh.write_text(text, encoding="utf-8")
                fresh.replace(path)
                rig.house.wait_event(f"configuration_{event}", count=number, timeout=PATIENCE)
                rig.book.wait_ok(rig.book.count(Told.OK) + 3)
        load.stop()
        rig.expect(set(rig.book.counts()) <= {Told.OK, Told.NOTHING}, "an upload was refused")
        halves = sum(each.code == "(not closed)" for each in rig.book.attempts)
        rig.expect(rig.book.count(Told.NOTHING) == halves, "a line was cut")
        return rig.outcome(times)
