"""Withdraw: use and publication of an item, taken back and given again, in the withdrawal window.

Does: tells the selection as it is and as it was; changes it by file for who may, and by a form of CBS that the desk
records for anybody; each change is a row, a log line, a confirmation (IB) and a mail.
Touches: tables withdrawals, log, reports, notifications.
Does not: touch a delivery: a withdrawal is no state of it. Removing a file never acts.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime

from gateway.domain.acts import Item, items, parse_selection, selection_name
from gateway.domain.lifecycle import check_withdrawal_window, check_withdrawer, withdrawn_by_default
from gateway.domain.model import Account, DeliveryRound, to_ms
from gateway.domain.workdays import local_day, start_of_day, window
from gateway.errors import GatewayError, Refusal
from gateway.reports.facts import Selected, WithdrawalFacts
from gateway.reports.withdrawal import withdrawal
from gateway.store.ledger import deliveries, log, reports, withdrawals
from gateway.store.ledger.withdrawals import Withdrawal
from gateway.workflow.accounts import verified
from gateway.workflow.context import Context, act_envelope, rounds_for
from gateway.workflow.notify import owe_confirmation


def withdrawal_round(ctx: Context, code: str) -> DeliveryRound | None:
    """The round whose selection a municipality is shown: its withdrawal window is open or the next to open, else the
    last one; None when no round has such a window."""
    rounds = [(each, window(each.withdrawal)) for each in rounds_for(ctx, code).values() if each.withdrawal]
    rounds.sort(key=lambda each: each[1].opens)
    ahead = [each for each, span in rounds if ctx.now() <= span.closes]
    if ahead:
        return ahead[0]
    return rounds[-1][0] if rounds else None


def selection(ctx: Context, round_: DeliveryRound, code: str, at: datetime | None = None) -> Mapping[Item, bool]:
    """Whether each item of a round is withdrawn, now or at a past moment."""
    said = withdrawals.selection(ctx.engine, code, round_.id, to_ms(at or ctx.now()))
    default = withdrawn_by_default(round_)
    return {item: said[item].withdrawn if item in said else default for item in items(round_)}


def listed(ctx: Context, code: str) -> Mapping[str, datetime]:
    """What stands in intrekken/: by name the moment since when it is so. Empty when no round has such a window."""
    round_ = withdrawal_round(ctx, code)
    if round_ is None or round_.withdrawal is None:
        return {}
    said = withdrawals.selection(ctx.engine, code, round_.id, to_ms(ctx.now()))
    opens = window(round_.delivery).opens
    return {
        selection_name(item, withdrawn): said[item].at if item in said else opens
        for item, withdrawn in selection(ctx, round_, code).items()
    }


def check(ctx: Context, account: Account, code: str, name: str) -> tuple[DeliveryRound, Item, bool]:
    """What a name in intrekken/ asks of whom, now: round, item and withdrawn; `Refusal` when it may not be."""
    round_ = withdrawal_round(ctx, code)
    if round_ is None:
        raise Refusal("NO_SUCH_FILE")
    if not verified(ctx, account):
        raise Refusal("NOT_VERIFIED")
    now = ctx.now()
    check_withdrawer(account, code, ctx.configuration().participants, now)
    check_withdrawal_window(round_, now)
    item, withdrawn = parse_selection(name, round_)
    return round_, item, withdrawn


def by_file(ctx: Context, account: Account, code: str, name: str) -> bool:
    """A municipality gives a file in intrekken/ this name: whether that changed anything. Raises like `check`."""
    with ctx.engine.transaction():
        round_, (kind, period), withdrawn = check(ctx, account, code, name)
        if selection(ctx, round_, code)[kind, period] == withdrawn:
            return False
        change = Withdrawal(code, round_.id, kind, period, withdrawn, account.login, "sftp", ctx.now())
        _record(ctx, round_, change)
        return True


def by_form(ctx: Context, change: Withdrawal, received: date) -> bool:
    """The desk records a form of CBS that came in on a local day; whether it changed anything. It may be recorded later
    than it came. `Refusal` when that day is outside the window, `GatewayError` for an unknown item."""
    round_ = rounds_for(ctx, change.municipality)[change.round_id]
    item = (change.kind, change.period)
    if change.municipality not in ctx.configuration().participants.municipalities:
        raise GatewayError(f"municipality {change.municipality} is not in participants.yaml")
    if item not in set(items(round_)):
        raise GatewayError(f"round {round_.id} does not ask {change.kind} over {change.period}")
    if received > local_day(ctx.now()):
        raise GatewayError(f"{received} is still to come")
    check_withdrawal_window(round_, start_of_day(received))
    with ctx.engine.transaction():
        if selection(ctx, round_, change.municipality)[item] == change.withdrawn:
            return False
        _record(ctx, round_, replace(change, at=ctx.now()), received=received.isoformat())
        return True


def _record(ctx: Context, round_: DeliveryRound, change: Withdrawal, **more: str) -> None:
    withdrawals.add(ctx.engine, change)
    report_id, act_id = _confirm(ctx, round_, change)
    detail: dict[str, str | int | None] = {
        "id": act_id,
        "kind": change.kind,
        "period": change.period,
        "channel": change.channel,
        "note": change.note,
        **more,
    }
    if round_.withdrawal is not None:
        owe_confirmation(ctx, change.municipality, report_id, round_.withdrawal.closes.isoformat())
    event = "withdrawn" if change.withdrawn else "reinstated"
    log.append(
        ctx.engine,
        log.Line(ctx.now(), event, change.municipality, change.account, report_id=report_id, detail=detail),
    )


def _confirm(ctx: Context, round_: DeliveryRound, change: Withdrawal) -> tuple[str, str]:
    """Make and keep the confirmation; its id, and the short one that its name bears."""
    if round_.withdrawal is None:
        raise GatewayError(f"round {round_.id} has no withdrawal window")
    span = window(round_.withdrawal)
    name = selection_name((change.kind, change.period), change.withdrawn)
    envelope = act_envelope(ctx, round_, change.account, change.municipality, name)
    counts = deliveries.current(ctx.engine, change.municipality, round_.id, change.kind, change.period)
    made = withdrawal(
        WithdrawalFacts(
            envelope=envelope,
            kind=change.kind,
            period=change.period,
            withdrawn=change.withdrawn,
            channel=change.channel,
            opens=span.opens,
            closes=span.closes,
            selection=tuple(
                Selected(kind, period, withdrawn)
                for (kind, period), withdrawn in selection(ctx, round_, change.municipality).items()
            ),
            version=counts.version if counts else None,
        ),
        ctx.configuration().texts,
    )
    report_id = ctx.new_id()
    reports.insert(
        ctx.engine,
        report_id,
        change.municipality,
        made,
        to_ms(ctx.now()),
        delivery_id=counts.id if counts else None,
    )
    return report_id, envelope.drop_id
