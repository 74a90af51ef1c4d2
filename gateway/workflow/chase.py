"""Chase: what was not collected, and what is late or about to be.

Does: reminds of reports that nobody collected (HB in the outbox and a mail), then tells the user manager, then the
desk, a working day apart; tells the assessor once a working day what waits for it; warns the desk on the working day
before a report of ours is due, and when it is late.
Touches: tables deadlines, duties, notifications, reports, log.
Does not: know rounds or windows (duties), collect, or make the report that is late.

Each step is done once for each report or deadline. After downtime the steps come in order: the next is counted from the
day on which the one before was really done, so that nobody is passed over.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from gateway.domain.model import Param, Phrase, Role, phrase, to_ms
from gateway.domain.workdays import AMSTERDAM, WorkCalendar, add_workdays, local_day, subtract_workdays
from gateway.reports.facts import ReminderFacts, WaitingReport
from gateway.reports.reminder import reminder
from gateway.store.ledger import assessor, deadlines, deliveries, drops, duties, log, reports
from gateway.store.ledger.deadlines import Deadline
from gateway.workflow import notify
from gateway.workflow.assessor import TO_ASSESS, TO_JUDGE
from gateway.workflow.context import Context, current_round, municipality
from gateway.workflow.notify import Notice

# When a day's mails go out; never in the night, and a time that every day has.
MORNING = time(8)
OURS = ("technical", "quality")
PICKUP = "pickup"
ASSESSOR = "assessor"
STAGES = ("pickup", "pickup_manager", "pickup_desk")
SAYS = {
    "pickup": ("waiting", "fetch", "then"),
    "pickup_manager": ("waiting", "act", "then"),
    "pickup_desk": ("waiting", "act"),
}


@dataclass(frozen=True, slots=True)
class Waiting:
    """A report that was not collected in time, and the step that is due for it."""

    report: reports.Filed
    deadline: Deadline
    stage: str
    at: datetime


def morning(day: date) -> datetime:
    """The moment on a local day at which its mails go out."""
    return datetime.combine(day, MORNING, AMSTERDAM).astimezone(UTC)


def next_morning(day: date, calendar: WorkCalendar) -> datetime:
    """The morning of the first working day after a local day."""
    return morning(add_workdays(day, 1, calendar))


# --- reports that were not collected ----------------------------------------------------------------------------------


def uncollected(ctx: Context) -> list[Waiting]:
    """Every report for which a step is due now, oldest first."""
    now, calendar = ctx.now(), ctx.configuration().calendar
    late = deadlines.late_pickups(ctx.engine, to_ms(now))
    done = {stage: duties.done(ctx.engine, stage) for stage in STAGES} if late else {}
    found = []
    for deadline in late:
        since = local_day(deadline.due_at)
        for stage in STAGES:
            was = done[stage].get(deadline.subject)
            if was is None:
                at = next_morning(since, calendar)
                if at <= now:
                    found.append(Waiting(reports.get(ctx.engine, deadline.subject), deadline, stage, at))
                break
            since = local_day(was)
    return found


def remind(ctx: Context, stage: str, waiting: list[Waiting]) -> int:
    """Do one step for all reports for which it is due, in one transaction; how many mails are owed."""
    with ctx.engine.transaction():
        now = ctx.now()
        fresh = [each for each in waiting if duties.note(ctx.engine, stage, each.report.id, each.at, now)]
        by_code: dict[str, list[Waiting]] = {}
        for each in fresh:
            by_code.setdefault(each.report.municipality, []).append(each)
        if stage == "pickup":
            for code, theirs in by_code.items():
                _place_reminder(ctx, code, theirs)
        told = 0
        for login, codes in _whom(ctx, stage, by_code).items():
            items = tuple(_listed(ctx, code, by_code[code]) for code in codes)
            notice = Notice(stage, f"{to_ms(now)}", tuple(codes), SAYS[stage], {}, items)
            told += notify.owe(ctx, notice, (login,))
        return told


def _whom(ctx: Context, stage: str, codes: Iterable[str]) -> dict[str, list[str]]:
    """By login the municipalities of which it hears: one mail a person."""
    found: dict[str, list[str]] = {}
    for code in sorted(codes):
        logins = notify.deliverers(ctx, code) if stage == "pickup" else notify.managers(ctx, code)
        for login in notify.desk(ctx) if stage == "pickup_desk" else logins:
            found.setdefault(login, []).append(code)
    return found


def _listed(ctx: Context, code: str, waiting: list[Waiting]) -> Phrase:
    place = municipality(ctx.configuration(), code)
    since = min(local_day(each.report.placed_at or each.report.made_at) for each in waiting)
    return phrase("mails.item.reports", name=place.name, code=code, n=len(waiting), since=since.isoformat())


def _place_reminder(ctx: Context, code: str, waiting: list[Waiting]) -> None:
    """The reminder in the municipality's own outbox: who lives on SFTP alone sees it there."""
    configuration, now = ctx.configuration(), ctx.now()
    made = reminder(
        ReminderFacts(
            reminder_id=f"{local_day(now):%y%m%d}-{ctx.random_hex(3)}",
            municipality=municipality(configuration, code),
            round_name=current_round(ctx, code).name,
            at=now,
            waiting=tuple(
                WaitingReport(each.report.stem, each.report.placed_at or each.report.made_at, each.deadline.due_at)
                for each in waiting
            ),
            desks=configuration.desks,
            sandbox=ctx.sandbox,
        ),
        configuration.texts,
    )
    report_id = ctx.new_id()
    reports.insert(ctx.engine, report_id, code, made, to_ms(now))
    log.append(
        ctx.engine,
        log.Line(at=now, event="reminded", municipality=code, report_id=report_id, detail={"reports": len(waiting)}),
    )


# --- what waits for the assessor --------------------------------------------------------------------------------------


def for_assessor(ctx: Context) -> tuple[Phrase, ...]:
    """What waits below /cbs/ and no assessor collected yet: how many files a folder, and the first term. Where
    the gateway judges and reports itself nothing waits."""
    settings = ctx.configuration().settings
    asked = (("drop", TO_JUDGE, settings.technical), ("delivery", TO_ASSESS, settings.quality))
    found = []
    for what, folder, whose in asked:
        by_round: dict[str, list[assessor.Waiting]] = {}
        for each in assessor.uncollected(ctx.engine, what) if whose == "external" else ():
            by_round.setdefault(each.round_id, []).append(each)
        for round_id, theirs in by_round.items():
            due = min((each.due_at for each in theirs if each.due_at is not None), default=None)
            said: dict[str, Param] = {"folder": f"/cbs/{round_id}/{folder}", "n": len(theirs)}
            term: dict[str, Param] = {"due": due.isoformat()} if due else {}
            found.append(phrase(f"mails.item.assessor{'_due' if due else ''}", **said, **term))
    return tuple(found)


def tell_assessor(ctx: Context, day: date, at: datetime) -> int:
    """Tell the assessor's account holders what waits, once for a local day; how many mails are owed."""
    items = for_assessor(ctx)
    people = ctx.configuration().participants.accounts.values()
    logins = [account.login for account in people if Role.ASSESSOR in account.roles]
    with ctx.engine.transaction():
        if not items or not logins or not duties.note(ctx.engine, ASSESSOR, day.isoformat(), at, ctx.now()):
            return 0
        return notify.owe(ctx, Notice(ASSESSOR, day.isoformat(), (), ("waiting", "fetch"), {}, items), logins)


# --- our own deadlines ------------------------------------------------------------------------------------------------


def is_at_risk(deadline: Deadline, now: datetime, calendar: WorkCalendar) -> bool:
    """Whether it is the working day before the day on which it is due, or that day itself."""
    eve = subtract_workdays(local_day(deadline.due_at), 1, calendar)
    return morning(eve) <= now <= deadline.due_at


def at_risk(ctx: Context) -> list[Deadline]:
    """Deadlines of ours that are in danger and of which nobody was told yet, first due first."""
    now, calendar = ctx.now(), ctx.configuration().calendar
    return [
        each
        for each in deadlines.unmet_reports(ctx.engine)
        if each.warned_at is None and is_at_risk(each, now, calendar)
    ]


def breached(ctx: Context) -> list[Deadline]:
    """Deadlines of ours that passed and of which nobody was told yet, first due first: also what was made too late
    before anybody looked, as after days of downtime."""
    now = ctx.now()
    passed = [each for each in deadlines.unmet_reports(ctx.engine) if each.due_at < now]
    passed += deadlines.met_late(ctx.engine)
    late = sorted((each for each in passed if each.kind in OURS), key=lambda each: each.due_at)
    told = duties.done(ctx.engine, "breached") if late else {}
    return [each for each in late if f"{each.kind}:{each.subject}" not in told]


def warn(ctx: Context, endangered: list[Deadline], tell: Callable[..., None]) -> int:
    """Tell the desk of deadlines at risk, in one mail."""
    with ctx.engine.transaction():
        now = ctx.now()
        fresh = [each for each in endangered if deadlines.mark_warned(ctx.engine, each.kind, each.subject, to_ms(now))]
        return _tell_desk(ctx, "deadline_risk", "deadline_at_risk", fresh, tell)


def raise_alarm(ctx: Context, late: list[Deadline], tell: Callable[..., None]) -> int:
    """Tell the desk of deadlines that passed, in one mail."""
    with ctx.engine.transaction():
        now = ctx.now()
        fresh = [
            each
            for each in late
            if duties.note(ctx.engine, "breached", f"{each.kind}:{each.subject}", each.due_at, now)
        ]
        for each in fresh:
            deadlines.mark_warned(ctx.engine, each.kind, each.subject, to_ms(now))
        return _tell_desk(ctx, "deadline_breached", "deadline_breached", fresh, tell)


def _tell_desk(ctx: Context, occasion: str, event: str, concerned: list[Deadline], tell: Callable[..., None]) -> int:
    if not concerned:
        return 0
    now = ctx.now()
    items = []
    for deadline in concerned:
        drop_id, short_id = drop_of(ctx, deadline)
        place = municipality(ctx.configuration(), deadline.municipality)
        params: dict[str, Param] = {"id": short_id, "due": deadline.due_at.isoformat()}
        said: dict[str, Param] = {"name": place.name, "code": place.code, "term": f"@mails.term.{deadline.kind}"}
        if deadline.met_at is None:
            items.append(phrase("mails.item.deadline", **said, **params))
        else:
            items.append(phrase("mails.item.deadline_met", **said, **params, met=deadline.met_at.isoformat()))
        detail: dict[str, str | int | None] = {"term": deadline.kind, **params}
        log.append(ctx.engine, log.Line(now, event, deadline.municipality, drop_id=drop_id, detail=detail))
        late = event == "deadline_breached"
        tell(event, kind=deadline.kind, municipality=deadline.municipality, drop=drop_id, error=late, **params)
    codes = tuple(sorted({each.municipality for each in concerned}))
    return notify.owe(
        ctx, Notice(occasion, f"{to_ms(now)}", codes, ("what", "look"), {}, tuple(items)), notify.desk(ctx)
    )


def drop_of(ctx: Context, deadline: Deadline) -> tuple[str | None, str]:
    """Id and short id of the drop that a deadline is about; no id when it is about none."""
    drop_id: str | None = deadline.subject
    if deadline.kind == "quality":
        delivery = deliveries.find(ctx.engine, deadline.subject)
        drop_id = delivery.drop_id if delivery else None
    elif deadline.kind == PICKUP:
        drop_id = reports.get(ctx.engine, deadline.subject).drop_id
    drop = drops.find(ctx.engine, drop_id) if drop_id else None
    return (drop.id, drop.short_id) if drop else (None, "")
