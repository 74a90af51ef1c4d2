"""Heart: the signs of life of this process, written where `gateway health` and the other role look.

Does: writes `heart-<role>.json` (`heart-sftp-2.json` of a second process) into the state folder every other second,
says in it when the process ended in order, and reads those of all; keeps the pulse of the event loop, and by it the
watchdog of systemd.
Touches: those files; the event loop.
Does not: use real time: their age is by the machine's monotonic clock, which all processes of one boot share.
"""

import asyncio
import json
import os
import re
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from gateway.daemon.systemd import notify
from gateway.workflow.health import Heart
from gateway.workflow.vitals import Part, Vitals

ROLES = ("all", "sftp", "worker")
SECONDS = 2.0
# How long the event loop may be busy with one thing.
LOOP_PATIENCE = 10.0
BOOT = Path("/proc/sys/kernel/random/boot_id")
FOREVER = 1e9
OF_MORE = re.compile(r"heart-sftp-([1-9][0-9]{0,2})\.json")


def _path(state: Path, role: str, process: int) -> Path:
    return state / (f"heart-{role}.json" if process == 1 else f"heart-{role}-{process}.json")


def _boot() -> str:
    try:
        return BOOT.read_text(encoding="ascii").strip()
    except OSError:
        return ""  # systemd hides it from services (ProcSubset=pid); then a clock that began anew shows a reboot


def write(
    state: Path, role: str, vitals: Vitals, now: Callable[[], datetime], *, process: int = 1, ended: bool = False
) -> None:
    """Write the signs of life of a process. Nothing depends on them after a power cut, so nothing is synced."""
    document = {
        "role": role,
        "pid": os.getpid(),
        "boot": _boot(),
        "at": time.monotonic(),
        "legal": now().isoformat(),
        "ended": ended,
        "parts": [[part.name, part.late, part.failing] for part in vitals.parts()],
    }
    path = _path(state, role, process)
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(document), encoding="utf-8")
    fresh.chmod(0o600)
    fresh.replace(path)


def read(state: Path) -> tuple[Heart, ...]:
    """The signs of life of every process that ever served on this state folder."""
    more = (OF_MORE.fullmatch(path.name) for path in state.glob("heart-sftp-*.json"))
    known = [*((role, 1) for role in ROLES), *sorted(("sftp", int(found[1])) for found in more if found)]
    return tuple(heart for role, n in known if (heart := _read(_path(state, role, n), role, n)) is not None)


def _read(path: Path, role: str, process: int) -> Heart | None:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        age = time.monotonic() - float(document["at"])
        same = age >= 0 and _boot() in ("", document["boot"] or _boot())
        return Heart(
            role,
            age if same else FOREVER,
            bool(document["ended"]),
            datetime.fromisoformat(document["legal"]),
            tuple(
                Part(str(name), float(late), None if failing is None else float(failing))
                for name, late, failing in document["parts"]
            ),
            process,
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        return Heart(role, FOREVER, process=process)  # unreadable is as good as silent


async def beat(vitals: Vitals, watched: tuple[str, ...], watchdog: float | None) -> None:
    """Keep the pulse of the event loop; ping the watchdog (`watchdog`: its interval in seconds) while neither the loop
    nor one of the `watched` parts is late."""
    seconds = 1.0 if watchdog is None else min(1.0, watchdog / 4)
    while True:
        vitals.beat("loop", LOOP_PATIENCE)
        before = time.monotonic()
        await asyncio.sleep(seconds)
        vitals.observe("loop_lag_seconds", max(0.0, time.monotonic() - before - seconds))
        if watchdog is not None and not vitals.late(*watched):
            notify("WATCHDOG=1")
