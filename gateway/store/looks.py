"""Looks: which folders need no listing, because nothing was put in or taken out since one that found nothing to do.

Does: remembers how a folder looked from outside when it was listed (one `lstat`, a tenth of what a listing costs), and
says whether it looks the same.
Touches: reads the folders' own times.
Does not: list, or trust a time that is fresh: what changes twice within one tick of the disk's clock keeps its time, so
a folder is trusted only once its times stood still for a while. Nor does it trust for ever: a disk that keeps no
times of folders costs latency, never a file.
"""

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass

# The coarsest times that a disk keeps are two seconds (FAT); most keep milliseconds.
SETTLED = 3.0
AGAIN = 60.0


@dataclass(slots=True)
class _Seen:
    """How a folder looked, since when (monotonic), and when a listing of it last found nothing to do."""

    look: tuple[int, ...]
    since: float
    done: float | None = None


class Looks:
    """Used by one thread at a time. `monotonic` is technical time in seconds; one that stands still means: list.
    `again`: seconds after which a folder is listed whatever its times say."""

    def __init__(self, monotonic: Callable[[], float], again: float = AGAIN) -> None:
        self._monotonic = monotonic
        self._again = again
        self._seen: dict[str, _Seen] = {}

    def same(self, folder: str) -> bool:
        """Whether a listing would find what the last one did: nothing to do. When not, list now, and tell `done`."""
        now = self._monotonic()
        try:
            status = os.lstat(folder)
        except OSError:
            # Whoever lists it hears why.
            self._seen.pop(folder, None)
            return False
        look = (status.st_dev, status.st_ino, status.st_mode, status.st_mtime_ns, status.st_ctime_ns)
        seen = self._seen.get(folder)
        if seen is None or seen.look != look:
            self._seen[folder] = _Seen(look, now)
            return False
        if not stat.S_ISDIR(status.st_mode):
            return False
        return seen.done is not None and now - seen.done < self._again

    def done(self, folder: str) -> None:
        """The listing that `same` asked for found nothing to do, or all of it was done."""
        now = self._monotonic()
        seen = self._seen.get(folder)
        if seen is not None and now - seen.since >= SETTLED:
            seen.done = now
