"""Session: the requests of one SFTP session.

Does: answers each request from the virtual tree; keeps what the session has open, and ends each upload as it ended.
Touches: through upload, view and the workflow.
Does not: keep state that outlives the session (house), or turn refusals into statuses (answers).
"""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import asyncssh
from asyncssh.sftp import SFTPAttrs, SFTPName

from gateway.domain.acts import verification_code
from gateway.domain.lifecycle import is_working_name
from gateway.domain.model import Account
from gateway.edge.sftp import acts, papers
from gateway.edge.sftp.acts import Act
from gateway.edge.sftp.answers import Answers
from gateway.edge.sftp.house import House
from gateway.edge.sftp.listing import Entry
from gateway.edge.sftp.opened import Download, open_to_read
from gateway.edge.sftp.papers import Paper, open_paper
from gateway.edge.sftp.removing import confirm, remove
from gateway.edge.sftp.statuses import attributes, listed
from gateway.edge.sftp.tree import Place, Sort, normal, parse
from gateway.edge.sftp.upload import (
    Upload,
    break_off,
    close_upload,
    finish_working,
    open_upload,
    rename_working,
)
from gateway.edge.sftp.view import View
from gateway.errors import GatewayError, Refusal, Temporary
from gateway.reports.plain import masked
from gateway.workflow.admit import Attempt
from gateway.workflow.receive import Received

CLOSE_WAITS = 20.0


class Session(asyncssh.SFTPServer):
    """One SFTP session of one account."""

    def __init__(self, channel: "asyncssh.SSHServerChannel[bytes]", house: House, account: Account, peer: str) -> None:
        super().__init__(channel)
        self.closing_by_client = False
        self._house = house
        self._ctx = house.ctx
        self._known = account
        self._peer = peer
        self._open: dict[int, object] = {}
        self._view = View(
            house.ctx, house.recent, self._account, house.fingerprints, house.monotonic, house.acts, house.drafts,
            self._stray,
        )  # fmt: skip
        self._answers = Answers(house, account.login, self._say)
        self._answering = False
        self.last_heard = house.monotonic()
        self.ended = False

    def _account(self) -> Account:
        """The account as the configuration in force has it; as it logged in when it is gone, and soon put out."""
        return self._ctx.configuration().participants.accounts.get(self._known.login, self._known)

    def is_uploading(self) -> bool:
        """Whether a file is being written, or a request waits for its answer."""
        return self._answering or any(isinstance(each, Upload | Paper) for each in self._open.values())

    def is_answering(self) -> bool:
        """Whether a request waits for its answer."""
        return self._answering

    def busy(self, now: bool) -> None:
        """See `wire.Told`."""
        self._answering = now
        self.last_heard = self._house.monotonic()

    def handles_allowed(self) -> int:
        """See `wire.Told`."""
        return self._house.handles

    def unsupported(self) -> Exception:
        """See `wire.Told`."""
        return self._answers.status(Refusal("UNSUPPORTED"))

    def unread_allowed(self) -> int:
        """See `wire.Told`."""
        return self._house.unread_bytes

    async def turn(self) -> None:
        """See `wire.Told`."""
        seconds = self._house.requests.owed(self._known.login, self._house.monotonic())
        if seconds:
            self._say("requests_slowed")
            await asyncio.sleep(seconds)

    def refused(self, code: int, word: str) -> None:
        """See `wire.Told`."""
        self._say("request_refused", status=code, code=word)

    def unforeseen(self) -> bytes:
        """See `wire.Told`."""
        mark = self._ctx.random_hex(4)
        self._house.tell("internal_error", mark=mark, account=self._known.login, error=True)
        return str(self._answers.status(Refusal("INTERNAL", id=mark))).encode()

    def broke_off(self, reason: str) -> None:
        """See `wire.Told`."""
        self._say("session_broken", reason=reason)

    def _stray(self, path: bytes) -> None:
        shown = path[:200].decode("utf-8", "surrogateescape")
        folder, _, name = shown.rpartition("/")
        # A code that was put in the wrong folder is still somebody's secret.
        shown = f"{folder}/VERIFICATIE_" if verification_code(name) is not None else shown
        self._say("path_refused", path=masked(shown))

    def _say(self, event: str, **facts: object) -> None:
        self._house.voice.say(event, self._known.login, account=self._known.login, peer=self._peer, **facts)

    # --- looking ------------------------------------------------------------------------------------------------------

    async def opendir(self, path: bytes, open_now: int) -> AsyncIterator[SFTPName]:
        """The entries of a folder, whole at once; a missing folder fails here."""
        if open_now >= self._house.listings:
            raise self._answers.status(Refusal("TOO_MANY_LISTINGS", max=self._house.listings))
        return listed(await self._answers.give(self._answers.look(self._view.entries_of, path)))

    async def stat(self, path: bytes) -> SFTPAttrs:
        """Attributes of a place."""
        return attributes(await self._answers.give(self._answers.look(self._view.entry, path)))

    async def lstat(self, path: bytes) -> SFTPAttrs:
        """Attributes of a place; there are no links."""
        return await self.stat(path)

    async def fstat(self, file_obj: object) -> SFTPAttrs:
        """Attributes of an open file."""
        now = self._ctx.now().timestamp()
        if isinstance(file_obj, Upload):
            return attributes(Entry(file_obj.attempt.name, file_obj.size, now, writable=True))
        if isinstance(file_obj, Download):
            return attributes(Entry("", len(file_obj.body), now))
        if isinstance(file_obj, Act | Paper):
            return attributes(Entry("", file_obj.size, now, writable=True))
        raise asyncssh.SFTPInvalidHandle("")

    async def realpath(self, path: bytes) -> bytes:
        """The path with `.` and `..` resolved."""
        try:
            return ("/" + "/".join(normal(path))).encode("utf-8", "surrogateescape")
        except ValueError:
            raise self._answers.status(Refusal("NO_SUCH_FILE")) from None

    # --- opening, reading, writing, closing ---------------------------------------------------------------------------

    async def open(self, path: bytes, pflags: int, attrs: SFTPAttrs) -> object:
        """Open for reading (reports, generated files) or for writing (inbox)."""
        if len(self._open) >= self._house.handles:
            raise self._answers.status(Refusal("TOO_MANY_HANDLES", max=self._house.handles))
        writing = pflags & (asyncssh.FXF_WRITE | asyncssh.FXF_APPEND | asyncssh.FXF_CREAT | asyncssh.FXF_TRUNC)
        opened: Upload | Download | Act | Paper = (
            await self._open_to_write(path, pflags)
            if writing
            else await self._answers.give(self._answers.look(open_to_read, self._view, path))
        )
        if isinstance(opened, Download) and not self._house.may_hold(self._known.login, len(opened.body)):
            raise self._answers.status(Refusal("BUSY"))
        self._open[id(opened)] = opened
        return opened

    async def _open_to_write(self, path: bytes, pflags: int) -> Upload | Act | Paper:
        place = parse(path)
        truncate = bool(pflags & asyncssh.FXF_TRUNC)
        if place is not None and place.sort is Sort.ASSESSOR_FILE:
            house = self._house
            opening_paper = partial(
                open_paper, self._ctx, self._account(), house.drafts, place, house.monotonic, truncate=truncate
            )
            return await self._answers.give(self._answers.in_thread(opening_paper))
        if place is None or not (place.sort is Sort.UPLOAD or acts.is_act(place)):
            raise self._answers.status(Refusal("READ_ONLY"))
        attempt = Attempt(self._account(), place.code, place.lane, place.name)
        if acts.is_act(place):
            finding = self._answers.in_thread(acts.find, self._ctx, self._account(), place)
            return await self._answers.give(finding, attempt if place.code else None)
        if pflags & asyncssh.FXF_EXCL and await self._answers.in_thread(self._stands, path):
            # phpseclib sets a time that way: it makes the file anew only when it is not there.
            raise self._answers.status(Refusal("EXISTS"))
        opening = self._answers.in_thread(
            partial(open_upload, self._ctx, self._house.writers, attempt, truncate=truncate)
        )
        return await self._answers.give(opening, attempt)

    def _stands(self, path: bytes) -> bool:
        try:
            self._view.entry(path)
        except Refusal:
            return False
        return True

    async def read(self, file_obj: object, offset: int, size: int) -> bytes:
        """Bytes of a file open for reading. When all of a report was read it counts as collected."""
        if not isinstance(file_obj, Download):
            raise self._answers.status(Refusal("NO_READ_BACK"))
        before = bool(file_obj.unread)
        data = file_obj.read(offset, min(size, self._house.read_bytes))
        if before and not file_obj.unread and file_obj.collected:
            await self._answers.give(self._answers.in_thread(file_obj.collected))
        return data

    async def write(self, file_obj: object, offset: int, data: bytes) -> int:
        """Bytes for a file open for writing."""
        if isinstance(file_obj, Act):
            file_obj.size = max(file_obj.size, offset + len(data))
            return len(data)
        if not isinstance(file_obj, Upload | Paper):
            raise asyncssh.SFTPInvalidHandle("")
        try:
            return file_obj.write(offset, data)
        except Refusal as refusal:
            raise self._answers.status(refusal) from refusal

    def write_now(self, opened: object, offset: int, data: memoryview) -> bool:
        """See `wire.Told`."""
        try:
            return isinstance(opened, Upload) and opened.write(offset, data) == len(data)
        except Refusal:
            return False

    async def close(self, file_obj: object) -> None:
        """The client's own CLOSE, or a clean-up after the line is gone: only the first can make a drop."""
        by_client = self.closing_by_client
        if self._open.pop(id(file_obj), None) is None:
            return
        if isinstance(file_obj, Download):
            self._house.let_go(self._known.login, len(file_obj.body))
        if isinstance(file_obj, Act) and by_client:
            place = file_obj.place
            attempt = Attempt(self._account(), place.code, place.lane, place.name) if place.code else None
            await self._answers.give(self._answers.in_thread(file_obj.done), attempt)
            self._acted(file_obj)
        if isinstance(file_obj, Paper) and by_client:
            await self._answers.give(self._answers.in_thread(file_obj.close))
            self._remember(file_obj.place, file_obj.size)
        if not isinstance(file_obj, Upload):
            return
        if not by_client:
            await self._break_off(file_obj)
            return
        await self._answers.give(self._drop(file_obj), file_obj.attempt)

    def _acted(self, act: Act) -> None:
        """Clients look at what they closed or renamed."""
        place = act.place
        if place.sort is Sort.UPLOAD:
            self._house.recent.add(place.code, place.lane, place.name, act.size)
        else:
            self._remember(place, act.size)

    def _remember(self, place: Place, size: int) -> None:
        if not is_working_name(place.name) or place.sort is not Sort.ASSESSOR_FILE:
            self._house.acts.add(self._known.login, place, size, self._house.monotonic())

    async def _break_off(self, upload: Upload) -> None:
        """Never raises: the session has other handles to be closed."""
        self._house.tell("broken_off", account=self._known.login, municipality=upload.attempt.municipality)
        try:
            await self._answers.in_thread(break_off, self._ctx, self._house.writers, upload)
        except (GatewayError, OSError) as error:
            self._house.tell("temporary", account=self._known.login, reason=str(error))

    async def _drop(self, upload: Upload) -> None:
        answer = await self._answers.in_thread(close_upload, self._ctx, self._house.writers, self._house.intake, upload)
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
        if new is not None and new.sort in (Sort.UPLOAD, Sort.SELECTION):
            attempt = Attempt(self._account(), new.code, new.lane, new.name)
        await self._answers.give(self._rename(oldpath, old, new), attempt)

    async def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
        """As rename; a final name is never overwritten, it is delivered again."""
        await self.rename(oldpath, newpath)

    async def _rename(self, oldpath: bytes, old: Place | None, new: Place | None) -> None:
        await self._answers.in_thread(self._view.place, oldpath)
        if old is None or new is None:
            raise Refusal("NO_RENAME")
        if old.sort is Sort.REPORT:
            await self._answers.in_thread(confirm, self._ctx, self._account(), old)
            return
        if old.sort is new.sort is Sort.ASSESSOR_FILE:
            renaming_paper = partial(papers.rename, self._ctx, self._account(), self._house.drafts, old, new)
            self._remember(new, await self._answers.in_thread(renaming_paper, self._house.monotonic()))
            return
        if acts.is_act(new):
            written = self._house.acts.size(self._known.login, old, self._house.monotonic())
            renaming = partial(acts.rename, self._ctx, self._account(), old, new, written)
            self._acted(await self._answers.in_thread(renaming))
            return
        same_folder = (old.sort, old.code, old.lane) == (Sort.UPLOAD, new.code, new.lane)
        if not same_folder or new.sort is not Sort.UPLOAD or not is_working_name(old.name):
            raise Refusal("NO_RENAME")
        if is_working_name(new.name):
            attempt = Attempt(self._account(), new.code, new.lane, new.name)
            await self._answers.in_thread(rename_working, self._ctx, attempt, old.name)
            return
        attempt = Attempt(self._account(), new.code, new.lane, new.name)
        size = (await self._answers.in_thread(self._view.entry, oldpath)).size or 0
        finishing = partial(finish_working, self._ctx, self._house.intake)
        answer = await self._answers.in_thread(finishing, attempt, old.name)
        await self._received(asyncio.wrap_future(answer), attempt, size)

    async def remove(self, path: bytes) -> None:
        """In the outbox an acknowledgement; in the inbox it withdraws nothing."""
        removing = self._answers.in_thread(remove, self._house, self._view, self._account(), path)
        await self._answers.give(removing)

    async def setstat(self, path: bytes, attrs: SFTPAttrs) -> None:
        """Times and modes are accepted without effect; the path must exist."""
        await self._answers.give(self._answers.look(self._view.entry, path))

    async def lsetstat(self, path: bytes, attrs: SFTPAttrs) -> None:
        """As setstat."""
        await self.setstat(path, attrs)

    async def fsetstat(self, file_obj: object, attrs: SFTPAttrs) -> None:
        """Times and modes are accepted without effect; a size truncates an upload."""
        if isinstance(file_obj, Upload | Paper) and attrs.size is not None:
            try:
                file_obj.truncate(attrs.size)
            except Refusal as refusal:
                raise self._answers.status(refusal) from refusal

    async def fsync(self, file_obj: object) -> None:
        """Accepted: the bytes are made durable at CLOSE, before it is answered."""

    async def mkdir(self, path: bytes, attrs: SFTPAttrs) -> None:
        """Refused."""
        raise self._answers.status(Refusal("NO_MKDIR"))

    async def rmdir(self, path: bytes) -> None:
        """Refused."""
        raise self._answers.status(Refusal("NO_REMOVE"))

    async def symlink(self, oldpath: bytes, newpath: bytes) -> None:
        """Refused."""
        raise self._answers.status(Refusal("NO_LINKS"))

    async def link(self, oldpath: bytes, newpath: bytes) -> None:
        """Refused."""
        raise self._answers.status(Refusal("NO_LINKS"))

    async def readlink(self, path: bytes) -> bytes:
        """Refused."""
        raise self._answers.status(Refusal("NO_LINKS"))

    async def fstatvfs(self, file_obj: object) -> Any:
        """Refused."""
        raise self.unsupported()

    def map_path(self, path: bytes) -> bytes:
        """No virtual path has a real one. Every method of asyncssh's own server asks here first, so that a request
        which this class does not answer itself is refused and never reaches the disk."""
        raise self.unsupported()

    async def exit(self) -> None:
        """The session ends. OpenSSH's scp returns 1 after a good upload when no exit status is sent."""
        self.ended = True
        if not self.channel.is_closing():
            self.channel.exit(0)
