"""The safe write when the disk says no: Temporary, what was there stays, and nothing is left behind."""

import resource
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from gateway.daemon import take_lock
from gateway.errors import Temporary
from gateway.store.durable import write_all_durably, write_durably


@contextmanager
def no_room(bytes_: int) -> Iterator[None]:
    """No file of this process grows beyond so many bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_one_that_does_not_fit_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    write_durably(path, b"old")
    with no_room(100), pytest.raises(Temporary, match="File too large"):
        write_durably(path, bytes(200))
    assert [each.name for each in tmp_path.iterdir()] == ["report.json"]
    assert path.read_bytes() == b"old"


def test_of_many_of_which_one_does_not_fit_nothing_is_left(tmp_path: Path) -> None:
    files = [(tmp_path / f"report{number}", bytes(50 if number != 12 else 200)) for number in range(20)]
    with no_room(100), pytest.raises(Temporary):
        write_all_durably(files)
    assert list(tmp_path.iterdir()) == []
    write_all_durably(files)
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted(path.name for path, _ in files)


def test_a_lock_that_cannot_be_written_is_a_matter_of_time(tmp_path: Path) -> None:
    state = tmp_path / "file" / "var"
    state.parent.touch()
    with ExitStack() as stack, pytest.raises(Temporary, match="Not a directory"):
        take_lock(state, "all", stack)
