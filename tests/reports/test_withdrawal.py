"""The confirmation of a withdrawal, the receipt of nothing to deliver, the terms, and what acts add to other files."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from gateway.domain.model import Consent, FileFacts, Municipality, Span, phrase
from gateway.reports import folder
from gateway.reports.facts import ReceiptFacts, Selected, WithdrawalFacts
from gateway.reports.receipt import receipt
from gateway.reports.terms import terms
from gateway.reports.withdrawal import withdrawal
from tests.reports.facts import ENVELOPE, RECEIPT, TIMES, texts
from tests.reports.judge import Page, body, valid
from tests.reports.test_folder import README, STATUS, lines
from tests.world import shipped

NOW = datetime(2018, 3, 14, 9, tzinfo=UTC)
NAMED = replace(
    ENVELOPE, file=FileFacts("WMO_2017H2.ingetrokken", 0, ""), times=replace(TIMES, received=NOW, ready=NOW)
)
CONFIRMED = WithdrawalFacts(
    envelope=NAMED,
    kind="WMO",
    period="2017H2",
    withdrawn=True,
    channel="sftp",
    opens=datetime(2018, 3, 11, 23, tzinfo=UTC),
    closes=datetime(2018, 3, 23, 22, 59, 59, 999000, UTC),
    selection=(Selected("WMO", "2017H2", True), Selected("SBW", "2017H2", False)),
    version=2,
)
GIVEN_AGAIN = replace(CONFIRMED, withdrawn=False, selection=(Selected("WMO", "2017H2", False),))
BY_FORM = replace(CONFIRMED, channel="form", version=None)
NOTHING = ReceiptFacts(NAMED, "GEEN-LEVERING", item=("WMO", "2017H2"))


@pytest.mark.parametrize("facts", [CONFIRMED, GIVEN_AGAIN, BY_FORM])
def test_every_confirmation_follows_the_schema_and_comes_with_its_json_last(facts: WithdrawalFacts) -> None:
    made = withdrawal(facts, texts())
    assert made == withdrawal(replace(facts), texts())
    assert [file.name for file in made.files] == [f"{made.stem}.html", f"{made.stem}.json"]
    document = valid("withdrawal", made.files[-1].body)
    assert (document["kind"], document["period"], document["version"]) == ("WMO", "2017H2", facts.version)
    assert document["withdrawal"]["withdrawn"] is facts.withdrawn
    assert texts().say("nl", f"outcomes.{made.outcome}") in Page(made).text


def test_it_is_named_by_item_and_outcome() -> None:
    assert withdrawal(CONFIRMED, texts()).stem == "IB_0363_2017H2_WMO_180214-7f3a9c_INGETROKKEN"
    assert withdrawal(GIVEN_AGAIN, texts()).stem == "IB_0363_2017H2_WMO_180214-7f3a9c_ACTIEF"


def test_it_says_how_to_change_it_until_when_and_how_all_stands() -> None:
    made = withdrawal(CONFIRMED, texts())
    step = valid("withdrawal", body(made, "json"))["next_step"]
    assert "WMO_2017H2.actief" in step["nl"]
    assert "vrijdag 23 maart 2018" in step["nl"]
    assert "Friday 23 March 2018" in step["en"]
    page = Page(made).text
    assert "vrijdag 23 maart 2018" in page
    assert "SBW 2017H2" in page
    assert "WMO_2017H2.ingetrokken" in body(withdrawal(GIVEN_AGAIN, texts()), "html").decode()


def test_a_form_is_confirmed_with_whom_to_call() -> None:
    made = withdrawal(BY_FORM, texts())
    assert "0800 222 11 22" in valid("withdrawal", body(made, "json"))["next_step"]["nl"]
    assert "formulier van het CBS" in Page(made).text
    assert "WMO_2017H2.actief" not in Page(made).text


def test_after_the_window_no_date_is_promised() -> None:
    late = replace(BY_FORM, envelope=replace(NAMED, times=replace(TIMES, ready=datetime(2018, 4, 2, tzinfo=UTC))))
    assert "23 maart 2018" not in Page(withdrawal(late, texts())).text


def test_nothing_to_deliver_is_confirmed_by_item_with_nothing_to_do() -> None:
    made = receipt(NOTHING, texts())
    assert made.stem == "OB_0363_2017H2_WMO_180214-7f3a9c_GEEN-LEVERING"
    document = valid("receipt", body(made, "json"))
    assert (document["kind"], document["period"], document["refusal"]) == ("WMO", "2017H2", None)
    assert document["next_step"]["by"] is None
    assert "niets te leveren" in Page(made).text


def test_an_extended_window_is_called_so_wherever_its_end_is_told() -> None:
    times = replace(TIMES, window_closes=datetime(2018, 3, 14, 22, 59, 59, 999000, UTC), extended=True)
    made = receipt(replace(RECEIPT, envelope=replace(ENVELOPE, times=times)), texts())
    assert valid("receipt", body(made, "json"))["times"]["window_extended"] is True
    assert "voor uw gemeente verlengd" in Page(made).text
    assert "voor uw gemeente verlengd" not in Page(receipt(RECEIPT, texts())).text


def test_a_refusal_of_ours_names_the_regular_route() -> None:
    busy = ReceiptFacts(NAMED, "GEWEIGERD", refusal=phrase("refusals.BUSY.text"), retry=True, route="portaal.example")
    assert "portaal.example" in valid("receipt", body(receipt(busy, texts()), "json"))["next_step"]["nl"]
    assert "portaal.example" in Page(receipt(busy, texts())).text
    assert "gewone weg" not in Page(receipt(replace(busy, route=None), texts())).text


@pytest.mark.parametrize(
    ("consent", "said"), [(Consent.SILENCE, "dan stemt u toe"), (Consent.OPT_IN, "gebeurt dat niet")]
)
def test_the_terms_say_what_silence_means_and_how_to_accept(consent: Consent, said: str) -> None:
    round_ = replace(shipped().rounds["2017H2"], consent=consent)
    text = terms(round_, "VOORWAARDEN_2017H2.akkoord", texts()).decode("utf-8-sig")
    assert said in " ".join(text.split())
    assert text.count("VOORWAARDEN_2017H2.akkoord") == 2
    assert text.count("\n") == text.count("\r\n")
    assert max(map(len, text.splitlines())) <= 78


def test_the_page_for_people_starts_with_the_first_login() -> None:
    new = replace(README, verified=False, terms_accepted=False, terms_text="VOORWAARDEN_2017H2.txt")
    text = lines(new, "nl")
    assert text.index("VERIFICATIE_") < text.index("VOORWAARDEN_2017H2.txt") < text.index("In het kort")
    assert "VERIFICATIE_" not in lines(README, "nl")


def test_the_page_for_people_tells_extension_route_and_nothing_to_deliver() -> None:
    facts = replace(
        README, extensions=((Municipality("0363", "Amsterdam"), date(2018, 3, 14)),), route="portaal.example"
    )
    assert "Verlengd: Amsterdam kan aanleveren tot en met woensdag 14 maart 2018." in lines(facts, "nl")
    assert "portaal.example" in lines(facts, "en")
    assert "GEEN_WMO_0363_2017H2.txt" in lines(facts, "nl")
    assert "gewone weg" not in lines(README, "nl")


def test_the_status_tells_extension_withdrawal_and_nothing_to_deliver() -> None:
    items = (replace(STATUS.items[1], state="nothing"), replace(STATUS.items[0], withdrawn=True))
    facts = replace(STATUS, items=items, extended=True, withdrawal=Span(date(2018, 3, 12), date(2018, 3, 23)))
    document = valid("status", folder.status(facts, texts()))
    assert document["round"]["extended"] is True
    assert document["round"]["withdrawal"] == {"opens": "2018-03-12", "closes": "2018-03-23"}
    assert [(item["state"], item["withdrawn"]) for item in document["items"]] == [
        ("nothing", False),
        ("rejected", True),
    ]
