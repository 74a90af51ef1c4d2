"""The section `sealing`, and what an age recipient looks like.

Does: defines the section; says in words why a text is no recipient.
Touches: nothing but the names of paths.
Does not: seal, or read an identity (store.sealing).

Source: age-encryption.org/v1 (X25519 recipients) and BIP 173 (Bech32).
"""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field

_ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_GENERATORS = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_PREFIX = "age"
_LENGTH = 62


def age_recipient(text: str) -> str:
    """The recipient itself; ValueError with the reason when it is none."""
    if "AGE-SECRET-KEY" in text.upper():
        raise ValueError("this is a secret identity; it is no secret any more: make a new one with `gateway keygen`")
    if not text.startswith(f"{_PREFIX}1"):
        raise ValueError("a recipient begins with age1, as `gateway keygen` and `age-keygen` print it")
    data = [_ALPHABET.find(character) for character in text[len(_PREFIX) + 1 :]]
    expanded = [*(ord(c) >> 5 for c in _PREFIX), 0, *(ord(c) & 31 for c in _PREFIX)]
    if len(text) != _LENGTH or -1 in data or _checksum([*expanded, *data]) != 1:
        raise ValueError("damaged: this is no whole recipient; copy the line that begins with age1 again")
    return text


def _checksum(values: list[int]) -> int:
    sum_ = 1
    for value in values:
        top = sum_ >> 25
        sum_ = (sum_ & 0x1FFFFFF) << 5 ^ value
        for place, generator in enumerate(_GENERATORS):
            sum_ ^= generator if top >> place & 1 else 0
    return sum_


Recipient = Annotated[str, AfterValidator(age_recipient)]


class Sealing(BaseModel, frozen=True, extra="forbid"):
    """Uploads sealed at rest (age): only who has an identity reads what lies in the ledger."""

    recipients: tuple[Recipient, ...] = Field(
        default=(), description="public keys (age1...) that uploads are sealed to; none: they are kept as they came"
    )
    identity_file: Path | None = Field(
        default=None, description="file with the secret identity, mode 600; never on a node of the role sftp"
    )
    old_identity_files: tuple[Path, ...] = Field(
        default=(), description="identities of before, to read what was sealed to them"
    )
