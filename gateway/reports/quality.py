"""The op-orde report (op-orde rapport): the figures of an approved delivery, beside those of the one before, so that a
municipality can see if its data are complete and right.

Does: makes OO_... as HTML (charts and tables), CSV (a row per figure) and JSON (all of it) from QualityFacts.
Touches: nothing.
Does not: count, or judge whether a difference is a mistake; show a small count in any form.
"""

from collections.abc import Iterator, Sequence

from gateway.domain import figures as f
from gateway.domain.comparison import NOTHING, Seen
from gateway.domain.model import Desk, Report, ReportFile, ReportKind
from gateway.reports import names
from gateway.reports.document import NextStep, assemble, head
from gateway.reports.facts import QualityFacts
from gateway.reports.overview import overview
from gateway.reports.pages import Page, render
from gateway.reports.particulars import (
    Detail,
    asks,
    banners,
    closing,
    desk_line,
    details,
    haste,
    is_closed,
    open_until,
    subject,
    title,
    window_dates,
)
from gateway.reports.plain import masked
from gateway.reports.tables import Cell, csv_bytes
from gateway.reports.tallies import Beside, Row, Section, Tallies, counted, in_row, marked, tallies
from gateway.reports.wording import Pair, Texts

SCHEMA = "gateway/quality/1"
OUTCOME = "GEREED"


def quality(facts: QualityFacts, texts: Texts) -> Report:
    """The op-orde report on one delivery: HTML, CSV, JSON."""
    envelope = facts.envelope
    stem = names.stem(
        ReportKind.QUALITY,
        envelope.municipality.code,
        envelope.drop_id,
        OUTCOME,
        period=facts.period,
        file_kind=facts.kind.code,
        version=facts.version,
    )
    found = tallies(facts, texts)
    flags = list(marked(found))
    step = _next_step(facts, texts, len(flags))
    html = render(
        "quality.html",
        texts,
        _page(facts, texts, step, found, len(flags), stem),
        view=overview(facts, texts, found, flags),
    )
    table = csv_bytes(_rows(facts, texts, found))
    document = _document(facts, texts, found, step)
    files = (ReportFile(f"{stem}.html", html), ReportFile(f"{stem}.csv", table))
    return assemble(ReportKind.QUALITY, stem, OUTCOME, document, files)


# --- JSON ---------------------------------------------------------------------------------------------------


def _document(facts: QualityFacts, texts: Texts, found: Tallies, step: NextStep) -> dict[str, object]:
    document = head(SCHEMA, "quality", OUTCOME, facts.envelope, step)
    document |= {
        "delivery_id": facts.delivery_id,
        "kind": facts.kind.code,
        "period": facts.period,
        "version": facts.version,
        "supersedes": facts.supersedes,
        "member": {"name": masked(facts.member)},
        "hidden_below": facts.smallest,
        "flagged_from_percent": facts.flag_percent,
    }
    document["summary"] = {
        "per_code": {},
        "errors": 0,
        "warnings": 0,
        "records": found.cells[f.TOTALS, f.RECORDS].value,
    }
    formers = [former for former in (facts.former_version, facts.former_period) if former is not None]
    document["compared_with"] = [{"period": former.period, "version": former.version} for former in formers]
    document["figures"] = [_figure(section, row) for section in (found.totals, *found.sections) for row in section.rows]
    return document


def _figure(section: Section, row: Row) -> dict[str, object]:
    return {
        "section": section.name,
        "key": row.key,
        "nl": row.label.nl,
        "en": row.label.en,
        **_number(row.now),
        "share": row.share,
        "compared": [None if beside is None else _beside(beside, points=section.points) for beside in row.besides],
    }


def _number(number: Seen) -> dict[str, object]:
    if number == NOTHING:
        return {"sight": "none", "value": None, "least": None, "most": None}
    return {"sight": number.sight.value, "value": number.value, "least": number.least, "most": number.most}


def _beside(beside: Beside, *, points: bool) -> dict[str, object]:
    moved = beside.change
    return {
        **_number(beside.before),
        "share": beside.share,
        "change": moved.absolute,
        "change_percent": None if points else moved.percent,
        "change_points": moved.percent if points else None,
        "flagged": moved.flagged,
    }


# --- CSV ----------------------------------------------------------------------------------------------------


def _rows(facts: QualityFacts, texts: Texts, found: Tallies) -> Iterator[Sequence[Cell]]:
    """A row per figure; numbers are numbers, what is hidden is text."""

    def said(language: str, key: str) -> str:
        return texts.say(language, f"quality.column.{key}")

    own = [said("nl", key) for key in ("section", "code", "label", "now", "least", "most", "share")]
    for name in found.heads:
        own += [name.nl, *(f"{name.nl}: {said('nl', key)}" for key in ("share", "change", "percent", "flagged"))]
    yield [*own, *(f"{said('en', key)} (EN)" for key in ("section", "label", "now"))]
    for section in (found.totals, *found.sections):
        for row in section.rows:
            now = in_row(row, facts, texts)
            cells: list[Cell] = [section.title.nl, row.key, row.label.nl, _cell(row.now, now.nl), row.now.least]
            cells += [row.now.most, row.share]
            for beside in row.besides:
                cells += [None] * 5 if beside is None else _cells_of(beside, facts, texts)
            yield [*cells, section.title.en, row.label.en, _cell(row.now, now.en)]


def _cells_of(beside: Beside, facts: QualityFacts, texts: Texts) -> list[Cell]:
    before = _cell(beside.before, counted(beside.before, facts, texts).nl)
    flag = texts.say("nl", "quality.marked") if beside.change.flagged else None
    return [before, beside.share, beside.change.absolute, beside.change.percent, flag]


def _cell(number: Seen, words: str) -> Cell:
    if number == NOTHING:
        return None
    return words if number.value is None else number.value


# --- what to do next ----------------------------------------------------------------------------------------


def _next_step(facts: QualityFacts, texts: Texts, flags: int) -> NextStep:
    times, envelope = facts.envelope.times, facts.envelope
    sentences = [texts.both("quality.next.compare")]
    if flags:
        sentences.append(texts.both("quality.next.flagged"))
    sentences.append(texts.both("quality.next.right"))
    if not is_closed(times):
        sentences.append(texts.both("quality.next.wrong"))
    sentences += haste(times, envelope, texts)
    if is_closed(times):
        sentences.append(texts.both("quality.next.wrong_closed", desk=desk_line(Desk.CONTENT, envelope)))
    if facts.withdrawal is not None:
        first, last = facts.withdrawal.opens.isoformat(), facts.withdrawal.closes.isoformat()
        sentences.append(texts.both("quality.next.withdrawal", first=first, last=last))
    return NextStep(tuple(sentences), open_until(times), Desk.CONTENT, closing=closing(times, texts))


# --- the page -----------------------------------------------------------------------------------------------


def _page(facts: QualityFacts, texts: Texts, step: NextStep, found: Tallies, flags: int, stem: str) -> Page:
    envelope = facts.envelope
    name = texts.both("reports.name.OO")
    verdict = texts.both("quality.verdict.flagged", n=flags) if flags else texts.both("quality.verdict.plain")
    item = f"{facts.kind.code} {facts.period}"
    return Page(
        name=name,
        title=title(name, texts.both(f"outcomes.{OUTCOME}"), facts.member, texts),
        subject=(subject(envelope, texts), item, texts.say("nl", "reports.page.version", version=facts.version)),
        tone="info",
        verdict=verdict,
        lead=_lead(facts, texts, found),
        banners=banners(envelope, texts),
        steps=step.sentences,
        dates=window_dates(envelope.times, texts),
        asks=asks(Desk.CONTENT, envelope, texts),
        details=(*details(envelope, texts), *_details(facts, texts)),
        siblings=(
            (f"{stem}.csv", texts.both("quality.page.files_csv")),
            (f"{stem}.json", texts.both("reports.page.files_json")),
        ),
    )


def _details(facts: QualityFacts, texts: Texts) -> tuple[Detail, ...]:
    found: list[Detail] = []
    if facts.member != facts.envelope.file.name:
        found.append((texts.both("reports.label.member"), masked(facts.member)))
    found.append((texts.both("reports.label.delivery_id"), facts.delivery_id))
    if facts.supersedes is not None:
        found.append((texts.both("reports.label.supersedes"), str(facts.supersedes)))
    return tuple(found)


def _lead(facts: QualityFacts, texts: Texts, found: Tallies) -> Pair:
    def both(key: str, **cells: f.Cell) -> Pair:
        spoken = {name: counted(found.cells[cell], facts, texts) for name, cell in cells.items()}
        nl = texts.say("nl", key, file=masked(facts.member), **{name: pair.nl for name, pair in spoken.items()})
        en = texts.say("en", key, file=masked(facts.member), **{name: pair.en for name, pair in spoken.items()})
        return Pair(nl, en)

    if facts.kind.figures.clients is not None:
        return both("quality.lead.clients", records=(f.TOTALS, f.RECORDS), clients=(f.TOTALS, f.CLIENTS))
    if facts.kind.figures.costs is not None:
        return both("quality.lead.costs", budget=(f.SUM, f.BUDGET), realised=(f.SUM, f.REALISED))
    return both("quality.lead.records", records=(f.TOTALS, f.RECORDS))
