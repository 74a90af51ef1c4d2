"""Logins: when each key was used last, and when it ends.

Does: notes a login, at most once an hour for each key, also in the message log of the account's own municipalities;
tells of each key of each account when it was used and until when it works; warns its owner, the user managers and the
desk some time before it ends.
Touches: tables key_uses, log, duties, notifications.
Does not: let anybody in (edge.sftp). It keeps no address, and forgets what is older than the log.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial

from gateway.config.credentials import Expiring
from gateway.config.keys import comment_of, fingerprint_of
from gateway.domain.model import Account
from gateway.domain.workdays import DAY, end_of_day
from gateway.store.ledger import duties, key_uses, log
from gateway.workflow import notify
from gateway.workflow.chase import morning
from gateway.workflow.context import Context
from gateway.workflow.notify import Notice

OFTEN_ENOUGH = timedelta(hours=1)
EXPIRING = "key_expiring"
# Days before the end on which people hear of it again.
LAST_CALL = 7


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

    def state(self, today: date, days: int) -> str:
        """How it stands on a day, when people hear of an expiry so many days before."""
        if self.certified:
            return "not in the configuration"
        if self.expires is None or self.expires - today > timedelta(days=days):
            return "in force"
        return "expired" if self.expires < today else "expires soon"


def note_use(ctx: Context, login: str, key: str) -> None:
    """An account logged in with a key."""
    now, configuration = ctx.now(), ctx.configuration()
    forgotten = now - timedelta(days=configuration.settings.retention.log_days)
    account = configuration.participants.accounts.get(login)
    with ctx.engine.transaction():
        if key_uses.note(ctx.engine, login, key, now, now - OFTEN_ENOUGH):
            key_uses.forget(ctx.engine, forgotten)
            for code in account.municipalities if account else ():
                log.append(ctx.engine, log.Line(now, "login", code, login))


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


# --- keys that end ----------------------------------------------------------------------------------------------------


def moments(key: Expiring, days: int) -> tuple[tuple[datetime, datetime, int], ...]:
    """When people hear that a key ends: since when, until when that makes sense, and how many days are left then."""
    ends = end_of_day(key.last)
    last_call = morning(key.last - LAST_CALL * DAY)
    if days <= LAST_CALL:
        return ((morning(key.last - days * DAY), ends, days),)
    return (morning(key.last - days * DAY), last_call, days), (last_call, ends, LAST_CALL)


def ending(ctx: Context, tell: Callable[..., None]) -> Iterator[tuple[datetime, str, Callable[[], int]]]:
    """The warnings that are due now: since when, their name, and how to do each."""
    now, days = ctx.now(), ctx.configuration().settings.sftp.key_warning_days
    for key in ctx.configuration().expiring:
        for at, until, left in moments(key, days):
            subject = f"{key.fingerprint}:{key.last}:{left}"
            if at <= now and not duties.is_done(ctx.engine, EXPIRING, subject):
                yield at, EXPIRING, partial(_warn, ctx, key, subject, at, until, tell)


def _warn(ctx: Context, key: Expiring, subject: str, at: datetime, until: datetime, tell: Callable[..., None]) -> int:
    account = ctx.configuration().participants.accounts[key.login]
    managers = (login for code in account.municipalities for login in notify.managers(ctx, code))
    to = dict.fromkeys((key.login, *managers, *notify.desk(ctx)))
    params = {"login": key.login, "key": key.fingerprint, "last": key.last.isoformat()}
    notice = Notice(EXPIRING, subject, account.municipalities, ("what", "which", "how"), params)
    with ctx.engine.transaction():
        lapsed = ctx.now() > until
        if not duties.note(ctx.engine, EXPIRING, subject, at, ctx.now(), lapsed=lapsed):
            return 0
        owed = 0 if lapsed else notify.owe(ctx, notice, to)
    tell("duty_lapsed" if lapsed else EXPIRING, duty=EXPIRING, account=key.login, key=key.fingerprint,
         last=key.last.isoformat(), mails=owed)  # fmt: skip
    return owed
