"""Public keys: what OpenSSH writes is taken, anything else is refused with the reason."""

import base64

import asyncssh
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.keys import TYPES, key_material


def public(kind: str, comment: str = "", **settings: int) -> str:
    key = asyncssh.generate_private_key(kind, comment=comment or None, **settings)
    return key.export_public_key().decode().strip()


ED25519 = public("ssh-ed25519", "anna")


@pytest.mark.parametrize("kind", [kind for kind in TYPES if not kind.startswith(("sk-", "ssh-rsa"))])
def test_keys_of_each_type_are_taken(kind: str) -> None:
    line = public(kind)
    assert key_material(line)[0] == kind


def test_a_long_rsa_key_is_taken_and_a_short_one_refused() -> None:
    assert key_material(public("ssh-rsa", key_size=2048))[0] == "ssh-rsa"
    with pytest.raises(ValueError, match="1024 bits is too weak"):
        key_material(public("ssh-rsa", key_size=1024))


def test_a_security_key_is_taken() -> None:
    kind = b"sk-ssh-ed25519@openssh.com"
    blob = b"".join(len(part).to_bytes(4, "big") + part for part in (kind, bytes(32), b"ssh:"))
    assert key_material(f"{kind.decode()} {base64.b64encode(blob).decode()} token")[1] == blob


def test_the_comment_makes_no_other_key() -> None:
    assert key_material(ED25519) == key_material(ED25519.rsplit(" ", 1)[0] + " somebody else")


KEY = ED25519.split()[1]
WRONG = {
    "": "empty",
    "-----BEGIN OPENSSH PRIVATE KEY-----\nabc": "private key",
    f"{ED25519}\n{ED25519}": "more than one line",
    "ssh-dss AAAAB3NzaC1kc3MAAACBAA==": "DSA keys are broken",
    f'from="10.0.0.1" {ED25519}': "allow_from",
    "ssh-ed25519": "missing after its type",
    "ssh-ed448 AAAA": "no type of public key",
    KEY: "no type of public key",
    f"ssh-ed25519 {KEY[:-8]}": "damaged",
    f"ssh-ed25519 {KEY[:-1]}": "damaged",
    f"ssh-ed25519 {KEY[:20]}!{KEY[21:]}": "damaged",
    f"ssh-ed25519 {KEY}AAAA": "damaged",
    f"ecdsa-sha2-nistp256 {KEY}": "another type",
    "ssh-ed25519 AAAA": "damaged",
}


@pytest.mark.parametrize("line", WRONG, ids=range(len(WRONG)))
def test_what_is_no_usable_key_is_refused_with_the_reason(line: str) -> None:
    with pytest.raises(ValueError, match=WRONG[line]):
        key_material(line)


def taken(line: str) -> tuple[str, bytes] | None:
    try:
        return key_material(line)
    except ValueError:
        return None


@given(st.binary(max_size=80), st.sampled_from(TYPES))
def test_no_blob_whatever_raises_anything_else(blob: bytes, kind: str) -> None:
    line = f"{kind} {base64.b64encode(blob).decode()}"
    assert taken(line) in (None, (kind, blob))


@given(st.integers(0, len(KEY) - 1), st.sampled_from("ABCxyz019+/="))
def test_a_changed_character_never_gives_the_same_key(place: int, letter: str) -> None:
    changed = KEY[:place] + letter + KEY[place + 1 :]
    assert changed == KEY or taken(f"ssh-ed25519 {changed}") != key_material(ED25519)
