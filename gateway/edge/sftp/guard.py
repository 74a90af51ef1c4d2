"""Guard: what one SSH connection may ask of the daemon below SFTP.

Does: handles so many messages of a connection, the data of files in bulk, and then gives the others their turn; ends a
connection that sends more messages before its login, or exchanges keys more often, than any client does; stops reading
from one that does not take its answers; tells of channels and requests that were refused. Refuses what is of no use to
SFTP on a channel, and joins small pieces that wait on it.
Touches: attributes of one connection or channel, never of a class. They are private names of asyncssh: `NEEDED` lists
them, and wire.install refuses a version that lacks one.
Does not: know accounts, or what is said in a session.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import asyncssh
from asyncssh.constants import MSG_IGNORE

from gateway.edge.sftp import bulk
from gateway.edge.sftp.rates import Rates

NEEDED = (
    *bulk.NEEDED,
    "send_packet",
    "_send_kexinit",
    "_report_global_response",
    "send_channel_open_failure",
    "pause_writing",
    "resume_writing",
)
# The dearest message costs a signature, a tenth of a millisecond; of bulk data more do not arrive at once.
MESSAGES_AT_ONCE = 8
# What lies there of bulk data at once is a read's worth, in a millisecond; so many of its messages count as one.
BULK_AT_ONCE = 32
BULK_IN_ONE = 4
READ_AT_ONCE = 256 * 1024
# RFC 4253, 6.1 asks for 35,000; on a channel a client sends 32 KB at most. A hundred that hold theirs take little.
LONGEST_PACKET = 64 * 1024
# A client with six keys needs about 25; paramiko asks for the service anew with each.
MESSAGES_BEFORE_LOGIN = 200
# While keys are exchanged every answer waits; a client that has begun an exchange asks nothing until it is done.
ANSWERS_DURING_EXCHANGE = 1000
NO_USE = ("env", "break")
# asyncssh takes waiting pieces from the front of a list, which moves all behind them: a window of single bytes held up
# everybody for a minute. Pieces are joined up to so many bytes.
JOINED = 8 * 1024
KEY_EXCHANGES_AT_ONCE = 30
KEY_EXCHANGES_PER_SECOND = 1.0


@dataclass(slots=True)
class Guard:
    """`known` says whether the login is completed; `told` is called with an event and its facts."""

    connection: Any
    known: Callable[[], bool]
    told: Callable[..., None]
    monotonic: Callable[[], float]
    _transport: Any = None
    _header: Callable[[], bool] = bool
    _messages: int = 0
    _this_turn: int = 0
    _waits: bool = False
    _full: bool = False
    _bulk: bulk.Bulk = field(init=False)
    _exchanges: Rates = field(default_factory=lambda: Rates(KEY_EXCHANGES_PER_SECOND, KEY_EXCHANGES_AT_ONCE, 1))

    def stand(self, unread: int) -> None:
        """Begin. `unread`: bytes of answers that may wait for the client before nothing more is read from it."""
        connection = self.connection
        self._transport = connection._transport
        self._transport.set_write_buffer_limits(high=unread)
        self._header = connection._recv_pkthdr
        send_kexinit, report = connection._send_kexinit, connection._report_global_response
        fail, send = connection.send_channel_open_failure, connection.send_packet
        self._bulk = bulk.Bulk(connection, LONGEST_PACKET)

        def say(kind: int, *parts: bytes, handler: Any = None) -> None:
            # asyncssh sends one before each packet, against a weakness of CBC, which no tier offers.
            if kind != MSG_IGNORE:
                send(kind, *parts, handler=handler)

        def exchange() -> None:
            if self._exchanges.owed("", self.monotonic()):
                raise asyncssh.ProtocolError("Too many key exchanges")
            send_kexinit()

        def answer(result: bool | bytes) -> None:
            if result is False and connection._global_request_queue[0][2]:
                self.told("request_refused", request="global")
            report(result)

        def refuse(channel: int, code: int, reason: str, lang: str) -> None:
            self.told("channel_refused", code=code)
            fail(channel, code, reason, lang)

        _put(
            connection,
            _max_recv_pktlen=LONGEST_PACKET,
            _recv_pkthdr=self._next_header,
            send_packet=say,
            _send_kexinit=exchange,
            _report_global_response=answer,
            send_channel_open_failure=refuse,
            pause_writing=lambda: self._set_full(True),
            resume_writing=lambda: self._set_full(False),
        )
        _put(self._transport, max_size=READ_AT_ONCE)

    def _next_header(self) -> bool:
        if self._waits:
            return False
        if self._this_turn >= MESSAGES_AT_ONCE:
            self._waits = True
            self._read_or_not()
            asyncio.get_running_loop().call_soon(self._next_turn)
            return False
        taken = self._bulk.take(BULK_AT_ONCE)
        if taken:
            self._this_turn += 1 + taken // BULK_IN_ONE
            return True
        if taken is None or not self._header():
            return False
        self._this_turn += 1
        self._messages += 1
        if self._messages > MESSAGES_BEFORE_LOGIN and not self.known():
            raise asyncssh.ProtocolError("Too many messages before login")
        if len(self.connection._deferred_packets) > ANSWERS_DURING_EXCHANGE:
            raise asyncssh.ProtocolError("Too many messages during key exchange")
        return True

    def _next_turn(self) -> None:
        self._this_turn = 0
        self._waits = False
        self._read_or_not()
        self.connection._recv_data()

    def _set_full(self, full: bool) -> None:
        self._full = full
        self._read_or_not()

    def _read_or_not(self) -> None:
        if self._waits or self._full:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()


def guard_channel(channel: Any, told: Callable[..., None]) -> None:
    """Tell of requests on a channel that were refused, and refuse what is of no use to SFTP: an environment would be
    kept, a break would end the session. Small pieces of data that wait are joined."""
    report, accept = channel._report_response, channel._accept_data

    def answer(result: bool) -> None:
        name, _, wants_reply = channel._request_queue[0]
        if not result and wants_reply:
            told("request_refused", request=name[:40])
        report(result)

    def take(data: bytes, datatype: int | None = None) -> None:
        accept(data, datatype)
        waiting = channel._recv_buf
        # Of a client's channel all data is of one type.
        if len(waiting) > 1 and len(waiting[-2][0]) + len(waiting[-1][0]) <= JOINED:
            last, _ = waiting.pop()
            waiting[-1] = (waiting[-1][0] + last, datatype)

    _put(channel, _report_response=answer, _accept_data=take)
    _put(channel, **{f"_process_{name}_request": lambda _packet: False for name in NO_USE})


def _put(thing: object, **attributes: object) -> None:
    for name, value in attributes.items():
        setattr(thing, name, value)
