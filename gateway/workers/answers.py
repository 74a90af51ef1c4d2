"""From a worker's answer to an Examination, believing nothing.

Does: decodes JSON, holds every value against a form and a bound, and against the job that was asked.
Touches: nothing.
Does not: repair. Whatever is not exactly an examination of this job raises Garbage.

The worker parses hostile bytes, so its answer counts as hostile too. A lie within the forms (a verdict that is not so)
cannot be seen here; a strange type, an endless list, a foreign kind or a line end in a sentence can.
"""

import json
import re
from collections.abc import Collection, Sequence
from typing import NoReturn

from gateway.domain.figures import Figures, fits, layout
from gateway.domain.kinds import Job
from gateway.domain.model import Examination, Finding, MemberResult, Param, Phrase, Severity

CODE = re.compile(r"[FRW][0-9]{2}")
KEY = re.compile(r"(?:findings|expected|shapes)(?:\.[A-Za-z0-9_]{1,40}){1,4}")
PARAM_NAME = re.compile(r"[a-z_]{1,30}")
MEMBER = re.compile(r"#[0-9]{1,4}|[0-9A-Za-z._-]{1,255}")
SHA256 = re.compile(r"[0-9a-f]{64}")
CODES = 64
PARAMS = 8
TEXT = 8_192
NUMBER = 2**53
SEVERITIES = {severity.value: severity for severity in Severity}


class Garbage(ValueError):
    """The answer is no examination of this job. The message says where, and nothing of what stood there."""


def decode(body: bytes, job: Job) -> Examination:
    """The examination in a worker's answer; Garbage when it is none."""
    try:
        answer = json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Garbage("no JSON") from error
    fields = _fields(answer, ("findings", "counts", "members"), "answer")
    members = tuple(_member(each, job) for each in _list(fields["members"], job.rules.round.limits.zip_members))
    if len({(member.kind, member.period) for member in members}) != len(members):
        raise Garbage("two members for one item")
    return Examination(_findings(fields["findings"], job), _counts(fields["counts"]), members)


def _no_constant(name: str) -> NoReturn:
    raise Garbage("no number")


def _member(value: object, job: Job) -> MemberResult:
    rules = job.rules
    names = ("name", "size", "sha256", "kind", "period", "approved", "records", "findings", "counts", "figures")
    fields = _fields(value, names, "member")
    size = _number(fields["size"], max(len(job.payload), rules.round.limits.unpacked_bytes))
    approved = fields["approved"]
    if not isinstance(approved, bool):
        raise Garbage("approved")
    findings = _findings(fields["findings"], job)
    if approved and any(finding.severity is Severity.FILE for finding in findings):
        raise Garbage("approved with an error")
    kind = _one_of(fields["kind"], rules.kinds)
    records = _number(fields["records"], size)
    return MemberResult(
        name=_text(fields["name"], MEMBER),
        size=size,
        sha256=_text(fields["sha256"], SHA256),
        kind=kind,
        period=_one_of(fields["period"], [period.code for period in rules.round.periods]),
        approved=approved,
        records=records,
        findings=findings,
        counts=_counts(fields["counts"]),
        figures=_figures(fields["figures"], approved, kind, records, job),
    )


def _findings(value: object, job: Job) -> tuple[Finding, ...]:
    rules = job.rules
    columns = {column.name for kind in rules.kinds.values() for column in kind.columns} | {*rules.personal_columns}
    most = CODES * rules.round.limits.findings_per_code
    return tuple(_finding(each, columns) for each in _list(value, most))


def _finding(value: object, columns: Collection[str]) -> Finding:
    parts = _list(value, 9)
    if len(parts) != 9:
        raise Garbage("finding")
    code, severity, message, member, line, record, column, expected, found = parts
    said = _phrase(message)
    if said is None:
        raise Garbage("message")
    return Finding(
        _text(code, CODE),
        SEVERITIES[_one_of(severity, SEVERITIES)],
        said,
        None if member is None else _text(member, MEMBER),
        None if line is None else _number(line, NUMBER),
        None if record is None else _number(record, NUMBER),
        None if column is None else _one_of(column, columns),
        _phrase(expected),
        _phrase(found),
    )


def _phrase(value: object) -> Phrase | None:
    if value is None:
        return None
    parts = _list(value, 2)
    if len(parts) != 2 or not isinstance(parts[1], dict) or len(parts[1]) > PARAMS:
        raise Garbage("phrase")
    return Phrase(_text(parts[0], KEY), tuple((_text(name, PARAM_NAME), _param(v)) for name, v in parts[1].items()))


def _param(value: object) -> Param:
    if isinstance(value, str):
        if len(value) > TEXT or not value.isprintable():
            raise Garbage("parameter")
        return value
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > NUMBER:
        raise Garbage("parameter")
    return value


def _counts(value: object) -> dict[str, int]:
    if not isinstance(value, dict) or len(value) > CODES:
        raise Garbage("counts")
    return {_text(code, CODE): _number(number, NUMBER) for code, number in value.items()}


def _figures(value: object, approved: bool, kind: str, records: int, job: Job) -> Figures | None:
    """What is approved has all figures of its kind and no other: there is no key in which a number could travel."""
    if value is None and not approved:
        return None
    wanted = layout(job.rules.kinds[kind], job.rules.codelists)
    if not approved or not fits(value, wanted, records):
        raise Garbage("figures")
    return value


def _fields(value: object, names: Sequence[str], where: str) -> dict[str, object]:
    if not isinstance(value, dict) or value.keys() != set(names):
        raise Garbage(where)
    return value


def _list(value: object, most: int) -> list[object]:
    if not isinstance(value, list) or len(value) > most:
        raise Garbage("list")
    return value


def _text(value: object, form: re.Pattern[str]) -> str:
    if not isinstance(value, str) or not form.fullmatch(value):
        raise Garbage("text")
    return value


def _number(value: object, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise Garbage("number")
    return value


def _one_of(value: object, allowed: Collection[str]) -> str:
    if not isinstance(value, str) or value not in allowed:
        raise Garbage("choice")
    return value
