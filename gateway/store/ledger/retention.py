"""Retention: what may be old enough to go, what was begun to be erased, and the proof of what went.

Does: find content by age; blank it and note the erasure in the same breath; turn erasures into deletions; holds.
Touches: tables erasures, deletions, holds; blanks payloads, report_files, log; reads drops, deliveries, deadlines and
what the assessor collected.
Does not: choose a term (workflow), remove files, or make what was blanked unreadable (`Engine.scrub`).

A `Deletion` is only ever added. What is blank is told by `erased_at`; the row around it stays.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from gateway.domain.model import Drop, from_ms, to_ms
from gateway.store.engine import Engine, Row
from gateway.store.ledger import drops


@dataclass(frozen=True, slots=True)
class Erasure:
    """Something that goes, or is going. `what`: payload, report (one file), working, refused, mail, log or rows;
    `subject` the id of the drop, report or mail, a path, or a span of rows; `name` of the file; `sha256` and `bytes` of
    what is erased; `why` the term that ended. `path` is relative to the inbox, for what is a file there."""

    what: str
    subject: str
    name: str
    municipality: str | None
    sha256: str
    bytes: int
    why: str
    path: str | None = None


@dataclass(frozen=True, slots=True)
class Deletion:
    """The proof: what went, when nothing of it was left here, and until when a backup may still hold it."""

    erasure: Erasure
    at: datetime
    backups_until: datetime


@dataclass(frozen=True, slots=True)
class Hold:
    """A legal hold on a municipality."""

    municipality: str
    reason: str
    account: str
    at: datetime


@dataclass(frozen=True, slots=True)
class OldReport:
    """One file of a report that is old enough to look at."""

    report_id: str
    municipality: str
    name: str
    sha256: str
    bytes: int
    made_at: datetime
    confirmed_at: datetime | None


@dataclass(frozen=True, slots=True)
class OldLines:
    """Lines of the message log between two ids, or rows of another table (ids 0): how many, and what they said."""

    first: int
    last: int
    count: int
    sha256: str
    bytes: int


def _erasure(row: Row, path: str | None) -> Erasure:
    return Erasure(
        row["what"], row["subject"], row["name"], row["municipality"], row["sha256"], row["bytes"], row["why"], path
    )


# By table: the old rows that name somebody (id, what they say), and how they are blanked. Rows that carry the history
# stay; a mail that was sent and an acceptance of a round that is configured no more are nothing but names, and go.
ROWS: dict[str, tuple[str, str]] = {
    "drops": (
        """select id, account || ' ' || name as said from drops where received_at < :before and account <> ''
           and municipality not in (select municipality from held_municipalities) order by arrival""",
        """update drops set account = '', name = '' where received_at < :before and account <> ''
           and municipality not in (select municipality from held_municipalities)""",
    ),
    "withdrawals": (
        """select id, account || ' ' || coalesce(note, '') as said from withdrawals where at < :before
           and account <> '' and municipality not in (select municipality from held_municipalities) order by id""",
        """update withdrawals set account = '', note = null where at < :before and account <> ''
           and municipality not in (select municipality from held_municipalities)""",
    ),
    "extensions": (
        """select id, account || ' ' || reason as said from extensions where at < :before and account <> ''
           and municipality not in (select municipality from held_municipalities) order by id""",
        """update extensions set account = '', reason = '' where at < :before and account <> ''
           and municipality not in (select municipality from held_municipalities)""",
    ),
    "statements": (
        """select id, account as said from statements where at < :before and account <> ''
           and municipality not in (select municipality from held_municipalities) order by id""",
        """update statements set account = '' where at < :before and account <> ''
           and municipality not in (select municipality from held_municipalities)""",
    ),
    "notifications": (
        """select id, account || ' ' || content as said from notifications where made_at < :before
           and state <> 'pending' and municipality not in (select municipality from held_municipalities) order by id""",
        """delete from notifications where made_at < :before and state <> 'pending'
           and municipality not in (select municipality from held_municipalities)""",
    ),
    # The assessor's reasons are free text; they stand in the technical report, whose term they share.
    "verdicts": (
        """select v.drop_id as id, v.account || ' ' || v.body as said from verdicts as v
           join drops as d on d.id = v.drop_id where v.at < :before and v.account <> '' and d.state = 'decided'
           and d.municipality not in (select municipality from held_municipalities) order by v.drop_id""",
        """update verdicts set account = '', body = '' where at < :before and account <> '' and drop_id in (
               select id from drops where state = 'decided'
               and municipality not in (select municipality from held_municipalities))""",
    ),
    "acceptances": (
        """select round_id || ' ' || terms_version as id, account as said from acceptances
           where accepted_at < :before and :rounds not like '%|' || round_id || '|%' order by accepted_at, account""",
        "delete from acceptances where accepted_at < :before and :rounds not like '%|' || round_id || '|%'",
    ),
}


# --- holds ------------------------------------------------------------------------------------------------------------


def add_hold(engine: Engine, hold: Hold, *, held: bool) -> None:
    """Add a hold, or (`held` false) lift it."""
    engine.run(
        """insert into holds (municipality, held, reason, account, at)
           values (:municipality, :held, :reason, :account, :at)""",
        municipality=hold.municipality,
        held=int(held),
        reason=hold.reason,
        account=hold.account,
        at=to_ms(hold.at),
    )


def holds(engine: Engine) -> dict[str, Hold]:
    """The holds in force, by municipality."""
    found: dict[str, Hold] = {}
    for row in engine.rows("select * from holds order by id"):
        found.pop(row["municipality"], None)
        if row["held"]:
            found[row["municipality"]] = Hold(row["municipality"], row["reason"], row["account"], from_ms(row["at"]))
    return found


# --- what is old ------------------------------------------------------------------------------------------------------


def old_payloads(engine: Engine, received_before: datetime) -> list[Drop]:
    """Drops of which the payload is here and that were received before a moment, oldest first. A repeat has none."""
    rows = engine.rows(
        """select d.id from drops as d join payloads as p on p.drop_id = d.id
           where p.body is not null and length(p.body) > 0 and d.received_at < :before order by d.arrival""",
        before=to_ms(received_before),
    )
    return [drops.get(engine, row["id"]) for row in rows]


def unproven_payloads(engine: Engine) -> list[Drop]:
    """Drops of which the payload was blanked elsewhere (a file that was only tried) and that nothing proves yet."""
    rows = engine.rows(
        """select d.id from drops as d join payloads as p on p.drop_id = d.id where p.erased_at is not null
           and not exists (select 1 from erasures as e where e.what = 'payload' and e.subject = d.id)
           and not exists (select 1 from deletions as x where x.what = 'payload' and x.subject = d.id)
           order by d.arrival"""
    )
    return [drops.get(engine, row["id"]) for row in rows]


def still_owed(engine: Engine, drop_id: str) -> bool:
    """Whether a report about a drop, or about a delivery of it, is still due."""
    return bool(
        engine.rows(
            """select 1 from deadlines where met_at is null and (kind = 'technical' and subject = :id
               or kind = 'quality' and subject in (select id from deliveries where drop_id = :id)) limit 1""",
            id=drop_id,
        )
    )


def handed_over(engine: Engine, delivery_id: str) -> datetime | None:
    """When an assessor had a delivery for the first time, collected or pushed; None when none has it."""
    rows = engine.rows(
        """select min(at) as at from (
               select at from assessor_collections where what = 'delivery' and subject = :id
               union all select sent_at as at from pushes where what = 'delivery' and subject = :id and state = 'sent'
           ) as known""",
        id=delivery_id,
    )
    return None if rows[0]["at"] is None else from_ms(rows[0]["at"])


def old_reports(engine: Engine, made_before: datetime) -> list[OldReport]:
    """The files of placed reports that are here and were made before a moment, oldest first."""
    rows = engine.rows(
        """select f.report_id, f.municipality, f.name, f.sha256, f.size, r.made_at, r.confirmed_at
           from report_files as f join reports as r on r.id = f.report_id
           where f.body is not null and r.placed_at is not null and r.made_at < :before
           order by r.arrival, f.ordinal""",
        before=to_ms(made_before),
    )
    return [
        OldReport(
            report_id=row["report_id"],
            municipality=row["municipality"],
            name=row["name"],
            sha256=row["sha256"],
            bytes=row["size"],
            made_at=from_ms(row["made_at"]),
            confirmed_at=None if row["confirmed_at"] is None else from_ms(row["confirmed_at"]),
        )
        for row in rows
    ]


def old_lines(engine: Engine, before: datetime, *, after: int, limit: int) -> OldLines | None:
    """The next lines older than a moment that still say who and what, beginning after an id; None when there are no
    more. Lines of municipalities that are held are passed over."""
    rows = engine.rows(
        """select id, account, detail from log where at < :before and erased_at is null and id > :after
           and coalesce(municipality, '') not in (select municipality from held_municipalities) order by id limit :n""",
        before=to_ms(before),
        after=after,
        n=limit,
    )
    said = [f"{row['id']}\t{row['account'] or ''}\t{row['detail']}\n".encode() for row in rows]
    if not said:
        return None
    whole = b"".join(said)
    return OldLines(rows[0]["id"], rows[-1]["id"], len(rows), sha256(whole).hexdigest(), len(whole))


def old_rows(engine: Engine, table: str, before: datetime, rounds: Collection[str]) -> OldLines | None:
    """The rows of a table of ROWS that are older than a moment and still name somebody; None when there are none.
    `rounds` are the ids of those that are configured."""
    rows = engine.rows(ROWS[table][0], before=to_ms(before), rounds=_listed(rounds))
    whole = "".join(f"{row['id']}\t{row['said']}\n" for row in rows).encode()
    return OldLines(0, 0, len(rows), sha256(whole).hexdigest(), len(whole)) if rows else None


# --- erasing ----------------------------------------------------------------------------------------------------------


def begin(engine: Engine, erasure: Erasure, at: datetime) -> bool:
    """Note that something is being erased; False when that was noted before. In the transaction that blanks it."""
    return bool(
        engine.run(
            """insert into erasures (what, subject, name, municipality, sha256, bytes, why, path, begun_at)
               values (:what, :subject, :name, :municipality, :sha256, :bytes, :why, :path, :at)
               on conflict (what, subject, name) do nothing""",
            what=erasure.what,
            subject=erasure.subject,
            name=erasure.name,
            municipality=erasure.municipality,
            sha256=erasure.sha256,
            bytes=erasure.bytes,
            why=erasure.why,
            path=erasure.path,
            at=to_ms(at),
        )
    )


def begun(engine: Engine) -> list[Erasure]:
    """What was begun and is not proven, in the order of beginning."""
    rows = engine.rows("select * from erasures order by begun_at, what, subject, name")
    return [_erasure(row, row["path"]) for row in rows]


def blank_report_file(engine: Engine, report_id: str, name: str, at: datetime) -> bool:
    """Blank one file of a report; False when it was. The first marks the report as erased."""
    touched = engine.run(
        "update report_files set body = null where report_id = :id and name = :name and body is not null",
        id=report_id,
        name=name,
    )
    engine.run("update reports set erased_at = :at where id = :id and erased_at is null", id=report_id, at=to_ms(at))
    return bool(touched)


def blank_lines(engine: Engine, first: int, last: int, at: datetime) -> int:
    """Blank account and details of the lines from one id to another, except those of municipalities that are held; how
    many. Their salts go too: without it nobody can guess by the hash what a line said."""
    touched = engine.run(
        """update log set account = null, detail = '{}', erased_at = :at
           where id between :first and :last and erased_at is null
           and coalesce(municipality, '') not in (select municipality from held_municipalities)""",
        first=first,
        last=last,
        at=to_ms(at),
    )
    engine.run(
        """update seals set salt = null where log_id between :first and :last
           and log_id in (select id from log where erased_at = :at)""",
        first=first,
        last=last,
        at=to_ms(at),
    )
    return touched


def blank_rows(engine: Engine, table: str, before: datetime, rounds: Collection[str]) -> int:
    """Blank the names in the rows that `old_rows` gives, or remove rows that are nothing but names; how many."""
    return engine.run(ROWS[table][1], before=to_ms(before), rounds=_listed(rounds))


def _listed(rounds: Collection[str]) -> str:
    return f"|{'|'.join(sorted(rounds))}|"


def abandon(engine: Engine, erasure: Erasure) -> bool:
    """Forget an erasure that was begun: there is something else now in the place of what was to go."""
    return bool(
        engine.run(
            "delete from erasures where what = :what and subject = :subject and name = :name",
            what=erasure.what,
            subject=erasure.subject,
            name=erasure.name,
        )
    )


def prove(engine: Engine, erasure: Erasure, at: datetime, backup_days: int) -> bool:
    """Add the deletion of an erasure of which nothing is left; False when another did. In a transaction."""
    if not abandon(engine, erasure):
        return False
    engine.run(
        """insert into deletions (what, subject, name, municipality, sha256, bytes, why, at, backups_until)
           values (:what, :subject, :name, :municipality, :sha256, :bytes, :why, :at, :until)""",
        what=erasure.what,
        subject=erasure.subject,
        name=erasure.name,
        municipality=erasure.municipality,
        sha256=erasure.sha256,
        bytes=erasure.bytes,
        why=erasure.why,
        at=to_ms(at),
        until=to_ms(at + timedelta(days=backup_days)),
    )
    return True


def deletions(engine: Engine, first: datetime, last: datetime, municipality: str | None = None) -> list[Deletion]:
    """What was proven erased between two moments, of one municipality or of all, oldest first."""
    rows = engine.rows(
        """select * from deletions where at >= :first and at <= :last
           and (municipality = :municipality or cast(:municipality as text) is null) order by id""",
        first=to_ms(first),
        last=to_ms(last),
        municipality=municipality,
    )
    return [Deletion(_erasure(row, None), from_ms(row["at"]), from_ms(row["backups_until"])) for row in rows]


def erased_names(engine: Engine, municipality: str) -> set[str]:
    """The names of a municipality's report files that are erased."""
    rows = engine.rows("select name from report_files where municipality = :code and body is null", code=municipality)
    return {row["name"] for row in rows}
