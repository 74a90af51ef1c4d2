"""Papers: what an assessor may drop, by name, size and kind of content.

Does: reads the names of op-orde reports and verdict files, looks whether a report is the sort of file that its name
says and holds nothing that runs or calls home, reads a verdict and lays it over our own.
Touches: nothing.
Does not: know deliveries (workflow.assessor does), or trust an assessor's file more than a stranger's: it will be
opened at a municipality's desk.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from html.parser import HTMLParser

from gateway.domain.model import Examination, Finding, MemberResult, Severity, phrase
from gateway.errors import Refusal

EXTENSIONS = ("pdf", "html", "csv", "json")
MOST_BYTES = 10 * 1024 * 1024
REPORT = re.compile(r"(?P<id>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.(?P<extension>[a-z]{1,5})\Z", re.ASCII)
VERDICT = re.compile(r"(?P<id>[0-9]{6}-[0-9a-f]{6})\.json\Z", re.ASCII)
EXAMPLE = "0161f9e0-4c7a-7b21-9d52-3f6c1a2b4d5e.pdf"
CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
# Actions of a PDF that run, fetch or unpack something when it is opened.
PDF_ACTIONS = re.compile(rb"/(?:JavaScript|JS|Launch|EmbeddedFile|RichMedia|XFA|SubmitForm|ImportData)(?![A-Za-z])")
HTML_TAGS = frozenset(
    ("script", "iframe", "frame", "frameset", "object", "embed", "applet", "form", "base", "link", "portal")
)
HTML_LOADS = frozenset(("src", "srcset", "data", "poster", "background", "action", "formaction", "manifest", "ping"))
STYLE_LOADS = re.compile(r"url\s*\(|@import|expression\s*\(", re.IGNORECASE)
LONGEST_REASON = 500
NINE_DIGITS = re.compile(r"(?<![0-9])[0-9]{9}(?![0-9])")
MOST_ITEMS = 50


@dataclass(frozen=True, slots=True)
class Named:
    """What a report's name says: of which delivery, and what sort of file."""

    delivery_id: str
    extension: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """An assessor's verdict on an upload: per item (kind, period) whether it is approved and why not; `rest` for the
    items that are not named."""

    rest: tuple[bool, str] | None
    items: Mapping[tuple[str, str], tuple[bool, str]]

    def of(self, kind: str, period: str) -> tuple[bool, str] | None:
        """Approved or not, and the reason; None when the verdict says nothing of it."""
        return self.items.get((kind, period), self.rest)


def report_name(name: str) -> Named:
    """What the name of an op-orde report says; `Refusal` ASSESSOR_NAME."""
    found = REPORT.match(name.lower())
    if found is None or found["extension"] not in EXTENSIONS:
        raise Refusal("ASSESSOR_NAME", example=EXAMPLE)
    return Named(found["id"], found["extension"])


def verdict_name(name: str) -> str:
    """The short id of the upload that a verdict is on; `Refusal` VERDICT_NAME."""
    found = VERDICT.match(name.lower())
    if found is None:
        raise Refusal("VERDICT_NAME", example="180214-7f3a9c.json")
    return found["id"]


def check_size(body: bytes) -> None:
    """Refuse what is empty or too large for a report."""
    if not body:
        raise Refusal("EMPTY")
    if len(body) > MOST_BYTES:
        raise Refusal("TOO_LARGE", limit=MOST_BYTES)


def check_content(extension: str, body: bytes) -> None:
    """`Refusal` ASSESSOR_CONTENT when a report is not what its extension says, or would run or load something."""
    if not CONTENTS[extension](body):
        raise Refusal("ASSESSOR_CONTENT", extension=extension)


def numbers_in(extension: str, body: bytes) -> frozenset[bytes]:
    """Runs of exactly nine digits in a report that is text: perhaps somebody's number. In a PDF they cannot be seen."""
    if extension == "pdf":
        return frozenset()
    return frozenset(re.findall(rb"(?<![0-9])[0-9]{9}(?![0-9])", body))


# --- kinds of content ---------------------------------------------------------------------------------------


def _text(body: bytes) -> str | None:
    """The text of UTF-8 bytes without control characters; None for anything else."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    return None if CONTROLS.search(text) else text


def _pdf(body: bytes) -> bool:
    return body.startswith(b"%PDF-") and b"%%EOF" in body[-2048:] and not PDF_ACTIONS.search(body)


def _csv(body: bytes) -> bool:
    text = _text(body)
    return text is not None and bool(text.strip()) and not text.lstrip().startswith(("<", "%PDF", "PK"))


def _json(body: bytes) -> bool:
    text = _text(body)
    if text is None:
        return False
    try:
        return isinstance(json.loads(text), dict | list)
    except (ValueError, RecursionError):
        return False


def _html(body: bytes) -> bool:
    text = _text(body)
    if text is None or not re.match(r"\s*(?:<!--.*?-->\s*)*<(?:!doctype html|html)[\s>]", text, re.IGNORECASE):
        return False
    page = _Page()
    page.feed(text)
    page.close()
    return page.harmless


class _Page(HTMLParser):
    """Looks through a page for whatever runs, loads or sends something when it is opened."""

    def __init__(self) -> None:
        super().__init__()
        self.harmless = True
        self._style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """One element."""
        self._style = tag == "style"
        if tag in HTML_TAGS:
            self.harmless = False
        for name, value in attrs:
            if name.startswith("on") or (name in HTML_LOADS and not (value or "").startswith("data:image/")):
                self.harmless = False
            if name in ("href", "xlink:href") and not re.match(r"(?:#|mailto:|tel:|https?:|$)", (value or "").strip()):
                self.harmless = False
            if name == "http-equiv" and (value or "").lower() == "refresh":
                self.harmless = False
            if name == "style" and STYLE_LOADS.search(value or ""):
                self.harmless = False

    def handle_endtag(self, tag: str) -> None:
        """The end of an element."""
        if tag == "style":
            self._style = False

    def handle_data(self, data: str) -> None:
        """Text, or a style sheet."""
        if self._style and STYLE_LOADS.search(data):
            self.harmless = False


CONTENTS: dict[str, Callable[[bytes], bool]] = {"pdf": _pdf, "html": _html, "csv": _csv, "json": _json}


# --- verdicts -----------------------------------------------------------------------------------------------


def judgement(body: bytes) -> Judgement:
    """A verdict file: `{"verdict": "approved"}`, or rejected with a `reason`, and the same per item in `items`
    (`{"kind": "WMO", "period": "2017H2", "verdict": ...}`). `Refusal` VERDICT_NUMBER for a reason with a number in it
    that may be somebody's, VERDICT_CONTENT for anything else."""
    text = _text(body)
    try:
        document = json.loads(text or "")
        rest = _verdict(document) if "verdict" in document else None
        named = document.get("items", [])
        if len(named) > MOST_ITEMS:
            raise ValueError("items")
        items = {(str(each["kind"]), str(each["period"])): _verdict(each) for each in named}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise Refusal("VERDICT_CONTENT") from None
    if rest is None and not items:
        raise Refusal("VERDICT_CONTENT")
    return Judgement(rest, items)


def _verdict(part: Mapping[str, object]) -> tuple[bool, str]:
    said, reason = part["verdict"], part.get("reason") or ""
    if said not in ("approved", "rejected") or not isinstance(reason, str) or len(reason) > LONGEST_REASON:
        raise ValueError("verdict")
    if CONTROLS.search(reason):
        raise ValueError("no text")
    if NINE_DIGITS.search(reason):
        raise Refusal("VERDICT_NUMBER")
    return said == "approved", reason


def overruled(examination: Examination, judgement: Judgement) -> Examination:
    """The examination with an assessor's verdicts in place of our own: what it approves keeps our findings as remarks,
    what it rejects has its reason on top. An item that it does not name keeps our verdict."""
    members = tuple(_overruled(member, judgement.of(member.kind, member.period)) for member in examination.members)
    return replace(examination, members=members)


def _overruled(member: MemberResult, said: tuple[bool, str] | None) -> MemberResult:
    if said is None:
        return member
    approved, reason = said
    if approved:
        remarks = tuple(replace(finding, severity=Severity.WARNING) for finding in member.findings)
        return replace(member, approved=True, findings=remarks)
    message = phrase("findings.F13.reason", reason=reason) if reason else phrase("findings.F13.rejected")
    finding = Finding("F13", Severity.FILE, message, member.name)
    counts = {**member.counts, "F13": 1}
    return replace(member, approved=False, findings=(finding, *member.findings), counts=counts, figures=None)
