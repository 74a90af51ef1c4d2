"""What opens an account: keys of every sort from files and agents, certificates, days and revocations.

Does: tries every key on every account; makes certificates with the real ssh-keygen, good ones and every kind of bad
one; changes the configuration under open sessions.
Touches: a daemon, ssh-agent, files in a temporary folder.
Does not: try passwords (test_passwords) or host keys (test_host_keys).
"""

import asyncio
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncssh
import paramiko
import pytest
import yaml

from gateway.domain.workdays import local_day
from tests.edge import tools
from tests.edge.tools import SORTS, agent, enters, fingerprint, fresh_address, keygen, public, sign
from tests.house import COMMAND, Gateway, copy_demo

# More than one key for one account; RSA's two algorithms are one key.
OWNERS = {"ed25519": "lin", "p256": "lin", "p384": "mo", "p521": "noa", "rsa": "noa"}
TODAY = local_day(datetime.now(UTC))


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """A key of each sort, two authorities that are trusted (one for one account), one that is not, one of RSA."""
    folder = tmp_path_factory.mktemp("keys")
    made = {sort: keygen(folder / sort, sort) for sort in SORTS}
    for name in ("ca", "own_ca", "stranger_ca", "certified", "expired", "last_day", "elsewhere", "revoked"):
        made[name] = keygen(folder / name)
    made["rsa_ca"] = keygen(folder / "rsa_ca", "rsa")
    return made


@pytest.fixture(scope="module")
def house(demo_template: Path, tmp_path_factory: pytest.TempPathFactory, keys: Mapping[str, Path]) -> Iterator[Gateway]:
    """A daemon that trusts the authorities, with accounts of several keys."""
    settings = {
        "sftp": {
            "user_ca": [public(keys["ca"]), public(keys["rsa_ca"])],
            "revoked_keys": [
                fingerprint(keys["revoked"]),
                {"ca": public(keys["ca"]), "serials": [13], "identities": ["stolen"]},
            ],
        }
    }
    made = Gateway(copy_demo(demo_template, tmp_path_factory.mktemp("means") / "gateway"), settings, role="sftp")
    for login in ("lin", "mo", "noa", "pat", "days"):
        made.add_account(login, "0363")
    for login in ("lin", "mo", "noa"):
        made.account(login, keys=[public(keys[sort]) for sort, owner in OWNERS.items() if owner == login])
    made.account("pat", keys=[], principals=["pat@gemeente", "team"], user_ca=[public(keys["own_ca"])])
    made.account(
        "days",
        keys=[
            {"key": public(keys["expired"]), "expires": TODAY - timedelta(days=1)},
            {"key": public(keys["last_day"]), "expires": TODAY},
            {"key": public(keys["elsewhere"]), "allow_from": ["192.0.2.0/24"]},
            public(keys["revoked"]),
        ],
    )
    with made:
        yield made


def reasons(house: Gateway, login: str) -> list[str]:
    """Why logins were refused, so far."""
    return [event["reason"] for event in house.events("login_failed", account=login)]


# --- keys -------------------------------------------------------------------------------------------------------------


async def connects(house: Gateway, login: str, key: Any, algorithm: str | None = None) -> bool:
    """Whether asyncssh gets in; from a fresh address, so that no line of the log is kept back."""
    options: dict[str, Any] = {"signature_algs": [algorithm]} if algorithm else {}
    try:
        async with asyncssh.connect(
            "127.0.0.1", house.port, username=login, client_keys=[key], known_hosts=None, config=None,
            agent_path=None, preferred_auth="publickey", local_addr=(fresh_address(), 0), **options,
        ):  # fmt: skip
            return True
    except asyncssh.PermissionDenied:
        return False


async def test_every_key_opens_the_account_that_has_it_and_no_other(house: Gateway, keys: Mapping[str, Path]) -> None:
    opened = {
        (login, sort)
        for login in ("amsterdam", "cbs", "operator", "lin", "mo", "noa", "pat", "nobody")
        for sort in SORTS
        if await connects(house, login, str(keys[sort]))
    }
    assert opened == {(login, sort) for sort, login in OWNERS.items()}


def bend(thing: object, **changes: object) -> None:
    """Have a client's object do what it would not."""
    for name, value in changes.items():
        setattr(thing, name, value)


@pytest.mark.parametrize("sort", SORTS)
def test_each_sort_from_a_file_of_openssh(house: Gateway, keys: Mapping[str, Path], sort: str) -> None:
    assert enters(house, OWNERS[sort], keys[sort])
    assert house.events("login", account=OWNERS[sort], by="key", key=fingerprint(keys[sort]))
    assert not enters(house, "amsterdam", keys[sort])


def test_of_all_the_keys_in_an_agent_the_right_one_opens(
    house: Gateway, keys: Mapping[str, Path], tmp_path: Path
) -> None:
    with agent(tmp_path, *(keys[sort] for sort in SORTS)) as socket:
        held = ("-o", "IdentitiesOnly=no", "-o", f"IdentityAgent={socket}")
        nothing = tmp_path / "no_such_file"
        assert [login for login in ("lin", "mo", "noa", "cbs", "pat") if enters(house, login, nothing, *held)] == [
            "lin", "mo", "noa",
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("sort", "make"),
    [
        ("ed25519", paramiko.Ed25519Key),
        ("p256", paramiko.ECDSAKey),
        ("p384", paramiko.ECDSAKey),
        ("p521", paramiko.ECDSAKey),
        ("rsa", paramiko.RSAKey),
    ],
)
def test_each_sort_with_paramiko(
    house: Gateway, keys: Mapping[str, Path], sort: str, make: type[paramiko.PKey]
) -> None:
    for login in (OWNERS[sort], "amsterdam"):
        connection = paramiko.Transport(("127.0.0.1", house.port))
        try:
            connection.start_client()
            secret = make.from_private_key_file(str(keys[sort]))
            if login == "amsterdam":
                with pytest.raises(paramiko.AuthenticationException):
                    connection.auth_publickey(login, secret)
            else:
                connection.auth_publickey(login, secret)
            assert connection.is_authenticated() == (login != "amsterdam")
        finally:
            connection.close()


@pytest.mark.parametrize("algorithm", ["rsa-sha2-256", "rsa-sha2-512"])
async def test_rsa_signs_with_sha_2(house: Gateway, keys: Mapping[str, Path], algorithm: str) -> None:
    assert await connects(house, "noa", str(keys["rsa"]), algorithm)
    options = ("-o", f"PubkeyAcceptedAlgorithms={algorithm}")
    assert enters(house, "noa", keys["rsa"], *options)


async def test_rsa_does_not_sign_with_sha_1(house: Gateway, keys: Mapping[str, Path]) -> None:
    """A client that signs with SHA-1 although the server did not offer it; asyncssh itself would take that."""
    [pair] = asyncssh.load_keypairs(str(keys["rsa"]))
    secret = asyncssh.read_private_key(str(keys["rsa"]))
    bend(pair, sig_algorithms=[b"ssh-rsa"], sign=lambda data: secret.sign(data, b"ssh-rsa"))
    assert not await connects(house, "noa", pair, "ssh-rsa")
    house.wait_event("login_failed", account="noa", reason="signed with an algorithm of the past")


# --- days and revocations ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("expired", f"key expired on {TODAY - timedelta(days=1)}"),
        ("elsewhere", "address"),
        ("revoked", "revoked key"),
        ("last_day", None),
    ],
)
def test_a_key_has_days_addresses_and_an_end(
    house: Gateway, keys: Mapping[str, Path], key: str, reason: str | None
) -> None:
    assert enters(house, "days", keys[key]) == (reason is None)
    if reason is not None:
        house.wait_event("login_failed", account="days", reason=reason)


def test_the_last_use_of_each_key_is_kept_and_shown(house: Gateway, keys: Mapping[str, Path]) -> None:
    assert enters(house, "mo", keys["p384"])

    def rows() -> list[dict[str, Any]]:
        listed = tools.run(COMMAND, "account", "keys", "--json", "--config", house.config)
        return [row for row in yaml.safe_load(listed) if row["login"] == "mo" and row["last_used"]]

    [row] = house.wait_until(rows)
    assert (row["key"], row["comment"], row["last_used"][:10]) == (fingerprint(keys["p384"]), "p384", "2018-02-12")


# --- certificates -----------------------------------------------------------------------------------------------------

GOOD: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "its login": ("lin", "ca", ("-I", "x", "-n", "lin")),
    "its login among others": ("lin", "ca", ("-I", "x", "-n", "mo2,lin")),
    "signed by RSA with SHA-2": ("lin", "rsa_ca", ("-I", "x", "-n", "lin")),
    "days": ("lin", "ca", ("-I", "x", "-n", "lin", "-V", "-1h:+1h")),
    "an address": ("lin", "ca", ("-I", "x", "-n", "lin", "-O", "source-address=127.0.0.0/8,10.0.0.0/8")),
    "nothing but SFTP": ("lin", "ca", ("-I", "x", "-n", "lin", "-O", "force-command=internal-sftp")),
    "another serial": ("lin", "ca", ("-I", "x", "-n", "lin", "-z", "14")),
    "a configured principal": ("pat", "ca", ("-I", "x", "-n", "team")),
    "the account's own authority": ("pat", "own_ca", ("-I", "x", "-n", "pat@gemeente")),
    "an unknown extension": ("lin", "ca", ("-I", "x", "-n", "lin", "-O", "extension:x@gemeente.example=1")),
}
BAD: dict[str, tuple[str, str, tuple[str, ...], str]] = {
    "unknown authority": ("lin", "stranger_ca", ("-I", "x", "-n", "lin"), "unknown authority"),
    "an authority of another account": ("lin", "own_ca", ("-I", "x", "-n", "lin"), "unknown authority"),
    "a key of an account is no authority": ("lin", "ed25519", ("-I", "x", "-n", "lin"), "unknown authority"),
    "for somebody else": ("lin", "ca", ("-I", "x", "-n", "mo"), "principal"),
    "for nobody, so for everybody": ("lin", "ca", ("-I", "x"), "principal"),
    "its login, which is not its principal": ("pat", "ca", ("-I", "x", "-n", "pat"), "principal"),
    "over": ("lin", "ca", ("-I", "x", "-n", "lin", "-V", "-2h:-1h"), "Certificate expired"),
    "not yet": ("lin", "ca", ("-I", "x", "-n", "lin", "-V", "+1h:+2h"), "Certificate not yet valid"),
    "of the sandbox's day": ("lin", "ca", ("-I", "x", "-n", "lin", "-V", "20180101:20181231"), "Certificate expired"),
    "a host's": ("lin", "ca", ("-h", "-I", "x", "-n", "lin"), "Invalid certificate type"),
    "from elsewhere": (
        "lin", "ca", ("-I", "x", "-n", "lin", "-O", "source-address=192.0.2.0/24"), "address of the certificate",
    ),
    "another command": ("lin", "ca", ("-I", "x", "-n", "lin", "-O", "force-command=/bin/sh"), "forced command"),
    "unknown critical option": (
        "lin", "ca", ("-I", "x", "-n", "lin", "-O", "critical:x@gemeente.example=1"),
        "damaged certificate, or one with an unknown critical option",
    ),
    "revoked serial": ("lin", "ca", ("-I", "x", "-n", "lin", "-z", "13"), "revoked certificate"),
    "revoked identity": ("lin", "ca", ("-I", "stolen", "-n", "lin"), "revoked certificate"),
    "signed with SHA-1": (
        "lin", "rsa_ca", ("-t", "ssh-rsa", "-I", "x", "-n", "lin"),
        "authority signed with an algorithm of the past",
    ),
    "an unknown login": ("nobody", "ca", ("-I", "x", "-n", "nobody"), "unknown login"),
}  # fmt: skip


@pytest.mark.parametrize("case", GOOD)
def test_a_certificate_opens(house: Gateway, keys: Mapping[str, Path], case: str) -> None:
    login, authority, options = GOOD[case]
    sign(keys[authority], keys["certified"], *options)
    before = len(house.events("login", account=login, by="certificate"))
    assert enters(house, login, keys["certified"])
    assert not enters(house, "amsterdam", keys["certified"])
    event = house.wait_event("login", account=login, by="certificate", count=before + 1)
    assert event["authority"] == fingerprint(keys[authority])
    assert event["key"] == fingerprint(keys["certified"])


@pytest.mark.parametrize("case", BAD)
async def test_a_certificate_does_not_open(house: Gateway, keys: Mapping[str, Path], case: str) -> None:
    login, authority, options, reason = BAD[case]
    certificate = sign(keys[authority], keys["certified"], *options)
    if "critical" in case:
        # asyncssh cannot read it as a client either.
        assert not await asyncio.to_thread(enters, house, login, keys["certified"])
    else:
        # asyncssh shows what OpenSSH would not dare to: hosts' certificates, SHA-1.
        assert not await connects(house, login, (str(keys["certified"]), str(certificate)))
    house.wait_event("login_failed", account=login, reason=reason)


def test_a_revoked_key_is_not_certified_either(house: Gateway, keys: Mapping[str, Path]) -> None:
    sign(keys["ca"], keys["revoked"], "-I", "x", "-n", "lin")
    assert not enters(house, "lin", keys["revoked"])
    house.wait_event("login_failed", account="lin", reason="revoked key")


def test_a_certificate_from_an_agent(house: Gateway, keys: Mapping[str, Path], tmp_path: Path) -> None:
    sign(keys["ca"], keys["certified"], "-I", "x", "-n", "lin")
    with agent(tmp_path, keys["certified"]) as socket:
        held = ("-o", "IdentitiesOnly=no", "-o", f"IdentityAgent={socket}")
        assert enters(house, "lin", tmp_path / "no_such_file", *held)
        assert not enters(house, "mo", tmp_path / "no_such_file", *held)


@pytest.mark.parametrize("sort", SORTS)
async def test_keys_of_every_sort_are_certified(
    house: Gateway, keys: Mapping[str, Path], tmp_path: Path, sort: str
) -> None:
    own = keygen(tmp_path / sort, sort)
    sign(keys["ca"], own, "-I", "x", "-n", "mo")
    assert enters(house, "mo", own)
    assert not enters(house, "lin", own)


def test_a_certified_key_alone_opens_nothing(house: Gateway, keys: Mapping[str, Path], tmp_path: Path) -> None:
    own = keygen(tmp_path / "own")
    certificate = sign(keys["ca"], own, "-I", "x", "-n", "lin")
    assert enters(house, "lin", own)
    certificate.unlink()
    assert not enters(house, "lin", own)


async def test_a_stolen_certificate_without_its_key_opens_nothing(house: Gateway, keys: Mapping[str, Path]) -> None:
    certificate = sign(keys["ca"], keys["certified"], "-I", "x", "-n", "lin")
    thief = asyncssh.generate_private_key("ssh-ed25519")
    pair = asyncssh.load_keypairs([(str(keys["certified"]), str(certificate))])[0]
    bend(pair, sign=lambda data: thief.sign(data, b"ssh-ed25519"))
    assert not await connects(house, "lin", pair)


def test_too_many_certificates_end_the_connection(house: Gateway, keys: Mapping[str, Path], tmp_path: Path) -> None:
    """Also those that asyncssh refuses by itself count."""
    made = [keygen(tmp_path / f"key{n}") for n in range(10)]
    for each in made:
        sign(keys["stranger_ca"], each, "-I", "x", "-n", "zandvoort")
    before = len(reasons(house, "zandvoort"))
    many = [option for each in made for option in ("-i", str(each))]
    assert not enters(house, "zandvoort", made[0], *many)
    assert len(reasons(house, "zandvoort")) - before <= 7


# --- while a session is open ------------------------------------------------------------------------------------------


async def test_what_is_revoked_ends_its_sessions_at_once_and_no_others(
    house: Gateway, keys: Mapping[str, Path], tmp_path: Path
) -> None:
    own = keygen(tmp_path / "own")
    certificate = sign(keys["ca"], own, "-I", "leaver", "-n", "lin", "-z", "77")
    pairs = [(str(own), str(certificate)), str(keys["ed25519"])]
    certified, plain = [
        await asyncssh.connect(
            "127.0.0.1", house.port, username="lin", client_keys=[pair], known_hosts=None, config=None, agent_path=None
        )
        for pair in pairs
    ]

    def revoke(content: Any) -> None:
        content["sftp"]["revoked_keys"][1]["serials"].append(77)

    house.edit("gateway.yaml", revoke)
    await asyncio.wait_for(certified.wait_closed(), 30)
    house.wait_event("revoked", account="lin", reason="revoked certificate")
    assert house.events("configuration_loaded")[-1]["restart_needed_for"] == []
    assert not plain.is_closed()
    plain.close()
    await plain.wait_closed()
    assert not enters(house, "lin", own)
