"""The rig: a real gateway with real clients and a real mail server, to be hurt.

Does: lays out a demo, starts `gateway serve` on it as often as a fault ends it, keeps the book of what clients were
told, measures how long until a client hears OK again, settles and stops the gateway, and asks the oracle.
Touches: the folder it is given, the loopback interface.
Does not: know a fault; each family has a module of its own.
"""

import time
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from gateway.store.sealing import make_identity
from tests.channel.server import Behaviour, MailServer
from tests.faults.load import Book, Client, File, Load, Told, send, three
from tests.faults.oracle import Evidence, Key, key_of, wrongs
from tests.house import MOMENT, Gateway

# A minute of legal time in a second: the first pauses before a mail is tried again are over at once.
SPEED = 60.0
PATIENCE = 120.0
UNDONE = """
select (select count(*) from drops where state = 'received')
     + (select count(*) from reports where placed_at is null and erased_at is null)
     + (select count(*) from deliveries where state = 'approved')
     + (select count(*) from notifications where state = 'pending') as n
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a fault came to: how often it was done, what clients were told, everything that is wrong, how long the
    slowest recovery took in seconds (None: nothing to recover from), and what was used or seen."""

    times: int
    told: Counter[Told]
    wrong: tuple[str, ...]
    recovery: float | None
    remark: str = ""


@dataclass
class Rig:
    """A gateway in `root` that is a laid-out demo. `settings` are laid over gateway.yaml; `speed` and `simulate` are
    its clock; `behaviour` is the mail server's. `sealed`: uploads are
    sealed at rest."""

    root: Path
    settings: Mapping[str, Any] = field(default_factory=dict)
    speed: float = SPEED
    simulate: str | None = MOMENT
    role: str = "all"
    prefix: tuple[str, ...] = ()
    behaviour: Behaviour = field(default_factory=Behaviour)
    sealed: bool = False

    def __post_init__(self) -> None:
        self.book = Book()
        self.recoveries: list[float] = []
        self.put: list[File] = []
        self.doubtful = 0
        self.expected: list[str] = []
        self.remains: frozenset[str] = frozenset()
        self.sent_before: frozenset[str] = frozenset()
        self.earlier: Counter[Told] = Counter()
        self.wrong: list[str] = []
        self.clients = three()
        self._stack = ExitStack()
        self._probes = 0

    def __enter__(self) -> Self:
        self.server = self._stack.enter_context(MailServer(self.behaviour))
        mail = {"host": "127.0.0.1", "port": self.server.port, "from": "gateway@desk.example", "tls": "none"}
        watch = {"accounts": {"0363": "amsterdam"}, "rescan_seconds": 1}
        settings = {"mail": mail, "watch": watch, "workers": {"count": 1}, **self.settings}
        self.identity = self.root / "identity" if self.sealed else None
        if self.identity is not None:
            recipient = make_identity(self.identity)
            settings["sealing"] = {"recipients": [recipient], "identity_file": str(self.identity)}
        self.house = self.gateway(settings=settings)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    # --- lives --------------------------------------------------------------------------------------------------------

    def gateway(self, *prefix: str, settings: Mapping[str, Any] | None = None, simulate: str | None = None) -> Gateway:
        """A daemon on the rig's folder that is not started; killed at the end when it still runs."""
        made = Gateway(
            self.root, settings, simulate=simulate or self.simulate, speed=self.speed, role=self.role,
            prefix=(*self.prefix, *prefix),
        )  # fmt: skip
        self._stack.callback(made.__exit__, None, None, None)
        return made

    def load(self, most: int = 1_000_000, clients: list[Client] | None = None) -> Load:
        """The rig's clients (or others) at work on the gateway of now."""
        return Load(self.house, self.book, self.clients if clients is None else clients, most)

    def start(self) -> Gateway:
        """Start the gateway; how long until a client hears OK is a recovery."""
        begun = time.monotonic()
        self.house.start()
        self.recovered(begun)
        return self.house

    def recovered(self, begun: float) -> float:
        """Try until a client hears OK; seconds since `begun`."""
        until = time.monotonic() + PATIENCE
        while True:
            self._probes += 1
            probe = File("0377", f"probe_{self._probes:05d}.csv")
            with self.house.paramiko("bloemendaal") as client:
                attempt = send(client, probe)
            self.book.note(attempt)
            if attempt.told is Told.OK:
                self.recoveries.append(time.monotonic() - begun)
                return self.recoveries[-1]
            if time.monotonic() > until:
                raise AssertionError(f"no OK after {PATIENCE:.0f} s, but {attempt.told} {attempt.code}")

    # --- looking ------------------------------------------------------------------------------------------------------

    def again(self) -> None:
        """The clients send once more what got no certain answer."""
        for client in self.clients:
            load = Load(self.house, self.book, [client], len(client.again))
            load.join()

    def settle(self, seconds: float = PATIENCE) -> None:
        """Wait until nothing is left to do: received, judged, assessed, placed, mailed."""

        def done() -> bool:
            inbox = self.house.inbox
            ways = (inbox / ".staging", *inbox.glob("*/.landed"), *inbox.glob("*/.claimed"))
            return not any(any(way.iterdir()) for way in ways) and self.undone() == 0

        self.house.wait_until(done, "the end of all work", seconds)

    def undone(self) -> int:
        """How many drops, reports, deliveries and mails wait for the gateway."""
        return int(self.house.ledger().rows(UNDONE)[0]["n"])

    def evidence(self) -> Evidence:
        """What the oracle is asked with."""
        return Evidence(
            self.root, self.house.ledger_path, list(self.book.attempts), self.server, tuple(self.put), self.doubtful,
            tuple(self.expected), self.identity, self.remains, self.sent_before,
        )  # fmt: skip

    def outcome(self, times: int, remark: str = "", *, settled: bool = True) -> Outcome:
        """Settle, stop, ask the oracle."""
        if settled:
            self.again()
            self.settle()
        code = self.house.stop(60)
        if code != 0:
            self.wrong.append(f"the gateway ended with {code}")
        seen = self.evidence()
        found = [*self.wrong, *wrongs(seen)]
        twice = f"{seen.duplicates} mails came twice (allowed {seen.doubtful})" if seen.duplicates else ""
        slowest = max(self.recoveries) if self.recoveries else None
        remarks = "; ".join(each for each in (remark, twice) if each)
        return Outcome(times, self.book.counts() + self.earlier, tuple(found), slowest, remarks)

    def forget(self, lost: frozenset[Key]) -> None:
        """What a restore took away: it was told, and what is told of it from now on counts."""
        gone = [each for each in self.book.attempts if key_of(each.file) in lost]
        self.earlier += Counter(each.told for each in gone)
        self.book.attempts = [each for each in self.book.attempts if each not in gone]

    def expect(self, true: object, otherwise: str) -> None:
        """Note something that is wrong besides what the oracle looks at."""
        if not true:
            self.wrong.append(otherwise)
