"""Context: what every step of the story works with.

Does: carries the engine, the spool, the legal clock, the configuration in force and the examiner, as handed down by the
composition root; derives from them the few values that several steps need.
Touches: nothing by itself.
Does not: change while a step runs; `configuration` gives one frozen object, ask it once per step.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from gateway.config import Configuration, rules_from_json
from gateway.domain.kinds import Job, Rules
from gateway.domain.lifecycle import extended
from gateway.domain.model import DeliveryRound, Drop, Examination, FileFacts, Lane, Municipality, from_ms
from gateway.domain.workdays import due, last_safe_day, local_day, window
from gateway.reports.facts import Envelope, Times
from gateway.store.engine import Engine
from gateway.store.ledger import extensions, facts
from gateway.store.sealing import NOTHING_SEALED, Sealing
from gateway.store.spool import Spool

EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def real_time(seconds: float) -> datetime:
    """Legal time at a moment of the technical clock, in seconds since 1970, where the two are the same."""
    return from_ms(int(seconds * 1000))


@dataclass(frozen=True, slots=True)
class Context:
    """`now` is legal time (aware UTC), `new_id` gives a UUIDv7, `examine` runs a job in a worker process and blocks;
    `written` turns a file's time, which is technical, into legal time; `sealing` seals and opens payloads."""

    engine: Engine
    spool: Spool
    now: Callable[[], datetime]
    configuration: Callable[[], Configuration]
    examine: Callable[[Job], Examination]
    new_id: Callable[[], str]
    random_hex: Callable[[int], str]
    sandbox: bool = False
    written: Callable[[float], datetime] = real_time
    sealing: Sealing = NOTHING_SEALED


def round_at(rounds: dict[str, DeliveryRound], now: datetime) -> DeliveryRound:
    """The round whose delivery window is open, else the next to open, else the last one."""
    by_opening = sorted(rounds.values(), key=lambda each: each.delivery.opens)
    for each in by_opening:
        if now <= window(each.delivery).closes:
            return each
    return by_opening[-1]


def rounds_for(ctx: Context, code: str) -> dict[str, DeliveryRound]:
    """The rounds as they are for one municipality: an extension moves the close of its delivery window."""
    given = extensions.of_municipality(ctx.engine, code)
    return {
        name: extended(round_, given[name].until if name in given else None)
        for name, round_ in ctx.configuration().rounds.items()
    }


def current_round(ctx: Context, code: str | None = None) -> DeliveryRound:
    """The round that a drop made now belongs to; with a municipality, as it is for that one."""
    rounds = dict(ctx.configuration().rounds) if code is None else rounds_for(ctx, code)
    return round_at(rounds, ctx.now())


def shown_round(ctx: Context, code: str) -> DeliveryRound:
    """The round that a municipality is told of: one that is open, else one of which reports and withdrawal still run,
    else the next."""
    now = ctx.now()
    rounds = rounds_for(ctx, code)
    current = round_at(rounds, now)
    if now < window(current.delivery).opens:
        for each in rounds.values():
            if each.withdrawal and window(each.delivery).closes < now <= window(each.withdrawal).closes:
                return each
    return current


def is_extended(configuration: Configuration, round_: DeliveryRound) -> bool:
    """Whether this is a round as an extension made it."""
    configured = configuration.rounds.get(round_.id)
    return configured is not None and round_.delivery != configured.delivery


def rules_of(ctx: Context, drop: Drop) -> Rules:
    """The rules in force when the drop was received, also when the configuration went on."""
    now = ctx.configuration().rules.get(drop.round_id)
    if now is not None and now.version == drop.rules_version:
        return now
    return rules_from_json(facts.rules(ctx.engine, drop.rules_version))


def round_of(ctx: Context, drop: Drop) -> DeliveryRound:
    """The round of a drop, as it is for its municipality; as it was at the receipt when it is configured no more."""
    return rounds_for(ctx, drop.municipality).get(drop.round_id) or rules_of(ctx, drop).round


def envelope(
    ctx: Context,
    drop: Drop,
    *,
    technical_due: datetime | None,
    quality_due: datetime | None = None,
    to_collect: bool = False,
) -> Envelope:
    """The head of a report about a drop, as known now. `to_collect`: it is one that should be collected in time."""
    configuration = ctx.configuration()
    round_ = round_of(ctx, drop)
    account = configuration.participants.accounts.get(drop.account)
    own = account is not None and drop.municipality in account.municipalities
    return Envelope(
        drop_id=drop.short_id,
        municipality=municipality(configuration, drop.municipality),
        round_name=round_.name,
        submitted_by=drop.account,
        on_behalf_of=None if own else drop.municipality,
        file=drop.file,
        times=Times(
            received=drop.received_at,
            ready=ctx.now(),
            technical_due=technical_due,
            quality_due=quality_due,
            window_opens=window(round_.delivery).opens,
            window_closes=window(round_.delivery).closes,
            last_safe_day=last_safe_day(round_, configuration.calendar),
            calendar=drop.calendar_version,
            extended=is_extended(configuration, round_),
            pickup_due=due(ctx.now(), round_.service.pickup, configuration.calendar) if to_collect else None,
            pickup_days=round_.service.pickup,
        ),
        desks=configuration.desks,
        sandbox=ctx.sandbox,
        trial=drop.lane is Lane.TRIAL,
    )


def act_envelope(
    ctx: Context, round_: DeliveryRound, login: str, code: str, name: str, lane: Lane = Lane.DELIVERY
) -> Envelope:
    """The head of a report about what `login` did or was refused, now, by the name of a file: there is no drop."""
    configuration = ctx.configuration()
    now = ctx.now()
    account = configuration.participants.accounts.get(login)
    own = account is not None and code in account.municipalities
    return Envelope(
        drop_id=f"{local_day(now):%y%m%d}-{ctx.random_hex(3)}",
        municipality=municipality(configuration, code),
        round_name=round_.name,
        submitted_by=login,
        on_behalf_of=None if own else code,
        file=FileFacts(name, 0, EMPTY_SHA256),
        times=Times(
            received=now,
            ready=now,
            window_opens=window(round_.delivery).opens,
            window_closes=window(round_.delivery).closes,
            last_safe_day=last_safe_day(round_, configuration.calendar),
            calendar=configuration.calendar.version,
            extended=is_extended(configuration, round_),
        ),
        desks=configuration.desks,
        sandbox=ctx.sandbox,
        trial=lane is Lane.TRIAL,
    )


def municipality(configuration: Configuration, code: str) -> Municipality:
    """The municipality with this code; its code stands for the name when it left the configuration meanwhile."""
    return configuration.participants.municipalities.get(code, Municipality(code, code))
