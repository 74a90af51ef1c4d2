"""The figures of an op-orde report, section by section: each row with what may be seen of it and of earlier ones.

Does: lays figures out by kind, puts earlier deliveries beside them, computes shares and changes of what is shown, names
every row in two languages.
Touches: nothing.
Does not: hide (domain.disclosure decides what is seen) or lay out pages (quality, charts).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from gateway.domain import figures as f
from gateway.domain.comparison import NOTHING, Change, Seen, aligned, change, seen, share
from gateway.domain.disclosure import Sight
from gateway.reports.dates import number_text
from gateway.reports.facts import Former, QualityFacts
from gateway.reports.plain import visible
from gateway.reports.wording import Pair, Texts

WHOLES = {
    f.GROUP_CLIENTS: (f.TOTALS, f.CLIENTS),
    f.TYPE_CLIENTS: (f.TOTALS, f.CLIENTS),
    f.GROUP_ARRANGEMENTS: (f.TOTALS, f.RECORDS),
    f.TYPE_ARRANGEMENTS: (f.TOTALS, f.RECORDS),
    f.FORM: (f.TOTALS, f.CLIENTS),
    f.COURSE: (f.TOTALS, f.RECORDS),
    f.REASON: (f.COURSE, f.ENDED),
    f.LOAD: (f.TOTALS, f.CLIENTS),
    f.START: (f.TOTALS, f.RECORDS),
    f.FILLED: (f.TOTALS, f.RECORDS),
}
# In the order of the page; how often a column is empty is the other side of how often it is filled.
ORDER = (
    *(f.GROUP_CLIENTS, f.TYPE_CLIENTS, f.GROUP_ARRANGEMENTS, f.TYPE_ARRANGEMENTS),
    *(f.FORM, f.COURSE, f.REASON, f.LOAD, f.START, f.FILLED, f.BUDGET, f.REALISED),
)
# Rows that only stand there when there is something in them.
RARE = frozenset({f.UNKNOWN, f.NEITHER})


@dataclass(frozen=True, slots=True)
class Beside:
    """An earlier figure and what changed since. Where a section compares shares, `change.percent` is in points."""

    before: Seen
    share: float | None
    change: Change


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. `besides` has a place per earlier delivery of the report, None where that is not known."""

    key: str
    label: Pair
    now: Seen
    share: float | None
    besides: tuple[Beside | None, ...]
    almost: bool = False

    @property
    def flagged(self) -> bool:
        """Whether it differs much from any earlier one."""
        return any(beside is not None and beside.change.flagged for beside in self.besides)

    @property
    def up(self) -> bool:
        """Whether the first large difference is a rise."""
        flagged = [beside.change for beside in self.besides if beside is not None and beside.change.flagged]
        return not flagged or (flagged[0].absolute or flagged[0].percent or 0) >= 0


@dataclass(frozen=True, slots=True)
class Section:
    """Figures that are shown together. `points`: shares are compared, not counts. `total` is the key of the row that is
    the sum of the others."""

    name: str
    title: Pair
    about: Pair | None
    rows: tuple[Row, ...]
    points: bool = False
    total: str | None = None

    @property
    def shared(self) -> bool:
        """Whether any row has a share of the whole."""
        return any(row.share is not None for row in self.rows)

    @property
    def parts(self) -> tuple[Row, ...]:
        """The rows without that of the total."""
        return tuple(row for row in self.rows if row.key != self.total)


@dataclass(frozen=True, slots=True)
class Tallies:
    """All of a report: the totals at its head, the sections, and the earlier deliveries by their short names."""

    totals: Section
    sections: tuple[Section, ...]
    formers: tuple[Pair, ...]
    heads: tuple[Pair, ...]
    cells: Mapping[f.Cell, Seen]


Cells = Mapping[f.Cell, Seen]


def tallies(facts: QualityFacts, texts: Texts) -> Tallies:
    """Everything that the report tells, in its order."""
    now = seen(facts.kind, facts.codelists, facts.figures, facts.smallest)
    formers = [former for former in (facts.former_version, facts.former_period) if former is not None]
    earlier = [_earlier(former, facts) for former in formers]
    wanted = f.layout(facts.kind, facts.codelists)
    name = _names(facts, texts)

    def section(title: str, cells: Mapping[str, f.Cell], *, points: bool = False) -> Section:
        rows = tuple(_row(key, cell, name(cell), now, earlier, points, facts) for key, cell in cells.items())
        rows = tuple(row for row in rows if row.key not in RARE or row.now.sight is not Sight.SHOWN or row.now.value)
        about = texts.both(f"quality.about.{title}") if texts.has(f"quality.about.{title}") else None
        total = facts.kind.figures.costs.total if facts.kind.figures.costs and title in f.AMOUNTS else None
        return Section(title, texts.both(f"quality.section.{title}"), about, rows, points, total)

    heads = {key: (part, key) for part in (f.TOTALS, f.SUM) for key in wanted.get(part, ())}
    return Tallies(
        totals=section(f.TOTALS, heads),
        sections=tuple(
            section(part, {key: (part, key) for key in wanted[part]}, points=part == f.FILLED)
            for part in ORDER
            if part in wanted
        ),
        formers=tuple(_spoken(former, facts, texts) for former in formers),
        heads=tuple(_head(former, facts, texts) for former in formers),
        cells=now,
    )


def _earlier(former: Former, facts: QualityFacts) -> Cells | None:
    """What is seen of an earlier delivery; None when it was counted in another way."""
    same = aligned(former.figures, facts.kind, facts.codelists)
    return None if same is None else seen(facts.kind, facts.codelists, same, facts.smallest)


def _row(
    key: str,
    cell: f.Cell,
    label: Pair,
    now: Cells,
    earlier: list[Cells | None],
    points: bool,
    facts: QualityFacts,
) -> Row:
    whole = WHOLES.get(cell[0])
    own = share(now[cell], now[whole]) if whole else None
    besides: list[Beside | None] = []
    for cells in earlier:
        if cells is None:
            besides.append(None)
            continue
        before = share(cells[cell], cells[whole]) if whole else None
        if points:
            moved = None if own is None or before is None else round(own - before, 1)
            changed = Change(None, moved, moved is not None and abs(moved) >= facts.flag_percent)
        else:
            changed = change(cells[cell], now[cell], facts.flag_percent)
        besides.append(Beside(cells[cell], before, changed))
    almost = cell[0] == f.FILLED and now[f.EMPTY, cell[1]].sight is Sight.SMALL and now[cell].sight is Sight.HELD
    return Row(key, label, now[cell], own, tuple(besides), almost)


# --- names --------------------------------------------------------------------------------------------------


def _spoken(former: Former, facts: QualityFacts, texts: Texts) -> Pair:
    if former.period == facts.period:
        return texts.both("quality.former.version", version=former.version)
    return texts.both("quality.former.period", period=former.period, version=former.version)


def _head(former: Former, facts: QualityFacts, texts: Texts) -> Pair:
    if former.period == facts.period:
        return texts.both("quality.column.version", version=former.version)
    return texts.both("quality.column.period", period=former.period)


def _names(facts: QualityFacts, texts: Texts) -> Callable[[f.Cell], Pair]:
    """How a figure is called in a row."""
    lists = _lists(facts)

    def coded(section: str, key: str) -> Pair:
        return texts.both("quality.row.coded", code=key, what=lists[section].get(key, key))

    def name(cell: f.Cell) -> Pair:
        section, key = cell
        if key == f.UNKNOWN:
            return texts.both("quality.row.unknown")
        if section == f.FORM:
            if key == f.SEVERAL:
                return texts.both("quality.row.several")
            return texts.both("quality.row.only", what=lists[section].get(key, key))
        if section == f.LOAD:
            most = key == f.LOADS[-1]
            return texts.both("quality.row.load_most" if most else "quality.row.load", n=int(key.rstrip("+")))
        if section in lists:
            return coded(section, key)
        if section in (f.FILLED, f.GROUP_CLIENTS, f.GROUP_ARRANGEMENTS):
            return Pair(visible(key), visible(key))
        return texts.both(f"quality.row.{key}")

    return name


def _lists(facts: QualityFacts) -> Mapping[str, Mapping[str, str]]:
    """Per section the code list that says what its keys mean."""
    columns = {column.name: column for column in facts.kind.columns}

    def values(column: str) -> Mapping[str, str]:
        return facts.codelists[columns[column].codelist or ""].values

    found: dict[str, Mapping[str, str]] = {}
    if clients := facts.kind.figures.clients:
        found |= {name: values(clients.type[0]) for name in (f.TYPE_CLIENTS, f.TYPE_ARRANGEMENTS)}
        if clients.form is not None:
            found[f.FORM] = values(clients.form)
        if clients.reason is not None:
            found[f.REASON] = values(clients.reason)
    if costs := facts.kind.figures.costs:
        found |= {name: values(costs.key) for name in (f.BUDGET, f.REALISED)}
    return found


# --- words for what is seen ---------------------------------------------------------------------------------


def counted(number: Seen, facts: QualityFacts, texts: Texts) -> Pair:
    """A number as a reader sees it: `1.234`, `<5`, `224 t/m 233`, `niet getoond`."""
    if number == NOTHING:
        return texts.both("quality.count.nothing")
    if number.value is not None:
        return Pair(number_text("nl", number.value), number_text("en", number.value))
    if number.sight is Sight.SMALL:
        return texts.both("quality.count.small", smallest=facts.smallest)
    if number.sight is Sight.WITHHELD:
        return texts.both("quality.count.withheld")
    if number.most is None:
        return texts.both("quality.count.at_least", least=number.least)
    return texts.both("quality.count.between", least=number.least, most=number.most)


def in_row(row: Row, facts: QualityFacts, texts: Texts) -> Pair:
    """The row's own number; of a column that is filled but for a few, that."""
    if row.almost:
        return texts.both("quality.count.almost", smallest=facts.smallest)
    return counted(row.now, facts, texts)


def marked(found: Tallies) -> Iterator[tuple[Section, Row, int, Beside]]:
    """Every figure that differs much from an earlier one, with the place of that one; the largest differences first.
    The record of a total is not said again: the sum is among the totals."""
    each = [
        (section, row, place, beside)
        for section in (found.totals, *found.sections)
        for row in section.parts
        for place, beside in enumerate(row.besides)
        if beside is not None and beside.change.flagged
    ]
    yield from sorted(each, key=lambda one: -abs(one[3].change.absolute or 0))
