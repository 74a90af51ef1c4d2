"""Fetch: bring reports home, whole and checked, each once.

Does: for every municipality that the account sees, brings each report set of the outbox into DIRECTORY/CODE. The JSON
comes down first and into place last; the files that it lists are held against its checksums, also those that lie there
already. On request acknowledges a set, after it lies there whole, verified and fsynced.
Touches: the network through session; DIRECTORY.
Does not: acknowledge what it could not verify, follow a name out of its folder, or remove anything of its own keeping.

A report never changes once it is published, so a JSON at home of the listed size and time is the listed one.

Weakness: a fetch that is killed leaves a hidden `.NAME.*.part` behind.
"""

import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import file_digest, sha256
from pathlib import Path
from secrets import token_hex

from gateway.client.outcome import Outcome, Refused, Watcher
from gateway.client.patience import Patience, again
from gateway.client.session import MUNICIPALITY, Entry, Line, Session
from gateway.domain.model import from_ms
from gateway.domain.workdays import local_day
from gateway.errors import Temporary

# Wider than the names of today, so that a later sort of report comes home as well; never a path, never hidden.
SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,200}\.[a-z0-9]{1,8}")
SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Wish:
    """What to bring home. `municipalities` empty: all that the account sees; `since`: reports made on that local day or
    later; `collected`: also what was acknowledged before; `confirm`: acknowledge each set."""

    directory: Path
    municipalities: tuple[str, ...] = ()
    since: date | None = None
    collected: bool = False
    confirm: bool = False


@dataclass(frozen=True, slots=True)
class Listed:
    """One file of a report as its JSON lists it."""

    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Fetched:
    """One report set: how it ended, which files were brought (the others lay there). `reason` is a key of the texts."""

    municipality: str
    stem: str
    outcome: Outcome
    files: tuple[str, ...] = ()
    brought: tuple[str, ...] = ()
    confirmed: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class _Set:
    """One report set on the other side."""

    code: str
    folder: str
    stem: str
    document: Entry
    here: Path


def fetch(line: Line, wish: Wish, patience: Patience, watcher: Watcher) -> list[Fetched]:
    """Everything wished for. Temporary when the line stays bad; what came home before that is safe and is skipped by
    the next attempt. OSError when DIRECTORY cannot be written."""
    done: dict[tuple[str, str], Fetched] = {}
    while True:
        try:
            _round(line.session(), wish, done, watcher)
            return list(done.values())
        except (Temporary, Refused) as error:
            line.hang_up()
            if isinstance(error, Refused) and not error.passing:
                raise
            if not again(patience, watcher, "outbox", str(error)):
                raise


def _round(session: Session, wish: Wish, done: dict[tuple[str, str], Fetched], watcher: Watcher) -> None:
    sets = [
        each
        for code in wish.municipalities or session.municipalities()
        for each in _sets(session, code, wish)
        if (each.code, each.stem) not in done
    ]
    for number, each in enumerate(sets):
        watcher.progress(number, len(sets))
        found = _bring(session, each, confirm=wish.confirm)
        done[each.code, each.stem] = found
        if found.outcome is Outcome.WRONG:
            watcher.tell(found.reason, report=each.stem)
        elif found.brought:
            watcher.tell("client.fetched", report=each.stem, n=len(found.brought))
    watcher.progress(len(sets), len(sets))


def _sets(session: Session, code: str, wish: Wish) -> list[_Set]:
    if not MUNICIPALITY.fullmatch(code):
        return []
    found = []
    for folder in ("outbox", "outbox/opgehaald") if wish.collected else ("outbox",):
        for entry in session.files(f"/{code}/{folder}"):
            stem, _, extension = entry.name.rpartition(".")
            wanted = extension == "json" and SAFE_NAME.fullmatch(entry.name)
            # A set without its JSON is still being published.
            if wanted and (wish.since is None or local_day(from_ms(entry.modified * 1000)) >= wish.since):
                found.append(_Set(code, f"/{code}/{folder}", stem, entry, wish.directory / code))
    return found


def _bring(session: Session, each: _Set, *, confirm: bool) -> Fetched:
    document = each.here / each.document.name
    had = _lies_there(document, each.document)
    body = document.read_bytes() if had else session.read(f"{each.folder}/{each.document.name}")
    listed = listed_in(body, each.stem)
    if listed is None and had:
        had, body = False, session.read(f"{each.folder}/{each.document.name}")
        listed = listed_in(body, each.stem)
    if listed is None or (not had and len(body) != each.document.size):
        return Fetched(each.code, each.stem, Outcome.WRONG, reason="client.unreadable")
    each.here.mkdir(parents=True, exist_ok=True)
    brought = []
    for file in listed:
        if _has(each.here / file.name, file):
            continue
        content = session.read(f"{each.folder}/{file.name}")
        if sha256(content).hexdigest() != file.sha256:
            return Fetched(each.code, each.stem, Outcome.WRONG, reason="client.checksum")
        place(each.here / file.name, content, each.document.modified)
        brought.append(file.name)
    if not had:
        place(document, body, each.document.modified)
        brought.append(document.name)
    names = (*(file.name for file in listed), document.name)
    confirmed = confirm and each.folder.endswith("/outbox") and _confirm(session, each)
    return Fetched(each.code, each.stem, Outcome.DONE, names, tuple(brought), confirmed)


def _confirm(session: Session, each: _Set) -> bool:
    try:
        session.remove(f"{each.folder}/{each.document.name}")
    except Refused:
        # Acknowledged by another meanwhile.
        return False
    return True


def listed_in(body: bytes, stem: str) -> tuple[Listed, ...] | None:
    """The other files of a set, as its JSON lists them; None when it is no such document or names what it may not."""
    try:
        files = json.loads(body)["files"]
        listed = tuple(Listed(str(file["name"]), str(file["sha256"])) for file in files)
    except (ValueError, KeyError, TypeError):
        return None
    sound = all(
        SAFE_NAME.fullmatch(file.name) and file.name.rpartition(".")[0] == stem and SHA256.fullmatch(file.sha256)
        for file in listed
    )
    return listed if sound else None


def _lies_there(path: Path, entry: Entry) -> bool:
    """Whether the listed file lies here, by size and time."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return False
    return status.st_size == entry.size and int(status.st_mtime) == entry.modified


def _has(path: Path, file: Listed) -> bool:
    """Whether the file lies here with the right content."""
    try:
        with path.open("rb") as stream:
            return file_digest(stream, "sha256").hexdigest() == file.sha256
    except FileNotFoundError:
        return False


def place(path: Path, body: bytes, modified: int) -> None:
    """Make a file appear whole: written under a hidden name, fsynced, renamed, the folder fsynced."""
    fresh = path.with_name(f".{path.name}.{token_hex(4)}.part")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(body)
            stream.flush()
            os.utime(descriptor, (modified, modified))
            os.fsync(descriptor)
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def worst(fetched: Sequence[Fetched]) -> Outcome:
    """How the whole ended."""
    return Outcome.WRONG if any(each.outcome is Outcome.WRONG for each in fetched) else Outcome.DONE
