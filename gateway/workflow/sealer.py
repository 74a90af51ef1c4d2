"""Sealer: the message log chained, and the chain proven.

Does: seals what is new in the log, under a lease, and notes where the chain ends beside the ledger; walks all of it and
says what was tampered with.
Touches: tables seals, leases; state/anchors/. Proving only reads.
Does not: hold up who writes a line: a line is sealed within a minute after it was written.

A kill between the seals and the anchor is made good by the next call. When two processes seal at once one of them does
nothing: the lease says so, and were it to fail, the numbers of the seals are unique.
"""

import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from gateway.domain.chain import LoggedLine, Seal, Trouble, anchor, seal, walk
from gateway.domain.model import to_ms
from gateway.errors import Conflict
from gateway.store import anchors
from gateway.store.engine import Engine
from gateway.store.ledger import seals
from gateway.store.ledger.seals import ErasedSpan
from gateway.workflow.context import Context

LEASE = "sealer"
LEASE_TIME = timedelta(minutes=5)
BATCH = 500
PAGE = 1000
FOLDER = "anchors"
TERM = re.compile(r"log_days ([0-9]{1,6})")


def folder_of(state: Path) -> Path:
    """Where the anchors lie."""
    return state / FOLDER


# --- sealing ----------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Sealer:
    """Seals on behalf of one process; `folder` is for the anchors."""

    ctx: Context
    folder: Path
    holder: str = field(default_factory=lambda: secrets.token_hex(8))

    def __call__(self) -> int:
        """Seal every line that has no seal; how many. Nothing while another process does it."""
        made = 0
        try:
            while count := self._batch():
                made += count
        except Conflict:
            return made
        self._anchor()
        return made

    def _batch(self) -> int:
        engine, now = self.ctx.engine, self.ctx.now()
        with engine.transaction():
            if not seals.lease(engine, LEASE, self.holder, now, now + LEASE_TIME):
                return 0
            former = seals.last(engine)
            lines = seals.unsealed(engine, BATCH)
            for line in lines:
                former = seal(former, line, secrets.token_hex(16), to_ms(now))
                seals.add(engine, former)
            if not lines:
                # Let go of: another process, or this one after a restart, need not wait until it ends by itself.
                seals.lease(engine, LEASE, self.holder, now, now)
        return len(lines)

    def _anchor(self) -> None:
        """Note the end of the chain where it was not noted yet."""
        end = seals.last(self.ctx.engine)
        if end is not None and anchors.last(self.folder) != (end.seal_no, end.chain_hash):
            anchors.note(self.folder, end, self.ctx.now())


def newest_anchor(ctx: Context) -> str | None:
    """The end of the chain, to be carried away; None while nothing is sealed."""
    end = seals.last(ctx.engine)
    return anchor(end) if end is not None else None


# --- proving ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Proof:
    """What a walk along the chain showed. `erased`: lines whose names went on their term; `waiting`: lines that have no
    seal yet; `anchored`: how many anchors were compared."""

    sealed: int
    erased: int
    waiting: int
    anchored: int
    newest: str | None
    troubles: tuple[Trouble, ...]


@dataclass(slots=True)
class Erasures:
    """Which lines may be without names, and how many were."""

    engine: Engine
    shortest: timedelta
    spans: list[ErasedSpan] = field(default_factory=list)
    told: frozenset[int] = frozenset()
    count: int = 0

    def __call__(self, line: LoggedLine) -> bool:
        """Whether the erasure of a line is accounted for: by one that is under way, or by a deletion that the log tells
        of, on a term that was over and is not shorter than the one in force."""
        self.count += 1
        if self._accounted(line):
            return True
        # Looked up again: a purge may have gone on during the walk.
        self.spans, self.told = seals.erased_spans(self.engine), seals.told_erasures(self.engine)
        return self._accounted(line)

    def _accounted(self, line: LoggedLine) -> bool:
        return any(span.first <= line.id <= span.last and self._holds(span, line) for span in self.spans)

    def _holds(self, span: ErasedSpan, line: LoggedLine) -> bool:
        term = TERM.fullmatch(span.why)
        if term is None or timedelta(days=int(term[1])) < self.shortest or line.erased_at is None:
            return False
        due = line.at + int(timedelta(days=int(term[1])) / timedelta(milliseconds=1))
        return due <= line.erased_at and (span.at is None or (line.erased_at <= span.at and span.at in self.told))


def prove(ctx: Context, known: list[tuple[int, str]], step: Callable[[int], None], *, page: int = PAGE) -> Proof:
    """Walk the chain from its first seal to its last. `known` are anchors; `step` hears how many seals were passed.
    Reads a page at a time: the ledger may be written meanwhile."""
    engine = ctx.engine
    sealed = 0

    def pairs() -> Iterator[tuple[Seal, LoggedLine | None]]:
        nonlocal sealed
        after = -(2**62)
        while found := seals.page(engine, after, page):
            yield from found
            sealed += len(found)
            after = found[-1][0].seal_no
            step(len(found))

    shortest = timedelta(days=ctx.configuration().settings.retention.log_days)
    erasures = Erasures(engine, shortest)
    troubles = list(walk(pairs(), _by_number(known), erasures))
    troubles += [Trouble("inserted", None, line) for line in seals.strangers(engine)]
    return Proof(sealed, erasures.count, seals.waiting(engine), len(known), newest_anchor(ctx), tuple(troubles))


def _by_number(known: list[tuple[int, str]]) -> Mapping[int, frozenset[str]]:
    found: dict[int, frozenset[str]] = {}
    for number, chained in known:
        found[number] = found.get(number, frozenset()) | {chained}
    return found
