"""Sealing: bytes made unreadable but for whoever has an identity (age, X25519).

Does: seals to recipients, opens with identities, makes and reads identity files.
Touches: identity files.
Does not: know what is sealed, or fall back: with recipients everything is sealed or the call fails.

An age file says of itself if it was cut or changed. It does not say who made it: anybody can seal to a recipient, so
whoever opens one compares the checksum too.
"""

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyrage

from gateway.errors import Corrupt, GatewayError

PRIVATE = 0o600
CREDENTIALS = "CREDENTIALS_DIRECTORY"


@dataclass(frozen=True, slots=True)
class Sealing:
    """Public keys to seal to (none: nothing is sealed), and what opens. `publics` are the public keys of the
    identities."""

    recipients: tuple[str, ...] = ()
    identities: tuple[Any, ...] = field(default=(), repr=False, compare=False)
    publics: frozenset[str] = frozenset()

    def opens(self, sealed_to: str) -> bool:
        """Whether one of the identities opens what is sealed to these recipients (one space between)."""
        return not self.publics.isdisjoint(sealed_to.split())

    def open(self, sealed: bytes, what: str) -> bytes:
        """The bytes that were sealed; Corrupt when no identity opens them, or they were changed."""
        if not self.identities:
            raise Corrupt(f"{what} is sealed, and this process has no identity")
        try:
            return bytes(pyrage.decrypt(sealed, list(self.identities)))
        except pyrage.DecryptError as error:
            raise Corrupt(f"{what} cannot be opened: {error}") from error


NOTHING_SEALED = Sealing()


def seal(body: bytes, recipients: Iterable[str]) -> bytes:
    """The bytes, sealed to all of these recipients."""
    try:
        return bytes(pyrage.encrypt(body, [pyrage.x25519.Recipient.from_str(each) for each in recipients]))
    except (pyrage.EncryptError, pyrage.RecipientError) as error:
        raise GatewayError(f"cannot seal: {error}") from error


def sealing(recipients: tuple[str, ...], identity_files: Iterable[Path]) -> Sealing:
    """Recipients and the identities of some files. GatewayError, with the cure, when a file cannot be used."""
    found = [identity for path in identity_files for identity in _read(path)]
    return Sealing(recipients, tuple(found), frozenset(str(each.to_public()) for each in found))


def _read(path: Path) -> list[Any]:
    try:
        text = path.read_text(encoding="ascii")
        mode = path.stat().st_mode
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise GatewayError(
            f"the identity {path} cannot be read ({why}). Put it back from where it is kept: without it nobody can "
            "open what is sealed to it"
        ) from error
    handed = os.environ.get(CREDENTIALS)
    # systemd may hand a credential to its unit by the group's rights.
    others = 0o007 if handed and path.is_relative_to(handed) else 0o077
    if stat.S_IMODE(mode) & others:
        raise GatewayError(f"the identity {path} is not only its owner's (mode {stat.S_IMODE(mode):03o}): chmod 600 it")
    lines = [line.strip() for line in text.splitlines()]
    try:
        found = [pyrage.x25519.Identity.from_str(line) for line in lines if line and not line.startswith("#")]
    except pyrage.IdentityError as error:
        raise GatewayError(f"{path} holds something that is no age identity") from error
    if not found:
        raise GatewayError(f"{path} holds no age identity")
    return found


def make_identity(path: Path) -> str:
    """Write a new identity to a new file that only its owner reads; its public key. GatewayError when the name is
    taken."""
    identity = pyrage.x25519.Identity.generate()
    public = str(identity.to_public())
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, PRIVATE)
    except OSError as error:
        raise GatewayError(f"{path}: {error.strerror}; an identity is never written over") from error
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(f"# public key: {public}\n{identity}\n")
        file.flush()
        os.fsync(descriptor)
    return public
