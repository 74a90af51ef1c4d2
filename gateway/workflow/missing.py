"""Missing: who has not, not fully, or not successfully delivered in the current round.

Does: holds what the round expects of each municipality against its deliveries and statements.
Touches: reads tables deliveries, drops, statements, extensions.
Does not: remind (duties), print (cli), or judge a file.

An item is complete when an approved delivery of it stands, or when the municipality stated that there is nothing to
deliver. A period that the round also takes, but does not expect, is never missing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gateway.config import Configuration
from gateway.domain.kinds import ParsedName, parse_name
from gateway.domain.lifecycle import extended
from gateway.domain.model import Delivery, DeliveryRound, DeliveryState, Drop, Lane, Municipality
from gateway.domain.workdays import local_day, window
from gateway.store.ledger import deliveries, drops, extensions, statements
from gateway.workflow.context import Context, current_round

CURRENT = (DeliveryState.APPROVED, DeliveryState.ASSESSED)


class Lack(StrEnum):
    """What is the matter with an item: nothing came, what came was rejected, or it is still being checked."""

    NONE = "none"
    REJECTED = "rejected"
    PENDING = "pending"


class Standing(StrEnum):
    """Where a municipality stands: delivered nothing, without success, or not everything."""

    NOTHING = "nothing"
    UNSUCCESSFUL = "unsuccessful"
    INCOMPLETE = "incomplete"


@dataclass(frozen=True, slots=True)
class MissingItem:
    """An item that is not complete, and why."""

    kind: str
    period: str
    lack: Lack


@dataclass(frozen=True, slots=True)
class Missing:
    """A municipality that is not complete. `lead` delivers for it, None when it does so itself; `closes` is the end of
    its window, extension included."""

    municipality: Municipality
    standing: Standing
    items: tuple[MissingItem, ...]
    closes: datetime
    lead: Municipality | None = None

    @property
    def open_items(self) -> tuple[MissingItem, ...]:
        """The items for which somebody has to do something: not those that are being checked."""
        return tuple(item for item in self.items if item.lack is not Lack.PENDING)


def expected(round_: DeliveryRound) -> tuple[str, ...]:
    """The periods of which every kind should come: those that the round names, else its latest."""
    return round_.expected or (max(round_.periods, key=lambda period: period.last).code,)


def missing(ctx: Context, round_: DeliveryRound | None = None) -> tuple[Missing, ...]:
    """Every municipality that is not complete in a round (else the current one), by code."""
    asked = round_ or current_round(ctx)
    configuration = ctx.configuration()
    given = extensions.of_round(ctx.engine, asked.id)
    leads = _leads(ctx)
    found = []
    for code, place in sorted(configuration.participants.municipalities.items()):
        items = tuple(_items(ctx, code, asked))
        if not items:
            continue
        own = extended(asked, given[code].until if code in given else None)
        whole = len(asked.kinds) * len(expected(asked))
        lead = configuration.participants.municipalities.get(leads.get(code, ""))
        found.append(Missing(place, _standing(items, whole), items, window(own.delivery).closes, lead))
    return tuple(found)


def _leads(ctx: Context) -> dict[str, str]:
    today = local_day(ctx.now())
    return {
        member: partnership.lead
        for partnership in ctx.configuration().participants.partnerships.values()
        if partnership.in_force(today)
        for member in partnership.members
    }


def _standing(items: tuple[MissingItem, ...], whole: int) -> Standing:
    if len(items) < whole:
        return Standing.INCOMPLETE
    return Standing.NOTHING if all(item.lack is Lack.NONE for item in items) else Standing.UNSUCCESSFUL


def _items(ctx: Context, code: str, round_: DeliveryRound) -> Iterator[MissingItem]:
    made: dict[tuple[str, str], list[Delivery]] = {}
    for delivery in deliveries.of_municipality(ctx.engine, code, round_.id):
        made.setdefault((delivery.kind, delivery.period), []).append(delivery)
    stated = statements.stated(ctx.engine, code, round_.id)
    pending = _pending(ctx.configuration(), round_, drops.undecided(ctx.engine, code))
    for period in expected(round_):
        for kind in round_.kinds:
            item = (kind, period)
            chain = made.get(item, [])
            if item in stated or any(each.state in CURRENT for each in chain):
                continue
            if pending is None or item in pending:
                yield MissingItem(kind, period, Lack.PENDING)
            else:
                yield MissingItem(kind, period, Lack.REJECTED if chain else Lack.NONE)


def _pending(configuration: Configuration, round_: DeliveryRound, waiting: list[Drop]) -> set[tuple[str, str]] | None:
    """The items of drops that are not decided; None when one of them may hold any item, such as a ZIP."""
    kinds = configuration.rules[round_.id].kinds
    items = set()
    for drop in waiting:
        if drop.round_id != round_.id or drop.lane is Lane.TRIAL:
            continue
        parsed = parse_name(drop.file.name, kinds)
        if not isinstance(parsed, ParsedName):
            return None
        items.add((parsed.kind, parsed.period))
    return items
