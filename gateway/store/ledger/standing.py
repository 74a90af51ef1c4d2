"""Standing: how much of what waits, since when. For metrics and health.

Does: counts what is received, held, not placed, not collected, not mailed and not pushed.
Touches: reads drops, prechecks, verdicts, reports, notifications, pushes, log.
Does not: list (the modules per subject do) or judge what is too much (workflow.health).
"""

from dataclasses import dataclass
from datetime import datetime

from gateway.domain.model import from_ms, to_ms
from gateway.store.engine import Engine


@dataclass(frozen=True, slots=True)
class Queue:
    """How many wait, and the moment since which the first of them does."""

    count: int
    since: datetime | None


def _queue(engine: Engine, sql: str, **params: int) -> Queue:
    row = engine.rows(sql, **params)[0]
    return Queue(int(row["n"]), None if row["since"] is None else from_ms(row["since"]))


def waiting(engine: Engine) -> Queue:
    """Drops that were received and that we have still to examine; what waits for an assessor's verdict is left out."""
    return _queue(
        engine,
        """select count(*) as n, min(received_at) as since from drops where state = 'received'
           and (not exists (select 1 from prechecks as c where c.drop_id = drops.id)
                or exists (select 1 from verdicts as v where v.drop_id = drops.id))""",
    )


def held(engine: Engine) -> Queue:
    """Drops that wait for a person."""
    return _queue(engine, "select count(*) as n, min(received_at) as since from drops where state = 'held'")


def unplaced(engine: Engine) -> Queue:
    """Reports that were made and do not lie in the outbox."""
    return _queue(engine, "select count(*) as n, min(made_at) as since from reports where placed_at is null")


def uncollected(engine: Engine) -> Queue:
    """Reports that lie in the outbox and that nobody read or confirmed."""
    return _queue(
        engine,
        """select count(*) as n, min(placed_at) as since from reports where placed_at is not null
           and collected_at is null and confirmed_at is null and erased_at is null""",
    )


def mails(engine: Engine) -> Queue:
    """Mails that are owed."""
    return _queue(engine, "select count(*) as n, min(made_at) as since from notifications where state = 'pending'")


def delayed_mails(engine: Engine) -> Queue:
    """Mails that were offered without success so far."""
    return _queue(
        engine,
        """select count(*) as n, min(made_at) as since from notifications
           where state = 'pending' and reason is not null""",
    )


def lost_mails(engine: Engine, after: datetime) -> Queue:
    """Mails that were given up since a moment."""
    return _queue(
        engine,
        "select count(*) as n, min(at) as since from log where event = 'mail_failed' and at >= :after",
        after=to_ms(after),
    )


def pushes(engine: Engine) -> Queue:
    """Files that are still to be pushed to the assessor's server."""
    return _queue(engine, "select count(*) as n, min(made_at) as since from pushes where state = 'pending'")
