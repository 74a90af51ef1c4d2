"""The confirmation of a withdrawal (bevestiging van intrekking): an item was withdrawn, or set active again.

Does: makes IB_... as HTML and JSON from WithdrawalFacts, with the selection of all items as it stands now.
Touches: nothing.
Does not: know who may withdraw (lifecycle), or say anything of what was delivered.
"""

from gateway.domain.model import Desk, Report, ReportFile, ReportKind
from gateway.reports import names
from gateway.reports.dates import iso
from gateway.reports.document import NextStep, assemble, head
from gateway.reports.facts import WithdrawalFacts
from gateway.reports.pages import Page, render
from gateway.reports.particulars import Detail, asks, banners, desk_line, moment, subject, title, when
from gateway.reports.plain import visible
from gateway.reports.wording import Pair, Texts

SCHEMA = "gateway/withdrawal/1"

# A withdrawal is no fault and no merit: neither good nor bad.
TONE = "info"


def withdrawal(facts: WithdrawalFacts, texts: Texts) -> Report:
    """The confirmation of one change: HTML and JSON."""
    envelope, outcome = facts.envelope, _outcome(facts.withdrawn)
    stem = names.stem(
        ReportKind.WITHDRAWAL,
        envelope.municipality.code,
        envelope.drop_id,
        outcome,
        period=facts.period,
        file_kind=facts.kind,
    )
    step = _next_step(facts, texts)
    html = ReportFile(f"{stem}.html", render("page.html", texts, _page(facts, texts, step, stem)))
    document = head(SCHEMA, "withdrawal", outcome, envelope, step)
    document |= {"kind": facts.kind, "period": facts.period, "version": facts.version}
    document["withdrawal"] = {
        "withdrawn": facts.withdrawn,
        "channel": facts.channel,
        "opens": iso(facts.opens),
        "closes": iso(facts.closes),
    }
    document["selection"] = [
        {"kind": each.kind, "period": each.period, "withdrawn": each.withdrawn} for each in facts.selection
    ]
    return assemble(ReportKind.WITHDRAWAL, stem, outcome, document, (html,))


def _outcome(withdrawn: bool) -> str:
    return "INGETROKKEN" if withdrawn else "ACTIEF"


def _item(kind: str, period: str) -> str:
    return f"{kind} {period}"


def _is_open(facts: WithdrawalFacts) -> bool:
    return facts.envelope.times.ready <= facts.closes


def _next_step(facts: WithdrawalFacts, texts: Texts) -> NextStep:
    means = texts.both(f"reports.next.{_outcome(facts.withdrawn)}")
    if facts.channel == "form":
        wrong = texts.both("reports.next.form", desk=desk_line(Desk.ACCESS, facts.envelope))
        return NextStep((means, wrong), None, Desk.ACCESS)
    other = f"{facts.kind}_{facts.period}.{'actief' if facts.withdrawn else 'ingetrokken'}"
    back = texts.both("reports.next.change", name=other, closes=facts.closes.isoformat())
    return NextStep((means, back), None, Desk.ACCESS)


def _page(facts: WithdrawalFacts, texts: Texts, step: NextStep, stem: str) -> Page:
    envelope, outcome = facts.envelope, _outcome(facts.withdrawn)
    name, verdict = texts.both("reports.name.IB"), texts.both(f"outcomes.{outcome}")
    return Page(
        name=name,
        title=title(name, verdict, _item(facts.kind, facts.period), texts),
        subject=(subject(envelope, texts), _item(facts.kind, facts.period)),
        tone=TONE,
        verdict=verdict,
        lead=texts.both(f"reports.lead.{outcome}", kind=facts.kind, period=facts.period),
        banners=banners(envelope, texts),
        steps=step.sentences,
        dates=when("reports.when.change", facts.closes, texts) if _is_open(facts) else (),
        asks=asks(step.desk, envelope, texts),
        details=_details(facts, texts),
        siblings=((f"{stem}.json", texts.both("reports.page.files_json")),),
    )


def _details(facts: WithdrawalFacts, texts: Texts) -> tuple[Detail, ...]:
    envelope = facts.envelope
    found: list[Detail] = [
        (Pair(*(_item(each.kind, each.period),) * 2), texts.both(f"outcomes.{_outcome(each.withdrawn)}"))
        for each in facts.selection
    ]
    found.append((texts.both("reports.label.act_id"), envelope.drop_id))
    found.append((texts.both("reports.label.recorded"), moment(envelope.times.received, texts)))
    found.append((texts.both("reports.label.recorded_by"), visible(envelope.submitted_by)))
    found.append((texts.both("reports.label.channel"), texts.both(f"reports.channel.{facts.channel}")))
    found.append((texts.both("reports.label.round"), visible(envelope.round_name)))
    return tuple(found)
