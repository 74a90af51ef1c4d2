"""Backups: whole copies of the ledger beside which stands what they are.

Does: writes a copy while others work on the ledger, opens and checks it, and only then gives it its name; reads one
back with its checksum compared; lists and removes old ones of a folder.
Touches: the folder of the backups; on reading, a new file beside the ledger.
Does not: open a backup itself (it may lie on a medium that cannot be written), copy configuration or keys, choose when.

A backup is three files: `NAME.db`, `NAME.db.sha256` (for `sha256sum -c`) and `NAME.db.json` (when, of which ledger, how
many rows). The `.json` comes last: without it there is no backup, only the remains of one.
"""

import hashlib
import json
import os
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from gateway.domain.model import from_ms, to_ms
from gateway.errors import Corrupt, GatewayError
from gateway.store.durable import PRIVATE_FILE, fsync_folder, world, write_durably
from gateway.store.engine import Engine

NAME = "ledger-{:%Y%m%dT%H%M%SZ}.db"
PATTERN = "ledger-*.db"
FACTS = ".json"
DIGEST = ".sha256"
BESIDE = ("-wal", "-shm", "-journal")

Open = Callable[[Path], Engine]


@dataclass(frozen=True, slots=True)
class Backup:
    """What is known of a backup. `at` is legal time in milliseconds since 1970; `rows` how many each table has."""

    file: str
    at: int
    sandbox: bool
    bytes: int
    sha256: str
    rows: dict[str, int]

    @property
    def moment(self) -> datetime:
        """When it was made."""
        return from_ms(self.at)


def target(wish: Path, now: datetime) -> Path:
    """The file for a backup made now: `wish` itself, or a new name in it when it is a folder."""
    return wish / NAME.format(now.astimezone(UTC)) if wish.is_dir() else wish


def make(engine: Engine, file: Path, now: datetime, *, sandbox: bool, open_copy: Open) -> Backup:
    """Write, check and name a backup. GatewayError when the name is taken, Corrupt when the copy is not sound: then
    neither is the ledger."""
    if file.exists():
        raise GatewayError(f"{file} exists; a backup never replaces a file")
    hidden = file.with_name(f".{file.name}.{secrets.token_hex(4)}.new")
    try:
        with world():
            os.close(os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE))
        rows = engine.copy(hidden)
        check(hidden, rows, open_copy)
        made = Backup(file.name, to_ms(now), sandbox, *_measure(hidden), rows)
        with world():
            _fsync(hidden)
            hidden.rename(file)
            fsync_folder(file.parent)
    finally:
        remove(hidden)
    write_durably(_beside(file, DIGEST), f"{made.sha256}  {file.name}\n".encode())
    write_durably(_beside(file, FACTS), json.dumps(asdict(made), indent=2).encode())
    return made


def check(file: Path, rows: dict[str, int], open_copy: Open) -> None:
    """Open a copy and look at all of it; Corrupt when it is damaged or has other rows."""
    copy = open_copy(file)
    try:
        problems = copy.check()
        found = copy.counts() if not problems else rows
    finally:
        copy.close()
    if problems:
        raise Corrupt(f"{file.name} is damaged: {problems[0]}")
    if found != rows:
        odd = sorted(name for name in {*rows, *found} if rows.get(name) != found.get(name))
        raise Corrupt(f"{file.name} does not have the rows it should have in {', '.join(odd)}")


def look(file: Path) -> Backup:
    """What a backup says of itself; GatewayError when there is none, or only the remains of one."""
    try:
        facts = json.loads(_beside(file, FACTS).read_bytes())
        size = file.stat().st_size
        found = Backup(**facts)
    except OSError as error:
        raise GatewayError(f"{file} is no backup: {error.strerror}: {error.filename}") from error
    except (ValueError, TypeError) as error:
        raise Corrupt(f"{_beside(file, FACTS)} cannot be read") from error
    if size != found.bytes:
        raise Corrupt(f"{file} has {size} bytes, it should have {found.bytes}")
    return found


def bring(file: Path, facts: Backup, place: Path, open_copy: Open) -> None:
    """Copy a backup to `place`, a name that is free, and check it there; Corrupt when it is not what was written."""
    with world():
        descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE)
        with file.open("rb") as source, os.fdopen(descriptor, "wb") as copy:
            while part := source.read(1 << 20):
                copy.write(part)
            copy.flush()
            os.fsync(descriptor)
    if _measure(place)[1] != facts.sha256:
        raise Corrupt(f"{file} does not have its checksum")
    check(place, facts.rows, open_copy)


def put(place: Path, ledger: Path, aside: Path | None) -> None:
    """Make the checked copy at `place` the ledger; the one that is there is set aside whole, never removed."""
    with world():
        if aside is not None:
            for end in ("", *BESIDE):
                former = Path(f"{ledger}{end}")
                if former.exists():
                    former.rename(f"{aside}{end}")
        _fsync(place)
        place.rename(ledger)
        fsync_folder(ledger.parent)


def remove(file: Path) -> None:
    """Remove a copy that did not become anything, with what an engine left beside it."""
    for end in ("", *BESIDE):
        Path(f"{file}{end}").unlink(missing_ok=True)


def prune(folder: Path, before: datetime) -> list[Path]:
    """Remove whole backups of a folder that were made before a moment, always keeping the newest; which."""
    found = sorted((look(file).at, file) for file in folder.glob(PATTERN) if _beside(file, FACTS).exists())
    old = [file for at, file in found[:-1] if at < to_ms(before)]
    for file in old:
        with world():
            for path in (_beside(file, FACTS), _beside(file, DIGEST), file):
                path.unlink(missing_ok=True)
            fsync_folder(folder)
    return old


def _beside(file: Path, ending: str) -> Path:
    return file.with_name(f"{file.name}{ending}")


def _measure(file: Path) -> tuple[int, str]:
    with world(), file.open("rb") as body:
        digest = hashlib.file_digest(body, "sha256").hexdigest()
        return body.tell(), digest


def _fsync(file: Path) -> None:
    descriptor = os.open(file, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
