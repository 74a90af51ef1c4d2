"""The configured calendar against the law's own list.

Does: compares every day of 2017 to 2035, with the defaults and with a day equated by decree.
Touches: the shipped configuration, reading.
Does not: count terms (tests/domain/test_workdays).
"""

from datetime import date, timedelta

from gateway.config import load
from gateway.config.calendar import work_calendar
from gateway.config.sections import Calendar
from gateway.domain.workdays import is_workday, last_safe_day
from tests.domain.termijnenwet import law
from tests.layers.house import ROOT

FIRST, LAST = date(2017, 1, 1), date(2035, 12, 31)


def test_every_day_is_closed_by_configuration_when_it_is_by_law() -> None:
    calendar = load(ROOT / "config").calendar
    days = [FIRST + timedelta(days=i) for i in range((LAST - FIRST).days + 1)]
    by_law = [day for day in days if day.isoweekday() < 6 and day not in law(day.year)]
    assert [day for day in days if is_workday(day, calendar)] == by_law


def test_the_shipped_round_has_its_last_safe_day_on_1_march() -> None:
    configuration = load(ROOT / "config")
    assert last_safe_day(configuration.rounds["2017H2"], configuration.calendar) == date(2018, 3, 1)


def test_a_day_equated_by_decree_is_closed_and_makes_another_version() -> None:
    decreed = date(2018, 5, 11)
    plain = work_calendar(Calendar())
    changed = work_calendar(Calendar(extra_closed={decreed: "Dag na Hemelvaart"}))
    assert is_workday(decreed, plain)
    assert not is_workday(decreed, changed)
    assert changed.version != plain.version
