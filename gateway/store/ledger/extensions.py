"""Extensions: a delivery window that closes later for one municipality.

Does: add one; tell which counts, the one that was given last.
Touches: table extensions.
Does not: move a window (lifecycle does).
"""

from dataclasses import dataclass
from datetime import date, datetime

from gateway.domain.model import from_ms, to_ms
from gateway.store.engine import Engine, Row


@dataclass(frozen=True, slots=True)
class Extension:
    """Until the end of which local day a municipality may deliver in a round, why, and who gave it."""

    municipality: str
    round_id: str
    until: date
    reason: str
    account: str
    at: datetime


def _extension(row: Row) -> Extension:
    return Extension(
        municipality=row["municipality"],
        round_id=row["round_id"],
        until=date.fromisoformat(row["until"]),
        reason=row["reason"],
        account=row["account"],
        at=from_ms(row["at"]),
    )


def add(engine: Engine, extension: Extension) -> None:
    """Add an extension; it takes the place of a former one."""
    engine.run(
        """insert into extensions (municipality, round_id, until, reason, account, at)
           values (:municipality, :round_id, :until, :reason, :account, :at)""",
        municipality=extension.municipality,
        round_id=extension.round_id,
        until=extension.until.isoformat(),
        reason=extension.reason,
        account=extension.account,
        at=to_ms(extension.at),
    )


def of_municipality(engine: Engine, municipality: str) -> dict[str, Extension]:
    """By round the extension that counts for a municipality."""
    rows = engine.rows("select * from extensions where municipality = :code order by id", code=municipality)
    return {row["round_id"]: _extension(row) for row in rows}


def of_round(engine: Engine, round_id: str) -> dict[str, Extension]:
    """By municipality the extension that counts in a round."""
    rows = engine.rows("select * from extensions where round_id = :round_id order by id", round_id=round_id)
    return {row["municipality"]: _extension(row) for row in rows}
