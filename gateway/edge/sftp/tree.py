"""The virtual tree: from the bytes of a path to a place, or to nothing.

Does: reads `/0363/inbox/NAME` and its kin by the grammar of the published folders. Same depth for one or many
municipalities, ASCII, lower case.
Touches: nothing; no real path is ever made from a virtual one.
Does not: know whether a municipality exists or may be seen.

A `..` is resolved in the text; above the root is the root, as in every SFTP server.
"""

import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from gateway.domain.model import Lane

CODE = re.compile(r"[0-9]{4}\Z")
LOG_MONTH = re.compile(r"berichtenlog-([0-9]{4})-([0-9]{2})\.csv\Z")
LOG_SPAN = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})_([0-9]{4}-[0-9]{2}-[0-9]{2})\.csv\Z")
LONGEST_PATH = 1024
# Days that a local calendar and UTC both have, with room at either end.
EARLIEST, LATEST = date(2000, 1, 1), date(2999, 12, 31)


class Sort(StrEnum):
    """What a place is. The first ten are folders."""

    ROOT = "/"
    MUNICIPALITY = "municipality"
    INBOX = "inbox"
    OUTBOX = "outbox"
    COLLECTED = "opgehaald"
    LOG = "berichtenlog"
    WITHDRAWAL = "intrekken"
    ASSESSOR = "cbs"
    ASSESSOR_ROUND = "cbs round"
    ASSESSOR_FOLDER = "cbs folder"
    ROOT_FILE = "root file"
    STATUS = "status.json"
    UPLOAD = "upload"
    REPORT = "report"
    COLLECTED_REPORT = "collected report"
    LOG_FILE = "log file"
    SELECTION = "selection"
    ASSESSOR_FILE = "cbs file"


ASSESSORS = frozenset({Sort.ASSESSOR, Sort.ASSESSOR_ROUND, Sort.ASSESSOR_FOLDER, Sort.ASSESSOR_FILE})
FOLDERS = (ASSESSORS - {Sort.ASSESSOR_FILE}) | {
    Sort.ROOT,
    Sort.MUNICIPALITY,
    Sort.INBOX,
    Sort.OUTBOX,
    Sort.COLLECTED,
    Sort.LOG,
    Sort.WITHDRAWAL,
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a path leads. `lane` for inbox and uploads (proef/ is the trial lane), `name` for files; `round` and
    `folder` below /cbs/."""

    sort: Sort
    code: str = ""
    lane: Lane = Lane.DELIVERY
    name: str = ""
    round: str = ""
    folder: str = ""


def normal(path: bytes) -> tuple[str, ...]:
    """The parts of a path with `.`, `..` and empty ones resolved. ValueError when it is not printable text or too long.

    Undecodable bytes become lone surrogates, so that a refusal can still say which name it is about.
    """
    if len(path) > LONGEST_PATH or b"\0" in path:
        raise ValueError("path too long or with NUL")
    parts: list[str] = []
    for part in path.decode("utf-8", "surrogateescape").split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    return tuple(parts)


def parse(path: bytes) -> Place | None:
    """The place of a path; None when the tree has no such place."""
    try:
        parts = normal(path)
    except ValueError:
        return None
    if not parts:
        return Place(Sort.ROOT)
    if parts[0] == Sort.ASSESSOR:
        return _below_assessor(parts[1:])
    if not CODE.match(parts[0]):
        return Place(Sort.ROOT_FILE, name=parts[0]) if len(parts) == 1 else None
    return _below_municipality(parts[0], parts[1:])


def _below_municipality(code: str, parts: tuple[str, ...]) -> Place | None:
    match parts:
        case ():
            return Place(Sort.MUNICIPALITY, code)
        case ("status.json",):
            return Place(Sort.STATUS, code, name="status.json")
        case ("inbox",):
            return Place(Sort.INBOX, code)
        case ("inbox", "proef"):
            return Place(Sort.INBOX, code, Lane.TRIAL)
        case ("inbox", name):
            return Place(Sort.UPLOAD, code, Lane.DELIVERY, name)
        case ("inbox", "proef", name):
            return Place(Sort.UPLOAD, code, Lane.TRIAL, name)
        case ("outbox",):
            return Place(Sort.OUTBOX, code)
        case ("outbox", "opgehaald"):
            return Place(Sort.COLLECTED, code)
        case ("outbox", name):
            return Place(Sort.REPORT, code, name=name)
        case ("outbox", "opgehaald", name):
            return Place(Sort.COLLECTED_REPORT, code, name=name)
        case ("intrekken",):
            return Place(Sort.WITHDRAWAL, code)
        case ("intrekken", name):
            return Place(Sort.SELECTION, code, name=name)
        case ("berichtenlog",):
            return Place(Sort.LOG, code)
        case ("berichtenlog", name):
            return Place(Sort.LOG_FILE, code, name=name)
        case _:
            return None


def _below_assessor(parts: tuple[str, ...]) -> Place | None:
    match parts:
        case ():
            return Place(Sort.ASSESSOR)
        case (round_id,):
            return Place(Sort.ASSESSOR_ROUND, round=round_id)
        case (round_id, folder):
            return Place(Sort.ASSESSOR_FOLDER, round=round_id, folder=folder)
        case (round_id, folder, name):
            return Place(Sort.ASSESSOR_FILE, name=name, round=round_id, folder=folder)
        case _:
            return None


def log_span(name: str) -> tuple[date, date] | None:
    """The first and last local day that a message log's name asks for; None when it is no such name."""
    try:
        if month := LOG_MONTH.match(name):
            year, number = int(month[1]), int(month[2])
            following = date(year + number // 12, number % 12 + 1, 1)
            first, last = date(year, number, 1), date.fromordinal(following.toordinal() - 1)
        elif span := LOG_SPAN.match(name):
            first, last = date.fromisoformat(span[1]), date.fromisoformat(span[2])
        else:
            return None
    except ValueError:
        return None
    return (first, last) if EARLIEST <= first <= last <= LATEST else None
