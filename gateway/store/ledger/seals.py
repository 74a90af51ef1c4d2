"""Seals: the chain over the message log, and the lease of who makes it.

Does: gives what is not sealed yet, adds seals, pages through seals with their lines, tells lines that stand among
sealed ones without a seal, forgets the salts of erased lines; takes a lease.
Touches: tables seals, leases; log and deletions, reading.
Does not: compute a hash (domain.chain).

Ids of lines grow in the order of commits: on SQLite there is one writer at a time. An engine with several must let the
sealer wait until no transaction that began before is open.
"""

from dataclasses import dataclass
from datetime import datetime

from gateway.domain.chain import LoggedLine, Seal
from gateway.domain.model import to_ms
from gateway.store.engine import Engine, Row


@dataclass(frozen=True, slots=True)
class ErasedSpan:
    """Lines of which the names were erased, or are being: ids from one to another, the term's words, and when it was
    proven (None: begun, not proven yet)."""

    first: int
    last: int
    why: str
    at: int | None


def _line(row: Row) -> LoggedLine:
    return LoggedLine(
        row["id"], row["at"], row["event"], row["municipality"], row["account"], row["drop_id"], row["delivery_id"],
        row["report_id"], row["detail"], row["erased_at"],
    )  # fmt: skip


def _seal(row: Row) -> Seal:
    return Seal(
        row["seal_no"], row["log_id"], row["salt"], row["content_hash"], row["chain_hash"], row["sealed_at"]
    )  # fmt: skip


def lease(engine: Engine, name: str, holder: str, now: datetime, until: datetime) -> bool:
    """Take a lease, or keep it; False while another has it. In the transaction of the work itself."""
    engine.run(
        "insert into leases (name, holder, until) values (:name, :holder, 0) on conflict (name) do nothing",
        name=name,
        holder=holder,
    )
    return bool(
        engine.run(
            """update leases set holder = :holder, until = :until
               where name = :name and (holder = :holder or until <= :now)""",
            name=name,
            holder=holder,
            now=to_ms(now),
            until=to_ms(until),
        )
    )


def last(engine: Engine) -> Seal | None:
    """The newest seal."""
    rows = engine.rows("select * from seals order by seal_no desc limit 1")
    return _seal(rows[0]) if rows else None


def unsealed(engine: Engine, limit: int) -> list[LoggedLine]:
    """The lines after the last sealed one, oldest first."""
    rows = engine.rows(
        "select * from log where id > (select coalesce(max(log_id), 0) from seals) order by id limit :n",
        n=limit,
    )
    return [_line(row) for row in rows]


def add(engine: Engine, seal: Seal) -> None:
    """Add a seal; Conflict when its number or line has one: another process was first."""
    engine.run(
        """insert into seals (seal_no, log_id, salt, content_hash, chain_hash, sealed_at)
           values (:no, :log_id, :salt, :content, :chain, :at)""",
        no=seal.seal_no,
        log_id=seal.log_id,
        salt=seal.salt,
        content=seal.content_hash,
        chain=seal.chain_hash,
        at=seal.sealed_at,
    )


def count(engine: Engine) -> int:
    """How many seals there are."""
    return int(engine.rows("select count(*) as n from seals")[0]["n"])


def page(engine: Engine, after: int, limit: int) -> list[tuple[Seal, LoggedLine | None]]:
    """The next seals after a number, each with its line, None when that is gone."""
    rows = engine.rows(
        """select s.seal_no, s.log_id, s.salt, s.content_hash, s.chain_hash, s.sealed_at, l.*
           from seals as s left join log as l on l.id = s.log_id where s.seal_no > :after
           order by s.seal_no limit :n""",
        after=after,
        n=limit,
    )
    return [(_seal(row), None if row["id"] is None else _line(row)) for row in rows]


def strangers(engine: Engine) -> list[int]:
    """The ids of lines that stand before the last sealed one and have no seal."""
    rows = engine.rows(
        """select l.id from log as l where l.id <= (select coalesce(max(log_id), 0) from seals)
           and not exists (select 1 from seals as s where s.log_id = l.id) order by l.id"""
    )
    return [row["id"] for row in rows]


def waiting(engine: Engine) -> int:
    """How many lines have no seal yet."""
    rows = engine.rows("select count(*) as n from log where id > (select coalesce(max(log_id), 0) from seals)")
    return int(rows[0]["n"])


def erased_spans(engine: Engine) -> list[ErasedSpan]:
    """Every erasure of names in lines, proven or begun."""
    rows = engine.rows(
        """select subject, why, at from deletions where what = 'log'
           union all select subject, why, null as at from erasures where what = 'log'"""
    )
    spans = []
    for row in rows:
        first, _, final = str(row["subject"]).partition("-")
        if first.isascii() and first.isdigit() and final.isascii() and final.isdigit():
            spans.append(ErasedSpan(int(first), int(final), row["why"], row["at"]))
    return spans


def told_erasures(engine: Engine) -> frozenset[int]:
    """The moments at which the log says that names in lines were erased."""
    rows = engine.rows("select at from log where event = 'log_erased'")
    return frozenset(row["at"] for row in rows)
