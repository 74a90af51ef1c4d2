"""The assessor: what it finds below /cbs/, and what follows from what it drops there.

Does: lists and hands out data files that wait for an op-orde report, uploads that wait for a verdict and what is handed
over; notes who collected what; takes op-orde reports and verdicts, checked, each in one transaction.
Touches: tables assessor_collections, verdicts, and through `assess` those of an op-orde report; log.
Does not: speak SFTP, or trust a dropped file: it is refused with a code unless it is what its name says.

    te-keuren/      uploads that passed the own check as far as they did (technical: external)
    oordelen/       drop verdicts here: <drop id>.json
    te-beoordelen/  approved data files that wait for an op-orde report (quality: external)
    rapporten/      drop op-orde reports here: <delivery id>.pdf, .html, .csv or .json
    overdracht/     all data files that count, with a manifest
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from gateway.domain import papers
from gateway.domain.model import (
    Account,
    Delivery,
    DeliveryRound,
    DeliveryState,
    Drop,
    DropState,
    Report,
    ReportFile,
    ReportKind,
    Role,
    to_ms,
)
from gateway.errors import Conflict, Refusal
from gateway.reports import names
from gateway.reports.manifest import manifest
from gateway.reports.plain import masked
from gateway.store.ledger import assessor, deliveries, drops, handovers, log, reports
from gateway.store.ledger import packages as kept
from gateway.store.ledger.assessor import DataFile
from gateway.workflow import handover, payloads
from gateway.workflow.accounts import verified
from gateway.workflow.assess import add_file, record
from gateway.workflow.context import Context, rules_of
from gateway.workflow.packages import ENDING

TO_JUDGE, VERDICTS = "te-keuren", "oordelen"
TO_ASSESS, REPORTS = "te-beoordelen", "rapporten"
HANDOVER = "overdracht"
DROPS = frozenset({VERDICTS, REPORTS})
OVERVIEW, MANIFEST = "overzicht.json", "manifest.json"
UPLOADS = (".csv", ".txt", ".zip")


@dataclass(frozen=True, slots=True)
class Shown:
    """One file that an assessor sees. `what` and `subject` are noted when it was read in full; None: of no matter."""

    name: str
    size: int
    at: datetime
    read: Callable[[], bytes]
    what: str | None = None
    subject: str = ""


def is_assessor(ctx: Context, account: Account) -> bool:
    """Whether an account may look below /cbs/."""
    return Role.ASSESSOR in account.roles and verified(ctx, account)


def may_look(ctx: Context, account: Account, round_id: str = "", folder: str = "") -> bool:
    """Whether an account sees /cbs/, a round in it, a folder in that."""
    there = (not round_id or round_id in ctx.configuration().rounds) and (not folder or folder in folders(ctx))
    return there and is_assessor(ctx, account)


def may_drop(ctx: Context, account: Account, round_id: str, folder: str) -> bool:
    """Whether an account may drop anything in a folder."""
    return folder in DROPS and may_look(ctx, account, round_id, folder)


def folders(ctx: Context) -> tuple[str, ...]:
    """The folders of each round, by who makes which report."""
    settings = ctx.configuration().settings
    judging = (TO_JUDGE, VERDICTS) if settings.technical == "external" else ()
    assessing = (TO_ASSESS, REPORTS) if settings.quality == "external" else ()
    return (*judging, *assessing, HANDOVER)


def shown(ctx: Context, round_id: str, folder: str, account: Account | None = None) -> dict[str, Shown]:
    """What stands in a folder of a round, by name; nothing in those to drop in. To an account with a recipient of its
    own data files are shown sealed to that, as soon as they are, and never plain."""
    round_ = ctx.configuration().rounds[round_id]
    to = account.age_recipient if account else None
    found = {TO_JUDGE: _to_judge, TO_ASSESS: _to_assess, HANDOVER: _handed_over}
    return {each.name: each for each in found[folder](ctx, round_, to)} if folder in found else {}


def _sealed(ctx: Context, plain: Shown, to: str | None) -> Shown | None:
    """A file as it is shown to who has this recipient; None when it cannot be fetched (yet)."""
    if to is None:
        # Without an identity nothing here can open what is sealed at rest.
        return plain if ctx.sealing.identities or not ctx.sealing.recipients else None
    package = kept.of(ctx.engine, plain.what or "", plain.subject).get(to)
    if package is None:
        return None
    return replace(plain, name=f"{plain.name}{ENDING}", size=package.size, read=lambda: kept.body(ctx.engine, package))


def _to_judge(ctx: Context, round_: DeliveryRound, to: str | None) -> list[Shown]:
    found = []
    for each in assessor.unjudged(ctx.engine, round_.id):
        extension = next((ending for ending in UPLOADS if each.name.lower().endswith(ending)), ".bin")
        read = partial(payloads.payload, ctx, each.drop_id)
        plain = Shown(f"{each.short_id}{extension}", each.size, each.prechecked_at, read, "drop", each.drop_id)
        found.append(_sealed(ctx, plain, to))
    return [each for each in found if each is not None]


def _to_assess(ctx: Context, round_: DeliveryRound, to: str | None) -> list[Shown]:
    files = [file for file in assessor.current_files(ctx.engine, round_.id) if file.state is DeliveryState.APPROVED]
    return _with_list(ctx, round_, files, OVERVIEW, "to_assess", to)


def _handed_over(ctx: Context, round_: DeliveryRound, to: str | None) -> list[Shown]:
    files = list(handover.standing(ctx, round_))
    found = _with_list(ctx, round_, files, MANIFEST, "standing", to)
    final = handovers.final(ctx.engine, round_.id)
    if final is not None:
        body = final.body
        found.append(Shown(final.name, len(body), final.at, lambda: body, "manifest", final.id))
    return found


def _with_list(
    ctx: Context, round_: DeliveryRound, files: list[DataFile], name: str, sort: str, to: str | None
) -> list[Shown]:
    """Data files, and the list of them: what is not sealed yet to who looks is in neither."""
    if to is not None:
        files = [file for file in files if to in kept.of(ctx.engine, "delivery", file.delivery_id)]
    handed = handover.handed(ctx, files)
    # Of the newest file's time, so that the list is the same as long as the files are.
    at = max((file.approved_at for file in files), default=ctx.now())
    text = manifest(round_.id, sort, handed, at, sandbox=ctx.sandbox)
    found = [
        _sealed(ctx, Shown(each.name, each.size, file.approved_at, _data(ctx, file), "delivery", file.delivery_id), to)
        for each, file in zip(handed, files, strict=True)
    ]
    return [*(each for each in found if each is not None), Shown(name, len(text), at, lambda: text)]


def _data(ctx: Context, file: DataFile) -> Callable[[], bytes]:
    return lambda: handover.body(ctx, file)


def collected(ctx: Context, account: Account, file: Shown) -> None:
    """An assessor read all of a file: noted once an account, and told in the municipality's own log."""
    if file.what is None:
        return
    with ctx.engine.transaction():
        now = ctx.now()
        if not assessor.note_collection(ctx.engine, file.what, file.subject, account.login, to_ms(now)):
            return
        delivery = deliveries.find(ctx.engine, file.subject) if file.what == "delivery" else None
        drop_id = delivery.drop_id if delivery else file.subject if file.what == "drop" else None
        drop = drops.get(ctx.engine, drop_id) if drop_id else None
        log.append(
            ctx.engine,
            log.Line(
                at=now,
                event="assessor_collected",
                municipality=drop.municipality if drop else None,
                account=account.login,
                drop_id=drop_id,
                delivery_id=delivery.id if delivery else None,
                detail={"id": drop.short_id if drop else None, "file": file.name},
            ),
        )


# --- dropping ---------------------------------------------------------------------------------------------------------


def check(ctx: Context, account: Account, round_id: str, folder: str, name: str) -> None:
    """Refuse a name that cannot be dropped in a folder now."""
    if not may_look(ctx, account, round_id, folder):
        raise Refusal("NO_SUCH_FILE")
    if folder == REPORTS:
        _delivery(ctx, round_id, papers.report_name(name).delivery_id)
    elif folder == VERDICTS:
        _drop(ctx, round_id, papers.verdict_name(name))
    else:
        raise Refusal("READ_ONLY")


def drop(ctx: Context, account: Account, round_id: str, folder: str, name: str, body: bytes) -> None:
    """Take what an assessor dropped, or refuse it with a code; either leaves a line in the log. The same file again is
    as well as done."""
    try:
        check(ctx, account, round_id, folder, name)
        papers.check_size(body)
        take = _take_report if folder == REPORTS else _take_verdict
        take(ctx, account, round_id, name, body)
    except Refusal as refusal:
        detail: dict[str, str | int | None] = {"code": refusal.code, "name": masked(name)[:255]}
        log.append(ctx.engine, log.Line(ctx.now(), "refused", None, account.login, detail=detail))
        raise


def _delivery(ctx: Context, round_id: str, delivery_id: str) -> tuple[Drop, Delivery]:
    delivery = deliveries.find(ctx.engine, delivery_id)
    if delivery is None or delivery.round_id != round_id:
        raise Refusal("ASSESSOR_UNKNOWN")
    if delivery.state not in (DeliveryState.APPROVED, DeliveryState.ASSESSED):
        raise Refusal("ASSESSOR_SUPERSEDED")
    return drops.get(ctx.engine, delivery.drop_id), delivery


def _take_report(ctx: Context, account: Account, round_id: str, name: str, body: bytes) -> None:
    extension = papers.report_name(name).extension
    papers.check_content(extension, body)
    with ctx.engine.transaction():
        dropped, delivery = _delivery(ctx, round_id, papers.report_name(name).delivery_id)
        _check_numbers(ctx, dropped, delivery, extension, body)
        try:
            if delivery.state is DeliveryState.APPROVED:
                record(ctx, dropped, delivery, _report(dropped, delivery, extension, body, first=True), account.login)
            elif not _is_there(ctx, dropped, delivery, extension, body):
                made = _report(dropped, delivery, extension, body, first=False)
                add_file(ctx, dropped, delivery, made, account.login)
        except Conflict as conflict:
            raise Refusal("ASSESSOR_EXISTS") from conflict


def _report(dropped: Drop, delivery: Delivery, extension: str, body: bytes, *, first: bool) -> Report:
    """The dropped file as a report. Published names never change, so each further form has an outcome of its own."""
    outcome = "GEREED" if first else f"GEREED-{extension.upper()}"
    stem = names.stem(
        ReportKind.QUALITY,
        dropped.municipality,
        dropped.short_id,
        outcome,
        period=delivery.period,
        file_kind=delivery.kind,
        version=delivery.version,
    )
    return Report(ReportKind.QUALITY, stem, outcome, (ReportFile(f"{stem}.{extension}", body),))


def _is_there(ctx: Context, dropped: Drop, delivery: Delivery, extension: str, body: bytes) -> bool:
    """Whether the same bytes were dropped before; `Refusal` when others were, in this form."""
    for filed in reports.of_drop(ctx.engine, dropped.id):
        if filed.delivery_id == delivery.id and filed.kind == ReportKind.QUALITY:
            for file in reports.files(ctx.engine, filed.id):
                if file.name.endswith(f".{extension}"):
                    if file.body == body:
                        return True
                    raise Refusal("ASSESSOR_EXISTS")
    return False


def _check_numbers(ctx: Context, dropped: Drop, delivery: Delivery, extension: str, body: bytes) -> None:
    """Refuse a report that holds a citizen service number of the very data that it is on."""
    clients = rules_of(ctx, dropped).kinds[delivery.kind].figures.clients
    numbers = papers.numbers_in(extension, body) if clients is not None else frozenset()
    file = assessor.data_file(ctx.engine, delivery.id) if numbers else None
    if file is None:
        return
    if not payloads.can_open(ctx, file.drop_id):
        # A process of the role sftp cannot look: any number that could be somebody's is one too many.
        raise Refusal("ASSESSOR_BSN")
    data = handover.body(ctx, file)
    if any(number in data for number in numbers):
        raise Refusal("ASSESSOR_BSN")


def _drop(ctx: Context, round_id: str, short_id: str) -> Drop:
    found = drops.find_short(ctx.engine, short_id)
    if found is None or found.round_id != round_id or not assessor.is_prechecked(ctx.engine, found.id):
        raise Refusal("VERDICT_UNKNOWN")
    return found


def _take_verdict(ctx: Context, account: Account, round_id: str, name: str, body: bytes) -> None:
    papers.judgement(body)
    with ctx.engine.transaction():
        dropped = _drop(ctx, round_id, papers.verdict_name(name))
        text = body.decode("utf-8-sig")
        before = assessor.verdict(ctx.engine, dropped.id)
        if before is not None and before[0] == text:
            return
        if before is not None or dropped.state is not DropState.RECEIVED:
            raise Refusal("VERDICT_EXISTS")
        now = ctx.now()
        assessor.note_verdict(ctx.engine, dropped.id, text, account.login, to_ms(now))
        log.append(
            ctx.engine,
            log.Line(
                at=now,
                event="verdict",
                municipality=dropped.municipality,
                account=account.login,
                drop_id=dropped.id,
                detail={"id": dropped.short_id},
            ),
        )
