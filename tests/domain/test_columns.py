"""Each type of column, cell by cell."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.checks.columns import TYPES as JUDGES
from gateway.domain.checks.columns import fits, judge_columns
from gateway.domain.checks.faults import Cells, Fault
from gateway.domain.checks.masking import calendar_day
from gateway.domain.demands import TYPES
from gateway.domain.kinds import Column
from tests.domain.examining import cost, keys, wmo
from tests.rules import rules

LISTS = rules().codelists


def judge(column: Column, values: Sequence[str]) -> tuple[Cells, list[Fault]]:
    """One column of a batch."""
    cells, faults = judge_columns(
        [column], {column.name: 0}, pl.DataFrame({"0": pl.Series(values, dtype=pl.String)}), LISTS
    )
    return cells[column.name], faults


def codes(column: Column, *values: str) -> list[list[str]]:
    """The codes that each value gets."""
    _, faults = judge(column, values)
    return [[fault.code for fault in faults if fault.mask[row]] for row in range(len(values))]


def passes_eleven_test(number: str) -> bool:
    """Written from the definition, the other way round: the last digit is what the first eight leave over eleven."""
    if number == "0" * 9:
        return False
    left = 0
    for factor, digit in zip(range(9, 1, -1), number[:8], strict=True):
        left = (left + factor * int(digit)) % 11
    return left == int(number[8])


def test_every_type_that_may_be_configured_is_judged() -> None:
    assert JUDGES.keys() == TYPES.keys()


@given(st.lists(st.integers(0, 999_999_999), min_size=1, max_size=50))
def test_the_eleven_test_agrees_with_an_independent_one(numbers: list[int]) -> None:
    values = [f"{number:09d}" for number in numbers]
    expected = [[] if passes_eleven_test(value) else ["R04"] for value in values]
    assert codes(Column("BSN", "bsn"), *values) == expected


@given(st.integers(0, 9_999), st.integers(0, 8), st.integers(1, 9))
def test_one_wrong_digit_is_always_noticed(tail: int, place: int, step: int) -> None:
    number = f"99999{tail:04d}"
    if passes_eleven_test(number):
        wrong = number[:place] + str((int(number[place]) + step) % 10) + number[place + 1 :]
        assert codes(Column("BSN", "bsn"), number, wrong) == [[], ["R04"]]
    else:
        assert codes(Column("BSN", "bsn"), number) == [["R04"]]


@pytest.mark.parametrize(
    "value", ["99999000", "9999900070", "99999000 7", "٩٩٩٩٩٠٠٠٧", "99999000A", "9.9999E+08", "-99990007"]
)
def test_a_citizen_service_number_is_nine_ascii_digits(value: str) -> None:
    assert codes(Column("BSN", "bsn"), value) == [["R02"]]


@given(st.dates())
def test_every_calendar_day_is_a_date(day: date) -> None:
    assert codes(Column("D", "date"), f"{day.year:04d}{day:%m%d}") == [[]]


@given(st.integers(0, 99_999_999))
def test_eight_digits_are_a_date_when_the_calendar_says_so(number: int) -> None:
    value = f"{number:08d}"
    try:
        date(int(value[:4]), int(value[4:6]), int(value[6:]))
        right = True
    except ValueError:
        right = False
    assert codes(Column("D", "date"), value) == [[] if right else ["R03"]]


@pytest.mark.parametrize(
    "value", ["20170229", "20171301", "2017-07-01", "1-7-2017", "42917", "2017", "00000101", "2017071", "x"]
)
def test_what_is_no_date(value: str) -> None:
    assert codes(Column("D", "date"), value) == [["R03"]]


@given(st.text(max_size=12))
def test_a_text_column_takes_exactly_its_characters(value: str) -> None:
    column = Column("T", "text", max_length=10, pattern="[0-9A-Za-z-]")
    allowed = len(value) <= 10 and all(c.isascii() and (c.isalnum() or c == "-") for c in value)
    assert codes(column, value) == [[] if allowed else ["R02"]]


@given(st.text(alphabet="0123456789+-., ٣eE_", max_size=12))
def test_a_whole_number_is_ascii_digits_within_its_bounds(value: str) -> None:
    allowed = value == "" or (value.isascii() and value.isdigit() and int(value) <= 9_999_999_999)
    assert codes(Column("N", "integer", minimum=0, maximum=9_999_999_999), value) == [[] if allowed else ["R02"]]


def test_a_whole_number_of_many_digits_does_not_overflow() -> None:
    assert codes(Column("N", "integer"), "9" * 18, "9" * 19, "9" * 4000) == [[], ["R02"], ["R02"]]
    assert codes(Column("N", "integer", max_length=8), "12345678", "123456789") == [[], ["R02"]]


def test_mandatory_and_empty() -> None:
    assert codes(Column("G", "digits", required=True, length=4), "", "0363") == [["R01"], []]
    assert codes(Column("G", "digits", length=4), "") == [[]]


def test_a_code_of_another_length_is_one_fault_and_an_unknown_code_another() -> None:
    column = Column("C", "code", length=2, codelist="wmo_type")
    assert codes(column, "01", "18", "1", "001", "19", "xx", "") == [[], [], ["R02"], ["R02"], ["R05"], ["R05"], []]


def test_aliases_are_codes_too() -> None:
    assert codes(Column("L", "code", codelist="leveringsvorm"), "1", "ZIN", "PGB", "3") == [[], [], [], ["R05"]]


def test_fits_is_the_share_of_the_filled_cells() -> None:
    column = Column("D", "date")
    assert fits(column, pl.Series(["20170101", "", "x", "20170102", "20170103"]), LISTS) == 0.75
    assert fits(column, pl.Series(["", ""]), LISTS) is None


@pytest.mark.parametrize(
    ("column", "value", "code", "why"),
    [
        ("Gemeentecode", "363", "R02", "leading_zero"),
        ("BSN", "99990007", "R02", "leading_zero"),
        ("BSN", "99999", "R02", "length"),
        ("BSN", "9999900070", "R02", "length"),
        ("BSN", "9,9999E+08", "R02", "scientific"),
        ("BSN", "9999.90.007", "R02", "not_digits"),
        ("BSN", " 999990007", "R02", "spaces"),
        ("BSN", "999990008", "R04", "eleven"),
        ("Toewijzingsnummer", "A" * 21, "R02", "too_long"),
        ("Toewijzingsnummer", "A/1", "R02", "characters"),
        ("Type_maatwerkarrangement_toewijzing", "1", "R02", "leading_zero"),
        ("Type_maatwerkarrangement_toewijzing", "001", "R02", "unknown"),
        ("Type_maatwerkarrangement_toewijzing", "19", "R05", "unknown"),
        ("Datum_start_rechtsgeldigheid_ondersteuning", "01-07-2017", "R03", "notation"),
        ("Datum_start_rechtsgeldigheid_ondersteuning", "1 juli 2017", "R03", "notation"),
        ("Datum_start_rechtsgeldigheid_ondersteuning", "42917", "R03", "serial"),
        ("Datum_start_rechtsgeldigheid_ondersteuning", "2,017E+07", "R03", "scientific"),
        ("Datum_start_rechtsgeldigheid_ondersteuning", "20173006", "R03", "calendar"),
        ("Datum_start_rechtsgeldigheid_ondersteuning", "onbekend", "R03", "form"),
        ("Datum_start_rechtsgeldigheid_ondersteuning", "20170701 ", "R03", "spaces"),
        ("Leveringsvorm", "Zin", "R05", "capitals"),
        ("Leveringsvorm", " 1", "R05", "spaces"),
        ("Leveringsvorm", "3", "R05", "unknown"),
    ],
)
def test_the_reason_is_told(column: str, value: str, code: str, why: str) -> None:
    assert keys(wmo({column: value})) == [(code, why, column)]


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("1E+05", "scientific"),
        ("1,5E+5", "scientific"),
        ("-5", "negative"),
        ("12345678901", "too_large"),
        ("1.000", "amount"),
        ("1000,50", "amount"),
        ("€ 1000", "amount"),
        ("1 000,-", "amount"),
        ("veel", "not_number"),
    ],
)
def test_the_reason_of_a_wrong_amount_is_told(value: str, why: str) -> None:
    assert keys(cost("SBW", {"Begrote_kosten": value})) == [("R02", why, "Begrote_kosten")]


@pytest.mark.parametrize(
    ("value", "code", "why"),
    [
        ("6,1", "R05", "comma"),
        ("6-jan", "R02", "became_date"),
        ("6-1", "R05", "became_date"),
        ("7.1", "R05", "unknown"),
    ],
)
def test_what_a_spreadsheet_makes_of_a_task_field_is_recognised(value: str, code: str, why: str) -> None:
    assert keys(cost("SBW", {"Taakveld": value})) == [(code, why, "Taakveld")]


ODD_VALUES = st.sampled_from(("", "01", "1", "0363", "363", "ZIN", "²", "١", "1_0", "+1", "12345678901", "20170230",
    "20170228", "20160229", "19000229", "20000229", "00000101", "00010101", "18991231", "99991231", "20171301", "-0",
    "+0010101", "-00000000", "+12345678", "+99999000", "99999999999999999999", " 01", "01\n", "6.1", "999990007",
    "000000000", "4294967296", "0" * 40, "A-1", "é"))  # fmt: skip
NUMBER_LIKE = st.text(alphabet="0123456789+- ", max_size=11)
WMO_AND_SBW = rules().kinds["WMO"].columns + rules().kinds["SBW"].columns


def fault_of(column: Column, value: str) -> str | None:
    """The fault of one value, in plain Python."""
    digits = value.isascii() and value.isdigit()
    length = column.length or len(value)
    if value == "":
        return "R01" if column.required else None
    if column.type == "digits":
        return None if digits and len(value) == length else "R02"
    if column.type == "bsn":
        return "R02" if not digits or len(value) != 9 else None if passes_eleven_test(value) else "R04"
    if column.type == "date":
        return None if digits and len(value) == 8 and calendar_day(value) else "R03"
    if column.type == "code":
        listed = LISTS[column.codelist or ""]
        wrong = "R05" if len(value) == length else "R02"
        return None if value in (*listed.values, *listed.aliases) else wrong
    if column.type == "integer":
        right = digits and len(value) <= (column.max_length or 18)
        right = right and (column.minimum or 0) <= int(value) <= (column.maximum or 10**18)
        return None if right else "R02"
    plain = all(c.isascii() and (c.isalnum() or c == "-") for c in value)
    return None if plain and len(value) <= (column.max_length or len(value)) else "R02"


@given(st.lists(ODD_VALUES | NUMBER_LIKE, max_size=12), st.sampled_from(WMO_AND_SBW))
def test_a_column_judged_as_a_whole_is_judged_as_value_by_value(values: list[str], column: Column) -> None:
    cells, faults = judge(column, values)
    found = [[fault.code for fault in faults if fault.mask[row] and fault.code[0] == "R"] for row in range(len(values))]
    expected = [fault_of(column, value) for value in values]
    assert found == [[code] if code else [] for code in expected]
    assert cells.sound.to_list() == [code is None for code in expected]
    assert cells.filled.to_list() == [value != "" for value in values]
    if column.type in ("date", "integer"):
        numbers = [int(value) if value and not code else None for value, code in zip(values, expected, strict=True)]
        assert cells.value.to_list() == numbers


@given(st.data())
def test_columns_of_a_type_are_judged_together_as_each_alone(data: st.DataObject) -> None:
    columns = [column for column in WMO_AND_SBW if column.type in ("date", "code")]
    rows = data.draw(st.integers(0, 6))
    written = [data.draw(st.lists(ODD_VALUES | NUMBER_LIKE, min_size=rows, max_size=rows)) for _ in columns]
    frame = pl.DataFrame({str(at): pl.Series(values, dtype=pl.String) for at, values in enumerate(written)})
    columns = [replace(column, name=f"c{at}") for at, column in enumerate(columns)]
    cells, faults = judge_columns(columns, {column.name: at for at, column in enumerate(columns)}, frame, LISTS)
    assert list(cells) == [column.name for column in columns]
    alone = [judge(column, values) for column, values in zip(columns, written, strict=True)]
    for column, (expected, _) in zip(columns, alone, strict=True):
        assert cells[column.name].sound.to_list() == expected.sound.to_list()
        assert cells[column.name].value.to_list() == expected.value.to_list()
    assert [(fault.code, fault.column, fault.mask.to_list()) for fault in faults] == [
        (fault.code, fault.column, fault.mask.to_list()) for _, wrong in alone for fault in wrong
    ]
