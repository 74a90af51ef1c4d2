"""Heart: the signs of life of this process, written where `gateway health` and the other role look.

Does: writes `heart-<role>.json` into the state folder every other second, says in it when the process ended in order,
and reads those of all roles; keeps the pulse of the event loop, and by it the watchdog of systemd.
Touches: those files; the event loop.
Does not: use real time: their age is by the machine's monotonic clock, which all processes of one boot share.
"""

import asyncio
import json
import os
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


def _path(state: Path, role: str) -> Path:
    return state / f"heart-{role}.json"


def _boot() -> str:
    try:
        return BOOT.read_text(encoding="ascii").strip()
    except OSError:
        return ""  # systemd hides it from services (ProcSubset=pid); then a clock that began anew shows a reboot


def write(state: Path, role: str, vitals: Vitals, now: Callable[[], datetime], *, ended: bool = False) -> None:
    """Write the signs of life of a role. Nothing depends on them after a power cut, so nothing is synced."""
    document = {
        "role": role,
        "pid": os.getpid(),
        "boot": _boot(),
        "at": time.monotonic(),
        "legal": now().isoformat(),
        "ended": ended,
        "parts": [[part.name, part.late, part.failing] for part in vitals.parts()],
    }
    path = _path(state, role)
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(document), encoding="utf-8")
    fresh.chmod(0o600)
    fresh.replace(path)


def read(state: Path) -> tuple[Heart, ...]:
    """The signs of life of every role that ever served on this state folder."""
    return tuple(heart for role in ROLES if (heart := _read(_path(state, role), role)) is not None)


def _read(path: Path, role: str) -> Heart | None:
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
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        return Heart(role, FOREVER)  # unreadable is as good as silent


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
