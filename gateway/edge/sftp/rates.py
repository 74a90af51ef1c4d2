"""Rates: how often somebody may do something, and how often it is said.

Does: keeps a bucket of tokens per key: `owed` tells how long to wait for the next turn, `spare` whether there is one
now. `Voice` writes log lines so that a flood of one kind from one side stays a few lines and a number.
Touches: tables in memory of at most so many keys.
Does not: wait, or know what is counted.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

# Of one kind and one side so many lines at once, and then one in so many seconds; of one kind from all sides so many
# at once, and then so many a second.
LINES_AT_ONCE = 20
LINE_SECONDS = 5.0
ALL_AT_ONCE = 150
ALL_PER_SECOND = 5.0


@dataclass(slots=True)
class Rates:
    """Token buckets: `burst` at once, then `per_second`. `now` is technical time. The key that was not used for longest
    is forgotten first, which gives it a full bucket: `most` has room for all who count."""

    per_second: float
    burst: float
    most: int = 4096
    _levels: dict[str, tuple[float, float]] = field(default_factory=dict)

    def _level(self, key: str, now: float) -> float:
        level, since = self._levels.pop(key, (self.burst, now))
        return min(self.burst, level + (now - since) * self.per_second)

    def _keep(self, key: str, level: float, now: float) -> None:
        self._levels[key] = (level, now)
        while len(self._levels) > self.most:
            del self._levels[next(iter(self._levels))]

    def owed(self, key: str, now: float) -> float:
        """Take a turn; seconds until it comes, 0 when it is now. Turns stand in a line: each waits for those before."""
        level = self._level(key, now) - 1
        self._keep(key, level, now)
        return max(0.0, -level / self.per_second)

    def spare(self, key: str, now: float) -> bool:
        """Whether there is a turn now; taken when there is."""
        level = self._level(key, now)
        there = level >= 1
        self._keep(key, level - there, now)
        return there


@dataclass(slots=True)
class Voice:
    """Log lines, few of each kind from each side. What was not said is counted, and the number told with the next line
    of its kind, or by `rest`. For any thread."""

    tell: Callable[..., None]
    monotonic: Callable[[], float]
    _rates: Rates = field(default_factory=lambda: Rates(1 / LINE_SECONDS, LINES_AT_ONCE))
    _all: Rates = field(default_factory=lambda: Rates(ALL_PER_SECOND, ALL_AT_ONCE))
    _unsaid: dict[tuple[str, str], int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def say(self, event: str, side: str, **facts: object) -> None:
        """A line, when this event from this side may have one now. `side`: an address, a network or a login."""
        key = (event, side)
        with self._lock:
            moment = self.monotonic()
            now = self._rates.spare(f"{event} {side}", moment) and self._all.spare(event, moment)
            if not now and (key in self._unsaid or len(self._unsaid) < self._rates.most):
                self._unsaid[key] = self._unsaid.get(key, 0) + 1
            unsaid = self._unsaid.pop(key, 0) if now else 0
        if now:
            self.tell(event, **facts, **({"unsaid": unsaid} if unsaid else {}))

    def rest(self) -> None:
        """Tell the numbers that are open, a line for each kind."""
        numbers: dict[str, int] = {}
        with self._lock:
            for (event, _), unsaid in self._unsaid.items():
                numbers[event] = numbers.get(event, 0) + unsaid
            self._unsaid.clear()
        for event, unsaid in numbers.items():
            self.tell("unsaid", of=event, number=unsaid)
