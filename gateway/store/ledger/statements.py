"""Statements: a municipality says that it has nothing to deliver for an item.

Does: add one; tell which items stand as stated.
Touches: table statements; reads deliveries.
Does not: decide who may state it. An approved delivery overrules a statement, whenever it came.
"""

from dataclasses import dataclass
from datetime import datetime

from gateway.domain.model import from_ms, to_ms
from gateway.store.engine import Engine

Item = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Statement:
    """Nothing to deliver of `kind` over `period`. `channel` sftp or watch."""

    municipality: str
    round_id: str
    kind: str
    period: str
    account: str
    channel: str
    at: datetime


def add(engine: Engine, statement: Statement) -> None:
    """Add a statement; saying it twice changes nothing."""
    engine.run(
        """insert into statements (municipality, round_id, kind, period, account, channel, at)
           values (:municipality, :round_id, :kind, :period, :account, :channel, :at)""",
        municipality=statement.municipality,
        round_id=statement.round_id,
        kind=statement.kind,
        period=statement.period,
        account=statement.account,
        channel=statement.channel,
        at=to_ms(statement.at),
    )


def standing(engine: Engine, municipality: str, round_id: str) -> dict[Item, Statement]:
    """By kind and period the last statement on each item that no approved delivery overrules."""
    rows = engine.rows(
        """select * from statements as s where s.municipality = :municipality and s.round_id = :round_id
           and not exists (select 1 from deliveries as d where d.municipality = s.municipality
               and d.round_id = s.round_id and d.kind = s.kind and d.period = s.period
               and d.state in ('approved', 'assessed'))
           order by s.id""",
        municipality=municipality,
        round_id=round_id,
    )
    return {
        (row["kind"], row["period"]): Statement(
            row["municipality"],
            row["round_id"],
            row["kind"],
            row["period"],
            row["account"],
            row["channel"],
            from_ms(row["at"]),
        )
        for row in rows
    }


def stated(engine: Engine, municipality: str, round_id: str) -> set[Item]:
    """The items (kind, period) that count as complete because there is nothing to deliver."""
    return set(standing(engine, municipality, round_id))
