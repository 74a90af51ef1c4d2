"""The mail: what it says, in which order, and what can never be in it."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.model import Municipality, Param, phrase
from gateway.reports.facts import MailFacts
from gateway.reports.mail import mail
from gateway.reports.wording import LANGUAGES
from tests.reports.facts import DESKS, texts

AMSTERDAM, ZANDVOORT = Municipality("0363", "Amsterdam"), Municipality("0473", "Zandvoort")
PARAMS: dict[str, Param] = {
    "id": "180214-7f3a9c",
    "by": "2018-02-15T22:59:59.999+00:00",
    "closes": "2018-03-09T22:59:59.999+00:00",
}
FACTS = MailFacts(
    occasion="technical",
    to="Anna de Vries",
    municipalities=(AMSTERDAM,),
    says=("ready", "fetch", "closes"),
    params=PARAMS,
    items=(),
    desk=DESKS[next(iter(DESKS))],
)
EVERYTHING: dict[str, Param] = {
    **PARAMS,
    "round": "GMSD-pilot",
    "periods": "2017H2",
    "also": "2017H1",
    "target": "2018-02-23",
    "safe": "2018-03-01",
    "first": "2018-03-12",
    "last": "2018-03-23",
    "lead": "Bloemendaal",
    "due": "2018-02-15T22:59:59.999+00:00",
    "until": "2018-03-14",
    "day": "2018-02-14",
    "opens": "2018-02-12",
    "since": "2018-02-13T07:00:00+00:00",
    "nothing": "GEEN_WMO_0363_2017H2.txt",
    "login": "anna.0363",
    "signature": "Own.Test-1",
    "reason": "3 failed examinations",
    "key": "SHA256:7n0XSOSTCTkTzIstEyXiOz1eG9wPB30QF5mWMU4QCvY",
}


def occasions() -> dict[str, tuple[str, ...]]:
    """Every occasion of the catalogue with all of its sentences."""
    found: dict[str, list[str]] = {}
    for key in texts().sentences["nl"]:
        parts = key.split(".")
        if parts[0] == "mails" and len(parts) == 3 and parts[1] not in ("frame", "item", "term", "count"):
            found.setdefault(parts[1], []).append(parts[2])
    return {name: tuple(says) for name, says in found.items()}


class Text(HTMLParser):
    """The text of a page, and what it loads or links to."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text = ""
        self.outside: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.outside += [value or "" for name, value in attrs if name in ("src", "href", "background", "action")]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_it_says_that_something_is_ready_by_when_and_whom_to_ask() -> None:
    made = mail(FACTS, texts())
    flat = " ".join(made.text.split())
    assert made.subject == "Technisch rapport klaar voor Amsterdam (0363)"
    assert "Dag Anna de Vries," in made.text
    assert "aanlevering 180214-7f3a9c van Amsterdam (0363) staat klaar" in flat
    assert "uiterlijk donderdag 15 februari 2018" in flat
    assert "0800 222 11 22" in flat
    assert flat.index("Dag Anna") < flat.index("Hello Anna")
    assert "Please fetch it by Thursday 15 February 2018." in flat
    assert flat.startswith("English below.")


def test_english_comes_first_where_that_is_the_language() -> None:
    made = mail(replace(FACTS, primary="en"), texts())
    assert made.subject == "Technical report ready for Amsterdam (0363)"
    assert made.text.index("Hello Anna") < made.text.index("Dag Anna")
    assert made.text.startswith("Nederlands hieronder.")
    assert '<html lang="en">' in made.html


def test_the_html_says_what_the_text_says_and_loads_nothing() -> None:
    facts = replace(FACTS, sandbox=True, route="het portaal")
    made = mail(facts, texts())
    page = Text(made.html)
    said = set(re.findall(r"\w+", made.text))
    assert said <= set(re.findall(r"\w+", page.text))
    assert page.outside == []
    assert "<script" not in made.html


@pytest.mark.parametrize("occasion", occasions())
def test_every_occasion_can_be_said_in_both_languages(occasion: str) -> None:
    for primary in LANGUAGES:
        facts = replace(FACTS, occasion=occasion, says=occasions()[occasion], params=EVERYTHING, primary=primary)
        made = mail(facts, texts())
        assert len(made.subject) < 120
        assert "\n" not in made.subject
        assert max(map(len, made.text.splitlines())) <= 90


def test_a_sandbox_says_so_in_subject_and_body() -> None:
    made = mail(replace(FACTS, sandbox=True), texts())
    assert made.subject.startswith("SANDBOX: ")
    assert "oefenomgeving" in made.text
    assert "SANDBOX" not in mail(FACTS, texts()).text


def test_several_municipalities_are_counted_and_then_named() -> None:
    made = mail(replace(FACTS, municipalities=(AMSTERDAM, ZANDVOORT)), texts())
    assert made.subject == "Technisch rapport klaar voor 2 gemeenten"
    assert "Amsterdam (0363), Zandvoort (0473)" in " ".join(made.text.split())


def test_a_list_stands_under_the_sentence_that_introduces_it() -> None:
    items = (
        phrase("mails.item.missing", name="Amsterdam", code="0363", items="WMO 2017H2"),
        phrase("mails.item.deadline", name="Zandvoort", code="0473", term="@mails.term.technical", **PARAMS, due="x"),
    )
    facts = replace(FACTS, occasion="reminder_target", says=("missing", "closes"), params=EVERYTHING, items=items)
    text = mail(facts, texts()).text
    assert (
        text.index("Dit ontbreekt nog:") < text.index("- Amsterdam (0363): WMO 2017H2") < text.index("Aanleveren kan")
    )
    assert "- Zandvoort (0473): technisch rapport" in text
    assert "- Zandvoort (0473): technical report" in text


def test_the_desk_gets_no_salutation_by_name_and_no_desk_to_ask() -> None:
    text = mail(replace(FACTS, to=""), texts()).text
    assert "Dag collega," in text
    assert "0800 222 11 22" not in text


def test_the_regular_route_is_named_when_there_is_one() -> None:
    assert "langs de gewone weg: het portaal." in " ".join(
        mail(replace(FACTS, route="het portaal"), texts()).text.split()
    )
    assert "gewone weg" not in mail(FACTS, texts()).text


HOSTILE = ("WMO_999990019.csv", "x\r\nBcc: spy@evil.example", "<script>alert(1)</script>", "\u202egpj", "{name}")


@pytest.mark.parametrize("hostile", HOSTILE)
def test_what_fills_a_mail_brings_no_number_no_line_and_no_markup(hostile: str) -> None:
    place = Municipality("0363", hostile)
    items = (phrase("mails.item.missing", name=hostile, code="0363", items=hostile),)
    made = mail(
        replace(FACTS, to=hostile, municipalities=(place,), params={**PARAMS, "id": hostile}, items=items), texts()
    )
    whole = made.subject + made.text + made.html
    assert "999990019" not in whole
    assert "\nBcc:" not in whole
    assert "\r" not in whole
    assert "<script>" not in made.html
    assert "\u202e" not in whole


@given(st.text(max_size=60))
def test_a_subject_is_one_line_whatever_a_name_holds(name: str) -> None:
    made = mail(replace(FACTS, municipalities=(Municipality("0363", name),)), texts())
    assert len(made.subject.splitlines()) == 1
    assert not any(ord(character) < 32 or ord(character) == 127 for character in made.subject)


def test_a_sentence_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(KeyError):
        mail(replace(FACTS, says=("unheard",)), texts())
    with pytest.raises(KeyError):
        mail(replace(FACTS, params={}), texts())


def test_the_same_facts_give_the_same_mail() -> None:
    assert mail(FACTS, texts()) == mail(replace(FACTS), texts())
