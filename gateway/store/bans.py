"""Bans: which networks are kept out now, written where another process can read it.

Does: keeps a file for each process that takes uploads, while it keeps somebody out; reads those of all.
Touches: `bans-<pid>.json` in the state folder.
Does not: decide who is kept out (edge.sftp.penalties), or outlive the process that wrote it: a ban is in its memory, a
restart forgets it.

Times are of the machine's monotonic clock, which all processes of one boot share. What was not written anew for a while
is of a process that is gone.
"""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PATTERN = "bans-*.json"
# Whoever is kept out for longest comes first; nobody reads more lines than this.
MOST = 1_000
# It is written anew every ten seconds.
STALE = 30.0


@dataclass(frozen=True, slots=True)
class Ban:
    """A network that is kept out for so many seconds more."""

    network: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Bans:
    """Those that are kept out, longest first: `total` of them, of which the first `MOST` are named."""

    total: int = 0
    named: tuple[Ban, ...] = ()


def write(state: Path, shut: Mapping[str, float], now: float) -> None:
    """Say of this process who is kept out, for how many seconds; no file says nobody. Nothing depends on it after a
    power cut, so nothing is synced; a disk that says no must not stop the door."""
    path = state / f"bans-{os.getpid()}.json"
    with suppress(OSError):
        if not shut:
            path.unlink(missing_ok=True)
            return
        longest = sorted(shut.items(), key=lambda each: -each[1])[:MOST]
        document = {"at": now, "total": len(shut), "named": [[network, now + left] for network, left in longest]}
        fresh = path.with_suffix(".new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(document, file)
        fresh.replace(path)


def read(state: Path, now: float, besides: int | None = None) -> Bans:
    """Who is kept out, by the files that are not stale; `besides` that of the process with this number."""
    total, named = 0, []
    for path in sorted(state.glob(PATTERN)):
        if path.name == f"bans-{besides}.json":
            continue
        with suppress(OSError, ValueError, KeyError, TypeError):
            document = json.loads(path.read_text(encoding="utf-8"))
            if not 0 <= now - float(document["at"]) <= STALE:
                continue
            left = [Ban(str(network), float(until) - now) for network, until in document["named"]]
            open_again = sum(each.seconds <= 0 for each in left)
            named += [each for each in left if each.seconds > 0]
            total += max(0, int(document["total"]) - open_again)
    return Bans(total, tuple(sorted(named, key=lambda each: -each.seconds)))


def sweep(state: Path, now: float) -> None:
    """Remove the files of processes that are gone."""
    for path in state.glob(PATTERN):
        with suppress(OSError, ValueError, KeyError, TypeError):
            if 0 <= now - float(json.loads(path.read_text(encoding="utf-8"))["at"]) <= STALE:
                continue
        path.unlink(missing_ok=True)
