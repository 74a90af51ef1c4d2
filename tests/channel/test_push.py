"""Push against a real SFTP server: what arrives is whole under its name, and a server that is not the pinned one gets
nothing.
"""

import asyncio
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from gateway.channel import push as channel
from gateway.channel.push import send
from gateway.config.sections import Push
from gateway.errors import Temporary


class Refusing(asyncssh.SFTPServer):
    """A server in a folder; `faults` says what it does not do."""

    faults: frozenset[str] = frozenset()

    def posix_rename(self, oldpath: bytes, newpath: bytes) -> Any:
        """An extension that not every server has."""
        if "posix" in self.faults:
            raise asyncssh.SFTPOpUnsupported("no")
        return super().posix_rename(oldpath, newpath)

    def rename(self, oldpath: bytes, newpath: bytes) -> Any:
        """Never replaces, as the protocol says."""
        if Path(self.map_path(newpath).decode()).exists():
            raise asyncssh.SFTPFailure("there is one")
        return super().rename(oldpath, newpath)

    def write(self, file_obj: object, offset: int, data: bytes) -> Any:
        """Writes, unless the disk is full."""
        if "full" in self.faults:
            raise asyncssh.SFTPFailure("disk full")
        if "loses" in self.faults:
            return len(data)
        return super().write(file_obj, offset, data)


class Guest(asyncssh.SSHServer):
    """Remembers its connection, so that the server can end it."""

    def __init__(self, seen: list[asyncssh.SSHServerConnection]) -> None:
        self._seen = seen

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        """A client came."""
        self._seen.append(conn)


class Server:
    """An SFTP server in a thread of its own, in `folder`. `key` is its host key."""

    def __init__(self, folder: Path, client: asyncssh.SSHKey, faults: frozenset[str], kind: str) -> None:
        self.folder = folder
        self.key = asyncssh.generate_private_key(kind)
        self.port = 0
        self._client = client
        self._factory = type("Faulty", (Refusing,), {"faults": faults})
        self._loop = asyncio.new_event_loop()
        self._ready: Future[int] = Future()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        self._ended = asyncio.Event()
        guests: list[asyncssh.SSHServerConnection] = []
        listening = await asyncssh.listen(
            "127.0.0.1",
            0,
            server_factory=lambda: Guest(guests),
            server_host_keys=[self.key],
            authorized_client_keys=asyncssh.import_authorized_keys(self._client.export_public_key().decode()),
            sftp_factory=lambda channel: self._factory(channel, chroot=bytes(self.folder)),
        )
        self._ready.set_result(listening.get_port())
        await self._ended.wait()
        listening.close()
        await listening.wait_closed()
        for guest in guests:
            guest.abort()
            await guest.wait_closed()
        # The sockets are closed by what the loop does next.
        await asyncio.sleep(0)

    def __enter__(self) -> "Server":
        self._thread.start()
        self.port = self._ready.result(30)
        return self

    def __exit__(self, *args: object) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join()

    def names(self) -> list[str]:
        """What lies in its folder."""
        return sorted(path.name for path in self.folder.iterdir())


@pytest.fixture
def key(tmp_path: Path) -> asyncssh.SSHKey:
    """Our key pair, the private half in a file."""
    made = asyncssh.generate_private_key("ssh-ed25519")
    made.write_private_key(str(tmp_path / "key"))
    return made


@pytest.fixture
def running(tmp_path: Path, key: asyncssh.SSHKey, request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server; a test's parameter says with which faults, or with an RSA key."""
    asked = frozenset(getattr(request, "param", "").split())
    folder = tmp_path / "server"
    folder.mkdir()
    with Server(folder, key, asked - {"rsa"}, "ssh-rsa" if "rsa" in asked else "ssh-ed25519") as made:
        yield made


def to(server: Server, tmp_path: Path, **changes: Any) -> Push:
    """The settings of a push to this server."""
    plain = {
        "host": "127.0.0.1",
        "port": server.port,
        "user": "gateway",
        "key_file": tmp_path / "key",
        "host_key": server.key.export_public_key().decode().strip(),
        "timeout_seconds": 10,
    }
    return Push(**{**plain, **changes})


def fates(push: Push, *parcels: tuple[str, bytes], sandbox: bool = False) -> list[str]:
    """What became of each parcel: empty when it arrived."""
    return [str(trouble or "") for _, trouble in send(push, parcels, sandbox=sandbox)]


LARGE = b"0123456789abcdef" * 100_000


@pytest.mark.parametrize("running", ["", "rsa", "posix"], indirect=True)
def test_files_arrive_whole_under_their_names(running: Server, tmp_path: Path) -> None:
    assert fates(to(running, tmp_path), ("a.csv", LARGE), ("leeg.json", b"{}")) == ["", ""]
    assert running.names() == ["a.csv", "leeg.json"]
    assert (running.folder / "a.csv").read_bytes() == LARGE


@pytest.mark.parametrize("running", ["", "posix"], indirect=True)
def test_a_file_that_is_there_is_replaced(running: Server, tmp_path: Path) -> None:
    (running.folder / "a.csv").write_bytes(b"old")
    (running.folder / ".a.csv.part").write_bytes(LARGE)
    assert fates(to(running, tmp_path), ("a.csv", b"new")) == [""]
    assert running.names() == ["a.csv"]
    assert (running.folder / "a.csv").read_bytes() == b"new"


def test_a_folder_may_be_named(running: Server, tmp_path: Path) -> None:
    (running.folder / "in").mkdir()
    assert fates(to(running, tmp_path, folder="in/"), ("a.csv", b"x")) == [""]
    assert (running.folder / "in" / "a.csv").read_bytes() == b"x"


def test_one_that_fails_holds_up_no_other(running: Server, tmp_path: Path) -> None:
    first, second = fates(to(running, tmp_path), ("nergens/a.csv", b"x"), ("b.csv", b"y"))
    assert "nergens/a.csv" in first
    assert second == ""
    assert running.names() == ["b.csv"]


@pytest.mark.parametrize("running", ["full", "loses"], indirect=True)
def test_half_a_file_never_gets_its_name(running: Server, tmp_path: Path) -> None:
    (trouble,) = fates(to(running, tmp_path), ("a.csv", LARGE))
    assert trouble
    assert "a.csv" not in running.names()


@pytest.mark.parametrize("kind", ["ssh-ed25519", "ssh-rsa"])
def test_another_host_key_gets_nothing(running: Server, tmp_path: Path, kind: str) -> None:
    other = asyncssh.generate_private_key(kind).export_public_key().decode().strip()
    with pytest.raises(Temporary):
        fates(to(running, tmp_path, host_key=other), ("a.csv", b"x"))
    assert running.names() == []


def test_a_server_that_does_not_know_us(running: Server, tmp_path: Path) -> None:
    asyncssh.generate_private_key("ssh-ed25519").write_private_key(str(tmp_path / "key"))
    with pytest.raises(Temporary, match=r"127\.0\.0\.1"):
        fates(to(running, tmp_path), ("a.csv", b"x"))


def test_a_key_file_that_is_gone(running: Server, tmp_path: Path) -> None:
    (tmp_path / "key").unlink()
    with pytest.raises(Temporary):
        fates(to(running, tmp_path), ("a.csv", b"x"))


def test_nobody_listens_or_nobody_speaks(running: Server, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(Temporary):
            fates(to(running, tmp_path, port=port, timeout_seconds=1), ("a.csv", b"x"))
    with pytest.raises(Temporary):
        fates(to(running, tmp_path, port=port, timeout_seconds=1), ("a.csv", b"x"))


def test_a_line_that_is_cut_ends_it(running: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put = channel._put

    def cut(server: Any, folder: str, parcel: tuple[str, bytes]) -> None:
        if parcel[0] == "b.csv":
            server.get_channel().get_transport().close()
        put(server, folder, parcel)

    monkeypatch.setattr(channel, "_put", cut)
    found = fates(to(running, tmp_path), ("a.csv", b"x"), ("b.csv", b"y"), ("c.csv", b"z"))
    assert len(found) == 2
    assert found[0] == ""
    assert found[1]


def test_a_sandbox_stays_on_this_machine(running: Server, tmp_path: Path) -> None:
    assert fates(to(running, tmp_path), ("a.csv", b"x"), sandbox=True) == [""]
    with pytest.raises(Temporary, match="sandbox"):
        fates(to(running, tmp_path, host="sftp.cbs.example"), ("a.csv", b"x"), sandbox=True)
