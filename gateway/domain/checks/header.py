"""The header: which column stands where, and what is wrong with it.

Does: F06 (another kind's header, names that differ, values that stand under another name) and F12 (personal data
that may not be delivered); gives the place of every column whose name is certain.
Touches: nothing.
Does not: look at rows, other than to see that they stand one column aside. A header that is none (missing, with another
separator) was told by the reader.

One cause, one finding: where the header as a whole is wrong, nothing is said of single columns, and the rows are left
alone. A name that is not ours is payload: it is shown only when it is a known name in other capitals.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from gateway.domain.checks.columns import fits
from gateway.domain.checks.masking import shape
from gateway.domain.kinds import CodeList, FileKind, Rules
from gateway.domain.model import Finding, Phrase, Severity, phrase

# Values stand aside when a column holds them for less than this share, and its neighbour's for more than the other.
MISFIT, FIT = 0.5, 0.9
SHIFTED_COLUMNS = 3
SAMPLE_ROWS = 1_000


@dataclass(frozen=True, slots=True)
class Header:
    """What was read from a header: the place of each column that was found, findings, and whether the rows can be
    judged with it."""

    places: Mapping[str, int]
    findings: tuple[Finding, ...]
    usable: bool


def plain_name(name: str) -> str:
    """A column name without capitals, accents, spaces and punctuation."""
    letters = unicodedata.normalize("NFKD", name).casefold()
    return "".join(c for c in letters if c.isalnum())


def read_header(header: Sequence[str], line: int, kind: FileKind, rules: Rules) -> Header:
    """Compares the header with the columns of `kind`."""
    names = [column.name for column in kind.columns]
    if list(header) == names:
        return Header({name: place for place, name in enumerate(names)}, (), True)
    whole = _wrong_as_a_whole(header, kind, rules)
    if whole:
        return Header(
            {}, (_finding("F06", whole, line, expected=phrase("expected.header", names=";".join(names))),), False
        )
    return _name_by_name(header, line, names, rules.personal_columns)


def _wrong_as_a_whole(header: Sequence[str], kind: FileKind, rules: Rules) -> Phrase | None:
    """Why nothing of the header can be used; None when some of its names are right."""
    plain = {plain_name(name) for name in header}
    own = {plain_name(column.name) for column in kind.columns}
    for other in rules.kinds.values():
        theirs = {plain_name(column.name) for column in other.columns}
        if other.code != kind.code and plain == theirs != own:
            return phrase("findings.F06.other_kind", kind=kind.code, other=other.code)
    return None if plain & own else phrase("findings.F06.unknown")


def _name_by_name(header: Sequence[str], line: int, names: Sequence[str], personal: Sequence[str]) -> Header:
    ours = {plain_name(name): name for name in names}
    private = {plain_name(name): name for name in personal}
    places: dict[str, int] = {}
    findings: list[Finding] = []
    strangers: dict[int, Finding] = {}
    for place, written in enumerate(header):
        name = ours.get(plain_name(written))
        if name is None:
            strangers[place] = _stranger(written, place, line, private)
        elif name in places:
            findings.append(_finding("F06", phrase("findings.F06.twice", place=place + 1), line, name))
        else:
            places[name] = place
            if written != name:
                shown = _written(written, name)
                findings.append(_finding("F06", phrase("findings.F06.spelling"), line, name, _exactly(name), shown))
    for place, name in enumerate(names):
        if name not in places:
            stranger = strangers.get(place)
            # One cause, one finding: the column is there under another name.
            renamed = stranger is not None and stranger.code == "F06" and len(header) == len(names)
            found = strangers.pop(place).found if renamed else None
            message = phrase(f"findings.F06.{'renamed' if renamed else 'absent'}", place=place + 1)
            findings.append(_finding("F06", message, line, name, _exactly(name), found))
    findings += strangers.values()
    order = [places[name] for name in names if name in places]
    if order != sorted(order):
        expected = phrase("expected.header", names=";".join(names))
        findings.append(_finding("F06", phrase("findings.F06.order"), line, expected=expected))
    return Header(places, tuple(findings), True)


def _stranger(written: str, place: int, line: int, private: Mapping[str, str]) -> Finding:
    """A column that is not ours: personal data, or something that nobody asked for."""
    name = private.get(plain_name(written))
    if name is not None:
        return _finding("F12", phrase("findings.F12.column", place=place + 1), line, name, phrase("expected.no_column"))
    found = shape(written) if written else phrase("shapes.nothing")
    return _finding(
        "F06", phrase("findings.F06.extra", place=place + 1), line, None, phrase("expected.no_column"), found
    )


def _exactly(name: str) -> Phrase:
    return phrase("expected.column_name", name=name)


def _written(written: str, name: str) -> Phrase:
    if written.casefold() == name.casefold():
        return phrase("shapes.name", name=written)
    return phrase("shapes.spaced_name") if written.strip() == name else shape(written)


def _finding(
    code: str,
    message: Phrase,
    line: int | None,
    column: str | None = None,
    expected: Phrase | None = None,
    found: Phrase | None = None,
) -> Finding:
    return Finding(code, Severity.FILE, message, None, line, None, column, expected, found)


def stand_aside(
    kind: FileKind, places: Mapping[str, int], frame: pl.DataFrame, codelists: Mapping[str, CodeList]
) -> Finding | None:
    """F06 when from some column on the values stand one column to the left or right of their name, as far as the first
    rows tell."""
    frame = frame.head(SAMPLE_ROWS)
    misfits = []
    for column in kind.columns:
        share = fits(column, frame[str(places[column.name])], codelists) if column.name in places else None
        if share is not None and share < MISFIT:
            misfits.append(column)
    if len(misfits) < min(SHIFTED_COLUMNS, len(places) - 1):
        return None
    for step, key in ((1, "right"), (-1, "left")):
        beside = [(column, places[column.name] + step) for column in misfits]
        shares = [fits(column, frame[str(at)], codelists) for column, at in beside if 0 <= at < frame.width]
        telling = [share for share in shares if share is not None]
        if len(telling) > 1 and sum(telling) >= FIT * len(telling):
            return _finding("F06", phrase(f"findings.F06.shifted_{key}"), None, misfits[0].name)
    return None
