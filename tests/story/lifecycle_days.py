"""Days, terms and windows of the pilot, counted once more and in other words.

Does: tells local days, working days, due dates and mornings of 2018 from a table of that year.
Touches: nothing.
Does not: use the gateway's calendar, its configuration or its time zones: this is what they are held against.
"""

from datetime import UTC, date, datetime, timedelta

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
TICK = timedelta(milliseconds=1)
# Summer time of 2018, and the closed days of that year under the Algemene termijnenwet.
SUMMER = datetime(2018, 3, 25, 1, tzinfo=UTC), datetime(2018, 10, 28, 1, tzinfo=UTC)
SUMMER_NIGHTS = date(2018, 3, 26), date(2018, 10, 28)
CLOSED = {
    date(2018, 1, 1),
    date(2018, 3, 30),
    date(2018, 4, 2),
    date(2018, 4, 27),
    date(2018, 5, 5),
    date(2018, 5, 10),
    date(2018, 5, 21),
    date(2018, 12, 25),
    date(2018, 12, 26),
}
OPENS, CLOSES, TARGET = date(2018, 2, 12), date(2018, 3, 9), date(2018, 2, 23)
WITHDRAWAL = date(2018, 3, 12), date(2018, 3, 23)
# The year is not left: the table ends with it.
LAST = datetime(2018, 12, 1, tzinfo=UTC)


def wall(moment: datetime) -> datetime:
    """What a clock in Amsterdam shows, written as UTC."""
    return moment + (2 * HOUR if SUMMER[0] <= moment < SUMMER[1] else HOUR)


def day_of(moment: datetime) -> date:
    """The local day."""
    return wall(moment).date()


def start(day: date) -> datetime:
    """The first moment of a local day."""
    summer = SUMMER_NIGHTS[0] <= day <= SUMMER_NIGHTS[1]
    return datetime(day.year, day.month, day.day, tzinfo=UTC) - (2 * HOUR if summer else HOUR)


def end(day: date) -> datetime:
    """The last millisecond of a local day."""
    return start(day + DAY) - TICK


def eight(day: date) -> datetime:
    """Eight in the morning, when a day's mails go out."""
    summer = SUMMER_NIGHTS[0] - DAY <= day < SUMMER_NIGHTS[1]
    return datetime(day.year, day.month, day.day, 8, tzinfo=UTC) - (2 * HOUR if summer else HOUR)


def works(day: date) -> bool:
    """Whether it is a working day."""
    return day.weekday() < 5 and day not in CLOSED


def shifted(day: date, working_days: int) -> date:
    """So many working days later, or (negative) earlier."""
    step = DAY if working_days > 0 else -DAY
    left = abs(working_days)
    while left:
        day += step
        left -= works(day)
    return day


def due(moment: datetime, working_days: int) -> datetime:
    """The end of the local day so many working days after a moment."""
    return end(shifted(day_of(moment), working_days))
