"""The HTML form of a report: one page that needs nothing but itself.

Does: builds the template environment once and fills a page.
Touches: the templates beside this module, read once.
Does not: mark anything as safe (markup does, of what it escaped itself). Everything that is filled in is escaped; a
page may load and run nothing (its Content Security Policy allows the one style sheet inside it, by hash).
"""

import base64
import hashlib
from dataclasses import dataclass
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from gateway.domain.model import DeskFacts
from gateway.reports import markup
from gateway.reports.wording import Pair, Texts


@dataclass(frozen=True, slots=True)
class When:
    """A date that matters to the reader: what it is, and the date as text."""

    label: Pair
    value: Pair


@dataclass(frozen=True, slots=True)
class Ask:
    """A desk, and what it is for."""

    about: Pair
    desk: DeskFacts


@dataclass(frozen=True, slots=True)
class Page:
    """All that the common part of a page says. `tone` is good, bad or info; `details` are labels with values,
    `siblings` the other files of the report with what they are for."""

    name: Pair
    title: str
    subject: tuple[str, ...]
    tone: str
    verdict: Pair
    lead: Pair
    banners: tuple[Pair, ...]
    steps: tuple[Pair, ...]
    dates: tuple[When, ...]
    asks: tuple[Ask, ...]
    details: tuple[tuple[Pair, str | Pair], ...]
    siblings: tuple[tuple[str, Pair], ...] = ()


def render(template: str, texts: Texts, page: Page, **more: object) -> bytes:
    """The page as UTF-8."""
    filled = _template(template).render(page=page, label=texts.both, policy=_policy(), **more)
    return (filled + "\n").encode()


def fill(template: str, **values: object) -> str:
    """Another template than a report's page, filled and escaped."""
    return _template(template).render(**values)


def prepare() -> None:
    """Compile the templates now (some tens of milliseconds), so that no receipt waits for it inside a transaction."""
    for name in ("page.html", "technical.html", "quality.html"):
        _template(name)
    _policy()


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("gateway.reports", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    parts = (markup.both, markup.under, markup.breakable, markup.moved, markup.row, markup.svg)
    environment.globals |= {part.__name__: part for part in parts}
    return environment


@cache
def _template(name: str) -> Template:
    return _environment().get_template(name)


@cache
def _policy() -> str:
    """What the page may load: the style sheet that stands in it, and nothing else."""
    digest = base64.b64encode(hashlib.sha256(_template("style.css").render().encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
