"""The exact path: records with quotes in awkward places, one by one.

Does: walks the lines, those with quotes with the csv module under control, so that each record knows its first line,
and says on which line a quote began that swallows what follows.
Touches: nothing.
Does not: go on behind a stray quote, or judge the number of columns.

Grammar (RFC 4180 with `;`): a value that starts with a quote ends at the next single quote, which a separator or the
end of the line must follow; a doubled quote inside is one quote. A quote further on in a value is an ordinary
character.
"""

import csv
from collections.abc import Iterator
from typing import NamedTuple

from gateway.domain.reader.text import Text, lines

SEPARATOR = ";"
QUOTE = '"'


class QuoteFault(Exception):
    """The quotes do not pair up. `key` is the finding's sentence, `line` where the quote stands that began it."""

    def __init__(self, key: str, line: int) -> None:
        self.key = key
        self.line = line
        super().__init__(key)


class Record(NamedTuple):
    """One row: the physical line it starts on, how many lines it spans, its characters, its values without quotes."""

    line: int
    span: int
    size: int
    values: list[str]


def records(text: Text) -> Iterator[Record]:
    """Every row of the text, the header first; blank lines are skipped. QuoteFault where it cannot go on."""
    return parse(lines(text), text.line, text.line_bytes)


def parse(source: Iterator[str], line: int, most: int) -> Iterator[Record]:
    """The rows in these physical lines, the first of which is numbered `line`. A row of over `most` characters can
    only come from a quote that swallows."""
    waiting: list[str] = []
    pending: list[str] = []
    size = 0

    def feed() -> Iterator[str]:
        nonlocal size
        while True:
            physical = waiting.pop() if waiting else next(source, None)
            if physical is None:
                return
            if size > most:
                raise csv.Error("quoted value without an end")
            pending.append(physical)
            size += len(physical) + 1
            yield physical + "\n"

    reader = csv.reader(feed(), delimiter=SEPARATOR, quotechar=QUOTE, doublequote=True, strict=True)
    for physical in source:
        if QUOTE not in physical:
            # The csv module would say the same, and takes twice the time.
            if physical:
                yield Record(line, 1, len(physical) + 1, physical.split(SEPARATOR))
            line += 1
            continue
        waiting.append(physical)
        try:
            values = next(reader)
        except csv.Error as error:
            raise _quote_fault(pending, line) from error
        yield Record(line, len(pending), size, values)
        line += len(pending)
        pending.clear()
        size = 0


def swallows(record: Record, width: int) -> int | None:
    """The line on which a quote began that swallowed rows, or None. A value over several lines is honest while the row
    has its number of columns and the value does not itself hold a row's worth of separators."""
    if record.span == 1:
        return None
    suspect = len(record.values) != width
    line = record.line
    for value in record.values:
        if "\n" in value and (suspect or value.count(SEPARATOR) >= width - 1):
            return line
        line += value.count("\n")
    return None


def _quote_fault(pending: list[str], line: int) -> QuoteFault:
    """Which quote in these lines is to blame."""
    text = "\n".join(pending)
    at = 0
    while at < len(text):
        if text[at] != QUOTE:
            at = min((stop for stop in (text.find(SEPARATOR, at), text.find("\n", at)) if stop >= 0), default=len(text))
            at += 1
            continue
        close = _closing(text, at)
        began = line + text.count("\n", 0, at)
        if close is None:
            return QuoteFault("F05.quote_open", began)
        if text[close + 1 : close + 2] not in ("", SEPARATOR, "\n"):
            one_line = "\n" not in text[at:close]
            return QuoteFault("F05.quote_inside" if one_line else "F05.quote_open", began)
        at = close + 2
    return QuoteFault("F05.quote_open", line)


def _closing(text: str, opened: int) -> int | None:
    """The offset of the quote that ends the value opened at `opened`."""
    at = text.find(QUOTE, opened + 1)
    while at >= 0 and text[at + 1 : at + 2] == QUOTE:
        at = text.find(QUOTE, at + 2)
    return at if at >= 0 else None
