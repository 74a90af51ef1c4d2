"""Foreign names and cells made harmless."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.reports.plain import masked, visible
from gateway.reports.tables import cell, csv_bytes


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a\r\nb", "a\\x0d\\x0ab"),
        ("a\u202egpj.exe", "a\\u202egpj.exe"),
        ("caf\udce9", "caf\\xe9"),
        ("één.csv", "één.csv"),
    ],
)
def test_unseen_characters_are_shown(name: str, shown: str) -> None:
    assert visible(name) == shown


@given(st.text(st.characters()))
def test_visible_text_is_one_line_of_utf8_and_stays_as_it_is(text: str) -> None:
    shown = visible(text)
    assert len(shown.splitlines()) <= 1
    assert visible(shown.encode().decode()) == shown


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("WMO_999990019.csv", "WMO_*********.csv"),
        ("WMO_0363_2017H2.csv", "WMO_0363_2017H2.csv"),
        ("WMO_999990018.csv", "WMO_999990018.csv"),
        ("WMO_\t999990019.csv", "WMO_\\x09*********.csv"),
        ("WMO_\u2028999990019.csv", "WMO_\\u2028*********.csv"),
        ("WMO_999990019_999990020.csv", "WMO_*********_*********.csv"),
    ],
)
def test_a_citizen_service_number_in_a_name_is_starred_out(name: str, shown: str) -> None:
    assert masked(name) == shown


def test_a_longer_run_of_digits_is_a_timestamp_and_stays_readable() -> None:
    assert masked("WMO_99999001920170101.csv") == "WMO_99999001920170101.csv"


def test_a_name_that_was_refused_for_its_length_does_not_fill_the_page() -> None:
    assert len(masked("a" * 5_000)) == 256


@pytest.mark.parametrize("start", ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1"])
def test_no_cell_is_a_formula(start: str) -> None:
    assert cell(start).lstrip('"').startswith("'")


@given(st.lists(st.lists(st.text(), min_size=2, max_size=4), min_size=1, max_size=5))
def test_every_row_is_one_line_that_reads_back(rows: list[list[str]]) -> None:
    written = csv_bytes(rows)
    assert written.startswith(b"\xef\xbb\xbf")
    assert written.count(b"\r\n") == len(rows) == len(written.decode().splitlines())
    read = list(csv.reader(io.StringIO(written.decode("utf-8-sig"), newline=""), delimiter=";"))
    assert [len(row) for row in read] == [len(row) for row in rows]
    assert all(not found.startswith(("=", "+", "-", "@", "\t", "\r")) for row in read for found in row)
