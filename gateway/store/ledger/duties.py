"""Duties: what was due at a moment, once.

Does: note that a duty was done, or let go because its time was over; tell which were.
Touches: table duties.
Does not: know what is due (workflow.duties) or do it.
"""

from datetime import datetime

from gateway.domain.model import from_ms, to_ms
from gateway.store.engine import Engine


def note(engine: Engine, name: str, subject: str, due_at: datetime, at: datetime, *, lapsed: bool = False) -> bool:
    """Note that a duty is done; False when it was before, so that the caller does nothing."""
    return bool(
        engine.run(
            """insert into duties (name, subject, due_at, done_at, lapsed)
               values (:name, :subject, :due_at, :at, :lapsed) on conflict (name, subject) do nothing""",
            name=name,
            subject=subject,
            due_at=to_ms(due_at),
            at=to_ms(at),
            lapsed=int(lapsed),
        )
    )


def done(engine: Engine, name: str) -> dict[str, datetime]:
    """By subject when each duty of this name was done, or let go."""
    rows = engine.rows("select subject, done_at from duties where name = :name", name=name)
    return {row["subject"]: from_ms(row["done_at"]) for row in rows}


def due_at(engine: Engine, name: str, subject: str) -> datetime | None:
    """Since when a duty that was done was due; None when it was not done."""
    rows = engine.rows(
        "select due_at from duties where name = :name and subject = :subject", name=name, subject=subject
    )
    return from_ms(rows[0]["due_at"]) if rows else None


def is_done(engine: Engine, name: str, subject: str) -> bool:
    """Whether this duty was done, or let go."""
    return bool(
        engine.rows("select 1 from duties where name = :name and subject = :subject", name=name, subject=subject)
    )


def last_before(engine: Engine, name: str, before: datetime) -> datetime | None:
    """When a duty of this name was done last before a moment."""
    rows = engine.rows(
        "select max(done_at) as at from duties where name = :name and done_at < :before",
        name=name,
        before=to_ms(before),
    )
    return None if rows[0]["at"] is None else from_ms(rows[0]["at"])
