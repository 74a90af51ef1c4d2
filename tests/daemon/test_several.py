"""Several SFTP processes on one port, beside one worker, on one ledger.

Does: kills, drains, restarts and reloads one of two while clients are at the other; opens the same working file through
both; asks the oracle what became of every upload.
Touches: daemons on the folder of a test; a listening socket that they share.
Does not: need systemd: the socket is handed over as it does.
"""

import json
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import paramiko
import pytest

from tests.edge import raw
from tests.faults.kills import lay_in_watch_folder
from tests.faults.load import Client, Load, names
from tests.faults.rig import SPEED, Rig
from tests.house import COMMAND, Gateway, copy_demo
from tests.samples import wmo_csv

INBOX = "/0363/inbox/"
GO_ON = raw.TO_WRITE | raw.CREATE
# Enough that the chance that one process takes them all is none.
MANY = 30


@pytest.fixture
def port() -> Iterator[socket.socket]:
    """The socket that systemd would hold."""
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        made.listen(128)
        yield made


@pytest.fixture
def pair(demo_template: Path, tmp_path: Path) -> Iterator[tuple[Gateway, Gateway]]:
    """Two on one ledger, each at a port of its own: a test chooses where it goes."""
    root = copy_demo(demo_template, tmp_path / "gateway")
    settings = {"watch": {"accounts": {"0363": "amsterdam"}, "rescan_seconds": 0.5}}
    with Gateway(root, settings, role="sftp") as one, Gateway(root, role="sftp", process=2) as two:
        yield one, two


def connection(house: Gateway, login: str = "amsterdam") -> raw.Connecting:
    """A connection that has logged in."""
    return raw.connection(house.port, login, house.key(login))


def dropped(house: Gateway, name: str) -> list[int]:
    """Sizes of the drops under a name, oldest first."""
    return [drop.file.size for drop in house.drops() if drop.file.name == name]


def others(prefix: str) -> list[Client]:
    """Clients whose files are nobody else's."""
    return [
        Client("amsterdam", names("0363", f"{prefix}1", real=False)),
        Client("bloemendaal", names("0377", f"{prefix}2", real=False)),
    ]


# --- one port ---------------------------------------------------------------------------------------------------------


@pytest.mark.timeout(180)
def test_one_of_two_is_killed_and_nothing_is_lost(demo_template: Path, tmp_path: Path, port: socket.socket) -> None:
    with Rig(copy_demo(demo_template, tmp_path / "gateway"), role="worker") as rig, ExitStack() as stack:
        rig.house.start()
        rig.house.port = port.getsockname()[1]
        one, two = (
            stack.enter_context(Gateway(rig.root, speed=SPEED, role="sftp", process=n, shared=port)) for n in (1, 2)
        )
        lay_in_watch_folder(rig, 1)
        load = Load(rig.house, rig.book, [*rig.clients, *others("b")])
        rig.book.wait_ok(10)
        assert one.kill() == -signal.SIGKILL
        told = rig.book.counts()
        lay_in_watch_folder(rig, 2)
        # Whoever was there comes back, and is served by the other.
        load.stop()
        load = Load(rig.house, rig.book, rig.clients, 8)
        two.wait_event("folders_taken_over")
        load.join()
        assert sum(rig.book.counts().values()) > sum(told.values())
        logins = len(two.events("login"))
        one.start()
        assert one.events("folders_waited_for")
        for _ in range(MANY):
            with rig.house.paramiko("amsterdam"):
                pass
        assert one.events("login")
        assert len(two.events("login")) > logins
        Load(rig.house, rig.book, others("c"), 8).join()
        rig.again()
        rig.settle()
        for each in (one, two):
            assert each.events(level="error") == []
            assert each.stop() == 0
        outcome = rig.outcome(1, settled=False)
        assert list((rig.root / "inbox").glob(".staging*/*")) == []
    assert outcome.wrong == ()


async def test_one_drains_while_the_other_serves(demo_template: Path, tmp_path: Path, port: socket.socket) -> None:
    root = copy_demo(demo_template, tmp_path / "gateway")
    with Gateway(root, role="sftp", shared=port) as one, ExitStack() as stack:
        async with connection(one) as made:
            client = await raw.session(made)
            handle = await client.open(INBOX + "langzaam.csv")
            client.write(handle, 0, b"first ")
            await client.reply()
            two = stack.enter_context(Gateway(root, role="sftp", process=2, shared=port))
            one.process.send_signal(signal.SIGTERM)
            one.wait_event("stopping")
            for number in range(3):
                with two.paramiko("amsterdam") as other, other.open(f"{INBOX}snel{number}.csv", "wb") as target:
                    target.write(b"whole")
            client.write(handle, 6, b"second")
            assert (await client.reply()).code == raw.OK
            assert (await client.ask(raw.CLOSE, raw.text(handle))).code == raw.OK
        assert one.wait_end() == 0
        assert len(two.events("login")) == 3
        assert dropped(two, "langzaam.csv") == [12]
        assert dropped(two, "snel2.csv") == [5]


def test_a_port_is_shared_without_systemd_when_asked_for(demo_template: Path, tmp_path: Path) -> None:
    root = copy_demo(demo_template, tmp_path / "gateway")
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        number = found.getsockname()[1]
    settings = {"sftp": {"share_port": True}}
    listen = f"127.0.0.1:{number}"
    with (
        Gateway(root, settings, role="sftp", listen=listen) as one,
        Gateway(root, role="sftp", process=2, listen=listen) as two,
    ):
        for _ in range(MANY):
            with one.transport("amsterdam"):
                pass
        assert one.events("login")
        assert two.events("login")


# --- one ledger, one inbox --------------------------------------------------------------------------------------------


async def test_who_starts_leaves_the_uploads_of_the_other(pair: tuple[Gateway, Gateway]) -> None:
    one, two = pair
    async with connection(two) as made, connection(one) as doomed:
        client, lost = await raw.session(made), await raw.session(doomed)
        handle = await client.open(INBOX + "blijft.csv")
        client.write(handle, 0, b"first ")
        await client.reply()
        other = await lost.open(INBOX + "verloren.csv")
        lost.write(other, 0, b"half")
        await lost.reply()
        one.kill()
        assert len(list(one.inbox.glob(".staging/*"))) == 1
        one.start()
        assert list(one.inbox.glob(".staging/*")) == []
        assert len(list(one.inbox.glob(".staging-2/*"))) == 1
        client.write(handle, 6, b"second")
        assert (await client.reply()).code == raw.OK
        assert (await client.ask(raw.CLOSE, raw.text(handle))).code == raw.OK
    assert dropped(two, "blijft.csv") == [12]
    assert dropped(two, "verloren.csv") == []


async def test_a_working_file_has_one_writer_among_all(pair: tuple[Gateway, Gateway]) -> None:
    one, two = pair
    async with connection(one) as dead, connection(two) as alive:
        first, second = await raw.session(dead), await raw.session(alive)
        old = await first.open(INBOX + "samen.csv.part")
        first.write(old, 0, b"one two ")
        await first.reply()
        new = await second.open(INBOX + "samen.csv.part", GO_ON)
        first.write(old, 0, b"NOT THIS, IT IS LONGER")
        await first.reply()
        second.write(new, 8, b"three")
        await second.reply()
        # Neither drops it while it has a writer, whoever that is.
        rename = raw.text(INBOX + "samen.csv.part"), raw.text(INBOX + "samen.csv")
        assert (await first.ask(raw.RENAME, *rename)).said.startswith("INCOMPLETE_WRITE ")
        assert (await first.ask(raw.CLOSE, raw.text(old))).said.startswith("INCOMPLETE_WRITE ")
        assert (await second.ask(raw.CLOSE, raw.text(new))).code == raw.OK
        assert (await first.ask(raw.RENAME, *rename)).code == raw.OK
    (found,) = [drop for drop in one.drops() if drop.file.name == "samen.csv"]
    body = one.ledger().rows("select body from payloads where drop_id = :id", id=found.id)[0]["body"]
    assert bytes(body) == b"one two three"


async def test_of_two_renames_of_one_working_file_one_is_a_drop(pair: tuple[Gateway, Gateway]) -> None:
    async with connection(pair[0]) as here, connection(pair[1]) as there:
        clients = [await raw.session(here), await raw.session(there)]
        for number in range(10):
            name = f"race{number}.csv"
            assert (await clients[0].put(f"{INBOX}{name}.part", b"whole")).code == raw.OK
            for client in clients:
                client.send(raw.RENAME, raw.text(f"{INBOX}{name}.part"), raw.text(INBOX + name))
            replies = [await client.reply() for client in clients]
            assert sorted(reply.code for reply in replies) == sorted([raw.OK, raw.NO_SUCH_FILE])
            assert dropped(pair[0], name) == [5]


def test_what_one_received_is_seen_through_the_other(pair: tuple[Gateway, Gateway]) -> None:
    one, two = pair
    with Gateway(one.root, role="worker"), one.paramiko("amsterdam") as here, two.paramiko("amsterdam") as there:
        body = wmo_csv(5, "0363")
        with here.open(INBOX + "WMO_0363_2017H2.csv", "wb") as target:
            target.write(body)
        one.wait_report("0363", "^TR_")
        assert there.stat(INBOX + "WMO_0363_2017H2.csv").st_size == len(body)


def test_the_watch_folder_goes_to_the_other(pair: tuple[Gateway, Gateway]) -> None:
    one, two = pair
    assert two.events("folders_waited_for")
    assert not one.events("folders_waited_for")

    def lay(number: int) -> None:
        (one.inbox / "0363" / f"gelegd{number}.csv").write_bytes(b"laid")
        two.wait_until(lambda: dropped(two, f"gelegd{number}.csv") == [4], f"file {number}")

    lay(1)
    assert one.stop() == 0
    two.wait_event("folders_taken_over")
    lay(2)
    one.start()
    assert one.wait_event("folders_waited_for")
    lay(3)
    assert len(two.events("received")) == 2


def test_a_changed_configuration_reaches_both(pair: tuple[Gateway, Gateway]) -> None:
    with pair[0].transport("zandvoort") as here, pair[1].transport("zandvoort") as there:
        pair[0].account("zandvoort", keys=[])
        for each, line in zip(pair, (here, there), strict=True):
            each.wait_event("revoked", account="zandvoort")
            line.join(30)
            assert not line.is_active()
    for each in pair:
        with pytest.raises(paramiko.SSHException), each.transport("zandvoort"):
            pass


# --- caps, places, health ---------------------------------------------------------------------------------------------


def test_caps_are_of_each(demo_template: Path, tmp_path: Path) -> None:
    root = copy_demo(demo_template, tmp_path / "gateway")
    settings = {"sftp": {"connections_per_address": 2}}
    with (
        Gateway(root, settings, role="sftp") as one,
        Gateway(root, role="sftp", process=2) as two,
        one.transport("amsterdam"),
        one.transport("amsterdam"),
    ):
        with pytest.raises((paramiko.SSHException, EOFError)), one.transport("amsterdam"):
            pass
        one.wait_event("connection_refused", cap="connections_per_address")
        with two.transport("amsterdam"), two.transport("amsterdam"):
            assert not two.events("connection_refused")


def test_who_is_kept_out_by_one_is_soon_kept_out_by_all(demo_template: Path, tmp_path: Path) -> None:
    root = copy_demo(demo_template, tmp_path / "gateway")
    # They tell each other each quarter of `idle_seconds`, at most each ten seconds.
    settings = {"penalties": {"allow": [], "ban_from_seconds": 1}, "sftp": {"idle_seconds": 2}}
    with Gateway(root, settings, role="sftp") as one, Gateway(root, role="sftp", process=2) as two:
        with pytest.raises(paramiko.SSHException), one.transport("amsterdam", key="bloemendaal"):
            pass
        one.wait_event("banned")

        def out() -> bool:
            try:
                with two.transport("amsterdam"):
                    return False
            except (paramiko.SSHException, EOFError):
                return bool(two.events("connection_banned"))

        two.wait_until(out, "the ban at the other")
        assert not two.events("banned")
        one.edit("gateway.yaml", lambda content: content["penalties"].update(allow=["127.0.0.0/8"]))
        two.wait_event("configuration_loaded")
        with two.transport("amsterdam"):
            assert two.events("login")


def command(house: Gateway, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """The command line beside them."""
    ask = [str(COMMAND), *arguments, "--config", str(house.config)]
    return subprocess.run(ask, capture_output=True, text=True, check=False, timeout=60)


def test_each_has_a_place_of_its_own(pair: tuple[Gateway, Gateway]) -> None:
    for process in ("1", "2"):
        asked = ("serve", "--role", "sftp", "--process", process, "--simulate", "2018-02-12T09:00")
        said = command(pair[0], *asked, "--listen", "127.0.0.1:0")
        assert said.returncode != 0
        assert "already serves the role 'sftp'" in said.stderr
    said = command(pair[0], "serve", "--process", "2")
    assert said.returncode == 2
    # Both must rest before a ledger is put in the place of theirs.
    assert pair[0].stop() == 0
    said = command(pair[1], "restore", str(pair[0].ledger_path), "--replace", "--yes")
    assert "already serves the role 'sftp'" in said.stderr


def test_health_misses_one_that_fell_silent_and_not_one_that_was_stopped(pair: tuple[Gateway, Gateway]) -> None:
    one, two = pair

    def missing() -> list[str]:
        found = json.loads(command(one, "health", "--json").stdout)
        return [each["about"] for each in found["troubles"] if each["code"] == "NOT_RUNNING"]

    assert missing() == ["worker"]
    assert two.stop() == 0
    assert missing() == ["worker"]
    two.start()
    two.kill()
    heart = one.root / "var" / "heart-sftp-2.json"
    said = json.loads(heart.read_text())
    heart.write_text(json.dumps({**said, "at": said["at"] - 60}))
    assert missing() == ["worker", "sftp 2"]
    heart.unlink()
    assert missing() == ["worker"]
