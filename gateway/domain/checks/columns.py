"""Whether each cell of a column is what its type asks, cell by cell and without looking at other columns.

Does: R01 (mandatory and empty), R02 (length or characters), R03 (no date), R04 (eleven-test), R05 (not in the list) and
W05 (unusually old), each as a mask over the column; parses days and whole numbers once for the rules.
Touches: nothing.
Does not: compare columns or rows (rules).

The eleven-test of a citizen service number (Logisch Ontwerp BSN): its nine digits times 9, 8, 7, 6, 5, 4, 3, 2 and -1
add up to a multiple of eleven, and they are not all zero.
"""

import re
from calendar import isleap
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, timedelta
from functools import cache, reduce
from operator import and_
from typing import NamedTuple

import polars as pl

from gateway.domain.checks.faults import Cells, Fault, Said
from gateway.domain.checks.masking import (
    AMOUNT_WITH_MARKS,
    DATE_NOTATION,
    DATE_SERIAL,
    DIGITS,
    MONTH_AND_NUMBER,
    SCIENTIFIC,
    shown,
)
from gateway.domain.kinds import CodeList, Column, as_written
from gateway.domain.model import Phrase, Severity, phrase

BSN_WEIGHTS = (9, 8, 7, 6, 5, 4, 3, 2, -1)
# Codes beyond this many are not listed in a finding.
LISTED_CODES = 20
# An integer of more digits than this may not fit in 64 bits.
INTEGER_DIGITS = 18
LEAP_DAY = 229  # MMDD
# Up to so many values a comparison with each is faster than to look each cell up.
COMPARED = 6

Judged = tuple[list[Fault], pl.Series, pl.Series]


class Given(NamedTuple):
    """A column of a batch as it was written; `filled` where a cell is not empty."""

    column: Column
    text: pl.Series
    filled: pl.Series


def judge_columns(
    columns: Sequence[Column], places: Mapping[str, int], frame: pl.DataFrame, codelists: Mapping[str, CodeList]
) -> tuple[dict[str, Cells], list[Fault]]:
    """The cells of every column that was found in the header, by name, and all their faults."""
    found = [_given(column, frame[str(places[column.name])]) for column in columns if column.name in places]
    judged = dict[str, Judged]()
    for name in {each.column.type: None for each in found}:
        alike = [each for each in found if each.column.type == name]
        names = (each.column.name for each in alike)
        judged.update(zip(names, TYPES[name](alike, codelists), strict=True))
    cells, faults = {}, list[Fault]()
    for each in found:
        wrong, sound, value = judged[each.column.name]
        faults += wrong
        if each.column.required:
            faults.append(_empty(each, codelists))
            sound = sound & each.filled
        cells[each.column.name] = Cells(each.text, each.filled, sound, value)
    return cells, faults


def _given(column: Column, text: pl.Series) -> Given:
    return Given(column, text, text != "")


def _empty(given: Given, codelists: Mapping[str, CodeList]) -> Fault:
    said = Said(phrase("findings.R01.empty"), expectation(given.column, codelists), phrase("shapes.nothing"))
    return Fault("R01", Severity.RECORD, given.column.name, ~given.filled, lambda row: said)


def fits(column: Column, text: pl.Series, codelists: Mapping[str, CodeList]) -> float | None:
    """The share of the filled cells that the column's type accepts; None when none is filled."""
    given = _given(column, text)
    total = int(given.filled.sum())
    ((_, sound, _),) = TYPES[column.type]([given], codelists)
    return int((sound & given.filled).sum()) / total if total else None


def expectation(column: Column, codelists: Mapping[str, CodeList]) -> Phrase:
    """What a cell of this column must be, to be said in a finding."""
    if column.type == "digits":
        return phrase("expected.digits", n=column.length or 0) if column.length else phrase("expected.any_digits")
    if column.type == "code":
        values = list(codelists[column.codelist or ""].values)
        shown_values = ", ".join(values[:LISTED_CODES]) + (", ..." if len(values) > LISTED_CODES else "")
        return phrase("expected.code", values=shown_values)
    if column.type == "integer":
        if column.maximum is not None:
            return phrase("expected.integer_range", minimum=column.minimum or 0, maximum=column.maximum)
        return phrase("expected.integer", n=column.max_length or INTEGER_DIGITS)
    if column.type == "text":
        return _expected_text(column)
    return phrase(f"expected.{column.type}")


def _expected_text(column: Column) -> Phrase:
    characters = re.sub("(.-.)", r"\1 ", (column.pattern or "").strip("[]"))
    length = column.length or column.max_length
    if characters and length:
        return phrase("expected.text_characters", n=length, characters=characters)
    return phrase("expected.text", n=length) if length else phrase("expected.any_text")


# --- types --------------------------------------------------------------------------------------------------


def _digits(given: Given, codelists: Mapping[str, CodeList]) -> Judged:
    column, text, filled = given
    if column.length and column.length <= INTEGER_DIGITS:
        right = _written(_number(text, column.length, column.length, pl.Int64), filled)
    else:
        count = f"{{{column.length}}}" if column.length else "+"
        right = text.str.contains(f"^[0-9]{count}$")
    return [_fault("R02", column, filled & ~right, text, codelists, _why_digits)], right | ~filled, text


def _number(text: pl.Series, least: int, most: int, dtype: type[pl.UInt32 | pl.Int64]) -> pl.Series:
    """The whole numbers that are written in so many digits and nothing else; null for every other value."""
    number = text.cast(dtype, strict=False)
    length = text.str.len_bytes()
    digits = length == most if least == most else (length >= least) & (length <= most)
    smallest = _least(number)
    if smallest is None or smallest < 10 ** (most - 1):
        # A cast takes a sign too, which costs a digit; both signs stand before the digits in the order of characters.
        digits &= text >= "0"
    return number.set(~digits, None)


def _least(number: pl.Series) -> int | None:
    """The smallest value; None when there is none."""
    least = number.min()
    return least if isinstance(least, int) else None


def _written(value: pl.Series, filled: pl.Series) -> pl.Series:
    """Where there is a value: as a rule in each cell that is filled, and counting is cheaper than looking."""
    return filled if value.null_count() == len(filled) - int(filled.sum()) else value.is_not_null()


def _bsn(given: Given, codelists: Mapping[str, CodeList]) -> Judged:
    column, text, filled = given
    number = _number(text, 9, 9, pl.UInt32)
    form = _written(number, filled)
    first, last = _weighed_sums()
    upper = number // 10_000
    weighed = first[upper] + last[number - upper * 10_000]
    passes = ((weighed % 11 == 0) & (number > 0)).fill_null(False)
    return (
        [
            _fault("R02", column, filled & ~form, text, codelists, _why_digits),
            _fault("R04", column, form & ~passes, text, codelists, lambda c, v, a: "eleven"),
        ],
        passes | ~filled,
        text,
    )


@cache
def _weighed_sums() -> tuple[pl.Series, pl.Series]:
    """What each number of five digits, and each of four, adds to the sum of the eleven-test: two look-ups are a third
    of the work of nine divisions."""
    return _weighed(BSN_WEIGHTS[:5]), _weighed(BSN_WEIGHTS[5:])


def _weighed(weights: Sequence[int]) -> pl.Series:
    numbers = pl.int_range(10 ** len(weights), dtype=pl.Int32, eager=True)
    places = reversed(range(len(weights)))
    return sum(
        (numbers // 10**place % 10 * weight for place, weight in zip(places, weights, strict=True)), start=numbers * 0
    )


def _dates(given: Sequence[Given], codelists: Mapping[str, CodeList]) -> Sequence[Judged]:
    # One column behind the other: the calls to polars cost as much as its work on the few thousand cells of each.
    days = _days(pl.concat([each.text for each in given]))
    rows = len(given[0].text)
    return [_date(each, days.slice(number * rows, rows), codelists) for number, each in enumerate(given)]


def _date(given: Given, day: pl.Series, codelists: Mapping[str, CodeList]) -> Judged:
    column, text, filled = given
    right = _written(day, filled)
    faults = [_fault("R03", column, filled & ~right, text, codelists, _why_date)]
    if column.earliest:
        earliest = as_written(date.fromisoformat(column.earliest))
        expected = phrase("expected.not_before", day=f"{earliest:08d}")
        faults.append(
            Fault(
                "W05",
                Severity.WARNING,
                column.name,
                day < earliest,
                lambda row: _said("W05.old", expected, text[row], True),
            )
        )
    return faults, right | ~filled, day


def _days(text: pl.Series) -> pl.Series:
    """The values that are a day of the Gregorian calendar, from the year 1 on, as numbers JJJJMMDD; else null."""
    number = _number(text, 8, 8, pl.UInt32).fill_null(0)
    month_and_day = number % 10_000
    right = _days_of_a_year()[month_and_day] & (number > 10_000)
    leap_days = number.filter(month_and_day == LEAP_DAY).unique()
    never = [day for day in leap_days.to_list() if not isleap(day // 10_000)]
    if never:
        right &= ~number.is_in(never)
    return number.set(~right, None)


@cache
def _days_of_a_year() -> pl.Series:
    """Of each number MMDD whether it is a day in a leap year."""
    days = {as_written(date(2000, 1, 1) + timedelta(n)) % 10_000 for n in range(366)}
    return pl.Series([number in days for number in range(10_000)])


def _text(given: Given, codelists: Mapping[str, CodeList]) -> Judged:
    column, text, filled = given
    right = filled
    if column.pattern:
        right = text.str.contains(f"^{column.pattern}+$")
    if column.max_length:
        right = right & (text.str.len_chars() <= column.max_length)
    if column.length:
        right = right & (text.str.len_chars() == column.length)
    return [_fault("R02", column, filled & ~right, text, codelists, _why_text)], right | ~filled, text


def _codes(given: Sequence[Given], codelists: Mapping[str, CodeList]) -> Sequence[Judged]:
    # Few values are distinct, and those that are no code fewer. All columns in one call, as with dates.
    frame = pl.DataFrame([each.text.alias(str(number)) for number, each in enumerate(given)])
    distinct = frame.select(pl.all().unique().implode())
    return [_code(each, set(distinct[str(number)][0]), codelists) for number, each in enumerate(given)]


def _code(given: Given, values: set[str], codelists: Mapping[str, CodeList]) -> Judged:
    column, text, _ = given
    known = codelists[column.codelist or ""]
    strange = values - known.values.keys() - known.aliases.keys() - {""}
    if not strange:
        return [], pl.Series([True]).new_from_index(0, len(text)), text
    right = _none_of(text, strange)
    if not column.length:
        return [_fault("R05", column, ~right, text, codelists, _why_code)], right, text
    measure = (text.str.len_chars() == column.length) | right
    faults = [
        _fault("R02", column, ~measure, text, codelists, _why_code_length),
        _fault("R05", column, measure & ~right, text, codelists, _why_code),
    ]
    return faults, right, text


def _none_of(text: pl.Series, values: Collection[str]) -> pl.Series:
    """Where none of some values stands."""
    if len(values) > COMPARED:
        return ~text.is_in(values)
    return reduce(and_, (text != value for value in values))


def _integer(given: Given, codelists: Mapping[str, CodeList]) -> Judged:
    column, text, filled = given
    number = _number(text, 1, min(column.max_length or INTEGER_DIGITS, INTEGER_DIGITS), pl.Int64)
    if column.minimum is not None:
        number = number.set(number < column.minimum, None)
    if column.maximum is not None:
        number = number.set(number > column.maximum, None)
    right = _written(number, filled)
    return [_fault("R02", column, filled & ~right, text, codelists, _why_integer)], right | ~filled, number


Type = Callable[[Sequence[Given], Mapping[str, CodeList]], Sequence[Judged]]


def _one_by_one(judge: Callable[[Given, Mapping[str, CodeList]], Judged]) -> Type:
    return lambda given, codelists: [judge(each, codelists) for each in given]


# Each judges all columns of its type together.
TYPES: dict[str, Type] = {
    "digits": _one_by_one(_digits),
    "bsn": _one_by_one(_bsn),
    "date": _dates,
    "text": _one_by_one(_text),
    "code": _codes,
    "integer": _one_by_one(_integer),
}


# --- saying why ---------------------------------------------------------------------------------------------

Why = Callable[[Column, str, frozenset[str]], str]


def _fault(
    code: str, column: Column, mask: pl.Series, text: pl.Series, codelists: Mapping[str, CodeList], why: Why
) -> Fault:
    """A record fault whose sentence is chosen by `why` from the column, the value and the codes of its list."""

    # The same mistake stands in many rows.
    @cache
    def say_of(value: str) -> Said:
        listed = codelists.get(column.codelist or "")
        accepted = frozenset((*listed.values, *listed.aliases)) if listed else frozenset[str]()
        name = "spaces" if value.strip() != value and value.strip() else why(column, value, accepted)
        return _said(f"{code}.{name}", expectation(column, codelists), value, column.type == "date")

    return Fault(code, Severity.RECORD, column.name, mask, lambda row: say_of(str(text[row])))


def _said(key: str, expected: Phrase, value: str, is_date: bool) -> Said:
    return Said(phrase(f"findings.{key}"), expected, shown(value, is_date=is_date))


def _why_digits(column: Column, value: str, accepted: frozenset[str]) -> str:
    length = column.length or (9 if column.type == "bsn" else None)
    if SCIENTIFIC.fullmatch(value):
        return "scientific"
    if not DIGITS.fullmatch(value):
        return "not_digits"
    # One zero, or two: more were not lost by a spreadsheet.
    return "leading_zero" if length and length - 2 <= len(value) < length else "length"


def _why_date(column: Column, value: str, accepted: frozenset[str]) -> str:
    if DATE_NOTATION.fullmatch(value):
        return "notation"
    if DATE_SERIAL.fullmatch(value):
        return "serial"
    if SCIENTIFIC.fullmatch(value):
        return "scientific"
    return "calendar" if DIGITS.fullmatch(value) and len(value) == 8 else "form"


def _why_text(column: Column, value: str, accepted: frozenset[str]) -> str:
    longest = column.length or column.max_length
    return "too_long" if longest and len(value) > longest else "characters"


def _why_code_length(column: Column, value: str, accepted: frozenset[str]) -> str:
    return "leading_zero" if value.zfill(column.length or 0) in accepted else _why_code(column, value, accepted)


def _why_code(column: Column, value: str, accepted: frozenset[str]) -> str:
    if value.replace(",", ".") in accepted:
        return "comma"
    if any("." in code for code in accepted) and MONTH_AND_NUMBER.fullmatch(value.casefold()):
        return "became_date"
    if value.casefold() in {code.casefold() for code in accepted}:
        return "capitals"
    return "unknown"


def _why_integer(column: Column, value: str, accepted: frozenset[str]) -> str:
    if SCIENTIFIC.fullmatch(value):
        return "scientific"
    if value.startswith("-"):
        return "negative"
    if DIGITS.fullmatch(value):
        return "too_large"
    return "amount" if AMOUNT_WITH_MARKS.fullmatch(value) else "not_number"
