"""Public keys: is a line an OpenSSH public key that may be used here?

Does: takes a line apart (type, base64, comment), holds the type against the one inside, checks sizes, and says in words
why a line cannot be used; gives fingerprints as OpenSSH prints them.
Touches: nothing.
Does not: verify signatures or load keys (edge.sftp).

Source: RFC 4253 section 6.6, RFC 5656, RFC 8709, and OpenSSH's PROTOCOL.u2f for the `sk-` types.
"""

import base64
import binascii
import hashlib
import re

MIN_RSA_BITS = 2048

_CURVES = {
    "ecdsa-sha2-nistp256": ("nistp256", 65),
    "ecdsa-sha2-nistp384": ("nistp384", 97),
    "ecdsa-sha2-nistp521": ("nistp521", 133),
    "sk-ecdsa-sha2-nistp256@openssh.com": ("nistp256", 65),
}
_EDWARDS = ("ssh-ed25519", "sk-ssh-ed25519@openssh.com")
TYPES = (*_EDWARDS, *_CURVES, "ssh-rsa")
_FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}")


def key_material(line: str) -> tuple[str, bytes]:
    """Type and blob of a public key line, equal for equal keys; ValueError with the reason when it is unusable."""
    if "PRIVATE KEY" in line:
        raise ValueError("this is a private key; it is no secret any more: make a new pair and give the .pub file here")
    if "\n" in line.strip():
        raise ValueError("more than one line; one public key is one line, as in a .pub file")
    parts = line.split()
    if not parts:
        raise ValueError("empty; leave the line out or give the line of a .pub file")
    if parts[0] == "ssh-dss":
        raise ValueError("DSA keys are broken; make a new pair with `ssh-keygen -t ed25519`")
    if parts[0] not in TYPES:
        if any(part in TYPES for part in parts):
            raise ValueError("options before the key are not used here; write the addresses in allow_from")
        raise ValueError(
            f'"{parts[0][:40]}" is no type of public key; give the line of a .pub file (ssh-ed25519 AAAA...)'
        )
    if len(parts) < 2:
        raise ValueError("the key itself is missing after its type")
    try:
        blob = base64.b64decode(parts[1], validate=True)
        fields = _fields(blob)
    except (binascii.Error, ValueError):
        raise ValueError(
            "damaged: the part after the type is not a whole key; copy the line of the .pub file again"
        ) from None
    if not fields or fields[0] != parts[0].encode():
        raise ValueError(f"damaged: the line says {parts[0]}, the key inside is another type")
    _check_fields(parts[0], fields[1:])
    return parts[0], blob


def fingerprint(blob: bytes) -> str:
    """SHA-256 fingerprint of a key blob, as OpenSSH prints it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def fingerprint_of(text: str) -> str:
    """The fingerprint of a public key line; of a fingerprint itself. ValueError with the reason for anything else."""
    if text.startswith("SHA256:"):
        if not _FINGERPRINT.fullmatch(text):
            raise ValueError("no whole fingerprint; write what `ssh-keygen -lf FILE` prints: SHA256: and 43 characters")
        return text
    return fingerprint(key_material(text)[1])


def comment_of(line: str) -> str:
    """The comment of a public key line; its fingerprint when it has none."""
    parts = line.split(None, 2)
    return parts[2].strip() if len(parts) > 2 else fingerprint_of(line)


def _fields(blob: bytes) -> list[bytes]:
    """The length-prefixed strings of a key blob; ValueError when they do not fill it exactly."""
    fields = []
    while blob:
        size = int.from_bytes(blob[:4], "big")
        if len(blob) < 4 + size:
            raise ValueError("cut off")
        fields.append(blob[4 : 4 + size])
        blob = blob[4 + size :]
    return fields


def _check_fields(kind: str, fields: list[bytes]) -> None:
    """The parts of a key after its type: number and sizes as its type asks."""
    security_key = kind.startswith("sk-")
    wanted = {**dict.fromkeys(_EDWARDS, 1), **dict.fromkeys(_CURVES, 2), "ssh-rsa": 2}[kind] + security_key
    whole = len(fields) == wanted
    if whole and kind in _EDWARDS:
        whole = len(fields[0]) == 32
    elif whole and kind in _CURVES:
        curve, size = _CURVES[kind]
        whole = fields[0] == curve.encode() and len(fields[1]) == size
    if not whole:
        raise ValueError(f"damaged: this is no whole {kind} key; copy the line of the .pub file again")
    if kind == "ssh-rsa":
        bits = int.from_bytes(fields[1], "big").bit_length()
        if bits < MIN_RSA_BITS:
            raise ValueError(f"an RSA key of {bits} bits is too weak; make a new pair with `ssh-keygen -t ed25519`")
