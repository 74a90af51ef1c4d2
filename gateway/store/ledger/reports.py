"""Reports: rows first, files after.

Does: keep each report with its files, what was placed, collected (read in full) and confirmed (deleted or moved).
Touches: tables reports, report_files.
Does not: write files (spool) or render (reports).
"""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from gateway.domain.model import Report, ReportFile, from_ms
from gateway.store.engine import Engine, Row


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a report as a listing shows it: no bytes. `made_at` serves as its modification time."""

    report_id: str
    ordinal: int
    name: str
    size: int
    made_at: datetime
    stem: str
    confirmed: bool


@dataclass(frozen=True, slots=True)
class Filed:
    """A report's row without its bytes."""

    id: str
    municipality: str
    drop_id: str | None
    delivery_id: str | None
    kind: str
    outcome: str
    stem: str
    made_at: datetime
    placed_at: datetime | None
    collected_at: datetime | None
    confirmed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Placed:
    """One file of a placed report, and whether its set was confirmed."""

    report_id: str
    ordinal: int
    municipality: str
    name: str
    confirmed: bool


def _moment(value: int | None) -> datetime | None:
    return None if value is None else from_ms(value)


def _filed(row: Row) -> Filed:
    return Filed(
        id=row["id"],
        municipality=row["municipality"],
        drop_id=row["drop_id"],
        delivery_id=row["delivery_id"],
        kind=row["kind"],
        outcome=row["outcome"],
        stem=row["stem"],
        made_at=from_ms(row["made_at"]),
        placed_at=_moment(row["placed_at"]),
        collected_at=_moment(row["collected_at"]),
        confirmed_at=_moment(row["confirmed_at"]),
    )


def insert(
    engine: Engine,
    report_id: str,
    municipality: str,
    report: Report,
    at_ms: int,
    drop_id: str | None = None,
    delivery_id: str | None = None,
) -> None:
    """Add a report with its files in publishing order; Conflict when its name is taken."""
    engine.run(
        """insert into reports (id, municipality, drop_id, delivery_id, kind, outcome, stem, made_at)
           values (:id, :municipality, :drop_id, :delivery_id, :kind, :outcome, :stem, :at)""",
        id=report_id,
        municipality=municipality,
        drop_id=drop_id,
        delivery_id=delivery_id,
        kind=report.kind,
        outcome=report.outcome,
        stem=report.stem,
        at=at_ms,
    )
    for ordinal, file in enumerate(report.files):
        engine.run(
            """insert into report_files (report_id, ordinal, municipality, name, size, sha256, body)
               values (:id, :ordinal, :municipality, :name, :size, :sha256, :body)""",
            id=report_id,
            ordinal=ordinal,
            municipality=municipality,
            name=file.name,
            size=len(file.body),
            sha256=sha256(file.body).hexdigest(),
            body=file.body,
        )


def unplaced(engine: Engine, limit: int = 100, municipality: str | None = None) -> list[Filed]:
    """Reports not yet in the outbox folder, of one municipality or of all, oldest first."""
    rows = engine.rows(
        """select * from reports where placed_at is null
           and (municipality = :municipality or cast(:municipality as text) is null) order by arrival limit :n""",
        municipality=municipality,
        n=limit,
    )
    return [_filed(row) for row in rows]


def unplaced_for(engine: Engine) -> list[str]:
    """The municipalities of which a report is not yet in the outbox folder, the longest waiting first."""
    rows = engine.rows(
        "select municipality from reports where placed_at is null group by municipality order by min(arrival)"
    )
    return [row["municipality"] for row in rows]


def files(engine: Engine, report_id: str) -> list[ReportFile]:
    """The files of a report in publishing order (JSON last); erased ones are left out."""
    rows = engine.rows(
        "select name, body from report_files where report_id = :id and body is not null order by ordinal",
        id=report_id,
    )
    return [ReportFile(row["name"], bytes(row["body"])) for row in rows]


def entries(engine: Engine, municipality: str, *, confirmed: bool) -> list[Entry]:
    """The files in a municipality's outbox (not confirmed) or in its opgehaald/ (confirmed)."""
    rows = engine.rows(
        """select f.report_id, f.ordinal, f.name, f.size, r.made_at, r.stem, r.confirmed_at
           from report_files as f join reports as r on r.id = f.report_id
           where f.municipality = :municipality and f.body is not null
           and ((r.confirmed_at is null and :confirmed = 0) or (r.confirmed_at is not null and :confirmed = 1))
           order by r.arrival, f.ordinal""",
        municipality=municipality,
        confirmed=int(confirmed),
    )
    return [_entry(row) for row in rows]


def entry(engine: Engine, municipality: str, name: str) -> Entry | None:
    """One file by name, wherever it lies."""
    rows = engine.rows(
        """select f.report_id, f.ordinal, f.name, f.size, r.made_at, r.stem, r.confirmed_at
           from report_files as f join reports as r on r.id = f.report_id
           where f.municipality = :municipality and f.name = :name and f.body is not null""",
        municipality=municipality,
        name=name,
    )
    return _entry(rows[0]) if rows else None


def _entry(row: Row) -> Entry:
    return Entry(
        row["report_id"],
        row["ordinal"],
        row["name"],
        row["size"],
        from_ms(row["made_at"]),
        row["stem"],
        row["confirmed_at"] is not None,
    )


def is_known(engine: Engine, municipality: str, name: str) -> bool:
    """Whether a file of this name was ever made for a municipality, erased or not."""
    return bool(
        engine.rows(
            "select 1 from report_files where municipality = :municipality and name = :name",
            municipality=municipality,
            name=name,
        )
    )


def body(engine: Engine, report_id: str, ordinal: int) -> bytes | None:
    """The bytes of one file, None when erased."""
    rows = engine.rows(
        "select body from report_files where report_id = :id and ordinal = :ordinal", id=report_id, ordinal=ordinal
    )
    return bytes(rows[0]["body"]) if rows and rows[0]["body"] is not None else None


def get(engine: Engine, report_id: str) -> Filed:
    """The report with this id."""
    return _filed(engine.rows("select * from reports where id = :id", id=report_id)[0])


def of_drop(engine: Engine, drop_id: str) -> list[Filed]:
    """The reports about a drop, oldest first."""
    rows = engine.rows("select * from reports where drop_id = :id order by arrival", id=drop_id)
    return [_filed(row) for row in rows]


def uncollected(engine: Engine, municipality: str | None = None) -> list[Filed]:
    """Placed reports that nobody read in full or confirmed, oldest first."""
    rows = engine.rows(
        """select * from reports where placed_at is not null and collected_at is null and confirmed_at is null
           and erased_at is null and (municipality = :municipality or cast(:municipality as text) is null)
           order by arrival""",
        municipality=municipality,
    )
    return [_filed(row) for row in rows]


def municipalities(engine: Engine) -> list[str]:
    """Everybody for whom there ever was a report."""
    # From one to the next by the index: `distinct` would read every report of all years.
    rows = engine.rows(
        """with recursive each (municipality) as (
               select min(municipality) from reports union all
               select (select min(r.municipality) from reports as r where r.municipality > each.municipality)
               from each where each.municipality is not null)
           select municipality from each where municipality is not null order by 1"""
    )
    return [str(row["municipality"]) for row in rows]


def all_placed(engine: Engine, municipality: str) -> list[Placed]:
    """Every file of a municipality that should lie in its outbox or in opgehaald/, without its bytes."""
    rows = engine.rows(
        """select r.id, f.ordinal, f.municipality, f.name, r.confirmed_at from report_files as f
           join reports as r on r.id = f.report_id
           where f.municipality = :municipality and r.placed_at is not null and f.body is not null
           order by r.arrival, f.ordinal""",
        municipality=municipality,
    )
    return [
        Placed(row["id"], row["ordinal"], row["municipality"], row["name"], row["confirmed_at"] is not None)
        for row in rows
    ]


def mark_placed(engine: Engine, report_id: str, at_ms: int) -> bool:
    """Note that the files are in the folder; False when they were already."""
    return bool(
        engine.run("update reports set placed_at = :at where id = :id and placed_at is null", id=report_id, at=at_ms)
    )


def mark_collected(engine: Engine, report_id: str, at_ms: int) -> bool:
    """Note that somebody entitled read a file in full; False when that was noted before."""
    return bool(
        engine.run(
            "update reports set collected_at = :at where id = :id and collected_at is null", id=report_id, at=at_ms
        )
    )


def mark_confirmed(engine: Engine, report_id: str, at_ms: int) -> bool:
    """Note that the set was acknowledged (a file of it deleted or moved); False when it was before."""
    return bool(
        engine.run(
            """update reports set confirmed_at = :at, collected_at = coalesce(collected_at, :at)
               where id = :id and confirmed_at is null""",
            id=report_id,
            at=at_ms,
        )
    )
