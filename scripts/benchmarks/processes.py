"""What a process and all its descendants cost.

Does: processor seconds (children that are gone included, once their parent has fetched them) and memory, from /proc.
Touches: /proc.
Does not: start or stop anything.
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
# At rest: no process came or went in so long, and at most a tick was used.
REST_SECONDS = 0.3
SETTLE_SECONDS = 10.0


def tree(pid: int) -> Iterator[int]:
    """The process and all that descend from it."""
    yield pid
    for task in _listed(Path(f"/proc/{pid}/task")):
        try:
            children = (task / "children").read_text().split()
        except OSError:
            continue
        for child in children:
            yield from tree(int(child))


def _listed(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def processor(pid: int) -> float:
    """Seconds of processor time, user and system, of the tree up to now."""
    total = 0
    for each in tree(pid):
        try:
            text = Path(f"/proc/{each}/stat").read_text()
        except OSError:
            continue
        # utime, stime, cutime, cstime are the fields 14 to 17; the name before them may hold anything.
        total += sum(int(field) for field in text.rpartition(")")[2].split()[11:15])
    return total / TICKS


def settled(pid: int) -> float:
    """`processor` once the tree is at rest: children of ended sessions fetched, work left for later done."""
    until = time.monotonic() + SETTLE_SECONDS
    last = (processor(pid), sorted(tree(pid)))
    while time.monotonic() < until:
        time.sleep(REST_SECONDS)
        now = (processor(pid), sorted(tree(pid)))
        if now[1] == last[1] and now[0] - last[0] <= 1 / TICKS:
            return now[0]
        last = now
    return last[0]


def memory(pid: int) -> int:
    """Bytes of memory of the tree; pages that processes share are counted once (proportional set size)."""
    total = 0
    for each in tree(pid):
        try:
            lines = Path(f"/proc/{each}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    return total
