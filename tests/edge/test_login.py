"""Login and caps: whose key opens what, what the door offers, how much one client may take.

Does: tries every key on every account, everything but SFTP, and more connections, sessions and keys than are allowed;
reads what the server offers before login.
Touches: daemons with small caps; loopback addresses other than 127.0.0.1.
Does not: test what happens inside a session (test_session).
"""

import os
import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import asyncssh
import paramiko
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.edge import raw
from tests.edge.raw import number, text
from tests.house import Gateway, copy_demo

LOGINS = ("amsterdam", "bloemendaal", "cbs", "operator", "zandvoort")
BSN = "999990007"


@pytest.fixture(scope="module")
def house(demo_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A daemon with an RSA host key besides, and an account that may come from elsewhere only."""
    made = Gateway(
        copy_demo(demo_template, tmp_path_factory.mktemp("login") / "gateway"),
        {"sftp": {"host_keys": ["host_key_ed25519", "host_key_rsa"]}},
        role="sftp",
    )
    secret = generate_private_key(65537, 3072).private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    (made.config / "host_key_rsa").write_bytes(secret)
    (made.config / "host_key_rsa").chmod(0o600)
    made.add_account("elsewhere", "0363")
    made.account("elsewhere", allow_from=["192.0.2.0/24", "127.0.0.9/32"])
    with made:
        yield made


# --- who --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("login", LOGINS)
def test_every_key_opens_its_own_account_and_no_other(house: Gateway, login: str) -> None:
    opened = []
    for key in LOGINS:
        try:
            with house.transport(login, key) as connection:
                assert connection.is_authenticated()
                opened.append(key)
        except paramiko.AuthenticationException:
            continue
    assert opened == [login]


@pytest.mark.parametrize("login", ["nobody", "root", "", "amsterdam\0", "AMSTERDAM", "../amsterdam", BSN])
def test_an_unknown_login_is_a_wrong_key(house: Gateway, login: str) -> None:
    with (
        pytest.raises(paramiko.AuthenticationException, match="Authentication failed"),
        house.transport(login, "amsterdam"),
    ):
        pass
    assert BSN not in house.text()


def test_no_passwords_and_no_questions(house: Gateway) -> None:
    connection = paramiko.Transport(("127.0.0.1", house.port))
    try:
        connection.start_client()
        with pytest.raises(paramiko.BadAuthenticationType) as refused:
            connection.auth_none("amsterdam")
        assert refused.value.allowed_types == ["publickey"]
        with pytest.raises(paramiko.BadAuthenticationType):
            connection.auth_password("amsterdam", "amsterdam", fallback=False)
        with pytest.raises(paramiko.BadAuthenticationType):
            connection.auth_interactive("amsterdam", lambda *_: ["amsterdam"])
    finally:
        connection.close()


def test_a_client_with_several_keys_may_try_them(house: Gateway) -> None:
    """paramiko asks for the service anew with each key."""
    connection = paramiko.Transport(("127.0.0.1", house.port))
    try:
        connection.start_client()
        for login in ("zandvoort", "bloemendaal"):
            with pytest.raises(paramiko.AuthenticationException, match="Authentication failed"):
                connection.auth_publickey("amsterdam", paramiko.Ed25519Key.from_private_key_file(str(house.key(login))))
        connection.auth_publickey("amsterdam", paramiko.Ed25519Key.from_private_key_file(str(house.key("amsterdam"))))
        assert connection.is_authenticated()
    finally:
        connection.close()


@pytest.mark.parametrize("login", ["amsterdam", "bloemendaal"])
async def test_a_certificate_opens_nothing(house: Gateway, login: str) -> None:
    """A key that an account has is not an authority: not for another account, not for another key."""
    authority = asyncssh.read_private_key(str(house.key("amsterdam")))
    fresh = asyncssh.generate_private_key("ssh-ed25519")
    signed = authority.generate_user_certificate(fresh.convert_to_public(), login, principals=[login])
    with pytest.raises(asyncssh.PermissionDenied):
        await asyncssh.connect(
            "127.0.0.1",
            house.port,
            username=login,
            client_keys=[(fresh, signed)],
            known_hosts=None,
            config=None,
            agent_path=None,
        )


def test_an_account_may_be_bound_to_addresses(house: Gateway) -> None:
    with pytest.raises(paramiko.AuthenticationException), house.transport("elsewhere"):
        pass
    wire = socket.create_connection(("127.0.0.1", house.port), source_address=("127.0.0.9", 0))
    connection = paramiko.Transport(wire)
    try:
        key = paramiko.Ed25519Key.from_private_key_file(str(house.key("elsewhere")))
        connection.connect(username="elsewhere", pkey=key)
        assert connection.is_authenticated()
    finally:
        connection.close()


def test_a_bunch_of_wrong_keys_ends_the_connection(house: Gateway) -> None:
    before = len(house.events("login_failed"))
    connection = paramiko.Transport(("127.0.0.1", house.port))
    tried = 0
    try:
        connection.start_client()
        while connection.is_active() and tried < 20:
            path = house.root / "wrong"
            path.write_bytes(
                Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
            )
            tried += 1
            with suppress(paramiko.SSHException, EOFError):
                connection.auth_publickey("amsterdam", paramiko.Ed25519Key.from_private_key_file(str(path)))
        assert not connection.is_authenticated()
    finally:
        connection.close()
    assert 6 <= tried <= 8
    assert len(house.events("login_failed")) - before <= 7


# --- what -------------------------------------------------------------------------------------------------------------


def test_a_command_and_a_shell_get_a_sentence(house: Gateway) -> None:
    for command in (("ls",), (), ("md5sum x",)):
        said = house.ssh("amsterdam", *command)
        assert said.returncode == 1
        assert said.stdout == ""
        assert said.stderr.startswith("NO_EXEC ")


def test_scp_works_by_sftp_and_not_by_itself(house: Gateway, tmp_path: Path) -> None:
    (tmp_path / "scp.csv").write_bytes(b"x" * 100_000)
    assert house.scp("amsterdam", "-O", str(tmp_path / "scp.csv"), "gateway:/0363/inbox/").returncode == 1
    assert house.drops() == []
    # Without an exit status from the server OpenSSH 9 answers 1 after a good upload.
    done = house.scp("amsterdam", str(tmp_path / "scp.csv"), "gateway:/0363/inbox/")
    assert (done.returncode, done.stderr) == (0, "")
    (drop,) = house.drops()
    assert (drop.file.name, drop.file.size) == ("scp.csv", 100_000)


def test_nothing_is_forwarded(house: Gateway) -> None:
    with house.transport("amsterdam") as connection:
        here = ("127.0.0.1", house.port)
        for kind in ("direct-tcpip", "x11", "auth-agent@openssh.com"):
            with pytest.raises(paramiko.ChannelException):
                connection.open_channel(kind, here, here)
        with pytest.raises(paramiko.SSHException):
            connection.request_port_forward("127.0.0.1", 0)
        for ask in ("get_pty", "request_x11"):
            channel = connection.open_session()
            with pytest.raises(paramiko.SSHException):
                getattr(channel, ask)()
            channel.close()
        channel = connection.open_session()
        with pytest.raises(paramiko.SSHException):
            channel.invoke_subsystem("netconf")
    said = house.ssh("amsterdam", "-W127.0.0.1:22")
    assert said.returncode != 0


async def test_the_protocol_is_version_3_without_the_dangerous_extensions(house: Gateway) -> None:
    async with raw.connection(house.port, "amsterdam", house.key("amsterdam")) as made:
        for asked in (3, 4, 5, 6, 99):
            client = await raw.session(made, asked)
            assert client.version == 3
            offered = {name.decode() for name in client.extensions}
            assert offered == {"newline", "vendor-id", "posix-rename@openssh.com", "fsync@openssh.com",
                               "lsetstat@openssh.com", "limits@openssh.com"}  # fmt: skip
            limits = await client.ask(raw.EXTENDED, text(b"limits@openssh.com"))
            assert struct.unpack(">4Q", limits.body) == (256 * 1024, 255 * 1024, 255 * 1024, 32)
            unknown = await client.ask(250, text("x"))
            assert unknown.code == raw.OP_UNSUPPORTED
            client.stdin.channel.close()
            await client.stdin.channel.wait_closed()


# --- what is offered before login -------------------------------------------------------------------------------------


def offers(port: int) -> list[list[str]]:
    """The name lists of the server's KEXINIT (RFC 4253, 7.1): kex, host keys, ciphers, MACs, compression."""
    with socket.create_connection(("127.0.0.1", port), 10) as wire:
        wire.sendall(b"SSH-2.0-test\r\n")
        with wire.makefile("rb") as stream:
            assert stream.readline().startswith(b"SSH-2.0-gateway")
            size, _padding, kind = struct.unpack(">IBB", stream.read(6))
            body = stream.read(size - 2)
    assert kind == 20
    at, lists = 16, []
    for _ in range(10):
        (length,) = struct.unpack(">I", body[at : at + 4])
        lists.append(body[at + 4 : at + 4 + length].decode().split(","))
        at += 4 + length
    return lists


def test_only_current_algorithms_are_offered(house: Gateway) -> None:
    kex, host_keys, *ciphers_and_more = offers(house.port)
    assert kex[0] == "mlkem768x25519-sha256"
    # Group exchange gives 1024 bits when asked.
    assert [name for name in kex if "group" in name or "sha1" in name] == []
    # An RSA host key offers SHA-1 by itself.
    assert host_keys == ["ssh-ed25519", "rsa-sha2-512", "rsa-sha2-256"] or set(host_keys) == {
        "ssh-ed25519", "rsa-sha2-256", "rsa-sha2-512"
    }  # fmt: skip
    ciphers = {name for each in ciphers_and_more[:2] for name in each}
    assert ciphers == {"aes256-gcm@openssh.com", "aes128-gcm@openssh.com", "aes256-ctr", "aes128-ctr"}
    assert all("etm" in name and "sha1" not in name for each in ciphers_and_more[2:4] for name in each)
    assert {name for each in ciphers_and_more[4:6] for name in each} == {"none"}


@pytest.mark.parametrize("algorithm", ["rsa-sha2-512", "rsa-sha2-256", "ssh-ed25519"])
def test_each_host_key_can_be_asked_for(house: Gateway, algorithm: str) -> None:
    assert house.ssh("amsterdam", f"-oHostKeyAlgorithms={algorithm}", "true").stderr.startswith("NO_EXEC")


# --- how much ---------------------------------------------------------------------------------------------------------


async def test_sessions_are_counted_while_they_are_open(house: Gateway) -> None:
    async with raw.connection(house.port, "amsterdam", house.key("amsterdam")) as made:
        for _ in range(3):
            opened = [await raw.session(made) for _ in range(4)]
            with pytest.raises(asyncssh.ChannelOpenError, match="Too many sessions"):
                await raw.session(made)
            for client in opened:
                assert (await client.ask(raw.STAT, text("/"))).kind == raw.ATTRS
                client.stdin.channel.close()
                await client.stdin.channel.wait_closed()


def resident(house: Gateway) -> int:
    """Bytes of memory that the daemon has."""
    return int(Path(f"/proc/{house.process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def at_rest(house: Gateway) -> Callable[[], bool]:
    """Whether the daemon did nothing since this was asked before."""
    seen = [""]

    def look() -> bool:
        before, seen[0] = seen[0], Path(f"/proc/{house.process.pid}/stat").read_text().split(") ")[1].split()[11]
        return before == seen[0]

    return look


async def test_answers_that_nobody_reads_stay_few(house: Gateway) -> None:
    """A client asks for a file twenty thousand times and reads nothing: the server's memory does not grow with it."""
    async with raw.connection(house.port, "amsterdam", house.key("amsterdam")) as made:
        client = await raw.session(made)
        handle = await client.open("/LEESMIJ.txt", raw.TO_READ)
        size = len((await client.ask(raw.READ, text(handle), raw.offset(0), number(255 * 1024))).string())
        before = resident(house)
        transport = made._transport
        assert transport is not None
        transport.pause_reading()
        for _ in range(20_000):
            client.send(raw.READ, text(handle), raw.offset(0), number(255 * 1024))
        await raw.sent(made)
        # Another client is served meanwhile.
        started = time.monotonic()
        with house.paramiko("bloemendaal") as other:
            assert "0377" in other.listdir("/")
        assert time.monotonic() - started < 2
        house.wait_until(at_rest(house), "rest")
        assert 20_000 * size > 40_000_000
        assert resident(house) - before < 10_000_000
        transport.resume_reading()


@pytest.fixture
def narrow(demo_template: Path, tmp_path: Path) -> Iterator[Gateway]:
    """A door with small caps."""
    caps = {
        "login_grace_seconds": 2,
        "idle_seconds": 1,
        "connections_per_address": 5,
        "unauthenticated_connections": 12,
        "connections": 20,
    }
    with Gateway(copy_demo(demo_template, tmp_path / "gateway"), {"sftp": caps}, role="sftp") as running:
        yield running


def silent(house: Gateway, address: str) -> socket.socket:
    """A connection that says nothing."""
    return socket.create_connection(("127.0.0.1", house.port), 20, source_address=(address, 0))


def refused(wire: socket.socket) -> bool:
    """Whether the server closed the connection without its banner."""
    try:
        return wire.recv(100) == b""
    except ConnectionResetError:
        return True


def test_one_address_does_not_shut_out_another(narrow: Gateway) -> None:
    with ExitStack() as stack:
        held = [stack.enter_context(silent(narrow, "127.0.0.2")) for _ in range(5)]
        assert [wire.recv(4) for wire in held] == [b"SSH-"] * 5
        assert refused(stack.enter_context(silent(narrow, "127.0.0.2")))
        narrow.wait_event("connection_refused", peer="127.0.0.2")
        started = time.monotonic()
        with narrow.paramiko("amsterdam") as client:
            assert "0363" in client.listdir("/")
        assert time.monotonic() - started < 2


def test_connections_that_do_not_log_in_are_few_and_short(narrow: Gateway) -> None:
    with ExitStack() as stack:
        held = [stack.enter_context(silent(narrow, f"127.0.0.{3 + each // 4}")) for each in range(12)]
        assert [wire.recv(4) for wire in held] == [b"SSH-"] * 12
        # Who has fewer connections than another gets a place of that one's; the others stay as they are.
        assert refused(stack.enter_context(silent(narrow, "127.0.0.3")))
        assert stack.enter_context(silent(narrow, "127.0.0.7")).recv(4) == b"SSH-"
        taken = narrow.wait_event("place_taken")
        assert taken["network"] in {"127.0.0.3/32", "127.0.0.4/32", "127.0.0.5/32"}
        # The grace ends: they are put out, and their places are free again.
        for wire in held:
            while wire.recv(1000):
                pass
        with narrow.paramiko("amsterdam") as client:
            assert "0363" in client.listdir("/")


async def test_who_is_silent_for_long_is_put_out(narrow: Gateway) -> None:
    async with raw.connection(narrow.port, "amsterdam", narrow.key("amsterdam")) as made:
        client = await raw.session(made)
        await client.open("/0363/inbox/stil.csv")
        await made.wait_closed()
    narrow.wait_event("broken_off")
    assert narrow.drops() == []
