"""Bar charts as geometry: where each bar begins and ends, for a template that only draws.

Does: scales rows to bars, with marks where earlier deliveries stood; a number of which only a range is known gets a bar
as long as it is at least, and a pale part up to what it is at most.
Touches: nothing.
Does not: draw (templates/quality.html) or show anything that the table beside the chart does not.

Lengths are in the units of the drawing, 700 wide; the page makes it fit.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.domain.comparison import Seen
from gateway.reports.tallies import Section
from gateway.reports.wording import Pair

WIDTH = 700
LABELS = 290
BARS = 300
LINE = 26
PAIRED_LINE = 40
LONGEST_LABEL = 39


@dataclass(frozen=True, slots=True)
class Bar:
    """One row of a chart. `solid` and `pale` are lengths, `marks` the places of earlier numbers (None: not known);
    `second` is the length of a second bar below the first. `up`: a large difference is a rise."""

    label: str
    value: str
    top: int
    solid: int
    pale: int = 0
    marks: tuple[int | None, ...] = ()
    second: int | None = None
    second_value: str = ""
    flagged: bool = False
    up: bool = True


@dataclass(frozen=True, slots=True)
class Chart:
    """A whole chart. `description` says in words what one sees."""

    id: str
    title: Pair
    description: Pair
    height: int
    bars: tuple[Bar, ...]
    line: int


def bars_of(section: Section, values: Sequence[Pair], description: Pair) -> Chart:
    """A bar per row; in a section that compares shares, of 100 percent."""
    if section.points:
        full = 100.0
        lengths = [(row.share or 0.0, row.share or 0.0) for row in section.parts]
        marks = [tuple(None if b is None else b.share for b in row.besides) for row in section.parts]
    else:
        lengths = [_span(row.now) for row in section.parts]
        marks = [tuple(None if b is None else b.before.value for b in row.besides) for row in section.parts]
        full = max([high for _, high in lengths] + [mark for row in marks for mark in row if mark is not None] + [1])

    def units(number: float) -> int:
        return round(BARS * min(number, full) / full)

    bars = tuple(
        Bar(
            label=_short(row.label.nl),
            value=value.nl,
            top=number * LINE,
            solid=units(low),
            pale=units(high) - units(low),
            marks=tuple(None if mark is None else units(mark) for mark in before),
            flagged=row.flagged,
            up=row.up,
        )
        for number, (row, value, (low, high), before) in enumerate(
            zip(section.parts, values, lengths, marks, strict=True)
        )
    )
    return Chart(section.name, section.title, description, LINE * len(bars), bars, LINE)


def pairs_of(
    name: str, title: Pair, first: Section, second: Section, description: Pair, values: Sequence[tuple[str, str]]
) -> Chart:
    """Two bars per row, for two sections with the same rows."""
    both = [(row.now.value or 0, other.now.value or 0) for row, other in zip(first.parts, second.parts, strict=True)]
    full = max([number for pair in both for number in pair] + [1])
    bars = tuple(
        Bar(
            label=_short(row.label.nl),
            value=said[0],
            top=number * PAIRED_LINE,
            solid=round(BARS * numbers[0] / full),
            second=round(BARS * numbers[1] / full),
            second_value=said[1],
        )
        for number, (row, numbers, said) in enumerate(zip(first.parts, both, values, strict=True))
    )
    return Chart(name, title, description, PAIRED_LINE * len(bars), bars, PAIRED_LINE)


def _span(number: Seen) -> tuple[int, int]:
    """The least and the most that a bar stands for; a number without a bound is drawn as the least it is."""
    return number.least, number.least if number.most is None else number.most


def _short(label: str) -> str:
    return label if len(label) <= LONGEST_LABEL else f"{label[: LONGEST_LABEL - 1]}…"
