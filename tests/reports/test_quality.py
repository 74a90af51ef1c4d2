"""The op-orde report: its three forms, what it compares, and that no form tells a small count."""

import csv
import hashlib
import io
import re
from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from typing import Any

import pytest

from gateway.domain.comparison import Change, Seen, change
from gateway.domain.disclosure import Sight
from gateway.domain.figures import Figures
from gateway.domain.model import Report, Span
from gateway.reports.facts import Former, QualityFacts
from gateway.reports.quality import quality
from tests.domain.examining import examined, only
from tests.reports.facts import ENVELOPE, TIMES, texts
from tests.reports.judge import Page, body, valid
from tests.rules import rules
from tests.samples import BSNS, COST_HEADERS, WMO_HEADER, cost_rows, csv_bytes, wmo_rows

WITHDRAWAL = Span(date(2018, 3, 12), date(2018, 3, 23))


@cache
def wmo(rows: int, seed: int = 1, period: str = "2017H2") -> Figures:
    """Figures of a generated Wmo file."""
    name = f"WMO_0363_{period}.csv"
    found = only(examined(csv_bytes(WMO_HEADER, wmo_rows(rows, period=period, seed=seed)), name)).figures
    assert found is not None
    return found


@cache
def costs(kind: str, seed: int = 1, **cells: str) -> Figures:
    """Figures of a generated cost file; `cells` replaces the last column of rows by key."""
    rows = [[*row[:4], cells.get(f"k{row[2]}", row[4])] for row in cost_rows(kind, seed=seed)]
    found = only(examined(csv_bytes(COST_HEADERS[kind], rows), f"{kind}_0363_2017H2.csv")).figures
    assert found is not None
    return found


def facts(figures: Figures, kind: str = "WMO") -> QualityFacts:
    """The first version of an item."""
    return QualityFacts(
        envelope=ENVELOPE,
        kind=rules().kinds[kind],
        codelists=rules().codelists,
        period="2017H2",
        version=1,
        delivery_id="01619a9e-0000-7000-8000-000000000000",
        member=f"{kind}_0363_2017H2.csv",
        figures=figures,
        smallest=5,
        flag_percent=10,
        withdrawal=WITHDRAWAL,
    )


CORRECTED = replace(
    facts(wmo(900)),
    version=2,
    supersedes=1,
    former_version=Former(wmo(820, 2), "2017H2", 1),
    former_period=Former(wmo(880, 3, "2017H1"), "2017H1", 3),
)
CASES = {
    "first": facts(wmo(400)),
    "corrected": CORRECTED,
    "few records": facts(wmo(6)),
    "one record": facts(wmo(1)),
    "sandbox": replace(CORRECTED, envelope=replace(ENVELOPE, sandbox=True)),
    "costs": facts(costs("KOSTENWMO"), "KOSTENWMO"),
    "costs compared": replace(facts(costs("JEUGD"), "JEUGD"), former_version=Former(costs("JEUGD", 2), "2017H2", 1)),
    "costs not filled": facts(costs("SBW", **{"k6.1": "", "k6.2": ""}), "SBW"),
    "counted otherwise before": replace(CORRECTED, former_version=Former({"totals": {"records": 1}}, "2017H2", 1)),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_every_report_follows_the_schema(case: QualityFacts) -> None:
    made = quality(case, texts())
    document = valid("quality", body(made, "json"))
    assert document["outcome"] == "GEREED"
    assert all(len(figure["compared"]) == len(document["compared_with"]) for figure in document["figures"])
    assert [file.name for file in made.files] == [f"{made.stem}.{extension}" for extension in ("html", "csv", "json")]
    assert document["files"] == [
        {"name": file.name, "bytes": len(file.body), "sha256": hashlib.sha256(file.body).hexdigest()}
        for file in made.files[:-1]
    ]
    assert quality(case, texts()) == made


def test_the_name_of_a_report() -> None:
    assert quality(CORRECTED, texts()).stem == "OO_0363_2017H2_WMO_v002_180214-7f3a9c_GEREED"


def figures_of(made: Report) -> dict[tuple[str, str], dict[str, Any]]:
    """The figures of the JSON by section and key."""
    return {(each["section"], each["key"]): each for each in valid("quality", body(made, "json"))["figures"]}


def test_figures_compared_with_the_former_version_and_the_former_period() -> None:
    found = figures_of(quality(CORRECTED, texts()))
    version, period = found["totals", "records"]["compared"]
    assert (version["value"], version["change"], version["change_percent"], version["flagged"]) == (820, 80, 9.8, False)
    assert (period["value"], period["change"], period["change_percent"], period["flagged"]) == (880, 20, 2.3, False)


@pytest.mark.parametrize(
    ("before", "now", "percent", "flagged"),
    [
        (100, 110, 10.0, True),
        (100, 90, -10.0, True),
        (100, 109, 9.0, False),
        (1000, 901, -9.9, False),
        (0, 7, None, True),
        (7, 0, -100.0, True),
        (0, 0, None, False),
        (100, 100, 0.0, False),
    ],
)
def test_a_change_is_flagged_from_ten_percent_on(before: int, now: int, percent: float | None, flagged: bool) -> None:
    earlier, later = (Seen(Sight.SHOWN, n, n, n) for n in (before, now))
    assert change(earlier, later, 10) == Change(now - before, percent, flagged)


SMALL = Seen(Sight.SMALL, None, 1, 4)


@pytest.mark.parametrize(
    ("before", "now", "flagged"),
    [
        (SMALL, SMALL, False),
        (SMALL, Seen(Sight.SHOWN, 5, 5, 5), True),
        (Seen(Sight.SHOWN, 0, 0, 0), SMALL, True),
        (SMALL, Seen(Sight.SHOWN, 0, 0, 0), True),
        (Seen(Sight.HELD, None, 90, 101), Seen(Sight.SHOWN, 110, 110, 110), False),
        (Seen(Sight.HELD, None, 90, 100), Seen(Sight.SHOWN, 110, 110, 110), True),
        (Seen(Sight.WITHHELD, None, 0, None), Seen(Sight.SHOWN, 110, 110, 110), False),
        (Seen(Sight.SHOWN, 110, 110, 110), Seen(Sight.WITHHELD, None, 0, None), False),
    ],
)
def test_of_what_is_not_shown_no_change_is_told(before: Seen, now: Seen, flagged: bool) -> None:
    assert change(before, now, 10) == Change(None, None, flagged)


def test_a_page_names_the_large_differences_first() -> None:
    text = " ".join(Page(quality(CORRECTED, texts())).text.split())
    assert text.index("Kijk of deze cijfers kloppen") < text.index("Wat moet u doen?") < text.index("In één oogopslag")
    assert text.index("Grote verschillen") < text.index("Cliënten per groep") < text.index("Hoe is er geteld?")
    assert "Lever dan een verbeterd bestand aan" in text
    assert "vrijdag 9 maart 2018" in text
    assert "Van maandag 12 maart 2018 tot en met vrijdag 23 maart 2018 kunt u intrekken." in text
    assert text.index("CBS Monitor Sociaal Domein") < text.index("Servicedesk Inlichtingenbureau")


def test_a_closed_window_sends_to_the_desks() -> None:
    times = replace(TIMES, ready=TIMES.ready + timedelta(days=40))
    made = quality(replace(CORRECTED, envelope=replace(ENVELOPE, times=times)), texts())
    step = valid("quality", body(made, "json"))["next_step"]
    assert step["by"] is None
    assert "U kunt niet meer aanleveren" in step["nl"]
    assert "Overleg met CBS Monitor Sociaal Domein, 070 337 49 94" in step["nl"]
    assert "Lever dan" not in step["nl"]


def test_a_chart_is_described_and_has_a_table() -> None:
    page = Page(quality(CORRECTED, texts()))
    charts = page.tags.count("svg") - 1  # the sign of the verdict
    assert charts == 10
    assert page.tags.count("desc") == charts
    assert page.tags.count("title") == charts + 1
    assert page.tags.count("table") >= charts
    assert [value for tag, name, value in page.attributes if (tag, name) == ("svg", "role")] == ["img"] * charts
    assert "Staafdiagram van Cliënten per leveringsvorm. Het hoogst is" in page.text


def test_total_against_sum_is_said() -> None:
    right = Page(quality(facts(costs("KOSTENWMO"), "KOSTENWMO"), texts())).text
    assert "Begroot: het opgegeven totaal (58.791.241 euro) is gelijk aan de som van de andere regels." in right
    wrong = Page(quality(facts(costs("KOSTENWMO", kTT="1"), "KOSTENWMO"), texts())).text
    assert "(1 euro) is niet gelijk aan de som van de andere regels (116.467.846 euro)" in wrong


def test_the_table_opens_in_a_dutch_spreadsheet() -> None:
    table = body(quality(CORRECTED, texts()), "csv")
    rows = list(csv.reader(io.StringIO(table.decode("utf-8-sig"), newline=""), delimiter=";"))
    assert table.startswith(b"\xef\xbb\xbf")
    assert {len(row) for row in rows} == {20}
    assert rows[0][:7] == ["Onderdeel", "Code", "Wat", "Deze aanlevering", "Ten minste", "Ten hoogste", "Aandeel"]
    assert rows[1][:4] == ["Totaal", "records", "Records", "900"]
    assert rows[1][7:12] == ["820", "", "80", "9,8", ""]
    assert all(not cell.startswith(("=", "+", "@")) for row in rows for cell in row)
    assert all(re.fullmatch(r"-[0-9]+(,[0-9])?", cell) for row in rows for cell in row if cell.startswith("-"))


@pytest.mark.parametrize(
    "case", [facts(wmo(n)) for n in (3, 30, 200, 400)], ids=lambda case: str(case.figures["totals"])
)
def test_no_form_tells_a_small_count(case: QualityFacts) -> None:
    made = quality(case, texts())
    small = {
        (section, key)
        for section, values in case.figures.items()
        for key, value in values.items()
        if value is not None and 0 < value < case.smallest
    }
    shown = figures_of(made)
    told = [
        cell for cell in small & shown.keys() if shown[cell]["value"] is not None or shown[cell]["share"] is not None
    ]
    assert small
    assert told == []
    rows = list(csv.reader(io.StringIO(body(made, "csv").decode("utf-8-sig"), newline=""), delimiter=";"))
    assert [row[3] for row in rows[1:] if re.fullmatch("[1-4]", row[3])] == []
    cells = re.findall(r'<td class="n">([^<]*)</td>', body(made, "html").decode())
    assert [cell for cell in cells if re.fullmatch("[1-4]", cell)] == []
    drawn = re.findall(r"<text x=[^>]*>([^<]*)</text>", body(made, "html").decode())
    assert [cell for cell in drawn if re.fullmatch("[1-4]", cell)] == []


def test_a_setting_of_one_tells_everything() -> None:
    case = replace(facts(wmo(30)), smallest=1)
    assert {figure["sight"] for figure in figures_of(quality(case, texts())).values()} == {"shown"}


def test_no_number_of_a_person_is_in_any_form() -> None:
    told = b"".join(file.body for file in quality(CORRECTED, texts()).files).decode()
    assert [bsn for bsn in BSNS if bsn in told] == []


def test_a_code_that_was_not_asked_before_counts_as_nothing() -> None:
    before = {name: dict(values) for name, values in wmo(820, 2).items()}
    for section in ("type_clients", "type_arrangements"):
        before[section]["99"] = before[section].pop("18")
    made = quality(replace(CORRECTED, former_version=Former(before, "2017H2", 1)), texts())
    compared = figures_of(made)["type_clients", "18"]["compared"]
    assert compared[0]["value"] == 0
