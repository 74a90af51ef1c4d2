"""Wording: from a Phrase to a sentence in Dutch or English.

Does: holds the catalogue (gateway/texts, loaded by config) as a value and fills its sentences.
Touches: nothing.
Does not: load files, choose languages for a user, or know any sentence itself.

A key that is not in the catalogue is a programming error and raises KeyError: no uncatalogued sentence reaches a user.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.domain.model import Param, Phrase

LANGUAGES = ("nl", "en")


@dataclass(frozen=True, slots=True)
class Texts:
    """The catalogue: per language, sentences by dotted key (`refusals.WINDOW_CLOSED.text`)."""

    sentences: Mapping[str, Mapping[str, str]]

    def say(self, language: str, key: str, /, **params: Param) -> str:
        """The sentence under `key`, its `{name}` places filled. One with `.one`/`.other` below it is chosen by `n`."""
        catalogue = self.sentences[language]
        if key not in catalogue:
            key = f"{key}.one" if params.get("n") == 1 else f"{key}.other"
        return catalogue[key].format_map(params)

    def tell(self, language: str, phrase: Phrase) -> str:
        """The sentence of a Phrase. A parameter that starts with `@` is itself a key of the catalogue."""
        params: dict[str, Param] = {
            name: self.say(language, value[1:]) if isinstance(value, str) and value.startswith("@") else value
            for name, value in phrase.params
        }
        return self.say(language, phrase.key, **params)

    def has(self, key: str) -> bool:
        """Whether both languages know `key` (or its plural forms)."""
        return all(
            key in self.sentences[language] or f"{key}.other" in self.sentences[language] for language in LANGUAGES
        )
