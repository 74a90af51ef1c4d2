"""The figures of the op-orde report, counted over the batches of a data file.

Does: counts records, clients, arrangements and amounts by the parts that the kind's description gives to its columns;
keeps between batches only running totals and one small row per client, type and form of delivery.
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


def _codes(cells: Cells, listed: CodeList) -> pl.Series:
    """The place of each code in its list, other spellings counted with it; null where empty or no code."""
    places = {code: place for place, code in enumerate(listed.values)}
    places |= {alias: places[code] for alias, code in listed.aliases.items() if code in places}
    return cells.text.replace_strict(places, default=None, return_dtype=pl.UInt16)


def _tally(counts: dict[str, int], places: pl.Series, amounts: pl.Series, keys: Sequence[str]) -> None:
    """Add amounts to counts; a null place counts as unknown."""
    for place, amount in zip(places.to_list(), amounts.to_list(), strict=True):
        counts[f.UNKNOWN if place is None else keys[place]] += amount


# --- clients ------------------------------------------------------------------------------------------------


def _clients(
    roles: ClientFigures,
    kind: FileKind,
    codelists: Mapping[str, CodeList],
    period: ReportingPeriod,
    counts: Counts,
) -> Counting:
    """Counts into `counts`; has nothing to add at the end."""
    listed = {column.name: codelists[column.codelist] for column in kind.columns if column.codelist is not None}
    seen: list[pl.DataFrame] = []

    def feed(columns: Columns) -> None:
        client = columns[roles.client]
        kept = {
            "client": client.text.set(~(client.sound & client.filled), None).cast(pl.Int64, strict=False),
            "type": _first([_codes(columns[name], listed[name]) for name in roles.type]),
            "form": None if roles.form is None else _codes(columns[roles.form], listed[roles.form]),
        }
        rows = pl.DataFrame(kept, schema_overrides={"form": pl.UInt16})
        seen.append(rows.group_by("client", "type", "form").len("n"))
        ended = _course(roles, columns, period, counts)
        if roles.reason is not None:
            reasons = _codes(columns[roles.reason], listed[roles.reason]).filter(ended)
            each = pl.DataFrame({"reason": reasons}).group_by("reason").len("n")
            _tally(counts[f.REASON], each["reason"], each["n"], list(listed[roles.reason].values))
        if f.START in counts:
            _starts(columns[roles.start[0]].filled, columns[roles.start[1]].filled, counts[f.START])

    def finish() -> Figures:
        if seen:
            groups = None if roles.groups is None else codelists[roles.groups].values
            types = list(listed[roles.type[0]].values)
            forms = [] if roles.form is None else list(listed[roles.form].values)
            together = pl.concat(seen).group_by("client", "type", "form").agg(pl.col("n").sum())
            _arrangements(together, types, groups, counts)
            _people(together.drop_nulls("client"), types, forms, groups, counts)
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


def _arrangements(together: pl.DataFrame, types: list[str], groups: Mapping[str, str] | None, counts: Counts) -> None:
    each = together.group_by("type").agg(pl.col("n").sum())
    _tally(counts[f.TYPE_ARRANGEMENTS], each["type"], each["n"], types)
    if groups is not None:
        for code, number in counts[f.TYPE_ARRANGEMENTS].items():
            counts[f.GROUP_ARRANGEMENTS][groups.get(code, f.UNKNOWN)] += number


def _people(
    together: pl.DataFrame, types: list[str], forms: list[str], groups: Mapping[str, str] | None, counts: Counts
) -> None:
    """Count clients; in `together` each is told apart by a number."""
    by_type = together.select("client", "type").unique()
    each = by_type.group_by("type").len("n")
    _tally(counts[f.TYPE_CLIENTS], each["type"], each["n"], types)
    if groups is not None:
        names = list(dict.fromkeys(groups.values()))
        places = {place: names.index(groups[code]) for place, code in enumerate(types) if code in groups}
        grouped = by_type["type"].replace_strict(places, default=None, return_dtype=pl.UInt16)
        each = by_type.with_columns(group=grouped).select("client", "group").unique().group_by("group").len("n")
        _tally(counts[f.GROUP_CLIENTS], each["group"], each["n"], names)
    people = together.group_by("client").agg(
        pl.col("n").sum(), pl.col("form").min().alias("least"), pl.col("form").max().alias("most")
    )
    counts[f.TOTALS][f.CLIENTS] = people.height
    loads = people.select(pl.col("n").clip(upper_bound=f.MOST)).group_by("n").len("people")
    for number, how_many in loads.iter_rows():
        counts[f.LOAD][f.LOADS[number - 1]] += how_many
    if forms:
        several = people.filter(pl.col("least") != pl.col("most")).height
        alone = people.filter((pl.col("least") == pl.col("most")) | pl.col("least").is_null())
        each = alone.group_by("least").len("n")
        counts[f.FORM][f.SEVERAL] += several
        _tally(counts[f.FORM], each["least"], each["n"], forms)


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
