"""Small counts cannot be read, nor worked out by who knows every sum: attacked by trying out and by algebra."""

from collections.abc import Iterator, Mapping
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.disclosure import Sight, View, view
from gateway.domain.figures import Cell, Figures, Sum, layout, sums
from tests.domain import figures_oracle as oracle
from tests.domain.test_quality import wmo_records
from tests.rules import rules
from tests.samples import wmo_rows

SMALLEST = 5
PARTS = [("part", key) for key in "abcde"]
GROUPS = [("group", "abc"), ("group", "d"), ("group", "e")]
TIES = (
    Sum((("whole", "all"),), tuple((1, part) for part in PARTS)),
    Sum((("whole", "all"),), tuple((1, group) for group in GROUPS)),
    *(Sum((group,), tuple((1, ("part", key)) for key in group[1])) for group in GROUPS),
    Sum((("whole", "all"),), ((1, ("other", "x")), (2, ("other", "y"))), rest=True),
)


def little(parts: list[int], x: int, y: int, rest: int) -> Figures:
    """Figures in which TIES hold."""
    parts[0] += max(0, x + 2 * y + rest - sum(parts))
    own = dict(zip("abcde", parts, strict=True))
    return {
        "whole": {"all": sum(parts)},
        "part": own,
        "group": {name: sum(own[key] for key in name) for _, name in GROUPS},
        "other": {"x": x, "y": y},
    }


def worlds(figures: Figures, seen: View) -> Iterator[dict[Cell, int]]:
    """Every way in which the parts can be, with the same seen of them and of the groups."""
    total = figures["whole"]["all"] or 0

    def fits(cell: Cell, value: int) -> bool:
        truth = figures[cell[0]][cell[1]]
        return {
            Sight.SHOWN: value == truth,
            Sight.SMALL: 0 < value < SMALLEST,
            Sight.HELD: value >= SMALLEST,
            Sight.WITHHELD: True,
        }[seen.sights[cell]]

    def fill(at: int, left: int, chosen: dict[Cell, int]) -> Iterator[dict[Cell, int]]:
        if at == len(PARTS):
            added = {group: sum(chosen["part", key] for key in group[1]) for group in GROUPS}
            if left == 0 and all(fits(*each) for each in added.items()):
                yield {**chosen, **added}
            return
        for value in range(left + 1):
            if fits(PARTS[at], value):
                yield from fill(at + 1, left - value, {**chosen, PARTS[at]: value})

    for whole in range(total + SMALLEST):
        if fits(("whole", "all"), whole):
            yield from fill(0, whole, {})


COUNTS = st.sampled_from([0, 0, 1, 2, 3, 4, 5, 7])


@settings(max_examples=40, deadline=None)
@given(st.lists(COUNTS, min_size=5, max_size=5), COUNTS, COUNTS, COUNTS)
def test_trying_all_numbers_does_not_give_a_small_one(parts: list[int], x: int, y: int, rest: int) -> None:
    figures = little(parts, x, y, rest)
    seen = view(figures, figures, TIES, SMALLEST)
    possible: dict[Cell, set[int]] = {}
    for world in worlds(figures, seen):
        for cell, value in world.items():
            possible.setdefault(cell, set()).add(value)
    for cell, values in possible.items():
        truth = figures[cell[0]][cell[1]] or 0
        assert truth in values
        if 0 < truth < SMALLEST:
            assert len(values) > 1, (cell, truth, seen.sights)


def determined(ties: tuple[Sum, ...], hidden: list[Cell]) -> set[Cell]:
    """The hidden counts that follow from the shown ones by algebra: those alone in a row of the reduced system."""
    place = {cell: number for number, cell in enumerate(hidden)}
    matrix = []
    for tie in ties:
        row = [Fraction(0)] * len(hidden)
        for factor, cell in [*((-1, cell) for cell in tie.whole), *tie.parts]:
            if cell in place:
                row[place[cell]] += factor
        if not tie.rest and any(row):
            matrix.append(row)
    found, top = set(), 0
    for column in range(len(hidden)):
        pivot = next((number for number in range(top, len(matrix)) if matrix[number][column]), None)
        if pivot is None:
            continue
        matrix[top], matrix[pivot] = matrix[pivot], matrix[top]
        matrix[top] = [value / matrix[top][column] for value in matrix[top]]
        for number, row in enumerate(matrix):
            times = row[column]
            if number != top and times:
                matrix[number] = [value - times * own for value, own in zip(row, matrix[top], strict=True)]
        top += 1
    for row in matrix[:top]:
        alone = [number for number, value in enumerate(row) if value]
        if len(alone) == 1:
            found.add(hidden[alone[0]])
    return found


def attacked(rows: list[list[str]]) -> Mapping[Cell, Sight]:
    """The view of the figures of Wmo records, after an attack that must fail."""
    kind, lists = rules().kinds["WMO"], rules().codelists
    counted = oracle.wmo(rows)
    figures = {
        name: {key: counted.get(name, {}).get(key, 0) for key in keys} for name, keys in layout(kind, lists).items()
    }
    ties = sums(kind, lists, figures)
    seen = view(figures, layout(kind, lists), ties, SMALLEST)
    value = {(name, key): n or 0 for name, values in figures.items() for key, n in values.items()}
    for tie in ties:
        added = sum(factor * value[cell] for factor, cell in tie.parts)
        whole = sum(value[cell] for cell in tie.whole)
        assert added <= whole if tie.rest else added == whole, tie
    small = {cell for cell, n in value.items() if 0 < n < SMALLEST}
    assert small <= {cell for cell, sight in seen.sights.items() if sight is not Sight.SHOWN}
    hidden = [cell for cell, sight in seen.sights.items() if sight is not Sight.SHOWN]
    assert not small & determined(ties, hidden)
    for cell, (least, most) in seen.ranges.items():
        assert least <= value[cell] <= most, cell
        if seen.sights[cell] is Sight.SMALL:
            assert (least, most) == (1, SMALLEST - 1), cell
    return seen.sights


@settings(max_examples=40, deadline=None)
@given(wmo_records())
def test_algebra_over_all_sums_does_not_give_a_small_one(rows: list[list[str]]) -> None:
    assert attacked(rows)


@pytest.mark.parametrize("rows", [1, 4, 5, 40, 150, 400, 2_000])
def test_what_is_held_back_grows_less_with_size(rows: int) -> None:
    hidden = sum(sight is not Sight.SHOWN for sight in attacked(wmo_rows(rows)).values())
    assert hidden <= {1: 111, 4: 111, 5: 110, 40: 80, 150: 60, 400: 20, 2_000: 12}[rows]


def test_one_small_count_takes_one_other_with_it() -> None:
    figures = little([20, 30, 3, 40, 50], 0, 0, 0)
    seen = view(figures, figures, TIES, SMALLEST)
    hidden = {cell: sight for cell, sight in seen.sights.items() if sight is not Sight.SHOWN}
    assert hidden == {("part", "c"): Sight.SMALL, ("part", "a"): Sight.HELD}
    assert seen.ranges["part", "a"] == (19, 22)


def test_nothing_is_hidden_when_nothing_is_small() -> None:
    figures = little([20, 30, 0, 40, 50], 5, 6, 7)
    assert set(view(figures, figures, TIES, SMALLEST).sights.values()) == {Sight.SHOWN}
    figures = little([1, 2, 3, 4, 5], 1, 1, 1)
    assert set(view(figures, figures, TIES, 1).sights.values()) == {Sight.SHOWN}
