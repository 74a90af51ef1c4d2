"""What the description of a kind must be, before any file is read by it.

Does: DEMANDS says per check what a rule must give; `problems_in` finds columns of no type, code lists that are not
there, rules that name no check, a column that is not there or a setting that the check does not take; figures of
columns that cannot be counted.
Touches: nothing.
Does not: check files, or import what does: this serves the configuration, which has no need of polars. Does not read
YAML or know positions in it; the path says where, as `rules[2].columns[0]`.

The problems are for administrators and in English.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

from gateway.domain.kinds import ClientFigures, CodeList, Column, CostFigures, FileKind, Rule

# Per type the fields of Column that mean something to it, besides name and required.
TYPES: dict[str, tuple[str, ...]] = {
    "digits": ("length",),
    "date": ("earliest",),
    "bsn": (),
    "text": ("length", "max_length", "pattern"),
    "code": ("length", "codelist"),
    "integer": ("max_length", "minimum", "maximum"),
}


@dataclass(frozen=True, slots=True)
class Demand:
    """What a rule must give to a check: how many columns (`most` None: any number), of which types (empty: any), which
    settings (name -> type; all are mandatory)."""

    least: int
    most: int | None
    types: tuple[str, ...] = ()
    settings: Mapping[str, type] = field(default_factory=dict)


# By the names of checks.CHECKS, which holds the functions.
DEMANDS: dict[str, Demand] = {
    "one_of": Demand(2, None),
    "not_before": Demand(2, 2, ("date",)),
    "overlaps_period": Demand(4, 4, ("date",)),
    "not_in_future": Demand(1, 1, ("date",)),
    "all_or_none": Demand(2, None),
    "only_with": Demand(2, 2),
    "wanted_with": Demand(2, 2),
    "same_in_all_rows": Demand(1, 1),
    "unique": Demand(1, None),
    "no_duplicates": Demand(0, 0),
    "total": Demand(2, None, (), {"total": str, "tolerance": int}),
    "all_present": Demand(1, 1, (), {"values": str}),
    "municipality": Demand(1, 1, ("digits",)),
}

# Ranges and characters between brackets: nothing that could make an expression slow or mean something else.
CHARACTER_CLASS = re.compile(r"\[[^\[\]\\^&~|]+\]")
KIND_CODE = re.compile(r"[A-Z0-9]{1,20}")
SPELLING = re.compile(r"[A-Za-z0-9_-]{1,40}")

Found = tuple[str, str]


def problems_in(kind: FileKind, codelists: Mapping[str, CodeList]) -> tuple[Found, ...]:
    """Every mistake as (path, what); empty when files can be examined by `kind`."""
    return tuple(_problems(kind, codelists))


def _problems(kind: FileKind, codelists: Mapping[str, CodeList]) -> Iterator[Found]:
    if not KIND_CODE.fullmatch(kind.code):
        yield "code", "a kind's code is 1 to 20 capitals and digits, because it stands in the names of reports"
    for language in ("nl", "en"):
        if not kind.name.get(language):
            yield f"name.{language}", "a kind needs a name in nl and en"
    for place, alias in enumerate(kind.aliases):
        if not SPELLING.fullmatch(alias):
            yield f"aliases[{place}]", "only letters, digits, - and _ can stand in the name of a file"
    if not kind.columns:
        yield "columns", "a kind needs columns"
    names = [column.name for column in kind.columns]
    for place, column in enumerate(kind.columns):
        if column.name in names[:place]:
            yield f"columns[{place}].name", f"there is a column {column.name} already"
        for path, what in _column_problems(column, codelists):
            yield f"columns[{place}].{path}", what
    columns = {column.name: column for column in kind.columns}
    for place, rule in enumerate(kind.rules):
        for path, what in _rule_problems(rule, columns):
            yield f"rules[{place}].{path}", what
    if kind.figures.clients is not None:
        yield from _client_problems(kind.figures.clients, columns, codelists)
    if kind.figures.costs is not None:
        yield from _cost_problems(kind.figures.costs, columns, codelists)


def _column_problems(column: Column, codelists: Mapping[str, CodeList]) -> Iterator[Found]:
    if not column.name.strip() or column.name != column.name.strip() or ";" in column.name:
        yield "name", "a column's name has no spaces around it and no ;"
    if column.type not in TYPES:
        yield "type", f"no type {column.type}; there are {', '.join(TYPES)}"
        return
    if column.type == "code":
        if column.codelist is None:
            yield "codelist", "a code needs a codelist"
        elif column.codelist not in codelists:
            yield "codelist", f"no code list is named {column.codelist}; there are {', '.join(codelists)}"
        elif column.length:
            odd = [value for value in codelists[column.codelist].values if len(value) != column.length]
            if odd:
                yield "length", f"{odd[0]} in {column.codelist} has another length (is a leading zero not in quotes?)"
    for name in ("length", "max_length", "pattern", "codelist", "minimum", "maximum", "earliest"):
        if getattr(column, name) is not None and name not in TYPES[column.type]:
            yield name, f"a column of type {column.type} takes no {name}"
    for name in ("length", "max_length"):
        value = getattr(column, name)
        if value is not None and value < 1:
            yield name, "must be at least 1"
    if column.pattern is not None and not _is_class(column.pattern):
        yield "pattern", "a pattern is one class of characters, such as [0-9A-Za-z-]"
    if column.minimum is not None and column.maximum is not None and column.minimum > column.maximum:
        yield "minimum", "is more than maximum"
    if column.earliest is not None and not _is_day(column.earliest):
        yield "earliest", "a day is written as 1990-01-01"


def _rule_problems(rule: Rule, columns: Mapping[str, Column]) -> Iterator[Found]:
    demand = DEMANDS.get(rule.check)
    if demand is None:
        yield "check", f"no check is named {rule.check}; there are {', '.join(DEMANDS)}"
        return
    number = len(rule.columns)
    if number < demand.least or (demand.most is not None and number > demand.most):
        asked = f"{demand.least} or more" if demand.most is None else str(demand.least)
        yield "columns", f"{rule.check} takes {asked} columns, not {number}"
    for place, name in enumerate(rule.columns):
        if name not in columns:
            yield f"columns[{place}]", f"there is no column {name}"
        elif demand.types and columns[name].type not in demand.types:
            yield f"columns[{place}]", f"{rule.check} takes columns of type {' or '.join(demand.types)}"
    for name, setting in demand.settings.items():
        value = rule.settings.get(name)
        # bool is an int to Python, and nobody means `tolerance: yes`.
        if type(value) is not setting:
            yield f"settings.{name}", f"{rule.check} needs {name}, {'a whole number' if setting is int else 'a text'}"
    for name in rule.settings:
        if name not in demand.settings:
            yield f"settings.{name}", f"{rule.check} takes no {name}"


# --- figures ------------------------------------------------------------------------------------------------


def _client_problems(
    roles: ClientFigures, columns: Mapping[str, Column], codelists: Mapping[str, CodeList]
) -> Iterator[Found]:
    at = "figures.clients"
    yield from _played(f"{at}.client", roles.client, columns, ("bsn",))
    for part, names, wanted in (
        ("type", roles.type, "code"),
        ("start", roles.start, "date"),
        ("end", roles.end, "date"),
    ):
        if not 1 <= len(names) <= 2:
            yield f"{at}.{part}", "one or two columns: what was done, and what was assigned"
        for place, name in enumerate(names):
            yield from _played(f"{at}.{part}[{place}]", name, columns, (wanted,))
    lists = {columns[name].codelist for name in roles.type if name in columns}
    if len(lists) > 1:
        yield f"{at}.type", "the columns of the type have one code list"
    for part, column in (("form", roles.form), ("reason", roles.reason)):
        if column is not None:
            yield from _played(f"{at}.{part}", column, columns, ("code",))
    if roles.groups is not None and roles.groups not in codelists:
        yield f"{at}.groups", f"no code list is named {roles.groups}; there are {', '.join(codelists)}"


def _cost_problems(
    roles: CostFigures, columns: Mapping[str, Column], codelists: Mapping[str, CodeList]
) -> Iterator[Found]:
    at = "figures.costs"
    yield from _played(f"{at}.key", roles.key, columns, ("code",))
    for part, name in (("budget", roles.budget), ("realised", roles.realised)):
        yield from _played(f"{at}.{part}", name, columns, ("integer",))
    key = columns.get(roles.key)
    listed = codelists.get(key.codelist or "") if key else None
    if roles.total is not None and listed is not None and roles.total not in listed.values:
        yield f"{at}.total", f"{roles.total} is no code of {listed.name}"


def _played(path: str, name: str, columns: Mapping[str, Column], types: tuple[str, ...]) -> Iterator[Found]:
    """What is wrong with the column that is given a part."""
    if name not in columns:
        yield path, f"there is no column {name}"
    elif columns[name].type not in types:
        yield path, f"a column of type {' or '.join(types)} is needed"


def _is_class(pattern: str) -> bool:
    if not CHARACTER_CLASS.fullmatch(pattern):
        return False
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
