"""`python -m tests.faults.doomed MODULE:FUNCTION STEP WHEN NTH gateway serve ...`: one that dies at a named point.

Does: wraps one function of the gateway before anybody imports it, and sends this process SIGKILL at that call of it:
before it, after it, or around a step inside it (tests.crash.killer counts steps).
Touches: this process alone.
Does not: change anything else; until then it is `gateway serve` itself.
"""

import sys
import threading
from collections.abc import Callable
from functools import wraps
from importlib import import_module
from typing import Any

from tests.crash.killer import NEVER, Killer, install


class Watchful(Killer):
    """Dies at the n-th step of one sort, counted on one thread while it is inside the function."""

    sort = ""
    number = NEVER
    inside = threading.local()

    def step(self, name: str, run: Callable[[], Any], half: Callable[[], object] | None = None) -> Any:
        """One operation of this process."""
        due = False
        if name == self.sort and getattr(self.inside, "counting", False):
            self.inside.count += 1
            due = self.inside.count == self.number
        if not due:
            return run()
        self.at = len(self.steps) + 1
        return super().step(name, run, half)


def doom(place: str, step: str, when: str, nth: int) -> None:
    """Wrap the function."""
    module_name, _, path = place.partition(":")
    # No further than this room: whoever is above it imports the wrapped one.
    owner: Any = import_module(module_name)
    *outer, name = path.split(".")
    for each in outer:
        owner = getattr(owner, each)
    plain = owner.__dict__[name]
    killer = Watchful(when=when, by_signal=True)
    if step not in ("before", "after"):
        killer.sort, _, number = step.partition(" ")
        killer.number = int(number)
        install(killer)
    function = plain.__func__ if isinstance(plain, staticmethod) else plain
    calls = 0

    @wraps(function)
    def wrapped(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        mine = calls >= nth
        if mine and step == "before":
            killer.die()
        if mine:
            killer.inside.counting, killer.inside.count = True, 0
        try:
            answer = function(*arguments, **named)
        finally:
            killer.inside.counting = False
        if mine and step == "after":
            killer.die()
        return answer

    setattr(owner, name, staticmethod(wrapped) if isinstance(plain, staticmethod) else wrapped)


if __name__ == "__main__":
    point, step, when, nth, *command = sys.argv[1:]
    doom(point, step, when, int(nth))
    from gateway.cli import main

    sys.argv = command
    main()
