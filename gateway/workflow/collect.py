"""Collect: pick-up, as two facts.

Does: notes that a report was read in full (observed) and that its set was acknowledged (confirmed: a file of it deleted
or moved); files a confirmed set away in opgehaald/.
Touches: tables reports, log; outbox/.
Does not: hide anything on observation, or count operators and assessors: they look, the municipality collects.
"""

from gateway.domain.model import Account, Role, to_ms
from gateway.store.ledger import deadlines, log, reports
from gateway.workflow.context import Context

ONLOOKERS = frozenset({Role.OPERATOR, Role.ASSESSOR})


def observed(ctx: Context, account: Account, report_id: str) -> None:
    """All bytes of one of the report's files were read in one handle by `account`."""
    if account.roles & ONLOOKERS:
        return
    with ctx.engine.transaction():
        now = ctx.now()
        if reports.mark_collected(ctx.engine, report_id, to_ms(now)):
            deadlines.meet(ctx.engine, "pickup", report_id, to_ms(now))
            _log(ctx, account.login, report_id, "collected")


def confirm(ctx: Context, account: Account, report_id: str) -> None:
    """`account` deleted or moved a file of the report: the whole set is acknowledged."""
    _confirm(ctx, account.login, report_id)


def confirm_moved(ctx: Context, code: str) -> int:
    """Acknowledge sets of which somebody moved a file into opgehaald/ on disk, of one municipality; how many."""
    away = ctx.spool.report_names(code, confirmed=True)
    moved = {
        placed.report_id
        for placed in (reports.all_placed(ctx.engine, code) if away else ())
        if not placed.confirmed and placed.name in away
    }
    for report_id in sorted(moved):
        _confirm(ctx, "watch", report_id)
    return len(moved)


def _confirm(ctx: Context, login: str, report_id: str) -> None:
    with ctx.engine.transaction():
        now = ctx.now()
        if reports.mark_confirmed(ctx.engine, report_id, to_ms(now)):
            deadlines.meet(ctx.engine, "pickup", report_id, to_ms(now))
            _log(ctx, login, report_id, "confirmed")
    report = reports.get(ctx.engine, report_id)
    for file in reports.files(ctx.engine, report_id):
        ctx.spool.file_away(report.municipality, file.name)


def _log(ctx: Context, login: str, report_id: str, event: str) -> None:
    report = reports.get(ctx.engine, report_id)
    log.append(
        ctx.engine,
        log.Line(
            at=ctx.now(),
            event=event,
            municipality=report.municipality,
            account=login,
            drop_id=report.drop_id,
            delivery_id=report.delivery_id,
            report_id=report.id,
            detail={"report": report.stem},
        ),
    )
