"""The ground: a real daemon to attack, addresses to attack from, and what is measured meanwhile.

Does: starts the daemon with a short login grace; connects from any loopback address, as anybody; has a real client log
in over and over during an attack, samples the daemon's memory, and looks afterwards at what the attack left behind.
Touches: the loopback interface, the folder it is given, OpenSSH's sftp.
Does not: know any attack.
"""

import asyncio
import itertools
import os
import re
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh

from tests.edge import raw
from tests.edge.raw import Raw
from tests.house import Event, Gateway

ATTACKER, VICTIM, STRANGE, NOWHERE = "amsterdam", "bloemendaal", "0377", "9999"
GRACE = 3
# Half-silent sessions are looked at each fourth of the idle time, and then held-back log lines are counted.
SETTINGS = {"sftp": {"login_grace_seconds": GRACE, "idle_seconds": 12}, "penalties": {"allow": ["127.0.0.1/32"]}}
LOGIN_SECONDS, GROWTH_BYTES = 2.0, 32 * 1024 * 1024
# Three kinds of line, of 150 each.
MOST_LINES = 500
SECRETS = ("PRIVATE KEY", "999990007", "geheim")


@dataclass
class Ground:
    """A running gateway. `logins` are the seconds that each login of the other client took."""

    gateway: Gateway
    logins: list[float] = field(default_factory=list)
    _addresses: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def port(self) -> int:
        """Where it listens."""
        return self.gateway.port

    def address(self) -> str:
        """An address of this machine that nobody came from before; no neighbour of the other client."""
        number = next(self._addresses)
        return f"127.{1 + number // 62500}.{number // 250 % 250}.{1 + number % 250}"

    def dial(self, address: str | None = None) -> socket.socket:
        """A TCP connection that says nothing."""
        return socket.create_connection(("127.0.0.1", self.port), 10, source_address=(address or self.address(), 0))

    @asynccontextmanager
    async def connection(
        self, login: str = ATTACKER, address: str | None = None, key: str | None = None
    ) -> AsyncIterator[asyncssh.SSHClientConnection]:
        """A connection that has logged in."""
        made = await asyncssh.connect(
            "127.0.0.1",
            self.port,
            username=login,
            client_keys=[str(self.gateway.key(key or login))],
            local_addr=(address or self.address(), 0),
            known_hosts=None,
            config=None,
            agent_path=None,
        )
        try:
            yield made
        finally:
            made.abort()
            with suppress(asyncssh.Error, OSError):
                await made.wait_closed()

    @asynccontextmanager
    async def session(self, login: str = ATTACKER) -> AsyncIterator[Raw]:
        """An SFTP session on a connection of its own."""
        async with self.connection(login) as made:
            yield await raw.session(made)

    async def look(self) -> None:
        """Stay as it is until the other client has logged in once more, from beginning to end."""
        wanted = len(self.logins) + 2
        until = time.monotonic() + 30
        while len(self.logins) < wanted and time.monotonic() < until:
            await asyncio.sleep(0.02)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attack went: how many times something was tried, and what the answer was, in words."""

    tried: int
    answer: str


Attacking = Callable[[Ground, bool], Awaitable[Outcome]]


@dataclass(frozen=True, slots=True)
class Attack:
    """`run` gets the ground and whether to attack at full size; AssertionError when something was not refused.
    `events`: log events of which at least one line must be there afterwards; `needs`: bytes of memory that an answer
    takes by itself, for as long as it takes."""

    name: str
    what: str
    expected: str
    run: Attacking
    events: tuple[str, ...]
    needs: int = 0


@dataclass(frozen=True, slots=True)
class Measured:
    """An attack as it went: seconds of the other client's logins, bytes that the daemon grew, lines of its log, and
    what should not be there afterwards."""

    attack: Attack
    outcome: Outcome
    logins: tuple[float, ...]
    growth: int
    lines: int
    wrong: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Traces:
    """What there is on disk and in the ledger, and how many log lines there were."""

    drops: tuple[str, ...]
    files: frozenset[str]
    events: int
    text: int


def traces(gateway: Gateway) -> Traces:
    """As it is now. Refusals leave receipts in the outbox: those are wanted."""
    # Uploads come and go meanwhile, which os.walk bears.
    walked = (Path(folder) / name for folder, _, names in os.walk(gateway.root) for name in names)
    files = {
        str(path.relative_to(gateway.root))
        for path in walked
        if not {"var", ".mail"} & {*path.parts} and not re.search(r"/OB_0363_.*_GEWEIGERD\.", str(path))
    }
    drops = tuple(drop.id for drop in gateway.drops())
    return Traces(drops, frozenset(files), len(gateway.events()), len(gateway.text()))


def resident(gateway: Gateway) -> int:
    """Bytes of memory that the daemon has."""
    return int(Path(f"/proc/{gateway.process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def left_behind(gateway: Gateway, before: Traces, attack: Attack) -> tuple[list[Event], list[str]]:
    """The attack's log lines, and what is wrong with what it left."""
    after = traces(gateway)
    lines = [event for event in gateway.events()[before.events :] if event.get("account") != VICTIM]
    said = gateway.text()[before.text :]
    wrong = [f"drop {each}" for each in set(after.drops) - set(before.drops)]
    wrong += [f"file {each}" for each in after.files - before.files]
    wrong += [f"{event['event']}: {event.get('where')}" for event in lines if event["level"] == "error"]
    wrong += [f"{secret!r} in the log" for secret in SECRETS if secret in said]
    wrong += ["Traceback in the log"] if "Traceback" in said else []
    if attack.events and not any(event.get("of", event["event"]) in attack.events for event in lines):
        wrong.append("no log line")
    # Each upload that was broken off has its line, also when they are many.
    flood = [event for event in lines if event["event"] != "broken_off"]
    if len(flood) > MOST_LINES:
        wrong.append(f"{len(flood)} log lines")
    return lines, wrong


async def measure(ground: Ground, attack: Attack, *, full: bool) -> Measured:
    """Attack, while another client logs in and the daemon's memory is watched."""
    gateway = ground.gateway
    ground.logins.clear()
    before, start = traces(gateway), resident(gateway)
    peak = start
    failed: list[str] = []
    over = asyncio.Event()

    async def log_in() -> None:
        while not over.is_set() or not ground.logins:
            begun = time.monotonic()
            done = await asyncio.to_thread(gateway.sftp, VICTIM, "ls -1 /\n")
            ground.logins.append(time.monotonic() - begun)
            if STRANGE not in done.stdout:
                failed.append(f"{done.returncode} {' '.join(done.stderr.split())}")

    async def watch() -> None:
        nonlocal peak
        while not over.is_set():
            peak = max(peak, resident(gateway))
            await asyncio.sleep(0.02)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(log_in())
        tasks.create_task(watch())
        try:
            outcome = await attack.run(ground, full)
        finally:
            over.set()
    peak = max(peak, resident(gateway))
    # A session's clean-up, and the lines that were held back, come after its last byte.
    with suppress(AssertionError):
        await asyncio.to_thread(gateway.wait_until, lambda: not left_behind(gateway, before, attack)[1], "peace", 5.0)
    lines, left = left_behind(gateway, before, attack)
    wrong = [f"{len(failed)} logins of the other client failed, as {failed[0]}"] if failed else []
    return Measured(attack, outcome, tuple(ground.logins), peak - start, len(lines), tuple(wrong + left))


def complaints(measured: Measured) -> list[str]:
    """What makes a line red."""
    found = list(measured.wrong)
    if max(measured.logins) >= LOGIN_SECONDS:
        found.append(f"the other client took {max(measured.logins):.1f} s to log in")
    if measured.growth >= GROWTH_BYTES + measured.attack.needs:
        found.append(f"memory grew by {measured.growth / 2**20:.0f} MB")
    return found


@contextmanager
def ground_on(root: Path) -> Iterator[Ground]:
    """A ground on a demo that was laid out in `root`, warmed up."""
    with Gateway(root, SETTINGS) as gateway:
        for _ in range(3):
            gateway.sftp(VICTIM, "ls -1 /\n")
            gateway.sftp(ATTACKER, "ls -1 /0363/outbox\n")
        yield Ground(gateway)
