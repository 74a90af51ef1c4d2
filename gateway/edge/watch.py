"""Watch: files that local programs put into inbox/<code>/ themselves.

Does: on any watchdog event, and every few seconds without one, looks at the folders (store.looks: what was empty and is
unchanged is not listed) and claims each file that is whole, in the order in which they were put there. A read lease
(store.leases) shows that nobody has it open for writing; where leases cannot tell, the file must not have changed for a
while. The intake loop does the rest, and begins while a burst is still being claimed. A folder or a file that gives
trouble is told of once an hour and holds up no other.
Touches: inbox/<code>/ and inbox/<code>/proef/: regular files whose names do not start with a dot.
Does not: act on an event's path (watchdog loses events and never replays them) or follow links.

Weakness: a writer that closes and reopens a file to append is taken at its first close where leases exist, and one that
pauses longer than the quiet time where they do not; let it write under a working name (NAME.part) or elsewhere and move
the file in.
"""

import os
import re
import stat
import threading
from collections import Counter
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
from gateway.errors import SURPRISES, GatewayError, Temporary
from gateway.store import leases
from gateway.store.claims import TRIAL, Claim
from gateway.store.looks import Looks
from gateway.store.spool import CLAIMED
from gateway.workflow.context import Context
from gateway.workflow.loops import reason_of
from gateway.workflow.throttle import Throttle
from gateway.workflow.vitals import SLACK, Vitals

# How long one batch of claims, or the listing before it, may take.
PATIENCE = 120.0
BATCH = 64
DAY = 86_400.0
MOUNTS = Path("/proc/self/mountinfo")
# What editors keep beside the file they write: `X.csv~`, `#X.csv#`.
BESIDE = re.compile(r".*~|#.*#", re.DOTALL)
# Asked of the kernel itself: our own listings open these folders, and each open would else be an event.
EVENTS: list[type[FileSystemEvent]] = [FileCreatedEvent, FileMovedEvent, FileClosedEvent]
SORTS = {stat.S_IFDIR: "folder", stat.S_IFLNK: "link"}
# What says that a file is still the same: device, inode, size, mtime, ctime.
Look = tuple[int, int, int, int, int]
# A watched folder, of which municipality and lane it is.
Place = tuple[Path, str, Lane]


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
        self._quiet: dict[Path, tuple[Look, float]] = {}
        self._troubles = Throttle(monotonic)
        self._remarks = Throttle(monotonic, DAY)
        self._looks = Looks(monotonic)
        self._places: tuple[object, list[Place]] = (None, [])
        self._observed: dict[Path, tuple[int, int] | None] = {}
        self._remote: frozenset[tuple[int, int]] = frozenset()
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
        try:
            # One that nobody delivers in is left to the rescan, which refuses.
            for folder, code, _ in self._folders():
                if code in self._settings.accounts:
                    self._observed[folder] = _identity(folder)
                    if self._observed[folder] is not None:
                        observer.schedule(handler, str(folder), event_filter=EVENTS)
            observer.start()
        except OSError:
            observer.stop()
            raise
        self._observer = observer

    def _observe_anew(self) -> None:
        """Events come from the folder that was there at the start: not from one that was mounted or made since."""
        now = {folder: _identity(folder) for folder in self._observed}
        if self._observer is None or now == self._observed:
            return
        self._observed |= {folder: None for folder, found in now.items() if found is None}
        if any(found is not None and found != self._observed[folder] for folder, found in now.items()):
            self._observer.stop()
            self._observer.join()
            self._observer = None
            self._observe()

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
                self._observe_anew()
                well = True
            except (GatewayError, OSError, *SURPRISES) as error:  # nothing is claimed any more without this thread
                well = False
                self._tell("watch_failed", reason=reason_of(error), error=True)

    def _next_quiet(self) -> float:
        return self._settings.quiet_seconds if self._quiet else self._settings.rescan_seconds

    def _folders(self) -> list[Place]:
        """Every folder that is watched; made anew when the configuration changed."""
        known = self._ctx.configuration().participants.municipalities
        if self._places[0] is not known:
            inbox = self._ctx.spool.inbox
            places = [
                place
                for code in known
                for place in ((inbox / code, code, Lane.DELIVERY), (inbox / code / Lane.TRIAL, code, Lane.TRIAL))
            ]
            self._places = (known, places)
        return self._places[1]

    def scan(self) -> int:
        """Claim every whole file; how many."""
        seen: dict[Path, tuple[Look, float]] = {}
        self._remote = _remote_devices()
        count = 0
        for folder, code, lane in self._folders():
            for name in self._names(folder, code, lane):
                if self._stopping:
                    return count
                if self._claim_or_tell(folder / name, code, lane, seen):
                    count += 1
                    if count % BATCH == 0:
                        self._vitals.beat("watch", PATIENCE)
                        self._claimed()
        self._quiet = seen
        return count

    def _names(self, folder: Path, code: str, lane: Lane) -> list[str]:
        """The files of a folder, in the order in which they were put there; none when it cannot be used now."""
        if self._looks.same(str(folder)):
            return []
        trouble = ("folder", folder)
        try:
            needed = folder / CLAIMED if lane is Lane.DELIVERY else folder
            if not needed.is_dir() and (self._ctx.spool.inbox / code).is_dir():
                # Another disk than before, or emptied by hand. What cannot be made is told of below.
                self._ctx.spool.prepare([code])
                os.scandir(needed).close()
            found, others = _listed(folder)
            if found and not os.access(folder, os.W_OK | os.X_OK, effective_ids=True):
                raise PermissionError("files cannot be moved out of it")
        except (OSError, Temporary) as error:
            if self._troubles.passes(trouble):
                self._tell("watch_folder_failed", municipality=code, lane=lane, reason=reason_of(error), error=True)
            return []
        if self._troubles.over(trouble):
            self._tell("watch_folder_back", municipality=code, lane=lane)
        if not found and not others:
            self._looks.done(str(folder))
        for sort, number in sorted(others.items()):
            if self._remarks.passes((folder, sort)):
                self._tell("watch_skipped", municipality=code, lane=lane, sort=sort, number=number)
        return found

    def _claim_or_tell(self, path: Path, code: str, lane: Lane, seen: dict[Path, tuple[Look, float]]) -> bool:
        try:
            return self._claim(path, code, lane, seen)
        except BlockingIOError:
            # Who shares the folder over the network has the file at hand.
            return False
        except (OSError, Temporary) as error:
            # A file that vanished is its owner's affair.
            if os.path.lexists(path) and self._troubles.passes(("claim", path.parent, type(error.__cause__ or error))):
                self._tell("watch_claim_failed", municipality=code, lane=lane, reason=reason_of(error), error=True)
            return False

    def _claim(self, path: Path, code: str, lane: Lane, seen: dict[Path, tuple[Look, float]]) -> bool:
        with self._opened(path) as descriptor:
            leased = None if descriptor is None else self._lease(descriptor, code)
            if leased is False:
                return False
            status = path.lstat() if descriptor is None else os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode) or (leased is None and not self._is_quiet(path, status, seen)):
                return False
            # Nobody but the kernel sets this time: it is when the file was last written, moved or touched at all.
            put_at = to_ms(self._ctx.written(status.st_ctime))
            claim = self._ctx.spool.claim(path, code, lane, self._ctx.new_id(), put_at)
            if not _is_same(claim, status) or (leased and descriptor is not None and leases.broken(descriptor)):
                # Since we looked somebody opened it for writing, or put another file in its place: it is theirs again.
                self._ctx.spool.give_back(claim, path)
                return False
            return True

    def _lease(self, descriptor: int, code: str) -> bool | None:
        device = os.fstat(descriptor).st_dev
        remote = (os.major(device), os.minor(device)) in self._remote
        leased = None if remote else leases.take(descriptor)
        if leased is None and self._remarks.passes(("leases", code, remote)):
            why = "a disk that others may write" if remote else "the system gives none"
            self._tell("watch_without_leases", municipality=code, reason=why)
        return leased

    @contextmanager
    def _opened(self, path: Path) -> Iterator[int | None]:
        """A descriptor to take a lease on; None when leases are off or the file may not be read."""
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

    def _is_quiet(self, path: Path, status: os.stat_result, seen: dict[Path, tuple[Look, float]]) -> bool:
        now = self._monotonic()
        look = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        before, since = self._quiet.get(path, (None, now))
        if look != before:
            since = now
        seen[path] = (look, since)
        return now - since >= self._settings.quiet_seconds


def _listed(folder: Path) -> tuple[list[str], Counter[str]]:
    """Names of the files that may be for us, oldest first, and how many there are of what is no file."""
    found: list[tuple[int, str]] = []
    others: Counter[str] = Counter()
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(".") or is_working_name(entry.name) or BESIDE.fullmatch(entry.name):
                continue
            try:
                status = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            if stat.S_ISREG(status.st_mode):
                found.append((status.st_ctime_ns, entry.name))
            elif entry.name != TRIAL:
                others[SORTS.get(stat.S_IFMT(status.st_mode), "device")] += 1
    return [name for _, name in sorted(found)], others


def _is_same(claim: Claim, status: os.stat_result) -> bool:
    """Whether what was claimed is the file that was looked at, as it was then."""
    now = claim.path.lstat()
    return (now.st_dev, now.st_ino, now.st_size, now.st_mtime_ns) == (
        status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
    )  # fmt: skip


def _identity(folder: Path) -> tuple[int, int] | None:
    """Which folder this is; None when there is none."""
    try:
        status = folder.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _remote_devices() -> frozenset[tuple[int, int]]:
    try:
        return leases.network_devices(MOUNTS.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return frozenset()
