"""Working names: clients that upload under another name and rename when done.

Does: uploads, resumes, cuts, renames and takes over working files with both SSH implementations, and asks what may be
said of an inbox right after closing.
Touches: one daemon that takes in and does not judge.
Does not: test final names (test_closing) or refused ones (test_session).
"""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from gateway.edge.sftp.upload import covered, cut_off
from tests.edge import raw
from tests.edge.raw import Raw, text
from tests.house import Gateway, copy_demo

INBOX = "/0363/inbox/"
GO_ON = raw.TO_WRITE | raw.CREATE
WORKING = ["{}.filepart", "{}.part", "{}.partial", "{}.tmp", ".in.{}", ".{}.aX3", "~{}", "{}.FILEPART", ".{}"]


@pytest.fixture(scope="module")
def house(demo_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A daemon for all of them."""
    root = copy_demo(demo_template, tmp_path_factory.mktemp("working") / "gateway")
    with Gateway(root, {"sftp": {"connections_per_address": 200}}, role="sftp") as running:
        yield running


def connection(house: Gateway, login: str = "amsterdam") -> raw.Connecting:
    """A connection that has logged in."""
    return raw.connection(house.port, login, house.key(login))


async def rename(client: Raw, old: str, new: str) -> raw.Reply:
    """RENAME within the inbox."""
    return await client.ask(raw.RENAME, text(INBOX + old), text(INBOX + new))


async def size_of(client: Raw, path: str) -> int:
    """The size that STAT gives; -1 when there is no such file."""
    reply = await client.ask(raw.STAT, text(INBOX + path))
    return int.from_bytes(reply.body[4:12], "big") if reply.kind == raw.ATTRS else -1


def dropped(house: Gateway, name: str) -> list[int]:
    """Sizes of the drops under a name, oldest first."""
    return [drop.file.size for drop in house.drops() if drop.file.name == name]


async def begin(house: Gateway, name: str, body: bytes, *, how: str) -> None:
    """Write the beginning of a file and lose the line."""
    before = len(house.events("broken_off"))
    async with connection(house) as made:
        client = await raw.session(made)
        handle = await client.open(INBOX + name)
        client.write(handle, 0, body)
        await client.reply()
        raw.cut(made, how)
    house.wait_event("broken_off", count=before + 1)


@pytest.mark.parametrize("pattern", WORKING)
def test_upload_and_rename_is_one_drop(house: Gateway, pattern: str) -> None:
    final = f"WMO-{WORKING.index(pattern)}.csv"
    working = pattern.format(final)
    with house.paramiko("amsterdam") as client:
        # paramiko's put looks at the size after closing.
        with client.open(INBOX + working, "wb") as target:
            target.write(b"x" * 1000)
        assert client.stat(INBOX + working).st_size == 1000
        assert dropped(house, final) == dropped(house, working) == []
        client.rename(INBOX + working, INBOX + final)
        assert dropped(house, final) == [1000]
        assert client.stat(INBOX + final).st_size == 1000
        with pytest.raises(FileNotFoundError):
            client.stat(INBOX + working)
        assert [name for name in client.listdir(INBOX) if final in name] == [final]
    assert dropped(house, working) == []


def test_posix_rename_does_the_same(house: Gateway) -> None:
    with house.paramiko("amsterdam") as client:
        client.put(str(house.root / "demo" / "PASTE.txt"), INBOX + "posix.csv.part")
        client.posix_rename(INBOX + "posix.csv.part", INBOX + "posix.csv")
    assert len(dropped(house, "posix.csv")) == 1


async def test_going_on_at_the_end_is_one_drop(house: Gateway) -> None:
    await begin(house, "door.csv.filepart", b"first half, ", how="reset")
    async with connection(house) as made:
        client = await raw.session(made)
        assert await size_of(client, "door.csv.filepart") == 12
        handle = await client.open(INBOX + "door.csv.filepart", GO_ON)
        client.write(handle, 12, b"second half")
        await client.reply()
        assert (await client.ask(raw.CLOSE, text(handle))).code == raw.OK
        assert (await rename(client, "door.csv.filepart", "door.csv")).code == raw.OK
    (found,) = [drop for drop in house.drops() if drop.file.name == "door.csv"]
    body = house.ledger().rows("select body from payloads where drop_id = :id", id=found.id)[0]["body"]
    assert bytes(body) == b"first half, second half"


@pytest.mark.parametrize("how", ["reset", "close", "shutdown"])
async def test_what_was_cut_cannot_be_renamed(house: Gateway, how: str) -> None:
    working, final = f"af{how}.csv.part", f"af{how}.csv"
    await begin(house, working, b"half", how=how)
    async with connection(house) as made:
        client = await raw.session(made)
        refused = await rename(client, working, final)
        assert refused.code == raw.FAILURE
        assert refused.said.startswith("INCOMPLETE_WRITE ")
        # It stays, to be gone on with.
        assert await size_of(client, working) == 4
        assert (await client.put(INBOX + working, b"whole")).code == raw.OK
        assert (await rename(client, working, final)).code == raw.OK
    assert dropped(house, final) == [5]


async def test_a_clean_close_is_renamed_from_another_connection(house: Gateway) -> None:
    async with connection(house) as made:
        await (await raw.session(made)).put(INBOX + "later.csv.part", b"whole")
    async with connection(house) as made:
        assert (await rename(await raw.session(made), "later.csv.part", "later.csv")).code == raw.OK
    assert dropped(house, "later.csv") == [5]


async def test_a_working_file_is_its_accounts_own(house: Gateway) -> None:
    """The lead and the member's own account see the same folder, not each other's unfinished files."""
    async with connection(house, "bloemendaal") as made:
        assert (await (await raw.session(made)).put("/0473/inbox/eigen.csv.part", b"whole")).code == raw.OK
    async with connection(house, "zandvoort") as made:
        client = await raw.session(made)
        path, final = text("/0473/inbox/eigen.csv.part"), text("/0473/inbox/eigen.csv")
        for kind, parts in ((raw.STAT, (path,)), (raw.REMOVE, (path,)), (raw.RENAME, (path, final))):
            assert (await client.ask(kind, *parts)).code == raw.NO_SUCH_FILE
    assert dropped(house, "eigen.csv") == []


async def test_while_it_is_open_it_is_not_whole(house: Gateway) -> None:
    async with connection(house) as made:
        client = await raw.session(made)
        await client.put(INBOX + "open.csv.part", b"old")
        handle = await client.open(INBOX + "open.csv.part", GO_ON)
        assert (await rename(client, "open.csv.part", "open.csv")).said.startswith("INCOMPLETE_WRITE ")
        assert (await rename(client, "open.csv.part", "other.part")).said.startswith("INCOMPLETE_WRITE ")
        assert (await client.ask(raw.CLOSE, text(handle))).code == raw.OK
        assert (await rename(client, "open.csv.part", "open.csv")).code == raw.OK
    assert dropped(house, "open.csv") == [3]


async def test_the_last_who_opens_it_is_its_writer(house: Gateway) -> None:
    """A client whose line died comes back before the server knows; the dead session's handle counts for nothing."""
    async with connection(house) as dead, connection(house) as alive:
        first, second = await raw.session(dead), await raw.session(alive)
        old = await first.open(INBOX + "twee.csv.part")
        first.write(old, 0, b"one two ")
        await first.reply()
        new = await second.open(INBOX + "twee.csv.part", GO_ON)
        second.write(new, 8, b"three")
        await second.reply()
        first.write(old, 8, b"NOT THIS, IT IS LONGER")
        assert (await first.reply()).said.startswith("INCOMPLETE_WRITE ")
        assert (await second.ask(raw.CLOSE, text(new))).code == raw.OK
        # The old one's end does not unmake what the new one finished.
        assert (await first.ask(raw.CLOSE, text(old))).code == raw.FAILURE
        assert (await rename(second, "twee.csv.part", "twee.csv")).code == raw.OK
    assert dropped(house, "twee.csv") == [13]


async def test_a_working_file_with_a_gap_is_kept_up_to_the_gap(house: Gateway) -> None:
    async with connection(house) as made:
        client = await raw.session(made)
        handle = await client.open(INBOX + "gat.csv.part")
        client.write(handle, 0, b"begin")
        client.write(handle, 100, b"end")
        assert [(await client.reply()).code for _ in range(2)] == [raw.OK, raw.OK]
        assert (await client.ask(raw.CLOSE, text(handle))).said.startswith("INCOMPLETE_WRITE ")
        assert await size_of(client, "gat.csv.part") == 5
        assert (await rename(client, "gat.csv.part", "gat.csv")).said.startswith("INCOMPLETE_WRITE ")


async def test_an_empty_working_file_is_refused_at_its_rename(house: Gateway) -> None:
    async with connection(house) as made:
        client = await raw.session(made)
        assert (await client.put(INBOX + "leeg.csv.part", b"")).code == raw.OK
        assert (await rename(client, "leeg.csv.part", "leeg.csv")).said.startswith("EMPTY ")


async def test_from_one_working_name_to_another(house: Gateway) -> None:
    async with connection(house) as made:
        client = await raw.session(made)
        await client.put(INBOX + "een.part", b"whole")
        await client.put(INBOX + "twee.part", b"to be replaced")
        assert (await rename(client, "een.part", "twee.part")).code == raw.OK
        assert await size_of(client, "een.part") == -1
        assert await size_of(client, "twee.part") == 5
        assert (await rename(client, "twee.part", "twee.part")).code == raw.OK
        assert (await client.ask(raw.REMOVE, text(INBOX + "twee.part"))).code == raw.OK
        assert await size_of(client, "twee.part") == -1


async def test_a_final_name_is_sent_again_rather_than_overwritten(house: Gateway) -> None:
    async with connection(house) as made:
        client = await raw.session(made)
        for body in (b"one", b"three"):
            assert (await client.put(INBOX + "weer.csv.tmp", body)).code == raw.OK
            # lftp removes the target first.
            assert (await client.ask(raw.REMOVE, text(INBOX + "weer.csv"))).code in (raw.OK, raw.NO_SUCH_FILE)
            assert (await rename(client, "weer.csv.tmp", "weer.csv")).code == raw.OK
            assert await size_of(client, "weer.csv") == len(body)
    assert dropped(house, "weer.csv") == [3, 5]


# --- after closing ----------------------------------------------------------------------------------------------------


async def test_what_clients_do_after_closing(house: Gateway) -> None:
    """stat, list, chmod, utime, and remove, which withdraws nothing."""
    async with connection(house) as made:
        client = await raw.session(made)
        assert (await client.put(INBOX + "klaar.csv", b"x" * 4321)).code == raw.OK
        assert await size_of(client, "klaar.csv") == 4321
        path = text(INBOX + "klaar.csv")
        mode, times = raw.number(4) + raw.number(0o600), raw.number(8) + raw.number(1) + raw.number(1)
        owner = raw.number(2) + raw.number(1000) + raw.number(1000)
        for attributes in (mode, times, owner):
            assert (await client.ask(raw.SETSTAT, path, attributes)).code == raw.OK
            lsetstat = await client.ask(raw.EXTENDED, text(b"lsetstat@openssh.com"), path, attributes)
            assert lsetstat.code == raw.OK
        assert (await client.ask(raw.REMOVE, path)).code == raw.OK
        assert await size_of(client, "klaar.csv") == 4321
    (drop,) = [drop for drop in house.drops() if drop.file.name == "klaar.csv"]
    assert drop.state == "received"
    logged = house.ledger().rows("select * from log where event = 'remove_ignored' and detail like '%klaar.csv%'")
    assert len(logged) == 1


async def test_on_an_open_handle_too(house: Gateway) -> None:
    async with connection(house) as made:
        client = await raw.session(made)
        handle = await client.open(INBOX + "greep.csv")
        client.write(handle, 0, b"123456789")
        await client.reply()
        attributes = await client.ask(raw.FSTAT, text(handle))
        assert int.from_bytes(attributes.body[4:12], "big") == 9
        for attrs in (raw.number(4) + raw.number(0o600), raw.number(1) + raw.offset(5)):
            assert (await client.ask(raw.FSETSTAT, text(handle), attrs)).code == raw.OK
        assert (await client.ask(raw.EXTENDED, text(b"fsync@openssh.com"), text(handle))).code == raw.OK
        read = await client.ask(raw.READ, text(handle), raw.offset(0), raw.number(5))
        assert read.said.startswith("NO_READ_BACK ")
        assert (await client.ask(raw.CLOSE, text(handle))).code == raw.OK
        assert (await client.ask(raw.CLOSE, text(handle))).code != raw.OK
    assert dropped(house, "greep.csv") == [5]


async def test_surplus_bytes_at_the_end_of_a_write(house: Gateway) -> None:
    """Debian 12's rclone sends them."""
    async with connection(house) as made:
        client = await raw.session(made)
        handle = await client.open(INBOX + "rclone.csv")
        written = await client.ask(raw.WRITE, text(handle), raw.offset(0), text(b"data"), b"surplus")
        assert written.code == raw.OK
        assert (await client.ask(raw.CLOSE, text(handle))).code == raw.OK
    assert dropped(house, "rclone.csv") == [4]


# --- the parts --------------------------------------------------------------------------------------------------------


def test_spans_are_what_a_set_of_bytes_says() -> None:
    """Against a set of positions, over every order of a few writes."""
    for seed in range(2000):
        spans: tuple[tuple[int, int], ...] = ()
        positions: set[int] = set()
        for step in range(5):
            start, size = (seed * 7 + step * 13) % 11, (seed // 11 + step * 5) % 6
            spans = covered(spans, start, start + size)
            positions |= set(range(start, start + size))
            if (seed + step) % 9 == 0:
                end = seed % 12
                spans, positions = cut_off(spans, end), {each for each in positions if each < end}
        assert {each for start, end in spans for each in range(start, end)} == positions
        assert all(a[1] < b[0] for a, b in pairwise(spans))
        assert all(start < end for start, end in spans)
