"""What accounts log in with: keys, certificates and passwords of participants.yaml, each by itself and against others.

Does: finds what is wrong with them, warns of what opens nothing, and lists the keys that expire, with their places.
Touches: files with password hashes, reading (`hash_problems`).
Does not: know what day it is (`Expiring.problem` is told), or let anybody in (edge.sftp).
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

from gateway.config.addresses import network
from gateway.config.keys import fingerprint, fingerprint_of, key_material
from gateway.config.passwords import check_hash, is_ours
from gateway.config.sections import Sftp
from gateway.config.yaml import Document, Loc
from gateway.domain.model import Account, PublicKey
from gateway.errors import Problem

# Longer than this no line with a hash is.
_LONGEST_HASH = 1024


@dataclass(frozen=True, slots=True)
class Placed:
    """An account and where it stands."""

    loc: Loc
    account: Account


@dataclass(frozen=True, slots=True)
class Expiring:
    """A key that works until the end of a local day. `place` is a problem without words yet."""

    login: str
    fingerprint: str
    last: date
    place: Problem

    def problem(self, today: date, days: int) -> Problem | None:
        """What to say of it today; None while it still has more than so many days."""
        if self.last - today > timedelta(days=days):
            return None
        verb = "expired" if self.last < today else "expires"
        what = f"the key {self.fingerprint} of `{self.login}` {verb} on {self.last}; add the next one beside it"
        return replace(self.place, what=what)


def credential_problems(
    document: Document, placed: Placed, owners: dict[tuple[str, bytes], tuple[Loc, str]]
) -> Iterator[Problem]:
    """What is wrong with the keys, authorities, principals and password of one account. `owners`: the keys so far."""
    account = placed.account
    for index, key in enumerate(account.public_keys()):
        loc: Loc = (*placed.loc, "keys", index)
        written = not isinstance(account.keys[index], str)
        at: Loc = (*loc, "key") if written else loc
        yield from _key_problems(document, at, key.key, account.login, owners)
        for number, text in enumerate(key.allow_from):
            yield from refused(document, (*loc, "allow_from", number), network, text)
    for index, line in enumerate(account.user_ca):
        yield from refused(document, (*placed.loc, "user_ca", index), key_material, line)
    for index, principal in enumerate(account.principals):
        if not principal or principal != principal.strip() or "," in principal:
            what = "one name as it stands in the certificate (ssh-keygen -n), without commas and spaces around it"
            yield document.problem((*placed.loc, "principals", index), what)
    if account.password_hash is not None:
        yield from refused(document, (*placed.loc, "password_hash"), check_hash, account.password_hash)
        if account.password_hash_file is not None:
            what = "one of password_hash and password_hash_file, not both"
            yield document.problem((*placed.loc, "password_hash_file"), what)


def refused(document: Document, loc: Loc, reader: Callable[[str], object], text: str) -> Iterator[Problem]:
    """The reason for which `reader` does not take a text."""
    try:
        reader(text)
    except ValueError as error:
        yield document.problem(loc, str(error))


def _key_problems(
    document: Document, loc: Loc, line: str, login: str, owners: dict[tuple[str, bytes], tuple[Loc, str]]
) -> Iterator[Problem]:
    try:
        material = key_material(line)
    except ValueError as error:
        yield document.problem(loc, str(error))
        return
    if material in owners:
        at, owner = owners[material]
        line_number = document.place(at)[1].line
        what = f"the same key as on line {line_number}, of `{owner}`; each account has its own key pair"
        yield document.problem(loc, what)
    owners.setdefault(material, (loc, login))


# --- against gateway.yaml and the disk ----------------------------------------------------------------------


def read_hash(directory: Path, account: Account) -> str | None:
    """The password hash of an account as it stands now; None when it has none. OSError when its file cannot be read,
    ValueError when there is something else in it."""
    if account.password_hash_file is None:
        return account.password_hash
    with (directory / account.password_hash_file).open(encoding="ascii") as file:
        text = file.read(_LONGEST_HASH).strip()
    check_hash(text)
    return text


def hash_problems(
    document: Document, accounts: Iterable[Placed], directory: Path
) -> tuple[list[Problem], list[Problem]]:
    """Problems and warnings of password hashes."""
    problems, warnings = [], []
    for placed in accounts:
        if placed.account.password_hash is not None and placed.account.password_hash_file is not None:
            continue
        name = "password_hash" if placed.account.password_hash_file is None else "password_hash_file"
        loc = (*placed.loc, name)
        try:
            text = read_hash(directory, placed.account)
        except OSError as error:
            problems.append(document.problem(loc, f"{placed.account.password_hash_file}: {error.strerror}"))
            continue
        except ValueError as error:
            problems.append(document.problem(loc, str(error).split(":")[0] if "codec" in str(error) else str(error)))
            continue
        if text is not None and not is_ours(text):
            what = (
                "hashed with another cost than today's, so that the time of an answer tells that this account has a "
                "password; hash it again with `gateway account password LOGIN`"
            )
            warnings.append(document.problem(loc, what))
    return problems, warnings


def credential_warnings(document: Document, accounts: Iterable[Placed], sftp: Sftp) -> Iterator[Problem]:
    """Accounts that cannot log in, and keys that open nothing."""
    revoked = {fingerprint_of(each) for each in sftp.revoked_keys if isinstance(each, str)}
    for placed in accounts:
        account = placed.account
        has_password = account.password_hash is not None or account.password_hash_file is not None
        if has_password and not sftp.passwords:
            name = "password_hash" if account.password_hash is not None else "password_hash_file"
            what = "not used: passwords are off (sftp.passwords in gateway.yaml)"
            yield document.problem((*placed.loc, name), what)
        certified = bool(account.user_ca or sftp.user_ca)
        if not account.keys and not certified and not (has_password and sftp.passwords):
            yield document.problem((*placed.loc, "login"), f"`{account.login}` has no key and cannot log in")
        if account.principals and not certified:
            what = "no authority is trusted: name one in user_ca, here or under sftp in gateway.yaml"
            yield document.problem((*placed.loc, "principals"), what)
        for index, key in enumerate(account.public_keys() if revoked else ()):
            if fingerprint(key_material(key.key)[1]) in revoked:
                yield document.problem((*placed.loc, "keys", index), "revoked in gateway.yaml; it opens nothing")


def expiring(document: Document, accounts: Iterable[Placed]) -> Iterator[Expiring]:
    """Every key with a last day."""
    for placed in accounts:
        for index, key in enumerate(placed.account.keys):
            if isinstance(key, PublicKey) and key.expires is not None:
                place = document.problem((*placed.loc, "keys", index), "")
                yield Expiring(placed.account.login, fingerprint_of(key.key), key.expires, place)
