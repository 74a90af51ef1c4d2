"""What the municipality's end decides without a network: waits, endings, verdicts, names that may be kept.

Does: holds the pure functions against properties and examples.
Touches: a temporary known_hosts.
Does not: connect.
"""

import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import paramiko
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.client.fetch import listed_in
from gateway.client.hostkey import normal, pin
from gateway.client.outcome import EXIT_CODES, Outcome, exit_code
from gateway.client.patience import Clock, Patience, wait_before
from gateway.client.put import Parcel, code_in, is_held, read_receipt, verdict

SUM = "a" * 64
outcomes = st.lists(st.sampled_from(list(Outcome)), min_size=1, max_size=6)


# --- waits --------------------------------------------------------------------------------------------------


@given(st.integers(0, 1000), st.floats(1, 600), st.floats(0, 1))
def test_a_wait_is_never_nothing_and_never_longer_than_the_longest(attempt: int, longest: float, luck: float) -> None:
    assert 0.5 <= wait_before(attempt, longest, luck) <= longest


@given(st.floats(0, 1))
def test_waits_grow(luck: float) -> None:
    waits = [wait_before(attempt, 60, luck) for attempt in range(10)]
    assert all(one <= other for one, other in pairwise(waits))


@given(st.floats(0.01, 1000), st.floats(0, 1))
def test_patience_ends_when_it_said(seconds: float, luck: float) -> None:
    now = [0.0]
    clock = Clock(lambda: now[0], lambda pause: now.__setitem__(0, now[0] + pause), lambda: luck)
    patience = Patience(clock, seconds)
    while patience.wait():
        assert now[0] <= seconds * 1.000001
    assert now[0] == pytest.approx(seconds)


# --- endings ------------------------------------------------------------------------------------------------


@given(outcomes)
def test_the_exit_code_is_that_of_one_of_the_files(ends: list[Outcome]) -> None:
    assert exit_code(ends) in {EXIT_CODES[end] for end in ends}


@given(outcomes)
def test_zero_means_that_all_is_well(ends: list[Outcome]) -> None:
    assert (exit_code(ends) == 0) == all(EXIT_CODES[end] == 0 for end in ends)


def test_what_may_work_later_goes_before_what_a_person_must_see() -> None:
    assert exit_code([Outcome.REJECTED, Outcome.REFUSED, Outcome.LATER, Outcome.RECEIVED]) == 4
    assert exit_code([Outcome.LATER, Outcome.DENIED]) == 5
    assert exit_code([]) == 0


# --- names and receipts -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("WMO_0363_2017H2.csv", "0363"),
        ("0363_WMO_2017H2.csv", "0363"),
        ("WMO_0363_H22017.csv", "0363"),
        ("KOSTEN-WMO_0014_2017H1.txt", "0014"),
        ("MSD.zip", ""),
        ("WMO_0363_0377.csv", ""),
        ("WMO_12345.csv", ""),
    ],
)
def test_the_municipality_in_a_name(name: str, code: str) -> None:
    assert code_in(name) == code


def test_a_drop_is_approved_when_all_its_reports_are() -> None:
    good = "TR_0363_2017H2_WMO_v001_180212-7f3a9c_GOEDGEKEURD.json"
    bad = "TR_0363_2017H2_SBW_v001_180212-7f3a9c_AFGEKEURD.json"
    other = "TR_0363_2017H2_SBW_v001_180212-000000_AFGEKEURD.json"
    assert verdict([good, other], "180212-7f3a9c") == (Outcome.APPROVED, [good])
    assert verdict([good, bad, other], "180212-7f3a9c") == (Outcome.REJECTED, [bad, good])
    # The JSON is published last: a set without it is not there yet.
    assert verdict([good.replace(".json", ".html"), other], "180212-7f3a9c") is None
    assert not is_held([good, bad], "180212-7f3a9c")
    assert is_held(["OB_0363_ALLE_ALLE_180212-7f3a9c_AANGEHOUDEN.json"], "180212-7f3a9c")


def document(**changes: object) -> bytes:
    """A receipt's JSON, as far as it matters here."""
    facts: dict[str, object] = {
        "outcome": "ONTVANGEN",
        "drop_id": "180212-7f3a9c",
        "first_drop": None,
        "trial": False,
        "file": {"name": "a.csv", "bytes": 1, "sha256": SUM},
    }
    return json.dumps(facts | changes).encode()


WANTED = Parcel(Path("a.csv"), 1, SUM, "0363")


def test_only_a_receipt_with_the_same_checksum_name_and_lane_is_ours() -> None:
    assert read_receipt("r", document(), WANTED) is not None
    assert read_receipt("r", document(file={"name": "a.csv", "bytes": 1, "sha256": "b" * 64}), WANTED) is None
    assert read_receipt("r", document(file={"name": "b.csv", "bytes": 1, "sha256": SUM}), WANTED) is None
    assert read_receipt("r", document(trial=True), WANTED) is None
    assert read_receipt("r", document(outcome="GEWEIGERD"), WANTED) is None


def test_a_repeat_is_judged_with_the_first() -> None:
    found = read_receipt("r", document(outcome="HERHALING", first_drop="180212-000000"), WANTED)
    assert found is not None
    assert (found.outcome, found.drop_id, found.judged) == (Outcome.REPEATED, "180212-7f3a9c", "180212-000000")


@given(
    st.one_of(
        st.binary(max_size=200), st.recursive(st.none() | st.text(), st.lists).map(lambda x: json.dumps(x).encode())
    )
)
def test_nonsense_is_no_receipt_and_no_report(body: bytes) -> None:
    assert read_receipt("r", body, WANTED) is None
    assert not listed_in(body, "TR_x")


@pytest.mark.parametrize("name", ["../TR_x.csv", "/etc/TR_x.csv", "TR_x/../a.csv", ".TR_x.csv", "TR_y.csv", "TR_x", ""])
def test_a_report_that_names_what_it_may_not_is_not_kept(name: str) -> None:
    body = json.dumps({"files": [{"name": name, "sha256": SUM}]}).encode()
    assert listed_in(body, "TR_x") is None
    assert listed_in(body.replace(json.dumps(name).encode(), b'"TR_x.csv"'), "TR_x") is not None


# --- host keys ----------------------------------------------------------------------------------------------


def test_a_fingerprint_may_be_written_in_more_ways() -> None:
    assert normal("SHA256:abc") == normal(" abc= \n") == normal("abc") == "SHA256:abc"


def test_pinning_adds_a_line_and_changes_none(tmp_path: Path) -> None:
    known_hosts = tmp_path / "new" / "known_hosts"
    key = paramiko.ECDSAKey.generate()
    pin(known_hosts, "[a]:2222", key)
    known_hosts.write_text("# mine\nb ssh-rsa AAAA")
    pin(known_hosts, "[a]:2222", key)
    lines = known_hosts.read_text().splitlines()
    assert lines == ["# mine", "b ssh-rsa AAAA", f"[a]:2222 {key.get_name()} {key.get_base64()}"]
    assert known_hosts.stat().st_mode & 0o777 == 0o600


# --- the house ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("module", "strangers"),
    [
        ("gateway.cli", {"paramiko", "rich", "pydantic", "yaml", "polars", "asyncssh"}),
        ("gateway.daemon", {"paramiko", "gateway.client"}),
        ("gateway.cli.transfer", {"polars", "asyncssh", "gateway.daemon"}),
    ],
)
def test_nobody_pays_for_what_only_others_need(module: str, strangers: set[str]) -> None:
    code = f"import sys, {module}; print(*sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert strangers & set(said.stdout.split()) == set()
