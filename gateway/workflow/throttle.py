"""Throttle: a trouble that lasts is told once, and then rarely.

Does: says whether a line about a trouble may be told now.
Touches: memory, bounded.
Does not: ask the time (its clock is handed to it) or tell.
"""

from collections.abc import Callable, Hashable

HOUR = 3600.0
# Beyond this the trouble that was told longest ago is forgotten, and told again.
MOST = 10_000


class Throttle:
    """One for a place that looks again and again. `monotonic` is technical time in seconds."""

    def __init__(self, monotonic: Callable[[], float], seconds: float = HOUR) -> None:
        self._monotonic = monotonic
        self._seconds = seconds
        self._told: dict[Hashable, float] = {}

    def passes(self, trouble: Hashable) -> bool:
        """Whether to tell of it: the first time, and then once in so many seconds."""
        now = self._monotonic()
        last = self._told.get(trouble)
        if last is not None and now - last < self._seconds:
            return False
        self._told.pop(trouble, None)
        self._told[trouble] = now
        if len(self._told) > MOST:
            del self._told[next(iter(self._told))]
        return True

    def over(self, trouble: Hashable) -> bool:
        """It is over: when it comes again it is told at once. Whether it was told."""
        return self._told.pop(trouble, None) is not None
