"""Facts and sentences from which the tests of this room make reports.

Does: builds complete, plausible facts that a test then changes with `replace`, and the catalogue with a few codes of
its own (T..), so that these tests do not hang on the sentences of real findings.
Touches: gateway/texts, through config.
Does not: assert.
"""

from dataclasses import replace
from datetime import UTC, date, datetime
from functools import cache

from gateway.config.texts import load_texts
from gateway.domain.model import (
    Desk,
    DeskFacts,
    FileFacts,
    Finding,
    MemberResult,
    Municipality,
    Severity,
    phrase,
)
from gateway.reports.facts import Envelope, ReceiptFacts, TechnicalFacts, Times
from gateway.reports.wording import LANGUAGES, Texts

OWN = {
    "nl": {
        "findings.T01.title": "Kolomnaam klopt niet",
        "findings.T01.help": "Neem de namen over uit de handleiding.",
        "findings.T01.text": "Kolom {number} heet anders dan afgesproken.",
        "findings.T04.title": "BSN klopt niet",
        "findings.T04.help": "Kijk het nummer na in uw bronsysteem.",
        "findings.T04.text": "Dit BSN voldoet niet aan de elfproef.",
        "findings.T05.title": "Code staat niet in de lijst",
        "findings.T05.help": "Kies een code uit de lijst.",
        "findings.T05.text": "De code {value} bestaat niet.",
        "findings.T09.title": "Regel staat er twee keer",
        "findings.T09.help": "Haal de dubbele regel weg als die niet klopt.",
        "findings.T09.text": "Deze regel is gelijk aan regel {line}.",
        "expected.T": "9 cijfers die voldoen aan de elfproef",
        "shapes.T": "{n} cijfers",
    },
    "en": {
        "findings.T01.title": "Wrong column name",
        "findings.T01.help": "Take the names from the manual.",
        "findings.T01.text": "Column {number} has another name than agreed.",
        "findings.T04.title": "BSN is wrong",
        "findings.T04.help": "Check the number in your source system.",
        "findings.T04.text": "This BSN does not pass the eleven-test.",
        "findings.T05.title": "Code is not in the list",
        "findings.T05.help": "Choose a code from the list.",
        "findings.T05.text": "The code {value} does not exist.",
        "findings.T09.title": "Row stands twice",
        "findings.T09.help": "Remove the second row if it is not right.",
        "findings.T09.text": "This row equals line {line}.",
        "expected.T": "9 digits that pass the eleven-test",
        "shapes.T": "{n} digits",
    },
}

DESKS = {
    Desk.ACCESS: DeskFacts(
        "Servicedesk Inlichtingenbureau", "0800 222 11 22", "servicedesk@inlichtingenbureau.example"
    ),
    Desk.CONTENT: DeskFacts("CBS Monitor Sociaal Domein", "070 337 49 94", "monitorsociaaldomein@cbs.example"),
}


TIMES = Times(
    received=datetime(2018, 2, 14, 9, 30, tzinfo=UTC),
    ready=datetime(2018, 2, 14, 9, 32, tzinfo=UTC),
    technical_due=datetime(2018, 2, 19, 22, 59, 59, 999000, UTC),
    window_opens=datetime(2018, 2, 11, 23, 0, tzinfo=UTC),
    window_closes=datetime(2018, 3, 9, 22, 59, 59, 999000, UTC),
    last_safe_day=date(2018, 3, 1),
    calendar="NL-2018.1",
)
ENVELOPE = Envelope(
    drop_id="180214-7f3a9c",
    municipality=Municipality("0363", "Amsterdam"),
    round_name="Tweede halfjaar 2017",
    submitted_by="anna.0363",
    on_behalf_of=None,
    file=FileFacts("WMO_0363_2017H2.csv", 1_234_567, "ab" * 32),
    times=TIMES,
    desks=DESKS,
)
RECEIPT = ReceiptFacts(ENVELOPE, "ONTVANGEN")
REFUSAL = phrase("refusals.TOO_LARGE.text", limit=2_621_440)


@cache
def texts() -> Texts:
    """The shipped sentences and the own ones."""
    shipped = load_texts().sentences
    return Texts({language: {**shipped[language], **OWN[language]} for language in LANGUAGES})


def header_finding() -> Finding:
    """An error on the file as a whole, on a line but in no record."""
    return Finding(
        "T01",
        Severity.FILE,
        phrase("findings.T01.text", number=7),
        "WMO_0363_2017H2.csv",
        line=1,
        column="Startdatum",
        found=phrase("shapes.T", n=9),
    )


def bsn_finding(record: int) -> Finding:
    """An error in a record."""
    return Finding(
        "T04",
        Severity.RECORD,
        phrase("findings.T04.text"),
        "WMO_0363_2017H2.csv",
        line=record + 1,
        record=record,
        column="BSN",
        expected=phrase("expected.T"),
        found=phrase("shapes.T", n=8),
    )


def code_finding(record: int, value: str, column: str = "Leveringsvorm") -> Finding:
    """An error in a record whose sentence quotes a short value."""
    return Finding(
        "T05",
        Severity.RECORD,
        phrase("findings.T05.text", value=value),
        "WMO_0363_2017H2.csv",
        line=record + 1,
        record=record,
        column=column,
    )


def double_finding(record: int) -> Finding:
    """A warning."""
    return Finding(
        "T09", Severity.WARNING, phrase("findings.T09.text", line=2), "WMO_0363_2017H2.csv", record + 1, record
    )


def member(*findings: Finding, approved: bool = False) -> MemberResult:
    """One examined data file."""
    return MemberResult(
        "WMO_0363_2017H2.csv", 1_234_567, "ab" * 32, "WMO", "2017H2", approved, 27_586, findings, counts(findings)
    )


def counts(findings: tuple[Finding, ...]) -> dict[str, int]:
    """Totals per code."""
    return {finding.code: sum(1 for other in findings if other.code == finding.code) for finding in findings}


def rejected(*findings: Finding) -> TechnicalFacts:
    """A rejected first version; without findings given, with some of each severity."""
    some = findings or (
        header_finding(),
        *(bsn_finding(record) for record in range(3, 17)),
        code_finding(5, "07"),
        code_finding(9, "99"),
        double_finding(8),
    )
    return TechnicalFacts(
        ENVELOPE, "AFGEKEURD", some, counts(some), member(*some), "0199aa00-0000-7000-8000-000000000001", 1
    )


def approved(*findings: Finding) -> TechnicalFacts:
    """An approved second version that replaces the first."""
    return TechnicalFacts(
        replace(ENVELOPE, times=replace(TIMES, quality_due=datetime(2018, 2, 21, 22, 59, 59, 999000, UTC))),
        "GOEDGEKEURD",
        findings,
        counts(findings),
        member(*findings, approved=True),
        "0199aa00-0000-7000-8000-000000000002",
        2,
        supersedes=1,
    )
