"""`gateway fetch` against the real daemon: reports come home once, whole and verified.

Does: delivers, fetches, spoils what lies at home, and looks at what the ledger says was collected.
Touches: a gateway in a sandbox.
Does not: hurt the line; test_put_hurt does.
"""

import hashlib
import json
import os
from pathlib import Path

import pytest

from tests.client.municipality import CODE, Municipality, told
from tests.client.relay import Relay
from tests.house import Gateway


@pytest.fixture(scope="module")
def answered(shared: Gateway, tmp_path_factory: pytest.TempPathFactory) -> Gateway:
    """A gateway with one rejected file: a receipt of two files and a technical report of three."""
    town = Municipality(shared, tmp_path_factory.mktemp("sender"))
    assert town.put("--wait", town.bad_file()).returncode == 1
    return shared


@pytest.fixture
def served(answered: Gateway, tmp_path: Path) -> Municipality:
    """A machine on which nothing was fetched yet. Only to be used by tests that acknowledge nothing."""
    return Municipality(answered, tmp_path / "town")


def verified(folder: Path) -> int:
    """How many files lie in `folder`, each of which its JSON lists with the right checksum (or is that JSON)."""
    files = {path.name: path for path in folder.iterdir()}
    listed = {name for name in files if name.endswith(".json")}
    for name in sorted(listed):
        for file in json.loads(files[name].read_bytes())["files"]:
            assert hashlib.sha256(files[file["name"]].read_bytes()).hexdigest() == file["sha256"]
            listed.add(file["name"])
    assert listed == set(files)
    return len(files)


def fingerprint(town: Municipality) -> str:
    """Of the gateway's host key."""
    with town.gateway.transport(town.login) as transport:
        return transport.get_remote_server_key().fingerprint


def test_everything_comes_home_once(served: Municipality) -> None:
    first = told(served.fetch("--json"))
    home = served.folder / "reports" / CODE
    assert verified(home) == 5
    assert sum(len(report["brought"]) for report in first["reports"]) == 5
    times = {path.name: path.stat().st_ino for path in home.iterdir()}
    second = served.fetch("--json")
    assert second.returncode == 0
    assert [report["brought"] for report in told(second)["reports"]] == [[], []]
    assert {path.name: path.stat().st_ino for path in home.iterdir()} == times


def test_a_report_that_lies_at_home_is_not_asked_for_again(served: Municipality) -> None:
    assert served.fetch().returncode == 0
    with Relay(lambda: served.gateway.port) as relay:
        served.port = relay.port
        assert served.fetch("--host-key", fingerprint(served)).returncode == 0
        nothing_new = relay.passed
        assert served.fetch("--host-key", fingerprint(served), "elsewhere").returncode == 0
    # Five files of a few kilobytes take at least fifteen requests more.
    assert relay.passed - nothing_new > nothing_new + 500


@pytest.mark.parametrize("extension", ["html", "csv", "json"])
@pytest.mark.parametrize("how", ["changed", "cut", "gone"])
def test_what_was_spoiled_at_home_is_brought_again(served: Municipality, extension: str, how: str) -> None:
    assert served.fetch().returncode == 0
    home = served.folder / "reports" / CODE
    (victim,) = home.glob(f"TR_*.{extension}")
    body = victim.read_bytes()
    if how == "gone":
        victim.unlink()
    else:
        victim.write_bytes(body[: len(body) // 2] if how == "cut" else body.replace(b"a", b"b"))
    answer = told(served.fetch("--json"))
    assert answer["exit_code"] == 0
    assert victim.read_bytes() == body
    assert [name for report in answer["reports"] for name in report["brought"]] == [victim.name]
    assert verified(home) == 5


def test_confirm_acknowledges_what_lies_at_home_and_nothing_else(own_town: Municipality) -> None:
    served = own_town
    assert served.put("--wait", served.bad_file()).returncode == 1
    assert served.fetch().returncode == 0
    assert [report.confirmed_at for report in served.gateway.reports(CODE)] == [None, None]
    answer = told(served.fetch("--confirm", "--json"))
    assert [report["confirmed"] for report in answer["reports"]] == [True, True]
    assert all(report.confirmed_at for report in served.gateway.reports(CODE))
    assert told(served.fetch("--json"))["reports"] == []
    again = told(served.fetch("--all", "--json", "elsewhere"))
    assert len(again["reports"]) == 2
    assert verified(served.folder / "elsewhere" / CODE) == 5


def test_nothing_is_acknowledged_that_could_not_be_kept(served: Municipality) -> None:
    (served.folder / "reports").mkdir()
    (served.folder / "reports" / CODE).write_text("in the way")
    answer = served.fetch("--confirm")
    assert answer.returncode == 4
    assert str(Path("reports") / CODE) in answer.stderr
    assert [report.confirmed_at for report in served.gateway.reports(CODE)] == [None, None]


def test_since_leaves_out_what_is_older(served: Municipality) -> None:
    assert told(served.fetch("--since", "2018-02-13", "--json"))["reports"] == []
    assert len(told(served.fetch("--since", "2018-02-12", "--json"))["reports"]) == 2


def test_an_empty_outbox_is_no_trouble(own_town: Municipality) -> None:
    answer = own_town.fetch()
    assert (answer.returncode, answer.stdout) == (0, "")
    assert not os.path.lexists(own_town.folder / "reports")
