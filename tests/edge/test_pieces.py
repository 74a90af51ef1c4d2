"""Data in very small pieces: what waits of it is kept in few of them.

Does: gives a channel of ours, with a session that nobody reads, a window full of single bytes, and reads them.
Touches: nothing; the connection below the channel is a stand-in that sends nothing.
Does not: speak SSH (test_bulk).
"""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import asyncssh
from asyncssh.logging import logger

from gateway.edge.sftp.guard import guard_channel
from gateway.edge.sftp.server import WINDOW, Front
from tests.world import silent

FEW = 200


async def test_single_bytes_that_nobody_reads_do_not_wait_one_by_one() -> None:
    line = SimpleNamespace(
        add_channel=lambda _channel: 0,
        get_key_option=lambda _name, default: default,
        send_packet=lambda *_packet, **_more: None,
        logger=logger,
    )
    channel = asyncssh.SSHServerChannel[bytes](
        cast(Any, line), asyncio.get_running_loop(), False, False, False, 0, 0, None, "strict", WINDOW, 32_768
    )
    guard_channel(channel, silent)
    inside: Any = channel
    front = Front(cast(Any, None), b"", lambda: None, silent)
    waiting: Any = front
    front.connection_made(channel)
    inside._session, inside._send_chan, inside._send_state, inside._recv_state = front, 0, "open", "open"
    channel.resume_reading()
    sent = bytes(n % 251 for n in range(WINDOW + 100_000))
    for at in range(len(sent)):
        inside._accept_data(sent[at : at + 1])
    assert len(waiting._recv_buf[None]) < FEW
    assert inside._recv_buf
    assert len(inside._recv_buf) < FEW
    taken = b""
    while len(taken) < len(sent):
        taken += await front.read(None, 100_000, exact=False)
    assert taken == sent
