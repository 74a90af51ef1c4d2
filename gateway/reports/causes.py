"""Causes: findings put together by what has to be mended.

Does: groups findings by code and column, counts them, and puts what weighs most first; sums errors and warnings.
Touches: nothing.
Does not: word anything.

Totals are known per code only. When findings of a code were capped, the share of each column is a least number.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.domain.model import Finding, Severity

WEIGHT = {Severity.FILE: 0, Severity.RECORD: 1, Severity.WARNING: 2}


@dataclass(frozen=True, slots=True)
class Cause:
    """One thing to mend: a code in a column. `count` is exact, or at least so many when `exact` is False."""

    code: str
    column: str | None
    severity: Severity
    count: int
    exact: bool
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Totals:
    """True totals over all findings, capped or not; `shown` is how many findings there are to show."""

    errors: int
    warnings: int
    shown: int
    total: int


def causes(findings: Sequence[Finding], counts: Mapping[str, int]) -> tuple[Cause, ...]:
    """The causes: file-level errors first, then errors in records, then warnings; the most frequent first."""
    groups: dict[tuple[Severity, str, str | None], list[Finding]] = {}
    for finding in findings:
        groups.setdefault((finding.severity, finding.code, finding.column), []).append(finding)
    shown = Counter(finding.code for finding in findings)
    alone = {code: shared == 1 for code, shared in Counter(code for _, code, _ in groups).items()}
    found = [
        Cause(
            code,
            column,
            severity,
            count=max(counts.get(code, 0), len(group)) if alone[code] else len(group),
            exact=alone[code] or counts.get(code, 0) <= shown[code],
            findings=tuple(group),
        )
        for (severity, code, column), group in groups.items()
    ]
    return tuple(
        sorted(found, key=lambda cause: (WEIGHT[cause.severity], -cause.count, cause.code, cause.column or ""))
    )


def totals(findings: Sequence[Finding], counts: Mapping[str, int]) -> Totals:
    """Errors and warnings by code; a code that is found both as error and as warning counts as error."""
    errors = {finding.code for finding in findings if finding.severity is not Severity.WARNING}
    warnings = {finding.code for finding in findings} - errors
    complete = Counter(finding.code for finding in findings) | Counter(counts)
    return Totals(
        errors=sum(number for code, number in complete.items() if code not in warnings),
        warnings=sum(number for code, number in complete.items() if code in warnings),
        shown=len(findings),
        total=sum(complete.values()),
    )
