"""Wording: from a Phrase to a sentence in Dutch or English.

Does: holds the catalogue (gateway/texts, loaded by config) as a value and fills its sentences.
Touches: nothing.
Does not: load files, choose languages for a user, or know any sentence itself.

A place may say how it is written: `{closed:until}` and `{opens:day}` (ISO 8601 day or moment), `{received:moment}`,
`{limit:number}`. What fills a place is made visible first, so no value brings a line end into a sentence.
A key that is not in the catalogue is a programming error and raises KeyError: no uncatalogued sentence reaches a user.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from string import Formatter
from typing import NamedTuple

from gateway.domain.model import Param, Phrase
from gateway.domain.workdays import local_day
from gateway.reports import dates
from gateway.reports.plain import visible

LANGUAGES = ("nl", "en")

_parse = Formatter().parse


class Pair(NamedTuple):
    """One thing said twice."""

    nl: str
    en: str


@dataclass(frozen=True, slots=True)
class Texts:
    """The catalogue: per language, sentences by dotted key (`refusals.WINDOW_CLOSED.text`)."""

    sentences: Mapping[str, Mapping[str, str]]

    def say(self, language: str, key: str, /, **params: Param) -> str:
        """The sentence under `key`, its `{name}` places filled. One with `.one`/`.other` below it is chosen by `n`."""
        catalogue = self.sentences[language]
        if key not in catalogue:
            key = f"{key}.one" if params.get("n") == 1 else f"{key}.other"
        return fill(language, catalogue[key], params)

    def tell(self, language: str, phrase: Phrase) -> str:
        """The sentence of a Phrase. A parameter that is `@` and a key of the catalogue stands for that sentence; any
        other text that starts with `@` is a stranger's and stays as it is."""
        params = {name: self._param(language, value) for name, value in phrase.params}
        return self.say(language, phrase.key, **params)

    def both(self, key: str, /, **params: Param) -> Pair:
        """The sentence in Dutch and in English."""
        return Pair(self.say("nl", key, **params), self.say("en", key, **params))

    def tell_both(self, phrase: Phrase) -> Pair:
        """The sentence of a Phrase in Dutch and in English."""
        return Pair(self.tell("nl", phrase), self.tell("en", phrase))

    def has(self, key: str) -> bool:
        """Whether both languages know `key` (or its plural forms)."""
        return all(
            key in self.sentences[language] or f"{key}.other" in self.sentences[language] for language in LANGUAGES
        )

    def _param(self, language: str, value: Param) -> Param:
        if isinstance(value, str) and value.startswith("@") and self.has(value[1:]):
            return self.say(language, value[1:])
        return value


def refusal_line(texts: Texts, code: str, params: Mapping[str, Param]) -> str:
    """What an SFTP status says of a refusal: `CODE nl | en`, about 150 characters."""
    nl, en = texts.both(f"refusals.{code}.text", **params)
    return f"{code} {nl} | {en}"


def fill(language: str, sentence: str, params: Mapping[str, Param]) -> str:
    """The sentence with its places filled; KeyError for a place that nothing fills."""
    if "{" not in sentence and "}" not in sentence:
        return sentence
    pieces: list[str] = []
    for literal, name, spec, _ in _parse(sentence):
        pieces.append(literal)
        if name is not None:
            write = WRITINGS[spec or ""]
            pieces.append(write(language, params[name]))
    return "".join(pieces)


def _text(_language: str, value: Param) -> str:
    return visible(str(value))


def _number(language: str, value: Param) -> str:
    return dates.number_text(language, value) if isinstance(value, int) else visible(value)


def _dated(
    write_day: Callable[[str, date], str], write_moment: Callable[[str, datetime], str]
) -> Callable[[str, Param], str]:
    """A writer for ISO 8601 text; what is no day and no moment stands as it came."""

    def write(language: str, value: Param) -> str:
        try:
            return write_day(language, date.fromisoformat(str(value)))
        except ValueError:
            pass
        try:
            return write_moment(language, datetime.fromisoformat(str(value)))
        except ValueError:
            return visible(str(value))

    return write


def _moment_day(language: str, moment: datetime) -> str:
    return dates.day_text(language, local_day(moment))


WRITINGS: dict[str, Callable[[str, Param], str]] = {
    "": _text,
    "number": _number,
    "day": _dated(dates.day_text, _moment_day),
    "until": _dated(dates.day_text, dates.until_text),
    "moment": _dated(dates.day_text, dates.moment_text),
}
