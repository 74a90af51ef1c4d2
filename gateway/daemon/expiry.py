"""Expiry: until when the certificates of this installation are good.

Does: reads the certificates that gateway.yaml names, and those of host keys (`NAME-cert.pub` beside NAME).
Touches: those files, reading.
Does not: judge (workflow.health), or know the certificate that a mail server shows.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.serialization.ssh import SSHCertificate, load_ssh_public_identity
from cryptography.x509 import load_pem_x509_certificates

from gateway.config import Settings

# A certificate of SSH that never ends says so with the largest number.
FOREVER = 2**63


def certificate_ends(settings: Settings) -> dict[str, datetime]:
    """By name of its file, when the first certificate in it ends. What cannot be read is somebody else's trouble."""
    files = [path.with_name(f"{path.name}-cert.pub") for path in settings.sftp.host_keys]
    if settings.mail is not None and settings.mail.ca_file is not None:
        files.append(settings.mail.ca_file)
    return {path.name: min(found) for path in files if (found := list(_ends(path)))}


def _ends(path: Path) -> Iterator[datetime]:
    try:
        body = path.read_bytes()
        if path.name.endswith("-cert.pub"):
            certificate = load_ssh_public_identity(body)
            if isinstance(certificate, SSHCertificate) and certificate.valid_before < FOREVER:
                yield datetime.fromtimestamp(certificate.valid_before, UTC)
        else:
            yield from (each.not_valid_after_utc for each in load_pem_x509_certificates(body))
    except (OSError, ValueError, OverflowError):
        return
