"""Publish: from report rows to files in the outbox.

Does: places each unplaced report, file by file, JSON last, then notes that it lies there and by when it should be
collected. After a crash in between the same files are placed again, byte for byte.
Touches: outbox/; column reports.placed_at; tables deadlines, log.
Does not: make reports. The rows are the truth; the folder is a view that can be made again at any time.
"""

from collections.abc import Callable
from datetime import datetime

from gateway.domain.model import ReportKind, to_ms
from gateway.domain.workdays import due
from gateway.errors import Temporary
from gateway.store.ledger import deadlines, drops, log, reports
from gateway.store.ledger.reports import Filed, Placed
from gateway.workflow.context import Context, current_round, round_of

# The reports that somebody must read to know what to do; a receipt or a reminder is its own news.
TO_COLLECT = (ReportKind.TECHNICAL, ReportKind.QUALITY)
TRIAL_OUTCOME = "PROEF-"
# Reports that are placed together: they wait for the disk once, and their bodies are in memory.
BATCH = 32


def _unheard(_event: str, **_facts: object) -> None:
    """Nobody keeps a log."""


def publish(ctx: Context, tell: Callable[..., None] = _unheard) -> int:
    """Place everything that is not placed; how many reports. Temporary when an outbox takes none: that holds up no
    other."""
    done = 0
    while waiting := reports.unplaced(ctx.engine, BATCH):
        try:
            _write(ctx, waiting)
        except Temporary:
            return done + _publish_apart(ctx, tell)
        _note(ctx, waiting, tell)
        done += len(waiting)
    return done


def _publish_apart(ctx: Context, tell: Callable[..., None]) -> int:
    """The same, a municipality at a time."""
    done, trouble = 0, None
    for code in reports.unplaced_for(ctx.engine):
        while waiting := reports.unplaced(ctx.engine, BATCH, code):
            try:
                _write(ctx, waiting)
            except Temporary as error:
                trouble = error
                break
            _note(ctx, waiting, tell)
            done += len(waiting)
    if trouble is not None:
        raise trouble
    return done


def _write(ctx: Context, waiting: list[Filed]) -> None:
    ctx.spool.place_all(
        [
            (report.municipality, file.name, file.body)
            for report in waiting
            for file in reports.files(ctx.engine, report.id)
        ]
    )


def _note(ctx: Context, waiting: list[Filed], tell: Callable[..., None]) -> None:
    with ctx.engine.transaction():
        for report in waiting:
            _note_placed(ctx, report)
    for report in waiting:
        _follow(ctx, report.id)
        tell("placed", drop=report.drop_id, municipality=report.municipality, report=report.stem)


def _note_placed(ctx: Context, report: Filed) -> None:
    now = ctx.now()
    if reports.mark_placed(ctx.engine, report.id, to_ms(now)):
        log.append(
            ctx.engine,
            log.Line(
                at=now,
                event="placed",
                municipality=report.municipality,
                drop_id=report.drop_id,
                delivery_id=report.delivery_id,
                report_id=report.id,
                detail={"report": report.stem},
            ),
        )
        _owe_pickup(ctx, reports.get(ctx.engine, report.id), now)


def _owe_pickup(ctx: Context, report: Filed, now: datetime) -> None:
    """From now on the municipality owes its collecting, unless it was read before its file was placed."""
    if report.kind not in TO_COLLECT or report.outcome.startswith(TRIAL_OUTCOME):
        return
    drop = drops.find(ctx.engine, report.drop_id) if report.drop_id else None
    round_ = round_of(ctx, drop) if drop else current_round(ctx, report.municipality)
    calendar = ctx.configuration().calendar
    deadlines.insert(
        ctx.engine,
        deadlines.Deadline(
            kind="pickup",
            subject=report.id,
            municipality=report.municipality,
            due_at=due(now, round_.service.pickup, calendar),
            calendar_version=calendar.version,
            met_at=None,
        ),
    )
    collected = report.collected_at or report.confirmed_at
    if collected is not None:
        deadlines.meet(ctx.engine, "pickup", report.id, to_ms(collected))


def _follow(ctx: Context, report_id: str) -> None:
    """After placing: a set that was confirmed meanwhile (listings come from the ledger) belongs in opgehaald/. Whoever
    confirms later than this look files it away itself."""
    report = reports.get(ctx.engine, report_id)
    if report.confirmed_at is not None:
        for file in reports.files(ctx.engine, report_id):
            ctx.spool.file_away(report.municipality, file.name)


def replace_missing(ctx: Context, code: str) -> int:
    """Make the report files of a municipality again that somebody removed from its folders: a missing file is never a
    pick-up. How many. Temporary when an outbox takes none.

    What was confirmed and still lies in the outbox, because of a crash in between, is filed away.
    """
    # The rows before the folders: what the rows say was placed, lay there by then.
    wanted = reports.all_placed(ctx.engine, code)
    waiting, away = (ctx.spool.report_names(code, confirmed=confirmed) for confirmed in (False, True))
    made = 0
    for placed in wanted:
        if placed.confirmed and placed.name in waiting:
            ctx.spool.file_away(code, placed.name)
        elif placed.name not in (away if placed.confirmed else waiting):
            made += _make_again(ctx, placed)
    return made


def _make_again(ctx: Context, placed: Placed) -> bool:
    """Put one file of a report where it belongs; False when it was erased meanwhile."""
    body = reports.body(ctx.engine, placed.report_id, placed.ordinal)
    if body is None:
        return False
    ctx.spool.place(placed.municipality, placed.name, body, confirmed=placed.confirmed)
    _follow(ctx, placed.report_id)
    return True
