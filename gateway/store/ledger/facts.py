"""Facts that are neither a drop nor a report: settings of this ledger, rules in force at a receipt, accepted terms.

Does: read and write them.
Touches: tables settings, rules, acceptances.
Does not: interpret them.
"""

from collections.abc import Callable
from datetime import datetime

from gateway.domain.model import to_ms
from gateway.errors import Corrupt
from gateway.store.engine import Engine


def setting(engine: Engine, name: str) -> str | None:
    """The value of a setting, None when never set."""
    rows = engine.rows("select value from settings where name = :name", name=name)
    return None if not rows else str(rows[0]["value"])


def set_setting(engine: Engine, name: str, value: str) -> None:
    """Set a setting, replacing what it was."""
    engine.run(
        """insert into settings (name, value) values (:name, :value)
           on conflict (name) do update set value = excluded.value""",
        name=name,
        value=value,
    )


def accept_terms(engine: Engine, account: str, round_id: str, version: str, at: datetime, how: str) -> bool:
    """Record that an account accepted a version of the terms; False when it had."""
    return bool(
        engine.run(
            """insert into acceptances (account, round_id, terms_version, accepted_at, how)
               values (:account, :round_id, :version, :at, :how) on conflict do nothing""",
            account=account,
            round_id=round_id,
            version=version,
            at=to_ms(at),
            how=how,
        )
    )


def terms_accepted(engine: Engine, account: str, round_id: str, version: str) -> bool:
    """Whether an account accepted this version of a round's terms."""
    return bool(
        engine.rows(
            """select 1 from acceptances where account = :account and round_id = :round_id
               and terms_version = :version""",
            account=account,
            round_id=round_id,
            version=version,
        )
    )


def keep_rules(engine: Engine, version: str, body: Callable[[], str]) -> None:
    """Keep the rules of this version, unless they are kept already; `body` gives them as JSON."""
    if not engine.rows("select 1 from rules where version = :version", version=version):
        engine.run(
            "insert into rules (version, body) values (:version, :body) on conflict do nothing",
            version=version,
            body=body(),
        )


def rules(engine: Engine, version: str) -> str:
    """The rules of this version as JSON; Corrupt when a drop outlived them."""
    rows = engine.rows("select body from rules where version = :version", version=version)
    if not rows:
        raise Corrupt(f"no rules {version}")
    return str(rows[0]["body"])
