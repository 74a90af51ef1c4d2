"""A fault: which rows of a batch are wrong, and how to say it of one of them.

Does: defines what checks take (Cells, View, Context) and give (Fault), and adds up the faults of a file: true totals,
capped findings, a column that is wrong in every row said once.
Touches: nothing.
Does not: check.

Faults carry masks; a Finding is made only for the rows that will be shown.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import chain, islice

import polars as pl

from gateway.domain.kinds import CodeList, FileKind
from gateway.domain.model import Finding, Phrase, ReportingPeriod, Severity, phrase

# From this many records on, a column that is wrong in all of them is one fault of the column.
WHOLE_COLUMN = 5
EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Context:
    """What a check may know besides the rows. `municipality` is the code in the file's name."""

    kind: FileKind
    codelists: Mapping[str, CodeList]
    municipality: str
    period: ReportingPeriod
    received_on: date
    successors: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Cells:
    """One column of a batch. `sound`: nothing is wrong with the cell itself, so that rules may look at it; `value` the
    days (numbers JJJJMMDD) or whole numbers of a date or integer column, null where empty or not sound."""

    text: pl.Series
    filled: pl.Series
    sound: pl.Series
    value: pl.Series


@dataclass(frozen=True, slots=True)
class View:
    """A batch with its columns by name; of each row the physical line and the number of the record."""

    columns: Mapping[str, Cells]
    lines: pl.Series
    records: pl.Series

    def rows(self) -> int:
        """Number of records in the batch."""
        return len(self.lines)


@dataclass(frozen=True, slots=True)
class Said:
    """What to say of one row."""

    message: Phrase
    expected: Phrase | None = None
    found: Phrase | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """Rows of a batch with the same fault in the same column: `mask` is true there, and false or null elsewhere; `say`
    takes a row's place in the batch."""

    code: str
    severity: Severity
    column: str | None
    mask: pl.Series
    say: Callable[[int], Said]


@dataclass(slots=True)
class _Group:
    """One fault in one column: findings made, and rows of which they can still be made: of a hundred examples the cap
    may leave one."""

    severity: Severity
    total: int = 0
    made: list[Finding] = field(default_factory=list)
    open: list[tuple[View, Fault, list[int]]] = field(default_factory=list)

    def examples(self, member: str) -> Iterator[Finding]:
        """The findings, each made when it is asked for."""
        yield from self.made
        for view, fault, rows in self.open:
            for row in rows:
                said = fault.say(row)
                place = (member, int(view.lines[row]), int(view.records[row]), fault.column)
                yield Finding(fault.code, fault.severity, said.message, *place, said.expected, said.found)

    def settle(self, member: str) -> None:
        """Make them all, so that the batch may go."""
        self.made = list(self.examples(member))
        self.open = []


class Tally:
    """The faults of one data file, added up batch by batch."""

    def __init__(self, member: str, cap: int) -> None:
        self.member = member
        self.cap = cap
        self.records = 0
        self.error_records = 0
        self._plain: list[Finding] = []
        self._counts: dict[str, int] = {}
        self._groups: dict[tuple[str, str | None], _Group] = {}

    def add(self, findings: Sequence[Finding], counts: Mapping[str, int] | None = None) -> None:
        """Findings of the file as a whole, with their true totals when `findings` is itself capped."""
        self._plain.extend(replace(finding, member=self.member) for finding in findings)
        for code, n in (counts or _count(findings)).items():
            self._counts[code] = self._counts.get(code, 0) + n

    def batch(self, view: View, faults: Sequence[Fault]) -> None:
        """All faults of one batch."""
        for group in self._groups.values():
            group.settle(self.member)
        self.records += view.rows()
        wrong = None
        for fault in faults:
            if not fault.mask.any():
                continue
            if fault.severity is Severity.RECORD:
                wrong = fault.mask if wrong is None else wrong | fault.mask
            group = self._groups.setdefault((fault.code, fault.column), _Group(fault.severity))
            group.total += int(fault.mask.sum())
            left = self.cap - len(group.made) - sum(len(rows) for *_, rows in group.open)
            if left:
                group.open.append((view, fault, fault.mask.arg_true().head(left).to_list()))
        if wrong is not None:
            self.error_records += int(wrong.sum())

    def has_file_error(self) -> bool:
        """Whether the file as a whole is to be rejected."""
        return any(finding.severity is Severity.FILE for finding in self._plain)

    def counts(self) -> dict[str, int]:
        """True totals per code."""
        totals = dict(self._counts)
        for (code, _), group in self._groups.items():
            totals[code] = totals.get(code, 0) + group.total
        return dict(sorted(totals.items()))

    def findings(self) -> tuple[Finding, ...]:
        """File-level first, then what is wrong in a whole column, then row by row; capped per code."""
        shown: list[Finding] = []
        for code in self.counts():
            plain = (finding for finding in self._plain if finding.code == code)
            groups = [self._told(c, column, g) for (c, column), g in self._groups.items() if c == code]
            shown += islice(chain(plain, _in_turn(groups)), self.cap)
        order = {Severity.FILE: 0, Severity.RECORD: 1, Severity.WARNING: 2}
        return tuple(sorted(shown, key=lambda f: (order[f.severity], f.record or 0, f.line or 0)))

    def _told(self, code: str, column: str | None, group: _Group) -> Iterator[Finding]:
        examples = group.examples(self.member)
        if column is None or group.total < self.records or self.records < WHOLE_COLUMN:
            yield from examples
            return
        first = next(examples)
        message = phrase("findings.every_record", n=group.total, what=f"@findings.{code}.title")
        yield Finding(code, group.severity, message, self.member, column=column, expected=first.expected)
        yield first
        yield from islice(examples, EXAMPLES - 1)


def _count(findings: Sequence[Finding]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for finding in findings:
        counts[finding.code] = counts.get(finding.code, 0) + 1
    return counts


def _in_turn(groups: Sequence[Iterator[Finding]]) -> Iterator[Finding]:
    """One of each group by turns, so that one bad column does not crowd out the others under the cap."""
    while groups:
        turn = [(group, finding) for group in groups if (finding := next(group, None))]
        yield from (finding for _, finding in turn)
        groups = [group for group, _ in turn]
