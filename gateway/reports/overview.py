"""What the page of an op-orde report shows of its figures: worded lines, charts, large differences, costs.

Does: turns tallies into what templates/quality.html draws.
Touches: nothing.
Does not: count, hide or compare (tallies), or know what the reader should do (quality).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.domain import figures as f
from gateway.domain.comparison import NOTHING, Change, share
from gateway.reports.charts import Chart, bars_of, pairs_of
from gateway.reports.dates import number_text, percent_text
from gateway.reports.facts import QualityFacts
from gateway.reports.tallies import Beside, Row, Section, Tallies, counted, in_row
from gateway.reports.wording import Pair, Texts

FLAGS_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Moved:
    """A change as a cell of the page."""

    text: Pair
    flagged: bool
    up: bool


@dataclass(frozen=True, slots=True)
class Line:
    """A row as the page shows it: its number, share, and per earlier delivery the number and what changed."""

    label: Pair
    now: Pair
    share: Pair | None
    besides: tuple[tuple[Pair, Moved] | None, ...]
    flagged: bool


@dataclass(frozen=True, slots=True)
class Part:
    """A section as the page shows it."""

    section: Section
    chart: Chart
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Flag:
    """A large difference, named at the top of the page."""

    section: Section
    label: Pair
    now: Pair
    before: Pair
    former: Pair
    change: Moved


@dataclass(frozen=True, slots=True)
class View:
    """All that the template of this report draws besides the common page."""

    totals: tuple[Line, ...]
    parts: tuple[Part, ...]
    flags: tuple[Flag, ...]
    more: int
    costs: Chart | None
    shares: tuple[tuple[Pair, Pair, Pair, str], ...]
    sums: tuple[Pair, ...]
    formers: tuple[Pair, ...]
    heads: tuple[Pair, ...]
    clients: bool
    percent: int
    smallest: int


def overview(
    facts: QualityFacts, texts: Texts, found: Tallies, flags: Sequence[tuple[Section, Row, int, Beside]]
) -> View:
    """All of it; `flags` are the large differences, the largest first."""
    # Amounts with nothing beside them are all told by the table of both.
    told = [section for section in found.sections if found.formers or section.name not in f.AMOUNTS]
    parts = tuple(_part(section, facts, texts) for section in told)
    shown = tuple(
        Flag(
            section=section,
            label=row.label,
            now=in_row(row, facts, texts),
            before=counted(beside.before, facts, texts),
            former=found.heads[place],
            change=_moved(beside.change, points=section.points, texts=texts),
        )
        for section, row, place, beside in flags[:FLAGS_SHOWN]
    )
    return View(
        totals=tuple(_line(row, found.totals, facts, texts) for row in found.totals.rows),
        parts=parts,
        flags=shown,
        more=len(flags) - len(shown),
        costs=_costs_chart(found, facts, texts),
        shares=_realised_shares(found, facts, texts),
        sums=_sums(found, facts, texts),
        formers=found.formers,
        heads=found.heads,
        clients=facts.kind.figures.clients is not None,
        percent=facts.flag_percent,
        smallest=facts.smallest,
    )


def _part(section: Section, facts: QualityFacts, texts: Texts) -> Part:
    rows = section.parts
    values = [in_row(row, facts, texts) for row in rows]
    if section.points:
        values = [value if row.share is None else _percent(row.share) for row, value in zip(rows, values, strict=True)]
    known = [(row.now.least, row, value) for row, value in zip(rows, values, strict=True) if row.now.least]
    if known:
        _, row, value = max(known, key=lambda each: each[0])
        description = Pair(
            texts.say("nl", "quality.page.chart", title=section.title.nl, label=row.label.nl, value=value.nl),
            texts.say("en", "quality.page.chart", title=section.title.en, label=row.label.en, value=value.en),
        )
    else:
        description = _titled("quality.page.chart_none", section.title, texts)
    lines = tuple(_line(row, section, facts, texts) for row in section.rows)
    return Part(section, bars_of(section, values, description), lines)


def _titled(key: str, name: Pair, texts: Texts) -> Pair:
    return Pair(texts.say("nl", key, title=name.nl), texts.say("en", key, title=name.en))


def _line(row: Row, section: Section, facts: QualityFacts, texts: Texts) -> Line:
    besides = tuple(
        None
        if beside is None
        else (
            _shared(beside, section, facts, texts),
            _moved(beside.change, points=section.points, texts=texts),
        )
        for beside in row.besides
    )
    own = None if row.share is None else _percent(row.share)
    return Line(row.label, in_row(row, facts, texts), own, besides, row.flagged)


def _shared(beside: Beside, section: Section, facts: QualityFacts, texts: Texts) -> Pair:
    """The earlier number; where shares are compared, the earlier share."""
    if section.points and beside.share is not None:
        return _percent(beside.share)
    return counted(beside.before, facts, texts)


def _percent(number: float) -> Pair:
    return Pair(percent_text("nl", number), percent_text("en", number))


def _signed(text: str, number: float) -> str:
    return f"+{text}" if number > 0 else text.replace("-", "\u2212")


def _moved(moved: Change, *, points: bool, texts: Texts) -> Moved:
    """`+12 (+3,4%)`; from nothing to something: `+12 (nieuw)`; of what is not shown nothing."""
    spoken = []
    for language in ("nl", "en"):
        words = []
        if moved.absolute is not None:
            same = texts.say(language, "quality.count.same")
            words.append(_signed(number_text(language, moved.absolute), moved.absolute) if moved.absolute else same)
            if moved.percent is not None and moved.absolute:
                words.append(f"({_signed(percent_text(language, moved.percent), moved.percent)})")
            elif moved.absolute:
                words.append(f"({texts.say(language, 'quality.count.new')})")
        elif points and moved.percent is not None:
            words.append(_signed(percent_text(language, moved.percent).rstrip("%"), moved.percent))
        spoken.append(" ".join(words))
    return Moved(Pair(*spoken), moved.flagged, (moved.absolute or moved.percent or 0) >= 0)


# --- costs --------------------------------------------------------------------------------------------------


def _pair_of_sections(found: Tallies) -> tuple[Section, Section] | None:
    by_name = {section.name: section for section in found.sections}
    return (by_name[f.BUDGET], by_name[f.REALISED]) if f.BUDGET in by_name else None


def _costs_chart(found: Tallies, facts: QualityFacts, texts: Texts) -> Chart | None:
    both = _pair_of_sections(found)
    if both is None:
        return None
    name = texts.both("quality.section.costs")
    values = [
        (counted(row.now, facts, texts).nl, counted(other.now, facts, texts).nl)
        for row, other in zip(both[0].parts, both[1].parts, strict=True)
    ]
    return pairs_of("costs", name, *both, _titled("quality.page.chart_pairs", name, texts), values)


def _realised_shares(found: Tallies, facts: QualityFacts, texts: Texts) -> tuple[tuple[Pair, Pair, Pair, str], ...]:
    """Per row its budget, what was realised, and that as a share."""
    both = _pair_of_sections(found)
    if both is None:
        return ()
    rows = []
    for row, other in zip(both[0].rows, both[1].rows, strict=True):
        part = share(other.now, row.now)
        rows.append(
            (
                row.label,
                counted(row.now, facts, texts),
                counted(other.now, facts, texts),
                "" if part is None else percent_text("nl", part),
            )
        )
    return tuple(rows)


def _sums(found: Tallies, facts: QualityFacts, texts: Texts) -> tuple[Pair, ...]:
    """The total that was given against the sum of the others, for each amount that has one."""
    costs = facts.kind.figures.costs
    if costs is None or costs.total is None:
        return ()
    said = []
    for name in (f.BUDGET, f.REALISED):
        total, added = found.cells[name, costs.total], found.cells[f.SUM, name]
        if total == NOTHING or added == NOTHING:
            continue
        key = "quality.total.equal" if total.value == added.value else "quality.total.differs"
        spoken = [
            texts.say(
                language,
                key,
                what=texts.say(language, f"quality.total.{name}"),
                total=number_text(language, total.value or 0),
                **({} if total.value == added.value else {"sum": number_text(language, added.value or 0)}),
            )
            for language in ("nl", "en")
        ]
        said.append(Pair(*spoken))
    return tuple(said)
