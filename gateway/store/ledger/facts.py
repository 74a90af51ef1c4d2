"""Facts that are neither a drop nor a report: settings of this ledger, and who accepted which terms.

Does: read and write them.
Touches: tables settings, acceptances.
Does not: interpret them.
"""

from datetime import datetime

from gateway.domain.model import to_ms
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
