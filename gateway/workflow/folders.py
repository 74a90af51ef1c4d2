"""Folders: what a user sees, made from the ledger at the moment of asking.

Does: gathers status.json of a municipality, LEESMIJ.txt of an account and the message log of a span of days; accepts
terms by file.
Touches: reads the ledger; terms write tables acceptances and log.
Does not: know paths or SFTP; render (reports does).
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from hashlib import sha256

from gateway.domain.acts import terms_name, terms_text_name
from gateway.domain.lifecycle import rights
from gateway.domain.model import Account, Consent, Delivery, DeliveryRound, DeliveryState, Drop, Phrase, Role, phrase
from gateway.domain.workdays import end_of_day, last_safe_day, local_day, start_of_day, window
from gateway.errors import Refusal
from gateway.reports import folder
from gateway.reports.facts import (
    CollectStatus,
    ItemStatus,
    PendingStatus,
    ReadmeFacts,
    RefusalStatus,
    StatusFacts,
    VersionStatus,
)
from gateway.reports.terms import terms
from gateway.store.ledger import deadlines, deliveries, drops, extensions, facts, log, reports, statements
from gateway.workflow.accounts import verified
from gateway.workflow.context import Context, current_round, is_extended, municipality, shown_round
from gateway.workflow.missing import expected
from gateway.workflow.withdraw import selection

REFUSALS_SHOWN = 20


def status(ctx: Context, code: str) -> bytes:
    """status.json: one row per kind and period, what is pending, refused and not yet collected."""
    return folder.status(status_facts(ctx, code), ctx.configuration().texts)


def status_facts(ctx: Context, code: str) -> StatusFacts:
    """All that status.json and `gateway status` say of one municipality."""
    configuration = ctx.configuration()
    round_ = shown_round(ctx, code)
    delivery_window = window(round_.delivery)
    stated = statements.standing(ctx.engine, code, round_.id)
    selected = selection(ctx, round_, code)
    made = deliveries.of_municipality(ctx.engine, code, round_.id)
    uncollected = reports.uncollected(ctx.engine, code)
    waiting = {report.id: _to_collect(ctx, report) for report in uncollected}
    owed: dict[str | None, list[datetime]] = {}
    for report in uncollected:
        owed.setdefault(report.delivery_id, []).extend(filter(None, [waiting[report.id].due]))
    items = []
    for (kind, period), withdrawn in selected.items():
        chain = [each for each in made if (each.kind, each.period) == (kind, period)]
        item = _item(ctx, kind, period, chain)
        state = "nothing" if (kind, period) in stated else item.state
        by = min((due for each in chain for due in owed.get(each.id, ())), default=None)
        items.append(replace(item, state=state, withdrawn=withdrawn, pickup_due=by))
    return StatusFacts(
        municipality=municipality(configuration, code),
        round_id=round_.id,
        round_name=round_.name,
        at=ctx.now(),
        opens=delivery_window.opens,
        closes=delivery_window.closes,
        last_safe_day=last_safe_day(round_, configuration.calendar),
        items=tuple(items),
        pending=tuple(_pending(ctx, drop) for drop in drops.undecided(ctx.engine, code)),
        refusals=tuple(
            RefusalStatus(line.at, str(line.detail["name"]), str(line.detail["code"]), _refusal(line))
            for line in log.last_of_event(ctx.engine, "refused", code, REFUSALS_SHOWN)
        ),
        uncollected=tuple(waiting.values()),
        desks=configuration.desks,
        sandbox=ctx.sandbox,
        extended=is_extended(configuration, round_),
        withdrawal=round_.withdrawal,
    )


def _refusal(line: log.Line) -> Phrase:
    params = {key.removeprefix("param_"): value for key, value in line.detail.items() if key.startswith("param_")}
    return phrase(f"refusals.{line.detail['code']}.text", **{k: v for k, v in params.items() if v is not None})


def _item(ctx: Context, kind: str, period: str, chain: Sequence[Delivery]) -> ItemStatus:
    if not chain:
        return ItemStatus(kind, period, "none")
    last = chain[-1]
    drop = drops.get(ctx.engine, last.drop_id)
    technical = deadlines.find(ctx.engine, "technical", drop.id)
    quality = deadlines.find(ctx.engine, "quality", last.id)
    current = [each for each in chain if each.state in (DeliveryState.APPROVED, DeliveryState.ASSESSED)]
    return ItemStatus(
        kind=kind,
        period=period,
        state=last.state,
        version=last.version,
        drop_id=drop.short_id,
        file=drop.file.name,
        received=drop.received_at,
        technical_due=technical.due_at if technical else None,
        quality_due=quality.due_at if quality else None,
        approved_version=current[0].version if current else None,
        versions=tuple(_version(ctx, each) for each in chain),
    )


def _version(ctx: Context, delivery: Delivery) -> VersionStatus:
    drop = drops.get(ctx.engine, delivery.drop_id)
    return VersionStatus(delivery.version, delivery.state, drop.short_id, drop.received_at)


def _to_collect(ctx: Context, report: reports.Filed) -> CollectStatus:
    owed = deadlines.find(ctx.engine, "pickup", report.id)
    return CollectStatus(report.stem, report.placed_at, owed.due_at if owed else None)


def _pending(ctx: Context, drop: Drop) -> PendingStatus:
    owed = deadlines.find(ctx.engine, "technical", drop.id)
    return PendingStatus(drop.short_id, drop.file, drop.state, drop.received_at, owed.due_at if owed else None)


def readme(ctx: Context, account: Account, fingerprints: tuple[str, ...], language: str) -> bytes:
    """LEESMIJ.txt or README.txt of an account."""
    configuration = ctx.configuration()
    round_ = configuration.rounds[account_round(ctx, account).id]
    delivery_window = window(round_.delivery)
    given = extensions.of_round(ctx.engine, round_.id)
    may = rights(account, configuration.participants, local_day(ctx.now()))
    seen, own = may.sees, account.municipalities
    delivers = Role.PRODUCTBEHEERDER in account.roles
    return folder.readme(
        ReadmeFacts(
            login=account.login,
            municipalities=tuple(municipality(configuration, code) for code in seen),
            round_name=round_.name,
            periods=tuple(period.code for period in round_.periods),
            kinds=round_.kinds,
            opens=delivery_window.opens,
            closes=delivery_window.closes,
            target=round_.target,
            last_safe_day=last_safe_day(round_, configuration.calendar),
            upload_bytes=round_.limits.upload_bytes,
            unpacked_bytes=round_.limits.unpacked_bytes,
            host_key_fingerprints=fingerprints,
            desks=configuration.desks,
            terms_accepted=not delivers or has_accepted(ctx, account),
            sandbox=ctx.sandbox,
            terms_file=terms_name(round_.id),
            terms_text=terms_text_name(round_.id),
            verified=verified(ctx, account),
            extensions=tuple(
                (municipality(configuration, code), given[code].until)
                for code in seen
                if code in given and given[code].until > round_.delivery.closes
            ),
            route=configuration.settings.regular_route,
            withdrawal=round_.withdrawal,
            service=round_.service,
            retention_days=configuration.settings.retention.collected_days,
            expected=expected(round_),
            opt_in=round_.consent is Consent.OPT_IN,
            leads=tuple(
                (municipality(configuration, code), municipality(configuration, lead))
                for code, lead in sorted(may.leads.items())
            ),
            led=tuple(municipality(configuration, code) for code in seen if code in may.delivers and code not in own),
            judged=configuration.settings.technical == "external",
            assessor=tuple(sorted(configuration.rounds)) if Role.ASSESSOR in account.roles else (),
        ),
        configuration.texts,
        language,
    )


def account_round(ctx: Context, account: Account) -> DeliveryRound:
    """The round that an account has to do with first: with an extension its municipality's may last longer."""
    seen = rights(account, ctx.configuration().participants, local_day(ctx.now())).sees
    rounds = [current_round(ctx, code) for code in seen] or [current_round(ctx)]
    return min(rounds, key=lambda each: each.delivery.opens)


def has_accepted(ctx: Context, account: Account) -> bool:
    """Whether an account has accepted the terms of its round."""
    round_ = account_round(ctx, account)
    return facts.terms_accepted(ctx.engine, account.login, round_.id, round_.terms_version)


def terms_text(ctx: Context, round_: DeliveryRound) -> bytes:
    """The terms of a round, to be read before they are accepted."""
    return terms(round_, terms_name(round_.id), ctx.configuration().texts)


def accept_terms(ctx: Context, account: Account, how: str) -> None:
    """Record that `account` accepts its round's terms, and which words these were; once."""
    round_ = account_round(ctx, account)
    now = ctx.now()
    with ctx.engine.transaction():
        if facts.accept_terms(ctx.engine, account.login, round_.id, round_.terms_version, now, how):
            detail: dict[str, str | int | None] = {
                "round": round_.id,
                "version": round_.terms_version,
                "sha256": sha256(terms_text(ctx, round_)).hexdigest(),
            }
            for code in account.municipalities:
                log.append(ctx.engine, log.Line(now, "terms_accepted", code, account.login, detail=detail))


def message_log(ctx: Context, code: str, first: date, last: date) -> bytes:
    """The message log of a municipality over local days, both included: CSV for a Dutch spreadsheet."""
    if last < first:
        raise Refusal("NO_SUCH_FILE")
    lines = log.between(ctx.engine, start_of_day(first), end_of_day(last), code)
    return folder.message_log(log_lines(ctx, lines), ctx.configuration().texts)


def log_lines(ctx: Context, lines: Sequence[log.Line]) -> tuple[folder.LogLine, ...]:
    """Lines as they are told: each that is about a drop says about which."""
    ids: dict[str, str] = {}
    return tuple((line.at, line.event, line.account, _words(ctx, line, ids)) for line in lines)


def _words(ctx: Context, line: log.Line, ids: dict[str, str]) -> dict[str, str | int]:
    said = {key: value for key, value in line.detail.items() if value is not None}
    # The name of a report holds the id; a line without details is one that was blanked at the end of its term.
    if line.drop_id is None or not said or "id" in said or "report" in said:
        return said
    if line.drop_id not in ids:
        drop = drops.find(ctx.engine, line.drop_id)
        ids[line.drop_id] = drop.short_id if drop else ""
    return {**said, "id": ids[line.drop_id]} if ids[line.drop_id] else said
