"""No value of a payload gets out: not in a sentence, not in a place, whatever the payload is."""

from datetime import date

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gateway.domain.checks.masking import calendar_day, quotable_day, shown
from gateway.domain.model import Examination
from tests.domain.examining import examined, rendered
from tests.rules import rules
from tests.samples import COST_HEADERS, WMO_HEADER, cost_rows, csv_bytes, wmo_rows

# Letters and digits that stand in no sentence of ours, so that finding them in one is a leak.
STRANGE = st.text(alphabet="βδζθλξπφψω¤§¶ĦŊŦ", min_size=5, max_size=30)
NUMBERS = st.from_regex(r"7[0-9]{4,12}7", fullmatch=True)
SHORT = st.text(alphabet="@={}$%βδ0123456789'\"", min_size=1, max_size=4).filter(lambda text: '"' not in text)
VALUE = STRANGE | NUMBERS | st.builds(lambda a, b: f"{a} {b}", STRANGE, NUMBERS)
SLOW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def leaks(examination: Examination, values: list[str]) -> list[str]:
    """The values of which five characters or more in a row stand in a sentence, a column or a member's name."""
    said = "\n".join(rendered(examination))
    return [value for value in values if any(value[at : at + 5] in said for at in range(len(value) - 4))]


@SLOW
@given(st.lists(st.tuples(st.integers(0, 17), VALUE), min_size=1, max_size=12))
def test_no_cell_of_a_wmo_file_is_shown(cells: list[tuple[int, str]]) -> None:
    rows = wmo_rows(len(cells) + 1)
    for row, (column, value) in zip(rows, cells, strict=False):
        row[column] = value
    values = [value for _, value in cells] + [row[2] for row in rows] + [row[3] for row in rows]
    assert leaks(examined(csv_bytes(WMO_HEADER, rows)), values) == []


@SLOW
@given(st.sampled_from(("KOSTENWMO", "SBW", "JEUGD")), st.integers(2, 4), VALUE)
def test_no_cell_of_a_cost_file_is_shown(kind: str, column: int, value: str) -> None:
    rows = cost_rows(kind)
    rows[0][column] = value
    amounts = [cell for row in rows for cell in row[3:] if len(cell) > 4]
    assert leaks(examined(csv_bytes(COST_HEADERS[kind], rows), f"{kind}_0363_2017H2.csv"), [value, *amounts]) == []


@SLOW
@given(st.lists(VALUE, min_size=1, max_size=20), st.booleans(), st.integers(0, 17))
def test_no_name_of_a_header_is_shown_that_is_not_ours(names: list[str], mixed: bool, place: int) -> None:
    header = [*WMO_HEADER[:place], *names, *WMO_HEADER[place:]] if mixed else names
    body = csv_bytes(header, [["1"] * len(header)] * 3)
    assert leaks(examined(body), names) == []


@SLOW
@given(st.lists(st.lists(VALUE | SHORT, min_size=1, max_size=19), min_size=1, max_size=8), st.sampled_from(";,\t|"))
def test_no_cell_of_a_file_without_form_is_shown(rows: list[list[str]], separator: str) -> None:
    body = csv_bytes(rows[0], rows[1:], separator=separator)
    assert leaks(examined(body), [value for row in rows for value in row if len(value) > 4]) == []


@SLOW
@given(st.binary(max_size=400))
@example(b"\xff\xfe" + "999990007;Jansen".encode("utf-16-le"))
@example(b'"999990007;\r\n')
def test_any_bytes_get_an_answer_that_can_be_said(payload: bytes) -> None:
    examination = examined(payload or b"-")
    assert examination.findings or not examination.members[0].approved


def test_a_citizen_service_number_in_the_wrong_column_is_never_shown() -> None:
    for place in range(18):
        rows = wmo_rows(3)
        rows[1][place] = "99990007"
        assert leaks(examined(csv_bytes(WMO_HEADER, rows)), ["99990007"]) == []


@given(st.text(max_size=40), st.booleans())
def test_what_is_shown_of_a_value(value: str, is_date: bool) -> None:
    quoted = dict(shown(value, is_date=is_date).params).get("value")
    assert quoted is None or quoted == value
    if quoted is not None and len(value) > 4:
        assert is_date
        assert quotable_day(value)


@given(st.dates())
def test_a_day_is_shown_in_a_date_column_alone(day: date) -> None:
    value = f"{day.year:04d}{day:%m%d}"
    assert calendar_day(value) == day
    assert ("value" in dict(shown(value, is_date=True).params)) is (1900 <= day.year < 2100)
    assert "value" not in dict(shown(value).params)


def test_a_value_is_no_key_of_the_catalogue() -> None:
    assert shown("@a.b").key == "shapes.with_letters"


def test_the_personal_columns_are_found_by_their_own_name() -> None:
    for name in rules().personal_columns:
        body = csv_bytes([*WMO_HEADER, name.upper()], [[*row, "x"] for row in wmo_rows(1)])
        assert [f.code for f in examined(body).members[0].findings] == ["F12"]
