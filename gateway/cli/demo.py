"""The demo's ledger: its accounts work, two of them have accepted the terms.

Does: records the acceptance for `amsterdam` and `bloemendaal`, so that the first drop is not refused; `zandvoort` and
the others show what it is to have not accepted. Notes that every account had its first login.
Touches: the ledger of the demo.
Does not: anything that a real installation needs.
"""

from collections.abc import Callable
from pathlib import Path

from gateway.config import Configuration, load
from gateway.daemon import open_ledger
from gateway.domain.model import EPOCH
from gateway.domain.workdays import window
from gateway.store.engine import Engine
from gateway.store.ledger import accounts, facts

ACCEPTED_BY = ("amsterdam", "bloemendaal")


def accept_terms(directory: Path, say: Callable[[str], None]) -> None:
    """Record the acceptances at the opening of each round; repeatable."""
    configuration = load(directory / "config")
    engine = open_ledger(configuration)
    try:
        _activate(configuration, engine)
        for round_ in configuration.rounds.values():
            for login in ACCEPTED_BY:
                opens = window(round_.delivery).opens
                if facts.accept_terms(engine, login, round_.id, round_.terms_version, opens, "demo"):
                    say(f"terms of {round_.id} recorded as accepted by {login}")
    finally:
        engine.close()


def _activate(configuration: Configuration, engine: Engine) -> None:
    """Every account of the demo is past its first login, whatever `account_verification` says."""
    opens = min((window(round_.delivery).opens for round_ in configuration.rounds.values()), default=EPOCH)
    for account in configuration.participants.accounts.values():
        if not accounts.activated_once(engine, account.login):
            accounts.ask(engine, account.login, ", ".join(sorted(account.roles)), "demo", opens, "demo")
            asked = accounts.last(engine, account.login)
            if asked is not None:
                accounts.approve(engine, asked.id, "demo", opens, "demo")
                accounts.activate(engine, asked.id, "demo", opens)
