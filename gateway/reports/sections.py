"""Sections: one cause after another, as the page of a technical report shows them.

Does: words each cause (what it is, how to solve it, where it is) and picks the examples.
Touches: nothing.
Does not: lay out (templates/technical.html does) or show more than EXAMPLES of one cause: the CSV has all.
"""

from collections.abc import Callable
from dataclasses import dataclass

from gateway.domain.model import Finding, Phrase
from gateway.reports.causes import Cause
from gateway.reports.plain import masked, visible
from gateway.reports.wording import Pair, Texts

EXAMPLES = 10

Tell = Callable[[Phrase], Pair]


@dataclass(frozen=True, slots=True)
class Example:
    """One finding as a row of the page."""

    member: str
    line: int | None
    record: int | None
    message: Pair
    expected: Pair | None
    found: Pair | None


@dataclass(frozen=True, slots=True)
class Section:
    """One cause as a part of the page. `shown` are the columns of the examples that hold anything, `page` the address
    where its code is explained."""

    anchor: str
    cause: Cause
    title: Pair
    help: Pair
    message: Pair | None
    severity: Pair
    count: Pair
    column: str
    place: Pair
    examples: tuple[Example, ...]
    more: Pair | None
    shown: frozenset[str]
    page: str | None = None


def remembering(texts: Texts) -> Tell:
    """Thousands of findings say the same few things: each Phrase is worded once per report."""
    known: dict[Phrase, Pair] = {}

    def tell(phrase: Phrase) -> Pair:
        pair = known.get(phrase)
        if pair is None:
            pair = known[phrase] = texts.tell_both(phrase)
        return pair

    return tell


def sections(
    found: tuple[Cause, ...], own: str, texts: Texts, tell: Tell, docs_url: str | None = None
) -> tuple[Section, ...]:
    """The causes, worded; `own` is the name of the file that the report is on, which examples need not repeat;
    `docs_url` the address of a code's page, with {code} in its place."""
    return tuple(_section(f"b{number}", cause, own, texts, tell, docs_url) for number, cause in enumerate(found, 1))


def _section(anchor: str, cause: Cause, own: str, texts: Texts, tell: Tell, docs_url: str | None) -> Section:
    examples = tuple(_example(finding, own, tell) for finding in cause.findings[:EXAMPLES])
    same = len({example.message for example in examples}) == 1
    fields = ("member", "line", "record", "expected", "found")
    shown = {name for name in fields if any(getattr(example, name) for example in examples)}
    return Section(
        anchor=anchor,
        cause=cause,
        title=tell(Phrase(f"findings.{cause.code}.title")),
        help=tell(Phrase(f"findings.{cause.code}.help")),
        message=examples[0].message if same else None,
        severity=tell(Phrase(f"reports.severity.{cause.severity}")),
        count=texts.both("reports.label.number" if cause.exact else "reports.count.at_least", n=cause.count),
        column="" if cause.column is None else visible(cause.column),
        place=_place(cause.findings[0], texts),
        examples=examples,
        more=texts.both("reports.count.examples", shown=EXAMPLES) if len(cause.findings) > EXAMPLES else None,
        shown=frozenset(shown if same else shown | {"message"}),
        page=None if docs_url is None else docs_url.replace("{code}", cause.code),
    )


def _example(finding: Finding, own: str, tell: Tell) -> Example:
    member = "" if finding.member in (None, own) else masked(finding.member or "")
    return Example(
        member=member,
        line=finding.line,
        record=finding.record,
        message=tell(finding.message),
        expected=None if finding.expected is None else tell(finding.expected),
        found=None if finding.found is None else tell(finding.found),
    )


def _place(finding: Finding, texts: Texts) -> Pair:
    if finding.line is None:
        return texts.both("reports.place.file")
    return texts.both("reports.place.line", line=finding.line)
