"""Receive: from a landed upload to a drop that nothing can lose.

Does: in one transaction per batch, with a savepoint per landing, stores payload, drop, technical deadline, log line and
receipt. Only after the commit may anybody be told OK.
Touches: tables drops, payloads, deadlines, log, reports.
Does not: remove landings (intake does, after the commit) or look inside the file.

A landing whose id the ledger already has was received before a crash: it gives the same answer again. A repeat (same
municipality, round, lane, name, content and rules, still the newest drop of all its items) gets its own receipt and no
clock. A, B, A again is a correction.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.config import rules_to_json
from gateway.domain.kinds import ParsedName, Rules, parse_name
from gateway.domain.lifecycle import follow_drop
from gateway.domain.model import (
    Channel,
    Drop,
    DropState,
    FileFacts,
    Lane,
    from_ms,
    to_ms,
)
from gateway.domain.workdays import due, local_day
from gateway.errors import SURPRISES, Corrupt, GatewayError, Temporary
from gateway.examine import place_of
from gateway.reports.facts import ReceiptFacts
from gateway.reports.receipt import receipt
from gateway.store.ledger import deadlines, deliveries, drops, facts, log, reports
from gateway.store.spool import Landing
from gateway.workflow import payloads
from gateway.workflow.context import Context, envelope, round_at, rounds_for
from gateway.workflow.notify import owe_receipt
from gateway.workflow.senders import note_sender


@dataclass(frozen=True, slots=True)
class Received:
    """The answer to one landing: the drop's short id, and of which drop it is a repeat. `known`: the ledger had it."""

    short_id: str
    repeat_of: str | None = None
    known: bool = False


def receive(ctx: Context, landings: Sequence[Landing]) -> dict[str, Received | GatewayError]:
    """Receive a batch, by landing id. What fails alone fails alone; `Temporary` for all when the commit fails."""
    answers: dict[str, Received | GatewayError] = {}
    with ctx.engine.transaction():
        for landing in landings:
            try:
                with ctx.engine.transaction():
                    answers[landing.facts.id] = _known(ctx, landing) or _receive_one(ctx, landing)
            except Temporary:
                raise
            except GatewayError as error:
                answers[landing.facts.id] = error
            except SURPRISES as error:
                # Such as a configuration that does not know the landing's round any more: the others are received.
                answers[landing.facts.id] = Corrupt(place_of(error))
    return answers


def _known(ctx: Context, landing: Landing) -> Received | None:
    """The answer to a landing that the ledger has already. Its payload may be gone: a rescan may have been first."""
    known = drops.find(ctx.engine, landing.facts.id)
    if known is None:
        return None
    first = drops.get(ctx.engine, known.repeat_of).short_id if known.repeat_of else None
    return Received(known.short_id, first, known=True)


def _receive_one(ctx: Context, landing: Landing) -> Received:
    payload = ctx.spool.payload(landing)
    drop, first_drop = _drop(ctx, landing)
    rules = ctx.configuration().rules[drop.round_id]
    facts.keep_rules(ctx.engine, rules.version, lambda: rules_to_json(rules))
    payloads.insert(ctx, drop, payload if first_drop is None else b"")
    if first_drop is None:
        _owe_technical(ctx, drop)
    _note_sender(ctx, drop)
    owed = deadlines.find(ctx.engine, "technical", drop.id)
    made = receipt(
        ReceiptFacts(
            envelope=envelope(ctx, drop, technical_due=owed.due_at if owed else None),
            outcome="ONTVANGEN" if first_drop is None else "HERHALING",
            first_drop=first_drop.short_id if first_drop else None,
        ),
        ctx.configuration().texts,
    )
    report_id = ctx.new_id()
    reports.insert(ctx.engine, report_id, drop.municipality, made, to_ms(ctx.now()), drop_id=drop.id)
    log.append(
        ctx.engine,
        log.Line(
            at=drop.received_at,
            event="received" if first_drop is None else "repeated",
            municipality=drop.municipality,
            account=drop.account,
            drop_id=drop.id,
            report_id=report_id,
            detail={
                "id": drop.short_id,
                "name": drop.file.name,
                "bytes": drop.file.size,
                "sha256": drop.file.sha256,
                "lane": drop.lane,
                "channel": drop.channel,
                "first": first_drop.short_id if first_drop else None,
            },
        ),
    )
    if first_drop is None:
        owe_receipt(ctx, drop)
    return Received(drop.short_id, first_drop.short_id if first_drop else None)


def _drop(ctx: Context, landing: Landing) -> tuple[Drop, Drop | None]:
    landed = landing.facts
    configuration = ctx.configuration()
    # An upload opened before the close belongs to the round that was open then.
    round_ = round_at(rounds_for(ctx, landed.municipality), from_ms(landed.opened_at))
    rules = configuration.rules[round_.id]
    file = FileFacts(landed.name, landed.size, landed.sha256)
    first = _first_of_repeat(ctx, landed.municipality, round_.id, Lane(landed.lane), file, rules)
    received_at = from_ms(landed.received_at)
    short_id = f"{local_day(received_at):%y%m%d}-{ctx.random_hex(3)}"
    while drops.short_id_taken(ctx.engine, short_id):
        short_id = f"{local_day(received_at):%y%m%d}-{ctx.random_hex(3)}"
    drop = Drop(
        id=landed.id,
        short_id=short_id,
        municipality=landed.municipality,
        round_id=round_.id,
        lane=Lane(landed.lane),
        account=landed.account,
        channel=Channel(landed.channel),
        file=file,
        received_at=received_at,
        rules_version=rules.version,
        calendar_version=configuration.calendar.version,
        terms_version=round_.terms_version,
        state=follow_drop(None, "received" if first is None else "repeated"),
        repeat_of=first.id if first else None,
    )
    return drop, first


def _note_sender(ctx: Context, drop: Drop) -> None:
    account = ctx.configuration().participants.accounts.get(drop.account)
    if account is not None and drop.lane is Lane.DELIVERY:
        note_sender(ctx, account, drop.municipality, drop.round_id)


def _owe_technical(ctx: Context, drop: Drop) -> None:
    if drop.lane is Lane.TRIAL:
        return
    configuration = ctx.configuration()
    days = configuration.rounds[drop.round_id].service.technical
    deadlines.insert(
        ctx.engine,
        deadlines.Deadline(
            kind="technical",
            subject=drop.id,
            municipality=drop.municipality,
            due_at=due(drop.received_at, days, configuration.calendar),
            calendar_version=configuration.calendar.version,
            met_at=None,
        ),
    )


def _first_of_repeat(
    ctx: Context, municipality: str, round_id: str, lane: Lane, file: FileFacts, rules: Rules
) -> Drop | None:
    """The drop that a new one repeats, None when it is new, a correction, or judged by other rules."""
    former = drops.newest_like(ctx.engine, municipality, round_id, lane, file)
    if former is None or former.rules_version != rules.version:
        return None
    items = _items(ctx, former, rules)
    if items is None:
        return former if not drops.later(ctx.engine, former) else None
    for later in drops.later(ctx.engine, former):
        others = _items(ctx, later, rules)
        if others is None or items & others:
            return None
    return former


def _items(ctx: Context, drop: Drop, rules: Rules) -> frozenset[tuple[str, str]] | None:
    """Which items (kind, period) a drop is about; None when that cannot be known yet (an undecided ZIP)."""
    made = deliveries.of_drop(ctx.engine, drop.id)
    if made:
        return frozenset((delivery.kind, delivery.period) for delivery in made)
    parsed = None if drop.state is DropState.DECIDED else parse_name(drop.file.name, rules.kinds)
    if isinstance(parsed, ParsedName):
        return frozenset({(parsed.kind, parsed.period)})
    if parsed is not None and drop.file.name.lower().endswith(".zip"):
        return None
    # It maps to no item (or was only tried): nothing of it can have been superseded but by its own name.
    return frozenset({("name", drop.file.name)})
