"""A real mail server (aiosmtpd) on the loopback interface, that behaves as a test tells it to.

Does: listens in a thread of its own, keeps what it accepted, answers each step as it is told, falls silent or cuts the
line; makes a certificate for STARTTLS.
Touches: the loopback interface.
Does not: assert.
"""

import asyncio
import ipaddress
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP as WIRE
from pathlib import Path
from types import SimpleNamespace, TracebackType
from typing import Any, Self

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from gateway.config.sections import Mail

OK = "250 OK"
SILENCE = "silence"
CUT = "cut"


@dataclass
class Behaviour:
    """What the server answers; each is asked with the number of times it was asked before. `SILENCE` never answers,
    `CUT` ends the connection."""

    mail: Callable[[int], str] = lambda _n: OK
    rcpt: Callable[[str, int], str] = lambda _address, _n: OK
    data: Callable[[int], str] = lambda _n: OK


@dataclass
class Taken:
    """One message as it arrived, whatever was answered to it."""

    sender: str
    recipients: list[str]
    message: EmailMessage
    answer: str
    tls: bool
    login: str | None


@dataclass
class MailServer:
    """Start with `with`; `taken` is everything that arrived whole. `port` 0 takes a free one."""

    behaviour: Behaviour = field(default_factory=Behaviour)
    port: int = 0
    parameters: dict[str, Any] = field(default_factory=dict)
    tls: ssl.SSLContext | None = None
    taken: list[Taken] = field(default_factory=list)
    connections: int = 0

    def __post_init__(self) -> None:
        self.arrived = threading.Condition()
        self.asked: dict[str, int] = {}
        self._loop = asyncio.new_event_loop()
        self._silence = asyncio.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._ready = threading.Event()
        self._transports: list[asyncio.BaseTransport] = []
        self._conversations: list[SMTP] = []

    @property
    def accepted(self) -> list[Taken]:
        """What the server said OK to."""
        return [each for each in self.taken if each.answer.startswith("250")]

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def wait(self, look: Callable[[], bool], seconds: float = 20) -> None:
        """Wait until something that arrives makes `look` true."""
        with self.arrived:
            assert self.arrived.wait_for(look, seconds)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(
            self._loop.create_server(self._protocol, "127.0.0.1", self.port, ssl=self.tls)
        )
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        self._silence.set()
        server.close()
        # A client that left before MAIL is among the conversations only; after STARTTLS the first transport is not.
        for transport in [*self._transports, *(each.transport for each in self._conversations)]:
            if transport is not None:
                transport.close()
        pending = asyncio.all_tasks(self._loop)
        for task in pending:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*pending, return_exceptions=True))
        self._loop.run_until_complete(server.wait_closed())
        self._loop.close()

    def _protocol(self) -> SMTP:
        self.connections += 1
        hooks = SimpleNamespace(handle_MAIL=self._mail, handle_RCPT=self._rcpt, handle_DATA=self._data)
        made = SMTP(hooks, loop=self._loop, enable_SMTPUTF8=True, ident="test", **self.parameters)
        self._conversations.append(made)
        return made

    def _number(self, step: str) -> int:
        self.asked[step] = self.asked.get(step, -1) + 1
        return self.asked[step]

    async def _answer(self, server: SMTP, said: str) -> str:
        if server.transport is not None:
            self._transports.append(server.transport)
        if said == SILENCE:
            await self._silence.wait()
        elif said == CUT and server.transport is not None:
            server.transport.close()
        return said

    async def _mail(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        """MAIL FROM."""
        said = await self._answer(server, self.behaviour.mail(self._number("mail")))
        if said == OK:
            envelope.mail_from = address
            envelope.mail_options.extend(options)
        return said

    async def _rcpt(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        """RCPT TO."""
        said = await self._answer(server, self.behaviour.rcpt(address, self._number(address)))
        if said == OK:
            envelope.rcpt_tos.append(address)
        return said

    async def _data(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """The message is here, whole."""
        said = self.behaviour.data(self._number("data"))
        content = envelope.original_content or b""
        message = message_from_bytes(content, policy=WIRE)
        taken = Taken(
            sender=str(envelope.mail_from),
            recipients=[str(each) for each in envelope.rcpt_tos],
            message=message,
            answer=said,
            tls=session.ssl is not None,
            login=str(session.auth_data) if session.authenticated else None,
        )
        with self.arrived:
            self.taken.append(taken)
            self.arrived.notify_all()
        return await self._answer(server, said)


def settings(port: int, seconds: float = 5, **more: object) -> Mail:
    """Mail settings for a server on this machine. `seconds` may be a fraction here."""
    written: dict[str, object] = {"host": "127.0.0.1", "port": port, "from": "gateway@desk.example", "tls": "none"}
    return Mail.model_validate(written | more).model_copy(update={"timeout_seconds": seconds})


def check_login(_server: object, _session: object, _envelope: object, mechanism: str, data: object) -> AuthResult:
    """Lets in the one login of the tests."""
    good = isinstance(data, LoginPassword) and (data.login, data.password) == (b"gateway", b"secret")
    name = data.login.decode() if isinstance(data, LoginPassword) else None
    return AuthResult(success=good, handled=True, auth_data=name)


def certificate(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """A server's TLS context with a self-signed certificate for 127.0.0.1, and the file to trust."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail server of a test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    trust, secret = folder / "ca.pem", folder / "key.pem"
    trust.write_bytes(made.public_bytes(Encoding.PEM))
    secret.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(trust, secret)
    return context, trust
