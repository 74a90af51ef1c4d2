"""Faults of the worker: killed, hung, out of memory; once, and every time until a file is held.

Does: sends signals and limits to the real worker processes of a running gateway, while clients upload.
Touches: a rig, the processes below its gateway.
Does not: judge (oracle).
"""

import os
import resource
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tests.faults.ledgers import ask
from tests.faults.load import File, Told, send
from tests.faults.rig import PATIENCE, Outcome, Rig

# Less than a worker has mapped already: the next allocation fails.
LITTLE = 64 << 20


def workers_of(rig: Rig) -> list[int]:
    """The worker processes of the gateway."""
    found = []
    for place in Path("/proc").iterdir():
        if place.name.isdigit():
            with suppress(OSError):
                parent = int((place / "stat").read_text().rpartition(")")[2].split()[1])
                if parent == rig.house.process.pid and b"gateway.examine" in (place / "cmdline").read_bytes():
                    found.append(int(place.name))
    return found


def crash(pid: int) -> None:
    """It is gone."""
    os.kill(pid, signal.SIGKILL)


def hang(pid: int) -> None:
    """It does nothing any more."""
    os.kill(pid, signal.SIGSTOP)


def starve(pid: int) -> None:
    """It gets no more memory."""
    resource.prlimit(pid, resource.RLIMIT_AS, (LITTLE, LITTLE))


HARMS: dict[str, Callable[[int], None]] = {"killed": crash, "hung": hang, "out of memory": starve}


def harmed(root: Path, how: str, times: int) -> Outcome:
    """The worker is harmed now and then, at whatever it does; no file is held for it."""
    with Rig(root, {"workers": {"count": 1, "seconds": 2}}) as rig:
        rig.start()
        for _ in range(times):
            load = rig.load(3)
            for pid in workers_of(rig):
                with suppress(ProcessLookupError):
                    HARMS[how](pid)
            load.join()
            begun = time.monotonic()
            rig.settle()
            rig.recoveries.append(time.monotonic() - begun)
        held = rig.house.ledger().rows("select id from drops where state = 'held'")
        rig.expect(not held, f"{len(held)} files were held")
        return rig.outcome(times)


def held(root: Path) -> Outcome:
    """Whatever looks at one file dies: after three times it is held, everybody is told, and released it is judged."""
    with Rig(root) as rig:
        rig.start()
        rig.settle()
        # One that waits for a job would have done it before anybody could kill it.
        for pid in workers_of(rig):
            hang(pid)
        file = File("0363", "WMO_0363_2017H2.csv", seed=3)
        with rig.house.paramiko("amsterdam") as client:
            rig.book.note(send(client, file))
        until = time.monotonic() + PATIENCE
        while not rig.house.events("examination_failed", attempt=3) and time.monotonic() < until:
            for pid in workers_of(rig):
                with suppress(ProcessLookupError):
                    crash(pid)
        rig.house.wait_report("0363", "OB_.*AANGEHOUDEN")
        [row] = rig.house.ledger().rows("select short_id from drops where state = 'held'")
        ask(rig, "release", str(row["short_id"]), "--reason", "the rig is done")
        rig.house.wait_report("0363", "TR_.*GOEDGEKEURD", timeout=PATIENCE)
        rig.load(2).join()
        rig.expect(rig.book.count(Told.OK) > 1, "no upload after it")
        return rig.outcome(1)
