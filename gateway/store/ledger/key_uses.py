"""Uses of keys: when an account logged in last with each.

Does: note a use, unless one was noted lately; tell the last of each; forget old ones.
Touches: table key_uses.
Does not: know which keys an account has (participants.yaml).
"""

from datetime import datetime

from gateway.domain.model import from_ms, to_ms
from gateway.store.engine import Engine


def note(engine: Engine, login: str, key: str, at: datetime, unless_since: datetime) -> bool:
    """Note that a key was used; False when a use after `unless_since` is on record."""
    return bool(
        engine.run(
            """insert into key_uses (account, key, last_used_at) values (:login, :key, :at)
               on conflict (account, key) do update set last_used_at = excluded.last_used_at
               where key_uses.last_used_at < :unless_since""",
            login=login,
            key=key,
            at=to_ms(at),
            unless_since=to_ms(unless_since),
        )
    )


def forget(engine: Engine, before: datetime) -> None:
    """Remove what was used last before a moment."""
    engine.run("delete from key_uses where last_used_at < :before", before=to_ms(before))


def everything(engine: Engine) -> dict[str, dict[str, datetime]]:
    """By login and key the last use."""
    found: dict[str, dict[str, datetime]] = {}
    for row in engine.rows("select account, key, last_used_at from key_uses"):
        found.setdefault(row["account"], {})[row["key"]] = from_ms(row["last_used_at"])
    return found
