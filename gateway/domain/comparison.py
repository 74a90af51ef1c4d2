"""One count beside another: what changed, and whether that is much.

Does: says of each count what may be shown of it, lays older figures out by the present layout, and compares counts by
what can be seen of them.
Touches: nothing.
Does not: know which delivery came before (workflow), or look behind a count that is not shown: a change is given for
two shown counts alone, and is flagged when it is large whatever the hidden ones may be.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.domain.disclosure import Sight, view
from gateway.domain.figures import (
    AMOUNTS,
    EMPTY,
    RECORDS,
    TOTALS,
    UNKNOWN,
    Cell,
    Figures,
    layout,
    sums,
)
from gateway.domain.kinds import CodeList, FileKind


@dataclass(frozen=True, slots=True)
class Seen:
    """What a reader sees of a number: itself when shown, else from where to where it may lie (`most` None: no bound).
    An amount that nothing was filled in for is shown and None."""

    sight: Sight
    value: int | None
    least: int
    most: int | None


@dataclass(frozen=True, slots=True)
class Change:
    """From an earlier number to a later one. `percent` of the earlier one, None when that was 0. Both None when one of
    the two is not shown."""

    absolute: int | None
    percent: float | None
    flagged: bool


NOTHING = Seen(Sight.SHOWN, None, 0, 0)
ENDLESS = 2**53


def seen(kind: FileKind, codelists: Mapping[str, CodeList], figures: Figures, smallest: int) -> Mapping[Cell, Seen]:
    """What may be seen of each figure of a kind. Amounts are sums of money, not counts of people, and always shown."""
    found: dict[Cell, Seen] = {}
    counts = [name for name in figures if name not in AMOUNTS] if kind.figures.clients is not None else []
    sight = view(figures, counts, sums(kind, codelists, figures), smallest)
    for name, values in figures.items():
        for key, value in values.items():
            cell = (name, key)
            if value is None:
                found[cell] = NOTHING
            elif sight.sights.get(cell, Sight.SHOWN) is Sight.SHOWN:
                found[cell] = Seen(Sight.SHOWN, value, value, value)
            else:
                least, most = sight.ranges[cell]
                found[cell] = Seen(sight.sights[cell], None, least, most if most < ENDLESS else None)
    return found


def aligned(figures: Figures, kind: FileKind, codelists: Mapping[str, CodeList]) -> Figures | None:
    """Older figures by the present layout: a code that is new was not there, one that is gone counts as unknown. None
    when the kind was counted in another way."""
    wanted = layout(kind, codelists)
    if figures.keys() != wanted.keys():
        return None
    found: dict[str, dict[str, int | None]] = {}
    for name, keys in wanted.items():
        gone = {key: value for key, value in figures[name].items() if key not in keys}
        if gone and (UNKNOWN not in keys or name in AMOUNTS):
            return None
        found[name] = {key: figures[name].get(key, _absent(name, figures)) for key in keys}
        for value in gone.values():
            found[name][UNKNOWN] = (found[name][UNKNOWN] or 0) + (value or 0)
    return found


def _absent(section: str, figures: Figures) -> int | None:
    if section in AMOUNTS:
        return None
    return figures[TOTALS][RECORDS] if section == EMPTY else 0


def change(before: Seen, now: Seen, flag_percent: int) -> Change:
    """From `before` to `now`; flagged from `flag_percent` on, either way."""
    absolute, percent = None, None
    if before.value is not None and now.value is not None:
        absolute = now.value - before.value
        percent = round(100 * absolute / before.value, 1) if before.value else None
    return Change(absolute, percent, _much(before, now, flag_percent))


def _much(before: Seen, now: Seen, flag_percent: int) -> bool:
    """Whether the change is at least so many percent for all that the two may be."""
    if NOTHING in (before, now):
        return before != now
    least = before.least if before.least > (now.most if now.most is not None else ENDLESS) else 0
    if least:
        return 100 * (least - (now.most or 0)) >= flag_percent * least
    most = before.most
    if most is None or now.least <= most:
        return False
    return 100 * (now.least - most) >= flag_percent * most


def share(part: Seen, whole: Seen) -> float | None:
    """Percent that a shown part is of a shown whole, one decimal."""
    if part.value is None or not whole.value:
        return None
    return round(100 * part.value / whole.value, 1)
