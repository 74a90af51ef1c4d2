"""Pre-check: the own examination where somebody else judges (`technical: external`).

Does: reports what the own check found as a pre-check and lets the drop wait; once the assessor's verdict is there, lays
it over the examination, so that `judge` decides by it.
Touches: tables prechecks, reports, notifications, log; verdicts, reading.
Does not: decide (judge does), or ask the assessor anything: it finds the upload in /cbs/<round>/te-keuren/.

A drop that maps to no item has nothing to be judged and is decided here, as is a trial. An item that the verdict does
not name keeps the verdict of the own check.
"""

from gateway.domain import papers
from gateway.domain.model import Drop, Examination, Lane, to_ms
from gateway.reports.facts import TechnicalFacts
from gateway.reports.technical import technical
from gateway.reports.verdicts import verdicts
from gateway.store.ledger import assessor, deadlines, log, reports
from gateway.workflow.context import Context, envelope
from gateway.workflow.notify import owe_precheck


def judged(ctx: Context, drop: Drop, examination: Examination) -> Examination | None:
    """The examination by which a drop is decided; None while it waits for the assessor."""
    if ctx.configuration().settings.technical != "external":
        return examination
    if drop.lane is Lane.TRIAL or not examination.members:
        return examination
    said = assessor.verdict(ctx.engine, drop.id)
    if said is not None:
        return papers.overruled(examination, papers.judgement(said[0].encode()))
    with ctx.engine.transaction():
        if not assessor.is_prechecked(ctx.engine, drop.id):
            _report(ctx, drop, examination)
    return None


def _report(ctx: Context, drop: Drop, examination: Examination) -> None:
    """Tell the municipality what the own check found, file by file."""
    now = ctx.now()
    assessor.note_precheck(ctx.engine, drop.id, to_ms(now))
    owed = deadlines.find(ctx.engine, "technical", drop.id)
    for verdict in verdicts(examination):
        made = technical(
            TechnicalFacts(
                envelope=envelope(ctx, drop, technical_due=owed.due_at if owed else None, to_collect=True),
                outcome=f"VOORCONTROLE-{'GOEDGEKEURD' if verdict.approved else 'AFGEKEURD'}",
                findings=verdict.findings,
                counts=verdict.counts,
                member=verdict.member,
            ),
            ctx.configuration().texts,
        )
        reports.insert(ctx.engine, ctx.new_id(), drop.municipality, made, to_ms(now), drop_id=drop.id)
    owe_precheck(ctx, drop)
    detail: dict[str, str | int | None] = {"id": drop.short_id, "files": len(examination.members)}
    log.append(ctx.engine, log.Line(now, "prechecked", drop.municipality, drop_id=drop.id, detail=detail))
