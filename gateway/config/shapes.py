"""Shapes: from plain values with positions to typed values, or to problems that say where and how to mend them.

Does: fits a part of a Document to a type (a pydantic model or one of the domain's frozen dataclasses), finds unknown
keys at every depth, and puts pydantic's findings into words with the cure.
Touches: nothing.
Does not: know a section or a field. A field added to a dataclass of the domain needs no change here.

Validation runs over JSON text in strict mode: lists become tuples and words become enums, but `true` is never 1 and
`20180212` never a moment in 1970, which the lenient mode would make of them.
"""

import dataclasses
import difflib
import json
import re
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from gateway.config.yaml import Document, Loc, Plain, path_text
from gateway.errors import Problem

T = TypeVar("T")

_SIZE = re.compile(r"(\d+(?:[.,]\d+)?)\s*([kKmMgG])?(i)?[bB]?")
_POWERS = {"k": 1, "m": 2, "g": 3}
_TIME = re.compile(r"(\d+)\s*(s|m|h|d)[a-z]*")
# What pydantic calls the members of a union: `str`, a class, or a validator around one of them.
_BRANCH = re.compile(r"str|[A-Z]\w*|function-\w+\[.*\]")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "seconds": 1, "minutes": 60, "hours": 3600, "days": 86_400}


_ADAPTERS: dict[object, TypeAdapter[Any]] = {}


def adapter(shape: type[T]) -> TypeAdapter[T]:
    """The validator of a type, built once: building costs more than validating."""
    if shape not in _ADAPTERS:
        _ADAPTERS[shape] = TypeAdapter(shape)
    return _ADAPTERS[shape]


def fit(document: Document, loc: Loc, shape: type[T], value: Plain | None = None) -> tuple[T | None, list[Problem]]:
    """The part of `document` at `loc` as a `shape`, or None and what is wrong with it.

    `value` replaces what is written (defaults merged in, a short form written out); unknown keys are looked for in
    what is written. Where reading the file found a problem, none is added.
    """
    written = document.get(loc)
    problems = []
    for at, key, known in unknown_keys(written, shape, loc):
        cure = did_you_mean(key, known)
        if key[:1].isdigit() and document.get((*at, key)) is None:
            cure = ": between braces a comma begins the next key; write a number without a comma"
        problems.append(document.problem((*at, key), f"unknown key `{key}`{cure}", key=True))
    content = _without_unknown(written if value is None else value, shape)
    try:
        return adapter(shape).validate_json(json.dumps(content), strict=True), problems
    except ValidationError as error:
        return None, problems + _in_words(document, loc, error.errors(include_url=False))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean `x`?`, or the list of what is known when nothing comes near."""
    names = sorted(known)
    by_lower = {name.lower(): name for name in names}
    near = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    if near:
        return f"; did you mean `{by_lower[near[0]]}`?"
    return f"; known: {', '.join(names)}" if 0 < len(names) <= 30 else ""


# --- unknown keys -------------------------------------------------------------------------------------------


@cache
def fields_of(shape: Any) -> Mapping[str, Any] | None:
    """The keys and their types of a pydantic model (by alias) or a dataclass; None for any other type."""
    if isinstance(shape, type) and issubclass(shape, BaseModel):
        return {info.alias or name: info.annotation for name, info in shape.model_fields.items()}
    if isinstance(shape, type) and dataclasses.is_dataclass(shape):
        hints = typing.get_type_hints(shape)
        return {field.name: hints[field.name] for field in dataclasses.fields(shape)}
    return None


@cache
def _inner(shape: Any, index: int) -> Any:
    """The type of the keys (0) or values (-1) inside a container type; object when it says nothing."""
    arguments = [a for a in typing.get_args(shape) if a is not Ellipsis]
    return arguments[index] if arguments else object


def _alternatives(shape: Any) -> tuple[Any, ...]:
    if typing.get_origin(shape) in (typing.Union, types.UnionType):
        return typing.get_args(shape)
    return (shape,)


@cache
def _branch(shape: Any, of_mapping: bool) -> Any:
    """Of a union, the member that a mapping or list is meant for."""
    options = _alternatives(shape)
    if of_mapping:
        for option in options:
            if fields_of(option) is not None or issubclass(typing.get_origin(option) or object, Mapping):
                return option
    return options[0]


def unknown_keys(value: Plain, shape: Any, loc: Loc) -> Iterator[tuple[Loc, str, Iterable[str]]]:
    """Every key of `value` that its shape does not know: where, which, and what is known there."""
    if not isinstance(value, dict | list):
        return
    shape = _branch(shape, isinstance(value, dict))
    known = fields_of(shape)
    if isinstance(value, dict):
        for key, item in value.items():
            if known is not None and key not in known:
                yield loc, key, known
            else:
                yield from unknown_keys(item, known[key] if known else _inner(shape, -1), (*loc, key))
    else:
        for index, item in enumerate(value):
            yield from unknown_keys(item, _inner(shape, 0), (*loc, index))


def _without_unknown(value: Plain, shape: Any) -> Plain:
    if not isinstance(value, dict | list):
        return value
    shape = _branch(shape, isinstance(value, dict))
    known = fields_of(shape)
    if isinstance(value, dict):
        return {
            key: _without_unknown(item, known[key] if known else _inner(shape, -1))
            for key, item in value.items()
            if known is None or key in known
        }
    return [_without_unknown(item, _inner(shape, 0)) for item in value]


# --- words --------------------------------------------------------------------------------------------------


def _in_words(document: Document, start: Loc, errors: Iterable[ErrorDetails]) -> list[Problem]:
    """One problem per place: of a union's branches the first speaks."""
    problems: dict[Loc, Problem] = {}
    for error in errors:
        wanted = _written(document, (*start, *(step for step in error["loc"] if step != "[key]")))
        if wanted is None:
            continue
        loc, _ = document.place(wanted)
        if loc in document.faulty:
            continue
        if error["type"] == "missing":
            problems[wanted] = replace(document.problem(loc, "is missing"), path=path_text(wanted))
        else:
            of_key = error["loc"][-1:] == ("[key]",)
            problems.setdefault(loc, document.problem(loc, _cure(error, document.raw(loc)), key=of_key))
    return list(problems.values())


def _written(document: Document, loc: Loc) -> Loc | None:
    """A place of pydantic's as it is written: without the names that it gives to the branches of a union. None for a
    branch that is no mapping, where a mapping was written."""
    steps: Loc = ()
    for index, step in enumerate(loc):
        here = document.get(steps)
        foreign = isinstance(step, str) and isinstance(here, dict) and step not in here
        if foreign and steps and isinstance(steps[-1], int) and _BRANCH.fullmatch(str(step)):
            if index == len(loc) - 1:
                return None
            continue
        steps = (*steps, step)
    return steps


def _cure(error: ErrorDetails, raw: str | None) -> str:
    """What is wrong with one value and what to write instead."""
    words = _WORDS.get(error["type"])
    if words is not None:
        return words(error, raw)
    if error["type"].startswith("date"):
        return "no day; write year-month-day, for example 2018-02-12"
    return error["msg"].replace("Input should", "this should")


def _text(error: ErrorDetails, raw: str | None) -> str:
    return f'text is expected; write "{raw}" in quotes' if raw else "text is expected"


def _whole_number(error: ErrorDetails, raw: str | None) -> str:
    """The number to write instead of `2.5 MB` or `15m`; the unit is the last word of the key."""
    unit = str(error["loc"][-1]).split("_")[-1]
    found = error["input"].strip() if isinstance(error["input"], str) else ""
    size, time = _SIZE.fullmatch(found), _TIME.fullmatch(found)
    if unit == "bytes" and size:
        amount, power = float(size[1].replace(",", ".")), _POWERS.get((size[2] or "").lower(), 0)
        decimal, binary = round(amount * 1000**power), round(amount * 1024**power)
        both = f"{decimal} (times 1000) or {binary} (times 1024)" if decimal != binary else str(decimal)
        return f"write a whole number of bytes, digits only: {both}"
    if unit in _SECONDS and time:
        amount = int(time[1]) * _SECONDS[time[2]] / _SECONDS[unit]
        return f"write a whole number of {unit}, digits only: {max(1, round(amount))}"
    return "a whole number is expected, digits only" + (f" (here: {raw})" if raw else "")


def _one_of(error: ErrorDetails, raw: str | None) -> str:
    expected = str(error.get("ctx", {}).get("expected", ""))
    names = re.findall(r"'([^']*)'", expected)
    return f"`{error['input']}` is not one of {', '.join(names)}" + (
        did_you_mean(str(error["input"]), names) if len(names) > 3 else ""
    )


def _own_words(error: ErrorDetails, raw: str | None) -> str:
    return str(error.get("ctx", {}).get("error", error["msg"]))


_WORDS: Mapping[str, Callable[[ErrorDetails, str | None], str]] = {
    "string_type": _text,
    "int_type": _whole_number,
    "int_parsing": _whole_number,
    "int_from_float": _whole_number,
    "float_type": lambda error, raw: "a number is expected, with a point and not a comma",
    "bool_type": lambda error, raw: "write true or false",
    "literal_error": _one_of,
    "enum": _one_of,
    "value_error": _own_words,
    "tuple_type": lambda error, raw: "a list is expected: [a, b], or one line for each with a dash",
    "list_type": lambda error, raw: "a list is expected: [a, b], or one line for each with a dash",
    "frozen_set_type": lambda error, raw: "a list is expected: [a, b], or one line for each with a dash",
    "too_short": lambda error, raw: f"at least {error['ctx']['min_length']} is needed",
    "string_too_short": lambda error, raw: "empty; a text is expected",
    "dict_type": lambda error, raw: "keys with values are expected here",
    "mapping_type": lambda error, raw: "keys with values are expected here",
    "model_type": lambda error, raw: "keys with values are expected here",
    "dataclass_type": lambda error, raw: "keys with values are expected here",
    "greater_than_equal": lambda error, raw: f"must be at least {error['ctx']['ge']:g}",
    "greater_than": lambda error, raw: f"must be more than {error['ctx']['gt']:g}",
    "less_than_equal": lambda error, raw: f"must be at most {error['ctx']['le']:g}",
}
