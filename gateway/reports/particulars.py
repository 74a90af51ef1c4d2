"""What every page on a drop tells besides its own news: banners, particulars, desks, and how long there is left.

Does: words the parts of an Envelope that all pages share, and what the closing of the window means for the reader.
Touches: nothing.
Does not: know a verdict.
"""

from datetime import date, datetime

from gateway.domain.model import Desk
from gateway.domain.workdays import local_day
from gateway.reports import dates
from gateway.reports.facts import Envelope, Times
from gateway.reports.pages import Ask, When
from gateway.reports.plain import masked, visible
from gateway.reports.wording import Pair, Texts

Detail = tuple[Pair, str | Pair]


def subject(envelope: Envelope, texts: Texts) -> str:
    """`Gemeente Amsterdam (0363)`."""
    return texts.say(
        "nl", "reports.page.municipality", name=envelope.municipality.name, code=envelope.municipality.code
    )


def title(name: Pair, verdict: Pair, file: str, texts: Texts) -> str:
    """What a browser shows on the tab: `Technisch rapport Afgekeurd: WMO_0363_2017H2.csv`."""
    return texts.say("nl", "reports.page.title", name=name.nl, outcome=verdict.nl, file=masked(file))


def banners(envelope: Envelope, texts: Texts) -> tuple[Pair, ...]:
    """Warnings above everything else: this does not count."""
    flags = {"reports.page.sandbox": envelope.sandbox, "reports.page.trial": envelope.trial}
    return tuple(texts.both(key) for key, raised in flags.items() if raised)


def asks(first: Desk, envelope: Envelope, texts: Texts) -> tuple[Ask, ...]:
    """Both desks, the one that knows most first."""
    order = sorted(Desk, key=lambda desk: desk is not first)
    return tuple(Ask(texts.both(f"reports.ask.{desk}"), envelope.desks[desk]) for desk in order)


def desk_line(desk: Desk, envelope: Envelope) -> str:
    """`Servicedesk Inlichtingenbureau, 0800 222 11 22`."""
    facts = envelope.desks[desk]
    return f"{facts.name}, {facts.phone}"


def details(envelope: Envelope, texts: Texts, *, refused: bool = False) -> tuple[Detail, ...]:
    """The particulars of the drop."""
    file, times = envelope.file, envelope.times
    found: list[Detail] = [(texts.both("reports.label.file"), masked(file.name))]
    if file.size:
        found.append((texts.both("reports.label.size"), texts.both("reports.label.bytes", size=file.size)))
        found.append((texts.both("reports.label.sha256"), file.sha256))
    found.append((texts.both("reports.label.drop_id"), envelope.drop_id))
    found.append(
        (texts.both("reports.label.refused" if refused else "reports.label.received"), moment(times.received, texts))
    )
    found.append((texts.both("reports.label.submitted_by"), visible(envelope.submitted_by)))
    if envelope.on_behalf_of is not None:
        found.append((texts.both("reports.label.on_behalf_of"), envelope.on_behalf_of))
    found.append((texts.both("reports.label.round"), visible(envelope.round_name)))
    found.append((texts.both("reports.label.ready"), moment(times.ready, texts)))
    if times.pickup_due is not None:
        found.append((texts.both("reports.label.pickup"), until(times.pickup_due)))
    if times.calendar:
        found.append((texts.both("reports.label.calendar"), visible(times.calendar)))
    return tuple(found)


def moment(at: datetime, texts: Texts) -> Pair:
    """A moment in both languages."""
    return Pair(dates.moment_text("nl", at), dates.moment_text("en", at))


def when(key: str, at: datetime | None, texts: Texts) -> tuple[When, ...]:
    """A due moment with its label, if there is one."""
    if at is None:
        return ()
    return (When(texts.both(key), until(at)),)


def until(at: datetime) -> Pair:
    """A moment up to which something can be done, in both languages."""
    return Pair(dates.until_text("nl", at), dates.until_text("en", at))


def window_dates(times: Times, texts: Texts) -> tuple[When, ...]:
    """Until when one can deliver, if that is still so at the moment of the report."""
    if is_closed(times):
        return ()
    found: list[When] = []
    if times.window_opens is not None and times.ready < times.window_opens:
        found += _day("reports.when.opens", local_day(times.window_opens), texts)
    closes = "reports.when.extended" if times.extended else "reports.when.closes"
    found += when(closes, times.window_closes, texts)
    if times.last_safe_day is not None and is_safe(times):
        found += _day("reports.when.safe", times.last_safe_day, texts)
    return tuple(found)


def _day(key: str, day: date, texts: Texts) -> tuple[When, ...]:
    return (When(texts.both(key), Pair(dates.day_text("nl", day), dates.day_text("en", day))),)


def is_closed(times: Times) -> bool:
    """Whether the delivery window is over when the report is made."""
    return times.window_closes is not None and times.ready > times.window_closes


def is_safe(times: Times) -> bool:
    """Whether there is time for one more full round of correction."""
    return times.last_safe_day is not None and local_day(times.ready) <= times.last_safe_day


def haste(times: Times, envelope: Envelope, texts: Texts) -> tuple[Pair, ...]:
    """What the dates mean for who has to deliver again: is there time for a full round, or none at all."""
    if is_closed(times) and times.window_closes is not None:
        desk = desk_line(Desk.ACCESS, envelope)
        return (texts.both("reports.next.closed", closes=times.window_closes.isoformat(), desk=desk),)
    if times.last_safe_day is None:
        return ()
    key = "reports.next.safe" if is_safe(times) else "reports.next.unsafe"
    return (texts.both(key, day=times.last_safe_day.isoformat()),)


def closing(times: Times, texts: Texts) -> tuple[Pair, ...]:
    """Until when delivering is possible, while it is."""
    if times.window_closes is None or is_closed(times):
        return ()
    until = "reports.next.extended" if times.extended else "reports.next.until"
    return (texts.both(until, closes=times.window_closes.isoformat()),)


def open_until(times: Times) -> datetime | None:
    """The end of the delivery window, if that is still to come."""
    return None if is_closed(times) else times.window_closes
