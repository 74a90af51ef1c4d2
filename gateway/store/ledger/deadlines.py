"""Deadlines: a row each, asked for by a query, never a timer.

Does: set, meet and list deadlines.
Touches: table deadlines.
Does not: compute a due date (workdays) or warn (workflow).
"""

from dataclasses import dataclass
from datetime import datetime

from gateway.domain.model import from_ms, to_ms
from gateway.store.engine import Engine, Row


@dataclass(frozen=True, slots=True)
class Deadline:
    """What is owed: `kind` technical, quality or pickup; `subject` the id of a drop, delivery or report."""

    kind: str
    subject: str
    municipality: str
    due_at: datetime
    calendar_version: str
    met_at: datetime | None
    warned_at: datetime | None = None


def _deadline(row: Row) -> Deadline:
    return Deadline(
        row["kind"],
        row["subject"],
        row["municipality"],
        from_ms(row["due_at"]),
        row["calendar_version"],
        None if row["met_at"] is None else from_ms(row["met_at"]),
        None if row["warned_at"] is None else from_ms(row["warned_at"]),
    )


def insert(engine: Engine, deadline: Deadline) -> None:
    """Set a deadline; Conflict when the subject has one of this kind."""
    engine.run(
        """insert into deadlines (kind, subject, municipality, due_at, calendar_version)
           values (:kind, :subject, :municipality, :due_at, :calendar_version)""",
        kind=deadline.kind,
        subject=deadline.subject,
        municipality=deadline.municipality,
        due_at=to_ms(deadline.due_at),
        calendar_version=deadline.calendar_version,
    )


def meet(engine: Engine, kind: str, subject: str, at_ms: int) -> None:
    """Note when it was met; the first time counts."""
    engine.run(
        "update deadlines set met_at = :at where kind = :kind and subject = :subject and met_at is null",
        kind=kind,
        subject=subject,
        at=at_ms,
    )


def forget(engine: Engine, kind: str, subject: str) -> bool:
    """Owe it no more: what it was about is gone; whether it was owed. The caller logs what became of it."""
    return bool(
        engine.run(
            "delete from deadlines where kind = :kind and subject = :subject and met_at is null",
            kind=kind,
            subject=subject,
        )
    )


def mark_warned(engine: Engine, kind: str, subject: str, at_ms: int) -> bool:
    """Note that somebody was warned that it is at risk; False when that was noted before."""
    return bool(
        engine.run(
            """update deadlines set warned_at = :at
               where kind = :kind and subject = :subject and warned_at is null and met_at is null""",
            kind=kind,
            subject=subject,
            at=at_ms,
        )
    )


def find(engine: Engine, kind: str, subject: str) -> Deadline | None:
    """The deadline of this kind on a subject."""
    rows = engine.rows("select * from deadlines where kind = :kind and subject = :subject", kind=kind, subject=subject)
    return _deadline(rows[0]) if rows else None


def met_late(engine: Engine) -> list[Deadline]:
    """What was done after it was due, first due first."""
    return [_deadline(row) for row in engine.rows("select * from deadlines where met_at > due_at order by due_at")]


def unmet(engine: Engine) -> list[Deadline]:
    """What is still owed, first due first: also every report that nobody collected yet, of which there may be many."""
    return [_deadline(row) for row in engine.rows("select * from deadlines where met_at is null order by due_at")]


def unmet_reports(engine: Engine) -> list[Deadline]:
    """The reports that we still owe, first due first."""
    rows = engine.rows("select * from deadlines where met_at is null and kind <> 'pickup' order by due_at")
    return [_deadline(row) for row in rows]


def late_pickups(engine: Engine, before_ms: int) -> list[Deadline]:
    """The reports that should have been collected before a moment and were not, first due first."""
    # By the term: of what was collected in time there may be a hundred times as much.
    rows = engine.rows(
        """select * from deadlines where met_at is null and due_at < :before and kind not in ('technical', 'quality')
           order by due_at""",
        before=before_ms,
    )
    return [_deadline(row) for row in rows]
