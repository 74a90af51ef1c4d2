"""The pages that the browser looks at: reports of each sort, on real examinations.

Does: examines sample files and makes the reports that the gateway would make of them.
Touches: the shipped configuration and sentences, reading.
Does not: assert.
"""

from dataclasses import replace
from functools import cache

from gateway.domain.model import FileFacts, MemberResult, Report
from gateway.reports.facts import Envelope, TechnicalFacts
from gateway.reports.quality import quality
from gateway.reports.receipt import receipt
from gateway.reports.technical import technical
from gateway.reports.verdicts import Verdict, verdicts
from gateway.reports.withdrawal import withdrawal
from tests.domain.examining import examined
from tests.reports.facts import ENVELOPE, RECEIPT, REFUSAL, TIMES, texts
from tests.reports.test_quality import CASES
from tests.reports.test_withdrawal import CONFIRMED
from tests.samples import WMO_HEADER, cost_faulty, csv_bytes, good, wmo_faulty, wmo_rows, zipped

WMO = "WMO_0363_2017H2.csv"
DUE = replace(TIMES, quality_due=TIMES.technical_due)
TRIAL = replace(ENVELOPE, trial=True)


def _report(payload: bytes, name: str = WMO, envelope: Envelope = ENVELOPE, at: int = 0) -> Report:
    """The technical report on one file of an upload."""
    verdict = verdicts(examined(payload, name))[at]
    outcome = "GOEDGEKEURD" if verdict.approved else "AFGEKEURD"
    facts = TechnicalFacts(
        replace(envelope, file=FileFacts(name, len(payload), "ab" * 32), times=DUE if verdict.approved else TIMES),
        f"PROEF-{outcome}" if envelope.trial else outcome,
        verdict.findings,
        verdict.counts,
        verdict.member,
        version=_version(verdict, envelope),
        others=verdict.others,
    )
    return technical(facts, texts())


def _version(verdict: Verdict, envelope: Envelope) -> int | None:
    member: MemberResult | None = verdict.member
    return None if member is None or envelope.trial else 1


def _spoilt(every: int, rows: int, column: str, value: str) -> bytes:
    made = wmo_rows(rows)
    for row in made[::every]:
        row[WMO_HEADER.index(column)] = value
    return csv_bytes(WMO_HEADER, made)


def _thousands() -> bytes:
    """A file of 2,600 findings in six columns."""
    made = wmo_rows(2_600)
    faults = (("BSN", "999990008"), ("Leveringsvorm", "9"), ("Beschikt_volume", "1.250"), ("Toewijzingsnummer", "T 1"))
    for number, row in enumerate(made):
        column, value = faults[number % 4]
        row[WMO_HEADER.index(column)] = value
    return csv_bytes(WMO_HEADER, made)


@cache
def technical_reports() -> dict[str, Report]:
    """Technical reports, by what they show."""
    partly = zipped({WMO: good("WMO"), "overzicht 2017.csv": b"x"})
    return {
        "approved": _report(good("WMO")),
        "approved-with-warnings": _report(good("WMO").replace(b";1;", b";ZIN;") + b";" * 17 + b"\r\n"),
        "one-finding": _report(_spoilt(99, 40, "BSN", "999990008")),
        "ten-findings": _report(wmo_faulty().body),
        "ten-findings-costs": _report(cost_faulty("SBW").body, "SBW_0363_2017H2.csv"),
        "thousands-of-findings": _report(_thousands()),
        "header": _report(good("WMO").replace(b"_", b" ", 16)),
        "zip-damaged": _report(zipped({WMO: good("WMO")})[:-30], "MSD.zip"),
        "zip-with-a-stranger": _report(partly, "MSD.zip", at=-1),
        "workbook": _report(b"PK\x03\x04", "WMO_0363_2017H2.xlsx"),
        "trial-rejected": _report(wmo_faulty().body, envelope=TRIAL),
        "trial-approved": _report(good("WMO"), envelope=TRIAL),
    }


@cache
def reports() -> dict[str, Report]:
    """A page of each sort."""
    return {
        **technical_reports(),
        "received": receipt(RECEIPT, texts()),
        "refused": receipt(replace(RECEIPT, outcome="GEWEIGERD", refusal=REFUSAL), texts()),
        "withdrawn": withdrawal(CONFIRMED, texts()),
        **{f"quality-{name}": quality(facts, texts()) for name, facts in CASES.items()},
    }
