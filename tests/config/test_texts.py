"""The catalogue: both languages say the same things, and a sentence has only places that are filled."""

from pathlib import Path

import pytest

from gateway.config import load, load_texts
from gateway.config.texts import SHIPPED, language_texts, places
from gateway.errors import Problem
from gateway.reports.wording import LANGUAGES
from tests.config.conftest import Tell


def test_both_languages_have_the_same_keys() -> None:
    dutch, english = (set(load_texts().sentences[language]) for language in LANGUAGES)
    assert dutch ^ english == set()


def test_both_languages_have_the_same_files() -> None:
    dutch, english = ({path.name for path in (SHIPPED / language).glob("*.yaml")} for language in LANGUAGES)
    assert dutch ^ english == set()


def test_both_languages_fill_the_same_places() -> None:
    dutch, english = (load_texts().sentences[language] for language in LANGUAGES)
    different = {key for key in dutch if places(dutch[key]) != places(english.get(key, dutch[key]))}
    # A singular may leave out its number in one language.
    assert {key for key in different if not key.endswith(".one")} == set()


def sentences(folder: Path, **files: str) -> tuple[dict[str, str], list[str]]:
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)
    problems: list[Problem] = []
    found = language_texts(folder, "texts/nl", problems)
    return dict(found), [str(problem) for problem in problems]


def test_nested_keys_become_dotted_ones(tmp_path: Path) -> None:
    found, problems = sentences(tmp_path, a="a:\n  b: {c: one}\n", b="a.b.d: two {n}\n")
    assert found == {"a.b.c": "one", "a.b.d": "two {n}"}
    assert problems == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "a: {b: 3}",
            "texts/nl/x.yaml:1:8: a.b: a sentence is expected, in quotes if it looks like a number or a list",
        ),
        ("a: [x]", "texts/nl/x.yaml:1:4: a: a sentence is expected, in quotes if it looks like a number or a list"),
        ("a:", "texts/nl/x.yaml:1:3: a: a sentence is expected, in quotes if it looks like a number or a list"),
        (
            "a: no",
            'texts/nl/x.yaml:1:4: a: no without quotes is false to YAML; write "no" for the word, false for a switch',
        ),
        (
            "a: 'x {'",
            "texts/nl/x.yaml:1:4: a: Single '{' encountered in format string; "
            "double a brace that is meant as text: {{ }}",
        ),
    ],
)
def test_what_is_no_sentence_is_told(text: str, problem: str, tmp_path: Path) -> None:
    assert sentences(tmp_path, x=text)[1] == [problem]


@pytest.mark.parametrize("place", ["{a.b}", "{}", "{0}", "{n:>9}", "{n!r}", "{day:dya}", "{a[0]}", "{n:{m}}"])
def test_a_place_is_a_word_in_a_known_writing(place: str, tmp_path: Path) -> None:
    [problem] = sentences(tmp_path, x=f"a: 'x {place}'")[1]
    assert problem.startswith(
        "texts/nl/x.yaml:1:4: a: a place is one word in braces: `{name}`, `{name:number}`, `{name:day}`"
    )
    assert sentences(tmp_path, x="a: 'x {n:number} {n}'")[1] == []


def test_a_key_stands_in_one_file(tmp_path: Path) -> None:
    found, problems = sentences(tmp_path, a="a: {b: one}", b="a.b: two")
    assert found == {"a.b": "one"}
    assert problems == ['texts/nl/b.yaml:1:1: ["a.b"]: `a.b` stands in a.yaml too']


def test_an_override_replaces_one_sentence(config: Path) -> None:
    key, text = next((key, text) for key, text in sorted(load_texts().sentences["nl"].items()) if not places(text))
    (config / "texts").mkdir()
    (config / "texts" / "nl.yaml").write_text(f'{key}: "Anders."\n')
    loaded = load(config)
    assert loaded.texts.sentences["nl"][key] == "Anders."
    assert loaded.texts.sentences["en"] == load_texts().sentences["en"]
    assert load_texts().sentences["nl"][key] == text
    assert [warning for warning in loaded.warnings if warning.file.startswith("texts")] == []


def test_an_override_of_nothing_and_a_place_that_is_not_filled_are_told(config: Path, tell: Tell) -> None:
    key, text = next((key, text) for key, text in sorted(load_texts().sentences["en"].items()) if places(text))
    lines = tell("texts/en.yaml", f'{key}x: "{{unknown}}"\n{key}: "{{unknown}}"\n')
    assert f"no sentence has the key `{key}x`; did you mean `{key}`?" in lines[0]
    assert (
        f"`{{unknown}}` is not filled in this sentence; its places are: {', '.join(sorted(places(text)))}" in lines[1]
    )
