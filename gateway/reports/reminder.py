"""The reminder (herinnering): reports lie ready and nobody collected them.

Does: makes HB_... as HTML and JSON from ReminderFacts.
Touches: nothing.
Does not: say what the reports hold, or decide when it is time (workflow).
"""

from gateway.domain.model import Desk, Report, ReportFile, ReportKind
from gateway.reports import names
from gateway.reports.dates import iso
from gateway.reports.document import assemble, desk_of
from gateway.reports.facts import ReminderFacts, WaitingReport
from gateway.reports.pages import Ask, Page, render
from gateway.reports.plain import masked, visible
from gateway.reports.wording import Pair, Texts

SCHEMA = "gateway/reminder/1"
OUTCOME = "HERINNERING"


def reminder(facts: ReminderFacts, texts: Texts) -> Report:
    """The reminder of one municipality: HTML and JSON."""
    stem = names.stem(ReportKind.REMINDER, facts.municipality.code, facts.reminder_id, OUTCOME)
    steps = tuple(texts.both(f"reports.reminder.{name}") for name in ("fetch", "confirm", "then"))
    html = ReportFile(f"{stem}.html", render("page.html", texts, _page(facts, texts, steps, stem)))
    document: dict[str, object] = {
        "schema": SCHEMA,
        "report": "reminder",
        "outcome": OUTCOME,
        "sandbox": facts.sandbox,
        "reminder_id": facts.reminder_id,
        "municipality": facts.municipality.code,
        "round": visible(facts.round_name),
        "at": iso(facts.at),
        "waiting": [_waiting(each) for each in facts.waiting],
        "next_step": {
            "nl": " ".join(step.nl for step in steps),
            "en": " ".join(step.en for step in steps),
            "by": None,
        },
        "desk": desk_of(facts.desks[Desk.ACCESS]),
        "files": [],
    }
    return assemble(ReportKind.REMINDER, stem, OUTCOME, document, (html,))


def _waiting(report: WaitingReport) -> dict[str, object]:
    return {"report": report.stem, "placed": iso(report.placed), "due": iso(report.due)}


def _page(facts: ReminderFacts, texts: Texts, steps: tuple[Pair, ...], stem: str) -> Page:
    name, verdict = texts.both("reports.name.HB"), texts.both(f"outcomes.{OUTCOME}")
    place = texts.say("nl", "reports.page.municipality", name=facts.municipality.name, code=facts.municipality.code)
    reports = tuple(
        (texts.both("reports.reminder.since", at=each.placed.isoformat()), masked(each.stem)) for each in facts.waiting
    )
    return Page(
        name=name,
        title=texts.say("nl", "reports.page.title", name=name.nl, outcome=verdict.nl, file=facts.municipality.code),
        subject=(place,),
        tone="info",
        verdict=verdict,
        lead=texts.both(f"reports.lead.{OUTCOME}", n=len(facts.waiting)),
        banners=(texts.both("reports.page.sandbox"),) if facts.sandbox else (),
        steps=steps,
        dates=(),
        asks=tuple(Ask(texts.both(f"reports.ask.{desk}"), facts.desks[desk]) for desk in Desk),
        details=((texts.both("reports.label.round"), visible(facts.round_name)), *reports),
        siblings=((f"{stem}.json", texts.both("reports.page.files_json")),),
    )
