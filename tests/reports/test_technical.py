"""The technical report: verdict, findings, what to do, by when."""

import csv
import hashlib
import io
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gateway.domain.model import Severity, phrase
from gateway.reports.facts import TechnicalFacts
from gateway.reports.technical import technical
from tests.reports.facts import (
    ENVELOPE,
    TIMES,
    approved,
    bsn_finding,
    code_finding,
    double_finding,
    header_finding,
    member,
    rejected,
    texts,
)
from tests.reports.judge import Page, body, valid

TRIAL = replace(ENVELOPE, trial=True)
WHOLE = replace(rejected(header_finding()), member=None, version=None, delivery_id=None)
CASES = {
    "rejected": rejected(),
    "faultless": approved(),
    "approved with warnings": approved(double_finding(4)),
    "of no delivery": WHOLE,
    "trial rejected": replace(rejected(), envelope=TRIAL, outcome="PROEF-AFGEKEURD", version=None, delivery_id=None),
    "trial approved": replace(approved(), envelope=TRIAL, outcome="PROEF-GOEDGEKEURD", version=None, supersedes=None),
    "capped": replace(rejected(bsn_finding(1), code_finding(1, "9")), counts={"T04": 2_310, "T05": 1}),
    "sandbox": replace(rejected(), envelope=replace(ENVELOPE, sandbox=True)),
}


@pytest.mark.parametrize("facts", CASES.values(), ids=CASES)
def test_every_report_follows_the_schema(facts: TechnicalFacts) -> None:
    document = valid("technical", body(technical(facts, texts()), "json"))
    assert document["outcome"] == facts.outcome
    assert len(document["findings"]) == document["truncated"]["shown"] == len(facts.findings)
    assert document["truncated"]["total"] == sum(facts.counts.values())


@pytest.mark.parametrize("facts", CASES.values(), ids=CASES)
def test_json_is_last_and_lists_the_others_with_their_checksums(facts: TechnicalFacts) -> None:
    made = technical(facts, texts())
    assert [file.name for file in made.files] == [f"{made.stem}.{extension}" for extension in ("html", "csv", "json")]
    listed = valid("technical", made.files[-1].body)["files"]
    assert listed == [
        {"name": file.name, "bytes": len(file.body), "sha256": hashlib.sha256(file.body).hexdigest()}
        for file in made.files[:-1]
    ]


@pytest.mark.parametrize("facts", CASES.values(), ids=CASES)
def test_the_same_facts_give_the_same_bytes(facts: TechnicalFacts) -> None:
    assert technical(facts, texts()) == technical(replace(facts, counts=dict(facts.counts)), texts())


def test_the_order_in_which_counts_were_made_does_not_matter() -> None:
    facts = rejected()
    backwards = dict(reversed(list(facts.counts.items())))
    assert technical(replace(facts, counts=backwards), texts()) == technical(facts, texts())


def test_the_name_of_a_delivery_and_of_a_whole_drop() -> None:
    assert technical(rejected(), texts()).stem == "TR_0363_2017H2_WMO_v001_180214-7f3a9c_AFGEKEURD"
    assert technical(WHOLE, texts()).stem == "TR_0363_ALLE_ALLE_180214-7f3a9c_AFGEKEURD"


def test_five_questions_are_answered_on_the_page() -> None:
    text = " ".join(Page(technical(rejected(), texts())).text.split())
    verdict, what, when, wrong, where = (
        text.index(each)
        for each in (
            "Afgekeurd Rejected WMO_0363_2017H2.csv heeft 17 fouten en 1 waarschuwing.",
            "onder dezelfde naam: WMO_0363_2017H2.csv",
            "vrijdag 9 maart 2018",
            "T04 BSN klopt niet",
            "regel 4",
        )
    )
    assert verdict < what < when < wrong < where


def test_a_finding_in_json_has_its_place_and_both_languages() -> None:
    document = valid("technical", body(technical(rejected(bsn_finding(3)), texts()), "json"))
    assert document["findings"] == [
        {
            "code": "T04",
            "severity": "record",
            "member": "WMO_0363_2017H2.csv",
            "line": 4,
            "record": 3,
            "column": "BSN",
            "expected": {"nl": "9 cijfers die voldoen aan de elfproef", "en": "9 digits that pass the eleven-test"},
            "found_masked": {"nl": "8 cijfers", "en": "8 digits"},
            "nl": "Dit BSN voldoet niet aan de elfproef.",
            "en": "This BSN does not pass the eleven-test.",
        }
    ]
    assert document["summary"] == {"per_code": {"T04": 1}, "errors": 1, "warnings": 0, "records": 27_586}


def test_the_table_has_a_row_per_finding_in_dutch_then_english() -> None:
    table = body(technical(rejected(), texts()), "csv")
    rows = list(csv.reader(io.StringIO(table.decode("utf-8-sig"), newline=""), delimiter=";"))
    assert rows[0][:6] == ["Code", "Ernst", "Bestand", "Regel", "Record", "Kolom"]
    assert len(rows) == 1 + len(rejected().findings)
    assert {len(row) for row in rows} == {15}
    assert len({*rows[0]}) == 15


def test_a_capped_report_says_how_much_it_leaves_out() -> None:
    text = Page(technical(CASES["capped"], texts())).text
    assert "2 van de 2.311 bevindingen" in text
    assert "2.310" in text


def test_an_approved_report_says_when_the_next_one_comes() -> None:
    document = valid("technical", body(technical(approved(), texts()), "json"))
    assert document["next_step"]["by"] == "2018-02-21T23:59:59+01:00"
    assert "woensdag 21 februari 2018" in document["next_step"]["nl"]
    assert document["supersedes"] == 1


def test_an_approval_whose_next_report_comes_too_late_says_so() -> None:
    times = replace(TIMES, quality_due=datetime(2018, 3, 16, 22, 59, 59, tzinfo=UTC))
    facts = replace(approved(), envelope=replace(ENVELOPE, times=times))
    assert (
        "verbeteren kan dan niet meer" in valid("technical", body(technical(facts, texts()), "json"))["next_step"]["nl"]
    )


@pytest.mark.parametrize(
    ("days_later", "said", "by"),
    [
        (0, "uiterlijk donderdag 1 maart 2018", "2018-03-09T23:59:59+01:00"),
        (18, "De laatste veilige dag (donderdag 1 maart 2018) is voorbij", "2018-03-09T23:59:59+01:00"),
        (28, "U kunt niet meer aanleveren. Bel Servicedesk Inlichtingenbureau, 0800 222 11 22.", None),
    ],
)
def test_a_rejection_tells_how_much_time_is_left(days_later: int, said: str, by: str | None) -> None:
    times = replace(TIMES, ready=TIMES.ready + timedelta(days=days_later))
    facts = replace(rejected(), envelope=replace(ENVELOPE, times=times))
    step = valid("technical", body(technical(facts, texts()), "json"))["next_step"]
    assert said in step["nl"]
    assert step["by"] == by


def test_a_rejected_correction_names_the_version_that_stays_in_force() -> None:
    made = technical(replace(rejected(), version=2, standing=1), texts())
    assert "blijft versie 1 gelden" in Page(made).text
    assert valid("technical", body(made, "json"))["standing"] == 1


def test_a_member_of_a_zip_is_mended_by_itself() -> None:
    packed = replace(ENVELOPE, file=replace(ENVELOPE.file, name="MSD.zip"))
    made = technical(replace(rejected(), envelope=packed), texts())
    assert "Herstel de fouten in WMO_0363_2017H2.csv" in Page(made).text
    assert "Over de andere bestanden in MSD.zip" in Page(made).text


def test_findings_of_another_file_name_it() -> None:
    other = replace(header_finding(), member="foto.png")
    assert "foto.png" in Page(technical(rejected(other, header_finding()), texts())).text


def test_different_sentences_of_one_cause_are_all_told() -> None:
    text = Page(technical(rejected(code_finding(5, "07"), code_finding(9, "99")), texts())).text
    assert "De code 07 bestaat niet." in text
    assert "De code 99 bestaat niet." in text


def test_a_page_shows_ten_examples_and_the_table_has_all() -> None:
    made = technical(rejected(*map(bsn_finding, range(100))), texts())
    assert Page(made).tags.count("tr") == 2 + 1 + 10
    assert body(made, "csv").count(b"\r\n") == 101


def test_a_finding_without_a_catalogued_title_is_an_error() -> None:
    unknown = replace(bsn_finding(1), code="T99")
    with pytest.raises(KeyError):
        technical(rejected(unknown), texts())


def test_a_file_error_without_place_concerns_the_whole_file() -> None:
    finding = replace(header_finding(), line=None, column=None, found=None, severity=Severity.FILE)
    facts = replace(rejected(finding), member=member(finding))
    assert "hele bestand" in Page(technical(facts, texts())).text
    assert phrase("findings.T01.text", number=7) == finding.message


def test_every_code_of_the_catalogue_can_be_reported() -> None:
    codes = [key.split(".")[1] for key in texts().sentences["nl"] if re.fullmatch(r"findings\..*\.title", key)]
    found = tuple(replace(bsn_finding(1), code=code) for code in codes)
    document = valid("technical", body(technical(rejected(*found), texts()), "json"))
    assert sorted(document["summary"]["per_code"]) == sorted(codes)
    assert len(codes) > 20
