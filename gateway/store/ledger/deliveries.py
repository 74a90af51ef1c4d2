"""Deliveries: the data files of decided drops, by item and version.

Does: insert, find and move deliveries.
Touches: table deliveries.
Does not: decide which one is current; the partial unique index only refuses a second one.
"""

import json

from gateway.domain.model import Delivery, DeliveryState, Drop, MemberResult
from gateway.errors import Conflict
from gateway.store.engine import Engine, Row


def _delivery(row: Row) -> Delivery:
    return Delivery(
        id=row["id"],
        drop_id=row["drop_id"],
        municipality=row["municipality"],
        round_id=row["round_id"],
        kind=row["kind"],
        period=row["period"],
        version=row["version"],
        state=DeliveryState(row["state"]),
        supersedes=row["supersedes"],
    )


def insert(engine: Engine, delivery: Delivery, member: MemberResult, at_ms: int) -> None:
    """Add a delivery; Conflict when its version is taken or a second one would be current."""
    engine.run(
        """insert into deliveries (id, drop_id, municipality, round_id, kind, period, version, state, supersedes,
               member, sha256, records, figures, bytes, decided_at)
           values (:id, :drop_id, :municipality, :round_id, :kind, :period, :version, :state, :supersedes,
               :member, :sha256, :records, :figures, :bytes, :at)""",
        id=delivery.id,
        drop_id=delivery.drop_id,
        municipality=delivery.municipality,
        round_id=delivery.round_id,
        kind=delivery.kind,
        period=delivery.period,
        version=delivery.version,
        state=delivery.state,
        supersedes=delivery.supersedes,
        member=member.name,
        sha256=member.sha256,
        records=member.records,
        bytes=member.size,
        figures=None if member.figures is None else json.dumps(member.figures, sort_keys=True),
        at=at_ms,
    )


def find(engine: Engine, delivery_id: str) -> Delivery | None:
    """The delivery with this id."""
    rows = engine.rows("select * from deliveries where id = :id", id=delivery_id)
    return _delivery(rows[0]) if rows else None


def last_version(engine: Engine, drop: Drop, kind: str, period: str) -> int:
    """The highest version of an item so far; 0 when there is none."""
    rows = engine.rows(
        """select coalesce(max(version), 0) as last from deliveries where municipality = :municipality
           and round_id = :round_id and kind = :kind and period = :period""",
        municipality=drop.municipality,
        round_id=drop.round_id,
        kind=kind,
        period=period,
    )
    return int(rows[0]["last"])


def current(engine: Engine, municipality: str, round_id: str, kind: str, period: str) -> Delivery | None:
    """The approved or assessed delivery of an item that counts now."""
    rows = engine.rows(
        """select * from deliveries where municipality = :municipality and round_id = :round_id and kind = :kind
           and period = :period and state in ('approved', 'assessed')""",
        municipality=municipality,
        round_id=round_id,
        kind=kind,
        period=period,
    )
    return _delivery(rows[0]) if rows else None


def overtaken(engine: Engine, drop: Drop, kind: str, period: str) -> bool:
    """Whether a drop that arrived later already holds the item."""
    rows = engine.rows(
        """select 1 from deliveries as d join drops as p on p.id = d.drop_id
           where d.municipality = :municipality and d.round_id = :round_id and d.kind = :kind and d.period = :period
           and d.state in ('approved', 'assessed') and p.arrival > (select arrival from drops where id = :id)""",
        municipality=drop.municipality,
        round_id=drop.round_id,
        kind=kind,
        period=period,
        id=drop.id,
    )
    return bool(rows)


def move(engine: Engine, delivery_id: str, before: DeliveryState, after: DeliveryState) -> None:
    """Compare and set the state; Conflict when somebody else moved it first."""
    touched = engine.run(
        "update deliveries set state = :after where id = :id and state = :before",
        id=delivery_id,
        before=before,
        after=after,
    )
    if touched != 1:
        raise Conflict(f"delivery {delivery_id} is not {before} any more")


def of_drop(engine: Engine, drop_id: str) -> list[Delivery]:
    """The deliveries that a drop became, in the order of its members."""
    rows = engine.rows("select * from deliveries where drop_id = :id order by decided_at, id", id=drop_id)
    return [_delivery(row) for row in rows]


def of_municipality(engine: Engine, municipality: str, round_id: str) -> list[Delivery]:
    """Every delivery of a municipality in a round, by item and version."""
    rows = engine.rows(
        """select * from deliveries where municipality = :municipality and round_id = :round_id
           order by kind, period, version""",
        municipality=municipality,
        round_id=round_id,
    )
    return [_delivery(row) for row in rows]


def any_current(engine: Engine, municipality: str, round_id: str) -> bool:
    """Whether any delivery of a municipality counts in a round."""
    return bool(
        engine.rows(
            """select 1 from deliveries where municipality = :municipality and round_id = :round_id
               and state in ('approved', 'assessed') limit 1""",
            municipality=municipality,
            round_id=round_id,
        )
    )


def states(engine: Engine) -> dict[str, DeliveryState]:
    """State by delivery id, of every delivery."""
    return {row["id"]: DeliveryState(row["state"]) for row in engine.rows("select id, state from deliveries")}
