"""Examining sample files, for the tests of the checks.

Does: asks `examine_drop` with the shipped rules, and says every sentence of the answer in both languages, so that a
missing sentence fails whichever test finds it.
Touches: the shipped configuration and texts, reading.
Does not: assert anything about findings.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from gateway.config import load_texts
from gateway.domain.checks import Job, examine_drop
from gateway.domain.kinds import Rules
from gateway.domain.model import Examination, Finding, MemberResult
from tests.rules import rules as shipped
from tests.samples import COST_HEADERS, WMO_HEADER, cost_rows, csv_bytes, wmo_rows

KNOWN = frozenset({"0363", "0377", "0473"})
RECEIVED_ON = date(2018, 2, 14)


def job(payload: bytes, name: str = "WMO_0363_2017H2.csv", folder: str = "0363", rules: Rules | None = None) -> Job:
    """A job as the workflow would make it."""
    return Job(name, payload, folder, KNOWN | {folder}, RECEIVED_ON, rules or shipped())


def examined(
    payload: bytes, name: str = "WMO_0363_2017H2.csv", folder: str = "0363", rules: Rules | None = None
) -> Examination:
    """The examination of a drop, every sentence of it said."""
    examination = examine_drop(job(payload, name, folder, rules))
    assert rendered(examination)
    return examination


def all_findings(examination: Examination) -> list[Finding]:
    """Those of the drop and of its members."""
    return [*examination.findings, *(finding for member in examination.members for finding in member.findings)]


def rendered(examination: Examination) -> list[str]:
    """Every sentence that a report could say of it, in Dutch and English."""
    texts, said = load_texts(), ["-"]
    for finding in all_findings(examination):
        said += [finding.member or "", finding.column or ""]
        for language in texts.sentences:
            said += [texts.say(language, f"findings.{finding.code}.{part}") for part in ("title", "help")]
            parts = (finding.message, finding.expected, finding.found)
            said += [texts.tell(language, part) for part in parts if part is not None]
    return said


def only(examination: Examination) -> MemberResult:
    """The one member, when nothing is wrong with the drop as a whole."""
    assert examination.findings == ()
    (member,) = examination.members
    return member


def wmo(cells: Mapping[str, str], row: int = 1, rows: int = 4) -> MemberResult:
    """The examination of a good Wmo file in which some cells of one row are others."""
    return only(examined(spoiled(WMO_HEADER, wmo_rows(rows), cells, [row])))


def cost(kind: str, cells: Mapping[str, str], row: int = 0, drop: Iterable[int] = ()) -> MemberResult:
    """The same for a cost file; `drop` are rows to leave out."""
    gone = set(drop)
    kept = [each for number, each in enumerate(cost_rows(kind)) if number not in gone]
    return only(examined(spoiled(COST_HEADERS[kind], kept, cells, [row]), f"{kind}_0363_2017H2.csv"))


def spoiled(
    header: Sequence[str], rows: Sequence[Sequence[str]], cells: Mapping[str, str], where: Iterable[int]
) -> bytes:
    """A file with other cells in the rows `where`."""
    changed = [list(row) for row in rows]
    for row in where:
        for column, value in cells.items():
            changed[row][header.index(column)] = value
    return csv_bytes(header, changed)


def keys(member: MemberResult) -> list[tuple[str, str, str | None]]:
    """Code, name of the sentence and column of each finding."""
    return [(finding.code, finding.message.key.rpartition(".")[2], finding.column) for finding in member.findings]
