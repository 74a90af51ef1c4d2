"""Explained: a page for each finding code, out of the catalogue, for people who met that code in a report.

Does: makes docs/bevindingen/<CODE>.md and their list as Markdown, Dutch first and English below, from the sentences and
the desks (`scripts/pages` writes them).
Touches: nothing.
Does not: hold a sentence of its own.
"""

import re
from collections.abc import Iterator, Mapping

from gateway.domain.model import Desk, DeskFacts
from gateway.reports.wording import LANGUAGES, Texts

CODE = re.compile(r"findings\.([FRW][0-9]{2})\.title")
FACTS = ("title", "help", "desk", "retry")
PLACE = re.compile(r"\{[^}]*\}")
WEIGHTS = {"F": "rejects_file", "R": "rejects_record", "W": "warns"}


def codes(texts: Texts) -> tuple[str, ...]:
    """Every code that a finding can have, in order."""
    return tuple(sorted(found[1] for key in texts.sentences["nl"] if (found := CODE.fullmatch(key))))


def pages(texts: Texts, desks: Mapping[Desk, DeskFacts]) -> Mapping[str, str]:
    """All pages by the name of their file."""
    made = {f"{code}.md": "\n".join(_page(code, texts, desks)) + "\n" for code in codes(texts)}
    return {"README.md": "\n".join(_list(texts)) + "\n", **made}


def _list(texts: Texts) -> Iterator[str]:
    for language in LANGUAGES:
        mark = "#" if language == "nl" else "##"
        yield f"{mark} {_say(texts, language, 'heading')}"
        yield ""
        yield _say(texts, language, "intro")
        yield ""
        yield f"| {_say(texts, language, 'code')} | {_say(texts, language, 'what')} |"
        yield "| --- | --- |"
        for code in codes(texts):
            yield f"| [{code}]({code}.md) | {texts.say(language, f'findings.{code}.title')} |"
        if language == "nl":
            yield ""


def _page(code: str, texts: Texts, desks: Mapping[Desk, DeskFacts]) -> Iterator[str]:
    for language in LANGUAGES:
        level = "#" if language == "nl" else "##"
        yield f"{level} {code}: {texts.say(language, f'findings.{code}.title')}"
        yield ""
        yield _say(texts, language, WEIGHTS[code[0]])
        for part, lines in _parts(code, language, texts, desks):
            yield ""
            yield f"{level}# {_say(texts, language, part)}"
            yield ""
            yield from lines
        if language == "nl":
            yield ""


def _parts(
    code: str, language: str, texts: Texts, desks: Mapping[Desk, DeskFacts]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The headings of a page with what stands below each."""
    yield "meaning", (_say(texts, language, f"{code}.meaning"),)
    said = tuple(f"- {sentence}" for sentence in _sentences(code, language, texts))
    if said:
        places = ("", _say(texts, language, "places")) if any("…" in line for line in said) else ()
        yield "said", (*said, *places)
    example = tuple(
        f"- {_say(texts, language, name)}: `{_say(texts, language, f'{code}.{name}')}`" for name in ("wrong", "right")
    )
    yield "example", (*example, "", _say(texts, language, "invented"))
    yield "help", (texts.say(language, f"findings.{code}.help"),)
    desk = desks[Desk(texts.say(language, f"findings.{code}.desk"))]
    yield "desk", (_say(texts, language, "ask", name=desk.name, phone=desk.phone, mail=desk.mail),)


def _sentences(code: str, language: str, texts: Texts) -> Iterator[str]:
    """Every sentence that a finding of this code can have, its places as dots; of two forms the plural."""
    prefix = f"findings.{code}."
    for key, sentence in texts.sentences[language].items():
        if key.startswith(prefix) and key.removeprefix(prefix) not in FACTS and not key.endswith(".one"):
            yield PLACE.sub("…", sentence)


def _say(texts: Texts, language: str, key: str, **params: str) -> str:
    return texts.say(language, f"explained.{key}", **params)
