"""YAML with positions: what people write and YAML reads otherwise is told, with place and cure."""

from typing import Any

import pytest
import yaml as pyyaml
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.yaml import MAX_BYTES, MAX_DEPTH, Document, parse, path_loc, path_text, read


def reading(text: str | bytes) -> Document:
    return parse(text if isinstance(text, bytes) else text.encode(), "x.yaml")


def told(text: str | bytes) -> list[str]:
    return [str(problem) for problem in reading(text).problems]


MISREAD = {
    "a: 0363": 'x.yaml:1:4: a: 0363 without quotes is the octal number 243 to YAML; write "0363"',
    "a: 0014": 'x.yaml:1:4: a: 0014 without quotes is the octal number 12 to YAML; write "0014"',
    "a: 0389": 'x.yaml:1:4: a: 0389 without quotes is a number to one program and text to another; write "0389"',
    "0363: {}": 'x.yaml:1:1: ["0363"]: 0363 without quotes is the octal number 243 to YAML; write "0363"',
    "a: [x, 0363]": 'x.yaml:1:8: a[1]: 0363 without quotes is the octal number 243 to YAML; write "0363"',
    "a: 18:00": 'x.yaml:1:4: a: 18:00 without quotes is a number in base sixty to YAML; write "18:00"',
    "a: 08:30": 'x.yaml:1:4: a: 08:30 without quotes is a number in base sixty to YAML; write "08:30"',
    "a: NO": 'x.yaml:1:4: a: NO without quotes is false to YAML; write "NO" for the word, false for a switch',
    "a: off": 'x.yaml:1:4: a: off without quotes is false to YAML; write "off" for the word, false for a switch',
    "a: Yes": 'x.yaml:1:4: a: Yes without quotes is true to YAML; write "Yes" for the word, true for a switch',
    "on: 1": 'x.yaml:1:1: on: on without quotes is true to YAML; write "on" for the word, true for a switch',
    "a: 2018-02-30": (
        "x.yaml:1:4: a: there is no day 2018-02-30; a day is written year-month-day, for example 2018-02-12"
    ),
    "a: 2018-02-23 18:00": "x.yaml:1:4: a: 2018-02-23 18:00 has a time; write the day alone, for example 2018-02-12",
    "a: 2018-02-23T18:00:00Z": (
        "x.yaml:1:4: a: 2018-02-23T18:00:00Z has a time; write the day alone, for example 2018-02-12"
    ),
    "a: 1\nb: 2\na: 3": "x.yaml:3:1: a: `a` is here twice; the first is on line 1",
    "a: &x 1": "x.yaml:1:4: a: the anchor `&x` is not used here; write the value out",
    "b: *x": "x.yaml:1:4: b: the alias `*x` is not followed here; write the value out",
    "a: !!python/object/apply:os.system [id]": (
        "x.yaml:1:4: a: the tag `!!python/object/apply:os.system` is not used here; write the value out"
    ),
    "a: !secret b": "x.yaml:1:4: a: the tag `!secret` is not used here; write the value out",
    "? [a, b]\n: 1": "x.yaml:1:3: (file): a key must be a word",
    "a: 1\n---\nb: 2": "x.yaml:2:1: (file): a second document (`---`); one file holds one document",
    "a:\n\tb: 1": "x.yaml:2:1: (file): a tab in the indentation; YAML takes spaces only",
    "naam: Caf\xe9".encode("latin-1"): ("x.yaml:1:10: (file): not UTF-8 (byte 0xe9); save the file as UTF-8"),
    "a: 1".encode("utf-16"): "x.yaml:1:1: (file): this is UTF-16; save the file as UTF-8",
}


@pytest.mark.parametrize("text", MISREAD, ids=repr)
def test_what_yaml_would_misread_is_told_with_its_cure(text: str | bytes) -> None:
    assert told(text) == [MISREAD[text]]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('a: "0363"', "0363"),
        ("a: '18:00'", "18:00"),
        ('a: "NO"', "NO"),
        ("a: 0", 0),
        ("a: -3", -3),
        ("a: 2_621_440", 2_621_440),
        ("a: 0x10", 16),
        ("a: 2.5", 2.5),
        ("a: true", True),
        ("a: False", False),
        ("a:", None),
        ("a: ~", None),
        ("a: 2018-02-12", "2018-02-12"),
        ("a: 127.0.0.1:2222", "127.0.0.1:2222"),
        ("a: 2,5MB", "2,5MB"),
        ("a: .inf", ".inf"),
        ("a: n", "n"),
        ("a: 0o17", "0o17"),
        ("a: |\n  one\n  two\n", "one\ntwo\n"),
        ("\N{BYTE ORDER MARK}a: é", "é"),
    ],
)
def test_what_is_clear_is_read_as_it_is_written(text: str, value: object) -> None:
    document = reading(text)
    assert document.problems == ()
    assert document.value == {"a": value}


def test_every_value_and_key_knows_its_place() -> None:
    document = reading('accounts:\n  - login: a\n    municipalities: ["0363", "0377"]\n')
    assert document.get(("accounts", 0, "municipalities", 1)) == "0377"
    problem = document.problem(("accounts", 0, "municipalities", 1), "so")
    assert str(problem) == "x.yaml:3:30: accounts[0].municipalities[1]: so"
    assert str(document.problem(("accounts", 0, "login"), "so", key=True)) == "x.yaml:2:5: accounts[0].login: so"
    assert str(document.problem(("accounts", 0, "missing"), "so")) == "x.yaml:2:5: accounts[0]: so"
    assert str(document.problem(("other",), "so")) == "x.yaml:1:1: (file): so"


def test_an_empty_file_and_one_of_comments_have_no_value() -> None:
    assert [reading(text).value for text in ("", "\n", "# nothing\n", "---\n")] == [None] * 4


def test_the_problems_after_a_duplicate_key_are_at_the_first_one() -> None:
    document = reading("a: {b: 1}\na: {c: 2}\n")
    assert document.value == {"a": {"b": 1}}
    assert document.problem(("a",), "so").line == 1


def test_a_bomb_of_aliases_is_not_unfolded() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    document = reading("\n".join(lines))
    assert document.get(("a29",)) == [None] * 9
    assert len(document.problems) > 29


@pytest.mark.parametrize("text", ["[" * 100_000, "{a: " * 100_000, "- " * 20_000 + "x"], ids=["list", "map", "dashes"])
def test_deep_nesting_is_refused_and_ends_nothing(text: str) -> None:
    [problem] = reading(text).problems
    assert problem.what == f"nested deeper than {MAX_DEPTH} levels"


def test_a_file_of_very_many_values_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    # The real limit has room for a hundred thousand accounts; to read so much takes a while.
    monkeypatch.setattr("gateway.config.yaml.MAX_VALUES", 20_000)
    [problem] = reading("[" + "1," * 30_000 + "]").problems
    assert "values in one file" in problem.what


def test_a_file_that_is_missing_unreadable_or_huge_is_told(tmp_path: Any) -> None:
    assert "missing file" in read(tmp_path / "none.yaml", "none.yaml").problems[0].what
    assert "cannot be read: Is a directory" in read(tmp_path, "d").problems[0].what
    (tmp_path / "huge.yaml").write_bytes(b"#" * (MAX_BYTES + 1))
    assert "larger than" in read(tmp_path / "huge.yaml", "huge.yaml").problems[0].what


@pytest.mark.parametrize("text", ["a: [1", "a: 'x", "a: b: c", "%x", "a: \x07", "- a\nb: 1", '"\\q"', "@a"])
def test_a_syntax_error_has_a_place_and_quotes_no_line_of_the_file(text: str) -> None:
    [problem] = reading(text).problems
    assert problem.line >= 1
    assert "no valid YAML" in problem.what
    assert "\n" not in problem.what


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_no_bytes_whatever_raise(body: bytes) -> None:
    document = parse(body, "x.yaml")
    assert document.value is None or document.problems or document.places


WORDS = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(WORDS, VALUES, max_size=5))
def test_what_another_writer_quotes_is_read_back_the_same(value: dict[str, Any]) -> None:
    # default_style quotes every word; numbers and switches then carry tags, which are refused, so only words here.
    text = pyyaml.safe_dump(_words(value), default_style='"')
    document = reading(text)
    assert document.problems == ()
    assert document.value == _words(value)


def _words(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _words(item) for key, item in value.items()}
    return [_words(item) for item in value] if isinstance(value, list) else str(value)


NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_-]{0,8}|[0-9]{4}|[a-z]+\.[a-z]+", fullmatch=True)


@given(st.lists(NAMES | st.integers(0, 99), max_size=6).map(tuple))
def test_a_path_leads_back_to_its_place(loc: tuple[str | int, ...]) -> None:
    assert path_loc(path_text(loc)) == loc
