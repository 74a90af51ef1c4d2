"""Rules over columns and rows, by the names that `config/kinds/*.yaml` uses.

Does: CHECKS, written out: each takes a Rule and the Context, and gives a function from a View to Faults; those that
look across batches keep a little state between them and speak at the end of the file.
Touches: nothing.
Does not: know a kind or a column by name. A cell that is not sound was reported already and is left alone here.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import polars as pl

from gateway.domain.checks.faults import Context, Fault, Said, View
from gateway.domain.checks.masking import quotable_day, shown
from gateway.domain.checks.municipalities import judge_rows
from gateway.domain.kinds import Rule, as_written
from gateway.domain.model import Finding, Phrase, Severity, phrase

Feed = Callable[[View], Sequence[Fault]]


def _nothing() -> Sequence[Finding]:
    return ()


@dataclass(frozen=True, slots=True)
class Running:
    """A rule at work on one file: `feed` takes its batches in order, `finish` what concerns the file as a whole."""

    feed: Feed
    finish: Callable[[], Sequence[Finding]] = _nothing


Check = Callable[[Rule, Context], Running]


def _all_sound(view: View, columns: Sequence[str]) -> pl.Series:
    mask = view.columns[columns[0]].sound
    for column in columns[1:]:
        mask = mask & view.columns[column].sound
    return mask


def _filled(view: View, columns: Sequence[str]) -> list[pl.Series]:
    return [view.columns[column].filled for column in columns]


def _any(masks: Sequence[pl.Series]) -> pl.Series:
    return masks[0] if len(masks) == 1 else masks[0] | _any(masks[1:])


def _every(masks: Sequence[pl.Series]) -> pl.Series:
    return masks[0] if len(masks) == 1 else masks[0] & _every(masks[1:])


# --- within a row -------------------------------------------------------------------------------------------


def one_of(rule: Rule, context: Context) -> Running:
    """R01 when none of the columns is filled."""
    said = Said(
        phrase("findings.R01.one_of", columns=", ".join(rule.columns)),
        phrase("expected.one_of", columns=", ".join(rule.columns)),
        phrase("shapes.nothing"),
    )

    def feed(view: View) -> Sequence[Fault]:
        return [Fault("R01", Severity.RECORD, rule.columns[0], ~_any(_filled(view, rule.columns)), lambda row: said)]

    return Running(feed)


def not_before(rule: Rule, context: Context) -> Running:
    """R06 when the first column's day lies before the second's."""
    end, start = rule.columns
    message = phrase("findings.R06.before_start", column=start)

    def feed(view: View) -> Sequence[Fault]:
        ends, starts = view.columns[end], view.columns[start]
        mask = (ends.value < starts.value) & ends.sound & starts.sound

        def say(row: int) -> Said:
            day = str(starts.text[row])
            expected = phrase("expected.not_before_column", column=start)
            if quotable_day(day):
                expected = phrase("expected.not_before", day=day)
            return Said(message, expected, shown(str(ends.text[row]), is_date=True))

        return [Fault("R06", Severity.RECORD, end, mask, say)]

    return Running(feed)


def overlaps_period(rule: Rule, context: Context) -> Running:
    """R07 when a record lies outside the half-year. Columns: start, start when that is empty, end, end when that is
    empty."""
    start, other_start, end, other_end = rule.columns
    first, last = as_written(context.period.first), as_written(context.period.last)
    after = Said(
        phrase("findings.R07.starts_after", last=context.period.last.isoformat()),
        phrase("expected.not_after", day=f"{last}"),
    )
    before = Said(
        phrase("findings.R07.ends_before", first=context.period.first.isoformat()),
        phrase("expected.not_before", day=f"{first}"),
    )

    def feed(view: View) -> Sequence[Fault]:
        sound = _all_sound(view, rule.columns)
        faults = []
        for preferred, other, said in ((start, other_start, after), (end, other_end, before)):
            chosen, fallback = view.columns[preferred], view.columns[other]
            for column, cells, applies in (
                (preferred, chosen, chosen.filled),
                (other, fallback, fallback.filled & ~chosen.filled),
            ):
                outside = cells.value > last if said is after else cells.value < first
                mask = outside & applies & sound
                faults.append(Fault("R07", Severity.RECORD, column, mask, _with_day(said, cells.text)))
        return faults

    return Running(feed)


def _with_day(said: Said, text: pl.Series) -> Callable[[int], Said]:
    return lambda row: Said(said.message, said.expected, shown(str(text[row]), is_date=True))


def not_in_future(rule: Rule, context: Context) -> Running:
    """R03 when the day lies after the day of receipt."""
    (column,) = rule.columns
    today = as_written(context.received_on)
    said = Said(phrase("findings.R03.future"), phrase("expected.not_after", day=f"{today}"))

    def feed(view: View) -> Sequence[Fault]:
        cells = view.columns[column]
        mask = (cells.value > today) & cells.sound
        return [Fault("R03", Severity.RECORD, column, mask, _with_day(said, cells.text))]

    return Running(feed)


def all_or_none(rule: Rule, context: Context) -> Running:
    """W06 when some of the columns are filled and others are not; said of the first column that is empty."""
    said = Said(
        phrase("findings.W06.partly", columns=", ".join(rule.columns)),
        phrase("expected.all_or_none", columns=", ".join(rule.columns)),
        phrase("shapes.nothing"),
    )

    def feed(view: View) -> Sequence[Fault]:
        filled = _filled(view, rule.columns)
        open_rows = _any(filled) & ~_every(filled)
        faults = []
        for column, has in zip(rule.columns, filled, strict=True):
            faults.append(Fault("W06", Severity.WARNING, column, open_rows & ~has, lambda row: said))
            open_rows = open_rows & has
        return faults

    return Running(feed)


def only_with(rule: Rule, context: Context) -> Running:
    """R08 when the first column is filled while the second is empty."""
    column, needed = rule.columns
    message, expected = phrase("findings.R08.only_with", column=needed), phrase("expected.empty")

    def feed(view: View) -> Sequence[Fault]:
        cells = view.columns[column]
        mask = cells.filled & ~view.columns[needed].filled & cells.sound
        return [
            Fault(
                "R08", Severity.RECORD, column, mask, lambda row: Said(message, expected, shown(str(cells.text[row])))
            )
        ]

    return Running(feed)


def wanted_with(rule: Rule, context: Context) -> Running:
    """W04 when the second column is filled and the first, which explains it, is empty."""
    column, cause = rule.columns
    said = Said(phrase("findings.W04.missing", column=cause), phrase("expected.filled"), phrase("shapes.nothing"))

    def feed(view: View) -> Sequence[Fault]:
        because = view.columns[cause]
        mask = because.filled & because.sound & ~view.columns[column].filled
        return [Fault("W04", Severity.WARNING, column, mask, lambda row: said)]

    return Running(feed)


# --- across rows --------------------------------------------------------------------------------------------


def same_in_all_rows(rule: Rule, context: Context) -> Running:
    """R09 for each record whose value is not that of the first sound one."""
    (column,) = rule.columns
    is_date = any(c.name == column and c.type == "date" for c in context.kind.columns)
    message = phrase("findings.R09.differs")
    first: list[tuple[str, Phrase]] = []

    def feed(view: View) -> Sequence[Fault]:
        cells = view.columns[column]
        usable = cells.filled & cells.sound
        if not first and usable.any():
            row = int(usable.arg_true()[0])
            value = str(cells.text[row])
            first.append((value, _as_first(shown(value, is_date=is_date), int(view.lines[row]))))
        if not first:
            return []
        value, expected = first[0]

        def say(row: int) -> Said:
            return Said(message, expected, shown(str(cells.text[row]), is_date=is_date))

        return [Fault("R09", Severity.RECORD, column, usable & (cells.text != value), say)]

    return Running(feed)


def _as_first(found: Phrase, line: int) -> Phrase:
    """The value of the first record as what is expected of the others, when it may be shown."""
    if found.key != "shapes.value":
        return phrase("expected.same", line=line)
    return phrase("expected.same_value", line=line, value=dict(found.params)["value"])


def _repeats(hashes: pl.Series, lines: pl.Series, usable: pl.Series, seen: list[pl.DataFrame]) -> pl.Series:
    """Which usable rows were seen before, in this batch or an earlier one; remembers the new ones in `seen`."""
    batch = pl.DataFrame({"hash": hashes, "line": lines, "usable": usable})
    again = hashes.is_first_distinct()
    repeated = ~again
    if not usable.all():
        own = batch.with_row_index("row").filter("usable")
        later = own.filter(~pl.col("hash").is_first_distinct())["row"]
        repeated = pl.zeros(len(hashes), pl.Boolean, eager=True)
        if len(later):
            repeated = repeated.scatter(later, True)
    for before in seen:
        repeated = repeated | hashes.is_in(before["hash"].implode())
    repeated = repeated & usable
    seen.append(batch.filter(usable & ~repeated).select("hash", "line"))
    return repeated


def _first_line(seen: Sequence[pl.DataFrame], value: int) -> int:
    return next(
        int(before["line"][int(rows[0])]) for before in seen if len(rows := (before["hash"] == value).arg_true())
    )


def unique(rule: Rule, context: Context) -> Running:
    """R09 for each record whose value in the columns together stood in an earlier one."""
    seen: list[pl.DataFrame] = []

    def feed(view: View) -> Sequence[Fault]:
        texts = pl.DataFrame({name: view.columns[name].text for name in rule.columns})
        hashes = texts.hash_rows()
        usable = _all_sound(view, rule.columns) & _any(_filled(view, rule.columns))
        mask = _repeats(hashes, view.lines, usable, seen)

        def say(row: int) -> Said:
            message = phrase("findings.R09.not_unique", line=_first_line(seen, hashes[row]))
            return Said(message, phrase("expected.unique"), shown(str(view.columns[rule.columns[0]].text[row])))

        return [Fault("R09", Severity.RECORD, rule.columns[0], mask, say)]

    return Running(feed)


def no_duplicates(rule: Rule, context: Context) -> Running:
    """W02 for each record that equals an earlier one in all columns of the file."""
    seen: list[pl.DataFrame] = []

    def feed(view: View) -> Sequence[Fault]:
        hashes = pl.DataFrame({name: cells.text for name, cells in view.columns.items()}).hash_rows()
        if not seen and hashes.n_unique() == len(hashes):
            seen.append(pl.DataFrame({"hash": hashes, "line": view.lines}))
            return []
        everything = pl.ones(view.rows(), pl.Boolean, eager=True)
        mask = _repeats(hashes, view.lines, everything, seen)

        def say(row: int) -> Said:
            return Said(phrase("findings.W02.same_row", line=_first_line(seen, hashes[row])))

        return [Fault("W02", Severity.WARNING, None, mask, say)]

    return Running(feed)


@dataclass(slots=True)
class _Sum:
    """Of one amount: the sum of the parts, and the record of the total (line, record, amount) where it is filled."""

    parts: int = 0
    totals: list[tuple[int, int, int]] = field(default_factory=list)


def total(rule: Rule, context: Context) -> Running:
    """W07 when the record of the total differs from the sum of the others by more than the tolerance. Columns: the key,
    then amounts. Settings: `total` the key of the total, `tolerance` whole units. Silent when a cell is not sound or a
    key stands twice: then the sum is wrong because of that."""
    key, *amounts = rule.columns
    name, tolerance = str(rule.settings["total"]), int(rule.settings["tolerance"])
    sums = {amount: _Sum() for amount in amounts}
    keys: set[str] = set()
    unsure: list[bool] = []

    def feed(view: View) -> Sequence[Fault]:
        text = view.columns[key].text
        here = set(text.unique())
        if not _all_sound(view, rule.columns).all() or len(here) < view.rows() or here & keys:
            unsure.append(True)
        if unsure:
            return []
        keys.update(here)
        is_total = text == name
        rows = is_total.arg_true()
        for amount, so_far in sums.items():
            value = view.columns[amount].value
            so_far.parts += int(value.filter(~is_total).sum() or 0)
            for row in rows:
                if value[row] is not None:
                    so_far.totals.append((int(view.lines[row]), int(view.records[row]), int(value[row])))
        return []

    def finish() -> Sequence[Finding]:
        message, expected = phrase("findings.W07.total", total=name), phrase("expected.sum", tolerance=tolerance)
        return [
            Finding("W07", Severity.WARNING, message, None, line, record, amount, expected)
            for amount, so_far in sums.items()
            for line, record, whole in so_far.totals
            if not unsure and abs(whole - so_far.parts) > tolerance
        ]

    return Running(feed, finish)


def all_present(rule: Rule, context: Context) -> Running:
    """W07 when one of the values (setting `values`, separated by spaces) stands in no record."""
    (column,) = rule.columns
    missing = dict.fromkeys(str(rule.settings["values"]).split())
    unsound: list[bool] = []

    def feed(view: View) -> Sequence[Fault]:
        cells = view.columns[column]
        if not cells.sound.all():
            unsound.append(True)
        for value in [value for value in missing if (cells.text == value).any()]:
            del missing[value]
        return []

    def finish() -> Sequence[Finding]:
        if unsound or not missing:
            return ()
        values = ", ".join(missing)
        message = phrase("findings.W07.absent", values=values)
        return [
            Finding("W07", Severity.WARNING, message, column=column, expected=phrase("expected.rows", values=values))
        ]

    return Running(feed, finish)


def municipality(rule: Rule, context: Context) -> Running:
    """F09 when the rows name more than one municipality or another than the file's name, W03 when the two are joined by
    a merger."""
    (column,) = rule.columns
    seen: dict[str, int] = {}

    def feed(view: View) -> Sequence[Fault]:
        cells = view.columns[column]
        if (cells.text == context.municipality).all() and cells.sound.all():
            # As in nearly every file.
            seen.setdefault(context.municipality, int(view.lines[0]))
            return []
        usable = cells.filled & cells.sound
        rows = pl.DataFrame({"code": cells.text, "line": view.lines}).filter(usable)
        for code, line in rows.unique("code", keep="first", maintain_order=True).iter_rows():
            seen.setdefault(code, line)
        return []

    return Running(feed, lambda: judge_rows(seen, column, context.municipality, context.successors))


# What each asks of a rule stands in domain.demands.
CHECKS: dict[str, Check] = {
    "one_of": one_of,
    "not_before": not_before,
    "overlaps_period": overlaps_period,
    "not_in_future": not_in_future,
    "all_or_none": all_or_none,
    "only_with": only_with,
    "wanted_with": wanted_with,
    "same_in_all_rows": same_in_all_rows,
    "unique": unique,
    "no_duplicates": no_duplicates,
    "total": total,
    "all_present": all_present,
    "municipality": municipality,
}
