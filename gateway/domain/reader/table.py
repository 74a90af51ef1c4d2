"""Read: one data file as a Table.

Does: joins text, header, the fast path and the exact path; tells each fault once, by its cause.
Touches: nothing.
Does not: check names or values.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import polars

from gateway.domain.model import Finding, Limits
from gateway.domain.reader import exact
from gateway.domain.reader.frames import frame_of_values
from gateway.domain.reader.header import header_fault, other_separator, wrong_separator
from gateway.domain.reader.structure import Empties, FastBatches, Ragged, Structure, scan
from gateway.domain.reader.text import BOM, Text, end_of_line, examine, lines
from gateway.domain.reader.values import Batch, Faults, Member, Table, fault, member_label, noun

SAMPLE_LINES = 10
BATCH_CELLS = 300_000
BATCH_CHARACTERS = 2_000_000


def read(member: Member, expected: tuple[str, ...], limits: Limits) -> Table:
    """The member as a table, its structure scanned to the last row. `expected` are the column names of the kind (empty
    when the kind is not known); rows are held against the header that was found."""
    name = member_label(member.name, 1)
    faults = Faults()
    text, findings = examine(name, member.data, limits)
    for finding in findings:
        faults.add(finding)
    if text is None:
        return _unreadable(faults, "")
    sample = list(islice(lines(text, stop=_sample_end(text)), SAMPLE_LINES))
    try:
        first = next(exact.parse(iter(sample), text.line, text.line_bytes))
        swallowed = exact.swallows(first, 1)
        if swallowed is not None:
            raise exact.QuoteFault("F05.quote_open", swallowed)
    except exact.QuoteFault as stray:
        separator = None if exact.SEPARATOR in sample[0] else other_separator(sample[0])
        faults.add(
            fault(stray.key, member=name, line=stray.line)
            if separator is None
            else wrong_separator(name, text.line, separator)
        )
        return _unreadable(faults, text.encoding)
    header = (first.values[0].lstrip(BOM.decode()), *first.values[1:])
    cause = header_fault(name, header, first.line, sample, expected, limits)
    if cause is not None:
        faults.add(cause)
        return _unreadable(faults, text.encoding)
    return _body(name, text, header, sample, expected, limits, faults)


def _unreadable(faults: Faults, encoding: str, line: int = 1) -> Table:
    """A table of which nothing can be said but why."""
    return Table((), line, tuple(faults.findings), faults.counts, (), encoding)


def _sample_end(text: Text) -> int:
    """The offset behind the first lines, or the end of a shorter text."""
    at = text.start
    for _ in range(SAMPLE_LINES):
        at = end_of_line(text, at)
    return at


def _body(
    name: str,
    text: Text,
    header: tuple[str, ...],
    sample: list[str],
    expected: tuple[str, ...],
    limits: Limits,
    faults: Faults,
) -> Table:
    """The rows below a header that can pass for one."""
    width = len(header)
    most = limits.findings_per_code
    batches: Iterable[Batch] = ()
    structure = scan(text, end_of_line(text, text.start), text.line + 1, width, most)
    if structure is not None:
        batches = FastBatches(text, width, structure.pieces)
    else:
        structure, stray = _scan_exactly(text, width, most)
        if stray is None:
            batches = ExactBatches(text, width)
        else:
            faults.add(fault(stray.key, member=name, line=stray.line))
    if structure.rows == 0 and not faults.fatal:
        faults.add(fault("F08.no_records", member=name, line=text.line))
    elif structure.empties.total:
        faults.add(_empty_rows(name, structure))
    _row_faults(name, structure, width, len(expected), sample, text.line, faults)
    return Table(header, text.line, tuple(faults.findings), faults.counts, batches, text.encoding, structure.rows)


def _empty_rows(name: str, structure: Structure) -> Finding:
    """All rows that hold nothing, as one warning: below the data they are what a spreadsheet leaves behind."""
    empties = structure.empties
    key = "W08.at_end" if empties.above == structure.rows else "W08.between"
    return fault(key, member=name, line=empties.line, found=noun("empty_rows", n=empties.total), n=empties.total)


def _row_faults(
    name: str, structure: Structure, width: int, expected: int, sample: list[str], top: int, faults: Faults
) -> None:
    """The ragged rows, or the one cause when all rows are ragged alike. When they all have the number of columns that
    the kind asks, the header is what is wrong, and `checks` says so."""
    wrong = structure.rows - structure.widths[width]
    if not wrong:
        return
    first = structure.ragged[0]
    if structure.rows > 1 and wrong == structure.rows and len(structure.widths) == 1:
        if first.columns == expected:
            return
        row = sample[first.line - top] if first.line - top < len(sample) else ""
        separator = other_separator(row) if first.columns == 1 else None
        if separator is not None:
            faults.add(wrong_separator(name, first.line, separator))
            return
        columns = noun("columns", n=first.columns)
        expected_columns = noun("columns", n=width)
        found = fault("F07.all_rows", member=name, line=first.line, expected=expected_columns, found=columns, n=wrong)
        faults.add(found)
        return
    for ragged in structure.ragged:
        faults.add(
            fault(
                "F07.row_length",
                member=name,
                line=ragged.line,
                record=ragged.record,
                expected=noun("columns", n=width),
                found=noun("columns", n=ragged.columns),
            )
        )
    faults.counts["F07"] = wrong


def _scan_exactly(text: Text, width: int, most: int) -> tuple[Structure, exact.QuoteFault | None]:
    """The structure as the exact path sees it, up to the first quote that does not pair up."""
    widths: Counter[int] = Counter()
    ragged: list[Ragged] = []
    empties = Empties()
    rows = 0
    try:
        for row in islice(exact.records(text), 1, None):
            swallowed = exact.swallows(row, width)
            if swallowed is not None:
                raise exact.QuoteFault("F05.quote_open", swallowed)
            if not any(row.values):
                empties.add(1, row.line, rows)
                continue
            rows += 1
            widths[len(row.values)] += 1
            if len(row.values) != width and len(ragged) < most:
                ragged.append(Ragged(row.line, rows, len(row.values)))
    except exact.QuoteFault as stray:
        return Structure(rows, widths, tuple(ragged), empties), stray
    return Structure(rows, widths, tuple(ragged), empties), None


@dataclass(frozen=True, slots=True)
class ExactBatches:
    """The batches of a text that needs the exact path; each walk parses anew."""

    text: Text
    width: int

    def __iter__(self) -> Iterator[Batch]:
        kept: list[exact.Record] = []
        numbers: list[int] = []
        characters = 0
        filled = (row for row in islice(exact.records(self.text), 1, None) if any(row.values))
        for number, row in enumerate(filled, 1):
            if len(row.values) != self.width:
                continue
            kept.append(row)
            numbers.append(number)
            characters += row.size
            if len(kept) * self.width >= BATCH_CELLS or characters >= BATCH_CHARACTERS:
                yield _batch(kept, numbers, self.width)
                kept, numbers, characters = [], [], 0
        if kept:
            yield _batch(kept, numbers, self.width)


def _batch(kept: list[exact.Record], numbers: list[int], width: int) -> Batch:
    frame = frame_of_values([row.values for row in kept], width)
    if frame.height != len(kept):
        raise ValueError(f"polars read {frame.height} rows where the exact path counted {len(kept)}")
    starts = polars.Series("line", [row.line for row in kept], dtype=polars.UInt32)
    return Batch(frame, starts, polars.Series("record", numbers, dtype=polars.UInt32), numbers[0])
