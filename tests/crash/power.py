"""A power cut: what was not fsynced when it came is lost, as far as the standard allows.

Does: follows every file operation of a process; `Disk.lose` takes back the directory entries whose folder was not
fsynced since (made, renamed, removed) and cuts files back to what was fsynced of them.
Touches: the process it is installed in, and at `lose` the folder it follows.
Does not: follow the database's own files: SQLite's fsyncs are SQLite's promise. A rename is whole or not at all, as
journalling file systems have it, and lasting once the folder it went to is fsynced.
"""

import os
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Inode = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Entry:
    """A directory entry that is not durable yet. `what` made, renamed or removed; `folder` the inode that holds it;
    `source` where a renamed one was; `body` what a removed or replaced file held (None: nothing, or a folder)."""

    what: str
    folder: Inode
    name: str
    source: tuple[Inode, str] | None = None
    body: bytes | None = None


@dataclass
class Disk:
    """What is durable below `root`. With `some`, only a part (drawn from a seed) of what could be lost is."""

    root: Path
    some: int | None = None
    pending: list[Entry] = field(default_factory=list)
    durable: dict[Inode, int] = field(default_factory=dict)

    def install(self) -> None:
        """Follow from now on, in this process, for ever."""
        plain = {name: getattr(os, name) for name in ("open", "mkdir", "rename", "unlink", "rmdir", "fsync")}

        def open_(path: Any, flags: int, *arguments: Any, **named: Any) -> int:
            fresh = bool(flags & os.O_CREAT) and not Path(path).exists()
            descriptor: int = plain["open"](path, flags, *arguments, **named)
            if fresh:
                self._entry("made", Path(path))
                self.durable[_inode(os.fstat(descriptor))] = 0
            elif flags & os.O_TRUNC:
                self.durable[_inode(os.fstat(descriptor))] = 0
            return descriptor

        def mkdir(path: Any, *arguments: Any, **named: Any) -> None:
            plain["mkdir"](path, *arguments, **named)
            self._entry("made", Path(path))

        def rename(source: Any, target: Any, *, dst_dir_fd: int | None = None) -> None:
            old, new = Path(source), _full(target, dst_dir_fd)
            came = (_inode(old.parent.stat()), old.name)
            body = new.read_bytes() if new.is_file() else None
            plain["rename"](source, target, dst_dir_fd=dst_dir_fd)
            self._entry("renamed", new, came, body)

        def removal(name: str) -> Callable[..., None]:
            def remove(path: Any, *, dir_fd: int | None = None) -> None:
                full = _full(path, dir_fd)
                body = full.read_bytes() if full.is_file() and not full.is_symlink() else None
                plain[name](path, dir_fd=dir_fd)
                self._entry("removed", full, body=body)

            return remove

        def fsync(descriptor: int) -> None:
            plain["fsync"](descriptor)
            self._fsynced(os.fstat(descriptor))

        replaced = {"open": open_, "mkdir": mkdir, "rename": rename, "fsync": fsync}
        vars(os).update(replaced, unlink=removal("unlink"), rmdir=removal("rmdir"))

    def _entry(self, what: str, path: Path, source: tuple[Inode, str] | None = None, body: bytes | None = None) -> None:
        if self.root in path.parents:
            self.pending.append(Entry(what, _inode(path.parent.stat()), path.name, source, body))

    def _fsynced(self, status: os.stat_result) -> None:
        inode = _inode(status)
        self.durable[inode] = status.st_size
        self.pending = [entry for entry in self.pending if entry.folder != inode]

    def lose(self) -> None:
        """The power is gone: take back what was not durable, the last first."""
        draw = None if self.some is None else random.Random(self.some)
        for entry in reversed(self.pending):
            if draw is None or draw.random() < 0.5:
                self._take_back(entry)
        for path in self.root.rglob("*"):
            if path.is_file() and not path.is_symlink() and _is_spool(path):
                size = self.durable.get(_inode(path.stat()))
                if size is not None and size < path.stat().st_size:
                    os.truncate(path, size)

    def _take_back(self, entry: Entry) -> None:
        places = {_inode(path.stat()): path for path in (self.root, *self.root.rglob("*")) if path.is_dir()}
        folder = places.get(entry.folder)
        if folder is None or not _is_spool(folder):
            return
        path = folder / entry.name
        if entry.what == "removed":
            if not path.exists():
                path.mkdir() if entry.body is None else path.write_bytes(entry.body)
        elif entry.what == "made":
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        elif entry.source is not None and path.exists():
            source = places.get(entry.source[0])
            if source is not None and not (source / entry.source[1]).exists():
                path.replace(source / entry.source[1])
                if entry.body is not None:
                    path.write_bytes(entry.body)


def _full(path: Any, folder: int | None) -> Path:
    """Where a name is that may be one in an open folder."""
    return Path(path) if folder is None else Path(f"/proc/self/fd/{folder}").readlink() / path


def _inode(status: os.stat_result) -> Inode:
    return status.st_dev, status.st_ino


def _is_spool(path: Path) -> bool:
    """The ledger's files and the folder that holds them are SQLite's care."""
    return not path.name.startswith("ledger.db")
