"""Landings: an upload that landed, whole, and waits to be received.

Does: names its facts as they lie beside its bytes; reads both back, and believes neither without looking; removes what
the ledger has.
Touches: the folder of a landing.
Does not: land anything (spool).
"""

import json
import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from gateway.errors import Corrupt
from gateway.store.owned import opened

WORKING = ".working"


@dataclass(frozen=True, slots=True)
class LandingFacts:
    """What is known of a closed upload; times in milliseconds since 1970 UTC of legal time."""

    id: str
    municipality: str
    lane: str
    account: str
    channel: str
    name: str
    size: int
    sha256: str
    opened_at: int
    received_at: int


Stamp = tuple[int, int, int, int, int]


@dataclass(frozen=True, slots=True)
class Landing:
    """A landed upload: where it is and what it is. `stamp`: device, inode, size and times of its payload when it was
    durable, known where this process summed the very bytes that it wrote; None for what was found."""

    folder: Path
    facts: LandingFacts
    stamp: Stamp | None = None


def stamp_of(descriptor: int) -> Stamp:
    """Device, inode, size and times of an open file."""
    status = os.fstat(descriptor)
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def read_facts(folder: Path) -> Landing:
    """The landing in a folder; Corrupt when its facts cannot be read, are those of another place, or may have been
    put there by somebody else. They hold the checksum of the payload."""
    try:
        with opened(folder, folder.parents[2] / WORKING) as inside:
            descriptor = os.open("facts.json", os.O_RDONLY | os.O_NOFOLLOW, dir_fd=inside)
        with os.fdopen(descriptor, "rb") as file:
            facts = LandingFacts(**json.load(file))
    except (OSError, ValueError, TypeError) as error:
        raise Corrupt(f"landing {folder.name} has no readable facts") from error
    if (facts.id, facts.municipality) != (folder.name, folder.parent.parent.name):
        raise Corrupt(f"landing {folder.name} has the facts of another")
    return Landing(folder, facts)


def payload(landing: Landing) -> bytes:
    """The bytes of a landed upload; Corrupt when they cannot be read or are not what was landed. A file that nobody
    touched since this process summed and fsynced it is not summed again: that took 2 ms for 2.5 MB."""
    try:
        with (landing.folder / "payload").open("rb", buffering=0) as source:
            body = source.read()
            untouched = landing.stamp is not None and stamp_of(source.fileno()) == landing.stamp
    except OSError as error:
        raise Corrupt(f"landing {landing.facts.id} has no readable payload: {error.strerror}") from error
    if len(body) != landing.facts.size:
        raise Corrupt(f"landing {landing.facts.id} has {len(body)} bytes, {landing.facts.size} were landed")
    if not untouched and sha256(body).hexdigest() != landing.facts.sha256:
        raise Corrupt(f"landing {landing.facts.id} does not have the checksum it landed with")
    return body


def clear(folder: Path) -> None:
    """Remove the folder of a landing that the ledger has. A crash in between leaves a part, to be cleared again."""
    with suppress(OSError):
        # What a landing is made of, by name: walking the folder costs more than all else of it together.
        (folder / "payload").unlink(missing_ok=True)
        (folder / "facts.json").unlink(missing_ok=True)
        folder.rmdir()
        return
    shutil.rmtree(folder, ignore_errors=True)
