"""Duties: what is due now, asked again at every tick.

Does: for each round the mails of its opening, its reminders and its withdrawal window; the desk's daily overview; the
steps of `chase`; keys that end (logins). Each moment is a row once it is done, so that after days of downtime every
due thing happens once, in order, and a second tick finds nothing.
Touches: tables duties, deadlines, notifications, reports, log.
Does not: hold a timer, or send anything (notify).

A duty whose time is over (an opening after the close, a target's reminder when the close's is due) lapses: it is noted
as such and told to the operator's log, because a mail that asks for what cannot be done any more helps nobody.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial

from gateway.domain.lifecycle import extended, rights
from gateway.domain.model import Consent, DeliveryRound, DropState, Param, Phrase, Role, phrase, to_ms
from gateway.domain.workdays import DAY, WorkCalendar, is_workday, last_safe_day, local_day, subtract_workdays, window
from gateway.errors import GatewayError
from gateway.store.ledger import deadlines, deliveries, drops, duties, extensions, mails
from gateway.workflow import chase, logins, notify
from gateway.workflow.chase import morning
from gateway.workflow.context import Context, current_round, municipality
from gateway.workflow.missing import Missing, expected, missing
from gateway.workflow.notify import Notice
from gateway.workflow.sealer import newest_anchor

OVERVIEW = "overview"
# Trouble of the ledger, and what no configuration or calendar knows.
TROUBLE = (GatewayError, LookupError, ValueError)
# Since when something is due, its name, and how to do it; that gives how many mails became owed.
Step = tuple[datetime, str, Callable[[], int]]


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that is due once, from `at`; after `until` it lapses. `subject` is the round, its window or the day."""

    at: datetime
    name: str
    subject: str
    until: datetime


def moments(round_: DeliveryRound, closings: frozenset[date], calendar: WorkCalendar) -> tuple[Moment, ...]:
    """What a round makes due, oldest first. `closings`: the days on which its window closes for somebody, extensions
    included; each has its own reminder."""
    opens, closes = window(round_.delivery).opens, window(round_.delivery).closes
    found = [Moment(morning(local_day(opens)), "opening", round_.id, closes)]
    last_call = []
    for day in sorted(closings) if round_.remind_before_close else ():
        at = morning(subtract_workdays(day, round_.remind_before_close, calendar))
        until = window(extended(round_, day).delivery).closes
        last_call.append(Moment(at, "reminder_close", f"{round_.id}:{day}", until))
    if round_.target is not None and round_.remind_before_target:
        at = morning(subtract_workdays(round_.target, round_.remind_before_target, calendar))
        until = min((each.at for each in last_call), default=closes)
        found.append(Moment(at, "reminder_target", round_.id, until))
    found += last_call
    if round_.withdrawal is not None:
        withdrawal = window(round_.withdrawal)
        found.append(Moment(morning(round_.withdrawal.opens), "withdrawal", round_.id, withdrawal.closes))
    return tuple(sorted(found, key=lambda each: each.at))


def run_duties(ctx: Context, tell: Callable[..., None]) -> int:
    """Do everything that is due now, oldest first; how many mails became owed. What fails is told and tried again at
    the next tick; it holds up nothing else."""
    rounds = ctx.configuration().rounds.values()
    sources = [partial(_of_round, ctx, round_, tell) for round_ in rounds]
    sources += [partial(_of_day, ctx, tell), partial(_of_deadlines, ctx, tell), partial(logins.ending, ctx, tell)]
    steps: list[Step] = []
    for source in sources:
        try:
            steps += source()
        except TROUBLE as error:
            tell("duty_failed", duty="look", reason=repr(error), error=True)
    owed = 0
    for _, name, act in sorted(steps, key=lambda step: step[0]):
        try:
            owed += act()
        except TROUBLE as error:
            tell("duty_failed", duty=name, reason=repr(error), error=True)
    return owed


def _of_round(ctx: Context, round_: DeliveryRound, tell: Callable[..., None]) -> Iterator[Step]:
    """What a round makes due now."""
    given = extensions.of_round(ctx.engine, round_.id).values()
    closings = {extended(round_, each.until).delivery.closes for each in given} | {round_.delivery.closes}
    for moment in moments(round_, frozenset(closings), ctx.configuration().calendar):
        if moment.at <= ctx.now() and not duties.is_done(ctx.engine, moment.name, moment.subject):
            yield moment.at, moment.name, partial(_do, ctx, moment, round_, tell)


def _of_day(ctx: Context, tell: Callable[..., None]) -> Iterator[Step]:
    """From eight o'clock the overview of today, and on a working day, as soon as something waits, the assessor's mail;
    those of days on which nobody served are not made up."""
    now = ctx.now()
    today = local_day(now)
    overview = Moment(morning(today), OVERVIEW, today.isoformat(), morning(today + DAY))
    fresh = overview.at <= now and not duties.is_done(ctx.engine, OVERVIEW, overview.subject)
    if fresh and ctx.configuration().rounds:
        yield overview.at, OVERVIEW, partial(_do, ctx, overview, current_round(ctx), tell)
    told = duties.is_done(ctx.engine, chase.ASSESSOR, today.isoformat())
    if overview.at <= now and not told and is_workday(today, ctx.configuration().calendar):
        yield overview.at, chase.ASSESSOR, partial(chase.tell_assessor, ctx, today, now)


def _of_deadlines(ctx: Context, tell: Callable[..., None]) -> Iterator[Step]:
    """What is to be chased now."""
    now = ctx.now()
    late = chase.uncollected(ctx)
    for stage in chase.STAGES:
        theirs = [each for each in late if each.stage == stage]
        if theirs:
            yield min(each.at for each in theirs), stage, partial(chase.remind, ctx, stage, theirs)
    if endangered := chase.at_risk(ctx):
        yield now, "deadline_risk", partial(chase.warn, ctx, endangered, tell)
    if passed := chase.breached(ctx):
        yield min(each.due_at for each in passed), "deadline_breached", partial(chase.raise_alarm, ctx, passed, tell)


def _do(ctx: Context, moment: Moment, round_: DeliveryRound, tell: Callable[..., None]) -> int:
    with ctx.engine.transaction():
        now = ctx.now()
        lapsed = now > moment.until
        if not duties.note(ctx.engine, moment.name, moment.subject, moment.at, now, lapsed=lapsed):
            return 0
        owed = 0 if lapsed else ACTS[moment.name](ctx, moment, round_)
    tell("duty_lapsed" if lapsed else "duty_done", duty=moment.name, subject=moment.subject, mails=owed)
    return owed


# --- the round --------------------------------------------------------------------------------------------------------


def _senders(ctx: Context) -> dict[str, tuple[str, ...]]:
    """By login the municipalities that it may deliver for today."""
    people, today = ctx.configuration().participants, local_day(ctx.now())
    found = {login: rights(account, people, today).delivers for login, account in people.accounts.items()}
    return {login: tuple(sorted(codes)) for login, codes in found.items() if codes}


def _safe(ctx: Context, round_: DeliveryRound) -> tuple[tuple[str, ...], dict[str, Param]]:
    """The sentence on the last safe day, and what fills it; none when the round has no such day."""
    safe = last_safe_day(round_, ctx.configuration().calendar)
    if safe is None:
        return (), {}
    return ("safe" if local_day(ctx.now()) <= safe else "safe_past",), {"safe": safe.isoformat()}


def _opening(ctx: Context, moment: Moment, round_: DeliveryRound) -> int:
    says, params = _safe(ctx, round_)
    target = round_.target is not None and local_day(ctx.now()) <= round_.target
    asked = expected(round_)
    also = [period.code for period in round_.periods if period.code not in asked]
    params |= {
        "round": round_.name,
        "periods": ", ".join(asked),
        "also": ", ".join(also),
        "closes": window(round_.delivery).closes.isoformat(),
        "target": round_.target.isoformat() if round_.target else "",
    }
    all_says = (
        "open",
        "periods",
        *(("also",) if also else ()),
        "closes",
        *(("target",) if target else ()),
        *says,
        "how",
    )
    return sum(
        notify.owe(ctx, Notice("opening", moment.subject, codes, all_says, params), (login,))
        for login, codes in _senders(ctx).items()
    )


def _reminder(ctx: Context, moment: Moment, round_: DeliveryRound) -> int:
    """Only to those who can still deliver what is missing, and of a close only to those for whom it is the close."""
    lacking = {each.municipality.code: each for each in missing(ctx, round_) if each.open_items}
    if moment.name == "reminder_close":
        lacking = {code: each for code, each in lacking.items() if each.closes == moment.until}
    owed = 0
    for login, codes in _senders(ctx).items():
        theirs = [lacking[code] for code in codes if code in lacking and ctx.now() <= lacking[code].closes]
        if theirs:
            owed += notify.owe(ctx, _remind(ctx, moment, round_, theirs), (login,))
    return owed


def _remind(ctx: Context, moment: Moment, round_: DeliveryRound, theirs: list[Missing]) -> Notice:
    closes = min(each.closes for each in theirs)
    own = extended(round_, local_day(closes))
    safe, params = _safe(ctx, own)
    first = theirs[0]
    item = first.open_items[0]
    params |= {
        "round": round_.name,
        "closes": closes.isoformat(),
        "nothing": f"GEEN_{item.kind}_{first.municipality.code}_{item.period}.txt",
    }
    says: tuple[str, ...] = ("missing", "closes", *safe, "nothing")
    if moment.name == "reminder_target" and round_.target is not None:
        past = local_day(ctx.now()) > round_.target
        params["target"] = round_.target.isoformat()
        says = ("missing", "target_past" if past else "target", *safe, "closes", "nothing")
    codes = tuple(each.municipality.code for each in theirs)
    return Notice(moment.name, moment.subject, codes, says, params, tuple(map(_lack, theirs)))


def _lack(lacking: Missing) -> Phrase:
    items = ", ".join(f"{item.kind} {item.period}" for item in lacking.open_items)
    return phrase("mails.item.missing", name=lacking.municipality.name, code=lacking.municipality.code, items=items)


def _withdrawal(ctx: Context, moment: Moment, round_: DeliveryRound) -> int:
    """To the own people of each municipality of which something was delivered; who has a lead hears of the form."""
    if round_.withdrawal is None:
        return 0
    configuration, today = ctx.configuration(), local_day(ctx.now())
    silence = "silence" if round_.consent is Consent.SILENCE else "opt_in"
    params: dict[str, Param] = {
        "first": round_.withdrawal.opens.isoformat(),
        "last": round_.withdrawal.closes.isoformat(),
    }
    owed = 0
    for login, account in configuration.participants.accounts.items():
        if Role.PRODUCTBEHEERDER not in account.roles:
            continue
        leads = rights(account, configuration.participants, today).leads
        concerned = [code for code in account.municipalities if deliveries.any_current(ctx.engine, code, round_.id)]
        own = tuple(code for code in concerned if code not in leads)
        led = tuple(code for code in concerned if code in leads)
        if own:
            owed += notify.owe(
                ctx, Notice("withdrawal", moment.subject, own, ("open", silence, "how"), params), (login,)
            )
        if led:
            names = ", ".join(sorted({municipality(configuration, leads[code]).name for code in led}))
            says = ("open", silence, "form")
            notice = Notice("withdrawal_form", moment.subject, led, says, {**params, "lead": names})
            owed += notify.owe(ctx, notice, (login,))
    return owed


# --- the desk ---------------------------------------------------------------------------------------------------------


def overview(ctx: Context, round_: DeliveryRound) -> tuple[Phrase, ...]:
    """How things stand, as the desk is told each morning: counts of drops, deadlines, reports and mails."""
    now, calendar = ctx.now(), ctx.configuration().calendar
    owed = deadlines.unmet_reports(ctx.engine)
    counts = {
        "received": len(drops.in_state(ctx.engine, DropState.RECEIVED)),
        "held": len(drops.in_state(ctx.engine, DropState.HELD)),
        "at_risk": sum(chase.is_at_risk(each, now, calendar) for each in owed),
        "breached": sum(each.due_at < now for each in owed),
        "uncollected": len(deadlines.late_pickups(ctx.engine, to_ms(now))),
        "delayed": mails.delayed(ctx.engine),
        "failed": mails.counts(ctx.engine).get("failed", 0),
    }
    found = [phrase(f"mails.count.{name}", n=n) for name, n in counts.items()]
    if now >= window(round_.delivery).opens:
        places = len(ctx.configuration().participants.municipalities)
        found.append(phrase("mails.count.missing", n=len(missing(ctx, round_)), of=places))
    if end := newest_anchor(ctx):
        found.append(phrase("mails.count.sealed", anchor=end))
    return tuple(found)


def _overview(ctx: Context, moment: Moment, round_: DeliveryRound) -> int:
    before = duties.last_before(ctx.engine, OVERVIEW, ctx.now())
    params: dict[str, Param] = {
        "day": moment.subject,
        "round": round_.name,
        "opens": round_.delivery.opens.isoformat(),
        "closes": window(round_.delivery).closes.isoformat(),
        "since": before.isoformat() if before else "",
    }
    says = ("round", "since" if before else "first")
    return notify.owe(ctx, Notice(OVERVIEW, moment.subject, (), says, params, overview(ctx, round_)), notify.desk(ctx))


ACTS: dict[str, Callable[[Context, Moment, DeliveryRound], int]] = {
    "opening": _opening,
    "reminder_target": _reminder,
    "reminder_close": _reminder,
    "withdrawal": _withdrawal,
    OVERVIEW: _overview,
}
