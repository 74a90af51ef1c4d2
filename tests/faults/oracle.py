"""The oracle: what clients were told, compared with ledger, folders, outbox and mailbox.

Does: `wrongs` lists everything that is not as it must be, each in a sentence; an empty list is the answer that is
wanted. The gateway is settled and stopped by then (`rig`), so that nothing moves while it looks.
Touches: reads the ledger and the folders; the mail server's box.
Does not: hurt, mend or wait. It asks tables and files itself, not the functions by which the gateway wrote them.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from email.message import EmailMessage
from hashlib import sha256
from pathlib import Path

from click.testing import CliRunner

from gateway.cli import commands
from gateway.store.sealing import sealing
from gateway.store.sqlite import SQLite
from tests.channel.server import MailServer
from tests.faults.load import Attempt, File, Told

Key = tuple[str, str, str]


@dataclass
class Evidence:
    """Everything to compare. `put` are files laid in the watch folder. `doubtful`: how many mails may have arrived
    twice, because the gateway was killed, or not answered, after the server had them. `expected` are words of the
    doctor that belong to the fault. `identity` opens what is sealed. After a restore: `remains` are stems of reports
    of which the ledger knows nothing any more, `sent_before` the numbers of mails that had been sent."""

    root: Path
    ledger: Path
    attempts: list[Attempt]
    server: MailServer | None = None
    put: tuple[File, ...] = ()
    doubtful: int = 0
    expected: tuple[str, ...] = ()
    identity: Path | None = None
    remains: frozenset[str] = frozenset()
    sent_before: frozenset[str] = frozenset()
    duplicates: int = field(default=0, init=False)


def key_of(file: File) -> Key:
    """By what a file is known."""
    return file.municipality, file.name, file.sha256


def number_of(message: EmailMessage) -> str:
    """By what the ledger knows a mail."""
    return str(message["Message-ID"]).strip("<>").partition("@")[0]


def wrongs(seen: Evidence) -> list[str]:
    """Everything that is wrong; nothing of it comes from a payload."""
    engine = SQLite(seen.ledger)
    try:
        found = [f"ledger: {line}" for line in engine.check()]
        found += received(engine, seen.attempts, seen.put)
        found += payloads(engine, seen.attempts, seen.put, seen.identity)
        found += receipts(engine, seen.root / "outbox")
        found += outbox(engine, seen.root / "outbox", seen.remains)
        found += landings(seen.root / "inbox")
        if seen.server is not None:
            found += mailbox(engine, seen)
    finally:
        engine.close()
    return found + doctor(seen)


# --- what was received ------------------------------------------------------------------------------------------------


def received(engine: SQLite, attempts: Iterable[Attempt], put: Iterable[File] = ()) -> Iterator[str]:
    """OK: exactly once, and a repeat for each further OK. Unanswered and whole: at most once. Else: never."""
    tried: defaultdict[Key, list[Attempt]] = defaultdict(list)
    for attempt in attempts:
        tried[key_of(attempt.file)].append(attempt)
    laid = {key_of(file) for file in put}
    first: Counter[Key] = Counter()
    every: Counter[Key] = Counter()
    for row in engine.rows("select municipality, name, sha256, repeat_of from drops"):
        key = row["municipality"], row["name"], row["sha256"]
        every[key] += 1
        first[key] += row["repeat_of"] is None
    for key, told in tried.items():
        ok = sum(each.told is Told.OK for each in told)
        unclear = sum(each.may_be_received for each in told)
        if ok and first[key] != 1:
            yield f"{key[1]} was answered OK and is received {first[key]} times"
        if not ok <= every[key] <= ok + unclear:
            yield f"{key[1]}: {ok} OK, {unclear} unclear, and {every[key]} drops"
        if first[key] > 1:
            yield f"{key[1]} is received {first[key]} times"
    for key in laid:
        if first[key] != 1:
            yield f"{key[1]} was laid in the watch folder and is received {first[key]} times"
    for key in every.keys() - tried.keys() - laid:
        yield f"{key[1]} with SHA-256 {key[2]} was sent by nobody"


def payloads(
    engine: SQLite, attempts: Iterable[Attempt], put: Iterable[File], identity: Path | None = None
) -> Iterator[str]:
    """The bytes that are kept are the bytes that were sent, unless they are erased. With an identity all are sealed."""
    opener = None if identity is None else sealing((), [identity])
    for row in engine.rows(
        """select d.name, d.size, d.sha256, p.body, p.sealed_to from payloads as p join drops as d on d.id = p.drop_id
           where p.erased_at is null and d.repeat_of is null"""
    ):
        if (row["sealed_to"] is None) != (opener is None):
            yield f"{row['name']}: sealed to {row['sealed_to']}"
            continue
        body = row["body"] if opener is None else opener.open(row["body"], "a payload")
        if (len(body), sha256(body).hexdigest()) != (row["size"], row["sha256"]):
            yield f"{row['name']}: other bytes are kept than were received"
    sizes = {key_of(file): len(file.body) for file in (*(each.file for each in attempts), *put)}
    for row in engine.rows("select municipality, name, sha256, size from drops"):
        if sizes.get((row["municipality"], row["name"], row["sha256"]), row["size"]) != row["size"]:
            yield f"{row['name']}: the size is not what was sent"


def landings(inbox: Path) -> Iterator[str]:
    """Nothing is left on the way in."""
    for folder in (inbox / ".staging", *inbox.glob("*/.landed"), *inbox.glob("*/.claimed")):
        yield from (f"left behind: {path.relative_to(inbox)}" for path in folder.iterdir())


# --- what was told ----------------------------------------------------------------------------------------------------


def receipts(engine: SQLite, outbox_folder: Path) -> Iterator[str]:
    """One receipt per drop, in the outbox, about the very bytes."""
    found: Counter[str] = Counter()
    for row in engine.rows(
        """select d.id, d.name, d.sha256, d.municipality, f.name as file, r.confirmed_at from drops as d
           join reports as r on r.drop_id = d.id join report_files as f on f.report_id = r.id
           where r.kind = 'OB' and r.outcome in ('ONTVANGEN', 'HERHALING') and f.name like '%.json'"""
    ):
        found[row["id"]] += 1
        folder = outbox_folder / row["municipality"]
        path = (folder / "opgehaald" if row["confirmed_at"] else folder) / row["file"]
        if not path.exists():
            yield f"{row['name']}: its receipt is not in the outbox"
        elif json.loads(path.read_bytes())["file"]["sha256"] != row["sha256"]:
            yield f"{row['name']}: its receipt is about other bytes"
    for row in engine.rows("select id, name from drops"):
        if found[row["id"]] != 1:
            yield f"{row['name']} has {found[row['id']]} receipts"


def outbox(engine: SQLite, folder: Path, remains: frozenset[str] = frozenset()) -> Iterator[str]:
    """Files in the outbox and report rows are the same, byte for byte. Of `remains` the ledger knows nothing."""
    wanted: dict[Path, bytes | None] = {}
    for row in engine.rows(
        """select r.municipality, r.confirmed_at, r.placed_at, f.name, f.body from reports as r
           join report_files as f on f.report_id = r.id"""
    ):
        place = folder / row["municipality"] / ("opgehaald" if row["confirmed_at"] else "")
        if row["placed_at"] is None:
            yield f"report {row['name']} is not placed"
        wanted[place / row["name"]] = row["body"]
    there = {path for path in folder.rglob("*") if path.is_file() and ".mail" not in path.parts}
    yield from (
        f"in the outbox without a row: {path.name}" for path in there - wanted.keys() if path.stem not in remains
    )
    yield from (f"a row without its file: {path.name}" for path in wanted.keys() - there)
    for path in there & wanted.keys():
        if path.read_bytes() != wanted[path]:
            yield f"{path.name} is not what the ledger says"


def mailbox(engine: SQLite, seen: Evidence) -> Iterator[str]:
    """Each mail that was owed is in the box, and nothing else: once, but for those of which nobody could know."""
    if seen.server is None:
        return
    came = Counter(number_of(taken.message) for taken in seen.server.accepted)
    states: Mapping[str, str] = {row["id"]: row["state"] for row in engine.rows("select id, state from notifications")}
    for number, state in states.items():
        if number in seen.sent_before:
            continue  # how the ledger knew it at the time of the backup
        if state == "pending":
            yield f"mail {number} still waits"
        if state == "sent" and not came[number]:
            yield f"mail {number} is noted as sent and did not arrive"
        if state == "failed" and came[number]:
            yield f"mail {number} is noted as failed and arrived"
    yield from (f"mail {number} was owed to nobody" for number in came.keys() - states.keys() - seen.sent_before)
    seen.duplicates = sum(number - 1 for number in came.values() if number > 1)
    if seen.duplicates > seen.doubtful:
        yield f"{seen.duplicates} mails came twice, at most {seen.doubtful} may"


# --- what the gateway says of itself ----------------------------------------------------------------------------------


def doctor(seen: Evidence) -> list[str]:
    """The doctor says nothing, but what belongs to the fault."""
    said = CliRunner().invoke(commands, ["doctor", "--config", str(seen.root / "config"), "--json"])
    if said.exception is not None and not isinstance(said.exception, SystemExit):
        return [f"doctor: {said.exception}"]
    told = [f"doctor: {each['what']} ({each['subject']})" for each in json.loads(said.stdout)]
    return [line for line in told if not any(word in line for word in seen.expected)]
