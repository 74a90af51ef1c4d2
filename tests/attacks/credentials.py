"""Attacks with papers and words: certificates that are not in order, passwords that are guessed.

Does: each function is an attack; what it must meet stands in the catalogue. Each turns on what it attacks while the
gateway serves, shows that the right thing gets in, and turns it off again.
Touches: the loopback interface, the gateway's configuration, a folder of its own, ssh-keygen.
Does not: try keys (who); what one client makes of each certificate is in tests/edge.
"""

import asyncio
import base64
import itertools
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import asyncssh
import paramiko

from gateway.config.passwords import hash_of
from tests.attacks.ground import ATTACKER, Ground, Outcome
from tests.edge.tools import keygen, public, sign

HOLDER, OTHER = "zandvoort", "operator"
RIGHT = "fiets kaas dinsdag viool"
GUESSES = ("", "geheim", "welkom01", "zandvoort", RIGHT.upper(), RIGHT[:-1], RIGHT + " ", "x" * 100_000, RIGHT + "\0")
# What each is called, who signs, and with which options. The account is HOLDER.
FORGED: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("of another authority", "stranger", ("-n", HOLDER)),
    ("signed by a key of the account", HOLDER, ("-n", HOLDER)),
    ("for another account", "ca", ("-n", OTHER)),
    ("for nobody in particular", "ca", ()),
    ("for a name that contains it", "ca", ("-n", f"{HOLDER}x,x{HOLDER},{HOLDER.upper()},*,{HOLDER[:4]}*")),
    ("that has ended", "ca", ("-n", HOLDER, "-V", "20100101:20110101")),
    ("that has not begun", "ca", ("-n", HOLDER, "-V", "20980101:20990101")),
    ("for a command", "ca", ("-n", HOLDER, "-O", "force-command=ls")),
    ("with an option that nobody knows", "ca", ("-n", HOLDER, "-O", "critical:x@example.org=y")),
    ("for another address", "ca", ("-n", HOLDER, "-O", "source-address=192.0.2.0/24")),
    ("of a host", "ca", ("-n", HOLDER, "-h")),
)


@asynccontextmanager
async def configured(ground: Ground, changes: dict[str, Any], **facts: Any) -> AsyncIterator[None]:
    """Other settings of `sftp`, and other facts of HOLDER, for as long as this lasts."""
    house = ground.gateway
    kept = {name: (house.config / name).read_bytes() for name in ("gateway.yaml", "participants.yaml")}

    async def turned(change: Any) -> None:
        before = len(house.events("configuration_loaded"))
        change()
        await asyncio.to_thread(house.wait_event, "configuration_loaded", count=before + 1)

    def put() -> None:
        house.edit("gateway.yaml", lambda content: content.setdefault("sftp", {}).update(changes))
        house.account(HOLDER, **facts)

    def put_back() -> None:
        for name, body in kept.items():
            (house.config / name).write_bytes(body)

    await turned(put)
    try:
        yield
    finally:
        await turned(put_back)


async def opens(ground: Ground, login: str, **means: Any) -> bool:
    """Whether a login succeeds by these means alone, from an address of its own."""
    given = {"client_keys": (), "agent_path": None, "known_hosts": None, "config": None, **means}
    try:
        made = await asyncssh.connect(
            "127.0.0.1", ground.port, username=login, local_addr=(ground.address(), 0), **given
        )
    except (asyncssh.Error, OSError, ValueError):
        return False
    made.abort()
    with suppress(asyncssh.Error, OSError):
        await made.wait_closed()
    return True


def certificate(signer: Path, folder: Path, options: tuple[str, ...]) -> list[tuple[str, str]]:
    """A fresh key with a certificate, as asyncssh takes them."""
    key = keygen(folder / f"key-{len(list(folder.iterdir()))}")
    return [(str(key), str(sign(signer, key, "-I", "x", *options)))]


def tampered(made: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The same certificate with its principal changed, and so without a signature that fits."""
    path = made[0][1]
    sort, body, *_ = Path(path).read_text(encoding="ascii").split()
    changed = base64.b64decode(body).replace(ATTACKER.encode(), HOLDER.encode())
    Path(path).write_text(f"{sort} {base64.b64encode(changed).decode()} x\n", encoding="ascii")
    return made


async def certificates(ground: Ground, full: bool) -> Outcome:
    """Certificates that anybody can make, or that were made for something else."""
    tried = 0
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        signers = {name: keygen(folder / name) for name in ("ca", "stranger")}
        signers[HOLDER] = ground.gateway.key(HOLDER)
        async with configured(ground, {"user_ca": [public(signers["ca"])]}):
            good = certificate(signers["ca"], folder, ("-n", HOLDER))
            assert await opens(ground, HOLDER, client_keys=good), "not even the right one gets in"
            for what, signer, options in FORGED:
                for login in (HOLDER, "root", ATTACKER.upper(), "") if full else (HOLDER,):
                    made = certificate(signers[signer], folder, options)
                    assert not await opens(ground, login, client_keys=made), f"{login!r} with one {what}"
                    tried += 1
            for login in (ATTACKER, "bloemendaal", "cbs", OTHER):
                assert not await opens(ground, login, client_keys=good), f"{login} with that of {HOLDER}"
                tried += 1
            assert not await opens(ground, HOLDER, client_keys=[str(signers["ca"])]), "the authority itself"
            forged = tampered(certificate(signers["ca"], folder, ("-n", ATTACKER)))
            assert not await opens(ground, HOLDER, client_keys=forged), "one that was changed"
        assert not await opens(ground, HOLDER, client_keys=good), "an authority that is trusted no more"
    return Outcome(tried + 3, "one that is in order gets in; no other")


async def guess(ground: Ground, login: str, words: list[str], address: str) -> int:
    """How many of these words were answered at all, on connections from one address, as a cracker makes them; none is
    right."""

    def on_one_connection(left: list[str]) -> int:
        with ground.dial(address) as wire:
            connection = paramiko.Transport(wire)
            answered = 0
            try:
                connection.start_client(timeout=5)
                for word in left:
                    with suppress(paramiko.AuthenticationException):
                        connection.auth_password(login, word, fallback=False)
                        raise AssertionError(f"{login} got in with {word[:30]!r}")
                    if not connection.is_active():
                        break
                    answered += 1
            except (paramiko.SSHException, EOFError, OSError):
                return answered
            finally:
                connection.close()
            return answered

    answered, left = 0, words
    for _ in range(20):
        done = await asyncio.to_thread(on_one_connection, left)
        answered, left = answered + done, left[done + 1 :]
        if not left:
            break
    return answered


async def guessed_passwords(ground: Ground, full: bool) -> Outcome:
    """Words without end against an account that has a password: from one network, then each from another."""
    words = [f"{word}{number}" for number, word in zip(range(300 if full else 60), itertools.cycle(GUESSES[1:4]))]
    async with configured(ground, {"passwords": True}, password_hash=hash_of(RIGHT)):
        assert await opens(ground, HOLDER, password=RIGHT), "not even the right one gets in"
        address = ground.address()
        answered = await guess(ground, HOLDER, words, address)
        await asyncio.to_thread(ground.gateway.wait_event, "banned", network=f"{address}/32")
        # A comparison takes its time, in which seconds run off: it is the fourth to sixth connection that is the last.
        assert answered <= 6 * 7, f"{answered} words were answered"
        for word in GUESSES:
            assert not await opens(ground, HOLDER, password=word), f"{word[:30]!r} gets in"
        assert await opens(ground, HOLDER, password=RIGHT), "the holder is kept out by others' guesses"
    return Outcome(len(words) + len(GUESSES), f"the network kept out after {answered} words; the holder gets in")


async def passwords_by_time(ground: Ground, full: bool) -> Outcome:
    """Accounts with a password, with keys only, and names of nobody, told apart by the time of a refusal."""
    quickest: dict[str, float] = {}

    def seconds(login: str) -> float:
        with ground.dial() as wire:
            connection = paramiko.Transport(wire)
            try:
                connection.start_client(timeout=5)
                begun = time.perf_counter()
                with suppress(paramiko.AuthenticationException):
                    connection.auth_password(login, "geheim geheim geheim", fallback=False)
                    raise AssertionError(f"{login} got in")
                return time.perf_counter() - begun
            finally:
                connection.close()

    rounds = 30 if full else 6
    async with configured(ground, {"passwords": True}, password_hash=hash_of(RIGHT)):
        for _ in range(rounds):
            for login in (HOLDER, ATTACKER, "nobody", "root"):
                took = await asyncio.to_thread(seconds, login)
                quickest[login] = min(took, quickest.get(login, took))
    # Of each the quickest: what else the machine does only makes answers slower. Without a hash it is a hundredth.
    assert max(quickest.values()) < 3 * min(quickest.values()), quickest
    told = " to ".join(f"{each * 1000:.0f}" for each in (min(quickest.values()), max(quickest.values())))
    return Outcome(4 * rounds, f"{told} ms at best, whoever it is")


async def passwords_without(ground: Ground, full: bool) -> Outcome:
    """The right password where passwords are off, and any where an account has keys only."""
    times = 10 if full else 3
    async with configured(ground, {"passwords": False}, password_hash=hash_of(RIGHT)):
        for _ in range(times):
            assert not await opens(ground, HOLDER, password=RIGHT), "a password where they are off"
            assert not await opens(ground, HOLDER, password=RIGHT, preferred_auth="keyboard-interactive"), (
                "as an answer"
            )
    async with configured(ground, {"passwords": True}):
        for login in (HOLDER, ATTACKER, "cbs", OTHER) if full else (HOLDER, ATTACKER):
            for word in ("", RIGHT, login):
                assert not await opens(ground, login, password=word), f"{login} has no password, and gets in by one"
        assert await opens(ground, HOLDER, client_keys=[str(ground.gateway.key(HOLDER))]), "the key does not open"
    return Outcome(2 * times + (12 if full else 6), "refused; the key still opens")
