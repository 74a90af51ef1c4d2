"""The private names of asyncssh that this door relies on, in one place.

Does: `install` checks that they exist and puts three handlers in the table of SFTP requests. CLOSE marks the session
while the client itself closes a handle, because `SFTPServer.close()` looks the same for a CLOSE, a cut line and an EOF.
OPENDIR asks the session at once, so that a missing folder fails there and not at the first READDIR. copy-data is
refused, because onto itself it fills the disk.
Touches: class attributes of asyncssh.sftp.SFTPServerHandler. Sessions of other servers in this process are left alone.
Does not: change the protocol. A version of asyncssh without these names is refused at start.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Protocol, runtime_checkable

from asyncssh.constants import FXP_CLOSE, FXP_OPENDIR
from asyncssh.packet import SSHPacket
from asyncssh.sftp import SFTPName, SFTPOpUnsupported, SFTPServerHandler

NEEDED = ("_packet_handlers", "_process_close", "_process_opendir", "_get_next_handle", "_extensions")
NOT_OFFERED = (b"hardlink@openssh.com", b"copy-data", b"ranges@asyncssh.com", b"statvfs@openssh.com",
               b"fstatvfs@openssh.com")  # fmt: skip


@runtime_checkable
class Told(Protocol):
    """A session that is told of a client's own CLOSE and answers OPENDIR at once."""

    closing_by_client: bool

    async def opendir(self, path: bytes, open_now: int) -> AsyncIterator[SFTPName]:
        """The entries of a folder; raises when it is not there. `open_now`: listings that the session has open."""


def install() -> None:
    """Put the handlers in place; once per process, harmless when repeated. RuntimeError when asyncssh has changed."""
    missing = [name for name in NEEDED if not hasattr(SFTPServerHandler, name)]
    if missing:
        raise RuntimeError(f"this asyncssh does not have {', '.join(missing)}; install 2.24.x")
    table: dict[int | bytes, Callable[[Any, SSHPacket], Awaitable[object]] | None] = SFTPServerHandler._packet_handlers
    table[FXP_CLOSE] = _close
    table[FXP_OPENDIR] = _opendir
    table[b"copy-data"] = _copy_data
    SFTPServerHandler._extensions = [
        (name, value) for name, value in SFTPServerHandler._extensions if name not in NOT_OFFERED
    ]


async def _close(handler: Any, packet: SSHPacket) -> None:
    server = handler._server
    if not isinstance(server, Told):
        await handler._process_close(packet)
        return
    # Requests of a session are handled one after the other, so the mark cannot be seen by another one's clean-up.
    server.closing_by_client = True
    try:
        await handler._process_close(packet)
    finally:
        server.closing_by_client = False


async def _opendir(handler: Any, packet: SSHPacket) -> bytes:
    server = handler._server
    if not isinstance(server, Told):
        return bytes(await handler._process_opendir(packet))
    names = await server.opendir(packet.get_string(), len(handler._dir_handles))
    handle: bytes = handler._get_next_handle()
    handler._dir_handles[handle] = names
    return handle


async def _copy_data(handler: Any, packet: SSHPacket) -> None:
    raise SFTPOpUnsupported("copy-data")
