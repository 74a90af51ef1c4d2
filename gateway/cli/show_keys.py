"""Keys of accounts: until when each works and when it was used last.

Does: prints them as a table, or as JSON for programs.
Touches: reads configuration and ledger; the terminal.
Does not: change anything.
"""

import json
from pathlib import Path

from rich.console import Console

from gateway.cli.show import key_rows, print_rows
from gateway.config import load
from gateway.daemon import offline
from gateway.errors import GatewayError


def print_keys(directory: Path, login: str | None, as_json: bool) -> None:
    """The keys of all accounts, or of one."""
    ctx = offline(load(directory))
    if login is not None and login not in ctx.configuration().participants.accounts:
        raise GatewayError(f"there is no account {login} in participants.yaml")
    rows = [row for row in key_rows(ctx) if login in (None, row["login"])]
    if as_json:
        print(json.dumps(rows, indent=2))
    else:
        print_rows("keys", rows, Console())
