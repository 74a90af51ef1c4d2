"""The calendar: the days of the law, of every year, and the days by decree."""

from datetime import date, timedelta
from pathlib import Path

from gateway.config import load
from gateway.config.calendar import FIRST_YEAR, LAST_YEAR, work_calendar
from gateway.config.sections import Calendar
from gateway.domain.workdays import add_workdays
from tests.domain.termijnenwet import law


def test_every_day_of_the_law_in_every_year_and_no_other() -> None:
    closed = work_calendar(Calendar()).closed
    wanted = {day for year in range(FIRST_YEAR, LAST_YEAR + 1) for day in law(year)}
    assert set(closed) == wanted


def test_without_the_optional_category_only_lustrum_years_close_5_may() -> None:
    closed = work_calendar(Calendar(categories=("public",))).closed
    assert [day.year for day, name in closed.items() if "Bevrijdingsdag" in name] == [
        2015,
        2020,
        2025,
        2030,
        2035,
        2040,
    ]


def test_days_have_dutch_names() -> None:
    closed = work_calendar(Calendar()).closed
    assert closed[date(2018, 4, 27)] == "Koningsdag"
    assert closed[date(2025, 4, 26)] == "Koningsdag"
    assert closed[date(2018, 3, 30)] == "Goede vrijdag"
    assert closed[date(2016, 5, 5)] == "Bevrijdingsdag; Hemelvaartsdag"


def test_a_decree_closes_a_day_and_gives_another_version(config: Path) -> None:
    plain = load(config).calendar
    (config / "gateway.yaml").write_text("calendar: {extra_closed: {2018-05-11: Vrijdag na Hemelvaartsdag}}")
    calendar = load(config).calendar
    assert calendar.closed[date(2018, 5, 11)] == "Vrijdag na Hemelvaartsdag"
    assert calendar.version != plain.version
    assert calendar.version.startswith("NL-")
    assert len(calendar.version) == len("NL-") + 12
    assert plain.version == work_calendar(Calendar()).version


def test_the_pilot_terms_count_as_the_domain_says(config: Path) -> None:
    calendar = load(config).calendar
    for delivered, technical, quality in (
        (date(2018, 2, 12), date(2018, 2, 15), date(2018, 2, 19)),
        (date(2018, 3, 29), date(2018, 4, 5), date(2018, 4, 9)),
        (date(2018, 4, 26), date(2018, 5, 2), date(2018, 5, 4)),
        (date(2026, 5, 1), date(2026, 5, 7), date(2026, 5, 11)),
    ):
        assert add_workdays(delivered, 3, calendar) == technical
        assert add_workdays(technical, 2, calendar) == quality


def test_sundays_are_not_listed() -> None:
    closed = work_calendar(Calendar()).closed
    movable = [day for day, name in closed.items() if "paas" in name or "pinkster" in name]
    assert all(day.isoweekday() == 1 for day in movable)
    assert all((day - timedelta(days=1)).isoweekday() == 7 for day in movable)
