"""YAML with positions: a file becomes plain values, and every value knows its line and column.

Does: reads one file (UTF-8, bounded in size, depth and number of values), turns parser events into dict, list and
scalars, remembers where each key and value stands and how it was written, and catches what YAML reads differently from
what people mean: `0363` (octal), `18:00` (base sixty), `NO` (false), duplicate keys, impossible days.
Touches: the file it is given.
Does not: know any section or field (sections, participants, rounds), follow anchors, honour tags, or construct objects.

Parser events are used instead of nodes: composing nodes recurses in C without a limit, so that a deeply nested file
ends the process instead of raising.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import NamedTuple

import yaml

from gateway.errors import Problem

# Room for a hundred thousand accounts.
MAX_BYTES = 64_000_000
MAX_DEPTH = 20
MAX_VALUES = 2_000_000

WHOLE_FILE = "(file)"

Scalar = str | int | float | bool | None
Plain = Scalar | list["Plain"] | dict[str, "Plain"]
Loc = tuple[str | int, ...]

_PARSER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Place(NamedTuple):
    """Where a value stands and where its key does (lines and columns from 1), and a plain scalar as it was written.

    A named tuple because there are as many as values: a frozen dataclass takes four times as long to make."""

    line: int
    column: int
    key_line: int
    key_column: int
    raw: str | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """One file as plain values. `faulty` are the places where reading it already found a problem."""

    file: str
    value: Plain
    places: Mapping[Loc, Place]
    problems: tuple[Problem, ...] = ()
    faulty: frozenset[Loc] = frozenset()

    def place(self, loc: Loc) -> tuple[Loc, Place]:
        """The nearest written value at or above `loc`, and its place."""
        while loc and loc not in self.places:
            loc = loc[:-1]
        return loc, self.places.get(loc, Place(1, 1, 1, 1))

    def problem(self, loc: Loc, what: str, *, key: bool = False) -> Problem:
        """A problem at the value at `loc`, or at its key."""
        found, place = self.place(loc)
        if key:
            return Problem(self.file, place.key_line, place.key_column, path_text(found), what)
        return Problem(self.file, place.line, place.column, path_text(found), what)

    def raw(self, loc: Loc) -> str | None:
        """A plain (unquoted) scalar as it stands in the file; None for anything else."""
        place = self.places.get(loc)
        return place.raw if place else None

    def get(self, loc: Loc) -> Plain:
        """The value at `loc`; None when there is none."""
        value = self.value
        for step in loc:
            if isinstance(value, dict) and isinstance(step, str):
                value = value.get(step)
            elif isinstance(value, list) and isinstance(step, int) and step < len(value):
                value = value[step]
            else:
                return None
        return value


def path_text(loc: Loc) -> str:
    """`accounts[2].municipalities[0]`, `municipalities["0363"].name`."""
    text = ""
    for step in loc:
        if isinstance(step, int):
            text += f"[{step}]"
        elif re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*", step):
            text += f".{step}" if text else step
        else:
            text += f'["{step}"]'
    return text or WHOLE_FILE


def path_loc(text: str) -> Loc:
    """The way back from `path_text`."""
    steps = re.findall(r'\["([^"]*)"\]|\[([0-9]+)\]|([^.\[\]]+)', "" if text == WHOLE_FILE else text)
    return tuple(int(index) if index else quoted or name for quoted, index, name in steps)


def read(path: Path, file: str) -> Document:
    """Read one YAML file. Never raises for what is in it: the problems are in the result."""
    try:
        if path.stat().st_size > MAX_BYTES:
            return _failed(file, 1, 1, f"larger than {MAX_BYTES} bytes: this cannot be a configuration file")
        body = path.read_bytes()
    except FileNotFoundError:
        return _failed(file, 1, 1, "missing file; `gateway init` writes a working one")
    except OSError as error:
        return _failed(file, 1, 1, f"cannot be read: {error.strerror}")
    return parse(body, file)


def parse(body: bytes, file: str) -> Document:
    """The document in `body`. An empty one has the value None."""
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _failed(file, 1, 1, "this is UTF-16; save the file as UTF-8")
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = body[: error.start].decode("utf-8", "replace")
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        return _failed(file, line, column, f"not UTF-8 (byte 0x{body[error.start]:02x}); save the file as UTF-8")
    walk = _Walk(file)
    try:
        value = _document(walk, text)
    except yaml.MarkedYAMLError as error:
        return _failed(file, *_syntax(error, text))
    except yaml.YAMLError as error:
        return _failed(file, 1, 1, f"no valid YAML: {' '.join(str(error).split())}")
    except _TooMuch as error:
        return Document(file, None, {}, (*walk.problems, error.problem), frozenset(walk.faulty))
    return Document(file, value, walk.places, tuple(walk.problems), frozenset(walk.faulty))


# --- events to values ---------------------------------------------------------------------------------------


class _TooMuch(Exception):
    """The file is refused as a whole at this place."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(problem.what)


@dataclass(slots=True)
class _Walk:
    """What is gathered while one file is read."""

    file: str
    places: dict[Loc, Place] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    faulty: set[Loc] = field(default_factory=set)
    values: int = 0

    def fault(self, event: yaml.Event, loc: Loc, what: str) -> None:
        self.problems.append(_at(self.file, event, loc, what))
        self.faulty.add(loc)


def _mark(event: yaml.Event) -> tuple[int, int]:
    """Line and column of an event, from 1."""
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


def _at(file: str, event: yaml.Event, loc: Loc, what: str) -> Problem:
    return Problem(file, *_mark(event), path_text(loc), what)


def _failed(file: str, line: int, column: int, what: str) -> Document:
    return Document(file, None, {}, (Problem(file, line, column, WHOLE_FILE, what),), frozenset({()}))


def _syntax(error: yaml.MarkedYAMLError, text: str) -> tuple[int, int, str]:
    """Line, column and words of a syntax error; a tab is the usual cause and the message of the parser hides it."""
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line, mark.column) if mark else (0, 0)
    lines = text.splitlines()
    for number in (line, line - 1):
        if 0 <= number < len(lines):
            indent = lines[number][: len(lines[number]) - len(lines[number].lstrip())]
            if "\t" in indent:
                return number + 1, indent.index("\t") + 1, "a tab in the indentation; YAML takes spaces only"
    parts = [part for part in (error.context, error.problem) if part]
    return line + 1, column + 1, f"no valid YAML: {', '.join(parts)}"


def _document(walk: _Walk, text: str) -> Plain:
    events: Iterator[yaml.Event] = iter(yaml.parse(text, Loader=_PARSER))
    value: Plain = None
    documents = 0
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise _TooMuch(_at(walk.file, event, (), "a second document (`---`); one file holds one document"))
        elif isinstance(event, yaml.NodeEvent):
            value = _value(walk, events, event, (), event)
    return value


def _value(walk: _Walk, events: Iterator[yaml.Event], event: yaml.Event, loc: Loc, key: yaml.Event) -> Plain:
    """The value that starts with `event`; its recursion is bounded by MAX_DEPTH."""
    walk.values += 1
    if len(loc) > MAX_DEPTH:
        raise _TooMuch(_at(walk.file, event, loc[:3], f"nested deeper than {MAX_DEPTH} levels"))
    if walk.values > MAX_VALUES:
        raise _TooMuch(_at(walk.file, event, loc, f"more than {MAX_VALUES} values in one file"))
    plain = isinstance(event, yaml.ScalarEvent) and event.implicit[0]
    raw = str(event.value) if isinstance(event, yaml.ScalarEvent) and plain else None
    walk.places[loc] = Place(*_mark(event), *_mark(key), raw)
    oddity = _oddity(event)
    if oddity:
        walk.fault(event, loc, f"{oddity}; write the value out")
    if isinstance(event, yaml.MappingStartEvent):
        return _mapping(walk, events, loc)
    if isinstance(event, yaml.SequenceStartEvent):
        return _sequence(walk, events, loc)
    if isinstance(event, yaml.ScalarEvent):
        return str(event.value) if raw is None else _scalar(walk, event, loc, raw)
    return None


def _oddity(event: yaml.Event) -> str | None:
    """What this event has that a configuration does not need and that hides what it says; None when it is plain."""
    if isinstance(event, yaml.AliasEvent):
        return f"the alias `*{event.anchor}` is not followed here"
    if isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent):
        if event.anchor is not None:
            return f"the anchor `&{event.anchor}` is not used here"
        if event.tag is not None:
            return f"the tag `{event.tag.replace('tag:yaml.org,2002:', '!!')}` is not used here"
    return None


def _sequence(walk: _Walk, events: Iterator[yaml.Event], loc: Loc) -> Plain:
    items: list[Plain] = []
    for event in events:
        if isinstance(event, yaml.SequenceEndEvent):
            break
        items.append(_value(walk, events, event, (*loc, len(items)), event))
    return items


def _mapping(walk: _Walk, events: Iterator[yaml.Event], loc: Loc) -> Plain:
    content: dict[str, Plain] = {}
    for event in events:
        if isinstance(event, yaml.MappingEndEvent):
            break
        name = _key(walk, events, event, loc)
        value_event = next(events)
        if name in content:
            first = walk.places[*loc, name]
            walk.fault(event, (*loc, name), f"`{name}` is here twice; the first is on line {first.key_line}")
            # Read past the second value on a walk of its own: the place that stays is the first one's.
            _value(_Walk(walk.file), events, value_event, (*loc, name), event)
        else:
            content[name] = _value(walk, events, value_event, (*loc, name), event)
    return content


def _key(walk: _Walk, events: Iterator[yaml.Event], event: yaml.Event, loc: Loc) -> str:
    """A key as it is written, whatever YAML takes it for; a problem where that would be something else."""
    if not isinstance(event, yaml.ScalarEvent):
        _value(_Walk(walk.file), events, event, loc, event)
        walk.fault(event, loc, "a key must be a word")
        return f"(key on line {_mark(event)[0]})"
    name = str(event.value)
    trouble = _oddity(event) or (_misread(name) if event.implicit[0] else None)
    if trouble:
        walk.fault(event, (*loc, name), trouble)
    return name


# --- scalars ------------------------------------------------------------------------------------------------

_ZERO_FIRST = re.compile(r"[-+]?0[0-9_]+")
_WHOLE = re.compile(r"[-+]?[0-9][0-9_]*|[-+]?0x[0-9A-Fa-f_]+|[-+]?0b[01_]+")
_BROKEN = re.compile(r"[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|[-+]?\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?")
_BASE_SIXTY = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt]|[ \t]+)[0-9]{1,2}:.*")
_TRUE, _FALSE = ("true", "yes", "on"), ("false", "no", "off")


def _misread(raw: str) -> str | None:
    """What to say of an unquoted scalar that YAML may read as something else than it looks like; None when it is safe.

    YAML 1.1 and 1.2 differ on these, and so do the programs that read a file: whatever we took, another would not.
    """
    if _ZERO_FIRST.fullmatch(raw):
        digits = raw.replace("_", "")
        if re.fullmatch(r"[-+]?[0-7]+", digits):
            return f'{raw} without quotes is the octal number {int(digits, 8)} to YAML; write "{raw}"'
        return f'{raw} without quotes is a number to one program and text to another; write "{raw}"'
    if _BASE_SIXTY.fullmatch(raw):
        return f'{raw} without quotes is a number in base sixty to YAML; write "{raw}"'
    if raw.lower() in (*_TRUE[1:], *_FALSE[1:]):
        meaning = "true" if raw.lower() in _TRUE else "false"
        return f'{raw} without quotes is {meaning} to YAML; write "{raw}" for the word, {meaning} for a switch'
    return None


def _scalar(walk: _Walk, event: yaml.Event, loc: Loc, raw: str) -> Scalar:
    """What an unquoted scalar means. Days stay text (`2018-02-12`) after a look at the calendar."""
    cure = _misread(raw)
    if cure:
        walk.fault(event, loc, cure)
        return raw
    word = raw.lower()
    if word in ("", "~", "null"):
        return None
    if word in (_TRUE[0], _FALSE[0]):
        return word == _TRUE[0]
    if _WHOLE.fullmatch(raw):
        return int(raw.replace("_", ""), 0)
    if _BROKEN.fullmatch(raw):
        return float(raw.replace("_", ""))
    if _MOMENT.fullmatch(raw):
        walk.fault(event, loc, f"{raw} has a time; write the day alone, for example 2018-02-12")
    elif _DAY.fullmatch(raw) and not _exists(raw):
        walk.fault(event, loc, f"there is no day {raw}; a day is written year-month-day, for example 2018-02-12")
    return raw


def _exists(day: str) -> bool:
    try:
        date.fromisoformat(day)
    except ValueError:
        return False
    return True
