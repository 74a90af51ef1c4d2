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

from gateway.domain.checks.columns import expectation, fits
from gateway.domain.checks.faults import Cells
from gateway.domain.checks.masking import shape
from gateway.domain.kinds import CodeList, FileKind, Rules
from gateway.domain.model import Finding, Phrase, Severity, phrase
from gateway.domain.reader import Batch

# Values stand aside when a column holds them for less than this share, and its neighbour's for more than the other.
MISFIT, FIT = 0.5, 0.9
SHIFTED_COLUMNS = 3
# More names than this in another spelling are one cause.
SPELLED_ALONE = 2
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
        return Header({}, (_finding("F06", whole, line, expected=_whole(names)),), False)
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
            if written.strip():
                strangers[place] = _stranger(written, place, line, private)
        elif name in places:
            findings.append(_finding("F06", phrase("findings.F06.twice", place=place + 1), line, name))
        else:
            places[name] = place
    findings += _spelled(header, places, line, names)
    for place, name in enumerate(names):
        if name not in places:
            stranger = strangers.get(place)
            # One cause, one finding: the column is there under another name.
            renamed = stranger is not None and stranger.code == "F06" and len(header) == len(names)
            found = strangers.pop(place).found if renamed else None
            message = phrase(f"findings.F06.{'renamed' if renamed else 'absent'}", place=place + 1)
            findings.append(_finding("F06", message, line, name, _exactly(name), found))
    findings += [*strangers.values(), *_unnamed(header, line, names, places), *_moved(places, line, names)]
    return Header(places, tuple(findings), True)


def _stranger(written: str, place: int, line: int, private: Mapping[str, str]) -> Finding:
    """A column that is not ours: personal data, or something that nobody asked for."""
    name = private.get(plain_name(written))
    if name is not None:
        return _finding("F12", phrase("findings.F12.column", place=place + 1), line, name, phrase("expected.no_column"))
    message = phrase("findings.F06.extra", place=place + 1)
    return _finding("F06", message, line, None, phrase("expected.no_column"), shape(written))


def _spelled(header: Sequence[str], places: Mapping[str, int], line: int, names: Sequence[str]) -> Sequence[Finding]:
    """The names that are ours in another spelling: one by one, or, when there are many, all at once."""
    other = [name for name, place in places.items() if header[place] != name]
    if len(other) > SPELLED_ALONE:
        message = phrase("findings.F06.spellings", n=len(other))
        return [_finding("F06", message, line, expected=_whole(names))]
    message = phrase("findings.F06.spelling")
    return [_finding("F06", message, line, n, _exactly(n), _written(header[places[n]], n)) for n in other]


def _unnamed(header: Sequence[str], line: int, names: Sequence[str], places: Mapping[str, int]) -> Sequence[Finding]:
    """Columns without a name, all at once: a spreadsheet adds them at the right of the data."""
    empty = [place for place, written in enumerate(header) if not written.strip()]
    if len(header) == len(names):
        # A column of ours is missing in each of these places, and was told of.
        empty = [place for place in empty if names[place] in places]
    if not empty:
        return ()
    message = phrase("findings.F06.unnamed", n=len(empty), place=empty[0] + 1)
    return [_finding("F06", message, line, None, phrase("expected.no_column"), phrase("shapes.nothing"))]


def _moved(places: Mapping[str, int], line: int, names: Sequence[str]) -> Sequence[Finding]:
    """The columns in another order, by the first that is not where it belongs."""
    wanted = [name for name in names if name in places]
    there = sorted(wanted, key=lambda name: places[name])
    if wanted == there:
        return ()
    first, instead = next(pair for pair in zip(wanted, there, strict=True) if pair[0] != pair[1])
    message = phrase("findings.F06.order", place=places[instead] + 1, name=first)
    return [_finding("F06", message, line, first, _whole(names), phrase("shapes.name", name=instead))]


def _whole(names: Sequence[str]) -> Phrase:
    return phrase("expected.header", names=";".join(names))


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
    kind: FileKind,
    places: Mapping[str, int],
    batch: Batch,
    cells: Mapping[str, Cells],
    codelists: Mapping[str, CodeList],
) -> Finding | None:
    """F06 when from some column on the values stand one column to the left or right of their name, as far as the first
    rows tell."""
    frame = batch.frame.head(SAMPLE_ROWS)
    misfits = [column for column in kind.columns if column.name in places and _misfits(cells[column.name])]
    if len(misfits) < min(SHIFTED_COLUMNS, len(places) - 1):
        return None
    for step, key in ((1, "right"), (-1, "left")):
        beside = [(column, places[column.name] + step) for column in misfits]
        shares = [fits(column, frame[str(at)], codelists) for column, at in beside if 0 <= at < frame.width]
        telling = [share for share in shares if share is not None]
        if len(telling) > 1 and sum(telling) >= FIT * len(telling):
            first, line = misfits[0], int(batch.lines[0])
            message = phrase(f"findings.F06.shifted_{key}")
            return _finding("F06", message, line, first.name, expectation(first, codelists))
    return None


def _misfits(cells: Cells) -> bool:
    """Whether of the first filled cells most are not what their column asks."""
    filled = cells.filled.head(SAMPLE_ROWS)
    total = int(filled.sum())
    return total > 0 and int((cells.sound.head(SAMPLE_ROWS) & filled).sum()) < MISFIT * total
