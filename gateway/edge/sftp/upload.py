"""Upload: one file being written, and how it ends.

Does: takes bytes into staging (or into a working file), and at the client's own CLOSE, or at the rename of a working
file to its final name, checks once more, lands the file and waits for the ledger's commit.
Touches: inbox/ through the spool; the ledger through admit and intake.
Does not: receive what was broken off, or what has gaps: a client that goes on with a final name where it believes to
have been writes at an offset into an empty file. A final name without a CLOSE by the client leaves nothing; a working
file stays as far as it is without gaps, not whole, so that the client can go on with it.

A working file has one writer: the last who opened it. A client whose line was cut comes back long before the server
notices that the old session is dead; the old one's handle then counts for nothing.

Every upload holds a descriptor, and a process that has none left lets nobody log in: half of them are for uploads, and
an account has a quarter of that.
"""

import os
import resource
import threading
from collections import Counter
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any

from gateway.domain.lifecycle import is_working_name
from gateway.domain.model import Channel, from_ms, to_ms
from gateway.errors import Refusal, Temporary
from gateway.store.spool import LandingFacts
from gateway.store.working import dropping, replacing
from gateway.workflow.admit import Attempt, admit
from gateway.workflow.context import Context, current_round
from gateway.workflow.intake import Intake
from gateway.workflow.receive import Received

# Clients send a few dozen requests ahead; a file in more pieces than this is no file.
MOST_PIECES = 1000
LONGEST_NAME = 255

Spans = tuple[tuple[int, int], ...]


def covered(spans: Spans, start: int, end: int) -> Spans:
    """The sorted, separate spans with one more written to, merged where they touch."""
    if start >= end:
        return spans
    if spans and spans[-1][0] <= start <= spans[-1][1]:
        return (*spans[:-1], (spans[-1][0], max(spans[-1][1], end)))
    before = tuple(span for span in spans if span[1] < start)
    after = tuple(span for span in spans if span[0] > end)
    touched = spans[len(before) : len(spans) - len(after)]
    merged = (min([start, *(span[0] for span in touched)]), max([end, *(span[1] for span in touched)]))
    return (*before, merged, *after)


def cut_off(spans: Spans, size: int) -> Spans:
    """The spans of a file that was truncated to `size`."""
    return tuple((start, min(end, size)) for start, end in spans if start < size)


@dataclass(slots=True)
class Upload:
    """A file open for writing. `item` is its working file's folder, None for a final name (then `id` names its place in
    staging). `broken` is the refusal that a write ended in; nothing is received after it. `spans` is what was written.

    A new file that comes from front to back, as all clients send it, is summed on its way: reading it again at the end
    took 2 ms of processor for 2.5 MB. `summed`: how far; -1 when something came otherwise.
    """

    attempt: Attempt
    id: str
    started: datetime
    limit: int
    item: Path | None = None
    descriptor: int = -1
    size: int = 0
    spans: Spans = ()
    broken: Refusal | None = None
    summed: int = 0
    _sum: Any = field(default_factory=sha256)

    def write(self, offset: int, data: bytes | memoryview) -> int:
        """Write at an offset, synchronously: a thread costs more than the page cache. Raises `Refusal`."""
        if self.broken:
            raise self.broken
        if offset + len(data) > self.limit:
            self.broken = Refusal("TOO_LARGE", limit=self.limit)
            raise self.broken
        try:
            done = 0
            while done < len(data):
                done += os.pwrite(self.descriptor, data[done:], offset + done)
        except OSError as error:
            self.broken = Refusal("INCOMPLETE_WRITE")
            raise self.broken from error
        self.size = max(self.size, offset + len(data))
        self.spans = covered(self.spans, offset, offset + len(data))
        if offset == self.summed:
            self._sum.update(data)
            self.summed += len(data)
        elif offset < self.summed:
            self.summed = -1
        if len(self.spans) > MOST_PIECES:
            self.broken = Refusal("INCOMPLETE_WRITE")
            raise self.broken
        return done

    def truncate(self, size: int) -> None:
        """Set the size, as fsetstat asks. What that adds was not written and is a gap. Raises `Refusal`."""
        if self.broken:
            raise self.broken
        if size > self.limit:
            self.broken = Refusal("TOO_LARGE", limit=self.limit)
            raise self.broken
        try:
            os.ftruncate(self.descriptor, size)
        except OSError as error:
            self.broken = Refusal("INCOMPLETE_WRITE")
            raise self.broken from error
        self.size = size
        self.spans = cut_off(self.spans, size)
        if size < self.summed:
            self.summed = -1

    def sha256(self) -> str | None:
        """The SHA-256 of all that was written, in lower-case hex; None when the file has to be read for it."""
        return str(self._sum.hexdigest()) if self.summed == self.size else None

    def has_gaps(self) -> bool:
        """Whether a part of it was never written."""
        return self.size > 0 and self.spans != ((0, self.size),)


def half_of_the_descriptors() -> int:
    """How many uploads may be open in this process."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2


@dataclass(slots=True)
class Writers:
    """How many uploads are open in this process, and who of it writes which working file. Shared by all sessions and
    their threads. Who is the writer among all processes is for `store.working` to say."""

    most: int = field(default_factory=half_of_the_descriptors)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _open: Counter[str] = field(default_factory=Counter)
    _writing: dict[Path, Upload] = field(default_factory=dict)

    def begin(self, login: str) -> None:
        """One more upload. `Refusal` BUSY when there are too many, in all or of this account."""
        with self._lock:
            if self._open.total() >= self.most or self._open[login] >= self.most // 4:
                raise Refusal("BUSY")
            self._open[login] += 1

    def end(self, login: str) -> None:
        """One less."""
        with self._lock:
            self._open[login] -= 1
            if not self._open[login]:
                del self._open[login]

    def take(self, item: Path, upload: Upload) -> None:
        """`upload` writes from now on; a former one of this process hears so at its next write, one of another process
        at its end."""
        with self._lock:
            former = self._writing.get(item)
            if former is not None:
                former.broken = Refusal("INCOMPLETE_WRITE")
            self._writing[item] = upload

    def leave(self, item: Path, upload: Upload) -> None:
        """`upload` is the writer no more."""
        with self._lock:
            if self._writing.get(item) is upload:
                del self._writing[item]


def open_upload(ctx: Context, writers: Writers, attempt: Attempt, *, truncate: bool) -> Upload:
    """Begin an upload; raises `Refusal` when it may not be made, `Temporary` when the disk says no."""
    admit(ctx, attempt)
    upload = Upload(attempt, ctx.new_id(), ctx.now(), current_round(ctx).limits.upload_bytes)
    writers.begin(attempt.account.login)
    try:
        if is_working_name(attempt.name):
            _open_working(ctx, writers, upload, working_item(ctx, attempt), truncate=truncate)
        else:
            upload.descriptor = ctx.spool.stage(upload.id)
    except (Refusal, Temporary):
        writers.end(attempt.account.login)
        raise
    return upload


def _open_working(ctx: Context, writers: Writers, upload: Upload, item: Path, *, truncate: bool) -> None:
    writers.take(item, upload)
    try:
        upload.descriptor = ctx.spool.open_working(item, truncate=truncate)
    except (Refusal, Temporary):
        writers.leave(item, upload)
        raise
    upload.item = item
    upload.size = os.fstat(upload.descriptor).st_size
    upload.spans = covered((), 0, upload.size)


def working_item(ctx: Context, attempt: Attempt) -> Path:
    """Where the working file of an attempt lies; `Refusal` for a name that no file can have."""
    if len(os.fsencode(attempt.name)) > LONGEST_NAME:
        raise Refusal("NO_SUCH_FILE")
    return ctx.spool.working(attempt.account.login, attempt.municipality, attempt.lane) / attempt.name


def break_off(ctx: Context, writers: Writers, upload: Upload) -> None:
    """The line was cut, or the client left with the handle open: nothing is received."""
    try:
        if upload.item is None:
            ctx.spool.discard(upload.id)
        else:
            _leave_unfinished(ctx, writers, upload, upload.item)
    finally:
        _let_go(writers, upload)


def _let_go(writers: Writers, upload: Upload) -> None:
    os.close(upload.descriptor)
    writers.end(upload.attempt.account.login)


def _leave_unfinished(ctx: Context, writers: Writers, upload: Upload, item: Path) -> None:
    """Keep a working file as far as it was written without gaps, so that the client can go on at its end."""
    first = upload.spans[0] if upload.spans else (0, 0)
    try:
        ctx.spool.leave_working(item, upload.descriptor, first[1] if first[0] == 0 else 0)
    finally:
        writers.leave(item, upload)


def close_upload(ctx: Context, writers: Writers, intake: Intake, upload: Upload) -> Future[Received] | None:
    """The client closed the file. A future that gives `Received` after the commit; None for a working file.

    Raises `Refusal` (nothing was received) or `Temporary` (nothing was landed).
    """
    done = False
    try:
        if upload.broken:
            raise upload.broken
        # A former writer's last bytes may have come in between.
        if upload.has_gaps() or os.fstat(upload.descriptor).st_size != upload.size:
            raise Refusal("INCOMPLETE_WRITE")
        if upload.item is not None:
            ctx.spool.close_working(upload.item, upload.descriptor, to_ms(upload.started))
            writers.leave(upload.item, upload)
            done = True
            return None
        admit(ctx, upload.attempt, started=upload.started)
        digest = upload.sha256()
        summed = None if digest is None else upload.descriptor
        digest = digest or _digest(ctx.spool.staging / upload.id / "payload")
        facts = _facts(ctx, upload.attempt, upload.id, upload.started, upload.size, digest)
        landing = ctx.spool.land(facts, summed=summed)
        done = True
        return intake.submit(landing)
    finally:
        if done:
            _let_go(writers, upload)
        else:
            break_off(ctx, writers, upload)


def finish_working(ctx: Context, intake: Intake, attempt: Attempt, working_name: str) -> Future[Received]:
    """A working file is renamed to its final name (in `attempt`): the moment it is dropped. Raises like close_upload;
    the working file then stays."""
    source = Attempt(attempt.account, attempt.municipality, attempt.lane, working_name)
    item = working_item(ctx, source)
    with dropping(item):
        opened_at = ctx.spool.whole_since(item)
        if opened_at is None:
            raise Refusal("INCOMPLETE_WRITE")
        started = from_ms(opened_at)
        admit(ctx, attempt, started=started)
        payload = item / "payload"
        facts = _facts(ctx, attempt, ctx.new_id(), started, payload.stat().st_size, _digest(payload))
        return intake.submit(ctx.spool.land(facts, item))


def rename_working(ctx: Context, attempt: Attempt, working_name: str) -> None:
    """A working file gets another working name (in `attempt`); it stays a working file."""
    admit(ctx, attempt)
    source = Attempt(attempt.account, attempt.municipality, attempt.lane, working_name)
    item, target = working_item(ctx, source), working_item(ctx, attempt)
    if item == target:
        return
    with dropping(item), replacing(target):
        ctx.spool.rename_working(item, attempt.name)


def _digest(payload: Path) -> str:
    with payload.open("rb") as source:
        return file_digest(source, "sha256").hexdigest()


def _facts(ctx: Context, attempt: Attempt, landing_id: str, started: datetime, size: int, digest: str) -> LandingFacts:
    if size == 0:
        raise Refusal("EMPTY")
    return LandingFacts(
        id=landing_id,
        municipality=attempt.municipality,
        lane=attempt.lane,
        account=attempt.account.login,
        channel=Channel.SFTP,
        name=attempt.name,
        size=size,
        sha256=digest,
        opened_at=to_ms(started),
        received_at=to_ms(ctx.now()),
    )
