"""The sample files: good ones are approved without a word, in faulty ones the seeded faults are found and no other.

Does: examines every sample with the shipped rules.
Touches: the shipped configuration, reading.
Does not: test the checks; it would notice if samples and rules part ways.
"""

from datetime import date
from functools import cache

import pytest

from gateway.cli import samples
from gateway.config import load
from gateway.domain.checks import Job, examine_drop
from gateway.domain.kinds import Rules
from gateway.domain.model import Examination
from tests.layers.house import ROOT

KINDS = ("WMO", "KOSTENWMO", "SBW", "JEUGD")
CODES = ("0363", "0377", "0473")


@cache
def rules() -> Rules:
    """The rules of the pilot."""
    return load(ROOT / "config").rules["2017H2"]


def examined(name: str, payload: bytes) -> Examination:
    """What the gateway says of a drop for the municipality in its name, on the first day of the pilot."""
    code = next((code for code in CODES if code in name), "0363")
    return examine_drop(Job(name, payload, code, frozenset(CODES), date(2018, 2, 12), rules()))


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_good_file_is_approved_without_a_finding(kind: str, code: str) -> None:
    examination = examined(f"{kind}_{code}_2017H2.csv", samples.good(kind, code))
    (member,) = examination.members
    assert (member.approved, member.findings, examination.findings) == (True, (), ())
    assert member.records == (250 if kind == "WMO" else len(samples.COST_KEYS[kind]))


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("kind", KINDS)
def test_in_a_faulty_file_exactly_the_seeded_faults_are_found(kind: str, code: str) -> None:
    faulty = samples.wmo_faulty(code) if kind == "WMO" else samples.cost_faulty(kind, code)
    (member,) = examined(f"{kind}_{code}_2017H2.csv", faulty.body).members
    assert not member.approved
    found = sorted((finding.line, finding.code, finding.column or "") for finding in member.findings)
    assert found == sorted((fault.line, fault.code, fault.column) for fault in faulty.faults)
    assert len(found) == 10


def test_the_faulty_wmo_file_has_ten_faults_of_ten_sorts() -> None:
    assert len({fault.code for fault in samples.wmo_faulty().faults}) == 10


def test_a_zip_of_all_kinds_is_approved() -> None:
    members = {f"{kind}_0363_2017H2.csv": samples.good(kind) for kind in KINDS}
    examination = examined("MSD.zip", samples.zipped(members))
    assert [(member.kind, member.approved) for member in examination.members] == [(kind, True) for kind in KINDS]
    assert examination.findings == ()


def test_headers_are_those_of_the_configured_kinds() -> None:
    headers = {"WMO": samples.WMO_HEADER, **samples.COST_HEADERS}
    assert {kind: tuple(c.name for c in rules().kinds[kind].columns) for kind in KINDS} == headers


def test_the_same_arguments_give_the_same_bytes_and_others_do_not() -> None:
    assert samples.good("WMO") == samples.good("WMO")
    assert samples.wmo_faulty() == samples.wmo_faulty()
    assert samples.zipped({"a.csv": b"1"}) == samples.zipped({"a.csv": b"1"})
    assert samples.good("WMO", seed=2) != samples.good("WMO")


def test_no_number_of_a_person_is_in_a_sample() -> None:
    bodies = [samples.good("WMO", code) for code in CODES] + [samples.wmo_faulty(code).body for code in CODES]
    place = samples.WMO_HEADER.index("BSN")
    for body in bodies:
        for line in body.decode().splitlines()[1:]:
            bsn = line.split(";")[place]
            assert bsn == "" or bsn.startswith("99999")
            assert len(bsn) in (0, 9)
