"""The closed days of the Algemene termijnenwet (art. 3), as an oracle for tests.

Does: Easter by the algorithm of Meeus, and from it the law's list for a year.
Touches: nothing.
Does not: share a line with the gateway or with the package `holidays`.
"""

from datetime import date, timedelta

SUNDAY = 7


def easter(year: int) -> date:
    """Easter Sunday of a Gregorian year (Meeus, Jones and Butcher)."""
    golden = year % 19
    century, rest = divmod(year, 100)
    leaps, left = divmod(century, 4)
    correction = (century - (century + 8) // 25 + 1) // 3
    epact = (19 * golden + century - leaps - correction + 15) % 30
    quarter, remainder = divmod(rest, 4)
    weekday = (32 + 2 * left + 2 * quarter - epact - remainder) % 7
    late = (golden + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * late + 114, 31)
    return date(year, month, day + 1)


def law(year: int) -> dict[date, str]:
    """The closed days of a year by date, since 2014 (King's Day on the 27th, the 26th when that is a Sunday)."""
    king = date(year, 4, 27)
    if king.isoweekday() == SUNDAY:
        king = date(year, 4, 26)
    sunday = easter(year)
    return {
        date(year, 1, 1): "Nieuwjaarsdag",
        sunday - timedelta(days=2): "Goede Vrijdag",
        sunday + timedelta(days=1): "Tweede paasdag",
        king: "Koningsdag",
        date(year, 5, 5): "Bevrijdingsdag",
        sunday + timedelta(days=39): "Hemelvaartsdag",
        sunday + timedelta(days=50): "Tweede pinksterdag",
        date(year, 12, 25): "Eerste kerstdag",
        date(year, 12, 26): "Tweede kerstdag",
    }
