"""Retain: what was kept long enough goes, and it can be proven.

Does: `plan` says what may go now and what stays although its term is over; `purge` erases it and adds a deletion for
each; `nightly` does so once a night; holds are set and lifted.
Touches: tables payloads, report_files, log and old rows (content is blanked, the row stays), erasures, deletions,
holds, deadlines, duties; report files and mails in outbox/, working and refused files in inbox/.
Does not: erase a landing or a claim that could not be received: a person must look at it (doctor).

In this order, so that a kill after any line is made good by the next run: blank and note the erasure in one
transaction; remove files; scrub the ledger's own files; only then the deletion. What is erased here may lie in a backup
until the day that the deletion names.

When a payload goes: `payload_days` after the last day of its round as it is for its municipality (close or extension,
withdrawal window), and after the hand-over of what counts in it, when there is an assessor to hand over to; never
before it was judged and every report on it was made. What was only tried, or is infected, goes with its verdict.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from gateway.config.sections import Retention
from gateway.domain.model import DeliveryRound, Drop, DropState, Lane, Role, to_ms
from gateway.domain.workdays import AMSTERDAM, DAY, end_of_day, local_day
from gateway.errors import Conflict, GatewayError, Temporary
from gateway.reports.plain import masked
from gateway.store import disposal
from gateway.store.ledger import deadlines, deliveries, drops, duties, log, mails, reports, retention
from gateway.store.ledger.retention import Deletion, Erasure, Hold
from gateway.workflow import handover
from gateway.workflow.context import Context, municipality, round_of

# Old enough that the night's mails are out and every local day has this hour.
NIGHT_HOUR = 3
LINES = 1000
DUTY = "purge"
TRIED = "only tried (proef)"
INFECTED = "found by the virus scanner"
ERASED = {TRIED: "trial_erased", INFECTED: "infected_erased"}
FILES = frozenset({"working", "refused", "mail"})
# Rows with another term than `log_days`.
TERMS = {"verdicts": "report_days"}
EVERYTHING = FILES | {"payload", "report", "log", "rows"}
EVENTS = {"report": "reports_erased", "working": "working_erased", "refused": "refused_erased", "mail": "mails_erased"}


@dataclass(frozen=True, slots=True)
class Kept:
    """Something whose term is over and that stays: because of a legal `hold`, because it is `undecided`, a report on it
    is still `owed`, or it is not `handed over`."""

    what: str
    subject: str
    name: str
    municipality: str
    why: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What a purge would do now, under which holds."""

    going: tuple[Erasure, ...]
    kept: tuple[Kept, ...]
    holds: Mapping[str, Hold]


def last_day(round_: DeliveryRound) -> date:
    """The local day after which a round asks nothing of anybody any more."""
    return max(round_.delivery.closes, round_.withdrawal.closes if round_.withdrawal else round_.delivery.closes)


# --- what is due ------------------------------------------------------------------------------------------------------


def plan(ctx: Context, only: Collection[str] = EVERYTHING) -> Plan:
    """What may go now. Reads; changes nothing."""
    holds = retention.holds(ctx.engine)
    going: list[Erasure] = []
    kept: list[Kept] = []
    for found in _found(ctx, only):
        if isinstance(found, Kept):
            kept.append(found)
        elif found.municipality in holds:
            kept.append(Kept(found.what, found.subject, found.name, found.municipality, "hold"))
        else:
            going.append(found)
    return Plan(tuple(going), tuple(kept), holds)


def _found(ctx: Context, only: Collection[str]) -> Iterator[Erasure | Kept]:
    terms = ctx.configuration().settings.retention
    if "payload" in only:
        yield from _payloads(ctx, terms)
    if "report" in only:
        yield from _reports(ctx, terms)
    yield from (each for each in _files(ctx, terms) if each.what in only)
    if "mail" in only:
        yield from _letters(ctx, terms)
    if "log" in only:
        yield from _log_lines(ctx, terms)
    if "rows" in only:
        yield from _old_rows(ctx, terms)


def _payloads(ctx: Context, terms: Retention) -> Iterator[Erasure | Kept]:
    for drop in retention.unproven_payloads(ctx.engine):
        yield _payload(drop, TRIED if drop.lane is Lane.TRIAL else INFECTED)
    now = ctx.now()
    counting: dict[str, frozenset[str]] = {}
    for drop in retention.old_payloads(ctx.engine, now - timedelta(days=terms.payload_days)):
        last = last_day(round_of(ctx, drop))
        if now <= end_of_day(last + timedelta(days=terms.payload_days)):
            continue
        if drop.round_id not in counting:
            counting[drop.round_id] = _counting(ctx, round_of(ctx, drop))
        theirs = counting[drop.round_id] & {each.id for each in deliveries.of_drop(ctx.engine, drop.id)}
        handed = [retention.handed_over(ctx.engine, each) for each in theirs]
        since = max([last, *(local_day(at) for at in handed if at is not None)])
        if drop.state is not DropState.DECIDED:
            yield _kept(drop, "undecided")
        elif retention.still_owed(ctx.engine, drop.id):
            yield _kept(drop, "owed")
        elif None in handed:
            yield _kept(drop, "handed over")
        elif now > end_of_day(since + timedelta(days=terms.payload_days)):
            yield _payload(drop, f"payload_days {terms.payload_days} after {since}")


def _counting(ctx: Context, round_: DeliveryRound) -> frozenset[str]:
    """The deliveries of a round that are to be handed over; none when there is nobody to hand over to."""
    people = ctx.configuration().participants.accounts.values()
    if not any(Role.ASSESSOR in account.roles for account in people):
        return frozenset()
    return frozenset(file.delivery_id for file in handover.standing(ctx, round_))


def _payload(drop: Drop, why: str) -> Erasure:
    return Erasure("payload", drop.id, drop.file.name, drop.municipality, drop.file.sha256, drop.file.size, why)


def _kept(drop: Drop, why: str) -> Kept:
    return Kept("payload", drop.id, drop.file.name, drop.municipality, why)


def _reports(ctx: Context, terms: Retention) -> Iterator[Erasure]:
    now = ctx.now()
    shortest = timedelta(days=min(terms.report_days, terms.collected_days))
    for each in retention.old_reports(ctx.engine, now - shortest):
        name, days = ("collected", terms.collected_days) if each.confirmed_at else ("report", terms.report_days)
        since = each.confirmed_at or each.made_at
        if now - since > timedelta(days=days):
            why = f"{name}_days {days} after {local_day(since)}"
            yield Erasure("report", each.report_id, each.name, each.municipality, each.sha256, each.bytes, why)


def _files(ctx: Context, terms: Retention) -> Iterator[Erasure]:
    days = {"working": terms.working_days, "refused": terms.payload_days}
    for file in disposal.aging(ctx.spool):
        since = ctx.written(file.modified)
        if ctx.now() - since <= timedelta(days=days[file.what]):
            continue
        facts = disposal.digest(ctx.spool, file.path)
        if facts is not None:
            # Below .working the first folder is a login, which a proof has no need of.
            *_, lane, folder, _ = file.path.split("/")
            shown = masked(f"{lane}/{folder}" if file.what == "working" else folder)
            why = (
                f"{'working' if file.what == 'working' else 'payload'}_days {days[file.what]} after {local_day(since)}"
            )
            yield Erasure(file.what, shown, masked(file.name), file.municipality, *facts, why, path=file.path)


def _letters(ctx: Context, terms: Retention) -> Iterator[Erasure]:
    """Mails that were written to a folder: they tell of reports, and go when those do."""
    held = retention.holds(ctx.engine)
    for letter in disposal.letters(ctx.spool):
        since = ctx.written(letter.modified)
        if ctx.now() - since <= timedelta(days=terms.report_days):
            continue
        facts = disposal.letter_digest(ctx.spool, letter.name)
        if facts is not None:
            owed = mails.find(ctx.engine, letter.id)
            about = owed.content.get("municipalities") if owed else None
            codes = [str(code) for code in about] if isinstance(about, list) else []
            # One about several municipalities stays for each of them that is held.
            code = next((each for each in codes if each in held), codes[0] if len(codes) == 1 else None)
            why = f"report_days {terms.report_days} after {local_day(since)}"
            yield Erasure("mail", letter.id, letter.name, code, *facts, why)


def _log_lines(ctx: Context, terms: Retention) -> Iterator[Erasure]:
    before = ctx.now() - timedelta(days=terms.log_days)
    after = 0
    while lines := retention.old_lines(ctx.engine, before, after=after, limit=LINES):
        after = lines.last
        why = f"log_days {terms.log_days}"
        subject = f"{lines.first}-{lines.last}"
        yield Erasure("log", subject, f"{lines.count} lines", None, lines.sha256, lines.bytes, why)


def _old_rows(ctx: Context, terms: Retention) -> Iterator[Erasure]:
    days = {"log_days": terms.log_days, "report_days": terms.report_days}
    for table in retention.ROWS:
        term = TERMS.get(table, "log_days")
        before = ctx.now() - timedelta(days=days[term])
        found = retention.old_rows(ctx.engine, table, before, ctx.configuration().rounds)
        if found:
            why = f"{term} {days[term]}"
            yield Erasure("rows", before.isoformat(), table, None, found.sha256, found.bytes, why)


# --- erasing ----------------------------------------------------------------------------------------------------------


def purge(ctx: Context, only: Collection[str] = EVERYTHING) -> list[Deletion]:
    """Erase what may go, and finish what a former run began; what is proven now. Temporary when the ledger's files
    could not be scrubbed yet: nothing is lost by that, the next run goes on from there."""
    made = plan(ctx, only)
    for erasure in made.going:
        _begin(ctx, erasure, made.holds)
    return _finish(ctx)


def _begin(ctx: Context, erasure: Erasure, holds: Mapping[str, Hold]) -> None:
    with ctx.engine.transaction():
        if retention.holds(ctx.engine) != holds:
            raise Conflict("a legal hold changed meanwhile; purge again")
        now = ctx.now()
        if not retention.begin(ctx.engine, erasure, now):
            return
        if erasure.what == "payload":
            drops.erase_payload(ctx.engine, erasure.subject, to_ms(now))
        elif erasure.what == "report":
            retention.blank_report_file(ctx.engine, erasure.subject, erasure.name, now)
            _close_pickup(ctx, erasure.subject, now)
        elif erasure.what == "log":
            first, last = erasure.subject.split("-")
            retention.blank_lines(ctx.engine, int(first), int(last), now)
        elif erasure.what == "rows":
            before = datetime.fromisoformat(erasure.subject)
            retention.blank_rows(ctx.engine, erasure.name, before, ctx.configuration().rounds)


def _close_pickup(ctx: Context, report_id: str, now: datetime) -> None:
    """Whoever should have fetched a report was told three times; it cannot be fetched any more, and the log says so."""
    if not deadlines.forget(ctx.engine, "pickup", report_id):
        return
    report = reports.get(ctx.engine, report_id)
    log.append(
        ctx.engine,
        log.Line(
            at=now,
            event="never_collected",
            municipality=report.municipality,
            drop_id=report.drop_id,
            delivery_id=report.delivery_id,
            report_id=report_id,
            detail={"report": report.stem},
        ),
    )


def _finish(ctx: Context) -> list[Deletion]:
    erased, trouble = [], None
    for begun in retention.begun(ctx.engine):
        try:
            erased += [begun] if _remove_files(ctx, begun) else []
        except Temporary as error:
            # A folder that lets nothing go keeps only its own.
            trouble = error
    for code in {each.municipality for each in erased if each.what == "report" and each.municipality}:
        sweep_erased(ctx, code)
    if any(each.what not in FILES for each in erased):
        ctx.engine.scrub()
    by_owner: dict[tuple[str | None, str], list[Erasure]] = defaultdict(list)
    for each in erased:
        by_owner[each.municipality, each.what].append(each)
    proven = [proof for group in by_owner.values() for proof in _prove(ctx, group)]
    if trouble is not None:
        raise trouble
    return proven


def _remove_files(ctx: Context, erasure: Erasure) -> bool:
    """Remove what lies in a folder; False when something else lies there now, which stays."""
    if erasure.what == "report" and erasure.municipality:
        disposal.remove_report(ctx.spool, erasure.municipality, erasure.name)
    elif erasure.what == "mail":
        disposal.remove_letter(ctx.spool, erasure.name)
    elif erasure.path is not None:
        found = disposal.digest(ctx.spool, erasure.path)
        if found is not None and found != (erasure.sha256, erasure.bytes):
            # Its owner went on writing after a run that was broken off.
            retention.abandon(ctx.engine, erasure)
            return False
        disposal.erase(ctx.spool, erasure.path)
    return True


def sweep_erased(ctx: Context, code: str) -> int:
    """Remove files of erased reports that were put back by somebody who looked before the erasure; how many."""
    gone = retention.erased_names(ctx.engine, code)
    names = [name for name in disposal.outbox_names(ctx.spool, code) if name in gone]
    for name in names:
        disposal.remove_report(ctx.spool, code, name)
    return len(names)


def _prove(ctx: Context, group: list[Erasure]) -> list[Deletion]:
    """Add the deletions of one municipality and sort, with the lines in its message log, in one transaction."""
    days = ctx.configuration().settings.retention.backup_days
    with ctx.engine.transaction():
        now = ctx.now()
        proven = [each for each in group if retention.prove(ctx.engine, each, now, days)]
        for line in _lines(ctx, proven, now):
            log.append(ctx.engine, line)
    return [Deletion(each, now, now + timedelta(days=days)) for each in proven]


def _lines(ctx: Context, proven: list[Erasure], now: datetime) -> Iterator[log.Line]:
    if not proven:
        return
    first = proven[0]
    if first.what == "payload":
        for each in proven:
            event = ERASED.get(each.why, "payload_erased")
            short_id = drops.get(ctx.engine, each.subject).short_id
            detail: dict[str, str | int | None] = {"id": short_id, "name": each.name}
            yield log.Line(now, event, first.municipality, drop_id=each.subject, detail=detail)
    elif first.what in EVENTS:
        yield log.Line(now, EVENTS[first.what], first.municipality, detail={"files": len(proven)})
    else:
        yield log.Line(now, "log_erased", detail={"parts": len(proven), "what": first.what})


def nightly(ctx: Context, tell: Callable[..., None]) -> None:
    """Purge once a night, or as soon as there is a gateway again. What fails is told and tried again at the next
    call."""
    now = ctx.now()
    night = local_day(now) if now.astimezone(AMSTERDAM).hour >= NIGHT_HOUR else local_day(now) - DAY
    if duties.is_done(ctx.engine, DUTY, night.isoformat()):
        return
    try:
        proven = purge(ctx)
        kept = Counter(each.why for each in plan(ctx, {"payload"}).kept)
        for code in ctx.configuration().participants.municipalities:
            sweep_erased(ctx, code)
    except GatewayError as error:
        tell("purge_failed", reason=str(error), error=True)
        return
    with ctx.engine.transaction():
        duties.note(ctx.engine, DUTY, night.isoformat(), now, ctx.now())
    size = sum(each.erasure.bytes for each in proven)
    tell("purged", night=night.isoformat(), files=len(proven), bytes=size, kept=dict(kept))


def sweep_working(ctx: Context, tell: Callable[..., None]) -> None:
    """Erase the working files whose term is over: hourly, because theirs is a day."""
    for proof in purge(ctx, frozenset({"working"})):
        if proof.erasure.what == "working":
            tell("working_file_removed", municipality=proof.erasure.municipality, name=proof.erasure.name)


# --- holds ------------------------------------------------------------------------------------------------------------


def hold(ctx: Context, code: str, reason: str, who: str, *, held: bool) -> None:
    """Set a legal hold on a municipality, or lift it. Conflict when it stands so already."""
    if code not in ctx.configuration().participants.municipalities and code not in retention.holds(ctx.engine):
        raise GatewayError(f"municipality {code} is not in participants.yaml")
    with ctx.engine.transaction():
        now = ctx.now()
        if (code in retention.holds(ctx.engine)) is held:
            name = municipality(ctx.configuration(), code).name
            raise Conflict(f"there is {'already a' if held else 'no'} legal hold on {name}")
        retention.add_hold(ctx.engine, Hold(code, reason, who, now), held=held)
        event = "hold_set" if held else "hold_lifted"
        log.append(ctx.engine, log.Line(now, event, code, who, detail={"by": who}))
