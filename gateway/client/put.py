"""Put: deliver files, and know that they were received.

Does: sends a file under a working name, renames it, and looks for a receipt that bears its SHA-256; on request waits
for the technical report. After any doubt (a line lost during the rename, a FAILURE, silence) it looks for a receipt
before it sends again; sending twice is harmless, the gateway recognises a repeat.
Touches: the network through session; reads the file.
Does not: take an OK for a receipt, or read a report: reading one marks it as collected, and nobody has seen it yet. The
verdict stands in its name.

Two puts of the same name do not mix: each has a working name of its own.
"""

import json
import re
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from hashlib import file_digest, sha256
from pathlib import Path
from typing import BinaryIO

from gateway.client.outcome import Outcome, Refused, Stopped, Watcher
from gateway.client.patience import Patience, again
from gateway.client.session import CHUNK, Line, Session
from gateway.domain.model import ReportKind
from gateway.errors import Temporary
from gateway.reports.names import REPORT_NAME

RECEIVED = {"ONTVANGEN": Outcome.RECEIVED, "HERHALING": Outcome.REPEATED}
GOOD = frozenset({"GOEDGEKEURD", "PROEF-GOEDGEKEURD"})
HELD = "AANGEHOUDEN"
FOLDERS = ("outbox", "outbox/opgehaald")


@dataclass(frozen=True, slots=True)
class Parcel:
    """A file to deliver, as it was when it was first read. `municipality` empty: the only one that the account sees."""

    path: Path
    size: int
    sha256: str
    municipality: str
    trial: bool = False

    @property
    def name(self) -> str:
        """The name to drop it under."""
        return self.path.name

    @property
    def inbox(self) -> str:
        """The remote folder."""
        return f"/{self.municipality}/inbox/proef" if self.trial else f"/{self.municipality}/inbox"


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a receipt says that matters here. `judged` is the drop whose technical report counts: of a repeat, the
    first."""

    name: str
    outcome: Outcome
    drop_id: str
    judged: str


@dataclass(slots=True)
class Search:
    """What is known while delivering one file: its working name's own part, receipts that were there before or are
    another file's, and whether the gateway may have received it."""

    token: str
    seen: set[str] | None = None
    in_doubt: bool = False


def parcel(path: Path, municipality: str | None, *, trial: bool = False) -> Parcel:
    """A file as a parcel; OSError when it cannot be read. Without `municipality` its name says which."""
    with path.open("rb") as file:
        digest = file_digest(file, "sha256").hexdigest()
        size = file.tell()
    return Parcel(path, size, digest, municipality or code_in(path.name), trial)


def code_in(name: str) -> str:
    """The municipality's code in a data file's name, empty when there is none or more than one."""
    found = {part for part in re.split(r"[._-]", name) if re.fullmatch(r"[0-9]{4}", part)}
    return found.pop() if len(found) == 1 else ""


# --- delivering ---------------------------------------------------------------------------------------------


def deliver(line: Line, wanted: Parcel, patience: Patience, watcher: Watcher) -> tuple[Parcel, Receipt]:
    """Deliver until a receipt is there. Raises Refused (not passing, or time is up), Temporary when time is up, Stopped
    when it is no use."""
    search = Search(secrets.token_hex(4))
    while True:
        try:
            session = line.session()
            parcel_ = replace(wanted, municipality=wanted.municipality or _only(session))
            return parcel_, _attempt(session, parcel_, search, patience, watcher)
        except Refused as refused:
            if not refused.passing or not again(patience, watcher, wanted.name, refused.code):
                raise
        except Temporary as error:
            line.hang_up()
            if not again(patience, watcher, wanted.name, str(error)):
                raise


def _only(session: Session) -> str:
    codes = session.municipalities()
    if len(codes) != 1:
        raise Stopped(Outcome.USAGE, "client.which_municipality", codes=", ".join(codes))
    return codes[0]


def _attempt(session: Session, wanted: Parcel, search: Search, patience: Patience, watcher: Watcher) -> Receipt:
    if search.seen is None:
        search.seen = {name for _, name in _receipts(session, wanted.municipality)}
    if search.in_doubt and (found := _receipt(session, wanted, search.seen)):
        return found
    working = f"{wanted.inbox}/{wanted.name}.{search.token}.filepart"
    watcher.tell("client.sending", file=wanted.name, folder=wanted.inbox, bytes=wanted.size)
    try:
        _send(session, wanted, working, watcher)
        search.in_doubt = True
        session.rename(working, f"{wanted.inbox}/{wanted.name}")
    except (Refused, Stopped):
        _clear(session, working)
        raise
    poll = patience.polling()
    while True:
        if found := _receipt(session, wanted, search.seen):
            return found
        if not poll.wait():
            raise Temporary("no receipt with this SHA-256")


def _send(session: Session, wanted: Parcel, working: str, watcher: Watcher) -> None:
    digest = sha256()

    def chunks(file: BinaryIO) -> Iterator[bytes]:
        done = 0
        while chunk := file.read(CHUNK):
            digest.update(chunk)
            yield chunk
            done += len(chunk)
            watcher.progress(done, wanted.size)

    with wanted.path.open("rb") as file:
        session.send(working, chunks(file))
    if digest.hexdigest() != wanted.sha256:
        raise Stopped(Outcome.LATER, "client.changing", file=wanted.name)


def _clear(session: Session, working: str) -> None:
    try:
        session.remove(working)
    except Refused:
        # Gone, or dropped after all; the gateway clears working files itself after a day.
        return


# --- receipts and verdicts ----------------------------------------------------------------------------------


def _receipts(session: Session, code: str) -> list[tuple[str, str]]:
    """Folder and name of every receipt's JSON, newest first. A folder that may not be seen has none."""
    found: list[tuple[str, str]] = []
    for folder in FOLDERS:
        try:
            listed = session.files(f"/{code}/{folder}")
        except Refused:
            continue
        found += [(folder, entry.name) for entry in listed if _is_receipt(entry.name)]
    return found[::-1]


def _is_receipt(name: str) -> bool:
    parts = REPORT_NAME.fullmatch(name)
    return bool(
        parts
        and parts["report"] == ReportKind.RECEIPT
        and parts["extension"] == "json"
        and parts["outcome"] in RECEIVED
    )


def _receipt(session: Session, wanted: Parcel, seen: set[str]) -> Receipt | None:
    """The receipt that bears the parcel's SHA-256 and name, among those that are new; others are then `seen`."""
    for folder, name in _receipts(session, wanted.municipality):
        if name in seen:
            continue
        try:
            body = session.read(f"/{wanted.municipality}/{folder}/{name}")
        except Refused:
            continue  # confirmed by somebody between the listing and now; the next look finds it
        seen.add(name)
        if found := read_receipt(name, body, wanted):
            return found
    return None


def read_receipt(name: str, body: bytes, wanted: Parcel) -> Receipt | None:
    """What the JSON of a receipt says, when it is this parcel's."""
    try:
        document = json.loads(body)
        file, outcome = document["file"], RECEIVED.get(document["outcome"])
        theirs = (file["sha256"], file["name"], document["trial"])
        drop_id, first = str(document["drop_id"]), document["first_drop"]
    except (ValueError, KeyError, TypeError):
        return None
    if outcome is None or theirs != (wanted.sha256, wanted.name, wanted.trial):
        return None
    return Receipt(name, outcome, drop_id, str(first or drop_id))


def await_verdict(
    line: Line, code: str, drop_id: str, patience: Patience, watcher: Watcher
) -> tuple[Outcome, list[str]]:
    """APPROVED or REJECTED, and the names of the technical reports' JSON; Temporary when time is up or it is held."""
    poll = patience.polling()
    while True:
        try:
            session = line.session()
            names = [entry.name for folder in FOLDERS for entry in session.files(f"/{code}/{folder}")]
            if found := verdict(names, drop_id):
                return found
            if is_held(names, drop_id):
                raise Stopped(Outcome.LATER, "client.held", id=drop_id)
        except Temporary as error:
            line.hang_up()
            if not again(patience, watcher, drop_id, str(error)):
                raise
            continue
        if not poll.wait():
            raise Stopped(Outcome.LATER, "client.no_verdict", id=drop_id)


def verdict(names: Iterable[str], drop_id: str) -> tuple[Outcome, list[str]] | None:
    """What the names of the reports say of a drop: approved when all its technical reports are. None: not there yet.

    All reports of a drop are published together, each with its JSON last.
    """
    found = [parts for parts in map(REPORT_NAME.fullmatch, names) if parts and parts["id"] == drop_id]
    ours = [p for p in found if p["report"] == ReportKind.TECHNICAL and p["extension"] == "json"]
    if not ours:
        return None
    outcome = Outcome.APPROVED if all(p["outcome"] in GOOD for p in ours) else Outcome.REJECTED
    return outcome, sorted(p.string for p in ours)


def is_held(names: Iterable[str], drop_id: str) -> bool:
    """Whether the gateway said that it received the drop and could not examine it."""
    found = (parts for parts in map(REPORT_NAME.fullmatch, names) if parts)
    return any(parts["id"] == drop_id and parts["outcome"] == HELD for parts in found)
