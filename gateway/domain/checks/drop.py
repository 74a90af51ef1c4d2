"""The examination of a drop, from its bytes to a verdict on each data file.

Does: unpacks, reads names, headers and rows, runs the checks, decides approved or rejected, has the figures counted of
what is approved.
Touches: nothing.
Does not: look at windows, rights or earlier deliveries (lifecycle, workflow). Knows no kind.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from gateway.domain.checks.columns import judge_columns
from gateway.domain.checks.faults import Context, Tally, View
from gateway.domain.checks.header import read_header, stand_aside
from gateway.domain.checks.municipalities import judge_name
from gateway.domain.checks.rules import CHECKS
from gateway.domain.kinds import FileKind, Job, ParsedName, Rules, parse_name
from gateway.domain.model import Examination, Finding, MemberResult, ReportingPeriod, Severity, phrase
from gateway.domain.quality import Counting, counting
from gateway.domain.reader import Member, Table, read, unpack


@dataclass(frozen=True, slots=True)
class _Item:
    """A data file whose name maps to something that this round asks for."""

    member: Member
    name: ParsedName
    kind: FileKind
    period: ReportingPeriod
    remarks: tuple[Finding, ...]


def examine_drop(job: Job) -> Examination:
    """All that is to be said of a drop. The same job gives the same examination."""
    limits = job.rules.round.limits
    members, findings = unpack(job.name, job.payload, limits, job.rules.round.zip_members_allowed)
    found = list(findings)
    if any(finding.severity is Severity.FILE for finding in findings):
        return Examination(tuple(found), _count(found), ())
    items: list[_Item] = []
    for member in members:
        item = _item(job, member)
        if isinstance(item, Finding):
            found.append(item)
        else:
            items.append(item)
    for item in items:
        twins = [other for other in items if (other.kind, other.period) == (item.kind, item.period)]
        if len(twins) > 1:
            message = phrase("findings.F04.same_item", kind=item.kind.code, period=item.period.code)
            found.append(Finding("F04", Severity.FILE, message, item.member.name))
    doubles = {finding.member for finding in found if finding.code == "F04"}
    results = tuple(_examine_item(job, item) for item in items if item.member.name not in doubles)
    return Examination(tuple(found), _count(found), results)


def _count(findings: Sequence[Finding]) -> Mapping[str, int]:
    codes = [finding.code for finding in findings]
    return {code: codes.count(code) for code in sorted(set(codes))}


def _item(job: Job, member: Member) -> _Item | Finding:
    """What a data file is according to its name, or why it is nothing that can be delivered here."""
    rules, delivery_round = job.rules, job.rules.round
    asked = {period.code: period for period in delivery_round.periods}
    # The upload's own name says more than the safe form of it that stands in findings.
    given = job.name if member.data is job.payload else member.name
    name = parse_name(given, rules.kinds, municipality=job.municipality, period=delivery_round.periods[-1].code)
    if isinstance(name, Finding):
        return replace(name, member=member.name)
    wrong = judge_name(name, member.name, job.municipality, job.known, rules.successors)
    if wrong and wrong.severity is Severity.FILE:
        return wrong
    if name.period not in asked or name.kind not in delivery_round.kinds:
        key = "kind" if name.period in asked else "period"
        expected = phrase(f"expected.round_{key}", asked=", ".join(delivery_round.kinds if key == "kind" else asked))
        found = phrase("shapes.name", name=name.kind if key == "kind" else name.period)
        return Finding("F11", Severity.FILE, phrase(f"findings.F11.{key}"), member.name, expected=expected, found=found)
    return _Item(member, name, rules.kinds[name.kind], asked[name.period], (wrong,) if wrong else ())


def _examine_item(job: Job, item: _Item) -> MemberResult:
    rules, limits = job.rules, job.rules.round.limits
    table = read(item.member, tuple(column.name for column in item.kind.columns), limits)
    tally = Tally(item.member.name, limits.findings_per_code)
    tally.add(item.remarks)
    count = examine_table(table, item.kind, rules, tally, _context(job, item))
    approved = not tally.has_file_error() and tally.error_records <= rules.round.max_error_records
    return MemberResult(
        name=item.member.name,
        size=len(item.member.data),
        sha256=hashlib.sha256(item.member.data).hexdigest(),
        kind=item.kind.code,
        period=item.period.code,
        approved=approved,
        records=table.records,
        findings=tally.findings(),
        counts=tally.counts(),
        figures=count.finish() if approved and count else None,
    )


def _context(job: Job, item: _Item) -> Context:
    rules = job.rules
    return Context(item.kind, rules.codelists, item.name.municipality, item.period, job.received_on, rules.successors)


def examine_table(table: Table, kind: FileKind, rules: Rules, tally: Tally, context: Context) -> Counting | None:
    """Adds to `tally` all that is wrong with a data file as read; gives the count of its records if there is one."""
    tally.add(table.findings, table.counts)
    if not table.header:
        return None
    header = read_header(table.header, table.header_line, kind, rules)
    tally.add(header.findings)
    if not header.usable:
        return None
    running = [
        CHECKS[rule.check](rule, context) for rule in kind.rules if all(c in header.places for c in rule.columns)
    ]
    whole = all(column.name in header.places for column in kind.columns)
    count = counting(kind, rules.codelists, context.period) if whole else None
    for number, batch in enumerate(table.batches):
        columns, faults = judge_columns(kind.columns, header.places, batch.frame, rules.codelists)
        aside = stand_aside(kind, header.places, batch, columns, rules.codelists) if number == 0 else None
        if aside:
            tally.add([aside])
            return None
        view = View(columns, batch.lines, batch.records)
        for rule in running:
            faults += rule.feed(view)
        tally.batch(view, faults)
        if count:
            count.feed(view.columns)
    for rule in running:
        tally.add(rule.finish())
    return count
