"""Texts: the catalogue of sentences in Dutch and English, from gateway/texts/<language>/*.yaml.

Does: merges the files of a language, flattens nested keys to dotted ones, checks that every leaf is a sentence with
plain `{name}` places, and lays the overrides of config/texts/<language>.yaml over it.
Touches: those files.
Does not: fill sentences (reports.wording).
"""

import string
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from gateway.config.shapes import did_you_mean
from gateway.config.yaml import Document, Loc, Plain, read
from gateway.errors import ConfigError, Problem
from gateway.reports.wording import LANGUAGES, WRITINGS, Texts

SHIPPED = Path(__file__).resolve().parent.parent / "texts"


@cache
def load_texts() -> Texts:
    """The shipped catalogue; ConfigError with every problem when it is not sound."""
    problems: list[Problem] = []
    sentences = {language: language_texts(SHIPPED / language, f"texts/{language}", problems) for language in LANGUAGES}
    if problems:
        raise ConfigError(problems)
    return Texts(sentences)


def language_texts(folder: Path, prefix: str, problems: list[Problem]) -> Mapping[str, str]:
    """The sentences of one folder by dotted key; what is wrong is added to `problems`."""
    sentences: dict[str, str] = {}
    origin: dict[str, str] = {}
    for path in sorted(folder.glob("*.yaml")):
        document = read(path, f"{prefix}/{path.name}")
        problems.extend(document.problems)
        for loc, key, value in _leaves(document.value, ()):
            problem = _unsound(document, loc, value)
            if key in sentences:
                problem = document.problem(loc, f"`{key}` stands in {origin[key]} too", key=True)
            if problem:
                problems.append(problem)
            else:
                sentences[key], origin[key] = str(value), path.name
    return sentences


def overridden(texts: Texts, directory: Path) -> tuple[Texts, list[Problem]]:
    """`texts` with the sentences of `directory`/texts/<language>.yaml in place of the shipped ones."""
    problems: list[Problem] = []
    sentences = dict(texts.sentences)
    for language in LANGUAGES:
        path = directory / "texts" / f"{language}.yaml"
        if not path.exists():
            continue
        document = read(path, f"texts/{language}.yaml")
        problems.extend(document.problems)
        changed = dict(texts.sentences[language])
        for loc, key, value in _leaves(document.value, ()):
            problem = _unsound(document, loc, value)
            if problem is None and key not in changed:
                what = f"no sentence has the key `{key}`{did_you_mean(key, changed)}"
                problem = document.problem(loc, what, key=True)
            if problem is None and (extra := places(str(value)) - places(changed[key])):
                names = ", ".join(sorted(places(changed[key]))) or "none"
                what = f"`{{{sorted(extra)[0]}}}` is not filled in this sentence; its places are: {names}"
                problem = document.problem(loc, what)
            if problem:
                problems.append(problem)
            else:
                changed[key] = str(value)
        sentences[language] = changed
    return Texts(sentences), problems


def _leaves(value: Plain, loc: Loc) -> Iterator[tuple[Loc, str, Plain]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, (*loc, key))
    elif loc or value is not None:
        yield loc, ".".join(map(str, loc)), value


def places(sentence: str) -> frozenset[str]:
    """The names of the `{name}` places in a sentence; ValueError when it is malformed."""
    return frozenset(name for _, name, _, _ in string.Formatter().parse(sentence) if name is not None)


def _unsound(document: Document, loc: Loc, value: Plain) -> Problem | None:
    if loc in document.faulty:
        return None
    if not isinstance(value, str):
        return document.problem(loc, "a sentence is expected, in quotes if it looks like a number or a list")
    try:
        parts = list(string.Formatter().parse(value))
    except ValueError as error:
        return document.problem(loc, f"{error}; double a brace that is meant as text: {{{{ }}}}")
    for _, name, form, cast in parts:
        if name is not None and (not name.isidentifier() or cast or form not in WRITINGS):
            known = ", ".join(f"`{{name:{writing}}}`" for writing in WRITINGS if writing)
            return document.problem(loc, f"a place is one word in braces: `{{name}}`, {known}")
    return None
