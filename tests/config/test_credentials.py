"""What accounts log in with, as it is written: keys with facts, authorities, principals, passwords, revocations.

Does: writes sound and unsound entries and hears the problems and warnings.
Touches: a copy of the shipped files.
Does not: log in (tests/edge/test_means).
"""

from collections.abc import Collection
from datetime import date
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway.config import load
from gateway.config.keys import fingerprint_of
from gateway.config.passwords import hash_of
from gateway.domain.model import PublicKey
from tests.config.conftest import Tell

HASH = hash_of("fiets kaas dinsdag viool")
CHEAP = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$" + "A" * 43


def key(comment: str = "") -> str:
    """A fresh public key line."""
    made = Ed25519PrivateKey.generate().public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    return f"{made} {comment}".strip()


KEY, OTHER = key("laptop"), key("server")


def people(entry: str) -> str:
    """participants.yaml with one account, which ends with these lines."""
    lines = "".join(f"    {line}\n" for line in entry.splitlines())
    return (
        'municipalities: {"0363": {name: Amsterdam}}\naccounts:\n  - login: anna\n    name: Anna de Vries\n'
        "    email: anna.devries@amsterdam.example\n    roles: [productbeheerder, gebruikersbeheerder]\n"
        f'    municipalities: ["0363"]\n{lines}'
    )


def complaints(tell: Tell, entry: str) -> list[str]:
    """Path within the account and what is said, of each problem."""
    tell("gateway.yaml", "")
    return [line.split(": ", 1)[1].removeprefix("accounts[0].") for line in tell("participants.yaml", people(entry))]


def warnings(config: Path, entry: str, settings: str = "") -> list[str]:
    (config / "gateway.yaml").write_text(settings)
    (config / "participants.yaml").write_text(people(entry))
    found = load(config).warnings
    return [f"{each.path}: {each.what}".removeprefix("accounts[0].") for each in found if "participants" in each.file]


def test_a_key_is_a_line_or_a_line_with_facts(config: Path) -> None:
    entry = f'keys:\n  - "{KEY}"\n  - {{key: "{OTHER}", expires: 2027-01-31, allow_from: ["192.0.2.0/24"]}}'
    assert warnings(config, entry) == []
    loaded = load(config)
    second = PublicKey(OTHER, date(2027, 1, 31), ("192.0.2.0/24",))
    assert loaded.participants.accounts["anna"].public_keys() == (PublicKey(KEY), second)
    [ending] = loaded.expiring
    assert (ending.login, ending.fingerprint, ending.last) == ("anna", fingerprint_of(OTHER), date(2027, 1, 31))


@pytest.mark.parametrize(
    ("today", "said"),
    [
        (date(2027, 1, 1), "expires on 2027-01-31"),
        (date(2027, 1, 31), "expires on 2027-01-31"),
        (date(2027, 2, 1), "expired on 2027-01-31"),
        (date(2026, 12, 31), None),
    ],
)
def test_a_key_that_ends_is_warned_of_with_its_place(config: Path, today: date, said: str | None) -> None:
    warnings(config, f'keys:\n  - {{key: "{KEY}", expires: 2027-01-31}}')
    found = load(config).ending(today)
    assert [each.line for each in found] == ([9] if said else [])
    assert all(said and said in each.what and fingerprint_of(KEY) in each.what for each in found)


def numbered(cases: Collection[object]) -> list[str]:
    """Names of cases that are the same in every process; the keys in them are new in each."""
    return [str(number) for number in range(len(cases))]


BAD = {
    f'keys: [{{key: "{KEY}", expires: morgen}}]': "keys[0].expires: no day",
    f'keys: [{{key: "{KEY}", expires: 2027-02-30}}]': "keys[0].expires: there is no day 2027-02-30",
    f'keys: [{{key: "{KEY}", expire: 2027-01-31}}]': "keys[0].expire: unknown key `expire`; did you mean `expires`?",
    "keys: [{expires: 2027-01-31}]": "keys[0].key: is missing",
    'keys: [{key: "ssh-ed25519 AAAA"}]': "keys[0].key: damaged",
    f'keys: [{{key: "{KEY}", allow_from: [overal]}}]': "keys[0].allow_from[0]: ",
    "keys: [17]": "keys[0]: text is expected",
    f'keys: ["{KEY}", {{key: "{KEY}"}}]': "keys[1].key: the same key as on line 8, of `anna`",
    "user_ca: [x]": 'user_ca[0]: "x" is no type of public key',
    'principals: ["a,b"]': "principals[0]: one name",
    "password_hash: fiets": "password_hash: no argon2id hash",
    "password_hash_file: nergens": "password_hash_file: nergens: No such file",
    f'password_hash: "{HASH}"\npassword_hash_file: nergens': "password_hash_file: one of password_hash and",
}


@pytest.mark.parametrize("entry", BAD, ids=numbered(BAD))
def test_what_is_wrong_is_said_at_its_place(tell: Tell, entry: str) -> None:
    [line] = complaints(tell, entry)
    assert line.startswith(BAD[entry])


@pytest.mark.parametrize("content", [b"fiets\n", b"\xff\xfe", b"", HASH.encode() * 100])
def test_a_file_with_something_else_is_refused_and_not_shown(config: Path, tell: Tell, content: bytes) -> None:
    (config / "anna.hash").write_bytes(content)
    [line] = complaints(tell, "password_hash_file: anna.hash")
    assert line.startswith("password_hash_file: ")
    assert "fiets" not in line
    assert "$argon2id$v=19$m=65536" not in line


SELDOM = {
    ("", ""): ["login: `anna` has no key and cannot log in"],
    (f'password_hash: "{HASH}"', ""): [
        "password_hash: not used: passwords are off (sftp.passwords in gateway.yaml)",
        "login: `anna` has no key and cannot log in",
    ],
    (f'password_hash: "{HASH}"', "sftp: {passwords: true}"): [],
    ("", f'sftp: {{user_ca: ["{OTHER}"]}}'): [],
    (f'keys: ["{KEY}"]\nprincipals: [anna]', ""): [
        "principals: no authority is trusted: name one in user_ca, here or under sftp in gateway.yaml"
    ],
    (f'keys: ["{KEY}"]', f'sftp: {{revoked_keys: ["{KEY}"]}}'): ["keys[0]: revoked in gateway.yaml; it opens nothing"],
    (f'keys: ["{KEY}"]', f'sftp: {{revoked_keys: ["{fingerprint_of(KEY)}"]}}'): [
        "keys[0]: revoked in gateway.yaml; it opens nothing"
    ],
}


@pytest.mark.parametrize(("entry", "settings"), SELDOM, ids=numbered(SELDOM))
def test_what_opens_nothing_is_warned_of(config: Path, entry: str, settings: str) -> None:
    assert warnings(config, entry, settings) == SELDOM[entry, settings]


def test_a_hash_of_another_cost_is_warned_of(config: Path) -> None:
    [said] = warnings(config, f'password_hash: "{CHEAP}"', "sftp: {passwords: true}")
    assert "another cost" in said


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("sftp: {user_ca: [x]}", "sftp.user_ca[0]: "),
        ("sftp: {revoked_keys: [x]}", "sftp.revoked_keys[0]: "),
        ('sftp: {revoked_keys: ["SHA256:kort"]}', "sftp.revoked_keys[0]: no whole fingerprint"),
        ("sftp: {revoked_keys: [{serials: [1]}]}", "sftp.revoked_keys[0].ca: is missing"),
        (
            f'sftp: {{revoked_keys: [{{ca: "{KEY}", serials: [-1]}}]}}',
            "sftp.revoked_keys[0].serials[0]: must be at least 0",
        ),
        (
            f'sftp: {{revoked_keys: [{{ca: "{KEY}", serial: [1]}}]}}',
            "sftp.revoked_keys[0].serial: unknown key `serial`",
        ),
        ("sftp: {passwords: 'ja'}", "sftp.passwords: write true or false"),
    ],
    ids=["ca", "revoked", "fingerprint", "no-ca", "serials", "unknown", "passwords"],
)
def test_settings_that_cannot_be_meant(tell: Tell, settings: str, said: str) -> None:
    [line] = tell("gateway.yaml", settings)
    assert line.split(": ", 1)[1].startswith(said)
