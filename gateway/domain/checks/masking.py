"""What a finding may show of a value: at most four characters, a date in a date column, or else its shape.

Does: turns a cell into a Phrase that says what was found without saying the value, and recognises what a spreadsheet
did to it.
Touches: nothing.
Does not: decide that a cell is wrong (columns, rules).
"""

import re
from datetime import date

from gateway.domain.model import Phrase, phrase

QUOTABLE = 4
DIGITS = re.compile(r"[0-9]+")
NUMBER_AND_MARKS = re.compile(r"[0-9.,/ -]+")
SCIENTIFIC = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]+)?E[+-]?[0-9]+", re.IGNORECASE | re.ASCII)
AMOUNT_WITH_MARKS = re.compile(r"(?:€|EUR|euro)? ?[0-9][0-9.,' ]*(?:,-)? ?(?:€|EUR|euro)?", re.IGNORECASE)
DATE_NOTATION = re.compile(
    r"[0-9]{1,4}[-/. ](?:[0-9]{1,2}|[a-z]{3,9}\.?)[-/. ][0-9]{1,4}(?:[ T][0-9:.]+)?", re.IGNORECASE | re.ASCII
)
DATE_SERIAL = re.compile(r"[234][0-9]{4}")  # days since 1900 as a spreadsheet counts: 1954 to 2036
MONTH_AND_NUMBER = re.compile(
    r"(?:[0-9]{1,2}[-/ .][a-z]{3,4}\.?|[a-z]{3,4}\.?[-/ .][0-9]{1,2}|[0-9]{1,2}[-/][0-9]{1,2})"
)


def calendar_day(value: str) -> date | None:
    """The day that eight digits JJJJMMDD form; None when they form none."""
    if not re.fullmatch(r"[0-9]{8}", value):
        return None
    try:
        return date(int(value[:4]), int(value[4:6]), int(value[6:]))
    except ValueError:
        return None


def quotable_day(value: str) -> bool:
    """Whether a value is a day that no citizen service number looks like, and so may be shown in a date column."""
    day = calendar_day(value)
    return day is not None and 1900 <= day.year < 2100


def shown(value: str, *, is_date: bool = False) -> Phrase:
    """What a finding says was found in a cell; `is_date` for a cell of a date column."""
    if not value:
        return phrase("shapes.nothing")
    if is_date and quotable_day(value):
        return phrase("shapes.value", value=value)
    # A parameter that starts with @ would be looked up in the catalogue.
    if len(value) <= QUOTABLE and value.isprintable() and not value.startswith("@"):
        return phrase("shapes.value", value=value)
    return shape(value)


def shape(value: str) -> Phrase:
    """The kind of characters of a value and how many: nothing of the value itself."""
    if not value.strip():
        name = "spaces"
    elif DIGITS.fullmatch(value):
        name = "digits"
    elif value.isalpha():
        name = "letters"
    elif NUMBER_AND_MARKS.fullmatch(value):
        name = "digits_marks"
    elif value.isalnum():
        name = "letters_digits"
    elif any(c.isalpha() for c in value):
        name = "with_letters"
    else:
        name = "other"
    return phrase(f"shapes.{name}", n=len(value))
