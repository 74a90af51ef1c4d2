"""The short way of bulk data against asyncssh's own, packet by packet.

Does: gives the same packets to two connections, one with the short way and one without, cut at the same places, and
compares what came out of them.
Touches: nothing; the connections have no socket.
Does not: say what is right: asyncssh does.
"""

import asyncio
from itertools import pairwise
from types import SimpleNamespace
from typing import Any, cast

import asyncssh
from asyncssh.connection import SSHServerConnection
from asyncssh.constants import (
    MSG_CHANNEL_CLOSE,
    MSG_CHANNEL_DATA,
    MSG_CHANNEL_EOF,
    MSG_CHANNEL_EXTENDED_DATA,
    MSG_CHANNEL_WINDOW_ADJUST,
    MSG_IGNORE,
)
from asyncssh.encryption import GCMEncryption
from asyncssh.logging import logger
from asyncssh.misc import DisconnectError
from asyncssh.packet import Byte, String, UInt32
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.edge.sftp.bulk import Bulk
from gateway.edge.sftp.guard import LONGEST_PACKET
from gateway.errors import SURPRISES

CIPHER, KEY, NONCE, WINDOW = "aes128-gcm", bytes(16), bytes(range(12)), 400
KINDS = (MSG_CHANNEL_DATA, MSG_CHANNEL_WINDOW_ADJUST, MSG_CHANNEL_EXTENDED_DATA, MSG_CHANNEL_EOF, MSG_CHANNEL_CLOSE)
NUMBERS = st.sampled_from([0, 1, 2, 7])
BODIES = st.integers(1, 200).map(bytes)
GOOD = st.one_of(
    st.builds(lambda body: Byte(MSG_CHANNEL_DATA) + UInt32(0) + String(body), BODIES),
    st.builds(lambda number: Byte(MSG_CHANNEL_WINDOW_ADJUST) + UInt32(0) + UInt32(number), st.integers(0, 20)),
    st.builds(lambda body: Byte(MSG_IGNORE) + String(body), BODIES),
)
ODD = st.one_of(
    st.builds(lambda size: Byte(MSG_CHANNEL_DATA) + UInt32(0) + String(bytes(size)), st.integers(200, 700)),
    st.sampled_from([Byte(MSG_CHANNEL_EOF) + UInt32(0), Byte(MSG_CHANNEL_CLOSE) + UInt32(0)]),
    st.builds(lambda kind, rest: Byte(kind) + UInt32(0) + rest, st.sampled_from(KINDS), st.binary(max_size=9)),
    st.builds(lambda kind, to: Byte(kind) + UInt32(to) + UInt32(0), st.sampled_from(KINDS), NUMBERS),
    st.binary(max_size=30),
)
# Payload, how much padding it says it has beyond what is right, and whether its seal is broken.
RIGHT = st.tuples(GOOD, st.just(0), st.just(False))
WRONG = st.one_of(
    st.tuples(ODD, st.just(0), st.just(False)),
    st.tuples(GOOD, st.sampled_from([-255, -1, 3, 200]), st.just(False)),
    st.tuples(GOOD, st.just(0), st.just(True)),
    # Data up to its end, when it says that it has no padding.
    st.just((Byte(MSG_CHANNEL_DATA) + UInt32(0) + UInt32(22) + b"elevenbytes", -255, False)),
)
PACKETS = st.builds(
    lambda right, wrong, more: right + wrong + more,
    st.lists(RIGHT, max_size=12), st.lists(WRONG, min_size=1, max_size=2), st.lists(RIGHT, max_size=4),
)  # fmt: skip


def sealed(packets: list[tuple[bytes, int, bool]]) -> bytes:
    """As a client sends them."""
    made, encryption = b"", GCMEncryption.new(CIPHER, KEY, NONCE)
    for payload, more, broken in packets:
        padding = -(1 + len(payload)) % 16
        padding += 16 if padding < 4 else 0
        plain = Byte(max(0, min(255, padding + more))) + payload + bytes(padding)
        packet, seal = encryption.encrypt_packet(0, UInt32(len(plain)), plain)
        made += packet + (bytes(16) if broken else seal)
    return made


class Receiver:
    """What a channel gave to whoever reads it."""

    def __init__(self) -> None:
        self.got: list[bytes | str] = []

    def data_received(self, data: bytes, _datatype: int | None) -> None:
        self.got.append(data)

    def eof_received(self) -> bool:
        self.got.append("eof")
        return True

    def __getattr__(self, name: str) -> Any:
        return lambda *_: self.got.append(name)


def outcome(pieces: list[bytes], *, short: bool) -> dict[str, object]:
    """What a connection makes of what it receives."""
    receiver, sent = Receiver(), list[tuple[object, ...]]()
    line: Any = SSHServerConnection.__new__(SSHServerConnection)
    vars(line).update(
        _inpbuf=b"", _packet=b"", _pktlen=0, _recv_seq=9, _recv_blocksize=16, _recv_macsize=16,
        _recv_encryption=GCMEncryption.new(CIPHER, KEY, NONCE), _max_recv_pktlen=LONGEST_PACKET, _decompressor=None,
        _kex=None, _kex_complete=True, _strict_kex=True, _auth=None, _auth_complete=True, _auth_final=True,
        _channels={}, _next_recv_chan=0, _transport=object(), _logger=logger, _key_options={},
        send_packet=lambda *parts, **_: sent.append(parts),
    )  # fmt: skip
    loop = SimpleNamespace(call_soon=lambda *_: None)
    channel: Any = asyncssh.SSHServerChannel[bytes](
        line, cast(asyncio.AbstractEventLoop, loop), False, False, False, 0, 0, None, "strict", WINDOW, 32_768
    )
    vars(channel).update(_session=receiver, _send_chan=0, _send_state="open", _recv_state="open", _recv_paused=False)
    channel._send_window, channel._send_pktsize = 0, 1000
    channel.write(b"waits for a window")
    header, bulk, ended = line._recv_pkthdr, Bulk(line, LONGEST_PACKET), ""

    def next_header() -> bool:
        taken = bulk.take(5) if short else 0
        return bool(taken) or (taken is not None and header())

    line._recv_pkthdr = line._recv_handler = next_header
    try:
        for piece in pieces:
            line._inpbuf += piece
            while line._inpbuf and line._recv_handler():
                pass
    except (DisconnectError, *SURPRISES) as error:  # asyncssh ends the connection
        ended = f"{type(error).__name__} {error}"
    return {
        "ended": ended,
        "got": receiver.got,
        "sent": sent,
        "left": b"" if ended else line._packet + line._inpbuf,
        "number": line._recv_seq,
        "nonce": "" if ended else line._recv_encryption._cipher._iv,
        "windows": (channel._recv_window, channel._send_window),
        "states": (channel._recv_state, channel._send_state),
    }


@settings(max_examples=500)
@given(PACKETS, st.lists(st.integers(0, 3000), max_size=5))
async def test_both_ways_lead_to_the_same(packets: list[tuple[bytes, int, bool]], cuts: list[int]) -> None:
    stream = sealed(packets)
    at = sorted({0, len(stream), *(min(cut, len(stream)) for cut in cuts)})
    pieces = [stream[begin:end] for begin, end in pairwise(at)]
    assert outcome(pieces, short=True) == outcome(pieces, short=False)
