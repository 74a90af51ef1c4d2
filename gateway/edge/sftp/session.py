"""Session: the requests of one SFTP session.

Does: answers each request from the virtual tree; runs what touches disk or ledger in threads; turns every `Refusal`
into a status with its sentence, and a refused drop into what `admit.record_refusal` leaves behind.
Touches: through upload, listing and the workflow.
Does not: keep state that outlives the session, but for the recent uploads that all sessions share.

Weakness: a generated file (status.json, a log) agrees with its listed size for ten seconds after a stat or listing.
"""

import asyncio
import stat
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import asyncssh
from asyncssh.sftp import SFTPAttrs, SFTPName

from gateway.domain.lifecycle import is_working_name, rights
from gateway.domain.model import Account, Lane
from gateway.domain.workdays import local_day
from gateway.edge.sftp import listing
from gateway.edge.sftp.listing import Entry, Recent
from gateway.edge.sftp.tree import FOLDERS, Place, Sort, log_span, normal, parse
from gateway.edge.sftp.upload import Upload, break_off, close_upload, finish_working, open_upload, working_item
from gateway.errors import GatewayError, Refusal, Temporary
from gateway.reports.wording import refusal_line
from gateway.store.ledger import log, reports
from gateway.workflow import collect, folders
from gateway.workflow.admit import Attempt, record_refusal
from gateway.workflow.context import Context
from gateway.workflow.intake import Intake
from gateway.workflow.receive import Received

Answer = TypeVar("Answer")
LONGEST_READ = 256 * 1024
CLOSE_WAITS = 20.0
FROZEN_SECONDS = 10.0
FRESH_SECONDS = 1.0
NO_SUCH = frozenset({"NO_SUCH_FILE"})
# What a client may try again answers FAILURE; what it may not, PERMISSION_DENIED.
PASSING = frozenset({"NOT_DURABLE", "INCOMPLETE_WRITE", "BUSY", "INTERNAL", "TOO_MANY_HANDLES", "TOO_MANY_LISTINGS"})


@dataclass(frozen=True, slots=True)
class House:
    """What all sessions share: the workflow, the caps, and how to speak to the daemon's log."""

    ctx: Context
    intake: Intake
    recent: Recent
    tell: Callable[..., None]
    monotonic: Callable[[], float]
    fingerprints: tuple[str, ...]
    handles: int = 32
    listings: int = 8


@dataclass(slots=True)
class Download:
    """A file open for reading; its bytes do not change while it is open. `report_id`: noted as collected when all of it
    was read."""

    body: bytes
    report_id: str | None = None
    unread: list[tuple[int, int]] = field(default_factory=list)

    def read(self, offset: int, size: int) -> bytes:
        """The bytes at an offset; what was handed out leaves `unread`."""
        data = self.body[offset : offset + min(size, LONGEST_READ)]
        end = offset + len(data)
        left = []
        for start, stop in self.unread:
            left += [(start, min(stop, offset)), (max(start, end), stop)]
        self.unread = [span for span in left if span[0] < span[1]]
        return data


@dataclass(frozen=True, slots=True)
class Act:
    """A file in the root whose name is an act (accepting the terms), done at its CLOSE; what is written to it does not
    matter."""


class Session(asyncssh.SFTPServer):
    """One SFTP session of one account."""

    def __init__(self, channel: "asyncssh.SSHServerChannel[bytes]", house: House, account: Account, peer: str) -> None:
        super().__init__(channel)
        self.closing_by_client = False
        self._house = house
        self._ctx = house.ctx
        self._account = account
        self._peer = peer
        self._open: dict[int, object] = {}
        self._frozen: dict[Place, tuple[bytes, float]] = {}

    def is_uploading(self) -> bool:
        """Whether a file is being written."""
        return any(isinstance(each, Upload) for each in self._open.values())

    # --- answers ------------------------------------------------------------------------------------------------------

    async def _answer(self, work: Awaitable[Answer], attempt: Attempt | None = None) -> Answer:
        """Wait for `work`; its errors become SFTP statuses. A refused `attempt` leaves its traces."""
        try:
            return await work
        except asyncssh.SFTPError:
            raise
        except Refusal as refusal:
            if attempt is not None:
                self._house.tell("refused", account=self._account.login, code=refusal.code, peer=self._peer)
                await self._in_thread(self._record, attempt, refusal)
            raise self._status(refusal) from refusal
        except Temporary as error:
            self._house.tell("temporary", account=self._account.login, reason=str(error))
            raise self._status(Refusal("NOT_DURABLE")) from error
        except (GatewayError, OSError, ValueError, KeyError) as error:
            mark = self._ctx.random_hex(4)
            self._house.tell("internal_error", mark=mark, reason=repr(error), error=True)
            raise self._status(Refusal("INTERNAL", id=mark)) from error

    def _record(self, attempt: Attempt, refusal: Refusal) -> None:
        try:
            record_refusal(self._ctx, attempt, refusal)
        except GatewayError as error:
            # The client still gets its answer; the desk finds the refusal in the daemon's log.
            self._house.tell("refusal_not_recorded", code=refusal.code, reason=str(error), error=True)

    def _status(self, refusal: Refusal) -> asyncssh.SFTPError:
        text = refusal_line(self._ctx.configuration().texts, refusal.code, refusal.params)
        if refusal.code in NO_SUCH:
            return asyncssh.SFTPNoSuchFile(text)
        return asyncssh.SFTPFailure(text) if refusal.code in PASSING else asyncssh.SFTPPermissionDenied(text)

    async def _in_thread(self, work: Callable[..., Answer], *args: Any) -> Answer:
        return await asyncio.get_running_loop().run_in_executor(None, partial(work, *args))

    def _place(self, path: bytes) -> Place:
        """The place of a path that this account may know of; `Refusal` NO_SUCH_FILE for all others alike."""
        place = parse(path)
        if place is None or (place.code and place.code not in self._sees()):
            raise Refusal("NO_SUCH_FILE")
        return place

    def _sees(self) -> tuple[str, ...]:
        configuration = self._ctx.configuration()
        return rights(self._account, configuration.participants, local_day(self._ctx.now())).sees

    # --- looking ------------------------------------------------------------------------------------------------------

    async def opendir(self, path: bytes, open_now: int) -> AsyncIterator[SFTPName]:
        """The entries of a folder, whole at once; a missing folder fails here."""
        if open_now >= self._house.listings:
            raise self._status(Refusal("TOO_MANY_LISTINGS", max=self._house.listings))
        return _stream(await self._answer(self._in_thread(self._entries_of, path)))

    def _entries_of(self, path: bytes) -> list[Entry]:
        place = self._place(path)
        now = self._ctx.now().timestamp()
        match place.sort:
            case Sort.ROOT:
                named = [self._generated(Place(Sort.ROOT_FILE, name=name)) for name in listing.README_NAMES]
                return named + [Entry(code, None, now) for code in self._sees()]
            case Sort.MUNICIPALITY:
                status = self._generated(Place(Sort.STATUS, place.code, name="status.json"))
                return [status] + [Entry(name, None, now) for name in ("inbox", "outbox", "berichtenlog")]
            case Sort.INBOX:
                found = listing.uploads(self._ctx, self._house.recent, self._account, place.code, place.lane)
                trial = [Entry("proef", None, now)] if place.lane is Lane.DELIVERY else []
                return trial + found
            case Sort.OUTBOX:
                return [Entry("opgehaald", None, now), *listing.report_files(self._ctx, place)]
            case Sort.COLLECTED:
                return listing.report_files(self._ctx, place)
            case Sort.LOG:
                return [
                    self._generated(Place(Sort.LOG_FILE, place.code, name=name))
                    for name in listing.log_months(self._ctx)
                ]
            case _:
                raise Refusal("NO_SUCH_FILE")

    def _generated(self, place: Place) -> Entry:
        return Entry(place.name, len(self._body(place, FRESH_SECONDS)), self._ctx.now().timestamp())

    def _body(self, place: Place, seconds: float) -> bytes:
        """A generated file, at most `seconds` old."""
        now = self._house.monotonic()
        body, made = self._frozen.get(place, (b"", -1e9))
        if now - made > seconds:
            body = self._make(place)
            self._frozen[place] = (body, now)
        return body

    def _make(self, place: Place) -> bytes:
        match place.sort:
            case Sort.ROOT_FILE if place.name in listing.README_NAMES:
                language = listing.README_NAMES[place.name]
                return folders.readme(self._ctx, self._account, self._house.fingerprints, language)
            case Sort.STATUS:
                return folders.status(self._ctx, place.code)
            case Sort.LOG_FILE if (span := log_span(place.name)) is not None:
                return folders.message_log(self._ctx, place.code, *span)
            case _:
                raise Refusal("NO_SUCH_FILE")

    async def stat(self, path: bytes) -> SFTPAttrs:
        """Attributes of a place."""
        return _attrs(await self._answer(self._in_thread(self._entry, path)))

    async def lstat(self, path: bytes) -> SFTPAttrs:
        """Attributes of a place; there are no links."""
        return await self.stat(path)

    def _entry(self, path: bytes) -> Entry:
        place = self._place(path)
        if place.sort in FOLDERS:
            writable = place.sort is Sort.INBOX
            return Entry(place.name, None, self._ctx.now().timestamp(), writable)
        if place.sort is Sort.UPLOAD:
            uploads = listing.uploads(self._ctx, self._house.recent, self._account, place.code, place.lane)
            found = next((entry for entry in uploads if entry.name == place.name), None)
            if found is None:
                raise Refusal("NO_SUCH_FILE")
            return found
        if place.sort in (Sort.REPORT, Sort.COLLECTED_REPORT):
            filed = reports.entry(self._ctx.engine, place.code, place.name)
            if filed is None:
                raise Refusal("NO_SUCH_FILE")
            return Entry(filed.name, filed.size, filed.made_at.timestamp())
        return self._generated(place)

    async def fstat(self, file_obj: object) -> SFTPAttrs:
        """Attributes of an open file."""
        now = self._ctx.now().timestamp()
        if isinstance(file_obj, Upload):
            return _attrs(Entry(file_obj.attempt.name, file_obj.size, now, writable=True))
        if isinstance(file_obj, Download):
            return _attrs(Entry("", len(file_obj.body), now))
        if isinstance(file_obj, Act):
            return _attrs(Entry("", 0, now, writable=True))
        raise asyncssh.SFTPInvalidHandle("")

    async def realpath(self, path: bytes) -> bytes:
        """The path with `.` and `..` resolved."""
        try:
            return ("/" + "/".join(normal(path))).encode("utf-8", "surrogateescape")
        except ValueError:
            raise self._status(Refusal("NO_SUCH_FILE")) from None

    # --- opening, reading, writing, closing ---------------------------------------------------------------------------

    async def open(self, path: bytes, pflags: int, attrs: SFTPAttrs) -> object:
        """Open for reading (reports, generated files) or for writing (inbox)."""
        if len(self._open) >= self._house.handles:
            raise self._status(Refusal("TOO_MANY_HANDLES", max=self._house.handles))
        writing = pflags & (asyncssh.FXF_WRITE | asyncssh.FXF_APPEND | asyncssh.FXF_CREAT | asyncssh.FXF_TRUNC)
        opened: Upload | Download | Act = (
            await self._open_to_write(path, pflags)
            if writing
            else await self._answer(self._in_thread(self._open_to_read, path))
        )
        self._open[id(opened)] = opened
        return opened

    def _open_to_read(self, path: bytes) -> Download:
        place = self._place(path)
        if place.sort is Sort.UPLOAD:
            raise Refusal("NO_READ_BACK")
        if place.sort not in (Sort.REPORT, Sort.COLLECTED_REPORT):
            return Download(self._body(place, FROZEN_SECONDS))
        found = reports.entry(self._ctx.engine, place.code, place.name)
        body = reports.body(self._ctx.engine, found.report_id, found.ordinal) if found else None
        if found is None or body is None:
            raise Refusal("NO_SUCH_FILE")
        return Download(body, found.report_id, [(0, len(body))])

    async def _open_to_write(self, path: bytes, pflags: int) -> Upload | Act:
        place = parse(path)
        if place is not None and place.sort is Sort.ROOT_FILE:
            return await self._answer(self._in_thread(self._open_act, place))
        if place is None or place.sort is not Sort.UPLOAD:
            raise self._status(Refusal("READ_ONLY"))
        attempt = Attempt(self._account, place.code, place.lane, place.name)
        truncate = bool(pflags & asyncssh.FXF_TRUNC)
        opening = self._in_thread(partial(open_upload, self._ctx, attempt, truncate=truncate))
        return await self._answer(opening, attempt)

    def _open_act(self, place: Place) -> Act:
        if place.name != folders.terms_file(self._ctx):
            raise Refusal("READ_ONLY")
        return Act()

    async def read(self, file_obj: object, offset: int, size: int) -> bytes:
        """Bytes of a file open for reading. When all of a report was read it counts as collected."""
        if not isinstance(file_obj, Download):
            raise self._status(Refusal("NO_READ_BACK"))
        before = bool(file_obj.unread)
        data = file_obj.read(offset, size)
        if before and not file_obj.unread and file_obj.report_id:
            await self._answer(self._in_thread(collect.observed, self._ctx, self._account, file_obj.report_id))
        return data

    async def write(self, file_obj: object, offset: int, data: bytes) -> int:
        """Bytes for a file open for writing."""
        if isinstance(file_obj, Act):
            return len(data)
        if not isinstance(file_obj, Upload):
            raise asyncssh.SFTPInvalidHandle("")
        try:
            return file_obj.write(offset, data)
        except Refusal as refusal:
            raise self._status(refusal) from refusal

    async def close(self, file_obj: object) -> None:
        """The client's own CLOSE, or a clean-up after the line is gone: only the first can make a drop."""
        by_client = self.closing_by_client
        self._open.pop(id(file_obj), None)
        if isinstance(file_obj, Act) and by_client:
            await self._answer(self._in_thread(folders.accept_terms, self._ctx, self._account, "sftp"))
        if not isinstance(file_obj, Upload):
            return
        if not by_client:
            self._house.tell("broken_off", account=self._account.login, municipality=file_obj.attempt.municipality)
            await self._in_thread(break_off, self._ctx, file_obj)
            return
        await self._answer(self._drop(file_obj), file_obj.attempt)

    async def _drop(self, upload: Upload) -> None:
        answer = await self._in_thread(close_upload, self._ctx, self._house.intake, upload)
        if answer is not None:
            await self._received(asyncio.wrap_future(answer), upload.attempt, upload.size)

    async def _received(self, answer: "asyncio.Future[Received]", attempt: Attempt, size: int) -> None:
        """Wait for the commit, but not for ever: the landing is kept and received later, the client told to retry."""
        try:
            await asyncio.wait_for(asyncio.shield(answer), CLOSE_WAITS)
        except TimeoutError:
            raise Temporary("the ledger did not answer in time") from None
        self._house.recent.add(attempt.municipality, attempt.lane, attempt.name, size)

    # --- changing -----------------------------------------------------------------------------------------------------

    async def rename(self, oldpath: bytes, newpath: bytes) -> None:
        """Working file to final name: a drop. Report to anywhere: an acknowledgement."""
        old, new = parse(oldpath), parse(newpath)
        attempt = None
        if new is not None and new.sort is Sort.UPLOAD:
            attempt = Attempt(self._account, new.code, new.lane, new.name)
        await self._answer(self._rename(oldpath, old, new), attempt)

    async def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
        """As rename; a final name is never overwritten, it is delivered again."""
        await self.rename(oldpath, newpath)

    async def _rename(self, oldpath: bytes, old: Place | None, new: Place | None) -> None:
        self._place(oldpath)
        if old is None or new is None:
            raise Refusal("NO_RENAME")
        if old.sort is Sort.REPORT:
            await self._in_thread(self._confirm, old)
            return
        same_folder = (old.sort, old.code, old.lane) == (Sort.UPLOAD, new.code, new.lane)
        if not same_folder or new.sort is not Sort.UPLOAD or not is_working_name(old.name):
            raise Refusal("NO_RENAME")
        if is_working_name(new.name):
            await self._in_thread(self._rename_working, old, new)
            return
        attempt = Attempt(self._account, new.code, new.lane, new.name)
        size = (await self._in_thread(self._entry, oldpath)).size or 0
        answer = await self._in_thread(finish_working, self._ctx, self._house.intake, attempt, old.name)
        await self._received(asyncio.wrap_future(answer), attempt, size)

    def _rename_working(self, old: Place, new: Place) -> None:
        item = working_item(self._ctx, Attempt(self._account, old.code, old.lane, old.name))
        if not item.exists():
            raise Refusal("NO_SUCH_FILE")
        self._ctx.spool.rename_working(item, new.name)

    def _confirm(self, place: Place) -> None:
        found = reports.entry(self._ctx.engine, place.code, place.name)
        if found is None:
            raise Refusal("NO_SUCH_FILE")
        # `rm *` names every file of a set that the first one confirmed: the others are as done as that one.
        if not found.confirmed:
            collect.confirm(self._ctx, self._account, found.report_id)

    async def remove(self, path: bytes) -> None:
        """In the outbox an acknowledgement; in the inbox it withdraws nothing."""
        await self._answer(self._in_thread(self._remove, path))

    def _remove(self, path: bytes) -> None:
        place = self._place(path)
        if place.sort is Sort.REPORT:
            self._confirm(place)
        elif place.sort is Sort.UPLOAD:
            item = working_item(self._ctx, Attempt(self._account, place.code, place.lane, place.name))
            if is_working_name(place.name) and self._ctx.spool.remove_working(item):
                return
            self._entry(path)  # what was never there cannot be removed
            line = log.Line(
                self._ctx.now(), "remove_ignored", place.code, self._account.login, detail={"name": place.name}
            )
            log.append(self._ctx.engine, line)
        else:
            raise Refusal("NO_REMOVE")

    async def setstat(self, path: bytes, attrs: SFTPAttrs) -> None:
        """Times and modes are accepted without effect; the path must exist."""
        await self._answer(self._in_thread(self._entry, path))

    async def lsetstat(self, path: bytes, attrs: SFTPAttrs) -> None:
        """As setstat."""
        await self.setstat(path, attrs)

    async def fsetstat(self, file_obj: object, attrs: SFTPAttrs) -> None:
        """Times and modes are accepted without effect; a size truncates an upload."""
        if isinstance(file_obj, Upload) and attrs.size is not None:
            try:
                file_obj.truncate(attrs.size)
            except Refusal as refusal:
                raise self._status(refusal) from refusal

    async def fsync(self, file_obj: object) -> None:
        """Accepted: the bytes are made durable at CLOSE, before it is answered."""

    async def mkdir(self, path: bytes, attrs: SFTPAttrs) -> None:
        """Refused."""
        raise self._status(Refusal("NO_MKDIR"))

    async def rmdir(self, path: bytes) -> None:
        """Refused."""
        raise self._status(Refusal("NO_REMOVE"))

    async def symlink(self, oldpath: bytes, newpath: bytes) -> None:
        """Refused."""
        raise self._status(Refusal("NO_LINKS"))

    async def link(self, oldpath: bytes, newpath: bytes) -> None:
        """Refused."""
        raise self._status(Refusal("NO_LINKS"))

    async def readlink(self, path: bytes) -> bytes:
        """Refused."""
        raise self._status(Refusal("NO_LINKS"))

    async def exit(self) -> None:
        """The session ends. OpenSSH's scp returns 1 after a good upload when no exit status is sent."""
        if not self.channel.is_closing():
            self.channel.exit(0)


async def _stream(entries: list[Entry]) -> AsyncIterator[SFTPName]:
    for entry in [Entry(".", None, 0.0), Entry("..", None, 0.0), *entries]:
        yield SFTPName(entry.name.encode("utf-8", "surrogateescape"), attrs=_attrs(entry))


def _attrs(entry: Entry) -> SFTPAttrs:
    """A listing's entry as SFTP version 3 attributes. The owner is nobody in particular."""
    modified = int(entry.modified)
    if entry.size is None:
        mode = stat.S_IFDIR | (0o755 if entry.writable else 0o555)
        return SFTPAttrs(permissions=mode, uid=0, gid=0, size=0, atime=modified, mtime=modified, nlink=1)
    mode = stat.S_IFREG | (0o644 if entry.writable else 0o444)
    return SFTPAttrs(permissions=mode, uid=0, gid=0, size=entry.size, atime=modified, mtime=modified, nlink=1)
