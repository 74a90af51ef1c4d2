"""The assessor's side of the ledger: which files are there for it, what it collected and judged.

Does: lists data files that wait for an op-orde report and uploads that wait for a verdict; notes collections,
pre-checks and verdicts.
Touches: tables assessor_collections, prechecks, verdicts; view data_files and table drops, reading.
Does not: take a data file out of an upload (domain.members), or say who is an assessor.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gateway.domain.model import DeliveryState, from_ms
from gateway.store.engine import Engine


@dataclass(frozen=True, slots=True)
class DataFile:
    """One data file of a current delivery. `size` is None when it was approved before sizes were kept."""

    delivery_id: str
    drop_id: str
    short_id: str
    municipality: str
    round_id: str
    kind: str
    period: str
    version: int
    state: DeliveryState
    member: str
    sha256: str
    size: int | None
    upload_sha256: str
    upload_size: int
    approved_at: datetime


@dataclass(frozen=True, slots=True)
class Unjudged:
    """One upload that was pre-checked and waits for a verdict."""

    drop_id: str
    short_id: str
    municipality: str
    name: str
    sha256: str
    size: int
    received_at: datetime
    prechecked_at: datetime


@dataclass(frozen=True, slots=True)
class Waiting:
    """A file that no assessor collected yet, and by when its verdict or report is due."""

    round_id: str
    municipality: str
    due_at: datetime | None


def _file(row: Mapping[str, Any]) -> DataFile:
    size = row["upload_size"] if row["sha256"] == row["upload_sha256"] else row["bytes"]
    return DataFile(
        delivery_id=row["id"],
        drop_id=row["drop_id"],
        short_id=row["short_id"],
        municipality=row["municipality"],
        round_id=row["round_id"],
        kind=row["kind"],
        period=row["period"],
        version=row["version"],
        state=DeliveryState(row["state"]),
        member=row["member"],
        sha256=row["sha256"],
        size=size,
        upload_sha256=row["upload_sha256"],
        upload_size=row["upload_size"],
        approved_at=from_ms(row["decided_at"]),
    )


def current_files(engine: Engine, round_id: str) -> list[DataFile]:
    """The data files of a round that count now and whose bytes are still here, first approved first."""
    rows = engine.rows(
        """select * from data_files where round_id = :round_id and state in ('approved', 'assessed')
           order by decided_at, id""",
        round_id=round_id,
    )
    return [_file(row) for row in rows]


def data_file(engine: Engine, delivery_id: str) -> DataFile | None:
    """The data file of a delivery; None when there is none such, or its bytes are gone."""
    rows = engine.rows("select * from data_files where id = :id", id=delivery_id)
    return _file(rows[0]) if rows else None


def unjudged(engine: Engine, round_id: str) -> list[Unjudged]:
    """Uploads that were pre-checked and have no verdict yet, first received first."""
    rows = engine.rows(
        """select p.*, c.at as prechecked_at from drops as p join prechecks as c on c.drop_id = p.id
           where p.round_id = :round_id and p.state = 'received'
           and not exists (select 1 from verdicts as v where v.drop_id = p.id) order by p.arrival""",
        round_id=round_id,
    )
    return [
        Unjudged(
            drop_id=row["id"],
            short_id=row["short_id"],
            municipality=row["municipality"],
            name=row["name"],
            sha256=row["sha256"],
            size=row["size"],
            received_at=from_ms(row["received_at"]),
            prechecked_at=from_ms(row["prechecked_at"]),
        )
        for row in rows
    ]


def note_collection(engine: Engine, what: str, subject: str, account: str, at_ms: int) -> bool:
    """Note that an assessor read a file in full; False when it had before."""
    return bool(
        engine.run(
            """insert into assessor_collections (what, subject, account, at)
               values (:what, :subject, :account, :at) on conflict do nothing""",
            what=what,
            subject=subject,
            account=account,
            at=at_ms,
        )
    )


def collections(engine: Engine, what: str, subject: str) -> list[tuple[str, datetime]]:
    """Who collected a file, and when, first first."""
    rows = engine.rows(
        "select account, at from assessor_collections where what = :what and subject = :subject order by at, account",
        what=what,
        subject=subject,
    )
    return [(row["account"], from_ms(row["at"])) for row in rows]


def uncollected(engine: Engine, what: str) -> list[Waiting]:
    """What no assessor read in full or was sent yet: uploads that wait for a verdict (drop) or approved data
    files that wait for an op-orde report (delivery), first due first."""
    rows = engine.rows(
        """select w.round_id, w.municipality, d.due_at from (
               select p.id, p.round_id, p.municipality, 'drop' as what, 'technical' as kind
               from drops as p join prechecks as c on c.drop_id = p.id where p.state = 'received'
               and not exists (select 1 from verdicts as v where v.drop_id = p.id)
               union all select f.id, f.round_id, f.municipality, 'delivery' as what, 'quality' as kind
               from data_files as f where f.state = 'approved'
           ) as w left join deadlines as d on d.kind = w.kind and d.subject = w.id
           where w.what = :what and not exists (
               select 1 from assessor_collections as a where a.what = w.what and a.subject = w.id)
           and not exists (select 1 from pushes as s where s.what = w.what and s.subject = w.id and s.state = 'sent')
           order by coalesce(d.due_at, 0), w.id""",
        what=what,
    )
    return [
        Waiting(row["round_id"], row["municipality"], None if row["due_at"] is None else from_ms(row["due_at"]))
        for row in rows
    ]


def note_precheck(engine: Engine, drop_id: str, at_ms: int) -> None:
    """A drop was pre-checked and waits for the assessor; Conflict when it was before."""
    engine.run("insert into prechecks (drop_id, at) values (:id, :at)", id=drop_id, at=at_ms)


def is_prechecked(engine: Engine, drop_id: str) -> bool:
    """Whether a drop was pre-checked."""
    return bool(engine.rows("select 1 from prechecks where drop_id = :id", id=drop_id))


def note_verdict(engine: Engine, drop_id: str, body: str, account: str, at_ms: int) -> None:
    """Keep the assessor's verdict on a drop; Conflict when there is one."""
    engine.run(
        "insert into verdicts (drop_id, body, account, at) values (:id, :body, :account, :at)",
        id=drop_id,
        body=body,
        account=account,
        at=at_ms,
    )


def verdict(engine: Engine, drop_id: str) -> tuple[str, str] | None:
    """The verdict on a drop as it was dropped, and by whom; None when there is none yet."""
    rows = engine.rows("select body, account from verdicts where drop_id = :id", id=drop_id)
    return (rows[0]["body"], rows[0]["account"]) if rows else None
