"""Files that are made at the moment of asking: status.json, LEESMIJ.txt / README.txt and the message log.

Does: turns facts into their bytes. A script can live on status.json alone; LEESMIJ.txt is a person's first page.
Touches: nothing.
Does not: gather (workflow.folders does).
"""

import codecs
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime

from gateway.domain.model import Desk, DeskFacts, Param, Span
from gateway.domain.workdays import local_day
from gateway.reports.dates import iso, iso_day, local, until_text
from gateway.reports.document import desk_of, dump
from gateway.reports.facts import ItemStatus, PendingStatus, ReadmeFacts, RefusalStatus, StatusFacts
from gateway.reports.names import REPORT_NAME
from gateway.reports.plain import masked, visible
from gateway.reports.tables import csv_bytes
from gateway.reports.wording import LANGUAGES, Texts

STATUS_SCHEMA = "gateway/status/1"
WIDTH = 76
LEAD_IN = re.compile(r"(- |[0-9]\. )")

EXTENDED = re.sub(r"\?(P<[a-z]+>|:)", "", REPORT_NAME.pattern)  # as grep -E and most languages read it

# What the log keeps for the gateway itself: a mail's own id, whether a refusal left a receipt.
NOT_FOR_USERS = frozenset({"mail", "receipt"})
OF_SENTENCE = "param_"
# Details that are words of the catalogue, and below which key; details that are moments (ISO 8601).
WORDS = {"occasion": "log.occasion", "term": "mails.term", "scan": "log.scan", "how": "log.how"}
MOMENTS = frozenset({"due"})

LogLine = tuple[datetime, str, str | None, Mapping[str, str | int]]


def status(facts: StatusFacts, texts: Texts) -> bytes:
    """status.json of one municipality: what stands where, what is pending, refused and not yet collected."""
    return dump(
        {
            "schema": STATUS_SCHEMA,
            "at": iso(facts.at),
            "sandbox": facts.sandbox,
            "municipality": facts.municipality.code,
            "name": visible(facts.municipality.name),
            "round": {
                "id": facts.round_id,
                "name": visible(facts.round_name),
                "opens": iso(facts.opens),
                "closes": iso(facts.closes),
                "last_safe_day": iso_day(facts.last_safe_day),
                "extended": facts.extended,
                "withdrawal": _span(facts.withdrawal),
            },
            "items": [_item(item) for item in facts.items],
            "pending": [_pending(drop) for drop in facts.pending],
            "refusals": [_refusal(refusal, texts) for refusal in facts.refusals],
            "uncollected": [report.stem for report in facts.uncollected],
            "to_collect": [
                {"report": report.stem, "placed": iso(report.placed), "due": iso(report.due)}
                for report in facts.uncollected
            ],
            "desks": {desk.value: desk_of(facts.desks[desk]) for desk in Desk},
        }
    )


def _span(span: Span | None) -> dict[str, object] | None:
    return None if span is None else {"opens": iso_day(span.opens), "closes": iso_day(span.closes)}


def _item(item: ItemStatus) -> dict[str, object]:
    return {
        "kind": item.kind,
        "period": item.period,
        "state": str(item.state),
        "version": item.version,
        "approved_version": item.approved_version,
        "drop_id": item.drop_id,
        "file": None if item.file is None else masked(item.file),
        "received": iso(item.received),
        "technical_due": iso(item.technical_due),
        "quality_due": iso(item.quality_due),
        "pickup_due": iso(item.pickup_due),
        "withdrawn": item.withdrawn,
        "versions": [
            {"version": each.version, "state": each.state, "drop_id": each.drop_id, "received": iso(each.received)}
            for each in item.versions
        ],
    }


def _pending(drop: PendingStatus) -> dict[str, object]:
    return {
        "drop_id": drop.drop_id,
        "state": str(drop.state),
        "file": {"name": masked(drop.file.name), "bytes": drop.file.size, "sha256": drop.file.sha256},
        "received": iso(drop.received),
        "technical_due": iso(drop.technical_due),
    }


def _refusal(refusal: RefusalStatus, texts: Texts) -> dict[str, object]:
    text = texts.tell_both(refusal.refusal)
    retry = texts.say("nl", f"refusals.{refusal.code}.retry") == "yes"
    return {
        "at": iso(refusal.at),
        "file": masked(refusal.file),
        "code": refusal.code,
        "retry": retry,
        "nl": text.nl,
        "en": text.en,
    }


def message_log(lines: Sequence[LogLine], texts: Texts, codes: Sequence[str | None] | None = None) -> bytes:
    """The message log as CSV: moment, event, account and details of each line, in the order given. `codes`: whose line
    each is, for who sees the log of several municipalities."""
    whose = () if codes is None else ("municipality",)
    columns = ("date", "time", *whose, "event", "event_english", "account", "details")
    rows: list[tuple[str, ...]] = [tuple(texts.say("nl", f"log.column.{name}") for name in columns)]
    for number, (at, event, account, details) in enumerate(lines):
        code = () if codes is None else (codes[number] or "",)
        moment = (local_day(at).isoformat(), f"{local(at):%H:%M:%S}")
        said = (event_words(event, texts, language) for language in LANGUAGES)
        rows.append((*moment, *code, *said, account or "", particulars(details, texts)))
    return csv_bytes(rows)


def event_words(event: str, texts: Texts, language: str) -> str:
    """What a line of the log says happened."""
    key = f"log.event.{event}"
    return texts.say(language, key) if texts.has(key) else event


def particulars(details: Mapping[str, str | int], texts: Texts) -> str:
    """The details of a line of the log, in words."""
    return ", ".join(_particulars(details, texts))


def _particulars(details: Mapping[str, str | int], texts: Texts) -> Iterator[str]:
    """`bestand: WMO_0363_2017H2.csv`, ...; of a refusal also the sentence that the sender got."""
    for name, value in sorted(details.items()):
        if name in NOT_FOR_USERS or name.startswith(OF_SENTENCE):
            continue
        key = f"log.detail.{name}"
        label = texts.say("nl", key) if texts.has(key) else name
        word = f"{WORDS[name]}.{value}" if name in WORDS else ""
        if word and texts.has(word):
            value = texts.say("nl", word)
        elif name in MOMENTS:
            value = until_text("nl", datetime.fromisoformat(str(value)))
        # Only a name is a stranger's; a checksum may hold nine digits that look like a number and must stay whole.
        yield f"{label}: {masked(str(value)) if name == 'name' else value}"
    sentence = f"refusals.{details.get('code')}.text"
    if texts.has(sentence):
        params = {key.removeprefix(OF_SENTENCE): value for key, value in details.items() if key.startswith(OF_SENTENCE)}
        with suppress(KeyError):  # a line whose particulars were blanked at the end of their term
            yield texts.say("nl", sentence, **params)


# --- LEESMIJ.txt, README.txt --------------------------------------------------------------------------------


def readme(facts: ReadmeFacts, texts: Texts, language: str) -> bytes:
    """LEESMIJ.txt (nl) or README.txt (en): UTF-8 with a byte order mark and CRLF, as Notepad likes it."""
    params = _params(facts, texts, language)
    blocks = [heading(texts.say(language, "folder.readme.title", **params), "=")]
    for section, keys in _sections(facts):
        title = texts.say(language, f"folder.readme.{section}.title", **params)
        said = [texts.say(language, f"folder.readme.{section}.{key}", **params) for key in keys]
        lines = [*map(wrap, said), *_list(section, facts, texts, language)]
        blocks.append("\n".join([heading(title, "-"), *lines]))
    text = "\n\n".join(blocks) + "\n"
    return codecs.BOM_UTF8 + text.replace("\n", "\r\n").encode()


def _workdays(n: int, texts: Texts, language: str) -> str:
    return texts.say(language, "reports.count.workdays", n=n)


def _asked(facts: ReadmeFacts) -> tuple[str, ...]:
    return facts.expected or (max(facts.periods),)


def _params(facts: ReadmeFacts, texts: Texts, language: str) -> dict[str, Param]:
    code = facts.municipalities[0].code if facts.municipalities else "GGGG"
    asked = _asked(facts)
    also = [period for period in facts.periods if period not in asked]
    params: dict[str, Param] = {
        "login": facts.login,
        "round": facts.round_name,
        "opens": facts.opens.isoformat(),
        "closes": facts.closes.isoformat(),
        "target": iso_day(facts.target) or "",
        "safe": iso_day(facts.last_safe_day) or "",
        "periods": ", ".join(asked),
        "also": ", ".join(also),
        "rounds": ", ".join(facts.assessor),
        "kinds": ", ".join(facts.kinds),
        "code": code,
        "example": f"{facts.kinds[0]}_{code}_{asked[-1]}.csv",
        "upload": facts.upload_bytes,
        "unpacked": facts.unpacked_bytes,
        "technical": _workdays(facts.service.technical, texts, language),
        "quality": _workdays(facts.service.quality, texts, language),
        "pickup": _workdays(facts.service.pickup, texts, language),
        "terms": facts.terms_file,
        "terms_text": facts.terms_text,
        "route": facts.route or "",
        "nothing": f"GEEN_{facts.kinds[0]}_{code}_{asked[-1]}.txt",
        "item": f"{facts.kinds[0]}_{asked[-1]}",
        "retention": facts.retention_days or 0,
        "first": "",
        "last": "",
    }
    if facts.withdrawal is not None:
        params |= {"first": facts.withdrawal.opens.isoformat(), "last": facts.withdrawal.closes.isoformat()}
    return params


def _sections(facts: ReadmeFacts) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The sections in order, each with the sentences that apply to these facts."""
    if facts.sandbox:
        yield "sandbox", ("what",)
    if not facts.verified:
        yield "verify", ("what", "how", "lost")
    if facts.assessor:
        yield "assessor", ("where", *(("verdicts",) if facts.judged else ()), "reports", "handover", "rest")
    else:
        yield from _for_municipalities(facts)
    if facts.route is not None:
        yield "route", ("what",)
    yield "desks", ()
    if facts.host_key_fingerprints:
        yield "hostkey", ("what",)


def _for_municipalities(facts: ReadmeFacts) -> Iterator[tuple[str, tuple[str, ...]]]:
    if not facts.terms_accepted:
        yield "terms", (("text", "what") if facts.terms_text else ("what",)) if facts.terms_file else ("ask",)
    if facts.leads or facts.led:
        yield "mandate", ()
    yield "short", ("drop", "receipt", *(("precheck",) if facts.judged else ()), "technical", "quality", "fetch")
    safe = ("safe", "why") if facts.last_safe_day is not None else ()
    target = ("target",) if facts.target is not None else ()
    also = ("also",) if set(facts.periods) - set(_asked(facts)) else ()
    yield "period", ("window", *target, *safe, "asked", *also)
    yield "folders", ("inbox", "trial", "outbox", "collected", "withdraw", "log", "status")
    yield "nothing", ("how", "after")
    yield "files", ("sorts", "size", "name", "characters", "one", "temporary", "privacy")
    outcomes = ("receipts", "verdicts", *(("prechecks",) if facts.judged else ()), "others")
    yield "reports", ("names", "kinds", *outcomes, "forms", "again")
    yield "collect", ("read", "confirm", *(("retention",) if facts.retention_days else ()))
    yield "remove", ("what",)
    if facts.withdrawal is not None:
        yield "withdrawal", (*(("opt_in", "how_in") if facts.opt_in else ("window", "how")), "lead")
    yield "refused", ("where", "form", "retry")
    yield "scripts", ("status", "upload", "twice", "pattern")


def _list(section: str, facts: ReadmeFacts, texts: Texts, language: str) -> list[str]:
    """What stands under a section's sentences: one line each, never wrapped."""
    if section == "folders":
        return [f"  /{each.code}/  {visible(each.name)}" for each in facts.municipalities]
    if section == "mandate":
        return list(_mandates(facts, texts, language))
    if section == "period":
        return [
            "  " + texts.say(language, "folder.readme.period.extended", name=each.name, until=until.isoformat())
            for each, until in facts.extensions
        ]
    if section == "desks":
        return [line for desk in Desk for line in _desk(texts.say(language, f"reports.ask.{desk}"), facts.desks[desk])]
    if section == "hostkey":
        return [f"  {visible(fingerprint)}" for fingerprint in facts.host_key_fingerprints]
    if section == "scripts":
        return [f"  {EXTENDED}"]
    return []


def _mandates(facts: ReadmeFacts, texts: Texts, language: str) -> Iterator[str]:
    for own, lead in facts.leads:
        yield wrap(texts.say(language, "folder.readme.mandate.by", name=own.name, lead=lead.name))
    for each in facts.led:
        yield wrap(texts.say(language, "folder.readme.mandate.for", name=each.name, code=each.code))


def _desk(about: str, desk: DeskFacts) -> list[str]:
    return [f"{about}:", f"  {desk.name}, {desk.phone}, {desk.mail}"]


def heading(text: str, line: str) -> str:
    """A line of text, underlined."""
    return f"{text}\n{line * len(text)}"


def wrap(sentence: str) -> str:
    """The sentence over several lines; what follows a dash or number is indented."""
    lead_in = LEAD_IN.match(sentence)
    indent = " " * len(lead_in.group()) if lead_in else ""
    return textwrap.fill(sentence, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
