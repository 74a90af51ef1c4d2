"""Claims: files that were taken out of the watch folder and are not landed yet.

Does: knows a claim by where it lies; moves a file back under its name unless that is taken; copies a file that must not
change meanwhile; removes what a claim leaves empty.
Touches: the paths and descriptors it is given.
Does not: know the folders of a gateway (spool) or decide.
"""

import os
import re
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from gateway.errors import Temporary
from gateway.store import leases

PUT = "put="
TRIAL = "proef"
CHUNK = 1 << 20
# The folders that we make ourselves between that of a claim and its file.
BETWEEN = re.compile(rf"{TRIAL}|{PUT}-?[0-9]{{1,15}}")


@dataclass(frozen=True, slots=True)
class Claim:
    """A file taken from the watch folder. `put_at`: since when it lay there as it is, in legal milliseconds; None when
    that is not known."""

    id: str
    municipality: str
    lane: str
    path: Path
    put_at: int | None = None


def claim_at(folder: Path, code: str, path: Path) -> Claim:
    """The claim of a file below the folder of its id."""
    between = path.parent.name if path.parent != folder else ""
    put_at = int(between.removeprefix(PUT)) if between.startswith(PUT) else None
    return Claim(folder.name, code, TRIAL if between == TRIAL else "inbox", path, put_at)


def paths_in(folder: Path) -> list[Path]:
    """What lies in the folder of a claim. A folder that somebody put in the place of a file is one that cannot be read:
    they may still change what is in it, and nothing in it is followed."""
    found: list[Path] = []
    # Given back meanwhile.
    with suppress(FileNotFoundError):
        for path in folder.iterdir():
            ours = BETWEEN.fullmatch(path.name) and not path.is_symlink() and path.is_dir()
            found += path.iterdir() if ours else [path]
    return found


def remove_empty(folder: Path) -> None:
    """Remove a claim's folder when no file is in it. Never by its content: over a network a move that failed may have
    been done."""
    with suppress(OSError):
        for inner in list(folder.iterdir()):
            inner.rmdir()
        folder.rmdir()


def moved_unless_taken(source: Path, target: Path) -> bool:
    """Move a file to a name; False when that name is taken, whose file then stays."""
    if not source.is_symlink():
        try:
            target.hardlink_to(source)
        except FileExistsError:
            return False
        except OSError:
            # No second name can be had here; somebody who takes this one within microseconds loses.
            pass
        else:
            source.unlink()
            return True
    if os.path.lexists(target):
        return False
    source.rename(target)
    return True


def open_claim(claim: Claim) -> int:
    """A descriptor to read a claimed file with; it waits for nobody and follows no link."""
    return os.open(claim.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)


def size_of(claim: Claim, descriptor: int) -> int:
    """The size of a claimed file; Temporary when it is no regular file."""
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise Temporary(f"claim {claim.id} is no regular file")
    return status.st_size


def copy_whole(claim: Claim, source: int, target: int, most: int, *, leased: bool) -> int:
    """Copy a claimed file, at most one byte more than `most`; its size. `leased`: a lease shows whether it is written.

    Temporary when it is being written, or changed while it was read.
    """
    lease = leases.take(source) if leased else None
    if lease is False:
        raise Temporary(f"claim {claim.id} is being written")
    before, size = os.fstat(source), 0
    while part := os.read(source, min(CHUNK, most + 1 - size)):
        view = memoryview(part)
        while view:
            view = view[os.write(target, view) :]
        size += len(part)
    after = os.fstat(source)
    changed = (before.st_size, before.st_mtime_ns, size) != (after.st_size, after.st_mtime_ns, after.st_size)
    if changed or (lease and leases.broken(source)):
        raise Temporary(f"claim {claim.id} changed while it was read")
    return size
