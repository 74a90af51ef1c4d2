"""A bare asyncssh server: what the gateway's library costs by itself. A peer of `scripts/bench server`.

Does: serves a folder over SFTP with asyncssh's own server class; keys from a file; no ledger, no checks, no log.
Touches: the folder it is given, the loopback interface.
Does not: sync to disk.
"""

import asyncio
import sys

import asyncssh


async def serve(folder: str, host_key: str, authorized: str) -> None:
    """Serve until killed; prints the port."""
    listener = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_host_keys=[host_key],
        authorized_client_keys=authorized,
        sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=folder.encode()),
        # As strict as the gateway: nobody asks for a password, nothing is packed.
        password_auth=False,
        kbdint_auth=False,
        host_based_auth=False,
        compression_algs=None,
        login_timeout=60,
    )
    print(listener.get_port(), flush=True)
    await listener.wait_closed()


if __name__ == "__main__":
    asyncio.run(serve(*sys.argv[1:]))
