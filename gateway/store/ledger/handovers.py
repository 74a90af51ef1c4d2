"""Hand-overs: manifests that were made, and files that are pushed to the assessor's server.

Does: keep manifests whole; keep of each pushed file whether it was sent, and when it is tried again.
Touches: tables manifests, pushes; drops, reading.
Does not: hold data files (payloads do), or send.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gateway.domain.model import from_ms, to_ms
from gateway.store.engine import Engine


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest as it was made; its bytes never change."""

    id: str
    round_id: str
    number: int
    final: bool
    name: str
    body: bytes
    sha256: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Push:
    """A file that is to be pushed: `what` delivery or manifest, `subject` its id."""

    id: int
    what: str
    subject: str
    round_id: str
    name: str
    state: str
    made_at: datetime
    attempts: int
    next_try_at: datetime
    sent_at: datetime | None
    reason: str | None


def _manifest(row: Mapping[str, Any]) -> Manifest:
    return Manifest(
        id=row["id"],
        round_id=row["round_id"],
        number=row["number"],
        final=bool(row["final"]),
        name=row["name"],
        body=bytes(row["body"]),
        sha256=row["sha256"],
        at=from_ms(row["at"]),
    )


def _push(row: Mapping[str, Any]) -> Push:
    return Push(
        id=row["id"],
        what=row["what"],
        subject=row["subject"],
        round_id=row["round_id"],
        name=row["name"],
        state=row["state"],
        made_at=from_ms(row["made_at"]),
        attempts=row["attempts"],
        next_try_at=from_ms(row["next_try_at"]),
        sent_at=None if row["sent_at"] is None else from_ms(row["sent_at"]),
        reason=row["reason"],
    )


# --- manifests --------------------------------------------------------------------------------------------------------


def insert_manifest(engine: Engine, made: Manifest) -> None:
    """Keep a manifest; Conflict when its number is taken, or a second one would be final."""
    engine.run(
        """insert into manifests (id, round_id, number, final, name, body, sha256, at)
           values (:id, :round_id, :number, :final, :name, :body, :sha256, :at)""",
        id=made.id,
        round_id=made.round_id,
        number=made.number,
        final=int(made.final),
        name=made.name,
        body=made.body,
        sha256=made.sha256,
        at=to_ms(made.at),
    )


def last_number(engine: Engine, round_id: str) -> int:
    """The highest number of a manifest so far; 0 when there is none."""
    rows = engine.rows("select coalesce(max(number), 0) as n from manifests where round_id = :id", id=round_id)
    return int(rows[0]["n"])


def final(engine: Engine, round_id: str) -> Manifest | None:
    """The final manifest of a round, once it is made."""
    rows = engine.rows("select * from manifests where round_id = :id and final = 1", id=round_id)
    return _manifest(rows[0]) if rows else None


def manifest(engine: Engine, manifest_id: str) -> Manifest:
    """The manifest with this id."""
    return _manifest(engine.rows("select * from manifests where id = :id", id=manifest_id)[0])


def is_undecided(engine: Engine, round_id: str) -> bool:
    """Whether a drop of a round still waits for its verdict."""
    return bool(
        engine.rows(
            """select 1 from drops where round_id = :id and lane = 'inbox' and state in ('received', 'held') limit 1""",
            id=round_id,
        )
    )


# --- pushes -----------------------------------------------------------------------------------------------------------


def add_push(engine: Engine, what: str, subject: str, round_id: str, name: str, now: datetime) -> bool:
    """A file is to be pushed; False when that was known."""
    return bool(
        engine.run(
            """insert into pushes (what, subject, round_id, name, state, made_at, next_try_at)
               values (:what, :subject, :round_id, :name, 'pending', :at, :at) on conflict do nothing""",
            what=what,
            subject=subject,
            round_id=round_id,
            name=name,
            at=to_ms(now),
        )
    )


def rename_push(engine: Engine, what: str, subject: str, name: str) -> None:
    """Push a file under another name, if it was not sent yet."""
    engine.run(
        "update pushes set name = :name where what = :what and subject = :subject and state <> 'sent'",
        name=name,
        what=what,
        subject=subject,
    )


def due_pushes(engine: Engine, now: datetime, limit: int) -> list[Push]:
    """Files whose turn it is, in the order in which they were added."""
    rows = engine.rows(
        "select * from pushes where state = 'pending' and next_try_at <= :now order by id limit :n",
        now=to_ms(now),
        n=limit,
    )
    return [_push(row) for row in rows]


def pushes(engine: Engine, round_id: str) -> list[Push]:
    """Every file that was or is to be pushed of a round, in order."""
    return [_push(row) for row in engine.rows("select * from pushes where round_id = :id order by id", id=round_id)]


def troubled(engine: Engine, limit: int = 100) -> list[Push]:
    """Files that were offered without success so far, the longest waiting first."""
    rows = engine.rows(
        "select * from pushes where state = 'pending' and reason is not null order by made_at, id limit :n", n=limit
    )
    return [_push(row) for row in rows]


def push_counts(engine: Engine) -> dict[str, int]:
    """How many files there are to push, per state."""
    rows = engine.rows("select state, count(*) as n from pushes group by state order by state")
    return {row["state"]: int(row["n"]) for row in rows}


def sent(engine: Engine, push_id: int, now: datetime) -> bool:
    """The assessor's server has it; False when that was noted before."""
    return bool(
        engine.run(
            """update pushes set state = 'sent', sent_at = :at, attempts = attempts + 1, reason = null
               where id = :id and state = 'pending'""",
            id=push_id,
            at=to_ms(now),
        )
    )


def postpone(engine: Engine, push_id: int, until: datetime, reason: str) -> None:
    """It did not arrive; when to try again, and why it failed."""
    engine.run(
        """update pushes set next_try_at = :until, attempts = attempts + 1, reason = :reason
           where id = :id and state = 'pending'""",
        id=push_id,
        until=to_ms(until),
        reason=reason,
    )


def give_up(engine: Engine, push_id: int, reason: str) -> None:
    """It is not to be handed over any more: withdrawn, superseded or erased before its turn came."""
    engine.run("update pushes set state = 'gone', reason = :reason where id = :id", id=push_id, reason=reason)


def revive(engine: Engine, what: str, subject: str, now: datetime) -> bool:
    """It is to be handed over after all; whether it had been given up."""
    return bool(
        engine.run(
            """update pushes set state = 'pending', next_try_at = :now, reason = null
               where what = :what and subject = :subject and state = 'gone'""",
            what=what,
            subject=subject,
            now=to_ms(now),
        )
    )
