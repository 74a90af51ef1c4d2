"""The data of a file on its short way: what arrives together is written and answered in its order, and summed rightly.

Does: uploads over ciphers that take the short way and one that does not, with new keys under way, with other requests
between; sends packets that no client sends; writes uploads in any order and compares their sum with the file.
Touches: a daemon of its own, temporary files.
Does not: measure (scripts/bench server).
"""

import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from random import Random

import pytest
from asyncssh.packet import UInt32
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.model import Account, Lane
from gateway.edge.sftp.upload import Upload
from gateway.errors import Refusal
from gateway.store.ledger import drops
from gateway.workflow.admit import Attempt
from tests.edge import raw
from tests.edge.raw import Raw, offset, text
from tests.house import Gateway, copy_demo
from tests.world import MONDAY

GCM, CTR = "aes128-gcm@openssh.com", "aes128-ctr"
SIZES = (1, 4095, 32_768, 100_000, 1_000_003)
PIECES = (4097, 32_768, 200_000)


@pytest.fixture(scope="module")
def house(demo_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A daemon that takes files of two megabytes."""
    root = copy_demo(demo_template, tmp_path_factory.mktemp("bulk") / "gateway")
    with Gateway(root, {"limits": {"upload_bytes": 2_000_000}}, role="sftp") as running:
        yield running


def kept(house: Gateway, name: str) -> bytes:
    """What the ledger has under this name; its sum is right."""
    (drop,) = [drop for drop in house.drops() if drop.file.name == name]
    body = drops.kept(house.ledger(), drop.id).body
    assert (drop.file.size, drop.file.sha256) == (len(body), sha256(body).hexdigest())
    return body


# --- over the wire ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cipher", [GCM, CTR])
async def test_files_of_all_sizes_in_pieces_of_all_sizes_are_what_was_sent(house: Gateway, cipher: str) -> None:
    made = raw.connection(house.port, "amsterdam", house.key("amsterdam"), encryption_algs=[cipher])
    sent = {}
    async with made as line:
        client = await raw.session(line)
        for size in SIZES:
            for piece in PIECES:
                name = f"{cipher[7]}-{size}-{piece}.csv"
                sent[name] = Random(name).randbytes(size)
                handle = await client.open(f"/0363/inbox/{name}")
                numbers = [client.write(handle, at, sent[name][at : at + piece]) for at in range(0, size, piece)]
                replies = [await client.reply() for _ in numbers]
                assert [(reply.id, reply.code) for reply in replies] == [(number, raw.OK) for number in numbers]
                assert (await client.ask(raw.CLOSE, text(handle))).code == raw.OK
    assert {name: kept(house, name) for name in sent} == sent


async def test_new_keys_under_way_change_nothing(house: Gateway) -> None:
    body = Random(1).randbytes(1_900_000)
    made = raw.connection(
        house.port, "amsterdam", house.key("amsterdam"), encryption_algs=[GCM], rekey_bytes=150_000
    )  # fmt: skip
    async with made as line:
        before = line._send_encryption
        assert (await (await raw.session(line)).put("/0363/inbox/sleutels.csv", body)).code == raw.OK
        assert line._send_encryption is not before
    assert kept(house, "sleutels.csv") == body


async def test_requests_between_the_writes_are_answered_in_their_order(house: Gateway) -> None:
    async with raw.connection(house.port, "amsterdam", house.key("amsterdam")) as line:
        client = await raw.session(line)
        handle = await client.open("/0363/inbox/tussen.csv")
        asked, sizes = [], []
        for number in range(12):
            asked.append(client.write(handle, number * 10_000, bytes([number]) * 10_000))
            asked.append(client.send(raw.FSTAT, text(handle)))
        for number in asked:
            reply = await client.reply()
            assert reply.id == number
            if reply.kind == raw.ATTRS:
                sizes.append(int.from_bytes(reply.body[4:12], "big"))
        assert sizes == [10_000 * (number + 1) for number in range(12)]


async def test_the_first_write_beyond_the_limit_is_refused_and_so_is_all_after_it(house: Gateway) -> None:
    async with raw.connection(house.port, "amsterdam", house.key("amsterdam")) as line:
        client = await raw.session(line)
        handle = await client.open("/0363/inbox/groot.csv")
        for number in range(8):
            client.write(handle, number * 300_000, b"x" * 200_000)
        replies = [await client.reply() for _ in range(8)]
        assert [reply.code for reply in replies] == [raw.OK] * 7 + [raw.PERMISSION_DENIED]
        client.write(handle, 0, b"y" * 10_000)
        assert (await client.reply()).said.startswith("TOO_LARGE ")
        assert (await client.ask(raw.CLOSE, text(handle))).said.startswith("TOO_LARGE ")


async def test_a_write_that_is_none_gets_its_answer(house: Gateway) -> None:
    async def ask(client: Raw, *parts: bytes) -> raw.Reply:
        return await client.ask(raw.WRITE, *parts)

    async with raw.connection(house.port, "amsterdam", house.key("amsterdam")) as line:
        client = await raw.session(line)
        handle = await client.open("/0363/inbox/vreemd.csv")
        unknown = await ask(client, text(b"????"), offset(0), text(b"x" * 5000))
        short = await ask(client, text(handle), offset(0), (9000).to_bytes(4, "big") + b"x" * 5000)
        beyond = await ask(client, text(handle), offset(2**64 - 1), text(b"x" * 5000))
        surplus = await ask(client, text(handle), offset(0), text(b"x" * 5000) + b"more")
        assert [each.code for each in (unknown, short)] == [raw.FAILURE, raw.BAD_MESSAGE]
        assert [each.said.split()[0] for each in (beyond, surplus)] == ["TOO_LARGE", "TOO_LARGE"]


@pytest.mark.parametrize("what", ["nothing", "a broken seal", "a channel that is not there", "a wrong length"])
async def test_a_packet_that_no_client_sends_ends_its_connection_and_no_other(house: Gateway, what: str) -> None:
    wrong = {
        "nothing": b"",
        "a broken seal": b"\x04^\0\0\0\0\0\0\0\0" + b"\0" * 6,
        "a channel that is not there": b"\x05^" + UInt32(77) + UInt32(1) + b"x" + b"\0" * 5,
        "a wrong length": b"\x05^" + UInt32(0) + UInt32(2) + b"x" + b"\0" * 5,
    }[what]
    options = {"encryption_algs": [GCM]}
    async with (
        raw.connection(house.port, "amsterdam", house.key("amsterdam")) as other,
        raw.connection(house.port, "amsterdam", house.key("amsterdam"), **options) as line,
    ):
        await (await raw.session(line)).open("/0363/inbox/stuk.csv")
        assert line._send_encryption is not None
        packet, seal = line._send_encryption.encrypt_packet(0, UInt32(len(wrong)), wrong)
        line._send(packet + (bytes(16) if what == "a broken seal" else seal))
        await line.wait_closed()
        assert (await (await raw.session(other)).put(f"/0363/inbox/heel-{len(what)}.csv", b"x")).code == raw.OK
    assert not [drop for drop in house.drops() if drop.file.name == "stuk.csv"]


# --- the sum ----------------------------------------------------------------------------------------------------------

NOBODY = Account(login="x", name="", email="", roles=frozenset(), municipalities=())
WRITES = st.tuples(st.integers(0, 40), st.binary(min_size=1, max_size=12))
STEPS = st.lists(st.one_of(WRITES, st.just("on"), st.integers(0, 40)), max_size=12)


@given(STEPS)
def test_the_sum_is_that_of_the_file_or_none(steps: list[tuple[int, bytes] | str | int]) -> None:
    upload = Upload(Attempt(NOBODY, "0363", Lane.DELIVERY, "a.csv"), "id", MONDAY, limit=1000)
    upload.descriptor = os.memfd_create("upload")
    try:
        for step in steps:
            if step == "on":
                upload.write(upload.size, b"and on")
            elif isinstance(step, int):
                upload.truncate(step)
            elif isinstance(step, tuple):
                upload.write(*step)
        body = os.pread(upload.descriptor, 1000, 0)
        assert upload.sha256() in (None, sha256(body).hexdigest())
        in_order = all(step == "on" for step in steps)
        assert not in_order or upload.sha256() is not None
    finally:
        os.close(upload.descriptor)


def test_what_is_refused_is_not_summed() -> None:
    upload = Upload(Attempt(NOBODY, "0363", Lane.DELIVERY, "a.csv"), "id", MONDAY, limit=4)
    upload.descriptor = os.memfd_create("upload")
    try:
        upload.write(0, b"abc")
        with pytest.raises(Refusal, match="TOO_LARGE"):
            upload.write(3, b"de")
        assert upload.sha256() == sha256(b"abc").hexdigest()
    finally:
        os.close(upload.descriptor)
