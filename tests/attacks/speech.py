"""SSH word by word: packets before encryption, and any message after it.

Does: builds packets (RFC 4253, 6) and a client's KEXINIT by hand; holds a connection between key exchange and login,
where asyncssh's client does the cryptography and sends whatever message it is given.
Touches: the loopback interface.
Does not: know what is right.
"""

import asyncio
import os
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import asyncssh

from tests.attacks.ground import Ground
from tests.edge.raw import number, text

BANNER = b"SSH-2.0-attack\r\n"
DISCONNECT, IGNORE, UNIMPLEMENTED, DEBUG, SERVICE_REQUEST, SERVICE_ACCEPT = range(1, 7)
KEXINIT, NEWKEYS, KEX_INIT, KEX_REPLY = 20, 21, 30, 31
USERAUTH_REQUEST, USERAUTH_SUCCESS, GLOBAL_REQUEST, CHANNEL_OPEN = 50, 52, 80, 90
# A point on the curve; the server does all of the work for it.
POINT = b"\x09" + bytes(31)


def packet(payload: bytes, block: int = 8) -> bytes:
    """A packet before encryption."""
    padding = block - (5 + len(payload)) % block
    padding += block if padding < 4 else 0
    return struct.pack(">IB", 1 + len(payload) + padding, padding) + payload + os.urandom(padding)


def kexinit(*, compression: str = "none", kex: str = "curve25519-sha256") -> bytes:
    """A client's offer."""
    mac = "hmac-sha2-256-etm@openssh.com"
    names = (kex, "ssh-ed25519", "aes128-ctr", "aes128-ctr", mac, mac, compression, compression, "", "")
    return bytes([KEXINIT]) + os.urandom(16) + b"".join(text(name) for name in names) + b"\0" + number(0)


def exchange() -> bytes:
    """Everything up to the point where the server has computed and signed."""
    return BANNER + packet(kexinit()) + packet(bytes([KEX_INIT]) + text(POINT))


async def said(wire: socket.socket, seconds: float = 5.0) -> bytes:
    """All that the server says until it closes."""
    heard = b""
    wire.setblocking(False)
    loop = asyncio.get_running_loop()
    with suppress(ConnectionError, TimeoutError):
        async with asyncio.timeout(seconds):
            while piece := await loop.sock_recv(wire, 65536):
                heard += piece
    return heard


async def said_until(wire: socket.socket, kind: int, seconds: float = 5.0) -> bytes:
    """What the server says up to its first packet of a kind, or its end."""
    heard = b""
    wire.setblocking(False)
    loop = asyncio.get_running_loop()
    with suppress(ConnectionError, TimeoutError):
        async with asyncio.timeout(seconds):
            while kind not in kinds(heard) and (piece := await loop.sock_recv(wire, 65536)):
                heard += piece
    return heard


def kinds(heard: bytes) -> list[int]:
    """The message numbers of the unencrypted packets in what the server said, after its banner."""
    _, _, rest = heard.partition(b"\n")
    found = []
    while len(rest) > 5:
        (size,) = struct.unpack(">I", rest[:4])
        found.append(rest[5])
        # What follows NEWKEYS is encrypted.
        if rest[5] == NEWKEYS:
            break
        rest = rest[4 + size :]
    return found


async def is_closed(wire: socket.socket, seconds: float = 5.0) -> bool:
    """Whether the server closes the connection in time."""
    wire.setblocking(False)
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(seconds):
            while await loop.sock_recv(wire, 65536):
                pass
    except TimeoutError:
        return False
    except ConnectionError:
        pass
    return True


class Waiting(asyncssh.SSHClient):
    """A client that has exchanged keys and never comes to log in."""

    def __init__(self) -> None:
        self.ready: asyncio.Future[asyncssh.SSHClientConnection] = asyncio.get_running_loop().create_future()
        self._connection: asyncssh.SSHClientConnection | None = None

    def connection_made(self, conn: asyncssh.SSHClientConnection) -> None:
        """Remember it."""
        self._connection = conn

    async def public_key_auth_requested(self) -> None:
        """Say that it is time, and wait for ever."""
        if self._connection and not self.ready.done():
            self.ready.set_result(self._connection)
        await asyncio.get_running_loop().create_future()


@asynccontextmanager
async def before_login(ground: Ground, address: str | None = None) -> AsyncIterator[asyncssh.SSHClientConnection]:
    """A connection between key exchange and login."""
    waiting = Waiting()

    async def connect() -> None:
        await asyncssh.connect(
            "127.0.0.1", ground.port, username="amsterdam", client_factory=lambda: waiting,
            local_addr=(address or ground.address(), 0), known_hosts=None, config=None, agent_path=None,
        )  # fmt: skip

    connecting = asyncio.create_task(connect())
    try:
        made = await asyncio.wait_for(asyncio.shield(waiting.ready), 10)
        # So that the client's own engine sends what it would keep back.
        made._auth_complete = True
        yield made
    finally:
        connecting.cancel()
        with suppress(asyncssh.Error, OSError, asyncio.CancelledError):
            await connecting


async def is_ended(made: asyncssh.SSHClientConnection, seconds: float = 5.0) -> bool:
    """Whether the server ends a connection in time."""
    with suppress(TimeoutError):
        await asyncio.wait_for(made.wait_closed(), seconds)
    return made.is_closed()
