"""Attacks by who has no account: floods of connections, slow and broken protocol, messages out of order, keys.

Does: each function is an attack; what it must meet stands in the catalogue.
Touches: the loopback interface.
Does not: measure (ground).
"""

import asyncio
import os
import struct
from contextlib import AsyncExitStack, ExitStack, suppress

import asyncssh

from tests.attacks import speech
from tests.attacks.ground import ATTACKER, GRACE, Ground, Outcome
from tests.attacks.speech import before_login, is_closed, is_ended, packet
from tests.edge.raw import number, text

PER_ADDRESS, IN_ALL = 20, 100


async def nothing(ground: Ground, full: bool) -> Outcome:
    """No attack: how long a login takes here by itself, and how much the daemon grows by the other client's."""
    for _ in range(50 if full else 3):
        await ground.look()
    return Outcome(0, "-")


async def flood_from_one_address(ground: Ground, full: bool) -> Outcome:
    """Connections that say nothing and stay."""
    tried, address = 400 if full else 60, ground.address()
    with ExitStack() as stack:
        wires = [stack.enter_context(ground.dial(address)) for _ in range(tried)]
        gone = await asyncio.gather(*(is_closed(wire, 1) for wire in wires[PER_ADDRESS:]))
        assert all(gone), f"{gone.count(False)} more than the cap are open"
        await ground.look()
    return Outcome(tried, f"{PER_ADDRESS} held, {tried - PER_ADDRESS} closed at once")


async def flood_from_many_addresses(ground: Ground, full: bool) -> Outcome:
    """All places before login taken by connections that say nothing, from many networks."""
    networks, each = (20, 18) if full else (7, 18)
    with ExitStack() as stack:
        for _ in range(networks):
            address = ground.address()
            for _ in range(each):
                stack.enter_context(ground.dial(address))
            # Those that wait for long make room for who comes, also while the places fill.
            await ground.look()
    return Outcome(networks * each, "the oldest make room for who comes")


async def churn(ground: Ground, full: bool) -> Outcome:
    """Connect and hang up, without end, from one address."""
    tried, address = 3000 if full else 300, ground.address()
    for index in range(tried):
        ground.dial(address).close()
        if index % 20 == 0:
            await asyncio.sleep(0)
    await ground.look()
    await asyncio.to_thread(ground.gateway.wait_event, "banned", network=f"{address}/32")
    with ground.dial(address) as wire:
        assert await speech.said(wire) == b"", "not kept out"
    return Outcome(tried, "the network is kept out")


async def slow_banner(ground: Ground, full: bool) -> Outcome:
    """A banner, a byte at a time."""
    tried = 20 if full else 8
    with ExitStack() as stack:
        wires = [stack.enter_context(ground.dial()) for _ in range(tried)]

        closing = [asyncio.create_task(is_closed(wire, GRACE + 4)) for wire in wires]
        loop = asyncio.get_running_loop()
        for byte in speech.BANNER[:-2] * 3:
            for wire in wires:
                with suppress(OSError):
                    await loop.sock_sendall(wire, bytes([byte]))
            await asyncio.sleep(0.1)
        assert all(await asyncio.gather(*closing)), "still open after the grace"
    return Outcome(tried, f"closed after the login grace ({GRACE} s here)")


async def half_exchange(ground: Ground, full: bool) -> Outcome:
    """A key exchange that is begun and never ended."""
    tried = 100 if full else 20
    with ExitStack() as stack:
        wires = [stack.enter_context(ground.dial()) for _ in range(tried)]
        for wire in wires:
            wire.sendall(speech.BANNER + packet(speech.kexinit()))
        await ground.look()
        assert all(await asyncio.gather(*(is_closed(wire, GRACE + 4) for wire in wires))), "still open after the grace"
    return Outcome(tried, f"closed after the login grace ({GRACE} s here)")


async def exchange_flood(ground: Ground, full: bool) -> Outcome:
    """Key exchanges that cost the server a signature each, and nothing else, from one address, then from many."""
    one, many = (600, 600) if full else (60, 60)
    address = ground.address()
    banned = 0
    for index in range(one + many):
        with ground.dial(address if index < one else None) as wire:
            with suppress(OSError):
                wire.sendall(speech.exchange())
            heard = await speech.said_until(wire, 31)
            banned += heard == b""
    assert banned >= one - 30, f"only {banned} kept out"
    return Outcome(
        one + many, f"the one network kept out after {one - banned} of {one}; {many} of {many} others answered"
    )


async def key_flood(ground: Ground, full: bool) -> Outcome:
    """Wrong keys, over and over."""
    keys = [asyncssh.generate_private_key("ssh-ed25519") for _ in range(30)]
    rounds, address, cut = (12 if full else 5), ground.address(), 0
    for _ in range(rounds):
        try:
            await asyncssh.connect(
                "127.0.0.1", ground.port, username=ATTACKER, client_keys=keys, local_addr=(address, 0),
                known_hosts=None, config=None, agent_path=None,
            )  # fmt: skip
        except (asyncssh.Error, OSError):
            cut += 1
    assert cut == rounds, "a wrong key got in"
    lines = ground.gateway.events("login_failed", peer=address)
    await asyncio.to_thread(ground.gateway.wait_event, "connection_banned", peer=address)
    assert len(lines) <= 3 * 7, f"{len(lines)} keys were tried"
    return Outcome(
        rounds * len(keys), f"7 keys a connection, and the network kept out after {-(-len(lines) // 7)} of them"
    )


async def order_before_exchange(ground: Ground, full: bool) -> Outcome:
    """Every message number as the first packet, in clear."""
    kinds = range(256) if full else (0, 1, 4, 5, 6, 7, 21, 30, 31, 49, 50, 51, 52, 60, 80, 81, 90, 94, 98, 192, 255)
    bodies = (b"", bytes(40)) if full else (bytes(40),)
    served = []
    for kind in kinds:
        for body in bodies:
            with ground.dial() as wire:
                wire.sendall(speech.BANNER + packet(bytes([kind]) + body) + packet(bytes([50]) + text(ATTACKER)))
                with suppress(OSError):
                    wire.shutdown(1)
                heard = await speech.said(wire)
                # Everything after the server's own KEXINIT may be a DISCONNECT or UNIMPLEMENTED, nothing else.
                served += [(kind, each) for each in speech.kinds(heard) if each not in (20, 1, 3)]
    assert not served, served
    return Outcome(len(kinds) * len(bodies), "closed")


async def order_before_login(ground: Ground, full: bool) -> Outcome:
    """Every message number after the key exchange, before the login."""
    kinds = (
        range(5, 256) if full else (5, 6, 7, 21, 30, 51, 52, 53, 60, 61, 80, 81, 82, 90, 91, 93, 94, 96, 98, 99, 192)
    )
    alive = []
    for kind in kinds:
        async with before_login(ground) as made:
            made.send_packet(kind, bytes(64))
            # Whatever was answered, nothing is open: a channel is refused by the end of the connection.
            made.send_packet(speech.CHANNEL_OPEN, text("session"), number(0), number(2**31), number(32768))
            if not await is_ended(made):
                alive.append(kind)
    assert not alive, f"still open after {alive}"
    return Outcome(len(kinds), "the connection ends; no channel opens")


async def messages_before_login(ground: Ground, full: bool) -> Outcome:
    """Messages that are allowed before login, without end: ignore, debug, service requests, logins without a key."""
    tried = 20_000 if full else 2_000
    login = (text(ATTACKER), text("ssh-connection"), text("none"))
    floods: list[tuple[int, tuple[bytes, ...]]] = [
        (speech.IGNORE, (text(b"x" * 64),)),
        (speech.DEBUG, (b"\0", text("x"), text(""))),
        (speech.SERVICE_REQUEST, (text("ssh-userauth"),)),
        (speech.USERAUTH_REQUEST, login),
    ]
    for kind, parts in floods:
        async with before_login(ground) as made:
            for index in range(tried):
                if made.is_closed() or made._transport is None:
                    break
                made.send_packet(kind, *parts)
                if index % 100 == 0:
                    await asyncio.sleep(0)
            assert await is_ended(made), f"message {kind} without end"
    return Outcome(tried * len(floods), "the connection ends at the 201st message")


BROKEN = (
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"SSH-1.5-old\r\n",
    b"SSH-2.0-" + b"x" * 300 + b"\r\n",
    b"x" * 20_000,
    b"SSH-2.0-\xff\xfe\r\n",
    bytes(4096),
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),
)
LENGTHS = (0, 1, 3, 256 * 1024 + 1, 2**31 - 1, 2**31, 2**32 - 1)


async def broken_packets(ground: Ground, full: bool) -> Outcome:
    """No banner, somebody else's protocol, packets that are too long, empty, cut off or noise."""
    noise = [os.urandom(600) for _ in range(200 if full else 10)]
    after = [struct.pack(">I", length) + bytes(60) for length in LENGTHS] + noise
    after += [b"\0\0\0\x0c\xff" + bytes(40), packet(speech.kexinit())[:-9], packet(b""), packet(speech.kexinit(kex=""))]
    everything = [*BROKEN, *(speech.BANNER + each for each in after)]
    wires = []
    with ExitStack() as stack:
        for each in everything:
            wire = stack.enter_context(ground.dial())
            with suppress(OSError):
                wire.sendall(each)
                wire.shutdown(1)
            wires.append(wire)
            if len(wires) >= 50:
                assert all(await asyncio.gather(*(is_closed(one, GRACE + 4) for one in wires))), "still open"
                wires.clear()
        assert all(await asyncio.gather(*(is_closed(one, GRACE + 4) for one in wires))), "still open"
    return Outcome(len(everything), "closed")


async def held_packets(ground: Ground, full: bool) -> Outcome:
    """Long packets that lack their last byte, held until the grace ends."""
    tried = 100 if full else 20
    long = struct.pack(">I", 256 * 1024) + bytes(256 * 1024 - 1)
    loop = asyncio.get_running_loop()
    async with AsyncExitStack() as stack:
        wires = [stack.enter_context(ground.dial()) for _ in range(tried)]
        for wire in wires:
            wire.setblocking(False)
            with suppress(OSError, TimeoutError):
                await asyncio.wait_for(loop.sock_sendall(wire, speech.BANNER + long), 2)
        assert all(await asyncio.gather(*(is_closed(wire, GRACE + 6) for wire in wires))), "still open after the grace"
    return Outcome(tried, "closed")


async def compression(ground: Ground, full: bool) -> Outcome:
    """A client that will only speak compressed, so that a small packet can be a large one."""
    algorithms = ("zlib", "zlib@openssh.com")
    for algorithm in algorithms:
        with ground.dial() as wire:
            wire.sendall(speech.BANNER + packet(speech.kexinit(compression=algorithm)))
            heard = await speech.said(wire)
            assert speech.kinds(heard)[:2] == [20, 1], "no disconnect"
            assert b"zlib" not in heard.partition(b"none")[0], "compression is offered"
    return Outcome(len(algorithms), "not offered; closed")
