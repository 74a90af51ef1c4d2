"""The pages of the finding codes: one each, complete, and the published ones are these."""

import re
from pathlib import Path

import pytest

from gateway.config.sections import Desks
from gateway.config.texts import load_texts
from gateway.reports.explained import codes, pages
from tests.samples import BSNS

PUBLISHED = Path(__file__).resolve().parents[2] / "docs" / "bevindingen"
CATALOGUE = load_texts()
MADE = pages(CATALOGUE, Desks().by_desk())


def test_the_published_pages_are_made_from_the_catalogue() -> None:
    published = {path.name: path.read_text(encoding="utf-8") for path in PUBLISHED.iterdir()}
    assert published == dict(MADE), "run scripts/pages"


def test_every_code_of_the_domain_has_a_page_and_no_other() -> None:
    source = Path(__file__).resolve().parents[2] / "gateway" / "domain"
    used = {code for path in source.rglob("*.py") for code in re.findall(r"\b([FRW][0-9]{2})\b", path.read_text())}
    assert set(codes(CATALOGUE)) == used
    assert set(MADE) == {"README.md", *(f"{code}.md" for code in used)}
    assert all(f"[{code}]({code}.md)" in MADE["README.md"] for code in used)


@pytest.mark.parametrize("code", codes(CATALOGUE))
def test_a_page_answers_in_dutch_then_in_english(code: str) -> None:
    page = MADE[f"{code}.md"]
    parts = re.findall(r"(?m)^#+ (.*)$", page)
    assert parts[0].startswith(f"{code}: ")
    dutch = ["Wat betekent dit?", "Voorbeeld", "Wat moet u doen?", "Wie kunt u iets vragen?"]
    english = ["What does this mean?", "Example", "What should you do?", "Whom can you ask?"]
    assert [part for part in parts if part in (*dutch, *english)] == [*dutch, *english]
    assert page.count("- Fout: `") == page.count("- Goed: `") == page.count("- Right: `") == 1
    assert "{" not in page
    numbers = set(re.findall(r"(?<![0-9])[0-9]{9}(?![0-9])", page))
    assert all(number.startswith("99999") for number in numbers)
    assert code != "R04" or numbers - set(BSNS) == {"999990008"}
