"""Means: by what somebody may log in: a key, a certificate or a password. Pure, but for the clock inside asyncssh.

Does: reads what a client shows, holds it against the account and the authorities that are believed, and gives the
reason when it does not stand: for the daemon's log, never for the client. The same is asked again of open sessions.
Touches: nothing. A certificate's days are compared with the machine's own clock, by asyncssh, as are those of a key by
the caller: a sandbox simulates the legal time of deliveries, not whom one may trust.
Does not: verify the signature over the session (asyncssh does) or compare passwords (passwords).

Source: PROTOCOL.certkeys of OpenSSH. Stricter than it in three things: a certificate without principals is for nobody
(there: for everybody), an authority does not sign with SHA-1, and a forced command other than internal-sftp is refused.
"""

import base64
import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import asyncssh
from asyncssh.packet import PacketDecodeError, SSHPacket, String
from asyncssh.public_key import CERT_TYPE_USER, SSHOpenSSHCertificate, decode_ssh_certificate

from gateway.config.keys import comment_of, fingerprint, fingerprint_of, key_material
from gateway.config.sections import Sftp
from gateway.domain.model import Account, PublicKey
from gateway.edge.sftp.algorithms import SIGNATURES
from gateway.edge.sftp.userauth import certificate_facts

CERTIFICATE = b"-cert-v01@openssh.com"
ALLOWED_COMMANDS = (None, "internal-sftp")


@dataclass(frozen=True, slots=True)
class Trust:
    """Whom the configuration in force believes. `authorities`: name by key blob; `revoked`: fingerprints;
    `void`: fingerprint of an authority with a serial number or an identity."""

    settings: Sftp
    authorities: Mapping[bytes, str]
    revoked: frozenset[str]
    void: frozenset[tuple[str, int | str]]


@dataclass(frozen=True, slots=True)
class Means:
    """What was shown: a key, a certificate (`key` is the one inside) or a password (`hashed` is what it fitted)."""

    key: bytes = b""
    certificate: SSHOpenSSHCertificate | None = None
    hashed: str = ""

    @property
    def sort(self) -> str:
        """key, certificate or password."""
        return "password" if self.hashed else "certificate" if self.certificate else "key"

    def facts(self) -> dict[str, object]:
        """What the daemon's log says of it."""
        found: dict[str, object] = {"by": self.sort}
        if self.key:
            found["key"] = fingerprint(self.key)
        if self.certificate is not None:
            serial, _ = certificate_facts(self.certificate)
            found |= {"authority": fingerprint(self.certificate.signing_key.public_data), "serial": serial}
        return found


def trust(settings: Sftp) -> Trust:
    """Whom these settings believe."""
    void: set[tuple[str, int | str]] = set()
    for each in settings.revoked_keys:
        if not isinstance(each, str):
            facts: tuple[int | str, ...] = (*each.serials, *each.identities)
            void |= {(fingerprint_of(each.ca), fact) for fact in facts}
    return Trust(
        settings,
        {blob_of(line): comment_of(line) for line in settings.user_ca},
        frozenset(fingerprint_of(each) for each in settings.revoked_keys if isinstance(each, str)),
        frozenset(void),
    )


def blob_of(line: str) -> bytes:
    """The key blob of a public key line."""
    return base64.b64decode(line.split()[1])


def shown(blob: bytes) -> Means | None:
    """What a blob in a login request is; None for a certificate that is damaged, or signed for another purpose than
    it says."""
    if CERTIFICATE not in blob[:64]:
        return Means(blob)
    try:
        certificate = decode_ssh_certificate(blob)
    except asyncssh.KeyImportError:
        # Also one with a critical option that nobody here knows.
        return None
    if not isinstance(certificate, SSHOpenSSHCertificate):
        return None
    return Means(certificate.key.public_data, certificate)


def signed_in_time(signature: bytes) -> bool:
    """Whether a signature over the session uses an algorithm of today: asyncssh would take SHA-1."""
    try:
        return SSHPacket(signature).get_string().decode("ascii", "replace") in SIGNATURES
    except PacketDecodeError:
        return False


def principal_for(account: Account, means: Means) -> str:
    """The name by which asyncssh is to look at a certificate; the login where there is none."""
    if means.certificate is None:
        return account.login
    return next((name for name in means.certificate.principals if name in _names(account)), account.login)


def refusal(account: Account | None, means: Means | None, address: str, today: date, believed: Trust) -> str | None:
    """Why this account does not come in by this from there; None when it does. A password is taken to be right."""
    if account is None:
        return "unknown login"
    if means is None:
        return "damaged certificate, or one with an unknown critical option"
    if not address_allowed(account.allow_from, address):
        return "address"
    if means.hashed:
        return None if believed.settings.passwords else "passwords are off"
    if fingerprint(means.key) in believed.revoked:
        return "revoked key"
    if means.certificate is not None:
        return _certificate_refusal(account, means.certificate, address, believed)
    found = _own(account, means.key)
    if found is None:
        return "no key of this account"
    if not found.in_force(today):
        return f"key expired on {found.expires}"
    return None if address_allowed(found.allow_from, address) else "address"


def _certificate_refusal(
    account: Account, certificate: SSHOpenSSHCertificate, address: str, believed: Trust
) -> str | None:
    authority = certificate.signing_key.public_data
    known = fingerprint(authority)
    if authority not in believed.authorities and authority not in map(blob_of, account.user_ca):
        return "unknown authority"
    if known in believed.revoked:
        return "revoked authority"
    if any((known, fact) in believed.void for fact in certificate_facts(certificate)):
        return "revoked certificate"
    if not signed_in_time(_signature(certificate)):
        return "authority signed with an algorithm of the past"
    name = next((name for name in certificate.principals if name in _names(account)), None)
    if name is None:
        return "principal"
    try:
        key_material(certificate.key.export_public_key().decode())
        certificate.validate(CERT_TYPE_USER, name)
    except ValueError as error:
        return str(error)
    if certificate.options.get("force-command") not in ALLOWED_COMMANDS:
        return "forced command"
    networks = certificate.options.get("source-address")
    if networks is None:
        return None
    listed = [str(network) for network in networks] if isinstance(networks, list) else []
    return None if listed and address_allowed(listed, address) else "address of the certificate"


def _signature(certificate: SSHOpenSSHCertificate) -> bytes:
    """The authority's signature: what follows its key at the end of the certificate."""
    packet = SSHPacket(certificate.public_data.rpartition(String(certificate.signing_key.public_data))[2])
    return packet.get_string()


def _names(account: Account) -> tuple[str, ...]:
    return account.principals or (account.login,)


def _own(account: Account, blob: bytes) -> PublicKey | None:
    return next((key for key in account.public_keys() if blob_of(key.key) == blob), None)


def address_allowed(networks: Sequence[str], address: str) -> bool:
    """Whether an address is in one of the networks; none means that all are."""
    if not networks:
        return True
    source = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(source, ipaddress.IPv6Address) and source.ipv4_mapped:
        source = source.ipv4_mapped
    return any(source in ipaddress.ip_network(network, strict=False) for network in networks)
