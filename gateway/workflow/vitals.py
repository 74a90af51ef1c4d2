"""Vitals: what a part of the daemon tells of itself, so that silence is noticed.

Does: takes signs of life ("I speak again within so many seconds"), durations and counts; says who is late and who
fails.
Touches: memory.
Does not: judge (health), serve figures (edge.metrics), or ask the time: its clock is handed to it.

A part that waits promises to be back after its own interval, one that works within its patience. So a step that hangs
is told from a quiet night.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock

# What may come on top of an interval on a busy machine.
SLACK = 15.0


@dataclass(frozen=True, slots=True)
class Part:
    """How a part does. `late`: seconds since it should have spoken, below zero while it need not yet; `failing`:
    seconds since its steps fail, None while they succeed."""

    name: str
    late: float
    failing: float | None = None


@dataclass(slots=True)
class _Promise:
    until: float
    failing_since: float | None = None


def _standing_still() -> float:
    return 0.0


def _unheard(_name: str, _value: float) -> None:
    """Nobody keeps figures."""


class Vitals:
    """One for a process, shared by its threads. `monotonic` is technical time; `observe(name, value)` takes a
    figure."""

    def __init__(
        self, monotonic: Callable[[], float] = _standing_still, observe: Callable[[str, float], None] = _unheard
    ) -> None:
        self._monotonic = monotonic
        self._promises: dict[str, _Promise] = {}
        self._lock = Lock()
        self.observe = observe

    def beat(self, name: str, within: float, well: bool | None = None) -> None:
        """`name` lives, and says so again within `within` seconds. `well`: how its last turn ended."""
        with self._lock:
            now = self._monotonic()
            promise = self._promises.setdefault(name, _Promise(now))
            promise.until = now + within
            if well is not None:
                promise.failing_since = None if well else promise.failing_since or now

    def forget(self, name: str) -> None:
        """`name` ended in order."""
        with self._lock:
            self._promises.pop(name, None)

    def parts(self) -> list[Part]:
        """How everybody does, by name."""
        with self._lock:
            now = self._monotonic()
            return [
                Part(name, now - each.until, None if each.failing_since is None else now - each.failing_since)
                for name, each in sorted(self._promises.items())
            ]

    def late(self, *names: str) -> bool:
        """Whether one of these should have spoken by now. Who never spoke is not late."""
        return any(part.late > 0 for part in self.parts() if part.name in names)

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Takes how long the block lasted, in seconds."""
        begun = self._monotonic()
        try:
            yield
        finally:
            self.observe(name, self._monotonic() - begun)
