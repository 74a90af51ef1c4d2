"""Drops and their payloads.

Does: insert, find, and move a drop from state to state; keep, hand out and erase its payload.
Touches: tables drops, payloads, packages (removing).
Does not: choose the next state.
"""

from collections.abc import Collection
from dataclasses import dataclass

from gateway.domain.model import Channel, Drop, DropState, FileFacts, Lane, from_ms, to_ms
from gateway.errors import Conflict, Corrupt
from gateway.store.engine import Engine, Row


def _drop(row: Row) -> Drop:
    return Drop(
        id=row["id"],
        short_id=row["short_id"],
        municipality=row["municipality"],
        round_id=row["round_id"],
        lane=Lane(row["lane"]),
        account=row["account"],
        channel=Channel(row["channel"]),
        file=FileFacts(row["name"], row["size"], row["sha256"]),
        received_at=from_ms(row["received_at"]),
        rules_version=row["rules_version"],
        calendar_version=row["calendar_version"],
        terms_version=row["terms_version"],
        state=DropState(row["state"]),
        repeat_of=row["repeat_of"],
    )


@dataclass(frozen=True, slots=True)
class Kept:
    """A payload as it lies in the ledger: sealed to these recipients (one space between), or plain (None)."""

    body: bytes
    sealed_to: str | None


def insert(engine: Engine, drop: Drop, payload: bytes, sealed_to: str | None = None) -> None:
    """Add a drop with its payload; Conflict when its id or short id is taken."""
    engine.run(
        """insert into drops (id, short_id, municipality, round_id, lane, account, channel, name, size, sha256,
               received_at, rules_version, calendar_version, terms_version, state, repeat_of)
           values (:id, :short_id, :municipality, :round_id, :lane, :account, :channel, :name, :size, :sha256,
               :received_at, :rules_version, :calendar_version, :terms_version, :state, :repeat_of)""",
        id=drop.id,
        short_id=drop.short_id,
        municipality=drop.municipality,
        round_id=drop.round_id,
        lane=drop.lane,
        account=drop.account,
        channel=drop.channel,
        name=drop.file.name,
        size=drop.file.size,
        sha256=drop.file.sha256,
        received_at=to_ms(drop.received_at),
        rules_version=drop.rules_version,
        calendar_version=drop.calendar_version,
        terms_version=drop.terms_version,
        state=drop.state,
        repeat_of=drop.repeat_of,
    )
    engine.run(
        "insert into payloads (drop_id, body, sealed_to) values (:id, :body, :sealed_to)",
        id=drop.id,
        body=payload,
        sealed_to=sealed_to,
    )


def find(engine: Engine, drop_id: str) -> Drop | None:
    """The drop with this id."""
    rows = engine.rows("select * from drops where id = :id", id=drop_id)
    return _drop(rows[0]) if rows else None


def find_short(engine: Engine, short_id: str) -> Drop | None:
    """The drop with this short id, as users know it."""
    rows = engine.rows("select * from drops where short_id = :id", id=short_id)
    return _drop(rows[0]) if rows else None


def get(engine: Engine, drop_id: str) -> Drop:
    """The drop with this id; Corrupt when a row that points to it outlived it."""
    found = find(engine, drop_id)
    if found is None:
        raise Corrupt(f"no drop {drop_id}")
    return found


def short_id_taken(engine: Engine, short_id: str) -> bool:
    """Whether a drop already has this short id."""
    return bool(engine.rows("select 1 from drops where short_id = :id", id=short_id))


def newest_like(engine: Engine, municipality: str, round_id: str, lane: Lane, file: FileFacts) -> Drop | None:
    """The last drop, not itself a repeat, with the same name and content. One in which the scanner found something is
    no example: it was erased, and the signature may have been withdrawn since."""
    rows = engine.rows(
        """select * from drops where municipality = :municipality and round_id = :round_id and lane = :lane
           and name = :name and sha256 = :sha256 and repeat_of is null
           and not exists (select 1 from log as l where l.drop_id = drops.id and l.event = 'infected')
           order by arrival desc limit 1""",
        municipality=municipality,
        round_id=round_id,
        lane=lane,
        name=file.name,
        sha256=file.sha256,
    )
    return _drop(rows[0]) if rows else None


def later(engine: Engine, drop: Drop) -> list[Drop]:
    """The drops of the same municipality, round and lane that came after this one, repeats left out."""
    rows = engine.rows(
        """select * from drops where municipality = :municipality and round_id = :round_id and lane = :lane
           and repeat_of is null and arrival > (select arrival from drops where id = :id)""",
        municipality=drop.municipality,
        round_id=drop.round_id,
        lane=drop.lane,
        id=drop.id,
    )
    return [_drop(row) for row in rows]


def senders(engine: Engine, municipality: str, round_id: str) -> list[str]:
    """The accounts that delivered for a municipality in a round; what was only tried is left out."""
    rows = engine.rows(
        """select distinct account from drops where municipality = :municipality and round_id = :round_id
           and lane = 'inbox' order by account""",
        municipality=municipality,
        round_id=round_id,
    )
    return [row["account"] for row in rows]


def next_waiting(engine: Engine, busy: Collection[str], *, external: bool = False) -> Drop | None:
    """The oldest received drop of a municipality that is not in `busy`: drops of one municipality are examined in order
    of arrival. `external`: a drop that was pre-checked waits until the assessor's verdict is there."""
    for row in engine.rows(
        """select municipality, min(arrival) as first from drops where state = 'received'
           and (:external = 0 or not exists (select 1 from prechecks as c where c.drop_id = drops.id)
                or exists (select 1 from verdicts as v where v.drop_id = drops.id))
           group by municipality order by first""",
        external=int(external),
    ):
        if row["municipality"] not in busy:
            return _drop(engine.rows("select * from drops where arrival = :first", first=row["first"])[0])
    return None


def undecided(engine: Engine, municipality: str) -> list[Drop]:
    """The drops of a municipality that are received or held, oldest first."""
    rows = engine.rows(
        """select * from drops where municipality = :municipality and state = 'received'
           union all select * from drops where municipality = :municipality and state = 'held' order by arrival""",
        municipality=municipality,
    )
    return [_drop(row) for row in rows]


def newest(engine: Engine, municipality: str, round_id: str, since_ms: int, limit: int) -> list[Drop]:
    """The last drops of a municipality in a round that were received after a moment, newest first."""
    rows = engine.rows(
        """select * from drops where municipality = :municipality and round_id = :round_id
           order by arrival desc limit :n""",
        municipality=municipality,
        round_id=round_id,
        n=limit,
    )
    return [_drop(row) for row in rows if row["received_at"] > since_ms]


def in_state(engine: Engine, state: DropState) -> list[Drop]:
    """Every drop in a state, oldest first."""
    return [_drop(row) for row in engine.rows("select * from drops where state = :state order by arrival", state=state)]


def recent(engine: Engine, limit: int) -> list[Drop]:
    """The last drops, newest first."""
    return [_drop(row) for row in engine.rows("select * from drops order by arrival desc limit :n", n=limit)]


def move(engine: Engine, drop_id: str, before: DropState, after: DropState, decided_at_ms: int | None = None) -> None:
    """Compare and set the state; Conflict when somebody else moved it first."""
    touched = engine.run(
        """update drops set state = :after, decided_at = coalesce(:decided_at, decided_at)
           where id = :id and state = :before""",
        id=drop_id,
        before=before,
        after=after,
        decided_at=decided_at_ms,
    )
    if touched != 1:
        raise Conflict(f"drop {drop_id} is not {before} any more")


def count_attempt(engine: Engine, drop_id: str) -> int:
    """One more failed examination; how many there were."""
    engine.run("update drops set attempts = attempts + 1 where id = :id", id=drop_id)
    return int(engine.rows("select attempts from drops where id = :id", id=drop_id)[0]["attempts"])


def forget_attempts(engine: Engine, drop_id: str) -> None:
    """Start counting again, after a person released the drop."""
    engine.run("update drops set attempts = 0 where id = :id", id=drop_id)


def payload(engine: Engine, drop_id: str) -> bytes:
    """The bytes of a payload as they lie here, sealed or not; Corrupt when they are gone."""
    return kept(engine, drop_id).body


def kept(engine: Engine, drop_id: str) -> Kept:
    """A payload as it lies here (workflow.payloads opens it); Corrupt when it is gone."""
    rows = engine.rows("select body, sealed_to from payloads where drop_id = :id", id=drop_id)
    if not rows or rows[0]["body"] is None:
        raise Corrupt(f"no payload for drop {drop_id}")
    return Kept(bytes(rows[0]["body"]), rows[0]["sealed_to"])


def sealed_to(engine: Engine, drop_id: str) -> str | None:
    """The recipients that a payload is sealed to; None when it is plain, or gone."""
    rows = engine.rows("select sealed_to from payloads where drop_id = :id", id=drop_id)
    return rows[0]["sealed_to"] if rows else None


def replace_payload(engine: Engine, drop_id: str, body: bytes, sealed_to: str) -> bool:
    """Put the same payload there, sealed to others; False when it was erased meanwhile."""
    return bool(
        engine.run(
            "update payloads set body = :body, sealed_to = :sealed_to where drop_id = :id and body is not null",
            id=drop_id,
            body=body,
            sealed_to=sealed_to,
        )
    )


def erase_payload(engine: Engine, drop_id: str, at_ms: int) -> None:
    """Blank the payload, with what was sealed of it for others, and note when."""
    engine.run("delete from packages where drop_id = :id", id=drop_id)
    engine.run(
        "update payloads set body = null, erased_at = :at where drop_id = :id and erased_at is null",
        id=drop_id,
        at=at_ms,
    )


def states(engine: Engine) -> dict[str, DropState]:
    """State by drop id, of every drop."""
    return {row["id"]: DropState(row["state"]) for row in engine.rows("select id, state from drops")}


def counts(engine: Engine) -> dict[str, int]:
    """How many drops are in each state."""
    return {row["state"]: row["n"] for row in engine.rows("select state, count(*) as n from drops group by state")}
