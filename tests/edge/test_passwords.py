"""Passwords: off unless the settings say so; then right ones only, in the same time for everybody, in bounded memory.

Does: logs in with paramiko and OpenSSH, with right and wrong passwords, alone and many at once; makes a hash at the
command line.
Touches: a daemon; files with hashes.
Does not: try keys (test_means).
"""

import asyncio
import os
import subprocess
import time
import unicodedata
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import asyncssh
import paramiko
import pytest
from click.testing import CliRunner
from paramiko.auth_handler import AuthHandler
from paramiko.common import cMSG_USERAUTH_REQUEST

from gateway.cli import commands
from gateway.config.passwords import check_hash, fits, hash_of, is_ours, weakness
from gateway.errors import GatewayError
from tests.edge.tools import fresh_address
from tests.house import SSH_OPTIONS, Gateway, copy_demo

RIGHT = "fiets kaas dinsdag ölje"
OTHER = "stoel regen viool tulp"


@pytest.fixture(scope="module")
def house(demo_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A daemon that takes passwords: `wim` has one, `els` in a file, `far` from elsewhere only, others have none."""
    made = Gateway(
        copy_demo(demo_template, tmp_path_factory.mktemp("passwords") / "gateway"),
        {"sftp": {"passwords": True, "keys_per_connection": 100}},
        role="sftp",
    )
    for login in ("wim", "els", "far"):
        made.add_account(login, "0363")
    made.account("wim", password_hash=hash_of(RIGHT))
    (made.config / "els.hash").write_text(hash_of(OTHER) + "\n")
    (made.config / "els.hash").chmod(0o600)
    made.account("els", password_hash_file="els.hash")
    made.account("far", password_hash=hash_of(RIGHT), allow_from=["192.0.2.0/24"])
    with made:
        yield made


def enters(house: Gateway, login: str, password: str) -> bool:
    """Whether paramiko gets in."""
    connection = paramiko.Transport(("127.0.0.1", house.port))
    try:
        connection.start_client()
        connection.auth_password(login, password, fallback=False)
        return connection.is_authenticated()
    except paramiko.AuthenticationException:
        return False
    finally:
        connection.close()


def test_each_account_has_its_own_password(house: Gateway) -> None:
    logins = ("wim", "els", "far", "amsterdam", "nobody")
    entered = {(login, word) for login in logins for word in (RIGHT, OTHER, "", "wim") if enters(house, login, word)}
    assert entered == {("wim", RIGHT), ("els", OTHER)}
    assert house.events("login", account="wim", by="password")
    assert not any(word in house.text() for word in (RIGHT, OTHER, "$argon2"))


@pytest.mark.parametrize("word", [RIGHT + " ", RIGHT.upper(), RIGHT[:-1], "x" * 300, "\U0001f600" * 20])
def test_nearly_right_is_wrong(house: Gateway, word: str) -> None:
    assert not enters(house, "wim", word)


def test_what_looks_the_same_is_the_same(house: Gateway) -> None:
    assert unicodedata.normalize("NFD", RIGHT) != RIGHT
    assert enters(house, "wim", unicodedata.normalize("NFD", RIGHT))


def test_with_openssh(house: Gateway, tmp_path: Path) -> None:
    ask = tmp_path / "ask"
    ask.write_text('#!/bin/sh\nprintf "%s\\n" "$WORD"\n')
    ask.chmod(0o700)
    ended = []
    for word in (RIGHT, OTHER):
        environment = {**os.environ, "SSH_ASKPASS": str(ask), "SSH_ASKPASS_REQUIRE": "force", "WORD": word}
        options = ("-o", "BatchMode=no", "-o", "NumberOfPasswordPrompts=1", "-o", "PreferredAuthentications=password")
        command = ["sftp", *options, *SSH_OPTIONS, "-P", str(house.port), "wim@127.0.0.1"]
        done = subprocess.run(
            command, input="ls /\n", capture_output=True, text=True, check=False, timeout=60, env=environment
        )
        ended.append(done.returncode)
    assert ended == [0, 255]


def test_a_key_still_opens_and_questions_are_not_asked(house: Gateway) -> None:
    with house.transport("wim") as connection:
        assert connection.is_authenticated()
    connection = paramiko.Transport(("127.0.0.1", house.port))
    try:
        connection.start_client()
        with pytest.raises(paramiko.BadAuthenticationType) as refused:
            connection.auth_none("wim")
        assert sorted(refused.value.allowed_types) == ["password", "publickey"]
    finally:
        connection.close()


@pytest.mark.parametrize("first", ["cbs", "wim"])
def test_what_was_shown_for_two_accounts_does_not_add_up(
    house: Gateway, monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    """A right password for one account and a question about a key of another, sent together: one of them at most is
    answered, and nobody is in as somebody else."""
    # paramiko takes the answer "this key would do" for another one that has the same number.
    monkeypatch.setattr(AuthHandler, "_parse_userauth_info_request", lambda handler, message: None)
    key = paramiko.Ed25519Key.from_private_key_file(str(house.key("amsterdam")))
    before = len(house.events("login"))
    connection = paramiko.Transport(("127.0.0.1", house.port))
    try:
        connection.start_client()
        with pytest.raises(paramiko.AuthenticationException):
            connection.auth_password(first, "wrong wrong wrong", fallback=False)
        send: Any = connection
        for login, *parts in (
            ("wim", "password", False, RIGHT),
            ("amsterdam", "publickey", False, "ssh-ed25519", key.asbytes()),
        ):
            request: Any = paramiko.Message()
            request.add_byte(cMSG_USERAUTH_REQUEST)
            for part in (login, "ssh-connection", *parts):
                request.add_boolean(part) if isinstance(part, bool) else request.add_string(part)
            send._send_message(request)
        # Answered after both: the key as that of `cbs`.
        with suppress(paramiko.AuthenticationException):
            connection.auth_publickey("cbs", key)
    finally:
        connection.close()
    keys = len(house.events("login", account="wim", by="key"))
    with house.transport("wim"):
        house.wait_event("login", account="wim", by="key", count=keys + 1)
    assert {event["account"] for event in house.events("login")[before:]} <= {"wim"}


def test_the_time_of_an_answer_tells_nothing(house: Gateway) -> None:
    """Of each the quickest of some: what else the machine does only makes answers slower."""
    quickest = {}
    for login in ("wim", "els", "amsterdam", "nobody", "far"):
        connection = paramiko.Transport(("127.0.0.1", house.port))
        try:
            connection.start_client()
            times = []
            for _ in range(4):
                begun = time.perf_counter()
                with pytest.raises(paramiko.AuthenticationException):
                    connection.auth_password(login, "wrong wrong wrong", fallback=False)
                times.append(time.perf_counter() - begun)
            quickest[login] = min(times)
        finally:
            connection.close()
    # Without a comparison an answer comes a hundred times as fast.
    assert max(quickest.values()) < 3 * min(quickest.values()), quickest


def memory(house: Gateway, name: str) -> int:
    """Bytes of memory that the daemon has now (VmRSS) or had at most (VmHWM)."""
    lines = Path(f"/proc/{house.process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:")) * 1024


def test_many_at_once_cost_little_memory_and_hold_up_nobody(house: Gateway) -> None:
    before = memory(house, "VmRSS")
    with ThreadPoolExecutor(16) as pool:
        tries = [pool.submit(enters, house, "wim", f"wrong wrong wrong {n}") for n in range(16)]
        begun = time.monotonic()
        with house.transport("amsterdam") as connection:
            assert connection.is_authenticated()
        assert time.monotonic() - begun < 2
        assert not any(each.result() for each in tries)
    # Two comparisons of 64 MiB, and what the connections cost.
    assert memory(house, "VmHWM") - before < 190 * 1024 * 1024


async def connected(house: Gateway, login: str, word: str) -> asyncssh.SSHClientConnection:
    return await asyncssh.connect(
        "127.0.0.1", house.port, username=login, password=word, known_hosts=None, config=None, agent_path=None,
        client_keys=None, local_addr=(fresh_address(), 0),
    )  # fmt: skip


async def test_wrong_ones_are_counted(demo_template: Path, tmp_path: Path) -> None:
    with Gateway(copy_demo(demo_template, tmp_path / "gateway"), {"sftp": {"passwords": True}}, role="sftp") as house:
        connection = paramiko.Transport(("127.0.0.1", house.port))
        tried = 0
        try:
            connection.start_client()
            while connection.is_active() and tried < 12:
                tried += 1
                with pytest.raises((paramiko.SSHException, EOFError)):
                    connection.auth_password("amsterdam", f"wrong {tried}", fallback=False)
        finally:
            connection.close()
        assert tried <= 8


async def test_another_password_or_none_at_all_ends_the_session(house: Gateway) -> None:
    wim, els = await connected(house, "wim", RIGHT), await connected(house, "els", OTHER)
    house.account("wim", password_hash=hash_of(OTHER))
    await asyncio.wait_for(wim.wait_closed(), 30)
    house.wait_event("revoked", account="wim", reason="another password")
    assert not els.is_closed()

    def off(content: Any) -> None:
        content["sftp"]["passwords"] = False

    house.edit("gateway.yaml", off)
    await asyncio.wait_for(els.wait_closed(), 30)
    house.wait_event("revoked", account="els", reason="passwords are off")
    with pytest.raises(asyncssh.PermissionDenied):
        await connected(house, "els", OTHER)


# --- the hash ---------------------------------------------------------------------------------------------------------


def ask(config: Path, login: str, said: str) -> Any:
    return CliRunner().invoke(commands, ["account", "password", login, "--config", str(config)], input=said)


def test_the_command_prints_a_hash_and_nothing_else(demo_template: Path) -> None:
    done = ask(demo_template / "config", "amsterdam", f"{RIGHT}\n{RIGHT}\n")
    assert done.exit_code == 0
    hashed = done.stdout.strip()
    check_hash(hashed)
    assert is_ours(hashed)
    assert fits(hashed, RIGHT)
    assert not fits(hashed, OTHER)
    assert "passwords are off" in done.stderr
    assert RIGHT not in done.output


@pytest.mark.parametrize(
    ("login", "word", "complaint"),
    [
        ("amsterdam", "kort", "14 to 256 characters"),
        ("amsterdam", "amsterdam-2018-zomer", "part of the login"),
        ("amsterdam", "abababababababab", "8 different"),
        ("nobody", RIGHT, "no account nobody"),
    ],
)
def test_the_command_refuses(demo_template: Path, login: str, word: str, complaint: str) -> None:
    done = ask(demo_template / "config", login, f"{word}\n{word}\n")
    assert isinstance(done.exception, GatewayError)
    assert complaint in str(done.exception)
    assert "$argon2" not in done.output


def test_two_different_entries_are_asked_again(demo_template: Path) -> None:
    done = ask(demo_template / "config", "amsterdam", f"{RIGHT}\n{OTHER}\n{RIGHT}\n{RIGHT}\n")
    assert fits(done.stdout.strip().splitlines()[-1], RIGHT)


@pytest.mark.parametrize(
    "hashed",
    [
        "",
        "fiets",
        "$argon2i$v=19$m=65536,t=3,p=1$c2FsdHNhbHRzYWx0$" + "A" * 43,
        "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHRzYWx0$" + "A" * 43,
        "$argon2id$v=19$m=4194304,t=3,p=1$c2FsdHNhbHRzYWx0$" + "A" * 43,
        "$argon2id$v=19$m=65536,t=99,p=1$c2FsdHNhbHRzYWx0$" + "A" * 43,
        "$2b$12$abcdefghijklmnopqrstuv",
    ],
)
def test_a_hash_of_another_kind_or_cost_is_refused(hashed: str) -> None:
    with pytest.raises(ValueError, match="gateway account password"):
        check_hash(hashed)
    assert not fits(hashed, "")


def test_good_passwords_pass() -> None:
    assert weakness("anna.0363", RIGHT) is None
    assert weakness("anna.0363", "Anna" + RIGHT) == "a password does not hold a part of the login"
