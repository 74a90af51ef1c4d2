"""What is changed in asyncssh is there, is needed, and concerns nobody else; what is scarce is shared.

Does: runs a plain asyncssh server in the process that has the gateway's handlers; exhausts descriptors and locks the
ledger of a real daemon.
Touches: temporary folders, daemons of its own.
Does not: test the handlers one by one; the other modules here do, over the wire.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import asyncssh
import pytest
from asyncssh.channel import SSHChannel
from asyncssh.connection import SSHConnection
from asyncssh.sftp import SFTPServerHandler

from gateway.edge.sftp import wire
from gateway.edge.sftp.upload import Writers
from gateway.errors import Refusal
from tests.edge import raw
from tests.edge.raw import text
from tests.house import Gateway, copy_demo


@pytest.mark.parametrize(
    ("owner", "name"),
    [(SFTPServerHandler, name) for name in wire.NEEDED]
    + [(SSHConnection, name) for name in wire.NEEDED_BELOW]
    + [(SSHChannel, name) for name in wire.NEEDED_OF_CHANNELS],
)
def test_an_asyncssh_without_a_name_that_is_needed_is_refused(
    owner: type, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for each in owner.__mro__:
        if name in vars(each):
            monkeypatch.delattr(each, name)
    with pytest.raises(RuntimeError, match=name):
        wire.install()


async def test_another_server_in_this_process_is_left_alone(tmp_path: Path) -> None:
    wire.install()
    wire.install()
    key = asyncssh.generate_private_key("ssh-ed25519")
    keys = tmp_path / "keys"
    keys.write_bytes(key.export_public_key())
    (tmp_path / "there").mkdir()

    def serve(channel: "asyncssh.SSHServerChannel[bytes]") -> asyncssh.SFTPServer:
        return asyncssh.SFTPServer(channel, chroot=str(tmp_path / "there").encode())

    server = await asyncssh.listen(
        "127.0.0.1", 0, server_host_keys=[key], authorized_client_keys=str(keys), sftp_factory=serve
    )
    async with (
        server,
        asyncssh.connect(
            "127.0.0.1", server.get_port(), username="x", client_keys=[key], known_hosts=None, config=None
        ) as made,
        made.start_sftp_client() as client,
    ):
        async with client.open("a", "wb") as target:
            await target.write(b"x" * 100_000)
        await client.copy("a", "b", remote_only=True)
        assert sorted(await client.listdir(".")) == [".", "..", "a", "b"]
        assert (await client.statvfs(".")).bsize
        with pytest.raises(asyncssh.SFTPNoSuchFile):
            await client.listdir("nope")
    assert (tmp_path / "there" / "b").stat().st_size == 100_000


# --- what is scarce ---------------------------------------------------------------------------------------------------


def test_uploads_are_counted_in_all_and_by_account() -> None:
    writers = Writers(most=8)
    for login in ("a", "b", "c", "d"):
        writers.begin(login)
        writers.begin(login)
        with pytest.raises(Refusal, match="BUSY"):
            writers.begin(login)
    with pytest.raises(Refusal, match="BUSY"):
        writers.begin("e")
    writers.end("a")
    writers.begin("e")
    writers.end("e")
    writers.begin("a")


@pytest.fixture
def poor(demo_template: Path, tmp_path: Path) -> Iterator[Gateway]:
    """A daemon with few descriptors."""
    with Gateway(copy_demo(demo_template, tmp_path / "gateway"), role="sftp", prefix=("prlimit", "--nofile=240")) as it:
        yield it


async def test_one_account_cannot_use_up_the_descriptors(poor: Gateway) -> None:
    async with AsyncExitStack() as stack:
        replies = []
        for connected in range(3):
            made = await stack.enter_async_context(raw.connection(poor.port, "amsterdam", poor.key("amsterdam")))
            client = await raw.session(made)
            for number in range(20):
                path = text(f"/0363/inbox/veel{connected}-{number}.csv")
                replies.append(await client.ask(raw.OPEN, path, raw.number(raw.NEW), raw.NO_ATTRIBUTES))
        opened = [reply for reply in replies if reply.kind == raw.HANDLE]
        assert len(opened) == 30
        assert {reply.said.split()[0] for reply in replies if reply not in opened} == {"BUSY"}
        started = time.monotonic()
        other = await stack.enter_async_context(raw.connection(poor.port, "bloemendaal", poor.key("bloemendaal")))
        assert (await (await raw.session(other)).put("/0377/inbox/een.csv", b"x")).code == raw.OK
        assert time.monotonic() - started < 2
    assert [drop.file.name for drop in poor.drops()] == ["een.csv"]
    # All of them are free again.
    async with raw.connection(poor.port, "amsterdam", poor.key("amsterdam")) as made:
        await asyncio.to_thread(poor.wait_event, "broken_off", count=30)
        client = await raw.session(made)
        for number in range(40):
            assert (await client.put(f"/0363/inbox/weer{number}.csv", b"x")).code == raw.OK


@pytest.mark.faults
async def test_a_ledger_that_is_locked_costs_a_retry_and_no_file(gateway: Gateway) -> None:
    """The client is told to try again, what landed is received later, and the second try is a repeat."""
    async with raw.connection(gateway.port, "amsterdam", gateway.key("amsterdam")) as made:
        client = await raw.session(made)
        with gateway.ledger().transaction():
            gateway.ledger().run("update settings set value = value")
            refused = await client.put("/0363/inbox/druk.csv", b"x")
            assert refused.code == raw.FAILURE
            assert refused.said.startswith("NOT_DURABLE ")
        await asyncio.to_thread(gateway.wait_event, "received")
        assert (await client.put("/0363/inbox/druk.csv", b"x")).code == raw.OK
    first, second = gateway.drops()
    assert second.repeat_of == first.id
