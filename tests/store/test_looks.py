"""Looks: an empty folder is listed again when anything changed in it, and now and then all the same."""

import os
from pathlib import Path

import pytest

from gateway.store.looks import AGAIN, SETTLED, Looks


class Clock:
    """Technical time, moved by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def look(looks: Looks, folder: Path) -> bool:
    """Look as who lists does; whether there was a listing."""
    if looks.same(str(folder)):
        return False
    if folder.is_dir() and not list(folder.iterdir()):
        looks.done(str(folder))
    return True


def settle(looks: Looks, folder: Path, clock: Clock) -> None:
    # Technical time moves by hand, the disk's does not: what comes next must not fall into the same tick of it.
    os.utime(folder, (0, 0))
    look(looks, folder)
    clock.now += SETTLED
    assert look(looks, folder)
    assert not look(looks, folder)


def test_what_was_just_changed_is_listed_again_until_its_times_stand_still(tmp_path: Path, clock: Clock) -> None:
    looks = Looks(clock)
    for _ in range(3):
        assert look(looks, tmp_path)
    settle(looks, tmp_path, clock)


def test_a_clock_that_stands_still_always_lists(tmp_path: Path) -> None:
    looks = Looks(float)
    for _ in range(5):
        assert look(looks, tmp_path)


def test_a_file_put_in_it_is_listed_until_it_is_gone(tmp_path: Path, clock: Clock) -> None:
    looks = Looks(clock)
    settle(looks, tmp_path, clock)
    (tmp_path / "a").touch()
    for _ in range(3):
        clock.now += 10
        assert look(looks, tmp_path)
    (tmp_path / "a").unlink()
    assert look(looks, tmp_path)
    settle(looks, tmp_path, clock)


def test_another_folder_in_its_place_is_listed(tmp_path: Path, clock: Clock) -> None:
    looks = Looks(clock)
    place, other = tmp_path / "place", tmp_path / "other"
    place.mkdir()
    other.mkdir()
    settle(looks, place, clock)
    # As old as the first by its own time of change: a mount shows whatever the other disk has.
    place.rename(tmp_path / "away")
    other.rename(place)
    assert look(looks, place)


def test_rights_that_changed_are_listed(tmp_path: Path, clock: Clock) -> None:
    looks = Looks(clock)
    settle(looks, tmp_path, clock)
    tmp_path.chmod(0o500)
    assert look(looks, tmp_path)
    tmp_path.chmod(0o700)


def test_times_set_back_are_a_change_too(tmp_path: Path, clock: Clock) -> None:
    looks = Looks(clock)
    settle(looks, tmp_path, clock)
    before = tmp_path.stat()
    (tmp_path / "a").touch()
    while tmp_path.stat().st_ctime_ns == before.st_ctime_ns:  # until the next tick of the disk's clock
        os.utime(tmp_path, ns=(before.st_atime_ns, before.st_mtime_ns))
    os.utime(tmp_path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert look(looks, tmp_path)


def test_everything_is_listed_now_and_then(tmp_path: Path, clock: Clock) -> None:
    looks = Looks(clock)
    settle(looks, tmp_path, clock)
    clock.now += AGAIN - 0.1
    assert not look(looks, tmp_path)
    clock.now += 0.1
    assert look(looks, tmp_path)
    assert not look(looks, tmp_path)


def test_a_folder_that_is_gone_or_a_link_is_left_to_who_lists(tmp_path: Path, clock: Clock) -> None:
    looks = Looks(clock)
    place = tmp_path / "place"
    assert not looks.same(str(place))
    looks.done(str(place))
    place.mkdir()
    settle(looks, place, clock)
    place.rmdir()
    assert not looks.same(str(place))
    place.symlink_to(tmp_path)
    for _ in range(3):
        clock.now += SETTLED
        assert not looks.same(str(place))
        looks.done(str(place))
