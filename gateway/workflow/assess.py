"""Assess: the op-orde report on an approved delivery, made here.

Does: for each delivery that is approved and has no op-orde report yet: the report from its stored figures, beside those
of the former version and the half-year before; in one transaction approved -> assessed, the deadline met, the mail
owed, the log line.
Touches: tables deliveries, reports, deadlines, notifications, log.
Does not: open a payload: the figures were counted when the file was examined. Where the assessor makes the report
(`quality: external`) `assessor` does the same with what it drops.
"""

from collections.abc import Callable
from dataclasses import replace

from gateway.domain.figures import fits, half_year_before, layout
from gateway.domain.kinds import NO_FIGURES
from gateway.domain.lifecycle import follow_delivery
from gateway.domain.model import Delivery, DeliveryState, Drop, Report, to_ms
from gateway.errors import Conflict, Corrupt
from gateway.reports.facts import Former, QualityFacts
from gateway.reports.quality import quality
from gateway.store.ledger import assessments, deadlines, deliveries, drops, log, reports
from gateway.store.ledger.assessments import Counted
from gateway.workflow.context import Context, envelope, round_of, rules_of
from gateway.workflow.notify import owe_quality

MOST_RECORDS = 2**53


def assess_all(ctx: Context, tell: Callable[..., None]) -> int:
    """Make every op-orde report that is still to be made here; how many. Repeatable after a crash. One that cannot be
    made holds up no other; its deadline tells the desk."""
    if ctx.configuration().settings.quality != "builtin":
        return 0
    made = 0
    for delivery_id in assessments.waiting(ctx.engine):
        try:
            made += assess(ctx, delivery_id, tell)
        except (Corrupt, KeyError, ValueError) as error:
            tell("assessment_failed", delivery=delivery_id, reason=repr(error), error=True)
    return made


def assess(ctx: Context, delivery_id: str, tell: Callable[..., None]) -> bool:
    """Make the op-orde report on one delivery; False when it needs none any more (superseded, or assessed by
    another)."""
    delivery = deliveries.find(ctx.engine, delivery_id)
    if delivery is None or delivery.state is not DeliveryState.APPROVED:
        return False
    drop = drops.get(ctx.engine, delivery.drop_id)
    # Before the transaction: the pages take longer than all that is written, and the intake would wait for them.
    made = quality(_facts(ctx, drop, delivery), ctx.configuration().texts)
    try:
        with ctx.engine.transaction():
            record(ctx, drop, delivery, made)
    except Conflict:
        return False
    tell("assessed", id=drop.short_id, drop=drop.id, delivery=delivery.id)
    return True


def record(ctx: Context, drop: Drop, delivery: Delivery, made: Report, account: str | None = None) -> str:
    """Keep an op-orde report and all that follows from it; the report's id. Inside a transaction. `account`: the
    assessor's login, None when the report was made here. Conflict when the delivery is not to be assessed any more."""
    deliveries.move(ctx.engine, delivery.id, delivery.state, follow_delivery(delivery.state, "assessed"))
    report_id = _keep(ctx, drop, delivery, made, "assessed", account)
    deadlines.meet(ctx.engine, "quality", delivery.id, to_ms(ctx.now()))
    owe_quality(ctx, drop, delivery.id)
    return report_id


def add_file(ctx: Context, drop: Drop, delivery: Delivery, made: Report, account: str) -> str:
    """Keep another form of an op-orde report, beside the one that `record` took; its id. Inside a transaction."""
    return _keep(ctx, drop, delivery, made, "assessed_too", account)


def _keep(ctx: Context, drop: Drop, delivery: Delivery, made: Report, event: str, account: str | None) -> str:
    now = ctx.now()
    report_id = ctx.new_id()
    reports.insert(ctx.engine, report_id, drop.municipality, made, to_ms(now), drop_id=drop.id, delivery_id=delivery.id)
    log.append(
        ctx.engine,
        log.Line(
            at=now,
            event=event,
            municipality=drop.municipality,
            account=account,
            drop_id=drop.id,
            delivery_id=delivery.id,
            report_id=report_id,
            detail={
                "id": drop.short_id,
                "kind": delivery.kind,
                "period": delivery.period,
                "version": delivery.version,
            },
        ),
    )
    return report_id


def _facts(ctx: Context, drop: Drop, delivery: Delivery) -> QualityFacts:
    rules, settings = rules_of(ctx, drop), ctx.configuration().settings.quality_report
    kind = rules.kinds[delivery.kind]
    found = assessments.counted(ctx.engine, delivery.id)
    figures = found.figures
    if figures is None or not fits(figures, layout(kind, rules.codelists), MOST_RECORDS):
        # Approved before there were figures: the report still says how many records there are.
        kind, figures = replace(kind, figures=NO_FIGURES), {"totals": {"records": found.records}}
    before = half_year_before(delivery.period)
    superseded = deliveries.find(ctx.engine, delivery.supersedes) if delivery.supersedes else None
    owed = deadlines.find(ctx.engine, "quality", delivery.id)
    return QualityFacts(
        envelope=envelope(ctx, drop, technical_due=None, quality_due=owed.due_at if owed else None, to_collect=True),
        kind=kind,
        codelists=rules.codelists,
        period=delivery.period,
        version=delivery.version,
        delivery_id=delivery.id,
        member=found.member,
        figures=figures,
        smallest=settings.smallest_count,
        flag_percent=settings.flag_percent,
        former_version=_former(assessments.former_version(ctx.engine, delivery), delivery.period),
        former_period=_former(assessments.of_period(ctx.engine, delivery, before), before),
        supersedes=superseded.version if superseded else None,
        withdrawal=round_of(ctx, drop).withdrawal,
    )


def _former(found: Counted | None, period: str) -> Former | None:
    return None if found is None or found.figures is None else Former(found.figures, period, found.version)
