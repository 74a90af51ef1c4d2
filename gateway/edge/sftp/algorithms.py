"""Algorithm tiers: which cryptography a listener offers.

Does: names three tiers. `strict` is what current clients share and nothing weaker; `pq` only key exchange that a
quantum computer does not break; `compat` adds, for clients that cannot be replaced yet, MACs without encrypt-then-mac
and NIST curves. Reads host keys so that an RSA one signs with SHA-2 alone.
Touches: the host key files.
Does not: offer SHA-1, CBC, group exchange (1024 bits when a client asks) or compression in any tier.

Sources: RFC 9142 (key exchange), RFC 8332 (RSA with SHA-2), draft-ietf-sshm-mlkem-hybrid-kex.
"""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from pathlib import Path

import asyncssh
from asyncssh.public_key import load_keypairs

SIGNATURES = (
    "ssh-ed25519",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-256",
    "rsa-sha2-512",
)
RSA_SHA2 = (b"rsa-sha2-512", b"rsa-sha2-256")


@dataclass(frozen=True, slots=True)
class Tier:
    """What is offered, best first. `tell_keys`: tell clients all host keys, so that OpenSSH learns a new one before the
    old one goes; phpseclib 2 answers that announcement, which asks for no answer, and is disconnected for it."""

    kex: tuple[str, ...]
    encryption: tuple[str, ...]
    mac: tuple[str, ...]
    tell_keys: bool = True


STRICT = Tier(
    kex=("mlkem768x25519-sha256", "curve25519-sha256", "curve25519-sha256@libssh.org"),
    encryption=("aes256-gcm@openssh.com", "aes128-gcm@openssh.com", "aes256-ctr", "aes128-ctr"),
    mac=("hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com"),
)
TIERS: dict[str, Tier] = {
    "strict": STRICT,
    "pq": Tier(kex=("mlkem768x25519-sha256",), encryption=STRICT.encryption, mac=STRICT.mac),
    "compat": Tier(
        kex=(
            *STRICT.kex,
            "ecdh-sha2-nistp256",
            "ecdh-sha2-nistp384",
            "ecdh-sha2-nistp521",
            "diffie-hellman-group14-sha256",
            "diffie-hellman-group16-sha512",
        ),
        encryption=STRICT.encryption,
        mac=(*STRICT.mac, "hmac-sha2-256", "hmac-sha2-512"),
        tell_keys=False,
    ),
}


def host_key_pairs(paths: Sequence[Path]) -> list[asyncssh.SSHKeyPair]:
    """The host keys to serve with. An RSA key would offer SHA-1 whatever `signature_algs` says, and prove itself with
    it to clients that learn a new key; here it cannot. It is a pair for each of its algorithms: asyncssh keeps the one
    that was chosen in the pair, where the next connection would change it before the first has signed."""
    found: list[asyncssh.SSHKeyPair] = []
    for pair in load_keypairs([str(path) for path in paths]):
        for algorithm in RSA_SHA2 if pair.algorithm == b"ssh-rsa" else ():
            own = copy(pair)
            own.host_key_algorithms = (algorithm,)
            own.set_sig_algorithm(algorithm)
            found.append(own)
        if pair.algorithm != b"ssh-rsa":
            found.append(pair)
    return found


def one_of_each(pairs: Sequence[asyncssh.SSHKeyPair]) -> list[asyncssh.SSHKeyPair]:
    """The first key of each type: what can be served where the others are not announced."""
    return list({pair.algorithm: pair for pair in reversed(pairs)}.values())[::-1]


def fingerprints(paths: Sequence[Path]) -> tuple[str, ...]:
    """SHA-256 fingerprints of the host keys, as OpenSSH prints them."""
    return tuple(asyncssh.read_private_key(path).get_fingerprint() for path in paths)
