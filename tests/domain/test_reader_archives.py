"""Archives: spoilt in any byte they are refused or give what they gave; names of members never leak."""

import io
import random
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.model import Finding, Limits, Severity
from gateway.domain.reader import Member, member_label, unpack
from tests.domain.hostile_zips import DATA, NAME, OTHER, SECOND, by_python, honest, one
from tests.domain.rawzip import DESCRIPTOR, Part, archive
from tests.domain.uploads import LIMITS, TEST_BSNS, Case, table

ALLOWED = (".csv", ".txt")
SMALL = archive(Part(NAME, table(2)), Part(SECOND, table(2, seed=2), flags=DESCRIPTOR, descriptor="<3L"))


def opened(payload: bytes, limits: Limits = LIMITS, allowed: tuple[str, ...] = ALLOWED) -> tuple[Member, ...]:
    """The members of an archive that must be accepted."""
    members, findings = unpack("MSD.zip", payload, limits, allowed)
    assert findings == ()
    return members


def refused(payload: bytes, limits: Limits = LIMITS, allowed: tuple[str, ...] = ALLOWED) -> tuple[Finding, ...]:
    """The findings of an archive that must be refused."""
    members, findings = unpack("MSD.zip", payload, limits, allowed)
    assert members == ()
    assert findings
    assert all(finding.severity is Severity.FILE for finding in findings)
    return findings


@pytest.mark.parametrize("case", [case for case in honest() if not case.says], ids=lambda case: case.id)
def test_an_honest_archive_gives_what_python_reads_in_it(case: Case) -> None:
    payload = case.payload()
    members = opened(payload)
    with zipfile.ZipFile(io.BytesIO(payload)) as packed:
        assert [member.data for member in members] == [packed.read(info) for info in packed.infolist()]
        names = [member_label(name, at) for at, name in enumerate(packed.namelist(), 1)]
    assert [member.name for member in members] == names


def test_members_come_whole_and_in_order() -> None:
    assert opened(by_python()) == (Member(NAME, DATA), Member(SECOND, OTHER))


def test_a_loose_file_is_handed_on_untouched() -> None:
    members, findings = unpack(NAME, DATA, Limits(), ALLOWED)
    assert findings == ()
    assert members[0].data is DATA
    assert members[0].name == NAME


@given(st.integers(0, len(SMALL) - 1), st.integers(1, 255))
def test_a_spoilt_byte_is_noticed_or_harmless(at: int, change: int) -> None:
    spoilt = bytearray(SMALL)
    spoilt[at] ^= change
    members, findings = unpack("MSD.zip", bytes(spoilt), Limits(), ALLOWED)
    assert bool(members) != bool(findings)
    if members:
        assert [member.data for member in members] == [member.data for member in opened(SMALL)]


@given(st.integers(0, len(SMALL) - 1), st.binary(max_size=8))
def test_bytes_put_in_are_noticed(at: int, more: bytes) -> None:
    members, _ = unpack("MSD.zip", SMALL[:at] + more + SMALL[at:], Limits(), ALLOWED)
    assert [member.data for member in members] == ([] if more else [member.data for member in opened(SMALL)])


@given(st.integers(0, len(SMALL) - 1), st.integers(1, 40))
def test_bytes_taken_out_are_noticed(at: int, fewer: int) -> None:
    assert refused(SMALL[:at] + SMALL[at + fewer :])


@given(st.binary(max_size=300).map(lambda tail: b"PK\x03\x04" + tail))
def test_noise_is_refused(noise: bytes) -> None:
    assert refused(noise)


@given(st.text(max_size=40))
def test_a_name_is_quoted_only_when_it_can_do_no_harm(name: str) -> None:
    shown = member_label(name, 3)
    assert shown in ("#3", name)
    assert shown.isascii()
    assert shown.isprintable()


@pytest.mark.parametrize(
    "name",
    [f"{TEST_BSNS[0]}.csv", f"WMO_{TEST_BSNS[1]}_x.csv", "a\nb.csv", "x" * 10_000 + ".csv", "\x1b[2J.csv", "", "é.csv"],
)
def test_a_member_with_an_unusable_name_is_called_by_its_place(name: str) -> None:
    findings = refused(archive(Part(SECOND, DATA), Part(name, DATA)))
    assert [finding.member for finding in findings] == ["#2"]
    assert all(name not in repr(finding) for finding in findings if name)


def test_each_member_is_named_with_its_own_fault() -> None:
    parts = (Part(NAME, DATA), Part("lijst.xlsx", DATA), Part(NAME.lower(), DATA), Part("x y.csv", DATA))
    found = [(finding.message.key, finding.member) for finding in refused(archive(*parts))]
    assert found == [
        ("findings.F04.member_type", "lijst.xlsx"),
        ("findings.F04.duplicate", NAME.lower()),
        ("findings.F04.name", "#4"),
    ]


def test_what_a_mac_adds_is_said_once_and_counted() -> None:
    parts = [Part(f"__MACOSX/._{n}.csv", b"x", 0) for n in range(30)]
    (finding,) = refused(archive(Part(NAME, DATA), *parts))
    assert finding.message.key == "findings.F04.macosx"
    assert dict(finding.message.params) == {"n": 30}


def test_the_limits_are_those_of_the_round() -> None:
    payload = by_python()
    exact = Limits(upload_bytes=len(payload), unpacked_bytes=len(DATA) + len(OTHER), zip_members=2)
    assert len(opened(payload, exact)) == 2
    for limits, key in (
        (Limits(upload_bytes=len(payload) - 1), "F03.upload"),
        (Limits(unpacked_bytes=len(DATA) + len(OTHER) - 1), "F03.unpacked"),
        (Limits(zip_members=1), "F04.too_many"),
    ):
        assert [finding.message.key for finding in refused(payload, limits)] == [f"findings.{key}"]


def test_the_ratio_counts_per_member_and_spares_the_small() -> None:
    assert len(opened(one(data=b"a" * 65_536)())) == 1
    assert refused(one(data=b"a" * 65_537)())[0].message.key == "findings.F03.ratio"
    noise = random.Random(1).randbytes(400)
    assert len(opened(one(data=noise + b"a" * 70_000)())) == 1


def test_which_members_are_allowed_is_a_setting() -> None:
    text = one(name="WMO_0363_2017H2.txt")()
    assert len(opened(text)) == 1
    (finding,) = refused(text, allowed=(".csv",))
    assert finding.message.key == "findings.F04.member_type"
    assert finding.expected is not None
    assert dict(finding.expected.params) == {"list": ".csv"}


def test_an_encrypted_archive_is_called_so_before_anything_else() -> None:
    (finding,) = refused(one(name="map/x y.exe", flags=1, packed=b"12345678")())
    assert finding.message.key == "findings.F04.encrypted"
