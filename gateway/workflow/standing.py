"""Standing: how the whole gateway stands at one moment, in numbers.

Does: asks the ledger once for what metrics and health both tell.
Touches: reads the ledger.
Does not: judge (health) or keep (the caller does).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.domain.model import to_ms
from gateway.domain.workdays import WorkCalendar, local_day
from gateway.store.engine import Engine
from gateway.store.ledger import deadlines
from gateway.store.ledger import standing as ledger
from gateway.store.ledger.standing import Queue
from gateway.workflow import chase

# Mails given up are told this long; after that they are history, and in the message log.
LOST_MAIL = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Standing:
    """Queues with since when the first waits (legal time), and counts of what we owe."""

    at: datetime
    waiting: Queue
    held: Queue
    unplaced: Queue
    uncollected: Queue
    mails: Queue
    delayed_mails: Queue
    lost_mails: Queue
    pushes: Queue
    due_today: int
    at_risk: int
    breached: int
    overdue: int

    def age(self, queue: Queue) -> float:
        """Seconds of legal time that the first of a queue waits; 0 when nothing does."""
        return 0.0 if queue.since is None else max(0.0, (self.at - queue.since).total_seconds())


def standing(engine: Engine, now: datetime, calendar: WorkCalendar) -> Standing:
    """How it stands now."""
    ours = deadlines.unmet_reports(engine)
    today = local_day(now)
    return Standing(
        at=now,
        waiting=ledger.waiting(engine),
        held=ledger.held(engine),
        unplaced=ledger.unplaced(engine),
        uncollected=ledger.uncollected(engine),
        mails=ledger.mails(engine),
        delayed_mails=ledger.delayed_mails(engine),
        lost_mails=ledger.lost_mails(engine, now - LOST_MAIL),
        pushes=ledger.pushes(engine),
        due_today=sum(local_day(each.due_at) == today for each in ours),
        at_risk=sum(chase.is_at_risk(each, now, calendar) for each in ours),
        breached=sum(each.due_at < now for each in ours),
        overdue=len(deadlines.late_pickups(engine, to_ms(now))),
    )
