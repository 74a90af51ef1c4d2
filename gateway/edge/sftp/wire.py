"""The private names of asyncssh that this door relies on, in one place.

Does: `install` checks that they exist and puts a few handlers in the table of SFTP requests. CLOSE marks the session
while the client itself closes a handle, because `SFTPServer.close()` looks the same for a CLOSE, a cut line and an EOF.
OPENDIR asks the session at once, so that a missing folder fails there and not at the first READDIR. WRITE takes surplus
bytes at its end: Debian 12's rclone sends them; those that arrive together are answered together. copy-data is refused,
because onto itself it fills the disk. limits tells what this door allows. Before each request its account's turn comes;
after each reply others have theirs, and the next request waits until the client has taken most of what was sent, so
that nobody fills the memory with answers that he does not read. A packet longer than limits tells ends the session
before it is read. Each refusal, and how a session broke off, is told to the session, and no exception's own text to the
client. However a session ends, its handles are closed: asyncssh forgets them when the client sends a signal or a window
size. Before login the service may be asked for again, as OpenSSH allows: paramiko does so with each key it tries, and
would be cut off at its second.
Touches: class attributes of SFTPServerHandler and SSHConnection. Other servers in this process are left alone.
Does not: change the protocol. A version of asyncssh without these names is refused at start.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Protocol, runtime_checkable

from asyncssh.channel import SSHChannel
from asyncssh.connection import SSHConnection
from asyncssh.constants import (
    FX_EOF,
    FX_NO_SUCH_FILE,
    FX_OK,
    FXP_CLOSE,
    FXP_OPENDIR,
    FXP_STATUS,
    FXP_WRITE,
    MSG_SERVICE_REQUEST,
)
from asyncssh.misc import ConnectionLost, Error
from asyncssh.packet import PacketDecodeError, SSHPacket
from asyncssh.sftp import SFTPBadMessage, SFTPHandler, SFTPInvalidHandle, SFTPLimits, SFTPName, SFTPServerHandler

from gateway.edge.sftp import bulk, guard

NEEDED = (
    "run",
    "_packet_handlers",
    "_process_packet",
    "_process_close",
    "_process_opendir",
    "_process_write",
    "_process_limits",
    "_process_copy_data",
    "_process_ranges",
    "_get_next_handle",
    "_extensions",
    "_cleanup",
    "recv_packet",
    "recv_packets",
    "send_packet",
)
NOT_OFFERED = (b"hardlink@openssh.com", b"copy-data", b"ranges@asyncssh.com", b"statvfs@openssh.com",
               b"fstatvfs@openssh.com")  # fmt: skip
NEEDED_BELOW = ("_packet_handlers", "_process_service_request", "get_owner", *guard.NEEDED)
NEEDED_OF_CHANNELS = bulk.NEEDED_OF_CHANNELS
USERAUTH = b"ssh-userauth"
# As OpenSSH's own server: a request and its head fit in 256 KiB.
LONGEST_DATA = 255 * 1024
LONGEST_PACKET = 256 * 1024
# A request of that length moves data, of which no more is taken than a file may have.
MOVES_DATA = 4096
# Length and kind of a status; its number follows, and OK without words.
WRITTEN = (17).to_bytes(4, "big") + bytes([FXP_STATUS])
DEFERRED = 64
LOOK_AGAIN = 0.05
UNFORESEEN = b"Uncaught exception"
NO_NEWS = (FX_OK, FX_EOF, FX_NO_SUCH_FILE)

_run = SFTPServerHandler.run
_process_packet = SFTPServerHandler._process_packet
_recv_packet = SFTPServerHandler.recv_packet
_recv_packets = SFTPServerHandler.recv_packets
_send_packet = SFTPServerHandler.send_packet
_cleanup = SFTPServerHandler._cleanup
_process_service_request = SSHConnection._process_service_request


@runtime_checkable
class Told(Protocol):
    """A session that is told of a client's own CLOSE and of each request, and answers OPENDIR at once."""

    closing_by_client: bool

    async def opendir(self, path: bytes, open_now: int) -> AsyncIterator[SFTPName]:
        """The entries of a folder; raises when it is not there. `open_now`: listings that the session has open."""

    def handles_allowed(self) -> int:
        """How many files it may have open."""

    def busy(self, now: bool) -> None:
        """A request is being answered, or it was."""

    def write_now(self, opened: object, offset: int, data: memoryview) -> bool:
        """Write bytes of an upload; False when there is more to say than OK, to be asked again the usual way."""

    def unsupported(self) -> Exception:
        """What to say of a request that is not offered."""

    def unread_allowed(self) -> int:
        """Bytes of answers that may wait for the client."""

    async def turn(self) -> None:
        """Wait until one more request of this account may be handled."""

    def refused(self, code: int, word: str) -> None:
        """A request was answered with this status; `word` is the first of its text."""

    def unforeseen(self) -> bytes:
        """What to say to the client of an error that nobody foresaw."""

    def broke_off(self, reason: str) -> None:
        """The session ends by an error of this name."""


@runtime_checkable
class Patient(Protocol):
    """A login that may ask for the authentication service more than once."""

    def is_known(self) -> bool:
        """Whether it is completed."""


def install() -> None:
    """Put the handlers in place; once per process, harmless when repeated. RuntimeError when asyncssh has changed."""
    missing = [name for name in NEEDED if not hasattr(SFTPServerHandler, name)]
    missing += [name for name in NEEDED_BELOW if not hasattr(SSHConnection, name)]
    missing += [name for name in NEEDED_OF_CHANNELS if not hasattr(SSHChannel, name)]
    if missing or not issubclass(SFTPServerHandler, SFTPHandler):
        raise RuntimeError(f"this asyncssh does not have {', '.join(missing)}; install 2.24.x")
    table: dict[int | bytes, Callable[[Any, SSHPacket], Awaitable[object]] | None] = SFTPServerHandler._packet_handlers
    table[FXP_CLOSE] = _close
    table[FXP_OPENDIR] = _opendir
    table[FXP_WRITE] = _write
    table[b"limits@openssh.com"] = _limits
    table[b"copy-data"] = _copy_data
    table[b"ranges@asyncssh.com"] = _ranges
    changed: dict[str, object] = {
        "run": _run_to_the_end,
        "recv_packet": _receive,
        "recv_packets": _serve,
        "_process_packet": _answer,
        "send_packet": _send,
        "_cleanup": _clean_up,
    }
    for name, function in changed.items():
        setattr(SFTPServerHandler, name, function)
    SSHConnection._packet_handlers[MSG_SERVICE_REQUEST] = _service_request


def _service_request(connection: Any, kind: int, number: int, packet: SSHPacket) -> None:
    login = connection.get_owner()
    if isinstance(login, Patient) and connection._auth_in_progress and not login.is_known():
        connection._next_service = USERAUTH
    _process_service_request(connection, kind, number, packet)


def _told(handler: Any) -> Told | None:
    """The session of a handler when it is one of ours. Looked at once: to hold an object against a protocol of ten
    methods takes longer than to answer a WRITE."""
    try:
        found: Told | None = handler.told
    except AttributeError:
        found = handler.told = handler._server if isinstance(handler._server, Told) else None
    return found


async def _run_to_the_end(handler: Any) -> None:
    if _told(handler) is None:
        await _run(handler)
        return
    handler._extensions = [each for each in handler._extensions if each[0] not in NOT_OFFERED]
    try:
        await _run(handler)
    except EOFError:
        # Before the first packet was whole; asyncssh would end the connection with all of its sessions.
        await handler._cleanup(SFTPBadMessage("Cut off"))
    except BaseException as error:
        await handler._cleanup(error if isinstance(error, Exception) else None)
        raise


async def _answer(handler: Any, pkttype: int, pktid: int, packet: SSHPacket) -> None:
    server = _told(handler)
    if server is None:
        await _process_packet(handler, pkttype, pktid, packet)
        return
    if len(packet.get_remaining_payload()) < MOVES_DATA:
        await server.turn()
    server.busy(True)
    try:
        await _process_packet(handler, pkttype, pktid, packet)
    finally:
        server.busy(False)
    # Requests that are answered from memory never wait: two megabytes of them would be one turn.
    await asyncio.sleep(0)
    await _taken(handler._writer, server.unread_allowed())


async def _serve(handler: Any) -> None:
    """As asyncssh's loop, but that WRITEs which arrived together are answered together, and at once: a task, a lock, a
    packet object and a message of its own for each of them took longer than to write it."""
    server = _told(handler)
    if server is None:
        await _recv_packets(handler)
        return
    received = b""
    try:
        while handler._reader:
            more = await handler._reader.read(LONGEST_PACKET)
            if not more:
                break
            received = await _serve_whole(handler, server, received + more)
        await handler._cleanup(None)
    except PacketDecodeError as error:
        await handler._cleanup(SFTPBadMessage(str(error)))
    except EOFError:
        await handler._cleanup(None)
    except (OSError, Error) as error:
        await handler._cleanup(error)


async def _serve_whole(handler: Any, server: Told, received: bytes) -> bytes:
    """Answer each request that is there whole; what is left."""
    at, answers = 0, []
    while len(received) - at >= 4:
        begins = at + 4
        ends = begins + int.from_bytes(received[at:begins], "big")
        if ends - begins > LONGEST_PACKET:
            raise SFTPBadMessage("Packet too long")
        if ends > len(received):
            break
        at = ends
        if ends - begins > MOVES_DATA and received[begins] == FXP_WRITE:
            answer = _write_now(handler, server, memoryview(received)[begins + 1 : ends])
            if answer:
                answers.append(answer)
                continue
        _send_answers(handler, answers)
        packet = SSHPacket(received[begins:ends])
        await handler._process_packet(packet.get_byte(), packet.get_uint32(), packet)
    if answers:
        server.busy(False)
        _send_answers(handler, answers)
        await asyncio.sleep(0)
        await _taken(handler._writer, server.unread_allowed())
    return received[at:]


def _write_now(handler: Any, server: Told, request: memoryview) -> bytes | None:
    """Number, handle, offset and data of a WRITE, and perhaps surplus bytes: OK to it, or None."""
    length = int.from_bytes(request[4:8], "big")
    opened = handler._file_handles.get(bytes(request[8 : 8 + length]))
    offset, data = request[8 + length : 16 + length], request[20 + length :]
    wanted = int.from_bytes(request[16 + length : 20 + length], "big")
    if opened is None or len(data) < wanted:
        return None
    if not server.write_now(opened, int.from_bytes(offset, "big"), data[:wanted]):
        return None
    return WRITTEN + request[:4] + bytes(12)


def _send_answers(handler: Any, answers: list[bytes]) -> None:
    if answers and handler._writer and not handler._writer.channel.is_closing():
        handler._writer.write(b"".join(answers))
    answers.clear()


async def _receive(handler: Any) -> SSHPacket:
    if _told(handler) is None:
        return await _recv_packet(handler)
    length = int.from_bytes(await handler._reader.readexactly(4), "big")
    if length > LONGEST_PACKET:
        raise SFTPBadMessage("Packet too long")
    return SSHPacket(await handler._reader.readexactly(length))


def _send(handler: Any, kind: int, number: int | None, *parts: bytes) -> None:
    """As it was, but that a refusal is told, and an exception's own text stays here."""
    server = _told(handler)
    if kind == FXP_STATUS and server is not None:
        status = SSHPacket(b"".join(parts[1:]))
        code, said = status.get_uint32(), status.get_string()
        if said.startswith(UNFORESEEN):
            said = server.unforeseen()
            parts = (parts[0], code.to_bytes(4, "big"), len(said).to_bytes(4, "big"), said, bytes(4))
        elif code not in NO_NEWS:
            server.refused(code, said.split(b" ")[0].decode("ascii", "replace"))
    _send_packet(handler, kind, number, *parts)


async def _clean_up(handler: Any, error: Exception | None) -> None:
    server = _told(handler)
    if server is not None and error is not None and not isinstance(error, ConnectionLost | OSError):
        server.broke_off(type(error).__name__)
    await _cleanup(handler, error)


async def _taken(writer: Any, unread: int) -> None:
    """Wait until the client has taken most of what was sent to it. Silent when it is gone: what it sent before that
    still has to be handled."""
    try:
        await writer.drain()
    except (OSError, Error):
        return
    # A channel that is closed has no connection any more.
    connection = None if writer.channel.is_closing() else writer.channel.get_connection()
    while isinstance(connection, SSHConnection) and (transport := connection._transport):
        # While keys are exchanged everything waits in a list of its own.
        deferred = len(connection._deferred_packets)
        if transport.is_closing() or (transport.get_write_buffer_size() <= unread and deferred <= DEFERRED):
            return
        await asyncio.sleep(LOOK_AGAIN)


async def _close(handler: Any, packet: SSHPacket) -> None:
    server = _told(handler)
    if server is None:
        await handler._process_close(packet)
        return
    # Requests of a session are handled one after the other, so the mark cannot be seen by another one's clean-up.
    server.closing_by_client = True
    try:
        await handler._process_close(packet)
    finally:
        server.closing_by_client = False


async def _opendir(handler: Any, packet: SSHPacket) -> bytes:
    server = _told(handler)
    if server is None:
        return bytes(await handler._process_opendir(packet))
    names = await server.opendir(packet.get_string(), len(handler._dir_handles))
    handle: bytes = handler._get_next_handle()
    handler._dir_handles[handle] = names
    return handle


async def _write(handler: Any, packet: SSHPacket) -> object:
    server = _told(handler)
    if server is None:
        return await handler._process_write(packet)
    handle, offset, data = packet.get_string(), packet.get_uint64(), packet.get_string()
    opened = handler._file_handles.get(handle)
    if opened is None:
        raise SFTPInvalidHandle("Invalid file handle")
    return await handler._server.write(opened, offset, data)


async def _limits(handler: Any, packet: SSHPacket) -> object:
    server = _told(handler)
    if server is None:
        return await handler._process_limits(packet)
    return SFTPLimits(LONGEST_PACKET, LONGEST_DATA, LONGEST_DATA, server.handles_allowed())


async def _copy_data(handler: Any, packet: SSHPacket) -> object:
    server = _told(handler)
    if server is not None:
        raise server.unsupported()
    return await handler._process_copy_data(packet)


async def _ranges(handler: Any, packet: SSHPacket) -> object:
    server = _told(handler)
    if server is not None:
        raise server.unsupported()
    return await handler._process_ranges(packet)
