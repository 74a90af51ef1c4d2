"""Notifications: mails that are owed, sent or given up.

Does: add one once per occasion, subject and account; give what is due; claim, and note what became of it.
Touches: table notifications.
Does not: word or send a mail, or choose when it is tried again.

A claim moves the next try before anything is sent: two senders never offer one mail at once, and one that dies on a
mail does not do so again at once.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from gateway.domain.model import from_ms, to_ms
from gateway.store.engine import Engine, Row

Content = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Notification:
    """One mail to one account. `state` pending, sent or failed; `attempts` how often it was offered or begun to be;
    `reason` why the last attempt did not succeed."""

    id: str
    occasion: str
    subject: str
    account: str
    municipality: str
    content: Content
    made_at: datetime
    next_try_at: datetime
    state: str = "pending"
    attempts: int = 0
    sent_at: datetime | None = None
    drop_id: str | None = None
    reason: str | None = None


def _notification(row: Row) -> Notification:
    return Notification(
        id=row["id"],
        occasion=row["occasion"],
        subject=row["subject"],
        account=row["account"],
        municipality=row["municipality"],
        content=json.loads(row["content"]),
        made_at=from_ms(row["made_at"]),
        next_try_at=from_ms(row["next_try_at"]),
        state=row["state"],
        attempts=row["attempts"],
        sent_at=None if row["sent_at"] is None else from_ms(row["sent_at"]),
        drop_id=row["drop_id"],
        reason=row["reason"],
    )


def add(engine: Engine, owed: Notification) -> bool:
    """Add a pending notification; False, and nothing changed, when the account has one of this occasion and subject."""
    return bool(
        engine.run(
            """insert into notifications
                   (id, occasion, subject, account, municipality, state, made_at, next_try_at, content, drop_id)
               values (:id, :occasion, :subject, :account, :municipality, 'pending', :made_at, :next_try_at, :content,
                   :drop_id)
               on conflict (occasion, subject, account) do nothing""",
            id=owed.id,
            occasion=owed.occasion,
            subject=owed.subject,
            account=owed.account,
            municipality=owed.municipality,
            made_at=to_ms(owed.made_at),
            next_try_at=to_ms(owed.next_try_at),
            content=json.dumps(owed.content, sort_keys=True, ensure_ascii=False),
            drop_id=owed.drop_id,
        )
    )


def due(engine: Engine, now_ms: int, limit: int, occasion: str = "") -> list[Notification]:
    """Pending notifications whose time has come, the longest waiting first; of one occasion, or of all."""
    rows = engine.rows(
        """select * from notifications where state = 'pending' and next_try_at <= :now
           and (occasion = :occasion or :occasion = '') order by next_try_at, id limit :n""",
        now=now_ms,
        occasion=occasion,
        n=limit,
    )
    return [_notification(row) for row in rows]


def claim(engine: Engine, owed: Notification, next_try_ms: int) -> bool:
    """Begin an attempt: count it and set when the next one would be; False when somebody else began it first."""
    return bool(
        engine.run(
            """update notifications set attempts = attempts + 1, next_try_at = :next
               where id = :id and state = 'pending' and attempts = :attempts""",
            id=owed.id,
            attempts=owed.attempts,
            next=next_try_ms,
        )
    )


def mark_sent(engine: Engine, notification_id: str, at_ms: int) -> bool:
    """Note that the mail server took it; False when it is not pending any more."""
    return bool(
        engine.run(
            """update notifications set state = 'sent', sent_at = :at, reason = null
               where id = :id and state = 'pending'""",
            id=notification_id,
            at=at_ms,
        )
    )


def mark_failed(engine: Engine, notification_id: str, reason: str) -> bool:
    """Give up; False when it is not pending any more."""
    return bool(
        engine.run(
            "update notifications set state = 'failed', reason = :reason where id = :id and state = 'pending'",
            id=notification_id,
            reason=reason,
        )
    )


def note_reason(engine: Engine, notification_id: str, reason: str) -> None:
    """Note why an attempt failed; it stays pending."""
    engine.run("update notifications set reason = :reason where id = :id", id=notification_id, reason=reason)


def counts(engine: Engine) -> dict[str, int]:
    """How many notifications there are per state."""
    rows = engine.rows("select state, count(*) as n from notifications group by state order by state")
    return {row["state"]: int(row["n"]) for row in rows}


def delayed(engine: Engine) -> int:
    """How many pending notifications were offered without success so far."""
    rows = engine.rows("select count(*) as n from notifications where state = 'pending' and reason is not null")
    return int(rows[0]["n"])


def find(engine: Engine, notification_id: str) -> Notification | None:
    """The notification with this id."""
    rows = engine.rows("select * from notifications where id = :id", id=notification_id)
    return _notification(rows[0]) if rows else None


def pending(engine: Engine) -> list[Notification]:
    """Every notification that is still to be sent, oldest first."""
    rows = engine.rows("select * from notifications where state = 'pending' order by made_at, id")
    return [_notification(row) for row in rows]


def troubled(engine: Engine, limit: int = 100) -> list[Notification]:
    """Notifications that were given up, or offered without success so far; newest first."""
    rows = engine.rows(
        """select * from notifications where state = 'failed' or (state = 'pending' and reason is not null)
           order by made_at desc, id desc limit :n""",
        n=limit,
    )
    return [_notification(row) for row in rows]


def of_drop(engine: Engine, drop_id: str) -> list[Notification]:
    """The notifications about a drop, oldest first."""
    rows = engine.rows("select * from notifications where drop_id = :id order by made_at, id", id=drop_id)
    return [_notification(row) for row in rows]


def everything(engine: Engine) -> list[Notification]:
    """All notifications, oldest first."""
    return [_notification(row) for row in engine.rows("select * from notifications order by made_at, id")]
