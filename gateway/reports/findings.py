"""Findings as JSON: the shape that the technical report publishes, and that `gateway check --json` prints too.

Does: turns findings, totals and a data file into the values of docs/schemas/technical.schema.json.
Touches: nothing.
Does not: choose or order findings (causes), or show a value that a finding did not already mask.
"""

from collections.abc import Mapping, Sequence

from gateway.domain.model import Finding, MemberResult, Phrase
from gateway.reports.causes import Totals
from gateway.reports.plain import masked, visible
from gateway.reports.sections import Tell


def told(
    findings: Sequence[Finding], counts: Mapping[str, int], member: MemberResult | None, sums: Totals, tell: Tell
) -> dict[str, object]:
    """`summary`, `findings` and `truncated` of a report."""
    return {
        "summary": {
            "per_code": dict(sorted(counts.items())),
            "errors": sums.errors,
            "warnings": sums.warnings,
            "records": None if member is None else member.records,
        },
        "findings": [as_json(finding, tell) for finding in findings],
        "truncated": {"shown": sums.shown, "total": sums.total},
    }


def as_json(finding: Finding, tell: Tell) -> dict[str, object]:
    """One finding, worded in both languages."""
    message = tell(finding.message)
    return {
        "code": finding.code,
        "severity": finding.severity.value,
        "member": None if finding.member is None else masked(finding.member),
        "line": finding.line,
        "record": finding.record,
        "column": None if finding.column is None else visible(finding.column),
        "expected": _pair(finding.expected, tell),
        "found_masked": _pair(finding.found, tell),
        "nl": message.nl,
        "en": message.en,
    }


def member_of(member: MemberResult) -> dict[str, object]:
    """Name, bytes and SHA-256 of a data file."""
    return {"name": masked(member.name), "bytes": member.size, "sha256": member.sha256}


def _pair(phrase: Phrase | None, tell: Tell) -> dict[str, str] | None:
    return None if phrase is None else tell(phrase)._asdict()
