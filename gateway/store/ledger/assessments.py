"""Assessments: what an op-orde report is made from, and which deliveries still wait for one.

Does: finds current deliveries without an op-orde report, reads the figures of a delivery and of the ones it is compared
with.
Touches: table deliveries, reading.
Does not: move a delivery (deliveries does) or compare (domain.comparison).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.domain.model import Delivery
from gateway.store.engine import Engine


@dataclass(frozen=True, slots=True)
class Counted:
    """What a delivery was found to hold: the name of its data file, its records, and its figures (None: counted before
    there were figures)."""

    version: int
    member: str
    sha256: str
    records: int
    figures: Mapping[str, Mapping[str, int | None]] | None


def _counted(row: Mapping[str, Any]) -> Counted:
    figures = None if row["figures"] is None else json.loads(row["figures"])
    return Counted(row["version"], row["member"], row["sha256"], row["records"], figures)


def waiting(engine: Engine) -> list[str]:
    """Ids of the deliveries that are approved and not yet assessed, first approved first."""
    rows = engine.rows("select id from deliveries where state = 'approved' order by decided_at, id")
    return [str(row["id"]) for row in rows]


def counted(engine: Engine, delivery_id: str) -> Counted:
    """What a delivery was found to hold."""
    return _counted(engine.rows("select * from deliveries where id = :id", id=delivery_id)[0])


def former_version(engine: Engine, delivery: Delivery) -> Counted | None:
    """The delivery of the same item before this one: the version it replaced, else what counts of an earlier round."""
    if delivery.supersedes:
        rows = engine.rows("select * from deliveries where id = :id and figures is not null", id=delivery.supersedes)
        if rows:
            return _counted(rows[0])
    rows = engine.rows(
        """select * from deliveries where municipality = :municipality and kind = :kind and period = :period
           and round_id <> :round_id and state in ('approved', 'assessed') and figures is not null
           order by decided_at desc limit 1""",
        municipality=delivery.municipality,
        kind=delivery.kind,
        period=delivery.period,
        round_id=delivery.round_id,
    )
    return _counted(rows[0]) if rows else None


def of_period(engine: Engine, delivery: Delivery, period: str) -> Counted | None:
    """What counts of another period of the same kind: in the same round, else in the last round that asked it."""
    rows = engine.rows(
        """select * from deliveries where municipality = :municipality and kind = :kind and period = :period
           and state in ('approved', 'assessed') and figures is not null
           order by case when round_id = :round_id then 0 else 1 end, decided_at desc limit 1""",
        municipality=delivery.municipality,
        kind=delivery.kind,
        period=period,
        round_id=delivery.round_id,
    )
    return _counted(rows[0]) if rows else None
