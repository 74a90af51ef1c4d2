"""The calendar: which days are closed, from the `holidays` package and the decrees in gateway.yaml.

Does: makes the WorkCalendar of the Netherlands as the Algemene termijnenwet (art. 3) counts it: New Year, Good Friday,
Easter Monday, King's Day, 5 May of every year, Ascension, Whit Monday, both days of Christmas, and the days equated by
decree.
Touches: nothing.
Does not: count working days (domain.workdays).
"""

from collections.abc import Mapping
from datetime import date
from functools import cache

from gateway.config.canonical import digest
from gateway.config.sections import Calendar
from gateway.domain.workdays import WorkCalendar

FIRST_YEAR, LAST_YEAR = 2015, 2040

# The days of the law, by the Dutch names that the package gives; Sundays need no mention.
LEGAL = frozenset(
    {
        "Nieuwjaarsdag",
        "Goede vrijdag",
        "Tweede paasdag",
        "Koningsdag",
        "Bevrijdingsdag",
        "Hemelvaartsdag",
        "Tweede pinksterdag",
        "Eerste kerstdag",
        "Tweede kerstdag",
    }
)


@cache
def _legal_days(country: str, categories: tuple[str, ...]) -> Mapping[date, str]:
    # Imported here: the package costs more time than the rest of a load, and a reload finds its days in the cache.
    import holidays

    days = holidays.country_holidays(
        country, years=range(FIRST_YEAR, LAST_YEAR + 1), categories=categories, language="nl", observed=True
    )
    # Two on one day are joined by the package (2016-05-05: Bevrijdingsdag; Hemelvaartsdag).
    return {day: names for day, names in days.items() if LEGAL & {*names.split("; ")}}


def work_calendar(calendar: Calendar) -> WorkCalendar:
    """The calendar of this configuration; its version names its content (`NL-3f9c0a1b2c3d`)."""
    closed = {**_legal_days(calendar.country, calendar.categories), **calendar.extra_closed}
    closed = dict(sorted(closed.items()))
    version = f"{calendar.country}-{digest(closed)}"
    return WorkCalendar(version, closed, FIRST_YEAR, LAST_YEAR)
