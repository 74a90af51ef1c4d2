"""The CSV form of a report: opens in a Dutch spreadsheet by double click.

Does: writes rows with `;`, UTF-8 with a byte order mark, CRLF line ends, and no cell that a spreadsheet takes for a
formula.
Touches: nothing.
Does not: know what the rows mean.
"""

import codecs
from collections.abc import Iterable, Sequence

from gateway.reports.plain import visible

FORMULA_STARTS = tuple("=+-@\t\r＝＋－＠")  # the wide ones count too in East Asian spreadsheets
QUOTED = ('"', ";")


Cell = str | int | float | None


def csv_bytes(rows: Iterable[Sequence[Cell]]) -> bytes:
    """The table as bytes; None is an empty cell. Every row is one line."""
    # A report says the same few things again and again: each text is written once per table (8 of 17 ms of processor
    # time for 400 findings).
    written: dict[str, str] = {}

    def remembered(value: Cell) -> str:
        if not isinstance(value, str):
            return cell(value)
        text = written.get(value)
        if text is None:
            text = written[value] = cell(value)
        return text

    return codecs.BOM_UTF8 + "".join(";".join(map(remembered, row)) + "\r\n" for row in rows).encode()


def cell(value: Cell) -> str:
    """One cell; a fraction with one decimal and a comma. Text that starts like a formula gets an apostrophe; control
    characters are shown as escapes."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.1f}".replace(".", ",")
    if isinstance(value, int):
        return str(value)
    text = visible(value)
    if value.startswith(FORMULA_STARTS):
        text = f"'{text}"
    if any(mark in text for mark in QUOTED) or text != text.strip():
        return '"' + text.replace('"', '""') + '"'
    return text
