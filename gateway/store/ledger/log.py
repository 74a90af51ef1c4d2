"""The message log (berichtenlog): append-only lines in a municipality's own words.

Does: append and read.
Touches: table log.
Does not: ever change or delete a line. `detail` holds codes, names and counts, never a value from a payload.
"""

import json
from dataclasses import dataclass, field
from datetime import datetime

from gateway.domain.model import from_ms, to_ms
from gateway.store.engine import Engine, Row


@dataclass(frozen=True, slots=True)
class Line:
    """One line. `event` is a word of lifecycle or of the workflow; ids link everything about one drop."""

    at: datetime
    event: str
    municipality: str | None = None
    account: str | None = None
    drop_id: str | None = None
    delivery_id: str | None = None
    report_id: str | None = None
    detail: dict[str, str | int | None] = field(default_factory=dict)


def _line(row: Row) -> Line:
    return Line(
        from_ms(row["at"]),
        row["event"],
        row["municipality"],
        row["account"],
        row["drop_id"],
        row["delivery_id"],
        row["report_id"],
        json.loads(row["detail"]),
    )


def append(engine: Engine, line: Line) -> None:
    """Add a line at the end."""
    engine.run(
        """insert into log (at, event, municipality, account, drop_id, delivery_id, report_id, detail)
           values (:at, :event, :municipality, :account, :drop_id, :delivery_id, :report_id, :detail)""",
        at=to_ms(line.at),
        event=line.event,
        municipality=line.municipality,
        account=line.account,
        drop_id=line.drop_id,
        delivery_id=line.delivery_id,
        report_id=line.report_id,
        detail=json.dumps(line.detail, sort_keys=True, ensure_ascii=False),
    )


def between(engine: Engine, first: datetime, last: datetime, municipality: str | None = None) -> list[Line]:
    """The lines from `first` up to and including `last`, of one municipality or of all, oldest first."""
    rows = engine.rows(
        """select * from log where at >= :first and at <= :last
           and (municipality = :municipality or cast(:municipality as text) is null) order by id""",
        first=to_ms(first),
        last=to_ms(last),
        municipality=municipality,
    )
    return [_line(row) for row in rows]


def is_any(engine: Engine, first: datetime, last: datetime, municipality: str) -> bool:
    """Whether a municipality has a line from `first` up to and including `last`."""
    return bool(
        engine.rows(
            "select 1 from log where municipality = :municipality and at >= :first and at <= :last limit 1",
            first=to_ms(first),
            last=to_ms(last),
            municipality=municipality,
        )
    )


def of_drop(engine: Engine, drop_id: str) -> list[Line]:
    """Everything that happened to a drop, oldest first."""
    return [_line(row) for row in engine.rows("select * from log where drop_id = :id order by id", id=drop_id)]


def last_of_event(engine: Engine, event: str, municipality: str, limit: int) -> list[Line]:
    """The newest lines of one event for a municipality, newest first."""
    rows = engine.rows(
        """select * from log where event = :event and municipality = :municipality and erased_at is null
           order by id desc limit :n""",
        event=event,
        municipality=municipality,
        n=limit,
    )
    return [_line(row) for row in rows]


def is_refusal_told(engine: Engine, municipality: str, name: str, after: datetime) -> bool:
    """Whether a municipality was given a receipt of a refusal of this name after a moment."""
    written = json.dumps(name, ensure_ascii=False)
    for sign in "!%_":
        written = written.replace(sign, f"!{sign}")
    # Looked for by the ledger itself: somebody may have been refused thousands of times within the hour.
    rows = engine.rows(
        """select detail from log where event = 'refused' and municipality = :municipality and at > :after
           and report_id is not null and detail like :pattern escape '!'""",
        municipality=municipality,
        after=to_ms(after),
        pattern=f"%{written}%",
    )
    return any(json.loads(row["detail"]).get("name") == name for row in rows)


def everything(engine: Engine) -> list[Line]:
    """All lines, oldest first."""
    return [_line(row) for row in engine.rows("select * from log order by id")]


def latest_moment(engine: Engine) -> datetime | None:
    """The legal time of the newest line: a simulated clock resumes there."""
    rows = engine.rows("select max(at) as at from log")
    return None if rows[0]["at"] is None else from_ms(rows[0]["at"])
