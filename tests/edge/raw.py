"""SFTP packet by packet, over asyncssh's client: for what no well-behaved client would send.

Does: logs in, opens sessions, sends requests with or without waiting for their replies, cuts the line in several ways.
Touches: the loopback interface.
Does not: know what is right; tests do.
"""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncssh

INIT, VERSION, OPEN, CLOSE, READ, WRITE, LSTAT, FSTAT, SETSTAT, FSETSTAT, OPENDIR, READDIR, REMOVE = range(1, 14)
MKDIR, RMDIR, REALPATH, STAT, RENAME, READLINK, SYMLINK = range(14, 21)
EXTENDED = 200
STATUS, HANDLE, DATA, NAME, ATTRS = range(101, 106)
OK, EOF, NO_SUCH_FILE, PERMISSION_DENIED, FAILURE, BAD_MESSAGE = range(6)
OP_UNSUPPORTED = 8
TO_READ, TO_WRITE, APPEND, CREATE, TRUNCATE, EXCLUSIVE = (1 << n for n in range(6))
NEW = TO_WRITE | CREATE | TRUNCATE
NO_ATTRIBUTES = struct.pack(">I", 0)


def text(value: bytes | str) -> bytes:
    """A string as SFTP has it."""
    body = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
    return struct.pack(">I", len(body)) + body


def number(value: int) -> bytes:
    """Four bytes."""
    return struct.pack(">I", value)


def offset(value: int) -> bytes:
    """Eight bytes."""
    return struct.pack(">Q", value)


@dataclass(frozen=True, slots=True)
class Reply:
    """One packet from the server: its type, the request's id, the rest."""

    kind: int
    id: int
    body: bytes

    @property
    def code(self) -> int:
        """The code of a status; -1 for anything else."""
        return int(struct.unpack(">I", self.body[:4])[0]) if self.kind == STATUS else -1

    @property
    def said(self) -> str:
        """The text of a status."""
        return self.string(4).decode()

    def string(self, at: int = 0) -> bytes:
        """The string at an offset."""
        (size,) = struct.unpack(">I", self.body[at : at + 4])
        return self.body[at + 4 : at + 4 + size]


Connection = asyncssh.SSHClientConnection
Connecting = AbstractAsyncContextManager[Connection]
Streams = tuple["asyncssh.SSHWriter[bytes]", "asyncssh.SSHReader[bytes]", "asyncssh.SSHReader[bytes]"]


class Raw:
    """One SFTP session."""

    def __init__(self, session: Streams) -> None:
        self.stdin, self.stdout, self.stderr = session
        self._id = 0
        self.extensions: dict[bytes, bytes] = {}
        self.version = 0

    async def begin(self, version: int = 3) -> None:
        """INIT and VERSION."""
        body = struct.pack(">BI", INIT, version)
        self.stdin.write(number(len(body)) + body)
        packet = await self._packet()
        self.version = struct.unpack(">I", packet[1:5])[0]
        rest = Reply(VERSION, 0, packet[5:])
        at = 0
        while at < len(rest.body):
            name = rest.string(at)
            value = rest.string(at + 4 + len(name))
            self.extensions[name] = value
            at += 8 + len(name) + len(value)

    def send(self, kind: int, *parts: bytes) -> int:
        """Send a request and do not wait; its id."""
        self._id += 1
        body = struct.pack(">BI", kind, self._id) + b"".join(parts)
        self.stdin.write(number(len(body)) + body)
        return self._id

    async def _packet(self) -> bytes:
        (size,) = struct.unpack(">I", await self.stdout.readexactly(4))
        return await self.stdout.readexactly(size)

    async def reply(self) -> Reply:
        """The next packet of the server."""
        packet = await self._packet()
        kind, request = struct.unpack(">BI", packet[:5])
        return Reply(kind, request, packet[5:])

    async def ask(self, kind: int, *parts: bytes) -> Reply:
        """Send a request and wait for its reply, which must be the next."""
        request = self.send(kind, *parts)
        answer = await self.reply()
        if answer.id != request:
            raise AssertionError(f"reply to {answer.id}, not to {request}")
        return answer

    async def open(self, path: str | bytes, flags: int = NEW) -> bytes:
        """A handle; AssertionError with the status when refused."""
        answer = await self.ask(OPEN, text(path), number(flags), NO_ATTRIBUTES)
        if answer.kind != HANDLE:
            raise AssertionError(f"{answer.code} {answer.said}")
        return answer.string()

    def write(self, handle: bytes, at: int, data: bytes) -> int:
        """Send a WRITE."""
        return self.send(WRITE, text(handle), offset(at), text(data))

    def write_all(self, handle: bytes, data: bytes, piece: int = 32768) -> int:
        """Send all of `data` in WRITEs; how many."""
        starts = range(0, len(data), piece)
        for at in starts:
            self.write(handle, at, data[at : at + piece])
        return len(starts)

    async def put(self, path: str, data: bytes, flags: int = NEW) -> Reply:
        """A good upload: OPEN, WRITEs, CLOSE; the reply to the CLOSE."""
        handle = await self.open(path, flags)
        for _ in range(self.write_all(handle, data)):
            answer = await self.reply()
            if answer.code != OK:
                raise AssertionError(f"{answer.code} {answer.said}")
        return await self.ask(CLOSE, text(handle))


@asynccontextmanager
async def connection(port: int, login: str, key: Path, **more: Any) -> AsyncIterator[asyncssh.SSHClientConnection]:
    """A connection that has logged in. `more`: options of asyncssh."""
    async with asyncssh.connect(
        "127.0.0.1",
        port,
        username=login,
        client_keys=[str(key)],
        known_hosts=None,
        config=None,
        agent_path=None,
        **more,
    ) as made:
        yield made


async def session(made: asyncssh.SSHClientConnection, version: int = 3) -> Raw:
    """An SFTP session on a connection."""
    streams = await made.open_session(subsystem="sftp", encoding=None)
    raw = Raw(streams)
    await raw.begin(version)
    return raw


async def sent(made: asyncssh.SSHClientConnection) -> None:
    """Wait until all that was written is with the kernel."""
    transport = made._transport
    while transport is not None and transport.get_write_buffer_size():
        await asyncio.sleep(0)


def cut(made: asyncssh.SSHClientConnection, how: str) -> None:
    """End the TCP connection without a word of SSH: `reset` (RST, what is under way is lost), `close` (FIN, or RST when
    the kernel sees fit) or `shutdown` (a FIN after all that was sent)."""
    wire = made.get_extra_info("socket")
    if how == "shutdown":
        wire.shutdown(socket.SHUT_WR)
        return
    if how == "reset":
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    made.abort()


async def all_of(number_of: int, at_once: int, one: Callable[[int], Awaitable[None]]) -> None:
    """`one(0)` to `one(number_of - 1)`, so many at a time."""
    room = asyncio.Semaphore(at_once)

    async def run(index: int) -> None:
        async with room:
            await one(index)

    async with asyncio.TaskGroup() as group:
        for index in range(number_of):
            group.create_task(run(index))
