"""Pages: self-contained, closed to strangers' text, and made for everybody."""

import base64
import hashlib
import re
from dataclasses import replace
from itertools import pairwise

import pytest

from gateway.domain.model import FileFacts, Municipality, Report, phrase
from gateway.reports import pages
from gateway.reports.quality import quality
from gateway.reports.receipt import receipt
from gateway.reports.technical import technical
from tests.reports.facts import ENVELOPE, RECEIPT, REFUSAL, approved, bsn_finding, code_finding, member, rejected, texts
from tests.reports.judge import Page, body, valid
from tests.reports.test_quality import CORRECTED

NASTY = [
    "<script>alert(1)</script>.csv",
    '"><img src=x onerror=alert(1)>.csv',
    "=cmd|' /C calc'!A0",
    "a\r\nSet-Cookie: x=y",
    "a\x00\x1b[2J\u202egpj.csv",
    "caf\udce9.csv",
    "{{ 7 * 7 }}{% raw %}.csv",
    "@reports.name.OB",
    "{file}{0.__class__}",
    "</style><script>alert(1)</script>",
]


def reports() -> dict[str, Report]:
    """A report of each sort."""
    practice = replace(ENVELOPE, trial=True, sandbox=True)
    return {
        "received": receipt(RECEIPT, texts()),
        "refused": receipt(replace(RECEIPT, outcome="GEWEIGERD", refusal=REFUSAL), texts()),
        "rejected": technical(rejected(), texts()),
        "approved": technical(approved(), texts()),
        "trial": technical(replace(rejected(), envelope=practice, outcome="PROEF-AFGEKEURD"), texts()),
        "quality": quality(CORRECTED, texts()),
    }


def attacked(name: str) -> list[Report]:
    """Reports in which a stranger chose every text that a stranger can choose."""
    envelope = replace(
        ENVELOPE,
        file=FileFacts(name, 5, "ab" * 32),
        municipality=Municipality("0363", name),
        submitted_by=name,
        round_name=name,
    )
    finding = replace(bsn_finding(1), member=name, column=name, found=phrase("findings.T05.text", value=name))
    other = replace(code_finding(1, name), member=name)
    facts = replace(
        rejected(finding, other), envelope=envelope, member=replace(member(finding, other), name=name + "x")
    )
    refused = replace(
        RECEIPT, envelope=envelope, outcome="GEWEIGERD", refusal=phrase("refusals.LEAD_ONLY.text", lead=name)
    )
    counted = replace(CORRECTED, envelope=envelope, member=name)
    made = receipt(replace(RECEIPT, envelope=envelope), texts()), receipt(refused, texts())
    return [*made, technical(facts, texts()), quality(counted, texts())]


def elements(made: Report) -> list[str]:
    """The tags of a page but for the places where a long name may be broken."""
    return [tag for tag in Page(made).tags if tag != "wbr"]


@pytest.mark.parametrize("name", NASTY)
def test_a_stranger_adds_no_element_and_no_attribute(name: str) -> None:
    for quiet, loud in zip(attacked("a.csv"), attacked(name), strict=True):
        assert elements(loud) == elements(quiet)
        assert [each[:2] for each in Page(loud).attributes] == [each[:2] for each in Page(quiet).attributes]
        assert Page(loud).style == Page(quiet).style


@pytest.mark.parametrize("name", NASTY)
def test_a_stranger_adds_no_line_and_no_control_character(name: str) -> None:
    for quiet, loud in zip(attacked("a.csv"), attacked(name), strict=True):
        for before, after in zip(quiet.files, loud.files, strict=True):
            assert after.body.count(b"\n") == before.body.count(b"\n")
            assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202e]", after.body.decode())


@pytest.mark.parametrize("name", NASTY)
def test_a_strangers_name_leaves_json_valid_and_cells_text(name: str) -> None:
    received, _, checked, _ = attacked(name)
    assert valid("receipt", body(received, "json"))["file"]["bytes"] == 5
    assert len(valid("technical", body(checked, "json"))["findings"]) == 2
    for line in body(checked, "csv").decode("utf-8-sig").splitlines():
        assert all(not cell.lstrip('"').startswith(("=", "+", "-", "@")) for cell in line.split(";"))


@pytest.mark.parametrize("made", reports().values(), ids=reports())
def test_a_page_needs_nothing_but_itself(made: Report) -> None:
    page = Page(made)
    assert not {"script", "link", "img", "iframe", "object", "form", "base"} & set(page.tags)
    assert not [name for _, name, _ in page.attributes if name.startswith("on") or name in ("src", "style")]
    targets = [value for _, name, value in page.attributes if name == "href"]
    siblings = {file.name for file in made.files}
    assert all(target.startswith(("#", "tel:", "mailto:")) or target in siblings for target in targets)
    assert "url(" not in page.style
    assert "@import" not in page.style


def test_codes_are_linked_to_their_pages_when_there_are_pages() -> None:
    facts = replace(rejected(), docs_url="https://docs.example/bevindingen/{code}.html")
    targets = [value for _, name, value in Page(technical(facts, texts())).attributes if name == "href"]
    linked = [target for target in targets if target.startswith("https:")]
    assert linked == [f"https://docs.example/bevindingen/{code}.html" for code in ("T01", "T04", "T05", "T09")]


@pytest.mark.parametrize("made", reports().values(), ids=reports())
def test_the_policy_allows_the_style_of_the_page_and_nothing_else(made: Report) -> None:
    page = Page(made)
    (policy,) = (value for value in page.values("content") if "default-src" in value)
    digest = base64.b64encode(hashlib.sha256(page.style.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


@pytest.mark.parametrize("made", reports().values(), ids=reports())
def test_a_page_is_built_for_everybody(made: Report) -> None:
    page = Page(made)
    assert ("html", "lang", "nl") in page.attributes
    assert page.tags.count("h1") == page.tags.count("main") == 1
    assert page.tags.count("title") == 1 + page.values("role").count("img")
    ids = page.values("id")
    assert len(ids) == len({*ids})
    assert {value[1:] for value in page.values("href") if value.startswith("#")} <= {*ids}
    assert {*" ".join(page.values("aria-labelledby")).split()} <= {*ids}
    assert page.tags.count("th") == sum(1 for tag, name, _ in page.attributes if (tag, name) == ("th", "scope"))
    levels = [int(tag[1]) for tag in page.tags if re.fullmatch("h[1-6]", tag)]
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert "initial-scale=1" in " ".join(page.values("content"))


def test_a_prepared_page_is_the_same_page() -> None:
    before = receipt(RECEIPT, texts())
    pages.prepare()
    assert receipt(RECEIPT, texts()) == before
