"""The figures of the op-orde report as values: which there are for a kind, and how they hang together.

Does: names the sections and keys that the figures of a kind have, and the sums that hold between them, by which a small
count could be worked out from what is shown beside it (disclosure).
Touches: nothing; unlike quality it needs no polars, so that reports and the daemon can know figures.
Does not: count (quality), hide (disclosure) or name any kind.

Figures are two levels of plain values, section -> key -> whole number, and every key of the layout is there. Only
amounts can be None: nothing was filled. Keys are codes of code lists, names of columns and the words below; never a
value of a column that tells clients apart.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeGuard

from gateway.domain.kinds import ClientFigures, CodeList, FileKind

Figures = Mapping[str, Mapping[str, int | None]]
Cell = tuple[str, str]

TOTALS = "totals"  # records, clients
TYPE_ARRANGEMENTS = "type_arrangements"
TYPE_CLIENTS = "type_clients"
GROUP_ARRANGEMENTS = "group_arrangements"
GROUP_CLIENTS = "group_clients"
FORM = "form"  # clients with one form of delivery alone, with several, with none filled
COURSE = "course"  # arrangements
REASON = "reason"  # arrangements that ended in the period
LOAD = "load"  # clients by their number of arrangements
START = "start"  # records by which start is filled
FILLED = "filled"  # records, per column that may be empty
EMPTY = "empty"
BUDGET = "budget"  # whole euros
REALISED = "realised"
SUM = "sum"  # of the amounts, without the record of the total

RECORDS, CLIENTS = "records", "clients"
STARTED, EARLIER, RUNNING, ENDED = "started", "earlier", "running", "ended"
BOTH, ACTUAL, ASSIGNED, NEITHER = "both", "actual", "assigned", "neither"
UNKNOWN = ""  # not filled, or no code of the list
SEVERAL = "+"
MOST = 6
LOADS = (*(str(number) for number in range(1, MOST)), f"{MOST}+")
AMOUNTS = frozenset({BUDGET, REALISED, SUM})

Layout = Mapping[str, tuple[str, ...]]


def layout(kind: FileKind, codelists: Mapping[str, CodeList]) -> Layout:
    """Per section its keys, in the order in which they are shown."""
    found: dict[str, tuple[str, ...]] = {TOTALS: (RECORDS,)}
    columns = {column.name: column for column in kind.columns}
    optional = tuple(column.name for column in kind.columns if not column.required)

    def codes(column: str) -> tuple[str, ...]:
        return tuple(codelists[columns[column].codelist or ""].values)

    if clients := kind.figures.clients:
        types = (*codes(clients.type[0]), UNKNOWN)
        found |= {TOTALS: (RECORDS, CLIENTS), TYPE_ARRANGEMENTS: types, TYPE_CLIENTS: types}
        if clients.groups is not None:
            groups = (*dict.fromkeys(codelists[clients.groups].values.values()), UNKNOWN)
            found |= {GROUP_ARRANGEMENTS: groups, GROUP_CLIENTS: groups}
        if clients.form is not None:
            found[FORM] = (*codes(clients.form), SEVERAL, UNKNOWN)
        found[COURSE] = (STARTED, EARLIER, RUNNING, ENDED)
        if clients.reason is not None:
            found[REASON] = (*codes(clients.reason), UNKNOWN)
        found[LOAD] = LOADS
        if len(clients.start) == 2 and set(clients.start) <= set(optional):
            found[START] = (BOTH, ACTUAL, ASSIGNED, NEITHER)
        found |= {FILLED: optional, EMPTY: optional}
    if costs := kind.figures.costs:
        found |= {BUDGET: codes(costs.key), REALISED: codes(costs.key), SUM: (BUDGET, REALISED)}
    return found


def fits(figures: object, wanted: Layout, most: int) -> TypeGuard[Figures]:
    """Whether something has exactly the sections and keys of a layout, with whole numbers from 0 to `most` (amounts:
    from 0, or None)."""
    if not isinstance(figures, Mapping) or figures.keys() != wanted.keys():
        return False
    for section, keys in wanted.items():
        values = figures[section]
        if not isinstance(values, Mapping) or values.keys() != set(keys):
            return False
        bound = 2**53 if section in AMOUNTS else most
        if not all(_is_count(value, bound) or (value is None and section in AMOUNTS) for value in values.values()):
            return False
    return True


def _is_count(value: object, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most


def half_year_before(period: str) -> str:
    """`2017H1` of `2017H2`, `2016H2` of `2017H1`."""
    year, half = period.split("H")
    return f"{year}H1" if half == "2" else f"{int(year) - 1}H2"


# --- sums ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sum:
    """`whole` equals the parts, each taken so many times; with `rest` it may be more than that by a number that is
    nowhere shown."""

    whole: tuple[Cell, ...]
    parts: tuple[tuple[int, Cell], ...]
    rest: bool = False


def _plain(whole: Cell, parts: Sequence[Cell], *, rest: bool = False) -> Sum:
    return Sum((whole,), tuple((1, part) for part in parts), rest)


def sums(kind: FileKind, codelists: Mapping[str, CodeList], figures: Figures) -> tuple[Sum, ...]:
    """Every sum by which counts about clients are tied to each other. Amounts count nobody and have none."""
    clients = kind.figures.clients
    if clients is None:
        return ()
    wanted = layout(kind, codelists)
    records, people = (TOTALS, RECORDS), (TOTALS, CLIENTS)
    # Nobody has more than five: then what people have adds up to the records exactly.
    more = bool(figures[LOAD][LOADS[-1]])
    found = [
        _plain(records, [(TYPE_ARRANGEMENTS, key) for key in wanted[TYPE_ARRANGEMENTS]]),
        _plain(records, [(COURSE, STARTED), (COURSE, EARLIER)]),
        _plain(records, [(COURSE, RUNNING), (COURSE, ENDED)]),
        _plain(people, [(LOAD, key) for key in LOADS]),
        Sum((records,), tuple((number, (LOAD, key)) for number, key in enumerate(LOADS, 1)), more),
        Sum((records,), ((1, people), *((number, (LOAD, key)) for number, key in enumerate(LOADS[1:], 1))), more),
    ]
    found += _by_type(clients, codelists, wanted)
    if FORM in wanted:
        found.append(_plain(people, [(FORM, key) for key in wanted[FORM]]))
    found += [_plain(records, [(FILLED, name), (EMPTY, name)]) for name in wanted[FILLED]]
    found += _by_column(clients, wanted)
    return tuple(found)


def _by_type(clients: ClientFigures, codelists: Mapping[str, CodeList], wanted: Layout) -> Iterator[Sum]:
    """A client is counted once per type: at most once per arrangement, and at least once in all."""
    types = wanted[TYPE_ARRANGEMENTS]
    for key in types:
        yield _plain((TYPE_ARRANGEMENTS, key), [(TYPE_CLIENTS, key)], rest=True)
        yield _plain((TOTALS, CLIENTS), [(TYPE_CLIENTS, key)], rest=True)
    if clients.groups is None:
        return
    group_of = codelists[clients.groups].values
    groups = wanted[GROUP_ARRANGEMENTS]
    yield _plain((TOTALS, RECORDS), [(GROUP_ARRANGEMENTS, group) for group in groups])
    for group in groups:
        inside = [key for key in types if group_of.get(key, UNKNOWN) == group]
        yield _plain((GROUP_ARRANGEMENTS, group), [(TYPE_ARRANGEMENTS, key) for key in inside])
        yield _plain((GROUP_ARRANGEMENTS, group), [(GROUP_CLIENTS, group)], rest=True)
        yield _plain((TOTALS, CLIENTS), [(GROUP_CLIENTS, group)], rest=True)
        if len(inside) == 1:
            yield _plain((GROUP_CLIENTS, group), [(TYPE_CLIENTS, inside[0])])
            continue
        yield Sum(tuple((TYPE_CLIENTS, key) for key in inside), ((1, (GROUP_CLIENTS, group)),), rest=True)
        for key in inside:
            yield _plain((GROUP_CLIENTS, group), [(TYPE_CLIENTS, key)], rest=True)


def _by_column(clients: ClientFigures, wanted: Layout) -> Iterator[Sum]:
    """How often a column is filled says something of what is counted from it."""
    if START in wanted:
        yield _plain((TOTALS, RECORDS), [(START, key) for key in wanted[START]])
        for column, own in zip(clients.start, (ACTUAL, ASSIGNED), strict=True):
            yield _plain((FILLED, column), [(START, BOTH), (START, own)])
        # Follows from the three before it, which go round in a circle: one by one they do not show it.
        filled = tuple((FILLED, column) for column in clients.start)
        yield Sum((*filled, (START, NEITHER)), ((1, (TOTALS, RECORDS)), (1, (START, BOTH))))
    if clients.reason is not None:
        reasons = wanted[REASON]
        yield _plain((COURSE, ENDED), [(REASON, key) for key in reasons])
        if clients.reason in wanted[FILLED]:
            yield _plain((FILLED, clients.reason), [(REASON, key) for key in reasons if key != UNKNOWN], rest=True)
    if all(column in wanted[FILLED] for column in clients.end):
        yield Sum(tuple((FILLED, column) for column in clients.end), ((1, (COURSE, ENDED)),), rest=True)
    if clients.form is not None and clients.form in wanted[EMPTY]:
        yield _plain((EMPTY, clients.form), [(FORM, UNKNOWN)], rest=True)
