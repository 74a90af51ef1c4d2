"""Who gets in: n accounts, n keys, from files and from an agent; and networks that fail too often.

Does: each function is an attack; what it must meet stands in the catalogue.
Touches: the loopback interface, an ssh-agent of its own.
Does not: try certificates and passwords (credentials).
"""

import asyncio
import os
import re
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import asyncssh

from tests.attacks.ground import ATTACKER, Ground, Outcome
from tests.house import SSH_OPTIONS

LOGINS = ("amsterdam", "bloemendaal", "cbs", "operator", "zandvoort")
ODD = ("", "root", "AMSTERDAM", "amsterdam ", "amsterdam\0", "../amsterdam", "amsterdam@x", "*", "0363", "x" * 1000)


async def opens(ground: Ground, login: str, keys: object, agent: str | None = None) -> bool:
    """Whether a login succeeds."""
    try:
        made = await asyncssh.connect(
            "127.0.0.1", ground.port, username=login, client_keys=keys, agent_path=agent,
            local_addr=(ground.address(), 0), known_hosts=None, config=None,
        )  # fmt: skip
    except (asyncssh.Error, OSError, ValueError):
        return False
    made.abort()
    with suppress(asyncssh.Error, OSError):
        await made.wait_closed()
    return True


async def every_key_on_every_account(ground: Ground, full: bool) -> Outcome:
    """Every key on every account, and on names that no account has, from files."""
    tried = 0
    for login in (*LOGINS, *(ODD if full else ODD[:4])):
        for key in LOGINS:
            got_in = await opens(ground, login, [str(ground.gateway.key(key))])
            assert got_in == (login == key), f"{login!r} with the key of {key}: {got_in}"
            tried += 1
    return Outcome(tried, f"{len(LOGINS)} got in: each key its own account")


@asynccontextmanager
async def agent_with(keys: list[Path]) -> AsyncIterator[str]:
    """The socket of an ssh-agent that holds these keys."""
    began = subprocess.run(["ssh-agent", "-s"], capture_output=True, text=True, check=True).stdout
    place = re.search(r"SSH_AUTH_SOCK=([^;]+)", began)
    process = re.search(r"SSH_AGENT_PID=(\d+)", began)
    if place is None or process is None:
        raise RuntimeError(began)
    environment = {**os.environ, "SSH_AUTH_SOCK": place[1], "SSH_AGENT_PID": process[1]}
    try:
        for key in keys:
            subprocess.run(["ssh-add", "-q", str(key)], env=environment, check=True, capture_output=True)
        yield place[1]
    finally:
        subprocess.run(["ssh-agent", "-k"], env=environment, check=False, capture_output=True)


async def keys_in_an_agent(ground: Ground, full: bool) -> Outcome:
    """An agent with every key but the right one, then with the right one last, by asyncssh and by OpenSSH."""
    tried = 0
    for login in LOGINS if full else LOGINS[:2]:
        others = [ground.gateway.key(each) for each in LOGINS if each != login]
        for keys, expected in ((others, False), ([*others, ground.gateway.key(login)], True)):
            async with agent_with(keys) as agent:
                got_in = await opens(ground, login, (), agent)
                assert got_in == expected, f"{login} by an agent of {len(keys)} keys: {got_in}"
                command = [each for each in SSH_OPTIONS if each not in ("IdentitiesOnly=yes", "IdentityAgent=none")]
                pairs = [each for each in zip(SSH_OPTIONS[::2], SSH_OPTIONS[1::2], strict=True) if each[1] in command]
                options = [word for pair in pairs for word in pair]
                line = ["sftp", *options, "-o", f"IdentityAgent={agent}", "-o", f"BindAddress={ground.address()}",
                        "-P", str(ground.port), "-b", "-", f"{login}@127.0.0.1"]  # fmt: skip
                done = await asyncio.to_thread(
                    subprocess.run, line, input="ls\n", text=True, capture_output=True, check=False, timeout=30
                )
                assert (done.returncode == 0) == expected, done.stderr
                tried += 2
    return Outcome(tried, "in with the right key only, also as the fifth that is tried")


async def kept_out_for_longer(ground: Ground, full: bool) -> Outcome:
    """Logins that fail from one network, while its neighbour and a network on the allow-list do as they please."""
    house, bad = ground.gateway, ground.address()
    wrong = [asyncssh.generate_private_key("ssh-ed25519")]

    async def fail(address: str) -> None:
        with suppress(asyncssh.Error, OSError):
            await asyncssh.connect(
                "127.0.0.1", ground.port, username=ATTACKER, client_keys=wrong, local_addr=(address, 0),
                known_hosts=None, config=None, agent_path=None,
            )  # fmt: skip

    # Seconds run off while they add up: 15 stand open after the fourth.
    for _ in range(4):
        await fail(bad)
    banned = await asyncio.to_thread(house.wait_event, "banned", network=f"{bad}/32")
    assert 15 <= banned["seconds"] <= 20, banned
    with ground.dial(bad) as wire:
        assert await asyncio.get_running_loop().run_in_executor(None, wire.recv, 10) == b""
    # A key that is right does not help who is kept out; from elsewhere it does.
    with suppress(asyncssh.Error, OSError):
        async with ground.connection(address=bad):
            raise AssertionError("a network that is kept out got in")
    async with ground.connection():
        pass
    times = 30 if full else 8
    for _ in range(times):
        await fail("127.0.0.1")
    assert house.events("banned", network="127.0.0.1/32") == []
    async with ground.connection(address="127.0.0.1"):
        pass
    return Outcome(4 + 2 + times, "kept out 20 s after the fourth, then longer each time; the allow-list never")
