"""Child processes by fork, for tests about several processes and about processes that die.

Does: runs functions in children that start together, or one that writes what it did into a pipe; gives back how each
ended.
Touches: processes that it starts itself.
Does not: import anything in the child: a fork takes milliseconds, a fresh interpreter a second.
"""

import os
import traceback
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ended:
    """A child that is gone: its exit status (minus the signal that killed it) and what it wrote."""

    status: int
    told: bytes


def together(*works: Callable[[], object]) -> list[int]:
    """Run each function in a child of its own, all let go at the same moment; their exit statuses, 0 when all is
    well."""
    gate_out, gate_in = os.pipe()
    children = []
    for work in works:
        child = os.fork()
        if child == 0:
            os.close(gate_in)
            os.read(gate_out, 1)
            _end(work)
        children.append(child)
    os.close(gate_out)
    os.close(gate_in)
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]


def telling(work: Callable[[Callable[[str], None]], object]) -> Ended:
    """Run `work(tell)` in a child; what it tells reaches the parent line by line, also when the child dies."""
    told_out, told_in = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(told_out)
        write = os.write

        def tell(line: str) -> None:
            write(told_in, f"{line}\n".encode())

        _end(lambda: work(tell))
    os.close(told_in)
    with os.fdopen(told_out, "rb") as pipe:
        told = pipe.read()
    return Ended(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), told)


def _end(work: Callable[[], object]) -> None:
    """The child never returns into the test runner."""
    leave = os._exit
    status = 1
    try:
        work()
        status = 0
    finally:
        if status:
            traceback.print_exc()
        leave(status)
