"""The receipt: what it says for each outcome."""

from dataclasses import replace

import pytest

from gateway.domain.model import FileFacts, phrase
from gateway.reports.facts import ReceiptFacts
from gateway.reports.receipt import receipt
from tests.reports.facts import ENVELOPE, RECEIPT, REFUSAL, TIMES, texts
from tests.reports.judge import Page, body, valid

REPEATED = replace(RECEIPT, outcome="HERHALING", first_drop="180213-0a1b2c")
REFUSED = ReceiptFacts(
    replace(ENVELOPE, file=FileFacts("WMO_0363_2017H2.csv", 0, "")), "GEWEIGERD", refusal=REFUSAL, retry=False
)
HELD = replace(RECEIPT, outcome="AANGEHOUDEN")
TRIAL = replace(RECEIPT, envelope=replace(ENVELOPE, trial=True))
LED = replace(RECEIPT, envelope=replace(ENVELOPE, on_behalf_of="0363", sandbox=True))


@pytest.mark.parametrize("facts", [RECEIPT, REPEATED, REFUSED, HELD, TRIAL, LED])
def test_every_receipt_follows_the_schema_and_comes_with_its_json_last(facts: ReceiptFacts) -> None:
    made = receipt(facts, texts())
    assert [file.name for file in made.files] == [f"{made.stem}.html", f"{made.stem}.json"]
    document = valid("receipt", made.files[-1].body)
    assert document["outcome"] == made.outcome == facts.outcome
    assert [file["name"] for file in document["files"]] == [f"{made.stem}.html"]
    assert texts().say("nl", f"outcomes.{facts.outcome}") in Page(made).text


@pytest.mark.parametrize("facts", [RECEIPT, REPEATED, REFUSED, HELD, TRIAL, LED])
def test_the_same_facts_give_the_same_bytes(facts: ReceiptFacts) -> None:
    assert receipt(facts, texts()) == receipt(replace(facts), texts())


def test_received_says_until_when_to_wait_and_whom_to_call() -> None:
    made = receipt(RECEIPT, texts())
    step = valid("receipt", body(made, "json"))["next_step"]
    assert step["by"] == "2018-02-19T23:59:59+01:00"
    assert "maandag 19 februari 2018" in step["nl"]
    assert "0800 222 11 22" in step["nl"]
    assert "Monday 19 February 2018" in step["en"]
    assert "maandag 19 februari 2018" in Page(made).text


def test_a_repeat_names_the_drop_that_counts_and_starts_no_clock() -> None:
    document = valid("receipt", body(receipt(REPEATED, texts()), "json"))
    assert document["first_drop"] == "180213-0a1b2c"
    assert document["next_step"]["by"] is None
    assert "180213-0a1b2c" in document["next_step"]["nl"]


def test_a_refusal_says_why_what_to_do_and_until_when() -> None:
    made = receipt(REFUSED, texts())
    document = valid("receipt", body(made, "json"))
    assert document["refusal"]["code"] == "TOO_LARGE"
    assert document["file"] == {"name": "WMO_0363_2017H2.csv", "bytes": None, "sha256": None}
    assert "2.621.440 bytes" in document["refusal"]["nl"]
    assert "ZIP" in document["next_step"]["nl"]
    assert document["next_step"]["by"] == "2018-03-09T23:59:59+01:00"
    assert "2.621.440 bytes" in Page(made).text


def test_a_refusal_after_the_window_promises_no_date() -> None:
    late = replace(TIMES, received=TIMES.received.replace(month=4), ready=TIMES.ready.replace(month=4))
    facts = replace(
        REFUSED,
        envelope=replace(REFUSED.envelope, times=late),
        refusal=phrase("refusals.WINDOW_CLOSED.text", closed="2018-03-09"),
    )
    made = receipt(facts, texts())
    document = valid("receipt", body(made, "json"))
    assert document["next_step"]["by"] is None
    assert "vrijdag 9 maart 2018" in document["refusal"]["nl"]
    assert texts().say("nl", "reports.page.no_date") in Page(made).text


def test_a_trial_and_a_sandbox_say_so_on_top() -> None:
    assert texts().say("nl", "reports.page.trial") in Page(receipt(TRIAL, texts())).text
    assert texts().say("nl", "reports.page.sandbox") in Page(receipt(LED, texts())).text
    assert texts().say("nl", "reports.page.sandbox") not in Page(receipt(RECEIPT, texts())).text


def test_a_name_refused_for_a_citizen_service_number_is_not_repeated() -> None:
    facts = replace(
        REFUSED,
        envelope=replace(ENVELOPE, file=FileFacts("WMO_999990019.csv", 0, "")),
        refusal=phrase("refusals.NAME_BSN.text"),
    )
    for file in receipt(facts, texts()).files:
        assert b"999990019" not in file.body
