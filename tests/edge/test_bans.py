"""Who is kept out is seen by another process, while there is one that keeps them out.

Does: writes and reads the files by hand; has a daemon keep this machine out, and asks `gateway status`.
Touches: temporary directories, a daemon.
Does not: try when somebody is kept out (test_penalties).
"""

import json
import os
from pathlib import Path

import paramiko
import pytest

from gateway.store.bans import MOST, STALE, Ban, Bans, read, sweep, write
from tests.house import Gateway, copy_demo
from tests.story.test_restore import run


def test_what_is_written_is_read_until_it_has_run_off(tmp_path: Path) -> None:
    assert read(tmp_path, 100.0) == Bans()
    write(tmp_path, {"192.0.2.1/32": 5.0, "198.51.100.7/32": 20.0}, 100.0)
    assert read(tmp_path, 101.0) == Bans(2, (Ban("198.51.100.7/32", 19.0), Ban("192.0.2.1/32", 4.0)))
    assert read(tmp_path, 106.0) == Bans(1, (Ban("198.51.100.7/32", 14.0),))
    assert [path.stat().st_mode & 0o777 for path in tmp_path.iterdir()] == [0o600]
    write(tmp_path, {}, 110.0)
    assert list(tmp_path.iterdir()) == []


def test_of_very_many_the_longest_are_named_and_all_are_counted(tmp_path: Path) -> None:
    write(tmp_path, {f"2001:db8:{number:x}::/64": float(number) for number in range(1, MOST + 51)}, 0.0)
    found = read(tmp_path, 0.0)
    assert (found.total, len(found.named)) == (MOST + 50, MOST)
    assert found.named[0].seconds == MOST + 50


@pytest.mark.parametrize("now", [99.0, 100.0 + STALE + 1])
def test_what_a_process_left_behind_counts_no_more(tmp_path: Path, now: float) -> None:
    """Killed, or of a boot before this one."""
    write(tmp_path, {"192.0.2.1/32": 3600.0}, 100.0)
    assert read(tmp_path, now) == Bans()
    sweep(tmp_path, now)
    assert list(tmp_path.iterdir()) == []


def test_several_processes_are_read_together_and_what_is_no_file_of_ours_is_not(tmp_path: Path) -> None:
    write(tmp_path, {"192.0.2.1/32": 5.0}, 100.0)
    next(tmp_path.iterdir()).rename(tmp_path / "bans-1.json")
    write(tmp_path, {"192.0.2.2/32": 9.0}, 100.0)
    for number, text in enumerate(("", "[]", "{}", json.dumps({"at": "x"}), json.dumps({"at": 100, "total": 1}))):
        (tmp_path / f"bans-9{number}.json").write_text(text, encoding="utf-8")
    assert [each.network for each in read(tmp_path, 100.0).named] == ["192.0.2.2/32", "192.0.2.1/32"]
    assert [each.network for each in read(tmp_path, 100.0, os.getpid()).named] == ["192.0.2.1/32"]
    sweep(tmp_path, 100.0)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        ["bans-1.json", "bans-94.json", f"bans-{os.getpid()}.json"]
    )


def test_a_disk_that_says_no_does_not_stop_the_door(tmp_path: Path) -> None:
    write(tmp_path / "nowhere", {"192.0.2.1/32": 5.0}, 100.0)
    assert read(tmp_path / "nowhere", 100.0) == Bans()


def test_status_tells_who_is_kept_out_and_until_when(demo_template: Path, tmp_path: Path) -> None:
    settings = {
        "penalties": {"allow": [], "failed_login_seconds": 600, "ban_from_seconds": 10},
        "sftp": {"idle_seconds": 2},
    }
    with Gateway(copy_demo(demo_template, tmp_path / "gateway"), settings) as house:
        assert json.loads(run(house, "status", "--json").stdout)["banned"] == {"total": 0, "networks": []}
        with pytest.raises(paramiko.AuthenticationException), house.transport("amsterdam", key="bloemendaal"):
            pass
        house.wait_event("banned", network="127.0.0.1/32")
        told = house.wait_until(lambda: json.loads(run(house, "status", "--json").stdout)["banned"]["networks"])
        assert [each["network"] for each in told] == ["127.0.0.1/32"]
        assert told[0]["until"] > "2026"
        assert "127.0.0.1/32" in run(house, "status").stdout
        house.stop()
        assert json.loads(run(house, "status", "--json").stdout)["banned"]["total"] == 0
