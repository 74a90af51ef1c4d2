"""Watch: files that local programs put into inbox/<code>/ themselves.

Does: on any watchdog event, and every few seconds without one, lists the folders and claims each file that is whole.
A read lease (F_SETLEASE) shows that nobody has it open for writing; where leases do not exist, size and time must have
been quiet for a while. The intake loop does the rest.
Touches: inbox/<code>/ and inbox/<code>/proef/: regular files whose names do not start with a dot.
Does not: act on an event's path (watchdog loses events and never replays them) or follow links.

Weakness: a writer that closes and reopens a file to append is taken at its first close where leases exist; let it write
under a working name (NAME.part) or elsewhere and move the file in.
"""

import errno
import fcntl
import os
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from watchdog.events import (
    FileClosedEvent,
    FileCreatedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver

from gateway.config.sections import Watch
from gateway.domain.lifecycle import is_working_name
from gateway.domain.model import Lane, to_ms
from gateway.errors import SURPRISES, GatewayError
from gateway.workflow.context import Context
from gateway.workflow.loops import reason_of
from gateway.workflow.vitals import SLACK, Vitals

# How long one listing of all folders, with its claims, may take.
PATIENCE = 120.0
# Asked of the kernel itself: our own listings open these folders, and each open would else be an event.
EVENTS: list[type[FileSystemEvent]] = [FileCreatedEvent, FileMovedEvent, FileClosedEvent]
NO_LEASES = frozenset({errno.EACCES, errno.EPERM, errno.EINVAL, errno.ENOTSUP, errno.ENOSYS})


class _WakeUp(FileSystemEventHandler):
    """Any event is one wake-up."""

    def __init__(self, wake: threading.Event) -> None:
        self._wake = wake

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Wake the watcher; what happened does not matter."""
        self._wake.set()


class Watcher:
    """`claimed()` wakes intake. `monotonic` is technical time in seconds."""

    def __init__(
        self,
        ctx: Context,
        settings: Watch,
        *,
        monotonic: Callable[[], float],
        claimed: Callable[[], None],
        tell: Callable[..., None],
        vitals: Vitals | None = None,
    ) -> None:
        self._ctx = ctx
        self._settings = settings
        self._monotonic = monotonic
        self._claimed = claimed
        self._tell = tell
        self._vitals = vitals or Vitals()
        self._quiet: dict[Path, tuple[int, int, float]] = {}
        self._wake = threading.Event()
        self._stopping = False
        self._observer: BaseObserver | None = None
        self._thread = threading.Thread(target=self._loop, name="watch", daemon=True)

    def start(self) -> None:
        """Watch every municipality's folders; the first scan comes at once."""
        try:
            self._observe()
        except OSError as error:
            # The machine has no inotify to spare: the rescan finds everything, only later.
            self._tell("watch_without_events", reason=str(error), error=True)
        self._wake.set()
        self._thread.start()

    def stop(self) -> None:
        """End after the scan at hand."""
        self._stopping = True
        self._wake.set()
        self._thread.join()
        if self._observer is not None:
            self._observer.stop()
            self._observer.join()

    def _observe(self) -> None:
        handler = _WakeUp(self._wake)
        observer = Observer()
        # watchdog has a thread for each folder. One that nobody delivers in is left to the rescan, which refuses.
        for folder, code, _ in self._folders():
            if code in self._settings.accounts:
                observer.schedule(handler, str(folder), event_filter=EVENTS)
        observer.start()
        self._observer = observer

    def _loop(self) -> None:
        well: bool | None = None
        while True:
            self._vitals.beat("watch", self._settings.rescan_seconds + SLACK, well)
            self._wake.wait(min(self._settings.rescan_seconds, self._next_quiet()))
            self._wake.clear()
            if self._stopping:
                self._vitals.forget("watch")
                return
            self._vitals.beat("watch", PATIENCE)
            try:
                if self.scan():
                    self._claimed()
                well = True
            except (GatewayError, OSError, *SURPRISES) as error:  # nothing is claimed any more without this thread
                well = False
                self._tell("watch_failed", reason=reason_of(error), error=True)

    def _next_quiet(self) -> float:
        return self._settings.quiet_seconds if self._quiet else self._settings.rescan_seconds

    def _folders(self) -> Iterator[tuple[Path, str, Lane]]:
        for code in self._ctx.configuration().participants.municipalities:
            yield self._ctx.spool.inbox / code, code, Lane.DELIVERY
            yield self._ctx.spool.inbox / code / Lane.TRIAL, code, Lane.TRIAL

    def scan(self) -> int:
        """Claim every whole file; how many."""
        seen: dict[Path, tuple[int, int, float]] = {}
        count = 0
        for folder, code, lane in self._folders():
            if not folder.is_dir():
                continue
            with os.scandir(folder) as entries:
                found = sorted(
                    (entry.stat(follow_symlinks=False).st_mtime_ns, entry.name)
                    for entry in entries
                    if not entry.name.startswith(".") and not is_working_name(entry.name)
                )
            for _, name in found:
                count += self._claim(folder / name, code, lane, seen)
        self._quiet = seen
        return count

    def _claim(self, path: Path, code: str, lane: Lane, seen: dict[Path, tuple[int, int, float]]) -> int:
        try:
            status = path.lstat()
            if not stat.S_ISREG(status.st_mode):
                return 0
            with self._opened(path) as descriptor:
                leased = None if descriptor is None else _take_lease(descriptor)
                if leased is False:
                    return 0
                if leased is None and not self._is_quiet(path, status, seen):
                    return 0
                # Nobody but the kernel sets this time: it is when the file was last written, moved or touched at all.
                put_at = to_ms(self._ctx.written(path.lstat().st_ctime))
                claim = self._ctx.spool.claim(path, code, lane, self._ctx.new_id(), put_at)
                if leased and descriptor is not None and _lease_broken(descriptor):
                    # Somebody opened it for writing between the lease and the move: it is theirs again.
                    self._ctx.spool.give_back(claim, path)
                    return 0
                return 1
        except FileNotFoundError:
            return 0

    @contextmanager
    def _opened(self, path: Path) -> Iterator[int | None]:
        """A descriptor to take a lease on; None when leases are off or the file cannot be opened."""
        if self._settings.leases == "off":
            yield None
            return
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except PermissionError:
            yield None
            return
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def _is_quiet(self, path: Path, status: os.stat_result, seen: dict[Path, tuple[int, int, float]]) -> bool:
        now = self._monotonic()
        size, modified, since = self._quiet.get(path, (-1, -1, now))
        if (size, modified) != (status.st_size, status.st_mtime_ns):
            since = now
        seen[path] = (status.st_size, status.st_mtime_ns, since)
        return now - since >= self._settings.quiet_seconds


def _lease_broken(descriptor: int) -> bool:
    return fcntl.fcntl(descriptor, fcntl.F_GETLEASE) != fcntl.F_RDLCK


def _take_lease(descriptor: int) -> bool | None:
    """True: nobody writes the file; False: somebody does; None: leases cannot tell here."""
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError as error:
        if error.errno == errno.EAGAIN:
            return False
        if error.errno in NO_LEASES:
            return None
        raise
    return True
