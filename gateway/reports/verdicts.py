"""Verdicts: which technical reports the examination of a drop becomes, and what each is on.

Does: gives every data file that maps to an item a verdict of its own, and the drop as a whole one when something is
wrong with the upload, or with a file in it that maps to none. The gateway and `gateway check` share it.
Touches: nothing.
Does not: word or keep anything.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from gateway.domain.model import Examination, Finding, MemberResult, Severity


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one technical report is on: a data file, or (member None) the drop. `counts` are true totals per code;
    `others`: there are reports on other files of the drop."""

    member: MemberResult | None
    approved: bool
    findings: tuple[Finding, ...]
    counts: Mapping[str, int]
    others: bool = False


def verdicts(examination: Examination) -> tuple[Verdict, ...]:
    """The verdicts on a drop, never none. A warning about the drop as a whole stands with each of its files; an error
    that is no file's own stands with the drop alone, so that an approved file is not told of another's fault."""
    remarks = tuple(found for found in examination.findings if found.severity is Severity.WARNING)
    rejected = len(remarks) < len(examination.findings)
    own = [
        Verdict(member, member.approved, remarks + member.findings, _added(remarks, member.counts))
        for member in examination.members
    ]
    if rejected or not own:
        own.append(Verdict(None, not rejected, examination.findings, examination.counts, bool(own)))
    return tuple(own)


def _added(remarks: tuple[Finding, ...], counts: Mapping[str, int]) -> Mapping[str, int]:
    return Counter(finding.code for finding in remarks) + Counter(counts)
