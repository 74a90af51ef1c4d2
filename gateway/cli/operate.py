"""What an operator changes from the command line.

Does: releases a held drop, extends a window, records a form of CBS, carries out what was decided on an account; says
what it did.
Touches: the ledger; the running daemon finds the change by itself.
Does not: need the daemon's lock.
"""

import getpass
from datetime import date
from pathlib import Path

from gateway.config import load
from gateway.daemon import offline
from gateway.domain.model import Role
from gateway.domain.workdays import local_day
from gateway.errors import GatewayError, Refusal
from gateway.store.ledger import drops
from gateway.store.ledger.withdrawals import Withdrawal
from gateway.workflow import accounts, judge
from gateway.workflow.admit import status_line
from gateway.workflow.extend import extend
from gateway.workflow.withdraw import by_form, withdrawal_round


def release_drop(directory: Path, short_id: str, reason: str) -> None:
    """Put a held drop back in the row; GatewayError when there is none, Conflict when it is not held."""
    ctx = offline(load(directory))
    drop = drops.find_short(ctx.engine, short_id)
    if drop is None:
        raise GatewayError(f"there is no drop {short_id}")
    judge.release(ctx, drop, reason, getpass.getuser())


def extend_window(directory: Path, code: str, until: date, reason: str) -> str:
    """Let one municipality deliver until a day; GatewayError when that makes no sense."""
    ctx = offline(load(directory))
    given = extend(ctx, code, until, reason, getpass.getuser())
    return f"{code} can deliver in round {given.round_id} until {given.until:%A %d %B %Y} (included)."


def record_form(directory: Path, item: tuple[str, str, str], reason: str, received: date | None, *, undo: bool) -> str:
    """Record what a form of CBS says of municipality, kind and period; GatewayError when it cannot count."""
    ctx = offline(load(directory))
    code, kind, period = item
    round_ = withdrawal_round(ctx, code)
    if round_ is None:
        raise GatewayError("no round has a withdrawal window")
    change = Withdrawal(code, round_.id, kind, period, not undo, getpass.getuser(), "form", ctx.now(), reason)
    try:
        changed = by_form(ctx, change, received or local_day(ctx.now()))
    except Refusal as refusal:
        raise GatewayError(status_line(ctx, refusal)) from refusal
    what = f"{kind} over {period} of {code} is {'active' if undo else 'withdrawn'}"
    return f"{what}; {code} gets a confirmation." if changed else f"{what} already; nothing was recorded."


def ask_account(directory: Path, login: str, role: str, asked_by: str) -> str:
    """Record a request; GatewayError for a role that does not exist."""
    ctx = offline(load(directory))
    if role not in set(Role):
        raise GatewayError(f"there is no role {role}; there are: {', '.join(Role)}")
    accounts.request(ctx, login, Role(role), asked_by, getpass.getuser())
    known = login in ctx.configuration().participants.accounts
    missing = "" if known else " It is not in participants.yaml yet."
    return f"Recorded: {asked_by} asked for {login} as {role}.{missing}"


def approve_account(directory: Path, login: str, approved_by: str | None) -> str:
    """Record the decision of a user manager, or of the desk; GatewayError when it is not theirs to make."""
    ctx = offline(load(directory))
    accounts.approve(ctx, login, approved_by, getpass.getuser())
    return f"{login} is approved by {approved_by or getpass.getuser()}. Next: gateway account activate {login}"


def activate_account(directory: Path, login: str, reason: str | None) -> str:
    """A code for the first login, or (with a reason) activation without one."""
    ctx = offline(load(directory))
    if reason is not None:
        accounts.activate(ctx, login, reason, getpass.getuser())
        return f"{login} is active."
    code = accounts.give_code(ctx, login, getpass.getuser())
    return (
        f"{login} works after its first login with the empty file\n\n    VERIFICATIE_{code}\n\n"
        "in its root. Hand the code to the person, not by mail. It is not shown again."
    )
