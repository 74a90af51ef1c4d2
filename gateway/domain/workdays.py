"""Working days, windows and due dates.

Does: from a moment to a local day, from a local day to the moment it ends, n working days further, the last safe day.
Touches: nothing; the holidays come in as values from `config`.
Does not: know which country or which round.

Source of the counting: Algemene termijnenwet, art. 1 and 3. The first working day after the event counts as 1; the
term runs until the end of the local day.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from gateway.domain.model import DeliveryRound, Span

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
DAY = timedelta(days=1)
MILLISECOND = timedelta(milliseconds=1)
SATURDAY = 5


@dataclass(frozen=True, slots=True)
class WorkCalendar:
    """Closed days by local day with the name of the day, and the version that a due date is stamped with."""

    version: str
    closed: Mapping[date, str] = field(default_factory=dict)
    first_year: int = 2015
    last_year: int = 2040


@dataclass(frozen=True, slots=True)
class Window:
    """A Span as moments: the first millisecond that is inside, and the last."""

    opens: datetime
    closes: datetime


class DaySort(StrEnum):
    """Why a day counts or not."""

    WORKDAY = "workday"
    WEEKEND = "weekend"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Step:
    """One day in a count. `number` is its place among the working days, None when skipped; `name` that of a holiday."""

    day: date
    sort: DaySort
    number: int | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class Count:
    """A term laid out: every day looked at, from the one after the event to the one on which the term ends."""

    since: date
    working_days: int
    steps: tuple[Step, ...]
    ends: date
    due: datetime


@dataclass(frozen=True, slots=True)
class Explanation:
    """How the due dates of a drop on `delivered` come about. `correct_by` is the last day to deliver again and
    `days_left` the working days after the op-orde term, up to and with that day; 0 means too late to be safe."""

    delivered: date
    in_window: bool
    technical: Count
    quality: Count
    correct_by: date
    days_left: int
    last_safe_day: date | None
    calendar_version: str


def local_day(moment: datetime) -> date:
    """The day that a calendar on a wall in Amsterdam shows at an aware moment; ValueError for a naive one."""
    if moment.tzinfo is None:
        raise ValueError("a moment needs a time zone")
    return moment.astimezone(AMSTERDAM).date()


def start_of_day(day: date) -> datetime:
    """The first moment of a local day, in UTC."""
    return datetime.combine(day, time.min, AMSTERDAM).astimezone(UTC)


def end_of_day(day: date) -> datetime:
    """The last millisecond of a local day, in UTC. The day may last 23 or 25 hours."""
    return start_of_day(day + DAY) - MILLISECOND


def day_sort(day: date, calendar: WorkCalendar) -> DaySort:
    """What sort of day it is; ValueError for a year of which the calendar does not know the closed days."""
    if not calendar.first_year <= day.year <= calendar.last_year:
        raise ValueError(
            f"{day} is outside the calendar {calendar.version}, {calendar.first_year}-{calendar.last_year}"
        )
    if day.weekday() >= SATURDAY:
        return DaySort.WEEKEND
    return DaySort.CLOSED if day in calendar.closed else DaySort.WORKDAY


def is_workday(day: date, calendar: WorkCalendar) -> bool:
    """Whether a local day counts as a working day."""
    return day_sort(day, calendar) is DaySort.WORKDAY


def steps(day: date, n: int, calendar: WorkCalendar) -> tuple[Step, ...]:
    """The days after `day` up to and with the n-th working day. The event's own day never counts."""
    if n < 0:
        raise ValueError("a term cannot run backwards")
    day_sort(day, calendar)
    found: list[Step] = []
    number = 0
    while number < n:
        day += DAY
        sort = day_sort(day, calendar)
        if sort is DaySort.WORKDAY:
            number += 1
            found.append(Step(day, sort, number))
        else:
            found.append(Step(day, sort, name=calendar.closed.get(day, "")))
    return tuple(found)


def add_workdays(day: date, n: int, calendar: WorkCalendar) -> date:
    """The n-th working day after `day` (0: the day itself); ValueError outside the calendar's years."""
    taken = steps(day, n, calendar)
    return taken[-1].day if taken else day


def subtract_workdays(day: date, n: int, calendar: WorkCalendar) -> date:
    """The n-th working day before `day` (0: the day itself); ValueError outside the calendar's years."""
    while n > 0:
        day -= DAY
        n -= is_workday(day, calendar)
    return day


def workdays_between(after: date, until: date, calendar: WorkCalendar) -> int:
    """How many working days lie after `after`, up to and with `until`; 0 when `until` is not later."""
    return sum(is_workday(after + DAY * i, calendar) for i in range(1, (until - after).days + 1))


def due(moment: datetime, n: int, calendar: WorkCalendar) -> datetime:
    """The moment by which something is owed: the end of the local day n working days after `moment`."""
    return end_of_day(add_workdays(local_day(moment), n, calendar))


def window(span: Span) -> Window:
    """The moments of a span of local days, both days included."""
    return Window(start_of_day(span.opens), end_of_day(span.closes))


def is_open(opening: Window, now: datetime, *, started: datetime | None = None, grace_minutes: int = 0) -> bool:
    """Whether a drop that is opened at `now` counts; with `started`, whether one opened then and closed `now` does.

    What was opened in time may end within the grace: a slow line on the last evening is nobody's fault.
    """
    after = opening.closes + MILLISECOND
    if opening.opens <= now < after:
        return True
    in_time = started is not None and opening.opens <= started < after
    return in_time and after <= now < after + timedelta(minutes=grace_minutes)


def last_safe_day(asked: DeliveryRound, calendar: WorkCalendar) -> date | None:
    """The last day of the window on which a drop gets both reports with a working day left to correct.

    None when the window is too short for even its first day. That spare day is the close itself at the latest.
    """
    owed = asked.service.technical + asked.service.quality + 1
    # Counted back from the close: a receipt says it, and looking from each day forward took a tenth of its time.
    day = asked.delivery.closes
    while owed and day >= asked.delivery.opens:
        owed -= is_workday(day, calendar)
        day -= DAY
    return day if day >= asked.delivery.opens else None


def explain(day: date, asked: DeliveryRound, calendar: WorkCalendar) -> Explanation:
    """The due dates of a drop on `day`, step by step, for `gateway calendar --delivered DATE`."""
    technical = _count(day, asked.service.technical, calendar)
    quality = _count(technical.ends, asked.service.quality, calendar)
    return Explanation(
        delivered=day,
        in_window=asked.delivery.opens <= day <= asked.delivery.closes,
        technical=technical,
        quality=quality,
        correct_by=asked.delivery.closes,
        days_left=workdays_between(quality.ends, asked.delivery.closes, calendar),
        last_safe_day=last_safe_day(asked, calendar),
        calendar_version=calendar.version,
    )


def _count(since: date, n: int, calendar: WorkCalendar) -> Count:
    taken = steps(since, n, calendar)
    ends = taken[-1].day if taken else since
    return Count(since, n, taken, ends, end_of_day(ends))
