"""The accounts as the desk knows them: a table, or JSON for programs.

Does: prints who asked for each account, who decided, and if it works.
Touches: reads configuration and ledger; the terminal.
Does not: change anything, or show a code.
"""

import json
from pathlib import Path

from rich.console import Console

from gateway.cli.show import local, print_rows
from gateway.config import load
from gateway.daemon import offline
from gateway.store.ledger import accounts
from gateway.store.ledger.accounts import AccountRequest
from gateway.workflow.accounts import verified


COLUMNS = ("login", "roles", "asked_by", "approved_by", "works")


def print_accounts(directory: Path, as_json: bool) -> None:
    """Every account and what is on record of it; requests for accounts that are not in participants.yaml too."""
    ctx = offline(load(directory))
    known = ctx.configuration().participants.accounts
    asked: dict[str, AccountRequest] = {each.login: each for each in accounts.everything(ctx.engine)}
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
            }
        )
    if as_json:
        print(json.dumps(rows, indent=2))
    else:
        print_rows("accounts", [{name: row[name] for name in COLUMNS} for row in rows], Console())
