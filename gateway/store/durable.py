"""Durable: the one way in which whole files appear on disk.

Does: writes a file under a hidden name, makes it durable, renames it and makes its folder durable; many files at once
wait for the disk together.
Touches: the paths it is given.
Does not: know what the files are (spool).
"""

import os
import secrets
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from gateway.errors import Temporary

HIDDEN = ".new"
PRIVATE_FILE = 0o600
# A journaling file system makes files durable together that ask for it at the same time: eight at once cost little
# more than one.
AT_ONCE = 8


@contextmanager
def world() -> Iterator[None]:
    """An OSError of the disk as `Temporary`: the same step may succeed when there is room or the mount is back."""
    try:
        yield
    except OSError as error:
        raise Temporary(f"{error.strerror}: {error.filename}") from error


def fsync_folder(folder: Path) -> None:
    """Make the entries of a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_durably(path: Path, body: bytes, mode: int = PRIVATE_FILE) -> None:
    """The one safe write: a hidden name in the same folder, fsync, rename, fsync the folder."""
    with world():
        _write_hidden(path, body, mode).rename(path)
        fsync_folder(path.parent)


def write_all_durably(files: Sequence[tuple[Path, bytes]], mode: int = PRIVATE_FILE) -> None:
    """As `write_durably` for each, in less time: they appear in the order given, once all of them are durable under
    their hidden names."""
    with world(), ThreadPoolExecutor(AT_ONCE, thread_name_prefix="durable") as pool:
        hidden = list(pool.map(lambda file: _write_hidden(file[0], file[1], mode), files))
        for made, (path, _) in zip(hidden, files, strict=True):
            made.rename(path)
        for _ in pool.map(fsync_folder, {path.parent for path, _ in files}):
            pass


def _write_hidden(path: Path, body: bytes, mode: int) -> Path:
    # A name of its own: two threads may write the same report, and neither may rename what the other still writes.
    hidden = path.with_name(f".{path.name}.{secrets.token_hex(4)}{HIDDEN}")
    descriptor = os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    try:
        view = memoryview(body)
        while view:
            view = view[os.write(descriptor, view) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return hidden
