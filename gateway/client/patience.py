"""Patience: how long to wait before the next attempt, and when to stop.

Does: doubling waits with some luck in them, so that 380 municipalities do not come back in the same second.
Touches: the clock and the pause that it is given.
Does not: know what is attempted.
"""

from collections.abc import Callable
from dataclasses import dataclass

from gateway.client.outcome import Watcher

SHORTEST, LONGEST = 1.0, 60.0
# The documents ask scripts to poll no oftener than every ten seconds; a first answer usually takes two.
POLL_LONGEST = 10.0


def wait_before(attempt: int, longest: float, luck: float) -> float:
    """Seconds before an attempt (the first again is 0): doubling from one second to `longest`, times 0.5 to 1."""
    return float(min(longest, SHORTEST * 2 ** min(attempt, 16))) * (0.5 + 0.5 * luck)


@dataclass(frozen=True, slots=True)
class Clock:
    """Technical time: monotonic seconds, a pause, and luck from 0 to 1."""

    monotonic: Callable[[], float]
    pause: Callable[[float], None]
    luck: Callable[[], float]


@dataclass(slots=True)
class Patience:
    """Waits until a moment, doubling. `begun` counts the waits."""

    clock: Clock
    until: float
    longest: float = LONGEST
    begun: int = 0

    def next_wait(self) -> float | None:
        """Seconds that the next wait takes; None when time is up."""
        left = self.until - self.clock.monotonic()
        if left <= 0:
            return None
        wait = wait_before(self.begun, self.longest, self.clock.luck())
        self.begun += 1
        return min(wait, left)

    def wait(self) -> bool:
        """Wait; False, at once, when time is up."""
        seconds = self.next_wait()
        if seconds is None:
            return False
        self.clock.pause(seconds)
        return True

    def polling(self) -> "Patience":
        """The same moment, with the shorter waits of one who polls."""
        return Patience(self.clock, self.until, POLL_LONGEST)


def again(patience: Patience, watcher: Watcher, file: str, reason: str) -> bool:
    """Say why it did not work, and wait for the next attempt; False, at once, when time is up."""
    seconds = patience.next_wait()
    if seconds is None:
        return False
    watcher.tell("client.again", file=file, reason=reason, seconds=max(1, round(seconds)))
    patience.clock.pause(seconds)
    return True
