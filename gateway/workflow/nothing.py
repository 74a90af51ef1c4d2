"""Nothing to deliver: a municipality says so for an item, by the name of a file in its inbox.

Does: checks that it may be said now, records it, logs it and gives a receipt.
Touches: tables statements, log, reports.
Does not: look at what is in the file, or make a drop of it. An approved delivery overrules the statement.
"""

from datetime import datetime

from gateway.domain.acts import Item, parse_statement
from gateway.domain.model import Channel, DeliveryRound, to_ms
from gateway.errors import Refusal
from gateway.reports.facts import ReceiptFacts
from gateway.reports.receipt import receipt
from gateway.store.ledger import deliveries, log, reports, statements
from gateway.store.ledger.statements import Statement
from gateway.workflow.admit import Attempt, admit, round_of_upload
from gateway.workflow.context import Context, act_envelope


def check(ctx: Context, attempt: Attempt, *, started: datetime | None = None, whole: datetime | None = None) -> Item:
    """The item that the attempt is about; `Refusal` when it may not be said. `started` and `whole` as in `admit`."""
    admit(ctx, attempt, started=started, whole=whole)
    round_, (kind, period) = _asked(ctx, attempt, started)
    current = deliveries.current(ctx.engine, attempt.municipality, round_.id, kind, period)
    if current is not None:
        raise Refusal("NOTHING_DELIVERED", version=current.version)
    return kind, period


def _asked(ctx: Context, attempt: Attempt, started: datetime | None) -> tuple[DeliveryRound, Item]:
    round_ = round_of_upload(ctx, attempt.municipality, started or ctx.now())
    kinds = ctx.configuration().rules[round_.id].kinds
    return round_, parse_statement(attempt.name, attempt.municipality, kinds, round_)


def state(
    ctx: Context,
    attempt: Attempt,
    channel: Channel,
    *,
    started: datetime | None = None,
    whole: datetime | None = None,
) -> None:
    """Record the statement; saying it again while it stands changes nothing. Raises like `check`."""
    with ctx.engine.transaction():
        round_, (kind, period) = _asked(ctx, attempt, started)
        code, login, now = attempt.municipality, attempt.account.login, ctx.now()
        # A claim of the watch folder is taken up again after a crash, perhaps when the window is shut.
        if (kind, period) in statements.stated(ctx.engine, code, round_.id):
            return
        check(ctx, attempt, started=started, whole=whole)
        statements.add(ctx.engine, Statement(code, round_.id, kind, period, login, channel, now))
        envelope = act_envelope(ctx, round_, login, code, attempt.name)
        made = receipt(ReceiptFacts(envelope, "GEEN-LEVERING", item=(kind, period)), ctx.configuration().texts)
        report_id = ctx.new_id()
        reports.insert(ctx.engine, report_id, code, made, to_ms(now))
        detail: dict[str, str | int | None] = {
            "id": envelope.drop_id,
            "name": attempt.name,
            "kind": kind,
            "period": period,
            "channel": channel,
        }
        log.append(ctx.engine, log.Line(now, "nothing_stated", code, login, report_id=report_id, detail=detail))
