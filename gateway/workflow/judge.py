"""Judge: from a received drop to its verdict.

Does: gives the oldest waiting drop of a municipality that is not being judged; has it scanned, where there is a
scanner, and examined in a worker process; in one transaction creates the deliveries with their versions and writes
verdict, technical report, log lines, met and new deadlines, and supersedes the former version. A drop whose worker
fails three times is held; the municipality is told.
Touches: tables drops, payloads, deliveries, reports, deadlines, log.
Does not: look into a payload in this process.

A rejected correction leaves the last approved version standing. A drop that was held and released after a newer one of
the same item was approved becomes a version that never counts.
"""

from collections.abc import Callable, Collection

from gateway.domain.infection import infected
from gateway.domain.kinds import Job
from gateway.domain.lifecycle import follow_delivery, follow_drop
from gateway.domain.model import (
    Delivery,
    DeliveryState,
    Drop,
    DropState,
    Examination,
    Lane,
    MemberResult,
    to_ms,
)
from gateway.domain.workdays import due, local_day
from gateway.errors import SURPRISES, Conflict, Corrupt, Temporary, WorkerFault
from gateway.examine import place_of
from gateway.reports.facts import ReceiptFacts, TechnicalFacts
from gateway.reports.receipt import receipt
from gateway.reports.technical import technical
from gateway.reports.verdicts import Verdict, verdicts
from gateway.store.ledger import deadlines, deliveries, drops, log, reports
from gateway.workflow import payloads, scan
from gateway.workflow.context import Context, envelope, rules_of
from gateway.workflow.notify import owe_held, owe_technical
from gateway.workflow.precheck import judged

ATTEMPTS = 3


def next_drop(ctx: Context, busy: Collection[str]) -> Drop | None:
    """The drop to judge next; None when nothing waits. `busy`: municipalities being judged at this moment."""
    external = ctx.configuration().settings.technical == "external"
    return drops.next_waiting(ctx.engine, busy, external=external)


def judge(ctx: Context, drop: Drop, tell: Callable[..., None]) -> None:
    """Examine and decide one drop, or count a failed attempt. Repeatable until decided."""
    try:
        job = _job(ctx, drop)
        scanned = scan.scanned(ctx, job.payload)
        if scanned is not None and scanned.signature:
            reject(ctx, drop, scanned.signature)
            tell("infected", id=drop.short_id, drop=drop.id, signature=scanned.signature, error=True)
            return
        if scanned is not None:
            tell("scanned", id=drop.short_id, drop=drop.id)
        examination = judged(ctx, drop, ctx.examine(job))
        if examination is None:
            tell("prechecked", id=drop.short_id, drop=drop.id)
            return
        decide(ctx, drop, examination, clean=scanned is not None)
    except Temporary:
        # Nothing is wrong with the drop: it waits until the ledger can be written, or the scanner asked, again.
        raise
    except Conflict:
        # Decided by somebody else meanwhile: their verdict stands, ours is the same by construction.
        tell("decided_elsewhere", drop=drop.id)
        return
    except (WorkerFault, Corrupt) as fault:
        attempts = _failed(ctx, drop)
        tell("examination_failed", drop=drop.id, attempt=attempts, reason=repr(fault), error=True)
        return
    except SURPRISES as surprise:  # a person must look at this one; the drops behind it must not wait for that
        attempts = _failed(ctx, drop)
        tell("examination_failed", drop=drop.id, attempt=attempts, reason=place_of(surprise), error=True)
        return
    verdicts = {f"{member.kind}_{member.period}": member.approved for member in examination.members}
    tell("decided", id=drop.short_id, drop=drop.id, verdicts=verdicts)


def _job(ctx: Context, drop: Drop) -> Job:
    return Job(
        name=drop.file.name,
        payload=payloads.payload(ctx, drop.id),
        municipality=drop.municipality,
        known=frozenset(ctx.configuration().participants.municipalities),
        received_on=local_day(drop.received_at),
        rules=rules_of(ctx, drop),
    )


def reject(ctx: Context, drop: Drop, signature: str) -> None:
    """Decide a drop in which the scanner found something: nobody looks into it any more, and it is erased."""
    with ctx.engine.transaction():
        decide(ctx, drop, infected(drop.file.name, signature))
        scan.set_aside(ctx, drop, signature)


def decide(ctx: Context, drop: Drop, examination: Examination, *, clean: bool = False) -> None:
    """Write all that follows from an examination, in one transaction; Conflict when the drop is decided already.
    `clean`: the virus scanner found nothing in it."""
    with ctx.engine.transaction():
        now_ms = to_ms(ctx.now())
        drops.move(ctx.engine, drop.id, drop.state, follow_drop(drop.state, "decided"), now_ms)
        detail: dict[str, str | int | None] = {"scan": "clean"} if clean else {}
        _log(ctx, drop, "decided", detail={"members": len(examination.members), **detail})
        for verdict in verdicts(examination):
            if verdict.member is None or drop.lane is Lane.TRIAL:
                _report(ctx, drop, verdict)
            else:
                _deliver(ctx, drop, verdict, verdict.member)
        deadlines.meet(ctx.engine, "technical", drop.id, now_ms)
        if drop.lane is Lane.TRIAL:
            drops.erase_payload(ctx.engine, drop.id, now_ms)
        else:
            owe_technical(ctx, drop)


def _deliver(ctx: Context, drop: Drop, verdict: Verdict, member: MemberResult) -> None:
    now = ctx.now()
    former = deliveries.current(ctx.engine, drop.municipality, drop.round_id, member.kind, member.period)
    event = "approved" if member.approved else "rejected"
    if member.approved and deliveries.overtaken(ctx.engine, drop, member.kind, member.period):
        event = "overtaken"
    replaces = former if event == "approved" else None
    delivery = Delivery(
        id=ctx.new_id(),
        drop_id=drop.id,
        municipality=drop.municipality,
        round_id=drop.round_id,
        kind=member.kind,
        period=member.period,
        version=deliveries.last_version(ctx.engine, drop, member.kind, member.period) + 1,
        state=follow_delivery(None, event),
        supersedes=replaces.id if replaces else None,
    )
    if replaces:
        deliveries.move(ctx.engine, replaces.id, replaces.state, follow_delivery(replaces.state, "superseded"))
        _log(ctx, drop, "superseded", replaces, _item(replaces))
        deadlines.meet(ctx.engine, "quality", replaces.id, to_ms(now))
    deliveries.insert(ctx.engine, delivery, member, to_ms(now))
    if delivery.state is DeliveryState.APPROVED:
        _owe_quality(ctx, drop, delivery)
    report_id = _report(ctx, drop, verdict, delivery, former)
    _log(ctx, drop, event, delivery, {**_item(delivery), "records": member.records}, report_id)


def _item(delivery: Delivery) -> dict[str, str | int | None]:
    return {"kind": delivery.kind, "period": delivery.period, "version": delivery.version}


def _owe_quality(ctx: Context, drop: Drop, delivery: Delivery) -> None:
    configuration = ctx.configuration()
    days = rules_of(ctx, drop).round.service.quality
    deadlines.insert(
        ctx.engine,
        deadlines.Deadline(
            kind="quality",
            subject=delivery.id,
            municipality=delivery.municipality,
            due_at=due(ctx.now(), days, configuration.calendar),
            calendar_version=configuration.calendar.version,
            met_at=None,
        ),
    )


def _report(
    ctx: Context,
    drop: Drop,
    verdict: Verdict,
    delivery: Delivery | None = None,
    former: Delivery | None = None,
) -> str:
    """Render and keep the technical report; its id. `former` is the version that counted until now."""
    technical_owed = deadlines.find(ctx.engine, "technical", drop.id)
    quality_owed = deadlines.find(ctx.engine, "quality", delivery.id) if delivery else None
    outcome = "GOEDGEKEURD" if verdict.approved else "AFGEKEURD"
    made = technical(
        TechnicalFacts(
            envelope=envelope(
                ctx,
                drop,
                technical_due=technical_owed.due_at if technical_owed else None,
                quality_due=quality_owed.due_at if quality_owed else None,
                to_collect=drop.lane is not Lane.TRIAL,
            ),
            outcome=f"PROEF-{outcome}" if drop.lane is Lane.TRIAL else outcome,
            findings=verdict.findings,
            counts=verdict.counts,
            others=verdict.others,
            docs_url=ctx.configuration().settings.docs_url,
            member=verdict.member,
            delivery_id=delivery.id if delivery else None,
            version=delivery.version if delivery else None,
            supersedes=former.version if former and delivery and delivery.supersedes else None,
            standing=former.version if former and delivery and not delivery.supersedes else None,
        ),
        ctx.configuration().texts,
    )
    report_id = ctx.new_id()
    reports.insert(
        ctx.engine,
        report_id,
        drop.municipality,
        made,
        to_ms(ctx.now()),
        drop_id=drop.id,
        delivery_id=delivery.id if delivery else None,
    )
    return report_id


def _failed(ctx: Context, drop: Drop) -> int:
    with ctx.engine.transaction():
        attempts = drops.count_attempt(ctx.engine, drop.id)
        if attempts >= ATTEMPTS:
            hold(ctx, drop, f"{attempts} failed examinations")
        return attempts


def hold(ctx: Context, drop: Drop, reason: str) -> None:
    """Set a drop aside for a person and tell the municipality; the clock runs on."""
    with ctx.engine.transaction():
        drops.move(ctx.engine, drop.id, drop.state, follow_drop(drop.state, "held"))
        _log(ctx, drop, "held", detail={"reason": reason}, report_id=_tell_held(ctx, drop))
        owe_held(ctx, drop, reason)


def _tell_held(ctx: Context, drop: Drop) -> str:
    """The receipt that says so; its id. A drop that is held again after its release was told of the first time."""
    for report in reports.of_drop(ctx.engine, drop.id):
        if report.outcome == "AANGEHOUDEN":
            return report.id
    owed = deadlines.find(ctx.engine, "technical", drop.id)
    made = receipt(
        ReceiptFacts(envelope(ctx, drop, technical_due=owed.due_at if owed else None), outcome="AANGEHOUDEN"),
        ctx.configuration().texts,
    )
    report_id = ctx.new_id()
    reports.insert(ctx.engine, report_id, drop.municipality, made, to_ms(ctx.now()), drop_id=drop.id)
    return report_id


def release(ctx: Context, drop: Drop, reason: str, who: str) -> None:
    """Let a held drop be judged again, by an operator's decision."""
    with ctx.engine.transaction():
        drops.move(ctx.engine, drop.id, DropState.HELD, follow_drop(DropState.HELD, "released"))
        drops.forget_attempts(ctx.engine, drop.id)
        _log(ctx, drop, "released", detail={"reason": reason, "by": who})


def _log(
    ctx: Context,
    drop: Drop,
    event: str,
    delivery: Delivery | None = None,
    detail: dict[str, str | int | None] | None = None,
    report_id: str | None = None,
) -> None:
    log.append(
        ctx.engine,
        log.Line(
            at=ctx.now(),
            event=event,
            municipality=drop.municipality,
            drop_id=drop.id,
            delivery_id=delivery.id if delivery else None,
            report_id=report_id,
            detail={"id": drop.short_id, **(detail or {})},
        ),
    )
