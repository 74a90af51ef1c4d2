"""Working days against the law's own list, counted another way.

Does: the vectors of the pilot, an oracle that knows Easter by Meeus and counts through a list, properties, both clock
changes.
Touches: nothing.
Does not: use the package `holidays`; that the configured calendar agrees is tested in tests/config.
"""

from bisect import bisect_right
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.model import DeliveryRound, ReportingPeriod, ServiceLevels, Span
from gateway.domain.workdays import (
    DaySort,
    WorkCalendar,
    add_workdays,
    due,
    end_of_day,
    explain,
    is_open,
    is_workday,
    last_safe_day,
    local_day,
    start_of_day,
    window,
    workdays_between,
)
from tests.domain.termijnenwet import easter, law

FIRST, LAST = 2017, 2035
CALENDAR = WorkCalendar(
    "test", {day: name for year in range(FIRST, LAST + 1) for day, name in law(year).items()}, FIRST, LAST
)
EVERY_DAY = [date(FIRST, 1, 1) + timedelta(days=i) for i in range((date(LAST, 12, 31) - date(FIRST, 1, 1)).days + 1)]
WORKDAYS = [day for day in EVERY_DAY if day.isoweekday() not in (6, 7) and day not in law(day.year)]

PILOT = DeliveryRound(
    id="2017H2",
    name="Pilot",
    periods=(ReportingPeriod("2017H2", date(2017, 7, 1), date(2017, 12, 31)),),
    kinds=("WMO",),
    delivery=Span(date(2018, 2, 12), date(2018, 3, 9)),
    target=date(2018, 2, 23),
    withdrawal=Span(date(2018, 3, 12), date(2018, 3, 23)),
)

days = st.dates(date(FIRST, 1, 1), date(LAST, 11, 1))
terms = st.integers(0, 15)
moments = st.integers(0, 18 * 365 * 86_400_000).map(
    lambda ms: datetime(FIRST, 1, 2, tzinfo=UTC) + timedelta(milliseconds=ms)
)


def at(day: date, hour: int, minute: int = 0) -> datetime:
    """A moment in UTC on a date."""
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC)


# --- vectors ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("delivered", "technical", "quality"),
    [
        (date(2018, 2, 12), date(2018, 2, 15), date(2018, 2, 19)),
        (date(2018, 2, 23), date(2018, 2, 28), date(2018, 3, 2)),
        (date(2018, 3, 1), date(2018, 3, 6), date(2018, 3, 8)),
        (date(2018, 3, 9), date(2018, 3, 14), date(2018, 3, 16)),
        (date(2018, 3, 29), date(2018, 4, 5), date(2018, 4, 9)),
        (date(2018, 4, 26), date(2018, 5, 2), date(2018, 5, 4)),
        (date(2026, 5, 1), date(2026, 5, 7), date(2026, 5, 11)),
    ],
)
def test_deadlines_of_the_pilot_and_beyond(delivered: date, technical: date, quality: date) -> None:
    assert add_workdays(delivered, 3, CALENDAR) == technical
    assert add_workdays(technical, 2, CALENDAR) == quality
    told = explain(delivered, PILOT, CALENDAR)
    assert (told.technical.ends, told.quality.ends) == (technical, quality)
    assert told.technical.due == due(at(delivered, 10), 3, CALENDAR)
    assert told.quality.due == end_of_day(quality)


@pytest.mark.parametrize(
    ("year", "day"),
    [
        (2017, date(2017, 4, 16)),
        (2018, date(2018, 4, 1)),
        (2019, date(2019, 4, 21)),
        (2024, date(2024, 3, 31)),
        (2026, date(2026, 4, 5)),
        (2035, date(2035, 3, 25)),
    ],
)
def test_the_oracle_knows_easter(year: int, day: date) -> None:
    assert easter(year) == day


def test_kings_day_moves_to_saturday_when_the_27th_is_a_sunday() -> None:
    assert date(2025, 4, 26) in law(2025)
    assert date(2025, 4, 27) not in law(2025)
    assert is_workday(date(2025, 4, 28), CALENDAR)


# --- the oracle ---------------------------------------------------------------------------------------------


def test_every_day_agrees_with_the_oracle() -> None:
    assert [day for day in EVERY_DAY if is_workday(day, CALENDAR)] == WORKDAYS


@pytest.mark.parametrize("n", [1, 2, 3, 5, 10])
def test_every_term_agrees_with_the_oracle(n: int) -> None:
    for day in EVERY_DAY:
        place = bisect_right(WORKDAYS, day) + n - 1
        if place < len(WORKDAYS):
            assert add_workdays(day, n, CALENDAR) == WORKDAYS[place], day


# --- properties ---------------------------------------------------------------------------------------------


@given(days, terms, terms)
def test_terms_add_up(day: date, m: int, n: int) -> None:
    assert add_workdays(add_workdays(day, m, CALENDAR), n, CALENDAR) == add_workdays(day, m + n, CALENDAR)


@given(days, days, terms)
def test_who_delivers_earlier_is_never_due_later(one: date, other: date, n: int) -> None:
    early, late = sorted((one, other))
    assert add_workdays(early, n, CALENDAR) <= add_workdays(late, n, CALENDAR)


@given(days, terms.filter(bool))
def test_a_term_ends_on_a_working_day_and_holds_just_as_many(day: date, n: int) -> None:
    ends = add_workdays(day, n, CALENDAR)
    assert is_workday(ends, CALENDAR)
    assert workdays_between(day, ends, CALENDAR) == n


@given(moments, terms)
def test_due_is_the_last_millisecond_of_a_local_day(moment: datetime, n: int) -> None:
    owed = due(moment, n, CALENDAR)
    assert local_day(owed) == add_workdays(local_day(moment), n, CALENDAR)
    assert local_day(owed + timedelta(milliseconds=1)) == local_day(owed) + timedelta(days=1)
    assert owed > moment - timedelta(milliseconds=1)
    assert owed.tzinfo is UTC


@given(moments)
def test_every_moment_lies_inside_its_local_day(moment: datetime) -> None:
    day = local_day(moment)
    assert start_of_day(day) <= moment < end_of_day(day) + timedelta(milliseconds=1)
    assert local_day(moment.astimezone(timezone(timedelta(hours=-9)))) == day


@given(days)
def test_days_meet_without_gap_or_overlap(day: date) -> None:
    assert end_of_day(day) + timedelta(milliseconds=1) == start_of_day(day + timedelta(days=1))


@given(days, st.integers(0, 60), st.integers(0, 5), st.integers(0, 5))
def test_the_last_safe_day_is_safe_and_the_next_is_not(opens: date, length: int, technical: int, quality: int) -> None:
    asked = DeliveryRound(
        "r",
        "r",
        (),
        (),
        Span(opens, min(opens + timedelta(days=length), date(LAST, 12, 1))),
        service=ServiceLevels(technical, quality),
    )
    safe = last_safe_day(asked, CALENDAR)
    inside = [day for day in EVERY_DAY if asked.delivery.opens <= day <= asked.delivery.closes]
    spare = {
        day: workdays_between(
            add_workdays(add_workdays(day, technical, CALENDAR), quality, CALENDAR), asked.delivery.closes, CALENDAR
        )
        for day in inside
    }
    assert safe == max((day for day in inside if spare[day] >= 1), default=None)


# --- the clock changes --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("day", "hours"), [(date(2018, 3, 25), 23), (date(2018, 10, 28), 25), (date(2018, 6, 1), 24)])
def test_a_day_lasts_as_long_as_it_does(day: date, hours: int) -> None:
    assert end_of_day(day) - start_of_day(day) == timedelta(hours=hours) - timedelta(milliseconds=1)


def test_around_midnight_the_local_day_rules() -> None:
    assert local_day(datetime(2018, 3, 8, 22, 59, 59, tzinfo=UTC)) == date(2018, 3, 8)
    assert local_day(datetime(2018, 3, 8, 23, 0, tzinfo=UTC)) == date(2018, 3, 9)
    assert local_day(datetime(2018, 7, 1, 22, 0, tzinfo=UTC)) == date(2018, 7, 2)


def test_a_term_over_the_clock_change_still_ends_at_local_midnight() -> None:
    assert due(at(date(2018, 3, 23), 9), 1, CALENDAR) == datetime(2018, 3, 26, 21, 59, 59, 999000, tzinfo=UTC)
    assert due(at(date(2018, 10, 26), 9), 1, CALENDAR) == datetime(2018, 10, 29, 22, 59, 59, 999000, tzinfo=UTC)


# --- the window ---------------------------------------------------------------------------------------------


def test_the_window_is_open_from_midnight_until_the_end_of_the_last_day() -> None:
    opening = window(PILOT.delivery)
    assert opening.opens == datetime(2018, 2, 11, 23, 0, tzinfo=UTC)
    assert opening.closes == datetime(2018, 3, 9, 22, 59, 59, 999000, tzinfo=UTC)
    assert not is_open(opening, opening.opens - timedelta(microseconds=1))
    assert is_open(opening, opening.opens)
    assert is_open(opening, opening.closes + timedelta(microseconds=999))
    assert not is_open(opening, opening.closes + timedelta(milliseconds=1))


def test_an_upload_opened_in_time_may_end_within_the_grace() -> None:
    opening = window(PILOT.delivery)
    midnight = opening.closes + timedelta(milliseconds=1)
    started = opening.closes - timedelta(seconds=30)
    soon, later = midnight + timedelta(minutes=14, seconds=59), midnight + timedelta(minutes=15)
    assert is_open(opening, soon, started=started, grace_minutes=15)
    assert not is_open(opening, later, started=started, grace_minutes=15)
    assert not is_open(opening, soon, started=started)
    assert not is_open(opening, soon, started=midnight, grace_minutes=15)
    assert not is_open(opening, soon, grace_minutes=15)
    assert not is_open(opening, soon, started=opening.opens - timedelta(seconds=1), grace_minutes=15)


@given(moments, moments, st.integers(0, 60))
def test_grace_only_ever_adds(now: datetime, started: datetime, grace: int) -> None:
    opening = window(PILOT.delivery)
    if is_open(opening, now):
        assert is_open(opening, now, started=started, grace_minutes=grace)
    if is_open(opening, now, started=started, grace_minutes=grace) and not is_open(opening, now):
        assert is_open(opening, started)


# --- the last safe day --------------------------------------------------------------------------------------


def test_the_last_safe_day_of_the_pilot_is_thursday_1_march() -> None:
    assert last_safe_day(PILOT, CALENDAR) == date(2018, 3, 1)
    assert explain(date(2018, 3, 1), PILOT, CALENDAR).days_left == 1
    assert explain(date(2018, 3, 2), PILOT, CALENDAR).days_left == 0
    assert explain(date(2018, 3, 9), PILOT, CALENDAR).days_left == 0


def test_a_window_of_a_week_has_no_safe_day() -> None:
    short = DeliveryRound("r", "r", (), (), Span(date(2018, 2, 12), date(2018, 2, 16)))
    assert last_safe_day(short, CALENDAR) is None


# --- the explanation ----------------------------------------------------------------------------------------


def test_the_explanation_names_every_day_it_skips() -> None:
    told = explain(date(2018, 3, 29), PILOT, CALENDAR)
    assert not told.in_window
    assert [(step.day.day, step.sort, step.number) for step in told.technical.steps] == [
        (30, DaySort.CLOSED, None),
        (31, DaySort.WEEKEND, None),
        (1, DaySort.WEEKEND, None),
        (2, DaySort.CLOSED, None),
        (3, DaySort.WORKDAY, 1),
        (4, DaySort.WORKDAY, 2),
        (5, DaySort.WORKDAY, 3),
    ]
    assert [step.name for step in told.technical.steps if step.sort is DaySort.CLOSED] == [
        "Goede Vrijdag",
        "Tweede paasdag",
    ]
    assert told.calendar_version == "test"


# --- what is refused ----------------------------------------------------------------------------------------


def test_years_that_the_calendar_does_not_know_are_an_error() -> None:
    with pytest.raises(ValueError, match="outside the calendar test"):
        is_workday(date(FIRST - 1, 12, 31), CALENDAR)
    with pytest.raises(ValueError, match="outside the calendar test"):
        add_workdays(date(LAST, 12, 31), 1, CALENDAR)
    with pytest.raises(ValueError, match="outside the calendar test"):
        add_workdays(date(LAST + 1, 1, 1), 0, CALENDAR)


def test_a_naive_moment_and_a_negative_term_are_errors() -> None:
    with pytest.raises(ValueError, match="time zone"):
        local_day(at(date(2018, 2, 12), 9).replace(tzinfo=None))
    with pytest.raises(ValueError, match="backwards"):
        add_workdays(date(2018, 2, 12), -1, CALENDAR)
