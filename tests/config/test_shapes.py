"""Shapes: values fit the types they are read into, without leniency, and a new field needs nothing here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Literal

import pytest

from gateway.config.shapes import did_you_mean, fit
from gateway.config.yaml import parse


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True, slots=True)
class Wheel:
    size: int
    spokes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Cart:
    """A type that the configuration has never seen."""

    name: str
    colour: Colour = Colour.RED
    load_bytes: int = 0
    rest_seconds: int = 0
    since: date | None = None
    wheels: tuple[Wheel, ...] = ()
    spare: Wheel | None = None
    notes: Mapping[str, str | int | bool] = field(default_factory=dict)
    mode: Literal["walk", "trot"] = "walk"
    open: bool = False


def fitted(text: str) -> tuple[Cart | None, list[str]]:
    found, problems = fit(parse(text.encode(), "x.yaml"), (), Cart)
    return found, [str(problem).removeprefix("x.yaml:") for problem in problems]


def test_a_type_of_the_domain_is_filled_from_its_fields() -> None:
    text = """
name: a
colour: blue
since: 2018-02-12
wheels: [{size: 1, spokes: [x]}]
spare: {size: 2}
notes: {a: 1, b: x, c: true}
"""
    cart, problems = fitted(text)
    assert problems == []
    assert cart == Cart(
        "a", Colour.BLUE, 0, 0, date(2018, 2, 12), (Wheel(1, ("x",)),), Wheel(2), {"a": 1, "b": "x", "c": True}
    )


WRONG = {
    "name: a\nwheels: [{size: 1, spoks: []}]": ["2:20: wheels[0].spoks: unknown key `spoks`; did you mean `spokes`?"],
    "name: a\nspare: {sise: 1}": [
        "2:9: spare.sise: unknown key `sise`; did you mean `size`?",
        "2:8: spare.size: is missing",
    ],
    "colour: red": ["1:1: name: is missing"],
    "name: 1950": ['1:7: name: text is expected; write "1950" in quotes'],
    "name: true": ['1:7: name: text is expected; write "true" in quotes'],
    "name: [a]": ["1:7: name: text is expected"],
    "name: a\ncolour: bleu": ["2:9: colour: `bleu` is not one of red, blue"],
    "name: a\nmode: run": ["2:7: mode: `run` is not one of walk, trot"],
    "name: a\nsince: 20180212": ["2:8: since: no day; write year-month-day, for example 2018-02-12"],
    "name: a\nsince: 12-02-2018": ["2:8: since: no day; write year-month-day, for example 2018-02-12"],
    "name: a\nopen: 1": ["2:7: open: write true or false"],
    "name: a\nwheels: 3": ["2:9: wheels: a list is expected: [a, b], or one line for each with a dash"],
    "name: a\nspare: x": ["2:8: spare: keys with values are expected here"],
    "name: a\nload_bytes: true": ["2:13: load_bytes: a whole number is expected, digits only (here: true)"],
    'name: a\nload_bytes: "3"': ["2:13: load_bytes: write a whole number of bytes, digits only: 3"],
    "name: a\nload_bytes: 2,5MB": [
        "2:13: load_bytes: write a whole number of bytes, digits only: 2500000 (times 1000) or 2621440 (times 1024)"
    ],
    'name: a\nload_bytes: "2.5 MB"': [
        "2:13: load_bytes: write a whole number of bytes, digits only: 2500000 (times 1000) or 2621440 (times 1024)"
    ],
    "name: a\nload_bytes: 2.5": ["2:13: load_bytes: a whole number is expected, digits only (here: 2.5)"],
    "{name: a, load_bytes: 2,5MB}": [
        '1:25: ["5MB"]: unknown key `5MB`: between braces a comma begins the next key; write a number without a comma'
    ],
    "name: a\nrest_seconds: 2m": ["2:15: rest_seconds: write a whole number of seconds, digits only: 120"],
    "name: a\nrest_seconds: 1.5h": ["2:15: rest_seconds: a whole number is expected, digits only (here: 1.5h)"],
    "name: a\nnotes: {x: [1]}": ["2:12: notes.x: text is expected"],
    "- a": ["1:1: (file): keys with values are expected here"],
    "name: 0363": [],
}


@pytest.mark.parametrize("text", WRONG)
def test_what_does_not_fit_is_told_with_its_cure(text: str) -> None:
    assert fitted(text)[1] == WRONG[text]


def test_where_reading_found_a_fault_nothing_is_added() -> None:
    document = parse(b"name: a\nopen: NO\n", "x.yaml")
    assert [problem.path for problem in document.problems] == ["open"]
    assert fit(document, (), Cart) == (None, [])


@pytest.mark.parametrize(
    ("word", "known", "answer"),
    [
        ("Lisen", ["listen", "host"], "; did you mean `listen`?"),
        ("zzz", ["listen", "host"], "; known: host, listen"),
        ("zzz", [], ""),
        ("zzz", [f"name{n}" for n in range(99)], ""),
    ],
)
def test_did_you_mean(word: str, known: list[str], answer: str) -> None:
    assert did_you_mean(word, known) == answer
