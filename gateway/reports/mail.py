"""The mail: that something is ready, by when, and whom to ask.

Does: words a mail from MailFacts: a subject, plain text and simple HTML, one language under the other.
Touches: nothing.
Does not: address or send it (channel), or know an occasion: which sentences are said is the caller's. There is no place
in a mail for anything out of a file; whatever fills a sentence is masked and stands on one line.
"""

import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gateway.domain.model import Param, Phrase
from gateway.reports.facts import MailFacts
from gateway.reports.pages import fill
from gateway.reports.plain import masked
from gateway.reports.wording import LANGUAGES, Texts

WIDTH = 76
RULE = "-" * 40
# Sentences that introduce the list end with it; the others follow after.
INTRODUCES = ":"


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail without its address: header-safe subject, plain text, HTML."""

    subject: str
    text: str
    html: str


@dataclass(frozen=True, slots=True)
class Part:
    """One language of a mail. `before` stands above the list of `items`, `after` below it."""

    language: str
    sandbox: str
    hello: str
    before: tuple[str, ...]
    items: tuple[str, ...]
    after: tuple[str, ...]
    foot: tuple[str, ...]


def mail(facts: MailFacts, texts: Texts) -> Mail:
    """The mail that these facts make; KeyError for a sentence that the catalogue does not have or cannot fill."""
    first = facts.primary
    order = (first, *(language for language in LANGUAGES if language != first))
    parts = tuple(_part(language, facts, texts) for language in order)
    subject = texts.say(first, f"mails.{facts.occasion}.subject", **_params(first, facts, texts))
    if facts.sandbox:
        subject = f"SANDBOX: {subject}"
    hint = texts.say(first, "mails.frame.other_language")
    body = f"\n{RULE}\n\n".join(_plain(part) for part in parts)
    html = fill("mail.html", subject=subject, hint=hint, parts=parts)
    return Mail(subject, f"{hint}\n\n{body}", f"{html}\n")


def who(language: str, facts: MailFacts, texts: Texts) -> str:
    """`Amsterdam (0363)`, or how many municipalities."""
    found = facts.municipalities
    name, code = (found[0].name, found[0].code) if found else ("", "")
    return texts.say(language, "mails.frame.who", n=len(found), name=masked(name), code=code)


def _params(language: str, facts: MailFacts, texts: Texts) -> dict[str, Param]:
    return {**_safe(facts.params), "who": who(language, facts, texts)}


def _safe(params: Mapping[str, Param]) -> dict[str, Param]:
    return {name: masked(value) if isinstance(value, str) else value for name, value in params.items()}


def _part(language: str, facts: MailFacts, texts: Texts) -> Part:
    params = _params(language, facts, texts)
    said = [texts.say(language, f"mails.{facts.occasion}.{name}", **params) for name in facts.says]
    cut = next((n for n, sentence in enumerate(said, 1) if sentence.endswith(INTRODUCES)), len(said))
    hello = texts.say(language, "mails.frame.hello", name=masked(facts.to))
    return Part(
        language=language,
        sandbox=texts.say(language, "mails.frame.sandbox") if facts.sandbox else "",
        hello=hello if facts.to else texts.say(language, "mails.frame.hello_desk"),
        before=tuple(said[:cut]),
        items=tuple(_item(language, item, texts) for item in facts.items),
        after=(*said[cut:], *_about(language, facts, texts)),
        foot=tuple(_foot(language, facts, texts)),
    )


def _foot(language: str, facts: MailFacts, texts: Texts) -> Iterator[str]:
    """Whom to ask, where else to go, and who wrote this."""
    if facts.to:
        desk = facts.desk
        yield texts.say(language, "mails.frame.questions", desk=desk.name, phone=desk.phone, mail=desk.mail)
        if facts.route is not None:
            yield texts.say(language, "mails.frame.route", route=facts.route)
    yield texts.say(language, "mails.frame.automatic")


def _about(language: str, facts: MailFacts, texts: Texts) -> tuple[str, ...]:
    """The municipalities by name, where the sentences only counted them and no list names them."""
    if len(facts.municipalities) < 2 or facts.items:
        return ()
    names = ", ".join(f"{masked(each.name)} ({each.code})" for each in facts.municipalities)
    return (texts.say(language, "mails.frame.about", list=names),)


def _item(language: str, item: Phrase, texts: Texts) -> str:
    return texts.tell(language, Phrase(item.key, tuple(_safe(dict(item.params)).items())))


def _plain(part: Part) -> str:
    """The part as plain text with short lines."""
    blocks = [_wrap(part.sandbox)] if part.sandbox else []
    blocks.append(part.hello)
    blocks += map(_wrap, part.before)
    if part.items:
        blocks.append("\n".join(_wrap(f"- {item}", "  ") for item in part.items))
    blocks += map(_wrap, part.after)
    blocks += map(_wrap, part.foot)
    return "\n\n".join(blocks) + "\n"


def _wrap(text: str, indent: str = "") -> str:
    return textwrap.fill(text, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
