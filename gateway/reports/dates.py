"""Days, times and numbers as people write them in Dutch and English, and as machines read them.

Does: turns UTC moments into Amsterdam days and times (`donderdag 1 maart 2018`, `17:00 uur`) and ISO 8601 text.
Touches: nothing but the time zone data.
Does not: compute a due date (workdays does) or look at a clock.

A due moment is the last millisecond of a local day; a reader is shown that day, without a time (`until_text`).
"""

from datetime import date, datetime, time

from gateway.domain.workdays import AMSTERDAM, local_day

DAYS = {
    "nl": ("maandag", "dinsdag", "woensdag", "donderdag", "vrijdag", "zaterdag", "zondag"),
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
}
MONTHS = {
    "nl": (
        "januari", "februari", "maart", "april", "mei", "juni",
        "juli", "augustus", "september", "oktober", "november", "december",
    ),
    "en": (
        "January", "February", "March", "April", "May", "June",
        "July", "August", "September", "October", "November", "December",
    ),
}  # fmt: skip
CLOCK = {"nl": "{day}, {time} uur", "en": "{day}, {time}"}
THOUSANDS = {"nl": ".", "en": ","}
POINTS = {"nl": ",", "en": "."}

LAST_MINUTE = time(23, 59)


def local(moment: datetime) -> datetime:
    """The same moment on the clocks of Amsterdam; ValueError for a naive one."""
    if moment.tzinfo is None:
        raise ValueError("a moment needs a time zone")
    return moment.astimezone(AMSTERDAM)


def iso(moment: datetime | None) -> str | None:
    """ISO 8601 to the second with the offset of Amsterdam: `2018-03-01T17:00:00+01:00`."""
    return None if moment is None else local(moment).isoformat(timespec="seconds")


def iso_day(day: date | None) -> str | None:
    """`2018-03-01`."""
    return None if day is None else day.isoformat()


def day_text(language: str, day: date) -> str:
    """`donderdag 1 maart 2018`, `Thursday 1 March 2018`."""
    return f"{DAYS[language][day.weekday()]} {day.day} {MONTHS[language][day.month - 1]} {day.year}"


def moment_text(language: str, moment: datetime) -> str:
    """`donderdag 1 maart 2018, 17:00 uur`, `Thursday 1 March 2018, 17:00`."""
    there = local(moment)
    return CLOCK[language].format(day=day_text(language, there.date()), time=f"{there:%H:%M}")


def until_text(language: str, moment: datetime) -> str:
    """The day alone when the moment ends a day, else the day and the time."""
    if local(moment).time() >= LAST_MINUTE:
        return day_text(language, local_day(moment))
    return moment_text(language, moment)


def percent_text(language: str, percent: float) -> str:
    """`12,3%`, `12.3%`."""
    whole, _, tenth = f"{percent:.1f}".partition(".")
    return f"{whole}{POINTS[language]}{tenth}%"


def number_text(language: str, number: int) -> str:
    """`2.621.440`, `2,621,440`."""
    return f"{number:,}".replace(",", THOUSANDS[language])
