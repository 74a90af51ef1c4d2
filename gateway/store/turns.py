"""Turns: writers of one ledger, threads and processes alike, stand in line.

Does: lets one at a time ask for the write lock; who just wrote and asks again finds the next one before it.
Touches: an advisory lock (flock) on the folder of the ledger, held while somebody asks, not while it writes.
Does not: guard anything: SQLite's own lock does. Not a lock on the ledger's file: closing that would drop SQLite's.

Without it the wait of a writer beside busy ones was up to three seconds, at 13 commits to their 100.
"""

import fcntl
import os
import time
from contextlib import suppress
from pathlib import Path

from gateway.errors import Temporary

# Who waits looks so often; a commit takes a few milliseconds.
LOOK_SECONDS = 0.001


class Turn:
    """The place of one connection; used by one thread at a time. Temporary after `seconds`."""

    def __init__(self, folder: Path, seconds: float) -> None:
        try:
            self._descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise Temporary(f"{error.strerror}: {folder}") from error
        self._seconds = seconds

    def __enter__(self) -> None:
        """Wait for it."""
        until = 0.0
        while not self._is_ours():
            now = time.monotonic()
            until = until or now + self._seconds
            if now >= until:
                raise Temporary("the ledger is locked")
            time.sleep(LOOK_SECONDS)

    def _is_ours(self) -> bool:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            return True  # no such locks on this disk: no line, as SQLite has it
        return True

    def __exit__(self, *_: object) -> None:
        """Let the next one ask."""
        with suppress(OSError):
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def close(self) -> None:
        """Ask no more."""
        os.close(self._descriptor)
