"""What is wrong with the first line, when that makes the rest of the file meaningless.

Does: tells a wrong separator, a missing header, a header further down, a `sep=` line and rows quoted as a whole apart,
so that each is said once instead of as a column fault per name and a fault per row.
Touches: nothing.
Does not: compare names one by one; a header that shares a name with the expected one is left to `checks`.
"""

import re
from collections.abc import Sequence

from gateway.domain.model import Finding, Limits
from gateway.domain.reader.exact import QUOTE, SEPARATOR
from gateway.domain.reader.values import fault, noun

OTHER_SEPARATORS = {",": "comma", "\t": "tab", "|": "pipe"}
SEP_LINE = re.compile(r'"?sep=.?"?;*', re.IGNORECASE)
VALUE = re.compile(r"[0-9][0-9.,-]*")


def header_fault(
    member: str, names: Sequence[str], line: int, sample: Sequence[str], expected: Sequence[str], limits: Limits
) -> Finding | None:
    """The cause, or None when `names` (on physical line `line`) can pass for a header. `sample` are the first physical
    lines as they stand, the header's first."""
    known = {_plain(name) for name in expected}
    if SEP_LINE.fullmatch(sample[0]):
        return fault("F06.sep_line", member=member, line=line)
    if len(names) > limits.columns:
        expected_count = noun("columns_at_most", n=limits.columns)
        return fault(
            "F06.too_many_columns",
            member=member,
            line=line,
            expected=expected_count,
            found=noun("columns", n=len(names)),
        )
    if known.intersection(map(_plain, names)) and (len(names) > 1 or len(expected) == 1):
        return None
    if len(names) == 1 and len(expected) != 1:
        whole = _whole_line_quoted(sample[0], names[0])
        separator = None if whole else other_separator(sample[0])
        if whole:
            return fault("F06.line_quoted", member=member, line=line)
        if separator is not None and (not known or _shares(sample[0], separator, known) or not _later(sample, known)):
            return wrong_separator(member, line, separator)
    if known:
        later = _later(sample, known)
        if later:
            return fault("F06.header_later", member=member, line=line, n=line + later)
        if len(names) == 1 or _looks_like_data(names):
            return fault("F06.header_missing", member=member, line=line, expected=noun("header"))
    return None


def other_separator(text: str) -> str | None:
    """The separator that a line without `;` seems to use instead."""
    best = max(OTHER_SEPARATORS, key=text.count)
    return best if text.count(best) else None


def wrong_separator(member: str, line: int, separator: str) -> Finding:
    """The finding for a file that uses another separator."""
    return fault(
        "F06.separator",
        member=member,
        line=line,
        expected=noun("semicolon"),
        found=noun(OTHER_SEPARATORS[separator]),
        separator=f"@findings.reading.{OTHER_SEPARATORS[separator]}",
    )


def _plain(name: str) -> str:
    return name.strip().casefold()


def _shares(text: str, separator: str, known: set[str]) -> bool:
    """Whether splitting at `separator` gives a name that is expected."""
    return bool(known.intersection(_plain(part.strip(QUOTE)) for part in text.split(separator)))


def _whole_line_quoted(text: str, name: str) -> bool:
    """Whether the row is one quoted value that holds the separators itself, as some spreadsheets write it."""
    return text.startswith(QUOTE) and SEPARATOR in name


def _later(sample: Sequence[str], known: set[str]) -> int:
    """How many lines further down the real header stands, 0 when it is not in the sample."""
    for distance, text in enumerate(sample):
        names = known.intersection(_plain(part.strip(QUOTE)) for part in text.split(SEPARATOR))
        if distance and len(names) * 2 > len(known):
            return distance
    return 0


def _looks_like_data(names: Sequence[str]) -> bool:
    """Whether this row holds values rather than names: a quarter or more of what is filled starts with a digit."""
    filled = [name.strip() for name in names if name.strip()]
    return not filled or 4 * sum(bool(VALUE.match(name)) for name in filled) >= len(filled)
