"""The figures of the op-orde report, counted over the batches of a data file.

Does: counts records, clients, arrangements and amounts by the parts that the kind's description gives to its columns;
keeps between batches only running totals and three numbers per record: client, type and form of delivery.
Touches: nothing.
Does not: check (checks), hide small counts (disclosure) or know a kind or column by name. What tells clients apart is
counted in memory and never stands in the figures.

A record is an arrangement. It started in the period when its start lies in it, else earlier; it ended when its end is
not after the period, else it is running at the end of it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import polars as pl

from gateway.domain import figures as f
from gateway.domain.figures import Figures
from gateway.domain.kinds import ClientFigures, CodeList, CostFigures, FileKind, as_written
from gateway.domain.model import ReportingPeriod


class Cells(Protocol):
    """One column of a batch, as the checks have it: text, whether filled and sound, and the number that a day
    (JJJJMMDD) or whole number is (null where empty or not sound)."""

    @property
    def text(self) -> pl.Series:
        """As written."""

    @property
    def filled(self) -> pl.Series:
        """Where there is any text."""

    @property
    def sound(self) -> pl.Series:
        """Where nothing is wrong with the cell itself."""

    @property
    def value(self) -> pl.Series:
        """Days or whole numbers."""


# Numbers of clients up to this one leave room for a place after them in 64 bits.
LARGEST = 10**15

Columns = Mapping[str, Cells]
Counts = dict[str, dict[str, int]]


@dataclass(frozen=True, slots=True)
class Counting:
    """A count at work on one file: `feed` takes its batches, every column of the kind in each; `finish` gives all of
    the layout."""

    feed: Callable[[Columns], None]
    finish: Callable[[], Figures]


def counting(kind: FileKind, codelists: Mapping[str, CodeList], period: ReportingPeriod) -> Counting:
    """The count of one file of a kind over a period."""
    wanted = f.layout(kind, codelists)
    counts: Counts = {name: dict.fromkeys(keys, 0) for name, keys in wanted.items() if name not in f.AMOUNTS}
    parts = []
    if kind.figures.clients is not None:
        parts.append(_clients(kind.figures.clients, kind, codelists, period, counts))
    if kind.figures.costs is not None:
        parts.append(_costs(kind.figures.costs, wanted))

    def feed(columns: Columns) -> None:
        counts[f.TOTALS][f.RECORDS] += len(next(iter(columns.values())).text)
        for name in wanted.get(f.FILLED, ()):
            _split(counts, columns[name].filled, (f.FILLED, name), (f.EMPTY, name))
        for part in parts:
            part.feed(columns)

    def finish() -> Figures:
        found: dict[str, Mapping[str, int | None]] = {}
        for part in parts:
            found |= part.finish()
        found |= counts
        return {name: found[name] for name in wanted}

    return Counting(feed, finish)


def _split(counts: Counts, mask: pl.Series, yes: f.Cell, no: f.Cell) -> None:
    """Add the rows where the mask holds to one count, the others to another."""
    held = int(mask.sum())
    counts[yes[0]][yes[1]] += held
    counts[no[0]][no[1]] += len(mask) - held


def _first(series: Sequence[pl.Series]) -> pl.Series:
    """Row by row the first that is not null."""
    found = series[0]
    for each in series[1:]:
        found = found.zip_with(found.is_not_null(), each)
    return found


def _first_text(cells: Sequence[Cells]) -> pl.Series:
    """Row by row the first text that is filled and sound; where there is none, any."""
    found = cells[-1].text
    for each in cells[-2::-1]:
        found = each.text.zip_with(each.sound & each.filled, found)
    return found


@dataclass(frozen=True, slots=True)
class _Coded:
    """A code list as places: that of each value and other spelling; `keys` names each place, the last one stands for
    what is empty or no code."""

    keys: tuple[str, ...]
    spellings: tuple[str, ...]
    meant: Mapping[int, int]

    def places(self, text: pl.Series) -> pl.Series:
        """The place of each code."""
        # An enumeration is kept as numbers: half the time of looking each value up.
        found = text.cast(pl.Enum(self.spellings), strict=False).to_physical().cast(pl.Int64)
        for spelling, place in self.meant.items():
            found = found.set(found == spelling, place)
        return found.set(found.is_null(), len(self.keys) - 1)


def _coded(listed: CodeList) -> _Coded:
    values = list(listed.values)
    others = {other: code for other, code in listed.aliases.items() if code in listed.values and other not in values}
    meant = {number: values.index(code) for number, code in enumerate(others.values(), len(values))}
    return _Coded((*values, f.UNKNOWN), (*values, *others), meant)


def _tally(counts: dict[str, int], places: pl.Series, keys: Sequence[str]) -> None:
    """Count each place under its key."""
    for place, amount in places.value_counts().iter_rows():
        counts[keys[place]] += amount


# --- clients ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Records:
    """Of each record a number that tells its client from others (null: not to be told), and the places of its type and
    form of delivery."""

    client: pl.Series
    type: pl.Series
    form: pl.Series


def _clients(
    roles: ClientFigures,
    kind: FileKind,
    codelists: Mapping[str, CodeList],
    period: ReportingPeriod,
    counts: Counts,
) -> Counting:
    """Counts into `counts`; has nothing to add at the end."""
    coded = {c.name: _coded(codelists[c.codelist]) for c in kind.columns if c.codelist is not None}
    types = coded[roles.type[0]]
    groups = None if roles.groups is None else codelists[roles.groups].values
    seen: list[_Records] = []

    def feed(columns: Columns) -> None:
        client = columns[roles.client]
        number = client.text.cast(pl.Int64, strict=False).set(~(client.sound & client.filled), None)
        type_ = types.places(_first_text([columns[name] for name in roles.type]))
        form = type_ if roles.form is None else coded[roles.form].places(columns[roles.form].text)
        seen.append(_Records(number, type_, form))
        _tally(counts[f.TYPE_ARRANGEMENTS], type_, types.keys)
        ended = _course(roles, columns, period, counts)
        if roles.reason is not None:
            reasons = coded[roles.reason]
            _tally(counts[f.REASON], reasons.places(columns[roles.reason].text.filter(ended)), reasons.keys)
        if f.START in counts:
            _starts(columns[roles.start[0]].filled, columns[roles.start[1]].filled, counts[f.START])

    def finish() -> Figures:
        if groups is not None:
            for code, number in counts[f.TYPE_ARRANGEMENTS].items():
                counts[f.GROUP_ARRANGEMENTS][groups.get(code, f.UNKNOWN)] += number
        if any(len(records.client) > records.client.null_count() for records in seen):
            people = _people(seen)
            _types(people, types.keys, groups, counts)
            if roles.form is not None:
                _forms(people, coded[roles.form].keys, counts)
        return {}

    return Counting(feed, finish)


def _course(roles: ClientFigures, columns: Columns, period: ReportingPeriod, counts: Counts) -> pl.Series:
    """Count starts and ends; which records ended."""
    starts = _first([columns[name].value for name in roles.start])
    ends = _first([columns[name].value for name in roles.end])
    last = as_written(period.last)
    started = starts.is_between(as_written(period.first), last).fill_null(False)
    ended = (ends <= last).fill_null(False)
    _split(counts, started, (f.COURSE, f.STARTED), (f.COURSE, f.EARLIER))
    _split(counts, ended, (f.COURSE, f.ENDED), (f.COURSE, f.RUNNING))
    return ended


def _starts(actual: pl.Series, assigned: pl.Series, counts: dict[str, int]) -> None:
    for key, mask in (
        (f.BOTH, actual & assigned),
        (f.ACTUAL, actual & ~assigned),
        (f.ASSIGNED, ~actual & assigned),
        (f.NEITHER, ~actual & ~assigned),
    ):
        counts[key] += int(mask.sum())


def _people(seen: Sequence[_Records]) -> _Records:
    """The records of all batches of which the client is known, with numbers that leave room for a place after them."""
    client = pl.concat([records.client for records in seen])
    known = client.is_not_null()
    type_, form = (pl.concat(each) for each in zip(*((r.type, r.form) for r in seen), strict=True))
    client = client.filter(known)
    if (client > LARGEST).any():
        client = client.rank("dense").cast(pl.Int64)
    return _Records(client, type_.filter(known), form.filter(known))


# Numbers are sorted and compared with their neighbours, in place of groups made by hashing: a fifth of the time.


def _begins(ordered: pl.Series) -> pl.Series:
    """Where a number differs from the one before it; not for no numbers at all."""
    return pl.Series([True]).append(ordered.slice(1) != ordered.slice(0, len(ordered) - 1))


def _types(people: _Records, keys: Sequence[str], groups: Mapping[str, str] | None, counts: Counts) -> None:
    """Count clients by type, by group of types and by how many arrangements they have."""
    names = list(dict.fromkeys([*(groups or {}).values(), f.UNKNOWN]))
    group_of = [names.index((groups or {}).get(key, f.UNKNOWN)) for key in keys]
    # Types of one group stand together, so that one order serves both counts.
    order = sorted(range(len(keys)), key=lambda place: group_of[place])
    rank = pl.Series([order.index(place) for place in range(len(keys))], dtype=pl.Int64)
    wide = len(keys)
    ordered = (people.client * wide + rank[people.type]).sort()
    client = ordered // wide
    begins = _begins(client).arg_true()
    counts[f.TOTALS][f.CLIENTS] = len(begins)
    ends = begins.slice(1).append(pl.Series([len(ordered)], dtype=begins.dtype))
    for number, how_many in (ends - begins).value_counts().iter_rows():
        counts[f.LOAD][f.LOADS[min(number, f.MOST) - 1]] += how_many
    once = ordered.filter(_begins(ordered))
    _tally(counts[f.TYPE_CLIENTS], once % wide, [keys[place] for place in order])
    if groups is not None:
        of_rank = pl.Series([group_of[place] for place in order], dtype=pl.Int64)
        grouped = once // wide * len(names) + of_rank[once % wide]
        _tally(counts[f.GROUP_CLIENTS], grouped.filter(_begins(grouped)) % len(names), names)


def _forms(people: _Records, keys: Sequence[str], counts: Counts) -> None:
    """Count clients by the one form of delivery that they have, or several; an empty one beside another says
    nothing."""
    wide = len(keys)
    filled = people.form != wide - 1
    several = alone = 0
    if filled.any():
        ordered = (people.client.filter(filled) * wide + people.form.filter(filled)).sort()
        once = ordered.filter(_begins(ordered))
        begins = _begins(once // wide)
        ends = begins.slice(1).append(pl.Series([True]))
        single = once.filter(begins & ends)
        _tally(counts[f.FORM], single % wide, keys)
        alone, several = len(single), int(begins.sum()) - len(single)
    counts[f.FORM][f.SEVERAL] += several
    counts[f.FORM][f.UNKNOWN] += counts[f.TOTALS][f.CLIENTS] - alone - several


# --- costs --------------------------------------------------------------------------------------------------


def _costs(roles: CostFigures, wanted: f.Layout) -> Counting:
    amounts: dict[str, dict[str, int | None]] = {name: dict.fromkeys(wanted[name]) for name in (f.BUDGET, f.REALISED)}

    def feed(columns: Columns) -> None:
        key = columns[roles.key]
        for name, column in ((f.BUDGET, roles.budget), (f.REALISED, roles.realised)):
            rows = pl.DataFrame({"key": key.text, "amount": columns[column].value}).filter(key.sound & key.filled)
            each = rows.drop_nulls("amount").group_by("key").agg(pl.col("amount").sum())
            for code, amount in each.iter_rows():
                if code in amounts[name]:
                    amounts[name][code] = (amounts[name][code] or 0) + amount

    def finish() -> Figures:
        added: dict[str, int | None] = {}
        for name, values in amounts.items():
            parts = [amount for code, amount in values.items() if code != roles.total and amount is not None]
            added[name] = sum(parts) if parts else None
        return {**amounts, f.SUM: added}

    return Counting(feed, finish)
