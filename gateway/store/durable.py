"""Durable: the one way in which whole files appear on disk.

Does: writes a file under a hidden name, makes it durable, renames it and makes its folder durable; many files at once
wait for the disk together. What fails leaves nothing behind.
Touches: the paths it is given.
Does not: know what the files are (spool).
"""

import os
import secrets
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import repeat
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
    hidden = _hidden(path)
    with world(), _gone_on_failure([hidden]):
        _write(hidden, body, mode)
        hidden.rename(path)
        fsync_folder(path.parent)


def write_all_durably(files: Sequence[tuple[Path, bytes]], mode: int = PRIVATE_FILE) -> None:
    """As `write_durably` for each, in less time: they appear in the order given, once all of them are durable under
    their hidden names."""
    hidden = [_hidden(path) for path, _ in files]
    with world(), _gone_on_failure(hidden), ThreadPoolExecutor(AT_ONCE, thread_name_prefix="durable") as pool:
        bodies = [body for _, body in files]
        for _ in pool.map(_write, hidden, bodies, repeat(mode)):
            pass
        for made, (path, _) in zip(hidden, files, strict=True):
            made.rename(path)
        for _ in pool.map(fsync_folder, {path.parent for path, _ in files}):
            pass


def _hidden(path: Path) -> Path:
    # A name of its own: two threads may write the same report, and neither may rename what the other still writes.
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}{HIDDEN}")


@contextmanager
def _gone_on_failure(hidden: Iterable[Path]) -> Iterator[None]:
    """What was not finished is removed: whoever tries again each second would fill a full disk with what is left."""
    try:
        yield
    except OSError:
        for path in hidden:
            with suppress(OSError):
                path.unlink(missing_ok=True)
        raise


def _write(path: Path, body: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    try:
        view = memoryview(body)
        while view:
            view = view[os.write(descriptor, view) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
