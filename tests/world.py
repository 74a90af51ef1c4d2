"""A gateway without its daemon: real ledger, real spool, the shipped configuration, a clock moved by hand.

Does: gives a `World` in which a test drops files, judges, publishes and looks. Examination happens in this process, by
the same pure function that a worker runs; `World.faults` says how often a worker dies on a file before it answers.
Touches: the folder it is given.
Does not: replace a step of the workflow.
"""

import itertools
import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from gateway.config import Configuration, load
from gateway.domain.checks import examine_drop
from gateway.domain.kinds import Job
from gateway.domain.model import Account, Channel, Drop, Examination, Lane, to_ms, uuid7
from gateway.errors import WorkerFault
from gateway.store.ledger import deliveries, drops, facts, log, reports
from gateway.store.ledger.reports import Filed
from gateway.store.spool import Landing, LandingFacts, Spool
from gateway.store.sqlite import SQLite
from gateway.workflow.admit import Attempt, admit
from gateway.workflow.context import Context
from gateway.workflow.judge import judge, next_drop
from gateway.workflow.publish import publish
from gateway.workflow.receive import Received, receive
from tests.reports.judge import judge_all

SHIPPED = Path(__file__).resolve().parents[1] / "config"
# Monday 12 February 2018, nine in the morning in Amsterdam: the first day of the shipped round.
MONDAY = datetime(2018, 2, 12, 8, tzinfo=UTC)


@cache
def shipped() -> Configuration:
    """The configuration as shipped."""
    return load(SHIPPED)


@dataclass(slots=True)
class Clock:
    """Legal time, moved by hand."""

    moment: datetime = MONDAY

    def __call__(self) -> datetime:
        """Now."""
        return self.moment

    def forward(self, *, days: float = 0, hours: float = 0, minutes: float = 0) -> None:
        """Let time pass."""
        self.moment += timedelta(days=days, hours=hours, minutes=minutes)


@dataclass(slots=True)
class Ids:
    """Ids that grow, the same in every run; worlds that share a ledger begin at different numbers."""

    numbers: "itertools.count[int]"

    def new_id(self) -> str:
        """A UUIDv7 of which the time part is the number."""
        return uuid7(next(self.numbers), b"\0" * 10)

    def random_hex(self, size: int) -> str:
        """Looks random, is not."""
        return sha256(str(next(self.numbers)).encode()).hexdigest()[: 2 * size]


def silent(event: str, **facts: object) -> None:
    """A daemon's log that nobody reads."""


@dataclass
class World:
    """One gateway. `told` is what the daemon's log would say."""

    folder: Path
    clock: Clock = field(default_factory=Clock)
    first_id: int = 1
    configuration: Configuration = field(default_factory=shipped)
    examiner: Callable[[Job], Examination] = examine_drop
    faults: dict[str, int] = field(default_factory=dict)
    told: list[tuple[str, dict[str, object]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        ids = Ids(itertools.count(self.first_id))
        self.engine = SQLite(self.folder / "ledger.db")
        self.spool = Spool(self.folder / "inbox", self.folder / "outbox")
        self.ctx = Context(
            engine=self.engine,
            spool=self.spool,
            now=self.clock,
            configuration=lambda: self.configuration,
            examine=self._examine,
            new_id=ids.new_id,
            random_hex=ids.random_hex,
        )

    def open(self, *accepted: str) -> "World":
        """Make tables and folders; these accounts accept the terms of every round."""
        self.engine.migrate()
        self.spool.prepare(sorted(self.configuration.participants.municipalities))
        for round_ in self.configuration.rounds.values():
            for login in accepted:
                facts.accept_terms(self.engine, login, round_.id, round_.terms_version, self.clock(), "test")
        return self

    def close(self) -> None:
        """Let go of the ledger, once its reports are seen to follow the published schemas."""
        self.engine.close()
        judge_all(self.folder / "ledger.db")

    def _examine(self, job: Job) -> Examination:
        if self.faults.get(job.name, 0) > 0:
            self.faults[job.name] -= 1
            raise WorkerFault("out of memory")
        return self.examiner(job)

    def tell(self, event: str, **facts: object) -> None:
        """Takes a line of the daemon's log."""
        self.told.append((event, facts))

    # --- dropping -----------------------------------------------------------------------------------------------------

    def account(self, login: str) -> Account:
        """A configured account."""
        return self.configuration.participants.accounts[login]

    def attempt(self, name: str, login: str = "amsterdam", code: str = "0363", lane: Lane = Lane.DELIVERY) -> Attempt:
        """Somebody about to drop a file."""
        return Attempt(self.account(login), code, lane, name)

    def land(self, attempt: Attempt, body: bytes, opened: datetime | None = None) -> Landing:
        """Stage and land a file as the SFTP door does at its CLOSE. It was opened at `opened`, or just now."""
        landing_id = self.ctx.new_id()
        descriptor = self.spool.stage(landing_id)
        with os.fdopen(descriptor, "wb") as staged:
            staged.write(body)
        return self.spool.land(
            LandingFacts(
                id=landing_id,
                municipality=attempt.municipality,
                lane=attempt.lane,
                account=attempt.account.login,
                channel=Channel.SFTP,
                name=attempt.name,
                size=len(body),
                sha256=sha256(body).hexdigest(),
                opened_at=to_ms(opened or self.clock()),
                received_at=to_ms(self.clock()),
            )
        )

    def drop(
        self,
        name: str,
        body: bytes,
        login: str = "amsterdam",
        code: str = "0363",
        lane: Lane = Lane.DELIVERY,
        opened: datetime | None = None,
    ) -> Drop:
        """Drop a file: admit, land, receive, clear. The drop as the ledger has it; raises what it was refused with."""
        attempt = self.attempt(name, login, code, lane)
        admit(self.ctx, attempt, started=opened)
        landing = self.land(attempt, body, opened)
        answer = receive(self.ctx, [landing])[landing.facts.id]
        if not isinstance(answer, Received):
            raise answer
        self.spool.clear(landing.folder)
        return drops.get(self.engine, landing.facts.id)

    # --- working ------------------------------------------------------------------------------------------------------

    def judge_all(self) -> int:
        """Judge until nothing waits; how many attempts that took."""
        count = 0
        while (drop := next_drop(self.ctx, ())) is not None:
            judge(self.ctx, drop, self.tell)
            count += 1
        return count

    def work(self) -> None:
        """Judge and publish everything."""
        self.judge_all()
        publish(self.ctx)

    def configure(self, **changes: Any) -> None:
        """Put a changed configuration in force, as a reload does."""
        self.configuration = replace(self.configuration, **changes)

    # --- looking ------------------------------------------------------------------------------------------------------

    def events(self, *, of: Drop | None = None) -> list[str]:
        """Events of the message log, oldest first."""
        lines = log.everything(self.engine) if of is None else log.of_drop(self.engine, of.id)
        return [line.event for line in lines]

    def stems(self, code: str = "0363") -> list[str]:
        """Stems of a municipality's reports, oldest first."""
        rows = self.engine.rows("select stem from reports where municipality = :code order by arrival", code=code)
        return [str(row["stem"]) for row in rows]

    def reports_of(self, drop: Drop) -> list[Filed]:
        """The reports about a drop, oldest first."""
        return reports.of_drop(self.engine, drop.id)

    def outcomes(self, drop: Drop) -> list[str]:
        """The outcomes of the reports about a drop, oldest first."""
        return [report.outcome for report in self.reports_of(drop)]

    def versions(self, kind: str = "WMO", period: str = "2017H2", code: str = "0363") -> list[str]:
        """States of an item's versions, in order."""
        made = deliveries.of_municipality(self.engine, code, "2017H2")
        return [str(each.state) for each in made if (each.kind, each.period) == (kind, period)]


def tree(folder: Path) -> dict[str, bytes]:
    """Every file under a folder and what is in it, by its path from there."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
