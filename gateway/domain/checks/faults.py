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
from functools import partial
from itertools import zip_longest

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
    days or whole numbers of a date or integer column, null where empty or not sound."""

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
    """Rows of a batch with the same fault in the same column; `say` takes a row's place in the batch."""

    code: str
    severity: Severity
    column: str | None
    mask: pl.Series
    say: Callable[[int], Said]


# A finding, or what makes it: of a hundred examples the cap may leave one.
Example = Callable[[], Finding]


@dataclass(slots=True)
class _Group:
    """One fault in one column. The first `made` examples are findings; the others still need the batch."""

    severity: Severity
    total: int = 0
    examples: list[Example] = field(default_factory=list)
    made: int = 0

    def settle(self) -> None:
        """Make the findings, so that the batch may go."""
        self.examples[self.made :] = [_made(example()) for example in self.examples[self.made :]]
        self.made = len(self.examples)


def _made(finding: Finding) -> Example:
    return lambda: finding


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
            group.settle()
        self.records += view.rows()
        wrong = None
        for fault in faults:
            if not fault.mask.any():
                continue
            if fault.severity is Severity.RECORD:
                wrong = fault.mask if wrong is None else wrong | fault.mask
            group = self._groups.setdefault((fault.code, fault.column), _Group(fault.severity))
            group.total += int(fault.mask.sum())
            for row in fault.mask.arg_true().head(self.cap - len(group.examples)):
                group.examples.append(partial(self._finding, view, fault, row))
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
            plain = [_made(finding) for finding in self._plain if finding.code == code][: self.cap]
            groups = [self._told(c, column, g) for (c, column), g in self._groups.items() if c == code]
            shown += [example() for example in [*plain, *_in_turn(groups)][: self.cap]]
        order = {Severity.FILE: 0, Severity.RECORD: 1, Severity.WARNING: 2}
        return tuple(sorted(shown, key=lambda f: (order[f.severity], f.record or 0, f.line or 0)))

    def _finding(self, view: View, fault: Fault, row: int) -> Finding:
        said = fault.say(row)
        line, record = int(view.lines[row]), int(view.records[row])
        place = (self.member, line, record, fault.column)
        return Finding(fault.code, fault.severity, said.message, *place, said.expected, said.found)

    def _told(self, code: str, column: str | None, group: _Group) -> list[Example]:
        if column is None or group.total < self.records or self.records < WHOLE_COLUMN:
            return group.examples
        message = phrase("findings.every_record", n=group.total, what=f"@findings.{code}.title")
        once = Finding(code, group.severity, message, self.member, column=column, expected=group.examples[0]().expected)
        return [_made(once), *group.examples[:EXAMPLES]]


def _count(findings: Sequence[Finding]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for finding in findings:
        counts[finding.code] = counts.get(finding.code, 0) + 1
    return counts


def _in_turn(groups: Sequence[Sequence[Example]]) -> Iterator[Example]:
    """One of each group by turns, so that one bad column does not crowd out the others under the cap."""
    for turn in zip_longest(*groups):
        yield from (example for example in turn if example is not None)
