"""A client's own CLOSE makes a drop; nothing else does. A hundred times each way, against a real daemon.

Does: uploads well with two SSH implementations, and breaks off uploads in every way that is known, with many of them
under way at the same time; then looks in the ledger which names were received, and that nothing was left behind.
Touches: one daemon that takes in and does not judge, with a file size limit so that writes really fail.
Does not: test working names (test_session) or a daemon that dies (tests/crash).
"""

import asyncio
import random
import struct
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import asyncssh
import pytest

from gateway.domain.model import Drop
from tests.edge import raw
from tests.house import Gateway, copy_demo

TIMES = 100
AT_ONCE = 12
SIZES = (1, 2, 1000, 32767, 32768, 32769, 100_000, 261_000)
FULL = 48 * 1024 * 1024
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def house(demo_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A daemon whose disk is full beyond FULL bytes in one file."""
    settings = {
        "limits": {"upload_bytes": 2 * FULL},
        "sftp": {"connections_per_address": 400, "unauthenticated_connections": 400, "sessions_per_account": 400},
    }
    root = copy_demo(demo_template, tmp_path_factory.mktemp("closing") / "gateway")
    with Gateway(root, settings, role="sftp", prefix=("prlimit", f"--fsize={FULL}")) as running:
        yield running


def body(index: int) -> bytes:
    """Bytes of their own for each upload, of different sizes."""
    return random.Random(index).randbytes(SIZES[index % len(SIZES)])


def received(house: Gateway, prefix: str) -> dict[str, Drop]:
    """The drops whose name begins so, by name; AssertionError when one came twice."""
    found = [drop for drop in house.drops() if drop.file.name.startswith(prefix)]
    twice = [name for name, number in Counter(drop.file.name for drop in found).items() if number > 1]
    assert twice == []
    return {drop.file.name: drop for drop in found}


def nothing_left(house: Gateway) -> bool:
    """Whether no upload, landing or descriptor of one is left behind."""
    folders = [house.inbox / ".staging", *house.inbox.glob("*/.landed")]
    held = []
    for link in Path(f"/proc/{house.process.pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed since it was listed
            held.append(str(link.readlink()))
    return not any(list(folder.iterdir()) for folder in folders) and not any("/inbox/" in name for name in held)


def settle(house: Gateway) -> None:
    """Wait until every connection is gone and nothing is left of it."""
    house.wait_until(lambda: nothing_left(house), "the end of all uploads")


def connection(house: Gateway) -> raw.Connecting:
    """A connection of `amsterdam`."""
    return raw.connection(house.port, "amsterdam", house.key("amsterdam"))


# --- good ones --------------------------------------------------------------------------------------------------------


def test_good_uploads_with_paramiko(house: Gateway) -> None:
    def some(worker: int) -> None:
        with house.paramiko("amsterdam") as client:
            for index in range(worker, TIMES, 4):
                with client.open(f"/0363/inbox/para{index}.csv", "wb") as target:
                    target.set_pipelined(index % 3 == 0)
                    target.write(body(index))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(some, range(4)))
    found = received(house, "para")
    assert {name: drop.file.size for name, drop in found.items()} == {
        f"para{index}.csv": len(body(index)) for index in range(TIMES)
    }
    settle(house)


async def test_good_uploads_with_asyncssh(house: Gateway) -> None:
    async def some(worker: int) -> None:
        async with connection(house) as made:
            client = await raw.session(made)
            for index in range(worker, TIMES, 10):
                answer = await client.put(f"/0363/inbox/good{index}.csv", body(1000 + index))
                assert (answer.code, answer.kind) == (raw.OK, raw.STATUS)
                # Acknowledged means committed: it is in the ledger now, not later.
                assert f"good{index}.csv" in received(house, f"good{index}.")

    await raw.all_of(10, 10, some)
    assert len(received(house, "good")) == TIMES
    settle(house)


@pytest.mark.parametrize("how", ["shutdown", "reset"])
@pytest.mark.parametrize("pipelined", [True, False])
async def test_a_close_whose_answer_never_arrives(house: Gateway, how: str, pipelined: bool) -> None:
    prefix = f"cl{how[0]}{int(pipelined)}-"

    async def one(index: int) -> None:
        async with connection(house) as made:
            client = await raw.session(made)
            handle = await client.open(f"/0363/inbox/{prefix}{index}.csv")
            number = client.write_all(handle, body(2000 + index)[:60_000])
            if not pipelined:
                for _ in range(number):
                    assert (await client.reply()).code == raw.OK
            client.send(raw.CLOSE, raw.text(handle))
            await raw.sent(made)
            raw.cut(made, how)
            if how == "shutdown":
                # Who closes with answers unread sends a RST, and that may overtake what came before it.
                await asyncio.wait_for(made.wait_closed(), 30)

    await raw.all_of(TIMES // 2, AT_ONCE, one)
    settle(house)
    found = received(house, prefix)
    assert all(drop.file.size == len(body(2000 + index)[:60_000]) for index in range(TIMES // 2)
               if (drop := found.get(f"{prefix}{index}.csv")))  # fmt: skip
    if how == "shutdown":
        assert len(found) == TIMES // 2


# --- broken ones ------------------------------------------------------------------------------------------------------


def nothing_received(house: Gateway, prefix: str) -> None:
    """None of these uploads became a drop or left anything."""
    settle(house)
    assert received(house, prefix) == {}


@pytest.mark.parametrize("how", ["reset", "close", "shutdown"])
async def test_a_line_cut_in_the_middle_of_writing(house: Gateway, how: str) -> None:
    before = len(house.events("broken_off"))

    async def one(index: int) -> None:
        async with connection(house) as made:
            client = await raw.session(made)
            handle = await client.open(f"/0363/inbox/cut{how}{index}.csv")
            data = random.Random(index).randbytes(random.Random(index).randrange(1, 200_000))
            number = client.write_all(handle, data)
            for _ in range(random.Random(index).randrange(number + 1)):
                await client.reply()
            raw.cut(made, how)

    await raw.all_of(TIMES, AT_ONCE, one)
    house.wait_event("broken_off", count=before + TIMES)
    nothing_received(house, f"cut{how}")


@pytest.mark.parametrize("how", ["eof", "channel", "disconnect", "signal", "window", "garbage", "huge"])
async def test_a_client_that_leaves_with_the_handle_open(house: Gateway, how: str) -> None:
    before = len(house.events("broken_off"))

    async def one(index: int) -> None:
        async with connection(house) as made:
            client = await raw.session(made)
            handle = await client.open(f"/0363/inbox/left{how}{index}.csv")
            client.write_all(handle, body(index))
            leave(how, client, made)
            await asyncio.wait_for(client.stdout.read(), 30)

    await raw.all_of(TIMES, AT_ONCE, one)
    house.wait_event("broken_off", count=before + TIMES)
    nothing_received(house, f"left{how}")


def leave(how: str, client: raw.Raw, made: raw.Connection) -> None:
    """End a session that has a handle open."""
    channel = client.stdin.channel
    assert isinstance(channel, asyncssh.SSHClientChannel)
    match how:
        case "eof":
            client.stdin.write_eof()
        case "channel":
            channel.close()
        case "disconnect":
            made.disconnect(11, "bye")
        case "signal":
            channel.send_signal("INT")
        case "window":
            channel.change_terminal_size(80, 24)
        case "garbage":
            client.stdin.write(struct.pack(">I", 3) + b"abc")
        case "huge":
            client.stdin.write(struct.pack(">I", 2**31))


def test_a_client_process_that_is_killed(house: Gateway) -> None:
    before = len(house.events("broken_off"))
    command = [sys.executable, "-m", "tests.edge.victim", str(house.port), "amsterdam", str(house.key("amsterdam"))]
    victims = [
        subprocess.Popen([*command, f"killed{each}-", str(TIMES // 4)], stdout=subprocess.PIPE, text=True, cwd=ROOT)
        for each in range(4)
    ]
    for victim in victims:
        with victim:
            assert victim.stdout is not None
            assert victim.stdout.readline() == "ready\n"
            victim.kill()
    house.wait_event("broken_off", count=before + TIMES)
    nothing_received(house, "killed")


async def test_a_write_that_failed_is_not_received_by_its_close(house: Gateway) -> None:
    async def some(worker: int) -> None:
        async with connection(house) as made:
            client = await raw.session(made)
            for index in range(worker, TIMES, 5):
                handle = await client.open(f"/0363/inbox/full{index}.csv")
                client.write(handle, 0, body(index))
                assert (await client.reply()).code == raw.OK
                client.write(handle, FULL - 10, b"beyond what the disk holds")
                failed = await client.reply()
                assert failed.code == raw.FAILURE
                assert failed.said.startswith("INCOMPLETE_WRITE ")
                # What a client sends after that does not mend it.
                client.write(handle, len(body(index)), b"more")
                assert (await client.reply()).code == raw.FAILURE
                closed = await client.ask(raw.CLOSE, raw.text(handle))
                assert (closed.code, closed.said) == (raw.FAILURE, failed.said)

    await raw.all_of(5, 5, some)
    nothing_received(house, "full")
    assert len(house.reports("0363", "_GEWEIGERD$")) >= TIMES


async def test_a_file_with_a_gap_is_not_received(house: Gateway) -> None:
    """`reput` on a final name: the client stats what it sent before and goes on at that offset."""

    async def some(worker: int) -> None:
        async with connection(house) as made:
            client = await raw.session(made)
            for index in range(worker, TIMES, 5):
                handle = await client.open(f"/0363/inbox/gap{index}.csv", raw.TO_WRITE | raw.CREATE)
                if index % 2:
                    client.write(handle, 0, b"head")
                    await client.reply()
                client.write(handle, 5 + index, b"the rest")
                assert (await client.reply()).code == raw.OK
                closed = await client.ask(raw.CLOSE, raw.text(handle))
                assert closed.code == raw.FAILURE
                assert closed.said.startswith("INCOMPLETE_WRITE ")

    await raw.all_of(5, 5, some)
    nothing_received(house, "gap")


async def test_pieces_in_any_order_are_received(house: Gateway) -> None:
    async with connection(house) as made:
        client = await raw.session(made)
        for index in range(20):
            data = random.Random(index).randbytes(50_000)
            starts = list(range(0, len(data), 1999))
            random.Random(index).shuffle(starts)
            handle = await client.open(f"/0363/inbox/order{index}.csv")
            for at in [*starts, starts[0]]:
                client.write(handle, at, data[at : at + 1999])
                assert (await client.reply()).code == raw.OK
            assert (await client.ask(raw.CLOSE, raw.text(handle))).code == raw.OK
    found = received(house, "order")
    assert len(found) == 20
    settle(house)


async def test_a_thousand_pieces_with_gaps_end_it(house: Gateway) -> None:
    """Or a client could make the server keep accounts of a million."""
    async with connection(house) as made:
        client = await raw.session(made)
        handle = await client.open("/0363/inbox/pieces.csv")
        for at in range(0, 4400, 2):
            client.write(handle, at, b"x")
        answers = [(await client.reply()).code for _ in range(0, 4400, 2)]
        assert answers[:900] == [raw.OK] * 900
        assert answers[-1] == raw.FAILURE
        assert (await client.ask(raw.CLOSE, raw.text(handle))).code == raw.FAILURE
    nothing_received(house, "pieces")
