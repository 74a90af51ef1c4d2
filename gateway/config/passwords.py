"""Passwords: argon2id hashes, made and compared here alone.

Does: hashes a password, compares one with a hash, says what is wrong with a hash or why a password is too weak.
Touches: nothing; comparing takes tens of milliseconds and MEMORY_KIB of memory, so callers see to threads and numbers.
Does not: keep a password, or say what one was.

Source: RFC 9106 (argon2id; its second recommended setting is 64 MiB and three passes).
"""

import re
import unicodedata
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

MEMORY_KIB = 64 * 1024
PASSES = 3
LANES = 1
SHORTEST = 14
LONGEST = 256
FEWEST_DIFFERENT = 8
# What one comparison may cost, whoever wrote the hash.
_MOST_KIB = 256 * 1024
_LEAST_KIB = 19 * 1024
_MOST_PASSES = 10

_HASH = re.compile(
    r"\$argon2id\$v=19\$m=(?P<m>[0-9]{1,8}),t=(?P<t>[0-9]{1,3}),p=(?P<p>[0-9]{1,2})"
    r"\$[A-Za-z0-9+/]{11,64}\$[A-Za-z0-9+/]{22,86}"
)


@cache
def _hasher() -> PasswordHasher:
    return PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES)


@cache
def nobodys() -> str:
    """A hash that no password fits, to be compared with where an account has none: the answer takes as long."""
    return _hasher().hash("")


def hash_of(password: str) -> str:
    """A fresh argon2id hash."""
    return _hasher().hash(_normal(password))


def fits(hashed: str, password: str) -> bool:
    """Whether a password is the one that was hashed. Blocks while it computes."""
    try:
        return bool(password) and len(password) <= LONGEST and _hasher().verify(hashed, _normal(password))
    except (VerificationError, InvalidHashError):
        return False


def _normal(password: str) -> str:
    """One spelling of what looks the same, as asyncssh makes of what a client sends."""
    return unicodedata.normalize("NFKC", password)


def check_hash(text: str) -> None:
    """ValueError with the reason when this is no argon2id hash that may be used here."""
    found = _HASH.fullmatch(text)
    if not found:
        raise ValueError("no argon2id hash; `gateway account password LOGIN` makes one ($argon2id$v=19$...)")
    memory, passes = int(found["m"]), int(found["t"])
    if not _LEAST_KIB <= memory <= _MOST_KIB or not 1 <= passes <= _MOST_PASSES or int(found["p"]) < 1:
        raise ValueError(
            f"this hash asks for {memory} KiB and {passes} passes; between {_LEAST_KIB} and {_MOST_KIB} KiB and 1 to "
            f"{_MOST_PASSES} passes are computed here. Hash it again with `gateway account password LOGIN`"
        )


def is_ours(text: str) -> bool:
    """Whether a hash costs what a fresh one costs; with another cost the time of an answer tells who has a password."""
    found = _HASH.fullmatch(text)
    return found is not None and (int(found["m"]), int(found["t"]), int(found["p"])) == (MEMORY_KIB, PASSES, LANES)


def weakness(login: str, password: str) -> str | None:
    """Why a password is too weak; None when it will do."""
    plain = password.casefold()
    if not SHORTEST <= len(password) <= LONGEST:
        return f"a password has {SHORTEST} to {LONGEST} characters; take a few words that have nothing in common"
    if any(part in plain for part in re.findall(r"[a-z]{4,}", login)):
        return "a password does not hold a part of the login"
    if len(set(plain)) < FEWEST_DIFFERENT:
        return f"a password has {FEWEST_DIFFERENT} different characters or more"
    return None
