"""Alarm: the desk and the operators are mailed when the story stops anywhere.

Does: owes one mail with all troubles that are new today and did not pass by themselves.
Touches: tables duties, notifications.
Does not: look for trouble (health), or tell again of what has a mail of its own.
"""

from collections.abc import Callable, Iterable

from gateway.domain.model import to_ms
from gateway.domain.workdays import local_day
from gateway.store.ledger import duties
from gateway.workflow import notify
from gateway.workflow.context import Context
from gateway.workflow.health import TOLD_OTHERWISE, Trouble
from gateway.workflow.notify import Notice

OCCASION = "alarm"
# Technical seconds that a trouble must last. What waits has waited already; a process that restarts is back by then.
LASTING = 60.0
QUEUES = frozenset({"WAITING", "LANDED", "UNPLACED"})
QUEUE_LASTING = 2.0


class Alarm:
    """Remembers since when each trouble lasts. `monotonic` is technical time."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._since: dict[tuple[str, str], float] = {}

    def look(self, ctx: Context, found: Iterable[Trouble], tell: Callable[..., None]) -> int:
        """Owe a mail about what lasts; how many were owed."""
        now = self._monotonic()
        concerned = [trouble for trouble in found if trouble.code not in TOLD_OTHERWISE]
        since = {(each.code, each.about): self._since.get((each.code, each.about), now) for each in concerned}
        self._since = since
        lasting = [each for each in concerned if now - since[each.code, each.about] >= _patience(each)]
        return raise_alarm(ctx, lasting, tell) if lasting else 0


def _patience(trouble: Trouble) -> float:
    return QUEUE_LASTING if trouble.code in QUEUES else LASTING


def raise_alarm(ctx: Context, found: Iterable[Trouble], tell: Callable[..., None]) -> int:
    """Mail of each trouble once a day; how many mails were owed."""
    with ctx.engine.transaction():
        now = ctx.now()
        day = local_day(now).isoformat()
        fresh = [
            each for each in found if duties.note(ctx.engine, OCCASION, f"{each.code}:{each.about}:{day}", now, now)
        ]
        if not fresh:
            return 0
        items = tuple(each.phrase() for each in fresh)
        owed = notify.owe(ctx, Notice(OCCASION, f"{to_ms(now)}", (), ("what", "look"), {}, items), notify.desk(ctx))
    for each in fresh:
        tell("alarm", trouble=each.code, about=each.about, error=True)
    return owed
