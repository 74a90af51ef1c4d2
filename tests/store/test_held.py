"""A working file that is held between processes.

Does: holds, writes, drops and replaces working files through descriptors of their own, which is what other processes
have; kills a process that holds one; takes the locks of the file system away.
Touches: temporary directories; processes of its own.
Does not: speak SFTP (tests of the edge and of several processes).
"""

import errno
import fcntl
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gateway.errors import Refusal
from gateway.store import working
from gateway.store.working import dropping, held, is_writer, is_written, open_for_writing, replacing

HOLD = """
import sys
import time
from pathlib import Path
from gateway.store.working import held, open_for_writing
with held(Path(sys.argv[1]), make=True):
    descriptor = open_for_writing(Path(sys.argv[1]), truncate=True)
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def item(tmp_path: Path) -> Path:
    """Where a working file is to lie."""
    return tmp_path / "amsterdam" / "WMO.csv.part"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for long."""
    monkeypatch.setattr(working, "PATIENCE", 0.05)


def written(item: Path, body: bytes, *, truncate: bool = True) -> int:
    """A descriptor of its writer, after so many bytes."""
    with held(item, make=True):
        descriptor = open_for_writing(item, truncate=truncate)
    os.pwrite(descriptor, body, 0)
    return descriptor


def test_one_at_a_time(item: Path) -> None:
    with held(item, make=True), pytest.raises(Refusal, match="BUSY"), held(item):
        pass
    with held(item):
        pass


def test_what_is_not_there_is_held_by_nobody(item: Path) -> None:
    for hold in (held, dropping):
        with pytest.raises(Refusal, match="NO_SUCH_FILE"), hold(item):
            pass
    with replacing(item):
        assert not item.exists()


def test_who_waited_for_one_that_was_dropped_looks_again(item: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.close(written(item, b"whole"))
    folder = os.open(item, os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    monkeypatch.setattr(working, "PATIENCE", 60.0)

    def drop(_seconds: float) -> None:
        if item.exists():
            item.rename(item.with_name("landed"))
            os.close(folder)

    monkeypatch.setattr(time, "sleep", drop)
    with pytest.raises(Refusal, match="NO_SUCH_FILE"), held(item):
        pass
    assert (item.with_name("landed") / "payload").read_bytes() == b"whole"


def test_the_last_who_opens_it_is_its_writer(item: Path) -> None:
    first = written(item, b"one two ")
    second = written(item, b"", truncate=False)
    assert [is_writer(item, each) for each in (first, second)] == [False, True]
    os.pwrite(first, b"NOT THIS", 0)
    os.pwrite(second, b"three", 8)
    assert (item / "payload").read_bytes() == b"one two three"
    assert sorted(path.name for path in item.iterdir()) == ["payload"]
    os.close(first)
    assert is_written(item)
    with pytest.raises(Refusal, match="INCOMPLETE_WRITE"), dropping(item):
        pass
    with pytest.raises(Refusal, match="INCOMPLETE_WRITE"), replacing(item):
        pass
    os.close(second)
    with dropping(item):
        assert not is_written(item)


def test_what_a_killed_process_held_is_free(item: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(item)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(Refusal, match="BUSY"), held(item):
            pass
        other.kill()
    with dropping(item):
        assert (item / "payload").read_bytes() == b""


def test_a_disk_that_is_full_leaves_the_former_file(item: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.close(written(item, b"kept"))

    def full(_source: int, _most: int) -> bytes:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "read", full)
    with pytest.raises(Exception, match="No space"), held(item):
        open_for_writing(item, truncate=False)
    assert [path.name for path in item.iterdir()] == ["payload"]
    assert (item / "payload").read_bytes() == b"kept"


def test_without_such_locks_a_file_is_taken_all_the_same(item: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(_descriptor: int, _how: int) -> None:
        raise OSError(errno.EBADF, "Bad file descriptor")

    monkeypatch.setattr(fcntl, "flock", unknown)
    os.close(written(item, b"over the network"))
    with dropping(item):
        assert (item / "payload").read_bytes() == b"over the network"
