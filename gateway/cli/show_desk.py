"""Accounts and withdrawals as the desk knows them: a table, or JSON for programs.

Does: prints who asked for each account, who decided, if it works and when it logged in last; and which items are
withdrawn at a moment.
Touches: reads configuration and ledger; the terminal.
Does not: change anything, or show a code.
"""

import json
from datetime import datetime, time
from pathlib import Path

from rich.console import Console

from gateway.cli.show import local, print_rows
from gateway.config import load
from gateway.daemon import offline
from gateway.domain.model import to_ms
from gateway.domain.workdays import AMSTERDAM, end_of_day
from gateway.errors import GatewayError
from gateway.store.ledger import accounts, key_uses, withdrawals
from gateway.store.ledger.accounts import AccountRequest
from gateway.workflow.accounts import verified
from gateway.workflow.withdraw import selection, withdrawal_round

COLUMNS = ("login", "roles", "asked", "approved", "activated", "works", "last_login")


def print_accounts(directory: Path, as_json: bool) -> None:
    """Every account and what is on record of it; requests for accounts that are not in participants.yaml too."""
    ctx = offline(load(directory))
    known = ctx.configuration().participants.accounts
    asked: dict[str, AccountRequest] = {each.login: each for each in accounts.everything(ctx.engine)}
    used = key_uses.everything(ctx.engine)
    rows: list[dict[str, object]] = []
    for login in sorted({*known, *asked}):
        account, request = known.get(login), asked.get(login)
        rows.append(
            {
                "login": login,
                "roles": ", ".join(sorted(account.roles)) if account else None,
                "asked_for": request.role if request else None,
                "asked_by": request.asked_by if request else None,
                "asked_at": local(request.asked_at) if request else None,
                "approved_by": request.approved_by if request else None,
                "approved_at": local(request.approved_at) if request else None,
                "activated_at": local(request.activated_at) if request else None,
                "works": account is not None and verified(ctx, account),
                "keys": len(account.keys) if account else 0,
                "last_login": local(max(used.get(login, {}).values(), default=None)),
            }
        )
    if as_json:
        print(json.dumps(rows, indent=2))
    else:
        shown = [{**row, **_when(row), "roles": str(row["roles"] or "").replace(", ", "\n")} for row in rows]
        print_rows("accounts", [{name: row[name] for name in COLUMNS} for row in shown], Console())


def _when(row: dict[str, object]) -> dict[str, object]:
    """Who and when in one column each."""
    steps = {
        "asked": ("asked_by", "asked_at"),
        "approved": ("approved_by", "approved_at"),
        "activated": ("activated_at",),
    }
    return {step: "\n".join(str(row[name]) for name in names if row[name]) for step, names in steps.items()}


def print_withdrawals(directory: Path, code: str | None, at: datetime | None, as_json: bool) -> None:
    """The items that are or were withdrawn. `at` on the clocks of Amsterdam; a day without a time is its end."""
    ctx = offline(load(directory))
    known = ctx.configuration().participants.municipalities
    if code is not None and code not in known:
        raise GatewayError(f"municipality {code} is not in participants.yaml")
    moment = ctx.now()
    if at is not None:
        moment = end_of_day(at.date()) if at.time() == time(0) else at.replace(tzinfo=AMSTERDAM)
    rows: list[dict[str, object]] = []
    for each in sorted(known) if code is None else [code]:
        round_ = withdrawal_round(ctx, each)
        if round_ is None:
            continue
        said = withdrawals.selection(ctx.engine, each, round_.id, to_ms(moment))
        for (kind, period), withdrawn in selection(ctx, round_, each, moment).items():
            change = said.get((kind, period))
            if withdrawn:
                rows.append(
                    {
                        "municipality": each,
                        "kind": kind,
                        "period": period,
                        "since": local(change.at) if change else None,
                        "by": change.account if change else None,
                        "channel": change.channel if change else None,
                        "note": change.note if change else None,
                    }
                )
    if as_json:
        print(json.dumps({"at": local(moment), "withdrawn": rows}, indent=2))
    else:
        print_rows("withdrawn", rows, Console())
