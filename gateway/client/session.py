"""One SFTP session with the gateway, on paramiko.

Does: connects, logs in with one key, and gives the few requests that put and fetch need. What the gateway refuses comes
out as Refused, a lost or silent line as Temporary, a door that stays shut as Stopped.
Touches: the network.
Does not: try again, or trust a name that the server lists.

paramiko hides what a CLOSE is answered. Bytes are therefore sent under a working name, each write waits for its answer,
and the rename, whose answer paramiko does give, is the moment of dropping.
"""

import errno
import logging
import re
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import paramiko

from gateway.client.hostkey import Pinning, changed
from gateway.client.outcome import Outcome, Refused, Stopped, Tell
from gateway.errors import Temporary

CHUNK = 32_768  # what one WRITE of SFTP surely holds
CONNECT_SECONDS = 20.0
# The gateway answers a rename after 20 seconds at the latest.
ANSWER_SECONDS = 60.0
KEEPALIVE_SECONDS = 15
MUNICIPALITY = re.compile(r"[0-9]{4}")
REFUSAL = re.compile(r"(?P<code>[A-Z][A-Z_]+) (?P<nl>.+?) \| (?P<en>.+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Server:
    """Where to go and as whom. `key` None: whatever the agent and ~/.ssh offer. `host_key` is a SHA256 fingerprint that
    goes before known_hosts."""

    host: str
    port: int
    login: str
    known_hosts: Path
    key: Path | None = None
    host_key: str | None = None
    passphrase: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a remote folder; `modified` in seconds since 1970."""

    name: str
    size: int
    modified: int


class Session:
    """A session that is logged in. Every request raises Refused or Temporary."""

    def __init__(self, client: paramiko.SSHClient, sftp: paramiko.SFTPClient) -> None:
        self._client = client
        self._sftp = sftp

    def close(self) -> None:
        """Hang up."""
        self._client.close()

    def municipalities(self) -> tuple[str, ...]:
        """The codes of the municipalities that this account sees."""
        with _in_our_words():
            return tuple(sorted(name for name in self._sftp.listdir("/") if MUNICIPALITY.fullmatch(name)))

    def files(self, folder: str) -> tuple[Entry, ...]:
        """The files of a folder, in the server's order: oldest report first."""
        with _in_our_words():
            return tuple(
                Entry(each.filename, each.st_size or 0, each.st_mtime or 0)
                for each in self._sftp.listdir_attr(folder)
                if each.st_mode is None or not each.st_mode & 0o040000
            )

    def read(self, path: str) -> bytes:
        """All bytes of a file."""
        with _in_our_words(), self._sftp.open(path, "rb") as file:
            return bytes(file.read())

    def send(self, path: str, chunks: Iterable[bytes]) -> None:
        """Write a file; every chunk is answered before the next is sent."""
        with _in_our_words():
            file = self._sftp.open(path, "wb")
        try:
            for chunk in chunks:
                with _in_our_words():
                    file.write(chunk)
        finally:
            file.close()

    def rename(self, old: str, new: str) -> None:
        """Give a file another name; from a working name to a final one it is the moment of dropping."""
        with _in_our_words():
            self._sftp.rename(old, new)

    def remove(self, path: str) -> None:
        """Remove a file; in the outbox that acknowledges its set."""
        with _in_our_words():
            self._sftp.remove(path)


@contextmanager
def _in_our_words() -> Iterator[None]:
    try:
        yield
    except (EOFError, paramiko.SSHException) as error:
        raise Temporary(str(error) or type(error).__name__) from error
    except OSError as error:
        raise _said(error) from error


def _said(error: OSError) -> Refused | Temporary:
    """paramiko gives a status as an OSError whose last argument is the server's text; sockets raise OSErrors too."""
    text = str(error.args[-1]) if error.args else ""
    final = error.errno in (errno.EACCES, errno.ENOENT)
    found = REFUSAL.fullmatch(text)
    if found:
        return Refused(found["code"], found["nl"], found["en"], passing=not final)
    if final:
        return Refused("", text, text, passing=False)
    return Temporary(text or type(error).__name__)


def connect(server: Server, tell: Tell) -> Session:
    """Log in. Stopped when it is no use to try again (host key, login, key file), Temporary when it may be."""
    # paramiko writes tracebacks of its own thread to stderr, besides raising them here.
    logging.getLogger("paramiko").setLevel(logging.CRITICAL + 1)
    key = _private_key(server)
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(Pinning(server.known_hosts, server.host_key, tell))
    try:
        if server.host_key is None and server.known_hosts.exists():
            client.load_host_keys(server.known_hosts)
        client.connect(
            server.host,
            server.port,
            server.login,
            pkey=key,
            allow_agent=key is None,
            look_for_keys=key is None,
            sock=_dial(server),
            timeout=CONNECT_SECONDS,
            banner_timeout=CONNECT_SECONDS,
            auth_timeout=CONNECT_SECONDS,
            channel_timeout=CONNECT_SECONDS,
        )
        return _open(client)
    except BaseException as error:
        client.close()
        if isinstance(error, paramiko.SSHException | OSError | EOFError):
            raise _why(server, error) from error
        raise


def _dial(server: Server) -> socket.socket:
    line = socket.create_connection((server.host, server.port), CONNECT_SECONDS)
    # Every write waits for its answer: with Nagle's algorithm each waits 40 ms for an acknowledgement as well.
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return line


def _open(client: paramiko.SSHClient) -> Session:
    transport = client.get_transport()
    if transport is not None:
        transport.set_keepalive(KEEPALIVE_SECONDS)
    sftp = client.open_sftp()
    channel = sftp.get_channel()
    if channel is not None:
        channel.settimeout(ANSWER_SECONDS)
    return Session(client, sftp)


def _private_key(server: Server) -> paramiko.PKey | None:
    if server.key is None:
        return None
    # PKey.from_path would choose by itself, but it cannot open a key with a passphrase that is text.
    for sort in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        try:
            return sort.from_private_key_file(str(server.key), server.passphrase)
        except paramiko.PasswordRequiredException as error:
            raise Stopped(Outcome.DENIED, "client.passphrase", file=str(server.key)) from error
        except (OSError, ValueError, TypeError, IndexError, paramiko.SSHException):
            continue
    raise Stopped(Outcome.DENIED, "client.key", file=str(server.key))


def _why(server: Server, error: Exception) -> Stopped | Temporary:
    if isinstance(error, paramiko.BadHostKeyException):
        return changed(server.host, error.expected_key.fingerprint, error.key.fingerprint)
    if isinstance(error, paramiko.AuthenticationException):
        # A line that breaks during login raises the same exception, with a longer text.
        if str(error) == "Authentication failed." or isinstance(error, paramiko.BadAuthenticationType):
            return Stopped(Outcome.DENIED, "client.login", login=server.login, host=server.host)
        return Temporary(str(error))
    if isinstance(error, paramiko.SSHException) and "No authentication methods" in str(error):
        return Stopped(Outcome.DENIED, "client.no_key")
    return Temporary(str(error) or type(error).__name__)


class Line:
    """A session that is made when it is asked for, and made anew after it was lost."""

    def __init__(self, server: Server, tell: Tell) -> None:
        self._server = server
        self._tell = tell
        self._session: Session | None = None

    def session(self) -> Session:
        """The session; raises as `connect`."""
        if self._session is None:
            self._session = connect(self._server, self._tell)
        return self._session

    def hang_up(self) -> None:
        """End the session, however it is."""
        if self._session is not None:
            with suppress(EOFError, OSError, paramiko.SSHException):
                self._session.close()
            self._session = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.hang_up()
