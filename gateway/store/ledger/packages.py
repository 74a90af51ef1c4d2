"""Packages: what an assessor fetches, sealed to its own recipient.

Does: keep, list and hand out; forget those of recipients that are gone.
Touches: table packages; payloads, reading which are sealed to whom.
Does not: seal (store.sealing), or say what is to be sealed (workflow.packages).
"""

from collections.abc import Collection
from dataclasses import dataclass

from gateway.errors import Corrupt
from gateway.store.engine import Engine, Row


@dataclass(frozen=True, slots=True)
class Package:
    """A sealed file without its bytes. `what`: delivery (one data file) or drop (an upload as it came)."""

    what: str
    subject: str
    recipient: str
    size: int
    sha256: str


def _package(row: Row) -> Package:
    return Package(row["what"], row["subject"], row["recipient"], row["size"], row["sha256"])


def add(engine: Engine, package: Package, drop_id: str, body: bytes, at_ms: int) -> None:
    """Keep a package while the upload that it was made of is there; nothing when there is one or the upload is gone."""
    engine.run(
        """insert into packages (what, subject, recipient, drop_id, size, sha256, body, made_at)
           select :what, :subject, :recipient, drop_id, :size, :sha256, :body, :at from payloads
           where drop_id = :drop_id and body is not null on conflict do nothing""",
        what=package.what,
        subject=package.subject,
        recipient=package.recipient,
        drop_id=drop_id,
        size=package.size,
        sha256=package.sha256,
        body=body,
        at=at_ms,
    )


def of(engine: Engine, what: str, subject: str) -> dict[str, Package]:
    """The packages of one file, by recipient."""
    rows = engine.rows(
        """select what, subject, recipient, size, sha256 from packages where what = :what and subject = :subject
           order by recipient""",
        what=what,
        subject=subject,
    )
    return {row["recipient"]: _package(row) for row in rows}


def body(engine: Engine, package: Package) -> bytes:
    """The sealed bytes; Corrupt when they are gone."""
    rows = engine.rows(
        "select body from packages where what = :what and subject = :subject and recipient = :recipient",
        what=package.what,
        subject=package.subject,
        recipient=package.recipient,
    )
    if not rows:
        raise Corrupt(f"the sealed copy of {package.what} {package.subject} is gone")
    return bytes(rows[0]["body"])


def forget_others(engine: Engine, recipients: Collection[str]) -> int:
    """Remove the packages of all other recipients; how many."""
    known = {row["recipient"] for row in engine.rows("select distinct recipient from packages")}
    return sum(
        engine.run("delete from packages where recipient = :recipient", recipient=each)
        for each in sorted(known - set(recipients))
    )


def sealed_to(engine: Engine) -> list[tuple[str, str | None, str]]:
    """Of every payload that is here: its drop, the recipients it is sealed to (None: plain), the drop's state."""
    rows = engine.rows(
        """select p.drop_id, p.sealed_to, d.state from payloads as p join drops as d on d.id = p.drop_id
           where p.body is not null and length(p.body) > 0 order by d.arrival"""
    )
    return [(row["drop_id"], row["sealed_to"], row["state"]) for row in rows]
