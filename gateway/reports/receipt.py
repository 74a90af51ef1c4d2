"""The receipt (ontvangstbevestiging): what became of an upload, minutes after it, or why it was refused.

Does: makes OB_... as HTML and JSON from ReceiptFacts. It is made inside the receiving transaction, hence cheap.
Touches: nothing.
Does not: say anything of what is inside the file; that is the technical report's.
"""

from gateway.domain.model import Desk, Phrase, Report, ReportFile, ReportKind
from gateway.reports import names
from gateway.reports.document import NextStep, assemble, head
from gateway.reports.facts import ReceiptFacts
from gateway.reports.pages import Page, When, render
from gateway.reports.particulars import (
    asks,
    banners,
    closing,
    desk_line,
    details,
    open_until,
    subject,
    title,
    when,
    window_dates,
)
from gateway.reports.plain import masked
from gateway.reports.wording import Pair, Texts

SCHEMA = "gateway/receipt/1"

TONES = {"ONTVANGEN": "good", "HERHALING": "info", "GEWEIGERD": "bad", "AANGEHOUDEN": "info", "GEEN-LEVERING": "good"}


def receipt(facts: ReceiptFacts, texts: Texts) -> Report:
    """The receipt of one upload: HTML and JSON. ValueError for an outcome that no receipt has."""
    envelope = facts.envelope
    kind, period = facts.item or (None, None)
    stem = names.stem(
        ReportKind.RECEIPT,
        envelope.municipality.code,
        envelope.drop_id,
        facts.outcome,
        period=period,
        file_kind=kind,
    )
    step = _next_step(facts, texts)
    html = ReportFile(f"{stem}.html", render("page.html", texts, _page(facts, texts, step, stem)))
    document = head(SCHEMA, "receipt", facts.outcome, envelope, step)
    document |= {"kind": kind, "period": period, "first_drop": facts.first_drop}
    document["refusal"] = _refusal(facts.refusal, texts)
    return assemble(ReportKind.RECEIPT, stem, facts.outcome, document, (html,))


def _refusal(refusal: Phrase | None, texts: Texts) -> dict[str, object] | None:
    if refusal is None:
        return None
    text, help_ = texts.tell_both(refusal), _help(refusal, texts)
    return {"code": _code(refusal), "nl": text.nl, "en": text.en, "help": {"nl": help_.nl, "en": help_.en}}


def _code(refusal: Phrase) -> str:
    return refusal.key.split(".")[1]


def _help(refusal: Phrase, texts: Texts) -> Pair:
    return texts.tell_both(Phrase(f"refusals.{_code(refusal)}.help", refusal.params))


def _desk(facts: ReceiptFacts, texts: Texts) -> Desk:
    return Desk.ACCESS if facts.refusal is None else Desk(texts.say("nl", f"refusals.{_code(facts.refusal)}.desk"))


def _next_step(facts: ReceiptFacts, texts: Texts) -> NextStep:
    envelope, desk = facts.envelope, _desk(facts, texts)
    if facts.refusal is not None:
        return _after_refusal(facts, texts, desk, facts.refusal)
    if facts.outcome == "GEEN-LEVERING":
        done = texts.both("reports.next.nothing"), texts.both("reports.next.nothing_else")
        return NextStep(done, None, desk, closing=closing(envelope.times, texts))
    if facts.outcome == "HERHALING":
        first = texts.both("reports.next.repeat", first=facts.first_drop or "")
        return NextStep((first, texts.both("reports.next.repeat_else")), None, desk)
    if envelope.trial:
        return NextStep((texts.both("reports.next.trial_wait"), texts.both("reports.next.trial_counts")), None, desk)
    start = texts.both("reports.next.held" if facts.outcome == "AANGEHOUDEN" else "reports.next.wait")
    due = envelope.times.technical_due
    if due is None:
        return NextStep((start,), None, desk)
    report = texts.both("reports.next.technical", due=due.isoformat())
    fetch = texts.both("reports.next.fetch", n=envelope.times.pickup_days)
    missing = texts.both("reports.next.missing", desk=desk_line(Desk.ACCESS, envelope))
    return NextStep((start, report, missing, fetch), due, desk)


def _after_refusal(facts: ReceiptFacts, texts: Texts, desk: Desk, refusal: Phrase) -> NextStep:
    help_, times = _help(refusal, texts), facts.envelope.times
    steps = (help_,) if facts.route is None else (help_, texts.both("reports.next.route", route=facts.route))
    if facts.envelope.trial:
        return NextStep(steps, None, desk, facts.retry)
    return NextStep(steps, open_until(times), desk, facts.retry, closing(times, texts))


def _page(facts: ReceiptFacts, texts: Texts, step: NextStep, stem: str) -> Page:
    envelope = facts.envelope
    name, verdict = texts.both("reports.name.OB"), texts.both(f"outcomes.{facts.outcome}")
    return Page(
        name=name,
        title=title(name, verdict, envelope.file.name, texts),
        subject=(subject(envelope, texts),),
        tone=TONES[facts.outcome],
        verdict=verdict,
        lead=_lead(facts, texts),
        banners=banners(envelope, texts),
        steps=step.sentences,
        dates=_dates(facts, texts),
        asks=asks(step.desk, envelope, texts),
        details=details(envelope, texts, refused=facts.refusal is not None),
        siblings=((f"{stem}.json", texts.both("reports.page.files_json")),),
    )


def _lead(facts: ReceiptFacts, texts: Texts) -> Pair:
    name = masked(facts.envelope.file.name)
    if facts.refusal is not None:
        text = texts.tell_both(facts.refusal)
        return Pair(f"{name}: {text.nl}", f"{name}: {text.en}")
    if facts.item is not None:
        return texts.both("reports.lead.GEEN-LEVERING", kind=facts.item[0], period=facts.item[1])
    kept = "PROEF-ONTVANGEN" if facts.envelope.trial and facts.outcome == "ONTVANGEN" else facts.outcome
    return texts.both(f"reports.lead.{kept}", file=name, first=facts.first_drop or "")


def _dates(facts: ReceiptFacts, texts: Texts) -> tuple[When, ...]:
    times = facts.envelope.times
    due: tuple[When, ...] = ()
    if facts.outcome in ("ONTVANGEN", "AANGEHOUDEN") and not facts.envelope.trial:
        due = when("reports.when.technical", times.technical_due, texts)
    return due + window_dates(times, texts)
