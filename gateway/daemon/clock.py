"""Legal time: real, or a sandbox that runs on from a moment.

Does: gives the clock that is handed down to everybody, and holds a ledger to the one it began with.
Touches: the machine's clocks; the setting `sandbox` of the ledger.
Does not: move real time. Technical time is `time.monotonic` throughout.
"""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gateway.errors import Conflict
from gateway.store.ledger import facts, log
from gateway.store.sqlite import SQLite


@dataclass(frozen=True, slots=True)
class Options:
    """How to serve. `simulate`: where the sandbox clock begins (aware), `speed`: legal seconds per real second.
    `identity` takes the place of sealing.identity_file. `process`: which of those that take uploads this one is."""

    directory: Path
    listen: str | None = None
    role: str = "all"
    simulate: datetime | None = None
    speed: float = 1.0
    identity: Path | None = None
    process: int = 1


class Clock:
    """Legal time: real, or a sandbox that runs on from a moment. Technical time is `time.monotonic` throughout."""

    def __init__(self, start: datetime | None = None, speed: float = 1.0) -> None:
        self._start = start
        self._speed = speed
        self._begun = time.monotonic()
        self._begun_wall = time.time()

    def __call__(self) -> datetime:
        """Now, aware UTC."""
        if self._start is None:
            return datetime.now(UTC)
        return self._start + timedelta(seconds=(time.monotonic() - self._begun) * self._speed)

    def move(self, moment: datetime) -> None:
        """Set a clock that stands still (speed 0) to a later moment."""
        self._start = max(moment, self())

    def written(self, seconds: float) -> datetime:
        """The legal time at which a file was written that the disk says is of `seconds` since 1970."""
        if self._start is None:
            return datetime.fromtimestamp(seconds, UTC)
        return self._start + timedelta(seconds=(seconds - self._begun_wall) * self._speed)


def sandbox_clock(engine: SQLite, options: Options) -> Clock:
    """The clock to live by. A ledger that began in a sandbox stays one, and the other way round: Conflict."""
    mark = "1" if options.simulate else "0"
    before = facts.setting(engine, "sandbox")
    if before is None:
        facts.set_setting(engine, "sandbox", mark)
    elif before != mark:
        kind = "a sandbox" if before == "1" else "real"
        raise Conflict(f"this ledger is {kind}; serve it {'with' if before == '1' else 'without'} --simulate")
    if options.simulate is None:
        return Clock()
    latest = log.latest_moment(engine)
    start = max(options.simulate, latest) if latest else options.simulate
    return Clock(start.astimezone(UTC), options.speed)
