"""Disposal: files of the two folders that go for good.

Does: lists what waits for somebody (working files, refused files of the watch folder) with its age; removes one such
file, or a report's; lists what lies in an outbox; lists and removes mails that were written to a folder.
Touches: inbox/.working, inbox/<code>/.geweigerd, report files in outbox/, and outbox/.mail.
Does not: decide what goes, or touch anything on its way into the ledger (staging, landings, claims).
"""

import hashlib
import shutil
import stat
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from gateway.errors import Refusal, Temporary
from gateway.store.durable import fsync_folder, world
from gateway.store.spool import COLLECTED, MAIL, REFUSED, WORKING, Spool
from gateway.store.working import held

ONLY = "*"


@dataclass(frozen=True, slots=True)
class Aging:
    """A file that waits for somebody: `what` working or refused, `name` as its owner gave it, `path` relative to the
    inbox, `modified` (when it was written last, or refused) in seconds since 1970 of the technical clock. The path of a
    refused file ends in `*`, the only file there: its name may be what it was refused for, and a path is written down.
    """

    what: str
    municipality: str
    name: str
    path: str
    modified: float


def aging(spool: Spool) -> list[Aging]:
    """Every working file and every refused file of the watch folder."""
    with world():
        working = sorted(spool.inbox.glob(f"{WORKING}/*/*/*/*/payload"))
        refused = sorted(spool.inbox.glob(f"*/{REFUSED}/*/*"))
    found = []
    for sort, paths in (("working", working), ("refused", refused)):
        for path in paths:
            # A file keeps the mtime that its owner gave it, perhaps years ago; its folder was made for it.
            modified = _modified(path if sort == "working" else path.parent)
            if modified is not None:
                code = path.parents[2].name
                own, last = (path.parent.name, path.name) if sort == "working" else (path.name, ONLY)
                found.append(Aging(sort, code, own, str(path.relative_to(spool.inbox).with_name(last)), modified))
    return found


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail that was written to the folder. `id` is that of its notification; `modified` as in `Aging`."""

    id: str
    name: str
    modified: float


def letters(spool: Spool) -> list[Letter]:
    """Every mail in outbox/.mail, oldest first."""
    with world():
        paths = sorted((spool.outbox / MAIL).glob("*.eml"))
    found = ((path, _modified(path)) for path in paths)
    return [Letter(path.stem.partition("-")[2], path.name, at) for path, at in found if at is not None]


def letter_digest(spool: Spool, name: str) -> tuple[str, int] | None:
    """SHA-256 and size of a mail in outbox/.mail; None when it is gone."""
    return _digest(spool.outbox / MAIL / name)


def remove_letter(spool: Spool, name: str) -> None:
    """Remove a mail from outbox/.mail. Repeatable."""
    with world():
        (spool.outbox / MAIL / name).unlink(missing_ok=True)
        if (spool.outbox / MAIL).is_dir():
            fsync_folder(spool.outbox / MAIL)


def _modified(path: Path) -> float | None:
    """When a file was written last; None when it vanished meanwhile."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return None


def digest(spool: Spool, path: str) -> tuple[str, int] | None:
    """SHA-256 and size of such a file; None when it is gone."""
    file = spool.inbox / path
    if file.name == ONLY:
        with world():
            file = next(iter(sorted(file.parent.glob("*"))), file)
    return _digest(file)


def _digest(path: Path) -> tuple[str, int] | None:
    with world():
        try:
            status = path.lstat()
            if not stat.S_ISREG(status.st_mode):
                # A pipe would hold up every erasure, and what a link leads to is another's. It goes as nothing.
                return hashlib.sha256().hexdigest(), 0
            with path.open("rb") as body:
                return hashlib.file_digest(body, "sha256").hexdigest(), body.tell()
        except FileNotFoundError:
            return None
        except PermissionError:
            # Refused because it may not be read; it may be removed, and its size is what can be proven.
            return hashlib.sha256().hexdigest(), status.st_size


def erase(spool: Spool, path: str) -> None:
    """Remove such a file with the folder that is its own. Repeatable. Temporary while its owner drops it: it would go
    on disappearing where it landed."""
    folder = (spool.inbox / path).parent
    is_working = folder.is_relative_to(spool.inbox / WORKING)
    with world():
        try:
            with held(folder) if is_working else nullcontext():
                shutil.rmtree(folder, ignore_errors=True)
        except Refusal as refusal:
            if refusal.code != "NO_SUCH_FILE":
                raise Temporary("a working file is at hand of its owner") from refusal
        if folder.parent.is_dir():
            fsync_folder(folder.parent)


def remove_report(spool: Spool, municipality: str, name: str) -> None:
    """Take a report's file away, wherever it lies. Repeatable."""
    for folder in (spool.outbox / municipality, spool.outbox / municipality / COLLECTED):
        with world():
            if (folder / name).exists():
                (folder / name).unlink(missing_ok=True)
                fsync_folder(folder)


def outbox_names(spool: Spool, municipality: str) -> list[str]:
    """The names of all visible files in a municipality's outbox and opgehaald/."""
    outbox = spool.outbox / municipality
    with world():
        folders = [folder for folder in (outbox, outbox / COLLECTED) if folder.is_dir()]
        paths = [path for folder in folders for path in folder.iterdir() if path.is_file()]
    return sorted(path.name for path in paths if not path.name.startswith("."))
