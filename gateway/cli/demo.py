"""The demo's ledger: two of its accounts have accepted the terms.

Does: records the acceptance for `amsterdam` and `bloemendaal`, so that the first drop is not refused; `zandvoort` and
the others show what it is to have not accepted.
Touches: the ledger of the demo.
Does not: anything that a real installation needs.
"""

from collections.abc import Callable
from pathlib import Path

from gateway.config import load
from gateway.daemon import open_ledger
from gateway.domain.workdays import window
from gateway.store.ledger import facts

ACCEPTED_BY = ("amsterdam", "bloemendaal")


def accept_terms(directory: Path, say: Callable[[str], None]) -> None:
    """Record the acceptances at the opening of each round; repeatable."""
    configuration = load(directory / "config")
    engine = open_ledger(configuration)
    try:
        for round_ in configuration.rounds.values():
            for login in ACCEPTED_BY:
                opens = window(round_.delivery).opens
                if facts.accept_terms(engine, login, round_.id, round_.terms_version, opens, "demo"):
                    say(f"terms of {round_.id} recorded as accepted by {login}")
    finally:
        engine.close()
