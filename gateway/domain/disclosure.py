"""Small counts that must not be read, nor be worked out from what stands beside them.

Does: decides of each count whether it is shown, is small (shown as `<5`), is held back because it would give a small
one away (complementary suppression), or lies in a section that is held back whole; and what a reader can still work
out.
Touches: nothing.
Does not: count, or know what a section is about. Percentages and differences are for the report, which makes them of
shown counts alone.

The reader is taken to know every sum that holds (figures.sums) and these rules. What can be worked out is computed as a
range per hidden count, by narrowing ranges over all sums until nothing changes (the shuttle algorithm of Buzzigoli and
Giusti). A small count is safe when its range still is all of 1 up to the bound; else one more count is held back, the
smallest that helps, and so on. Zeros are shown: nobody is in them, and a zero is what a reader looks for.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from gateway.domain.figures import CLIENTS, RECORDS, TOTALS, Cell, Figures, Sum

ENDLESS = 2**60
# Ranges move in whole steps; more rounds than this would only narrow further what is far from small.
ROUNDS = 200


class Sight(StrEnum):
    """What a reader sees of a count."""

    SHOWN = "shown"
    SMALL = "small"  # at least 1, and below the bound
    HELD = "held"  # at or above the bound; held back for another's sake
    WITHHELD = "withheld"  # anything; its whole section is held back


@dataclass(frozen=True, slots=True)
class View:
    """Sight and range of every count: what it is, at least and at most, as far as can be worked out."""

    sights: Mapping[Cell, Sight]
    ranges: Mapping[Cell, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class _Equation:
    """Terms that add up to zero; `rest` a term of its own that is at least zero and unknown."""

    terms: tuple[tuple[int, Cell], ...]
    rest: bool


def view(figures: Figures, sections: Iterable[str], ties: Sequence[Sum], smallest: int) -> View:
    """Who sees what of the counts in `sections`, when counts below `smallest` must stay unknown."""
    values = {(name, key): value for name in sections for key, value in figures[name].items() if value is not None}
    sights = {cell: Sight.SMALL if 0 < value < smallest else Sight.SHOWN for cell, value in values.items()}
    equations = [_equation(tie) for tie in ties]
    by_cell: dict[Cell, list[_Equation]] = {cell: [] for cell in values}
    for equation in equations:
        for _, cell in equation.terms:
            by_cell[cell].append(equation)
    while True:
        ranges = _ranges(values, sights, equations, smallest)
        given_away = [cell for cell in values if _given_away(values[cell], sights[cell], ranges[cell], smallest)]
        if not any(_hold_back(cell, values, sights, by_cell, smallest) for cell in given_away):
            return View(sights, ranges)


def _given_away(value: int, sight: Sight, reach: tuple[int, int], smallest: int) -> bool:
    """Whether more can be worked out of a small count than that it is small; in a section held back whole, whether the
    count itself can."""
    if sight is Sight.SHOWN or not 0 < value < smallest:
        return False
    low, high = reach
    return low == high if sight is Sight.WITHHELD else low > 1 or high < smallest - 1


def _equation(tie: Sum) -> _Equation:
    terms = [(-1, cell) for cell in tie.whole] + list(tie.parts)
    return _Equation(tuple(terms), tie.rest)


# --- what can be worked out ---------------------------------------------------------------------------------


def _ranges(
    values: Mapping[Cell, int], sights: Mapping[Cell, Sight], equations: Sequence[_Equation], smallest: int
) -> dict[Cell, tuple[int, int]]:
    start = {
        Sight.SMALL: (1, smallest - 1),
        Sight.HELD: (smallest, ENDLESS),
        Sight.WITHHELD: (0, ENDLESS),
    }
    ranges = {
        cell: (value, value) if sights[cell] is Sight.SHOWN else start[sights[cell]] for cell, value in values.items()
    }
    open_ones = [each for each in equations if any(sights[cell] is not Sight.SHOWN for _, cell in each.terms)]
    for _ in range(ROUNDS):
        narrowed = [_narrow(equation, ranges) for equation in open_ones]
        if not any(narrowed):
            break
    return ranges


def _narrow(equation: _Equation, ranges: dict[Cell, tuple[int, int]]) -> bool:
    """Narrow the ranges in one equation; whether any changed."""
    least = sum(min(factor * end for end in ranges[cell]) for factor, cell in equation.terms)
    most = sum(max(factor * end for end in ranges[cell]) for factor, cell in equation.terms)
    if equation.rest:
        most = ENDLESS * ENDLESS
    changed = False
    for factor, cell in equation.terms:
        low, high = ranges[cell]
        if low == high:
            continue
        own = sorted((factor * low, factor * high))
        # The term is minus the sum of the others, which lies between these two.
        top, bottom = -(least - own[0]), -(most - own[1])
        if factor > 0:
            found = max(low, -(-bottom // factor)), min(high, top // factor)
        else:
            found = max(low, -(top // -factor)), min(high, (-bottom) // -factor)
        if found != (low, high):
            ranges[cell] = found
            least += min(factor * end for end in found) - own[0]
            most += max(factor * end for end in found) - own[1]
            changed = True
    return changed


# --- what is held back --------------------------------------------------------------------------------------


def _hold_back(
    small: Cell,
    values: Mapping[Cell, int],
    sights: dict[Cell, Sight],
    by_cell: Mapping[Cell, Sequence[_Equation]],
    smallest: int,
) -> bool:
    """Hold back something near a small count that can be worked out: one more count, else its section, else all that is
    tied to it. False when nothing is left."""
    rings = list(_rings(small, sights, by_cell))
    for ring in rings:
        helpful = [cell for cell in ring if cell[0] != TOTALS and _can_be_held(cell, values, sights, smallest)]
        if helpful:
            # One with room below it hides more; of those the smallest costs the reader least.
            chosen = min(helpful, key=lambda cell: (values[cell] < 2 * smallest - 2, values[cell], cell))
            sights[chosen] = Sight.HELD
            return True
    people = (TOTALS, CLIENTS)
    if people in rings[0] and _can_be_held(people, values, sights, smallest):
        sights[people] = Sight.HELD
        return True
    return _withhold({small[0]}, sights) or _withhold({cell[0] for ring in rings for cell in ring}, sights)


def _can_be_held(cell: Cell, values: Mapping[Cell, int], sights: Mapping[Cell, Sight], smallest: int) -> bool:
    return sights[cell] is Sight.SHOWN and values[cell] >= smallest


def _withhold(sections: set[str], sights: dict[Cell, Sight]) -> bool:
    """Hold back whole sections; whether that changed anything. The number of records stands in the technical report."""
    found = [
        cell
        for cell, sight in sights.items()
        if cell[0] in sections and cell != (TOTALS, RECORDS) and sight is not Sight.WITHHELD
    ]
    for cell in found:
        sights[cell] = Sight.WITHHELD
    return bool(found)


def _rings(
    small: Cell, sights: Mapping[Cell, Sight], by_cell: Mapping[Cell, Sequence[_Equation]]
) -> Iterator[list[Cell]]:
    """The counts that share a sum with a small one, then those that share one with a hidden one among these, and so on:
    what gives it away is among them."""
    seen, ring = {small}, [small]
    while ring:
        hidden = [cell for cell in ring if sights[cell] is not Sight.SHOWN]
        ring = []
        for cell in hidden:
            for equation in by_cell[cell]:
                for _, other in equation.terms:
                    if other not in seen:
                        seen.add(other)
                        ring.append(other)
        if ring:
            yield ring
