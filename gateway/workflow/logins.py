"""Logins: when each key was used last.

Does: notes a login, at most once an hour for each key; tells of each key of each account when it was used and until
when it works.
Touches: table key_uses.
Does not: let anybody in (edge.sftp). It keeps no address, and forgets what is older than the log.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from gateway.config.keys import comment_of, fingerprint_of
from gateway.domain.model import Account
from gateway.store.ledger import key_uses
from gateway.workflow.context import Context

OFTEN_ENOUGH = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """A means of login of an account: a fingerprint or `password`. `certified`: used with a certificate and no key of
    the configuration."""

    login: str
    key: str
    comment: str
    expires: date | None
    last_used: datetime | None
    certified: bool = False


def note_use(ctx: Context, login: str, key: str) -> None:
    """An account logged in with a key."""
    now = ctx.now()
    forgotten = now - timedelta(days=ctx.configuration().settings.retention.log_days)
    with ctx.engine.transaction():
        if key_uses.note(ctx.engine, login, key, now, now - OFTEN_ENOUGH):
            key_uses.forget(ctx.engine, forgotten)


def keys(ctx: Context) -> list[KeyFacts]:
    """Every key of every account, and what else an account logged in with, by login."""
    used = key_uses.everything(ctx.engine)
    found = []
    for login, account in sorted(ctx.configuration().participants.accounts.items()):
        found += _of_account(account, used.pop(login, {}))
    return found


def _of_account(account: Account, used: dict[str, datetime]) -> list[KeyFacts]:
    found = []
    for key in account.public_keys():
        name = fingerprint_of(key.key)
        comment = comment_of(key.key)
        shown = comment if comment != name else ""
        found.append(KeyFacts(account.login, name, shown, key.expires, used.pop(name, None)))
    return found + [KeyFacts(account.login, name, "", None, at, True) for name, at in sorted(used.items())]
