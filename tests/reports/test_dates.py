"""Days, times and numbers as text."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.workdays import end_of_day, local_day
from gateway.reports import dates

SECONDS = st.floats(0, 600_000_000)
MOMENTS = SECONDS.map(lambda seconds: datetime(2016, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds))


def test_a_day_in_words() -> None:
    assert dates.day_text("nl", date(2018, 3, 1)) == "donderdag 1 maart 2018"
    assert dates.day_text("en", date(2018, 3, 1)) == "Thursday 1 March 2018"


def test_a_moment_is_told_in_amsterdam() -> None:
    moment = datetime(2018, 3, 1, 16, 0, tzinfo=UTC)
    assert dates.moment_text("nl", moment) == "donderdag 1 maart 2018, 17:00 uur"
    assert dates.moment_text("en", moment) == "Thursday 1 March 2018, 17:00"
    assert dates.iso(moment) == "2018-03-01T17:00:00+01:00"


def test_summer_time_has_another_offset() -> None:
    assert dates.iso(datetime(2018, 7, 1, 12, 0, tzinfo=UTC)) == "2018-07-01T14:00:00+02:00"


def test_a_moment_without_a_zone_is_an_error() -> None:
    with pytest.raises(ValueError, match="time zone"):
        dates.iso(datetime(2018, 3, 1, 16, 0, tzinfo=UTC).replace(tzinfo=None))


def test_a_due_time_within_a_day_keeps_its_time() -> None:
    assert dates.until_text("nl", datetime(2018, 3, 1, 11, 0, tzinfo=UTC)) == "donderdag 1 maart 2018, 12:00 uur"


@given(MOMENTS)
def test_the_end_of_a_day_is_told_as_that_day(moment: datetime) -> None:
    day = local_day(moment)
    assert dates.until_text("nl", end_of_day(day)) == dates.day_text("nl", day)


@given(MOMENTS)
def test_iso_text_is_the_same_moment_to_the_second(moment: datetime) -> None:
    text = dates.iso(moment)
    assert text is not None
    assert timedelta(0) <= moment - datetime.fromisoformat(text) < timedelta(seconds=1)


def test_numbers_have_the_marks_of_the_language() -> None:
    assert dates.number_text("nl", 2_621_440) == "2.621.440"
    assert dates.number_text("en", 2_621_440) == "2,621,440"
