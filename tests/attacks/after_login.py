"""Attacks by who has an account: floods inside a connection, and answers that are never read.

Does: each function is an attack; what it must meet stands in the catalogue.
Touches: the loopback interface.
Does not: measure (ground), or try paths and requests one by one (requests).
"""

import asyncio
import struct
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress

import asyncssh

from tests.attacks import speech
from tests.attacks.ground import Ground, Outcome
from tests.attacks.speech import is_ended
from tests.edge import raw
from tests.edge.raw import Raw, number, offset, text

HANDLES, LISTINGS, SESSIONS, PER_ACCOUNT, READ = 32, 8, 4, 40, 255 * 1024


async def some_sessions(stack: AsyncExitStack, ground: Ground, connections: int, each: int = 1) -> list[Raw]:
    """Sessions on connections from addresses of their own."""
    opened = []
    for _ in range(connections):
        made = await stack.enter_async_context(ground.connection())
        opened += [await raw.session(made) for _ in range(each)]
    return opened


def stop_reading(client: Raw) -> None:
    """Take nothing more off the line."""
    transport = client.stdin.channel.get_connection()._transport
    if transport is not None:
        transport.pause_reading()


async def pump(client: Raw, kind: int, parts: Sequence[bytes], times: int) -> None:
    """Send a request many times, as fast as the line takes it."""
    for index in range(times):
        client.send(kind, *parts)
        if index % 200 == 0:
            with suppress(TimeoutError, asyncssh.Error, OSError):
                await asyncio.wait_for(client.stdin.drain(), 0.05)


async def channels(ground: Ground, full: bool) -> Outcome:
    """Sessions on one connection, and by one account on many, opened and never closed."""
    connections, each = (30, 50) if full else (12, 10)
    refused = opened = 0
    async with AsyncExitStack() as stack:
        for _ in range(connections):
            made = await stack.enter_async_context(ground.connection())
            mine = 0
            for _ in range(each):
                try:
                    await raw.session(made)
                    mine += 1
                except asyncssh.ChannelOpenError:
                    refused += 1
            assert mine <= SESSIONS, f"{mine} sessions on one connection"
            opened += mine
        await ground.look()
    assert opened == PER_ACCOUNT, f"{opened} sessions of one account"
    return Outcome(connections * each, f"{SESSIONS} a connection, {PER_ACCOUNT} an account; {refused} refused")


async def open_handles(ground: Ground, full: bool) -> Outcome:
    """Files and folders opened and never closed, to read and to write, in all sessions that an account may have."""
    connections, tried = (10, 100) if full else (2, 60)
    codes: list[str] = []

    async def fill(client: Raw) -> None:
        for index in range(tried):
            name = f"/0363/inbox/vol{index}.csv" if index % 2 else "/LEESMIJ.txt"
            flags = number(raw.NEW if index % 2 else raw.TO_READ)
            client.send(raw.OPEN, text(name), flags, raw.NO_ATTRIBUTES)
            client.send(raw.OPENDIR, text("/0363/outbox"))
        replies = [await client.reply() for _ in range(2 * tried)]
        held = [reply for reply in replies if reply.kind == raw.HANDLE]
        assert len(held) <= HANDLES + LISTINGS, f"{len(held)} handles in a session"
        codes.extend(reply.said.split()[0] for reply in replies if reply.kind == raw.STATUS)

    async with AsyncExitStack() as stack:
        clients = await some_sessions(stack, ground, connections, SESSIONS)
        await asyncio.gather(*(fill(client) for client in clients))
        await ground.look()
    assert set(codes) <= {"TOO_MANY_HANDLES", "TOO_MANY_LISTINGS", "BUSY"}, set(codes)
    return Outcome(
        connections * SESSIONS * tried * 2, f"{HANDLES} files and {LISTINGS} folders a session; the rest refused"
    )


async def listings(ground: Ground, full: bool) -> Outcome:
    """Folders listed without end and without waiting."""
    times, sessions = (1000, 10) if full else (200, 4)
    async with AsyncExitStack() as stack:
        clients = await some_sessions(stack, ground, sessions)

        async def flood(client: Raw) -> None:
            for _ in range(times // 100):
                for path in ("/", "/0363", "/0363/outbox", "/0363/berichtenlog"):
                    for _ in range(25):
                        handle = (await client.ask(raw.OPENDIR, text(path))).string()
                        client.send(raw.READDIR, text(handle))
                        client.send(raw.CLOSE, text(handle))
                        await client.reply()
                        await client.reply()

        await asyncio.gather(*(flood(client) for client in clients))
    return Outcome(times * sessions * 3, "answered, in turns with others")


async def requests(ground: Ground, full: bool) -> Outcome:
    """STAT without end and without waiting, on many connections."""
    times, sessions = (1000, 20) if full else (250, 8)
    async with AsyncExitStack() as stack:
        clients = await some_sessions(stack, ground, sessions)

        async def flood(client: Raw) -> None:
            for index in range(times):
                client.send(raw.STAT, text("/0363/inbox" if index % 2 else "/0363/status.json"))
            for _ in range(times):
                assert (await client.reply()).kind == raw.ATTRS

        await asyncio.gather(*(flood(client) for client in clients))
    return Outcome(times * sessions, "500 a second for one account, after 500 at once; the others wait")


async def unread_answers(ground: Ground, full: bool) -> Outcome:
    """READ of a whole file without end, and nothing read, in all sessions that an account may have."""
    times, connections = (5000, 10) if full else (500, 4)
    async with AsyncExitStack() as stack:
        clients = await some_sessions(stack, ground, connections, SESSIONS)
        parts = {}
        for client in clients:
            handle = await client.open("/LEESMIJ.txt", raw.TO_READ)
            parts[client] = (text(handle), offset(0), number(2**32 - 1))
        for client in clients:
            stop_reading(client)
        for client in clients:
            await pump(client, raw.READ, parts[client], times)
        await ground.look()
    return Outcome(times * len(clients), "256 KiB a connection wait; nothing more is read from it")


async def huge_window(ground: Ground, full: bool) -> Outcome:
    """A window of 4 GiB, so that nothing but the line can hold answers back; listings and reads, nothing read."""
    times, connections = (3000, 10) if full else (400, 4)
    async with AsyncExitStack() as stack:
        clients = []
        for _ in range(connections):
            made = await stack.enter_async_context(ground.connection())
            streams = await made.open_session(subsystem="sftp", encoding=None, window=2**32 - 1, max_pktsize=2**31 - 1)
            client = Raw(streams)
            await client.begin()
            clients.append(client)
        for client in clients:
            handle = await client.open("/LEESMIJ.txt", raw.TO_READ)
            stop_reading(client)
            await pump(client, raw.READ, (text(handle), offset(0), number(2**32 - 1)), times)
        await ground.look()
    return Outcome(times * connections, "256 KiB a connection wait; nothing more is read from it")


async def global_requests(ground: Ground, full: bool) -> Outcome:
    """Requests outside any session, answers unread: proofs of the host key (a signature each), keep-alives, unknown."""
    times, connections = (30_000, 10) if full else (3000, 3)
    host_key = asyncssh.read_public_key(str(ground.gateway.config / "host_key_ed25519.pub")).public_data
    asks = ((b"hostkeys-prove-00@openssh.com", text(host_key)), (b"keepalive@openssh.com", b""), (b"unknown@x", b""))
    async with AsyncExitStack() as stack:
        for index in range(connections):
            made = await stack.enter_async_context(ground.connection())
            transport = made._transport
            assert transport is not None
            transport.pause_reading()
            name, rest = asks[index % len(asks)]
            for each in range(times):
                made.send_packet(speech.GLOBAL_REQUEST, text(name), b"\1", rest)
                if each % 500 == 0:
                    await asyncio.sleep(0)
        await ground.look()
    return Outcome(times * connections, "8 at a turn; 256 KiB of answers wait, then nothing more is read")


async def key_exchanges(ground: Ground, full: bool) -> Outcome:
    """Keys exchanged anew without end."""
    connections, ended = (10 if full else 2), 0
    for _ in range(connections):
        async with ground.connection() as made:
            for _ in range(200):
                if made.is_closed() or made._transport is None:
                    break
                made._send_kexinit()
                made._kexinit_sent = True
                while not made._kex_complete and not made.is_closed():
                    await asyncio.sleep(0.001)
            ended += await is_ended(made)
    assert ended == connections, "exchanges without end"
    return Outcome(connections * 200, "the connection ends at the 31st at once")


async def half_exchange_inside(ground: Ground, full: bool) -> Outcome:
    """A key exchange that is begun inside a session and never ended, so that answers wait in the server's memory."""
    connections, times = (10, 20_000) if full else (3, 3000)
    async with AsyncExitStack() as stack:
        clients = await some_sessions(stack, ground, connections)
        for client in clients:
            handle = await client.open("/LEESMIJ.txt", raw.TO_READ)
            made = client.stdin.channel.get_connection()
            # The client's own engine would wait, too: each request is put on the line by hand, before its KEXINIT.
            request = struct.pack(">BI", raw.READ, 7) + text(handle) + offset(0) + number(2**32 - 1)
            body = number(len(request)) + request
            made._send_kexinit()
            made._kexinit_sent = True
            made._kex_complete = True
            for index in range(times):
                with suppress(asyncssh.Error, OSError, AttributeError):
                    made.send_packet(speech.GLOBAL_REQUEST, text(b"unknown@x"), b"\1")
                    if index < 200:
                        made.send_packet(94, number(client.stdin.channel._send_chan or 0), text(body))
                if index % 500 == 0:
                    await asyncio.sleep(0)
        await ground.look()
    return Outcome(connections * times, "no request is handled while 64 answers wait; the connection ends at 1,000")


async def environment(ground: Ground, full: bool) -> Outcome:
    """Environment variables of 30 KB, without end, on a session that is never started."""
    times = 3000 if full else 200
    async with ground.connection() as made:
        channel, _ = await made.create_session(asyncssh.SSHClientSession, subsystem="sftp", encoding=None)
        far = channel._send_chan or 0
        for index in range(times):
            made.send_packet(98, number(far), text("env"), b"\1", text(f"X{index}"), text(b"y" * 30_000))
            if index % 50 == 0:
                await asyncio.sleep(0.01)
        await ground.look()
    return Outcome(times, "refused, not kept")


async def held_requests(ground: Ground, full: bool) -> Outcome:
    """Long SFTP requests that lack their last byte, in all sessions that an account may have."""
    connections = 10 if full else 3
    async with AsyncExitStack() as stack:
        clients = await some_sessions(stack, ground, connections, SESSIONS)
        for client in clients:
            with suppress(TimeoutError, asyncssh.Error, OSError):
                client.stdin.write(number(256 * 1024) + bytes([raw.WRITE]) + bytes(256 * 1024 - 2))
                await asyncio.wait_for(client.stdin.drain(), 0.2)
        await ground.look()
    return Outcome(len(clients), "at most 256 KiB a session wait")
