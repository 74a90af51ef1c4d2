"""The shapes that the reader hands on.

Does: Member, Batch and Table, the safe form of a member's name, and the one way to make a finding.
Touches: nothing.
Does not: read.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import polars

from gateway.domain.kinds import LONG_NUMBER
from gateway.domain.model import Finding, Param, Phrase, Severity, phrase

USABLE_NAME = re.compile(r"[0-9A-Za-z._-]{1,255}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Member:
    """One data file: the upload itself, or a member of the ZIP. `name` is safe to quote: see `member_label`."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Batch:
    """Records in the order of the file.

    `frame`: every column String, column names the position as text ("0", "1", ...), an empty value "" and never null.
    `lines`: UInt32, the physical line counted from 1 on which each record starts. `records`: UInt32, each record's
    number counted from 1 (ragged rows are left out of the frame but keep their number, so there can be gaps);
    `first_record` is the number of the first.
    """

    frame: polars.DataFrame
    lines: polars.Series
    records: polars.Series
    first_record: int


@dataclass(frozen=True, slots=True)
class Table:
    """A data file as read.

    `header` is empty when a fault makes it meaningless (F05, or F06 from the reader); then there are no batches either
    and `findings` holds the cause. `findings` is complete, capped per code; `counts` has the true number per code.
    `batches` can be walked through more than once and is lazy. `records` counts all rows below the header, ragged ones
    included, blank lines not.
    """

    header: tuple[str, ...]
    header_line: int
    findings: tuple[Finding, ...]
    counts: Mapping[str, int]
    batches: Iterable[Batch]
    encoding: str
    records: int = 0


@dataclass(frozen=True, slots=True)
class Faults:
    """Findings under construction: the capped list and the true totals."""

    findings: list[Finding] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    def add(self, finding: Finding, total: int = 1) -> None:
        """Note one finding; `total` when it stands for more."""
        self.findings.append(finding)
        self.counts[finding.code] = self.counts.get(finding.code, 0) + total

    @property
    def fatal(self) -> bool:
        """Whether anything but a warning was noted."""
        return any(finding.severity is Severity.FILE for finding in self.findings)


def fault(
    key: str,
    *,
    member: str | None = None,
    line: int | None = None,
    record: int | None = None,
    expected: Phrase | None = None,
    found: Phrase | None = None,
    **params: Param,
) -> Finding:
    """A file-level finding (W...: a warning) whose sentence is `findings.` + key; the code is the key's first part."""
    code = key.partition(".")[0]
    severity = Severity.WARNING if code.startswith("W") else Severity.FILE
    message = phrase(f"findings.{key}", **params)
    return Finding(code, severity, message, member, line, record, None, expected, found)


def noun(name: str, **params: Param) -> Phrase:
    """A thing that a reading fault speaks of (a comma, an Excel workbook, {n} bytes) as a Phrase."""
    return phrase(f"findings.reading.{name}", **params)


def member_label(name: str, position: int) -> str:
    """The name when it can be quoted in a report or a log, else `#` and its position in the archive counted from 1.

    Not quoted: characters outside the gateway's own set, over 255 characters, and nine digits in a row, because that
    may be somebody's citizen service number. Unlike `kinds.safe_name`, which masks a name that a person looks for, this
    tells members apart: two masked names could be the same.
    """
    if USABLE_NAME.fullmatch(name) and not LONG_NUMBER.search(name):
        return name
    return f"#{position}"
