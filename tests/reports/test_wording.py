"""Sentences: how places are filled, and that no text of this room is missing, lopsided or too long."""

from string import Formatter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.model import Desk, Param, phrase
from gateway.reports.names import OUTCOMES
from gateway.reports.wording import LANGUAGES, WRITINGS, Texts, refusal_line
from tests.reports.facts import texts

OWNED = ("refusals.", "reports.", "outcomes.", "folder.", "log.", "terms.")

REFUSALS: dict[str, dict[str, Param]] = {
    "WINDOW_NOT_OPEN": {"opens": "2018-02-12"},
    "WINDOW_CLOSED": {"closed": "2018-03-09"},
    "TERMS": {"file": "VOORWAARDEN_2017H2.akkoord"},
    "NOT_YOURS": {},
    "LEAD_ONLY": {"lead": "Samenwerking Noord"},
    "NO_ROLE": {},
    "NAME_CHARACTERS": {},
    "NAME_LENGTH": {"min": 4, "max": 255},
    "NAME_BSN": {},
    "TOO_LARGE": {"limit": 2_621_440},
    "EMPTY": {},
    "UNREADABLE": {},
    "INCOMPLETE_WRITE": {},
    "NOT_DURABLE": {},
    "READ_ONLY": {},
    "NO_READ_BACK": {},
    "NO_MKDIR": {},
    "NO_LINKS": {},
    "NO_RENAME": {},
    "NO_REMOVE": {},
    "NO_SUCH_FILE": {},
    "EXISTS": {},
    "TOO_MANY_HANDLES": {"max": 32},
    "TOO_MANY_LISTINGS": {"max": 8},
    "BUSY": {},
    "UNSUPPORTED": {},
    "NO_EXEC": {},
    "INTERNAL": {"id": "7f3a9c"},
    "WITHDRAWAL_NOT_OPEN": {"opens": "2018-03-12"},
    "WITHDRAWAL_CLOSED": {"closed": "2018-03-23"},
    "WITHDRAWAL_NAME": {"example": "WMO_2017H2.ingetrokken"},
    "WITHDRAWAL_REMOVE": {},
    "WITHDRAWAL_ROLE": {},
    "DELEGATED": {"lead": "Bloemendaal"},
    "NOTHING_NAME": {"example": "GEEN_WMO_0363_2017H2.txt"},
    "NOTHING_DELIVERED": {"version": 2},
    "NOT_VERIFIED": {},
    "WRONG_CODE": {},
    "ASSESSOR_NAME": {"example": "0161f9e0-4c7a-7b21-9d52-3f6c1a2b4d5e.pdf"},
    "ASSESSOR_UNKNOWN": {},
    "ASSESSOR_SUPERSEDED": {},
    "ASSESSOR_CONTENT": {"extension": "html"},
    "ASSESSOR_BSN": {},
    "ASSESSOR_EXISTS": {},
    "VERDICT_NAME": {"example": "180214-7f3a9c.json"},
    "VERDICT_UNKNOWN": {},
    "VERDICT_CONTENT": {},
    "VERDICT_NUMBER": {},
    "VERDICT_EXISTS": {},
}

SMALL = Texts(
    {
        "nl": {"a": "{x} en {d:until}", "n.one": "1 ding", "n.other": "{n} dingen", "k": "kolom"},
        "en": {"a": "{x} and {d:until}", "n.one": "1 thing", "n.other": "{n} things", "k": "column"},
    }
)


def places(sentence: str) -> set[tuple[str, str]]:
    return {(name, spec or "") for _, name, spec, _ in Formatter().parse(sentence) if name is not None}


def owned(language: str) -> dict[str, str]:
    return {key: text for key, text in texts().sentences[language].items() if key.startswith(OWNED)}


@pytest.mark.parametrize("code", ["NOT_DURABLE", "INTERNAL"])
def test_a_fault_of_ours_never_says_that_nothing_was_received(code: str) -> None:
    """After such an answer the file may have landed, and is received later."""
    said = {language: texts().say(language, f"refusals.{code}.help", **REFUSALS[code]) for language in LANGUAGES}
    said["nl"] += texts().say("nl", f"refusals.{code}.text", **REFUSALS[code])
    assert "niet ontvangen" not in said["nl"]
    assert "not received" not in said["en"]
    assert "ONTVANGEN) in outbox" in said["nl"]
    assert "wee keer sturen kan geen kwaad" in said["nl"]


def test_a_place_says_how_it_is_written() -> None:
    assert SMALL.say("nl", "a", x=1, d="2018-03-09") == "1 en vrijdag 9 maart 2018"
    assert SMALL.say("en", "a", x=1, d="2018-03-09T22:59:59.999+00:00") == "1 and Friday 9 March 2018"


def test_what_is_no_date_stands_as_it_came() -> None:
    assert SMALL.say("nl", "a", x="ja", d="morgen") == "ja en morgen"


def test_plurals_are_chosen_by_n() -> None:
    assert [SMALL.say("nl", "n", n=n) for n in (0, 1, 2)] == ["0 dingen", "1 ding", "2 dingen"]


def test_a_parameter_may_be_a_sentence_itself() -> None:
    assert SMALL.tell("en", phrase("a", x="@k", d="x")) == "column and x"


def test_a_stranger_cannot_break_a_report_with_an_at_sign() -> None:
    assert SMALL.tell("nl", phrase("a", x="@abc", d="@")) == "@abc en @"


def test_an_uncatalogued_sentence_is_an_error() -> None:
    with pytest.raises(KeyError):
        SMALL.say("nl", "unheard")
    with pytest.raises(KeyError):
        SMALL.say("nl", "a", x=1)


@given(st.text())
def test_no_value_brings_a_line_end_or_an_unseen_character(value: str) -> None:
    said = SMALL.say("nl", "a", x=value, d="x")
    assert len(said.splitlines()) == 1
    assert said.encode().decode().endswith(" en x")


@pytest.mark.parametrize("prefix", OWNED)
def test_both_languages_have_the_same_sentences_with_the_same_places(prefix: str) -> None:
    nl, en = owned("nl"), owned("en")
    assert {key for key in nl if key.startswith(prefix)} == {key for key in en if key.startswith(prefix)}
    assert {key: places(nl[key]) for key in nl} == {key: places(en[key]) for key in en}


def test_every_place_of_every_sentence_has_a_known_way_of_writing() -> None:
    specs = {
        spec for language in LANGUAGES for text in texts().sentences[language].values() for _, spec in places(text)
    }
    assert specs <= set(WRITINGS)


@pytest.mark.parametrize("code", REFUSALS)
def test_a_refusal_fits_in_a_status_line_and_ends_with_a_desk(code: str) -> None:
    line = refusal_line(texts(), code, REFUSALS[code])
    assert line.startswith(f"{code} ")
    assert 60 <= len(line) <= 180
    nl, en = line.split(" | ")
    assert nl.endswith("servicedesk IB.")
    assert en.endswith("IB desk.")


@pytest.mark.parametrize("code", REFUSALS)
def test_a_refusal_says_what_to_do_whom_to_ask_and_if_a_retry_helps(code: str) -> None:
    for language in LANGUAGES:
        assert len(texts().say(language, f"refusals.{code}.help", **REFUSALS[code])) > 30
        assert Desk(texts().say(language, f"refusals.{code}.desk")) in Desk
        assert texts().say(language, f"refusals.{code}.retry") in ("yes", "no")


def test_the_catalogue_has_no_other_refusals() -> None:
    assert {key.split(".")[1] for key in owned("nl") if key.startswith("refusals.")} == set(REFUSALS)


def test_every_outcome_has_its_words() -> None:
    for outcomes in OUTCOMES.values():
        for outcome in outcomes:
            assert texts().has(f"outcomes.{outcome}")
