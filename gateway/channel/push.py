"""Push: files to the assessor's own SFTP server.

Does: connects with the key of `push`, believes only the one host key that the settings pin, puts each file under a
hidden temporary name and renames it when all of it is there, so that nobody there reads half a file.
Touches: that server, and the private key's file.
Does not: choose files, keep what is owed or try again: the caller hears what became of each. Everything that goes wrong
is `Temporary`: a server that refuses us may be mended, and the files stay owed.

A file that is put again (its answer was lost) replaces itself. In a sandbox only this machine is spoken to.
"""

import base64
import socket
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

import paramiko

from gateway.config.addresses import is_loopback
from gateway.config.sections import Push
from gateway.errors import Temporary

# An RSA key signs by these; ssh-rsa itself would be SHA-1.
RSA_SIGNATURES = ("rsa-sha2-512", "rsa-sha2-256")


# One file: its final name and its bytes.
Parcel = tuple[str, bytes]


def check_reach(push: Push, *, sandbox: bool) -> None:
    """Temporary when a sandbox would speak to another machine."""
    if sandbox and not is_loopback(push.host):
        raise Temporary(f"a sandbox pushes to this machine only, not to {push.host}")


def send(push: Push, parcels: Iterable[Parcel], *, sandbox: bool = False) -> Iterator[tuple[Parcel, Temporary | None]]:
    """Put each parcel, in order, and tell at once what became of it: None (it is there under its name) or why not.
    Temporary when the server cannot be reached at all, or is not the one that is pinned. After a cut line no further
    parcel is tried."""
    check_reach(push, sandbox=sandbox)
    with _connected(push) as server:
        for parcel in parcels:
            try:
                _put(server, push.folder, parcel)
            except (OSError, EOFError, paramiko.SSHException) as error:
                yield parcel, Temporary(f"{push.host}: {parcel[0]}: {_why(error)}")
                channel = server.get_channel()
                if channel is None or channel.closed:
                    return
            else:
                yield parcel, None


@contextmanager
def _connected(push: Push) -> Iterator[paramiko.SFTPClient]:
    """A session on the pinned server; Temporary when there is none to be had."""
    kind, pinned = push.host_key.split()[:2]
    transport: paramiko.Transport | None = None
    line: socket.socket | None = None
    try:
        line = socket.create_connection((push.host, push.port), timeout=push.timeout_seconds)
        transport = paramiko.Transport(line)
        transport.banner_timeout = transport.auth_timeout = push.timeout_seconds
        transport.get_security_options().key_types = RSA_SIGNATURES if kind == "ssh-rsa" else (kind,)
        transport.start_client(timeout=push.timeout_seconds)
        if transport.get_remote_server_key().asbytes() != base64.b64decode(pinned):
            raise Temporary(f"{push.host}: the server has another host key than the one in push.host_key")
        transport.auth_publickey(push.user, paramiko.PKey.from_path(push.key_file))
        server = paramiko.SFTPClient.from_transport(transport)
        if server is None:
            raise Temporary(f"{push.host}: no SFTP there")
        channel = server.get_channel()
        if channel is not None:
            channel.settimeout(push.timeout_seconds)
        yield server
    except Temporary:
        raise
    except (OSError, EOFError, ValueError, paramiko.SSHException) as error:
        raise Temporary(f"{push.host}: {_why(error)}") from error
    finally:
        if transport is not None:
            transport.close()
        if line is not None:
            # A transport that never came up does not close what it was given.
            line.close()


def _put(server: paramiko.SFTPClient, folder: str, parcel: Parcel) -> None:
    """Write under a hidden name, look if all of it is there, rename over what is there already."""
    name, body = parcel
    place = f"{folder.rstrip('/')}/" if folder else ""
    final, hidden = f"{place}{name}", f"{place}.{name}.part"
    with server.open(hidden, "wb") as target:
        target.set_pipelined(True)
        target.write(body)
    there = server.stat(hidden).st_size
    if there != len(body):
        raise OSError(f"{there} bytes arrived of {len(body)}")
    try:
        server.posix_rename(hidden, final)
    except OSError:
        # A server without that extension refuses to replace: then what is there goes first.
        with suppress(FileNotFoundError):
            if stat.S_ISREG(server.stat(final).st_mode or 0):
                server.remove(final)
        server.rename(hidden, final)


def _why(error: Exception) -> str:
    """What went wrong, in one line; some of these errors have no text."""
    return " ".join(str(error).split())[:200] or type(error).__name__
