"""Mail: letters to people, by SMTP or into a folder.

Does: writes a letter as an RFC 5322 message and offers it to a mail server (`SmtpPost`, aiosmtplib), or puts it as a
.eml file in a folder where a person finds it (`FolderPost`). Both are a `Post` and pass one suite.
Touches: the mail server, or the folder.
Does not: choose recipients or words, keep what is owed, or try again: the caller hears what became of each letter.

A server that falls silent after DATA may have taken the letter: that is `Temporary`, and the letter offered again has
the same Message-ID, by which mail programs and servers know it.

A 5xx about one recipient or one message is `Undeliverable`. A server that refuses *us* (login, sender, TLS) would
refuse every letter: that is `Temporary`, so that a wrong password costs a delay and no mail.
"""

import asyncio
import os
import ssl
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import BaseHeader, HeaderRegistry
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Protocol

import aiosmtplib

from gateway.config import Settings
from gateway.config.addresses import is_loopback
from gateway.config.sections import Mail
from gateway.errors import GatewayError, Temporary, Undeliverable

# A server that failed twice in a row (silence, a cut line) will do so for the rest; once may be one letter's fault.
STRIKES = 2
# At the end of a service a letter under way has so long: the server may have taken it already, and would get it twice.
GRACE_SECONDS = 2.0
PRIVATE_FOLDER = 0o700


class _Headers(HeaderRegistry):
    """The registry of the library makes a class for each header of each mail, a third of the processor time that a
    mail takes. Here each is made once; the names are our own few."""

    def __init__(self) -> None:
        super().__init__()
        self._made: dict[str, type[BaseHeader]] = {}

    def __getitem__(self, name: str) -> type[BaseHeader]:
        found = self._made.get(name)
        if found is None:
            found = self._made[name] = super().__getitem__(name)
        return found


WIRE = SMTP.clone(header_factory=_Headers())


@dataclass(frozen=True, slots=True)
class Letter:
    """One mail to one address. `id` names it for ever, `at` is the moment it was owed (aware)."""

    id: str
    recipient: str
    subject: str
    text: str
    html: str
    at: datetime


Done = Callable[[Letter, GatewayError | None], None]


class Post(Protocol):
    """A way for letters to leave."""

    def send(self, letters: Iterable[Letter], done: Done) -> None:
        """Offer each letter once, in order, and tell `done` at once what became of it: None (taken), `Temporary` or
        `Undeliverable`. After `close` no further letter is taken from `letters`."""

    def close(self) -> None:
        """Begin no other letter, and break off the one under way when it does not end soon; from another thread. One
        that is broken off is not told of: nobody knows its fate."""


def compose(letter: Letter, sender: str, reply_to: str | None) -> EmailMessage:
    """The message, the same bytes each time. Undeliverable when a header would hold a line end or control character."""
    for value in (letter.id, letter.recipient, letter.subject, sender, reply_to or ""):
        if any(ord(character) < 32 or ord(character) == 127 for character in value):
            raise Undeliverable(f"a header of mail {letter.id!r} would hold a control character")
    message = EmailMessage(policy=WIRE)
    try:
        message["From"] = sender
        message["To"] = letter.recipient
        if reply_to is not None:
            message["Reply-To"] = reply_to
        message["Subject"] = letter.subject
        message["Date"] = letter.at
        message["Message-ID"] = f"<{letter.id}@{sender.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"
    except (ValueError, IndexError) as error:
        raise Undeliverable(f"mail {letter.id} cannot be addressed: {type(error).__name__}") from error
    message.set_content(letter.text, cte="quoted-printable")
    message.add_alternative(letter.html, subtype="html", cte="quoted-printable")
    message.set_boundary(f"=_{letter.id}")
    return message


class FolderPost:
    """Letters as .eml files in `folder`, which mail programs open. `write` makes a file appear whole and durable."""

    def __init__(
        self, folder: Path, write: Callable[[Path, bytes], None], *, sender: str, reply_to: str | None = None
    ) -> None:
        self._folder = folder
        self._write = write
        self._sender = sender
        self._reply_to = reply_to
        self._closed = threading.Event()

    def send(self, letters: Iterable[Letter], done: Done) -> None:
        """See `Post.send`. A letter that was written before is written again under the same name."""
        for letter in letters:
            fate: GatewayError | None = None
            try:
                body = compose(letter, self._sender, self._reply_to).as_bytes()
                self._make_folder()
                self._write(self._folder / f"{letter.at:%Y%m%dT%H%M%S}-{letter.id}.eml", body)
            except OSError as error:
                fate = Temporary(f"{error.strerror}: {error.filename}")
            except (Temporary, Undeliverable) as error:
                fate = error
            done(letter, fate)
            if self._closed.is_set():
                return

    def _make_folder(self) -> None:
        """Make the folder unless it is there; durable before anybody is told that a letter lies in it."""
        if self._folder.is_dir():
            return
        self._folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        parent = os.open(self._folder.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(parent)
        finally:
            os.close(parent)

    def close(self) -> None:
        """See `Post.close`."""
        self._closed.set()


class SmtpPost:
    """Letters to the mail server of the settings, over one connection for as long as it holds."""

    def __init__(self, settings: Mail) -> None:
        self._settings = settings
        self._running: tuple[asyncio.AbstractEventLoop, asyncio.Task[None]] | None = None
        self._closed = threading.Event()

    def send(self, letters: Iterable[Letter], done: Done) -> None:
        """See `Post.send`."""
        with suppress(asyncio.CancelledError):
            asyncio.run(self._send(letters, done))

    def close(self) -> None:
        """See `Post.close`."""
        self._closed.set()
        if self._running is not None:
            loop, task = self._running
            # The loop may have ended between the look and the call.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(lambda: loop.call_later(GRACE_SECONDS, task.cancel))

    async def _send(self, letters: Iterable[Letter], done: Done) -> None:
        task = asyncio.current_task()
        if task is None or self._closed.is_set():
            return
        self._running = asyncio.get_running_loop(), task
        line = _Line(self._settings)
        try:
            for letter in letters:
                done(letter, await line.offer(letter))
                if self._closed.is_set():
                    break
            self._running = None
            await line.hang_up()
        finally:
            self._running = None
            line.abandon()


class _Client(aiosmtplib.SMTP):
    """A client that lets go at once, in every way in which a conversation ends: a polite end of TLS waits for the other
    side and would outlive the event loop of this sending, with its socket. It closes itself when connecting, STARTTLS
    or the login fails, and forgets its transport then; so nobody but the client can do this."""

    def close(self) -> None:
        """Close the connection now."""
        if isinstance(self.transport, asyncio.WriteTransport):
            self.transport.abort()
        super().close()


class _Line:
    """One conversation with the server, taken up again when it breaks; `_down` is why nothing more is tried."""

    def __init__(self, settings: Mail) -> None:
        self._settings = settings
        self._client: _Client | None = None
        self._down: Temporary | None = None
        self._strikes = 0

    async def offer(self, letter: Letter) -> GatewayError | None:
        """Offer one letter; what became of it."""
        settings = self._settings
        try:
            message = compose(letter, settings.sender, settings.reply_to)
        except Undeliverable as error:
            return error
        if self._down is not None:
            return self._down
        client = await self._connected()
        if client is None:
            return self._down
        try:
            options = [] if (letter.recipient + settings.sender).isascii() else ["SMTPUTF8"]
            body = message.as_bytes(policy=WIRE.clone(utf8=bool(options)))
            await client.sendmail(settings.sender, letter.recipient, body, mail_options=options)
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            return self._fate(error)
        self._strikes = 0
        return None

    async def _connected(self) -> _Client | None:
        """The client, connected and logged in; None when that fails, which holds for all letters of this call."""
        if self._client is not None and self._client.is_connected:
            return self._client
        await self.hang_up()
        settings = self._settings
        try:
            client = _Client(
                hostname=settings.host,
                port=settings.port,
                username=settings.user,
                password=_password(settings),
                use_tls=settings.tls == "tls",
                start_tls=settings.tls == "starttls",
                tls_context=_trust(settings),
                timeout=settings.timeout_seconds,
            )
            await client.connect()
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            self._down = Temporary(f"mail server {settings.host}:{settings.port}: {_words(error)}")
            return None
        self._client = client
        return client

    def _fate(self, error: Exception) -> GatewayError:
        """What a failure means for the letter, and for those after it."""
        answer: Exception = error
        if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
            answer = error.recipients[0]
        refused = isinstance(answer, aiosmtplib.SMTPRecipientRefused | aiosmtplib.SMTPDataError)
        if isinstance(answer, aiosmtplib.SMTPResponseException) and refused and 500 <= answer.code < 600:
            self._strikes = 0
            return Undeliverable(_words(answer))
        if isinstance(answer, aiosmtplib.SMTPNotSupported | ValueError | UnicodeError):
            return Undeliverable(_words(answer))
        fate = Temporary(_words(answer))
        if isinstance(answer, aiosmtplib.SMTPSenderRefused):
            self._down = fate
        elif isinstance(answer, OSError):
            # Silence or a cut line: whatever the server says next may be about this letter, so it is a new line.
            self._strikes += 1
            self.abandon()
            if self._strikes >= STRIKES:
                self._down = fate
        else:
            self._strikes = 0
        return fate

    def abandon(self) -> None:
        """Leave without a word; harmless when the line is closed."""
        if self._client is not None:
            self._client.close()
            self._client = None

    async def hang_up(self) -> None:
        """Say goodbye when somebody is there to hear it."""
        if self._client is not None and self._client.is_connected:
            with suppress(aiosmtplib.SMTPException, OSError):
                await self._client.quit(timeout=1)
        self.abandon()


def _password(settings: Mail) -> str | None:
    return None if settings.password_file is None else settings.password_file.read_text(encoding="utf-8").strip()


def _trust(settings: Mail) -> ssl.SSLContext | None:
    if settings.tls == "none":
        return None
    return ssl.create_default_context(cafile=None if settings.ca_file is None else str(settings.ca_file))


def _words(error: Exception) -> str:
    """The failure on one line, for the operator. The server's words may repeat the recipient's address, nothing else
    of ours."""
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return " ".join(f"{error.code} {error.message}".split())[:200]
    return " ".join(f"{type(error).__name__}: {error}".split())[:200]


def post_for(settings: Settings, write: Callable[[Path, bytes], None], *, sandbox: bool) -> Post:
    """The way out that is configured. A sandbox mails to this machine or into the folder, never to people."""
    mail = settings.mail
    if mail is not None and (not sandbox or is_loopback(mail.host)):
        return SmtpPost(mail)
    sender = settings.desks.access.mail if mail is None else mail.sender
    reply_to = None if mail is None else mail.reply_to
    return FolderPost(settings.paths.outbox / ".mail", write, sender=sender, reply_to=reply_to)
