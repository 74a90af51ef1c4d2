"""Working files: one that is being written, held between all processes that serve.

Does: gives a working file's folder to one step at a time, whichever process takes it; opens a working file for its one
writer, the last who opened it; says who that is, and whether there is one.
Touches: the folders it is given; advisory locks on them (flock), which end with the process that holds them.
Does not: know where working files lie (spool) or who may write them (edge).

Each opening is a file of its own, laid in the place of the former one: a former writer, in whatever process, goes on
writing into a file that nobody can reach any more, and finds at its end that it is not the writer.
"""

import errno
import fcntl
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from gateway.errors import Refusal
from gateway.store.durable import PRIVATE_FILE, fsync_folder, world

PAYLOAD = "payload"
WHOLE = "whole"
PRIVATE_FOLDER = 0o700
# What another holds a working file for takes milliseconds, and as long as the disk needs. Then: come back later.
PATIENCE = 2.0
LOOK_SECONDS = 0.005
# On a network disk without locks of this kind nobody holds a working file; while it is written it is not whole all the
# same.
NO_LOCKS = frozenset({errno.EBADF, errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL})


@contextmanager
def held(item: Path, *, make: bool = False) -> Iterator[None]:
    """Nobody else opens, ends, drops or renames this working file meanwhile. Refusal NO_SUCH_FILE when there is none
    (`make`: then make it), BUSY when another has it at hand for long."""
    until = time.monotonic() + PATIENCE
    while True:
        with world():
            descriptor = _folder(item, make=make)
        try:
            _lock(descriptor, until)
            if _is_at(descriptor, item):
                yield
                return
        finally:
            os.close(descriptor)
        # It was dropped or renamed meanwhile: look again what there is now.


def _folder(item: Path, *, make: bool) -> int:
    while True:
        if make:
            item.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        # Made, and gone again before it is opened: somebody dropped it at that moment.
        with suppress(FileNotFoundError):
            return os.open(item, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        if not make:
            raise Refusal("NO_SUCH_FILE")


def _lock(descriptor: int, until: float) -> None:
    while not _taken(descriptor):
        if time.monotonic() >= until:
            raise Refusal("BUSY")
        time.sleep(LOOK_SECONDS)


def _taken(descriptor: int) -> bool:
    with world():
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise
        return True


def _is_at(descriptor: int, path: Path) -> bool:
    """Whether what a descriptor has open is what lies at a path."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat(follow_symlinks=False))
    except FileNotFoundError:
        return False


def open_for_writing(item: Path, *, truncate: bool) -> int:
    """A descriptor to write with, on a new file in the place of the former; its bytes are copied unless `truncate`. It
    is not whole until somebody says so. Only while `held`."""
    with world():
        (item / WHOLE).unlink(missing_ok=True)
        fresh = item / f".{secrets.token_hex(4)}"
        descriptor = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, PRIVATE_FILE)
        try:
            # Nobody else has it yet: the lock only shows that this process writes, until the descriptor is closed.
            _taken(descriptor)
            if not truncate:
                _copy(item / PAYLOAD, descriptor)
            fresh.rename(item / PAYLOAD)
            fsync_folder(item)
        except OSError:
            os.close(descriptor)
            with suppress(OSError):
                fresh.unlink(missing_ok=True)
            raise
    return descriptor


def _copy(path: Path, target: int) -> None:
    try:
        source = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return
    try:
        while part := os.read(source, 1 << 20):
            view = memoryview(part)
            while view:
                view = view[os.write(target, view) :]
    finally:
        os.close(source)


def is_writer(item: Path, descriptor: int) -> bool:
    """Whether the file that a descriptor has open is still the working file."""
    return _is_at(descriptor, item / PAYLOAD)


def is_written(item: Path) -> bool:
    """Whether somebody has it open for writing, in whatever process. Only while `held`."""
    with world():
        try:
            descriptor = os.open(item / PAYLOAD, os.O_RDONLY | os.O_NOFOLLOW)
        except FileNotFoundError:
            return False
        try:
            return not _taken(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def dropping(item: Path) -> Iterator[None]:
    """As `held`, for who takes the file away under this name. Refusal INCOMPLETE_WRITE while it has a writer."""
    with held(item):
        if is_written(item):
            raise Refusal("INCOMPLETE_WRITE")
        yield


@contextmanager
def replacing(item: Path) -> Iterator[None]:
    """As `dropping`, for a name that another file is to have; there need not be one."""
    with ExitStack() as stack:
        try:
            stack.enter_context(dropping(item))
        except Refusal as refusal:
            if refusal.code != "NO_SUCH_FILE":
                raise
        yield
