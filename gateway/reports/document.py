"""The JSON form of a report: the truth that the other forms are views of.

Does: builds what every report says at its head, writes JSON, and puts a report's files together with the JSON last.
Touches: nothing.
Does not: know any one report. Keys are published in docs/schemas; fields are only ever added.

One line per key and one per finding, so that a person and `grep` can read it too.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway.domain.model import Desk, DeskFacts, Report, ReportFile, ReportKind
from gateway.reports.dates import iso, iso_day
from gateway.reports.facts import Envelope, Times
from gateway.reports.plain import masked, visible
from gateway.reports.wording import Pair

# `json.dumps` makes a new one for each of hundreds of elements.
ENCODER = json.JSONEncoder(ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class NextStep:
    """What the reader does now, sentence by sentence, by when (None: no date), and which desk knows more. `closing`
    says until when delivering is possible; a page shows that as a date instead."""

    sentences: tuple[Pair, ...]
    by: datetime | None
    desk: Desk
    retry: bool = False
    closing: tuple[Pair, ...] = ()


def head(schema: str, report: str, outcome: str, envelope: Envelope, step: NextStep) -> dict[str, object]:
    """The keys that all reports on a drop share, in their published order; what is of no use is null."""
    return {
        "schema": schema,
        "report": report,
        "outcome": outcome,
        "sandbox": envelope.sandbox,
        "trial": envelope.trial,
        "drop_id": envelope.drop_id,
        "delivery_id": None,
        "municipality": envelope.municipality.code,
        "submitted_by": visible(envelope.submitted_by),
        "on_behalf_of": envelope.on_behalf_of,
        "round": visible(envelope.round_name),
        "kind": None,
        "period": None,
        "version": None,
        "supersedes": None,
        "file": file_of(envelope),
        "times": times_of(envelope.times),
        "next_step": {
            "nl": " ".join(sentence.nl for sentence in (*step.sentences, *step.closing)),
            "en": " ".join(sentence.en for sentence in (*step.sentences, *step.closing)),
            "by": iso(step.by),
        },
        "desk": desk_of(envelope.desks[step.desk]),
        "retry": step.retry,
        "files": [],
        "summary": {"per_code": {}, "errors": 0, "warnings": 0, "records": None},
        "findings": [],
        "truncated": {"shown": 0, "total": 0},
    }


def file_of(envelope: Envelope) -> dict[str, object]:
    """Name, bytes and SHA-256 of the upload; the last two are null when nothing of it arrived."""
    file = envelope.file
    return {
        "name": masked(file.name),
        "bytes": file.size or None,
        "sha256": file.sha256 if file.size else None,
    }


def times_of(times: Times) -> dict[str, object]:
    """Moments as ISO 8601 with the offset of Amsterdam, days as ISO days."""
    return {
        "received": iso(times.received),
        "ready": iso(times.ready),
        "technical_due": iso(times.technical_due),
        "quality_due": iso(times.quality_due),
        "pickup_due": iso(times.pickup_due),
        "window_closes": iso(times.window_closes),
        "last_safe_day": iso_day(times.last_safe_day),
        "calendar": times.calendar,
        "window_extended": times.extended,
    }


def desk_of(desk: DeskFacts) -> dict[str, str]:
    """How to reach a desk."""
    return {"name": desk.name, "phone": desk.phone, "mail": desk.mail}


def assemble(
    kind: ReportKind, stem: str, outcome: str, document: Mapping[str, object], files: Sequence[ReportFile]
) -> Report:
    """The report with its JSON last, in which `files` names size and SHA-256 of the others."""
    siblings = [
        {"name": file.name, "bytes": len(file.body), "sha256": hashlib.sha256(file.body).hexdigest()} for file in files
    ]
    body = dump({**document, "files": siblings})
    return Report(kind, stem, outcome, (*files, ReportFile(f"{stem}.json", body)))


def dump(document: Mapping[str, object]) -> bytes:
    """JSON in UTF-8 with one line per key, and one per element of a list of objects."""
    lines = [f"{json.dumps(key)}: {_value(value)}" for key, value in document.items()]
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode()


def _value(value: object) -> str:
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[\n " + ",\n ".join(map(ENCODER.encode, value)) + "\n]"
    return ENCODER.encode(value)
