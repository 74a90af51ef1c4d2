"""The technical report (technisch rapport): verdict, every finding with its place, what to do and by when.

Does: makes TR_... as HTML (findings by cause), CSV (a row per finding) and JSON (all of it) from TechnicalFacts.
Touches: nothing.
Does not: check anything, or show a value that a finding did not already mask.
"""

from gateway.domain.model import Desk, Finding, Phrase, Report, ReportFile, ReportKind
from gateway.reports import names
from gateway.reports.causes import Totals, causes, totals
from gateway.reports.document import NextStep, assemble, head
from gateway.reports.facts import TechnicalFacts
from gateway.reports.findings import member_of, told
from gateway.reports.pages import Page, When, render
from gateway.reports.particulars import (
    Detail,
    asks,
    banners,
    closing,
    details,
    haste,
    is_closed,
    open_until,
    subject,
    title,
    when,
    window_dates,
)
from gateway.reports.plain import masked
from gateway.reports.sections import Section, Tell, remembering, sections
from gateway.reports.tables import csv_bytes
from gateway.reports.wording import Pair, Texts

SCHEMA = "gateway/technical/1"


def technical(facts: TechnicalFacts, texts: Texts) -> Report:
    """The technical report on one delivery or drop: HTML, CSV, JSON. ValueError for an outcome that it cannot have."""
    envelope, member = facts.envelope, facts.member
    stem = names.stem(
        ReportKind.TECHNICAL,
        envelope.municipality.code,
        envelope.drop_id,
        facts.outcome,
        period=None if member is None else member.period,
        file_kind=None if member is None else member.kind,
        version=facts.version,
    )
    tell, step = remembering(texts), _next_step(facts, texts)
    found, sums = causes(facts.findings, facts.counts), totals(facts.findings, facts.counts)
    ordered = tuple(finding for cause in found for finding in cause.findings)
    parts = sections(found, own_name(facts), texts, tell, facts.docs_url)
    page, most = _page(facts, texts, step, sums, stem), _most(parts, texts)
    html = render("technical.html", texts, page, sections=parts, totals=sums, most=most)
    table = csv_bytes(_rows(ordered, texts, tell))
    document = _document(facts, ordered, sums, tell, step)
    files = (ReportFile(f"{stem}.html", html), ReportFile(f"{stem}.csv", table))
    return assemble(ReportKind.TECHNICAL, stem, facts.outcome, document, files)


def own_name(facts: TechnicalFacts) -> str:
    """The name of what the report is on: the data file, or the upload when it maps to none."""
    return facts.envelope.file.name if facts.member is None else facts.member.name


# --- the three forms ----------------------------------------------------------------------------------------


def _document(
    facts: TechnicalFacts, findings: tuple[Finding, ...], sums: Totals, tell: Tell, step: NextStep
) -> dict[str, object]:
    document = head(SCHEMA, "technical", facts.outcome, facts.envelope, step)
    document["delivery_id"] = facts.delivery_id
    document["version"] = facts.version
    document["supersedes"] = facts.supersedes
    if facts.member is not None:
        document["kind"] = facts.member.kind
        document["period"] = facts.member.period
    document |= told(findings, facts.counts, facts.member, sums, tell)
    document["member"] = None if facts.member is None else member_of(facts.member)
    document["standing"] = facts.standing
    return document


def _rows(findings: tuple[Finding, ...], texts: Texts, tell: Tell) -> list[tuple[str | int | None, ...]]:
    columns = ("code", "severity", "member", "line", "record", "column", "expected", "found", "message", "help")
    english = ("severity", "expected", "found", "message", "help")
    heads = [texts.say("nl", f"reports.column.{name}") for name in columns]
    rows: list[tuple[str | int | None, ...]] = [
        (*heads, *(texts.say("en", f"reports.column.{name}") for name in english))
    ]
    helps = {code: tell(Phrase(f"findings.{code}.help")) for code in {finding.code for finding in findings}}
    weights = {each: tell(Phrase(f"reports.severity.{each}")) for each in {finding.severity for finding in findings}}
    members = {each: None if each is None else masked(each) for each in {finding.member for finding in findings}}
    nothing = Pair("", "")
    for finding in findings:
        severity, help_, member = weights[finding.severity], helps[finding.code], members[finding.member]
        expected = nothing if finding.expected is None else tell(finding.expected)
        found = nothing if finding.found is None else tell(finding.found)
        message = tell(finding.message)
        rows.append(
            (
                *(finding.code, severity.nl, member, finding.line, finding.record, finding.column),
                *(expected.nl, found.nl, message.nl, help_.nl),
                *(severity.en, expected.en, found.en, message.en, help_.en),
            )
        )
    return rows


# --- what to do next ----------------------------------------------------------------------------------------


def _next_step(facts: TechnicalFacts, texts: Texts) -> NextStep:
    if facts.outcome in names.PRECHECKED:
        return _after_precheck(facts, texts)
    if facts.outcome.endswith("AFGEKEURD"):
        return _after_rejection(facts, texts)
    return _after_approval(facts, texts)


def _after_precheck(facts: TechnicalFacts, texts: Texts) -> NextStep:
    """The verdict is somebody else's and still to come."""
    times = facts.envelope.times
    found = "faults" if facts.outcome.endswith("AFGEKEURD") else "sound"
    sentences = [texts.both("reports.next.precheck"), texts.both(f"reports.next.precheck_{found}")]
    if times.technical_due is not None:
        sentences.append(texts.both("reports.next.technical", due=times.technical_due.isoformat()))
        sentences.append(texts.both("reports.next.fetch", n=times.pickup_days))
    return NextStep(tuple(sentences), times.technical_due, Desk.CONTENT)


def _after_rejection(facts: TechnicalFacts, texts: Texts) -> NextStep:
    envelope, times = facts.envelope, facts.envelope.times
    by, until = open_until(times), closing(times, texts)
    if envelope.trial:
        return NextStep((texts.both("reports.next.trial_repair"),), by, Desk.CONTENT, closing=until)
    repair = () if is_closed(times) else (_repair(facts, texts),)
    standing = () if facts.standing is None else (texts.both("reports.next.standing", version=facts.standing),)
    return NextStep((*repair, *haste(times, envelope, texts), *standing), by, Desk.CONTENT, closing=until)


def _repair(facts: TechnicalFacts, texts: Texts) -> Pair:
    file, member = facts.envelope.file.name, facts.member
    if member is None:
        return texts.both("reports.next.repair_others" if facts.others else "reports.next.repair", file=masked(file))
    if member.name == file:
        return texts.both("reports.next.repair_same_name", file=masked(file))
    return texts.both("reports.next.repair_member", member=masked(member.name), file=masked(file))


def _after_approval(facts: TechnicalFacts, texts: Texts) -> NextStep:
    times = facts.envelope.times
    sentences: tuple[Pair, ...] = ()
    if facts.findings:
        sentences = (texts.both("reports.next.look"),)
    if facts.envelope.trial:
        sentences += (texts.both("reports.next.trial_deliver"),)
        return NextStep(sentences, open_until(times), Desk.CONTENT, closing=closing(times, texts))
    if times.quality_due is None:
        return NextStep((*sentences, texts.both("reports.next.quality_follows")), None, Desk.CONTENT)
    sentences += (texts.both("reports.next.quality", due=times.quality_due.isoformat()),)
    if times.window_closes is not None and times.quality_due > times.window_closes:
        sentences += (texts.both("reports.next.quality_late", closes=times.window_closes.isoformat()),)
    return NextStep(sentences, times.quality_due, Desk.CONTENT)


# --- the page -----------------------------------------------------------------------------------------------


def _page(facts: TechnicalFacts, texts: Texts, step: NextStep, sums: Totals, stem: str) -> Page:
    envelope = facts.envelope
    name, verdict = texts.both("reports.name.TR"), texts.both(f"outcomes.{facts.outcome}")
    return Page(
        name=name,
        title=title(name, verdict, own_name(facts), texts),
        subject=(subject(envelope, texts), *_item(facts, texts)),
        tone="bad" if facts.outcome.endswith("AFGEKEURD") else "good",
        verdict=verdict,
        lead=_lead(facts, texts, sums),
        banners=banners(envelope, texts),
        steps=step.sentences,
        dates=_dates(facts, texts),
        asks=asks(step.desk, envelope, texts),
        details=(*details(envelope, texts), *_details(facts, texts)),
        siblings=tuple(
            (f"{stem}.{extension}", texts.both(f"reports.page.files_{extension}")) for extension in ("csv", "json")
        ),
    )


def _item(facts: TechnicalFacts, texts: Texts) -> tuple[str, ...]:
    if facts.member is None:
        return ()
    item = f"{facts.member.kind} {facts.member.period}"
    if facts.version is None:
        return (item,)
    return (item, texts.say("nl", "reports.page.version", version=facts.version))


def _lead(facts: TechnicalFacts, texts: Texts, sums: Totals) -> Pair:
    name = masked(own_name(facts))
    key = "reports.lead.faultless"
    if sums.errors and sums.warnings:
        key = "reports.lead.errors_and_warnings"
    elif sums.total:
        key = "reports.lead.errors" if sums.errors else "reports.lead.warnings"
    spoken = {
        language: texts.say(
            language,
            key,
            file=name,
            errors=texts.say(language, "reports.count.errors", n=sums.errors),
            warnings=texts.say(language, "reports.count.warnings", n=sums.warnings),
        )
        for language in ("nl", "en")
    }
    return Pair(spoken["nl"], spoken["en"])


def _most(parts: tuple[Section, ...], texts: Texts) -> Pair | None:
    """What weighs most and where, for the first screen; None without findings."""
    if not parts:
        return None
    first = parts[0]
    line = first.cause.findings[0].line
    key = "".join(("column" if first.column else "", "line" if line else "")) or "file"
    alone = "single" if len(parts) == 1 and first.cause.count == 1 else "several"
    spoken = {
        language: texts.say(
            language,
            f"reports.most.{alone}",
            title=getattr(first.title, language),
            count=getattr(first.count, language),
            place=texts.say(language, f"reports.most.{key}", column=first.column, line=line or 0),
        )
        for language in ("nl", "en")
    }
    return Pair(spoken["nl"], spoken["en"])


def _dates(facts: TechnicalFacts, texts: Texts) -> tuple[When, ...]:
    times = facts.envelope.times
    if facts.outcome == "GOEDGEKEURD":
        return when("reports.when.quality", times.quality_due, texts) + window_dates(times, texts)
    owed = times.technical_due if facts.outcome in names.PRECHECKED else None
    return when("reports.when.technical", owed, texts) + window_dates(times, texts)


def _details(facts: TechnicalFacts, texts: Texts) -> tuple[Detail, ...]:
    found: list[Detail] = []
    if facts.member is not None:
        if facts.member.name != facts.envelope.file.name:
            found.append((texts.both("reports.label.member"), masked(facts.member.name)))
        found.append((texts.both("reports.label.records"), texts.both("reports.label.number", n=facts.member.records)))
    if facts.delivery_id is not None:
        found.append((texts.both("reports.label.delivery_id"), facts.delivery_id))
    if facts.supersedes is not None:
        found.append((texts.both("reports.label.supersedes"), str(facts.supersedes)))
    return tuple(found)
