"""Owned: folders of the gateway's own that lie where others may write.

Does: lets such a folder pass only when nobody else can have put it, or anything in it, there; says which folders are
open to others, and closes those that can be closed without taking anything from a program that delivers.
Touches: owner and mode of the folders it is given.
Does not: believe a name. Who may write in a folder that is not sticky can put a folder of his own in the place of
`.landed`, and in it files that were never uploaded.

`like` is a folder of ours where nobody else writes. Held against it, and not against this process: some disks show one
owner and one mode for everything.
"""

import errno
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

PRIVATE_FOLDER = 0o700
WRITABLE = stat.S_IWGRP | stat.S_IWOTH
ANYTHING = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, slots=True)
class Exposed:
    """A folder in which others may do more than they should. `mode` closes it; None when only a person can."""

    folder: Path
    what: str
    mode: int | None = None


def own(folder: Path, like: Path) -> Path:
    """The folder; OSError when it is a link or others may have put something in it."""
    _held_against(folder.lstat(), folder, like)
    return folder


@contextmanager
def opened(folder: Path, like: Path) -> Iterator[int]:
    """A descriptor of such a folder: what is done through it is done there, whatever happens to the name."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        _held_against(os.fstat(descriptor), folder, like)
        yield descriptor
    finally:
        os.close(descriptor)


def _held_against(status: os.stat_result, folder: Path, like: Path) -> None:
    if stat.S_ISLNK(status.st_mode):
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(folder))
    ours = like.stat()
    if status.st_uid != ours.st_uid or status.st_mode & WRITABLE & ~ours.st_mode:
        raise OSError(errno.EPERM, "another user may have put it there", str(folder))


def exposed(wanted: Mapping[Path, int], shared: frozenset[Path], like: Path) -> list[Exposed]:
    """Of the folders with these modes those that are open to others. In the `shared` ones programs may put files."""
    found = []
    for folder, mode in wanted.items():
        with suppress(OSError):  # what is missing or out of reach is told otherwise
            status = folder.lstat()
            if stat.S_ISDIR(status.st_mode):
                found += _of(folder, status, mode, folder in shared, like.stat().st_uid)
    return found


def _of(folder: Path, status: os.stat_result, wanted: int, shared: bool, owner: int) -> list[Exposed]:
    mode = stat.S_IMODE(status.st_mode)
    if status.st_uid != owner:
        return [Exposed(folder, f"belongs to the user {status.st_uid}, not to the gateway")]
    if wanted == PRIVATE_FOLDER:
        return [Exposed(folder, f"others may come into it (mode {mode:o})", wanted)] if mode & ANYTHING else []
    if not mode & WRITABLE:
        return []
    if not shared:
        return [Exposed(folder, f"others may write in it (mode {mode:o})", mode & ~WRITABLE)]
    if not mode & stat.S_ISVTX:
        what = f"others may replace what is the gateway's in it (mode {mode:o})"
        return [Exposed(folder, what, mode | stat.S_ISVTX)]
    if mode & stat.S_IWOTH:
        return [Exposed(folder, f"every user of this machine may deliver here (mode {mode:o})")]
    return []


def close(folders: list[Exposed]) -> None:
    """Give each the mode that closes it; what is of another user, or was replaced meanwhile, stays as it is."""
    for each in folders:
        if each.mode is None:
            continue
        with suppress(OSError):
            descriptor = os.open(each.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                os.fchmod(descriptor, each.mode)
            finally:
                os.close(descriptor)
