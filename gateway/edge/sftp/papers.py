"""Papers: files that an assessor drops below /cbs/: op-orde reports and verdicts.

Does: takes the bytes of such a file into memory, and at the client's own CLOSE, or at the rename of a working file to
its final name, hands them to the workflow whole; keeps working files for an hour.
Touches: the ledger through the workflow.
Does not: write to disk: these files are few and small, and one that is not taken leaves nothing. A working file does
not outlive the process; the client then sends it again.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from gateway.domain.lifecycle import is_working_name
from gateway.domain.model import Account
from gateway.domain.papers import MOST_BYTES
from gateway.edge.sftp.tree import Place
from gateway.edge.sftp.upload import MOST_PIECES, Spans, covered, cut_off
from gateway.errors import Refusal
from gateway.workflow import assessor
from gateway.workflow.context import Context

DRAFT_SECONDS = 3600.0
MOST_DRAFTS = 32


@dataclass(slots=True)
class Drafts:
    """Working files of assessors, by login and place. Shared by all sessions; added to by threads."""

    _kept: dict[tuple[str, Place], tuple[bytes, float]] = field(default_factory=dict)

    def keep(self, login: str, place: Place, body: bytes, now: float) -> None:
        """A working file was closed. `Refusal` BUSY when there are too many."""
        kept = {key: value for key, value in self._kept.items() if value[1] > now and key != (login, place)}
        if len(kept) >= MOST_DRAFTS:
            raise Refusal("BUSY")
        self._kept = {**kept, (login, place): (body, now + DRAFT_SECONDS)}

    def body(self, login: str, place: Place, now: float) -> bytes | None:
        """The bytes of a working file; None when there is none."""
        body, until = self._kept.get((login, place), (b"", -1.0))
        return body if until > now else None

    def drop(self, login: str, place: Place) -> None:
        """Forget a working file."""
        self._kept = {key: value for key, value in self._kept.items() if key != (login, place)}

    def names(self, login: str, round_id: str, folder: str, now: float) -> dict[str, int]:
        """Sizes by name of the working files of an account in a folder."""
        return {
            place.name: len(body)
            for (owner, place), (body, until) in self._kept.items()
            if owner == login and (place.round, place.folder) == (round_id, folder) and until > now
        }


@dataclass(slots=True)
class Paper:
    """A file open for writing below /cbs/. `done` takes its bytes when the client closes it."""

    place: Place
    done: Callable[[bytes], object]
    _body: bytearray = field(default_factory=bytearray)
    _spans: Spans = ()
    _broken: Refusal | None = None

    @property
    def size(self) -> int:
        """Bytes so far."""
        return len(self._body)

    def write(self, offset: int, data: bytes) -> int:
        """Write at an offset. Raises `Refusal`."""
        self._check(offset + len(data))
        if offset > len(self._body):
            self._body.extend(bytes(offset - len(self._body)))
        self._body[offset : offset + len(data)] = data
        self._spans = covered(self._spans, offset, offset + len(data))
        if len(self._spans) > MOST_PIECES:
            self._broken = Refusal("INCOMPLETE_WRITE")
            raise self._broken
        return len(data)

    def truncate(self, size: int) -> None:
        """Set the size, as fsetstat asks. Raises `Refusal`."""
        self._check(size)
        self._body = self._body[:size].ljust(size, b"\0")
        self._spans = cut_off(self._spans, size)

    def _check(self, end: int) -> None:
        if self._broken is None and end > MOST_BYTES:
            self._broken = Refusal("TOO_LARGE", limit=MOST_BYTES)
        if self._broken is not None:
            raise self._broken

    def close(self) -> None:
        """The client closed it. Raises `Refusal` for what is broken, has gaps or is not taken."""
        if self._broken is not None:
            raise self._broken
        if self._body and self._spans != ((0, len(self._body)),):
            raise Refusal("INCOMPLETE_WRITE")
        self.done(bytes(self._body))

    def go_on(self, body: bytes) -> None:
        """Begin with what was written before."""
        self._body = bytearray(body)
        self._spans = ((0, len(body)),) if body else ()


def open_paper(
    ctx: Context, account: Account, drafts: Drafts, place: Place, now: Callable[[], float], *, truncate: bool
) -> Paper:
    """Open a file below /cbs/ for writing. `now` is monotonic seconds. Raises `Refusal`."""
    if place.folder not in assessor.DROPS:
        raise Refusal("READ_ONLY")
    if not is_working_name(place.name):
        assessor.check(ctx, account, place.round, place.folder, place.name)
        return Paper(place, lambda body: _drop(ctx, account, place, body))
    if not assessor.may_drop(ctx, account, place.round, place.folder):
        raise Refusal("NO_SUCH_FILE")
    paper = Paper(place, lambda body: drafts.keep(account.login, place, body, now()))
    if not truncate:
        paper.go_on(drafts.body(account.login, place, now()) or b"")
    return paper


def rename(ctx: Context, account: Account, drafts: Drafts, old: Place, new: Place, now: float) -> int:
    """A working file gets another name: a final one means that it is dropped. Its size. Raises `Refusal`."""
    body = drafts.body(account.login, old, now)
    if (old.round, old.folder) != (new.round, new.folder) or not is_working_name(old.name):
        raise Refusal("NO_RENAME")
    if body is None:
        raise Refusal("NO_SUCH_FILE")
    if is_working_name(new.name):
        drafts.keep(account.login, new, body, now)
    else:
        _drop(ctx, account, new, body)
    drafts.drop(account.login, old)
    return len(body)


def _drop(ctx: Context, account: Account, place: Place, body: bytes) -> None:
    assessor.drop(ctx, account, place.round, place.folder, place.name, body)
