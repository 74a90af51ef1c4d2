"""What a running session feels of the daemon: new configuration, broken configuration, the end.

Does: changes the configuration under open sessions, breaks it, and stops the daemon while a file is being sent.
Touches: a daemon for each test.
Does not: test the configuration itself (tests/config) or kill the daemon (tests/crash).
"""

import asyncio
import json
import signal
import socket
import subprocess
from typing import Any

import paramiko
import pytest

from tests.edge import raw
from tests.edge.raw import text
from tests.house import COMMAND, Gateway


def connection(house: Gateway, login: str = "amsterdam") -> raw.Connecting:
    """A connection that has logged in."""
    return raw.connection(house.port, login, house.key(login))


async def reloaded(house: Gateway, before: int) -> None:
    """Wait for the next time, without holding up the clients in this process."""
    await asyncio.to_thread(house.wait_event, "configuration_loaded", count=before + 1)


async def test_a_key_that_is_taken_away_ends_its_sessions_and_no_others(gateway: Gateway) -> None:
    async with connection(gateway) as out, connection(gateway, "bloemendaal") as stays:
        client, other = await raw.session(out), await raw.session(stays)
        handle = await client.open("/0363/inbox/half.csv")
        client.write(handle, 0, b"half")
        await client.reply()
        gateway.account("amsterdam", keys=[])
        await asyncio.wait_for(out.wait_closed(), 30)
        assert (await other.ask(raw.STAT, text("/0377"))).kind == raw.ATTRS
    gateway.wait_event("revoked", account="amsterdam")
    gateway.wait_event("broken_off", account="amsterdam")
    assert gateway.drops() == []
    with pytest.raises(paramiko.AuthenticationException), gateway.transport("amsterdam"):
        pass


@pytest.mark.parametrize("change", ["account", "address"])
async def test_an_account_that_is_gone_or_may_not_come_from_here_is_put_out(gateway: Gateway, change: str) -> None:
    async with connection(gateway) as made:
        client = await raw.session(made)
        assert (await client.ask(raw.STAT, text("/0363"))).kind == raw.ATTRS

        def without(content: Any) -> None:
            content["accounts"] = [each for each in content["accounts"] if each["login"] != "amsterdam"]

        if change == "account":
            gateway.edit("gateway.yaml", lambda content: content["watch"]["accounts"].pop("0363"))
            gateway.edit("participants.yaml", without)
        else:
            gateway.account("amsterdam", allow_from=["192.0.2.0/24"])
        await asyncio.wait_for(made.wait_closed(), 30)
    gateway.wait_event("revoked", account="amsterdam")


async def test_rights_follow_the_configuration_in_an_open_session(gateway: Gateway) -> None:
    async with connection(gateway, "bloemendaal") as made:
        client = await raw.session(made)
        assert (await client.ask(raw.STAT, text("/0473"))).kind == raw.ATTRS
        handle = await client.open("/0473/inbox/WMO_0473_2017H2.csv")
        client.write(handle, 0, b"x")
        await client.reply()
        gateway.edit("gateway.yaml", lambda content: content["watch"]["accounts"].pop("0473"))
        await reloaded(gateway, 0)
        gateway.edit("participants.yaml", lambda content: content.pop("partnerships"))
        await reloaded(gateway, 1)
        # The mandate ended before the close.
        closed = await client.ask(raw.CLOSE, text(handle))
        assert closed.said.startswith("NOT_YOURS ")
        assert (await client.ask(raw.STAT, text("/0473"))).code == raw.NO_SUCH_FILE
    assert gateway.drops() == []


async def test_a_broken_configuration_changes_nothing_and_is_said(gateway: Gateway) -> None:
    def status() -> subprocess.CompletedProcess[str]:
        command = [str(COMMAND), "status", "--json", "--config", str(gateway.config)]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    def noted() -> str:
        rows = gateway.ledger().rows("select value from settings where name = 'configuration_error'")
        return "".join(row["value"] for row in rows)

    participants = gateway.config / "participants.yaml"
    sound = participants.read_text(encoding="utf-8")
    async with connection(gateway) as made:
        client = await raw.session(made)
        participants.write_text(
            sound.replace("login: amsterdam", "login: amsterdam\n    nonsense: 1"), encoding="utf-8"
        )
        rejected = await asyncio.to_thread(gateway.wait_event, "configuration_rejected")
        assert "participants.yaml:" in rejected["problems"][0]
        assert (await client.put("/0363/inbox/toch.csv", b"x")).code == raw.OK
        with gateway.paramiko("bloemendaal") as other:
            assert "0377" in other.listdir("/")
        told = status()
        assert told.returncode == 3
        assert "participants.yaml:" in told.stderr
        assert "nonsense" in told.stderr
        assert "nonsense" in noted()
        participants.write_text(sound, encoding="utf-8")
        gateway.process.send_signal(signal.SIGHUP)
        await reloaded(gateway, 0)
        assert (await client.put("/0363/inbox/weer.csv", b"xx")).code == raw.OK
    assert [drop.file.name for drop in gateway.drops()] == ["toch.csv", "weer.csv"]
    assert noted() == ""
    assert json.loads(status().stdout)["configuration_error"] is None


def shut(house: Gateway) -> bool:
    """Whether nobody can connect any more."""
    try:
        socket.create_connection(("127.0.0.1", house.port), 10).close()
    except OSError:
        return True
    return False


async def test_sigterm_lets_an_upload_end(gateway: Gateway) -> None:
    async with connection(gateway) as made:
        client = await raw.session(made)
        handle = await client.open("/0363/inbox/lang.csv")
        client.write(handle, 0, b"before, ")
        await client.reply()
        gateway.process.send_signal(signal.SIGTERM)
        await asyncio.to_thread(gateway.wait_event, "stopping")
        await asyncio.to_thread(gateway.wait_until, lambda: shut(gateway), "the door to be shut")
        client.write(handle, 8, b"after")
        assert (await client.reply()).code == raw.OK
        # The answer to the CLOSE comes too, though the daemon waits for nothing else.
        assert (await client.ask(raw.CLOSE, text(handle))).code == raw.OK
        await asyncio.wait_for(made.wait_closed(), 30)
    assert await asyncio.to_thread(gateway.wait_end) == 0
    (drop,) = gateway.drops()
    assert drop.file.size == 13


async def test_sigterm_does_not_wait_for_who_does_nothing(gateway: Gateway) -> None:
    async with connection(gateway) as made:
        client = await raw.session(made)
        await client.ask(raw.STAT, text("/"))
        assert await asyncio.to_thread(gateway.stop, 10) == 0
    assert list((gateway.inbox / ".staging").iterdir()) == []
