"""The reminder: which reports wait, since when, and what to do."""

from dataclasses import replace
from datetime import UTC, datetime

from gateway.domain.model import Municipality
from gateway.reports.facts import ReminderFacts, WaitingReport
from gateway.reports.names import REPORT_NAME
from gateway.reports.reminder import reminder
from tests.reports.facts import DESKS, texts
from tests.reports.judge import Page, body, valid

ONE = WaitingReport(
    "TR_0363_2017H2_WMO_v001_180214-7f3a9c_GOEDGEKEURD",
    datetime(2018, 2, 14, 9, 30, tzinfo=UTC),
    datetime(2018, 2, 15, 22, 59, 59, 999000, tzinfo=UTC),
)
TWO = replace(ONE, stem="OO_0363_2017H2_WMO_v001_180214-7f3a9c_GEREED")
FACTS = ReminderFacts(
    reminder_id="180216-0a1b2c",
    municipality=Municipality("0363", "Amsterdam"),
    round_name="Tweede halfjaar 2017",
    at=datetime(2018, 2, 16, 7, 0, tzinfo=UTC),
    waiting=(ONE, TWO),
    desks=DESKS,
)


def test_it_follows_the_schema_with_a_published_name_and_its_json_last() -> None:
    made = reminder(FACTS, texts())
    assert [file.name for file in made.files] == [
        "HB_0363_ALLE_ALLE_180216-0a1b2c_HERINNERING.html",
        "HB_0363_ALLE_ALLE_180216-0a1b2c_HERINNERING.json",
    ]
    assert all(REPORT_NAME.fullmatch(file.name) for file in made.files)
    document = valid("reminder", body(made, "json"))
    assert [each["report"] for each in document["waiting"]] == [ONE.stem, TWO.stem]
    assert document["waiting"][0]["due"] == "2018-02-15T23:59:59+01:00"


def test_the_page_names_each_report_and_what_happens_next() -> None:
    text = Page(reminder(FACTS, texts())).text
    assert "Er staan 2 rapporten klaar die nog niet zijn opgehaald." in text
    assert ONE.stem in text
    assert TWO.stem in text
    assert "gebruikersbeheerder" in text
    assert "Gemeente Amsterdam (0363)" in text
    assert "SANDBOX" not in text


def test_one_report_is_one_report_and_a_sandbox_says_so() -> None:
    text = Page(reminder(replace(FACTS, waiting=(ONE,), sandbox=True), texts())).text
    assert "Er staat 1 rapport klaar" in text
    assert "SANDBOX" in text


def test_the_same_facts_give_the_same_bytes() -> None:
    assert reminder(FACTS, texts()) == reminder(replace(FACTS), texts())
