"""The private names of asyncssh at login, in one place.

Does: `install` has each login request with a key judged by the connection's own `Judge` before asyncssh looks at it;
asyncssh alone takes SHA-1 signatures and certificates without principals, tells nobody of a serial number, and counts
no certificate that it refuses.
Touches: SSHServerConnection.validate_public_key; the options of a certificate that was taken. Other servers in this
process are left alone.
Does not: replace a check of asyncssh: what the judge lets through is verified by asyncssh as ever.
"""

from typing import Any, Protocol, runtime_checkable

import asyncssh
from asyncssh.connection import SSHServerConnection
from asyncssh.public_key import SSHOpenSSHCertificate

_validate_public_key = SSHServerConnection.validate_public_key


@runtime_checkable
class Judge(Protocol):
    """A login that judges what is shown to it."""

    def judge(self, username: str, blob: bytes, signature: bytes | None) -> str | None:
        """The name by which asyncssh is to go on; None when this opens nothing. Without a signature the client only
        asks whether it would."""

    def miss(self, username: str, blob: bytes, reason: str) -> None:
        """What was judged well was not signed well."""


def install() -> None:
    """Put the judge in place; harmless when repeated. RuntimeError when asyncssh has changed."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    probe: object = key.generate_user_certificate(key, "probe", serial=7, principals=["x"])
    if not isinstance(probe, SSHOpenSSHCertificate) or certificate_facts(probe) != (7, "probe"):
        raise RuntimeError("this asyncssh tells serial numbers in another way; install 2.24.x")
    name = "validate_public_key"
    setattr(SSHServerConnection, name, _judged)


async def _judged(connection: Any, username: str, blob: bytes, message: bytes, signature: bytes) -> bool:
    login = connection.get_owner()
    if not isinstance(login, Judge):
        return await _validate_public_key(connection, username, blob, message, signature)
    name = login.judge(username, blob, signature if message else None)
    if name is None:
        return False
    right = await _validate_public_key(connection, name, blob, message, signature)
    if not right and connection.get_owner() is login:
        login.miss(username, blob, "signature")
    if right and connection._cert_options:
        # The judge lets through internal-sftp alone, which is what there is; asyncssh would look for such a command.
        connection._cert_options.pop("force-command", None)
    return right


def certificate_facts(certificate: SSHOpenSSHCertificate) -> tuple[int, str]:
    """Serial number and identity of a certificate."""
    inside: Any = certificate
    return int(inside._serial), str(inside._key_id)
