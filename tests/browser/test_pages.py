"""The pages of reports in a real browser: for everybody, on the first screen, by keyboard, at 200 %, on paper.

Does: opens a page of each sort in headless Chromium, runs axe-core on it, and measures what a reader sees.
Touches: a Chromium; a temporary folder.
Does not: compare pictures.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.chromium import Browser, Tab, needed
from tests.browser.pages import reports, technical_reports

pytestmark = pytest.mark.browser
# A laptop's screen, less the bars of its browser.
WIDTH, HEIGHT = 1280, 720


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One browser for all pages."""
    assert needed() == [], "the tests of pages need these; .ci/run installs them"
    with Browser(tmp_path_factory.mktemp("profile")) as running:
        yield running


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every page as a file."""
    place = tmp_path_factory.mktemp("pages")
    for name, report in reports().items():
        (place / f"{name}.html").write_bytes(report.files[0].body)
    return place


@pytest.mark.parametrize("name", reports())
def test_axe_has_nothing_against_it_and_it_fits_at_twice_the_size(browser: Browser, folder: Path, name: str) -> None:
    with Tab(browser, folder / f"{name}.html", WIDTH, HEIGHT) as tab:
        assert tab.violations() == []
    with Tab(browser, folder / f"{name}.html", WIDTH, HEIGHT, zoom=2) as tab:
        assert tab.violations() == []
        wide = tab.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, "nothing is cut off or scrolls sideways but tables in their own box"


@pytest.mark.parametrize("name", technical_reports())
def test_the_first_screen_answers(browser: Browser, folder: Path, name: str) -> None:
    """Is it approved, what is wrong most and where, what do I do, by when, whom to ask."""
    with Tab(browser, folder / f"{name}.html", WIDTH, HEIGHT) as tab:
        low = tab.evaluate(
            "['h1', '.verdict p', '.verdict a', '#do ~ p', '#when ~ *', '#ask ~ dl dd a'].map(what =>"
            " [what, Math.max(...[...document.querySelectorAll(what)].map(e => e.getBoundingClientRect().bottom))])"
        )
        has_findings = tab.evaluate("document.querySelector('.cause') !== null")
    below = {what: bottom for what, bottom in low if bottom is not None}
    assert {what: bottom for what, bottom in below.items() if bottom > HEIGHT} == {}
    assert ("approved" in name and not has_findings) or below[".verdict a"] > 0


@pytest.mark.parametrize("name", ["ten-findings", "approved", "received"])
def test_all_that_can_be_used_is_reached_by_keyboard_and_seen(browser: Browser, folder: Path, name: str) -> None:
    with Tab(browser, folder / f"{name}.html", WIDTH, HEIGHT) as tab:
        usable = tab.evaluate("document.querySelectorAll('a[href], [tabindex=\"0\"]').length")
        seen = []
        for _ in range(usable):
            tab.press("Tab")
            seen.append(
                tab.evaluate(
                    "(e => [[...document.querySelectorAll('a[href], [tabindex=\"0\"]')].indexOf(e),"
                    " parseFloat(getComputedStyle(e).outlineWidth) >= 2])(document.activeElement)"
                )
            )
    assert seen == [[place, True] for place in range(usable)]


def test_a_cause_is_reached_from_the_verdict(browser: Browser, folder: Path) -> None:
    with Tab(browser, folder / "ten-findings.html", WIDTH, HEIGHT) as tab:
        tab.press("Tab")
        tab.press("Enter")
        assert tab.evaluate("location.hash") == "#b1"
        assert 0 <= tab.evaluate("document.querySelector('#b1').getBoundingClientRect().top") < HEIGHT


@pytest.mark.parametrize(("name", "most"), [("approved", 2), ("ten-findings", 9), ("thousands-of-findings", 9)])
def test_it_prints_on_few_pages(browser: Browser, folder: Path, name: str, most: int) -> None:
    with Tab(browser, folder / f"{name}.html") as tab:
        paper = tab.printed()
    assert paper.startswith(b"%PDF-")
    assert 1 <= paper.count(b"/Type /Page\n") <= most


def test_a_page_runs_nothing_of_a_stranger(browser: Browser, folder: Path, tmp_path: Path) -> None:
    page = (folder / "approved.html").read_text()
    attacked = tmp_path / "attacked.html"
    attacked.write_text(page.replace("<main>", "<main><script>document.title='run'</script><img src=x onerror='x()'>"))
    with Tab(browser, attacked) as tab:
        assert tab.evaluate("document.title") != "run"
