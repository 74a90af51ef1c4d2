"""Upload: one file being written, and how it ends.

Does: takes bytes into staging (or into a working file), and at the client's own CLOSE, or at the rename of a working
file to its final name, checks once more, lands the file and waits for the ledger's commit.
Touches: inbox/ through the spool; the ledger through admit and intake.
Does not: receive what was broken off. A final name without a CLOSE by the client leaves nothing; a working file stays
as it is, not whole, so that the client can go on with it.
"""

import os
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from hashlib import file_digest
from pathlib import Path

from gateway.domain.lifecycle import is_working_name
from gateway.domain.model import Channel, from_ms, to_ms
from gateway.errors import Refusal, Temporary
from gateway.store.spool import LandingFacts
from gateway.workflow.admit import Attempt, admit
from gateway.workflow.context import Context, current_round
from gateway.workflow.intake import Intake
from gateway.workflow.receive import Received


@dataclass(slots=True)
class Upload:
    """A file open for writing. `item` is its working file's folder, None for a final name (then `id` names its place in
    staging). `broken` is the refusal that a write ended in; nothing is received after it."""

    attempt: Attempt
    id: str
    descriptor: int
    started: datetime
    limit: int
    item: Path | None = None
    size: int = 0
    broken: Refusal | None = None

    def write(self, offset: int, data: bytes) -> int:
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
        return done

    def truncate(self, size: int) -> None:
        """Set the size, as fsetstat asks; growing is writing."""
        if size > self.limit:
            self.broken = Refusal("TOO_LARGE", limit=self.limit)
            raise self.broken
        os.ftruncate(self.descriptor, size)
        self.size = size


def open_upload(ctx: Context, attempt: Attempt, *, truncate: bool) -> Upload:
    """Begin an upload; raises `Refusal` when it may not be made, `Temporary` when the disk says no."""
    admit(ctx, attempt)
    started = ctx.now()
    limit = current_round(ctx).limits.upload_bytes
    landing_id = ctx.new_id()
    if not is_working_name(attempt.name):
        return Upload(attempt, landing_id, ctx.spool.stage(landing_id), started, limit)
    item = working_item(ctx, attempt)
    descriptor = ctx.spool.open_working(item, truncate=truncate)
    return Upload(attempt, landing_id, descriptor, started, limit, item, os.fstat(descriptor).st_size)


def working_item(ctx: Context, attempt: Attempt) -> Path:
    """Where the working file of an attempt lies."""
    return ctx.spool.working(attempt.account.login, attempt.municipality, attempt.lane) / attempt.name


def break_off(ctx: Context, upload: Upload) -> None:
    """The line was cut, or the client left with the handle open: nothing is received."""
    os.close(upload.descriptor)
    if upload.item is None:
        ctx.spool.discard(upload.id)


def close_upload(ctx: Context, intake: Intake, upload: Upload) -> Future[Received] | None:
    """The client closed the file. A future that gives `Received` after the commit; None for a working file.

    Raises `Refusal` (nothing was received) or `Temporary` (nothing was landed).
    """
    try:
        if upload.broken:
            raise upload.broken
        if upload.item is not None:
            ctx.spool.close_working(upload.item, upload.descriptor, to_ms(upload.started))
            return None
        admit(ctx, upload.attempt, started=upload.started)
        payload = ctx.spool.inbox / ".staging" / upload.id / "payload"
        facts = _facts(ctx, upload.attempt, upload.id, upload.started, payload)
        return intake.submit(ctx.spool.land(facts))
    except (Refusal, Temporary):
        if upload.item is None:
            ctx.spool.discard(upload.id)
        raise
    finally:
        os.close(upload.descriptor)


def finish_working(ctx: Context, intake: Intake, attempt: Attempt, working_name: str) -> Future[Received]:
    """A working file is renamed to its final name (in `attempt`): the moment it is dropped. Raises like close_upload;
    the working file then stays."""
    source = Attempt(attempt.account, attempt.municipality, attempt.lane, working_name)
    item = working_item(ctx, source)
    if not item.exists():
        raise Refusal("NO_SUCH_FILE")
    opened_at = ctx.spool.whole_since(item)
    if opened_at is None:
        raise Refusal("INCOMPLETE_WRITE")
    started = from_ms(opened_at)
    admit(ctx, attempt, started=started)
    return intake.submit(ctx.spool.land(_facts(ctx, attempt, ctx.new_id(), started, item / "payload"), item))


def _facts(ctx: Context, attempt: Attempt, landing_id: str, started: datetime, payload: Path) -> LandingFacts:
    with payload.open("rb") as source:
        digest = file_digest(source, "sha256").hexdigest()
        size = source.tell()
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
