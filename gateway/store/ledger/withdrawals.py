"""Withdrawals: rows that are only ever added, one for each change of an item's selection.

Does: add a row; tell the selection as it was at any moment, and its history.
Touches: table withdrawals.
Does not: know what counts when nothing was ever said (lifecycle does, by the round's consent), or who may say it.

What counts at a moment is the row that was added last of those up to that moment; when a clock was set back, the order
of adding decides.
"""

from dataclasses import dataclass
from datetime import datetime

from gateway.domain.model import from_ms, to_ms
from gateway.store.engine import Engine, Row

Item = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """One change: `withdrawn`, or active again. `channel` sftp or form (a CBS form that the desk recorded)."""

    municipality: str
    round_id: str
    kind: str
    period: str
    withdrawn: bool
    account: str
    channel: str
    at: datetime
    note: str | None = None


def _withdrawal(row: Row) -> Withdrawal:
    return Withdrawal(
        municipality=row["municipality"],
        round_id=row["round_id"],
        kind=row["kind"],
        period=row["period"],
        withdrawn=bool(row["withdrawn"]),
        account=row["account"],
        channel=row["channel"],
        at=from_ms(row["at"]),
        note=row["note"],
    )


def add(engine: Engine, change: Withdrawal) -> None:
    """Add a change."""
    engine.run(
        """insert into withdrawals (municipality, round_id, kind, period, withdrawn, account, channel, note, at)
           values (:municipality, :round_id, :kind, :period, :withdrawn, :account, :channel, :note, :at)""",
        municipality=change.municipality,
        round_id=change.round_id,
        kind=change.kind,
        period=change.period,
        withdrawn=int(change.withdrawn),
        account=change.account,
        channel=change.channel,
        note=change.note,
        at=to_ms(change.at),
    )


def withdrawn(
    engine: Engine, municipality: str, round_id: str, kind: str, period: str, at_ms: int, *, default: bool = False
) -> bool:
    """Whether an item was withdrawn at a moment; `default` when nothing had been said of it."""
    rows = engine.rows(
        """select withdrawn from withdrawals where municipality = :municipality and round_id = :round_id
           and kind = :kind and period = :period and at <= :at order by id desc limit 1""",
        municipality=municipality,
        round_id=round_id,
        kind=kind,
        period=period,
        at=at_ms,
    )
    return bool(rows[0]["withdrawn"]) if rows else default


def selection(engine: Engine, municipality: str, round_id: str, at_ms: int) -> dict[Item, Withdrawal]:
    """By kind and period the change that counted at a moment; items of which nothing had been said are not in it."""
    rows = engine.rows(
        """select * from withdrawals where municipality = :municipality and round_id = :round_id and at <= :at
           order by id""",
        municipality=municipality,
        round_id=round_id,
        at=at_ms,
    )
    return {(row["kind"], row["period"]): _withdrawal(row) for row in rows}


def history(engine: Engine, municipality: str, round_id: str) -> list[Withdrawal]:
    """Every change of a municipality in a round, oldest first."""
    rows = engine.rows(
        "select * from withdrawals where municipality = :municipality and round_id = :round_id order by id",
        municipality=municipality,
        round_id=round_id,
    )
    return [_withdrawal(row) for row in rows]
