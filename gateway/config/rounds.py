"""What is asked: rounds/*.yaml, kinds/*.yaml, codelists/*.yaml and personal_columns.yaml.

Does: fits each file to the domain's own dataclasses, writes short forms out (`2017H2` becomes a period with days), lays
a round's limits over the general ones, and makes the Rules of each round with a version that names their content.
Touches: those files.
Does not: name any field of a kind or code list; a field added to the domain is known here at once.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import date
from pathlib import Path
from typing import TypeVar

from gateway.config.canonical import digest
from gateway.config.shapes import did_you_mean, fit
from gateway.config.yaml import Document, Loc, Plain, path_loc, read
from gateway.domain.demands import problems_in
from gateway.domain.kinds import CodeList, FileKind, Rules
from gateway.domain.model import DeliveryRound, Limits
from gateway.errors import Problem

T = TypeVar("T")

PERIOD = re.compile(r"([0-9]{4})H([12])")


@dataclass(frozen=True, slots=True)
class Asked:
    """Everything that was sound, and what was not."""

    rounds: Mapping[str, DeliveryRound]
    kinds: Mapping[str, FileKind]
    codelists: Mapping[str, CodeList]
    personal_columns: tuple[str, ...]
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]


def asked(directory: Path, limits: Limits) -> Asked:
    """All rounds, kinds and code lists of a config directory."""
    problems: list[Problem] = []
    codelists = _codelists(directory, problems)
    kinds = _kinds(directory, codelists, problems)
    personal = _personal_columns(directory, problems)
    broken = {path.stem for path in (directory / "kinds").glob("*.yaml")} - {*kinds}
    rounds: dict[str, DeliveryRound] = {}
    for path in sorted((directory / "rounds").glob("*.yaml")):
        document = read(path, f"rounds/{path.name}")
        problems += document.problems
        problems += _kind_problems(document, (*kinds, *broken))
        delivery_round = _round(document, path.stem, limits, problems)
        if delivery_round is not None:
            problems += _rivals(document, delivery_round, rounds.values())
            rounds[path.stem] = delivery_round
    warnings = []
    if not rounds and not problems:
        warnings.append(Problem("rounds", 1, 1, "rounds", "no round: nothing can be delivered"))
    return Asked(rounds, kinds, codelists, personal, tuple(problems), tuple(warnings))


def rules_of(found: Asked, successors: Mapping[str, str]) -> Mapping[str, Rules]:
    """Per round the Rules; their version depends on nothing that the round does not use."""
    result = {}
    for name, delivery_round in found.rounds.items():
        kinds = {code: found.kinds[code] for code in delivery_round.kinds if code in found.kinds}
        rules = Rules("", delivery_round, kinds, found.codelists, successors, found.personal_columns)
        result[name] = replace(rules, version=digest(rules))
    return result


def _files(directory: Path, folder: str, shape: type[T], problems: list[Problem]) -> Iterator[tuple[Document, T]]:
    for path in sorted((directory / folder).glob("*.yaml")):
        document = read(path, f"{folder}/{path.name}")
        problems += document.problems
        found, wrong = fit(document, (), shape)
        problems += wrong
        if found is not None:
            yield document, found


def _codelists(directory: Path, problems: list[Problem]) -> dict[str, CodeList]:
    """Code lists by name. One that is unsound is there without values, so that nobody is told that it is missing."""
    found = {path.stem: CodeList(path.stem, {}) for path in (directory / "codelists").glob("*.yaml")}
    sound: dict[str, CodeList] = {}
    for document, codelist in _files(directory, "codelists", CodeList, problems):
        if codelist.name in sound:
            problems.append(document.problem(("name",), f"a second code list `{codelist.name}`"))
        sound[codelist.name] = codelist
    return {**found, **sound} if len(sound) < len(found) else sound


def _kinds(directory: Path, codelists: Mapping[str, CodeList], problems: list[Problem]) -> dict[str, FileKind]:
    kinds: dict[str, FileKind] = {}
    for document, kind in _files(directory, "kinds", FileKind, problems):
        if kind.code in kinds:
            problems.append(document.problem(("code",), f"a second kind `{kind.code}`"))
        kinds[kind.code] = kind
        problems += [document.problem(path_loc(path), what) for path, what in problems_in(kind, codelists)]
    return kinds


def _personal_columns(directory: Path, problems: list[Problem]) -> tuple[str, ...]:
    path = directory / "personal_columns.yaml"
    if not path.exists():
        return ()
    document = read(path, path.name)
    problems += document.problems
    loc: Loc = () if isinstance(document.value, list) else ("personal_columns",)
    columns, wrong = fit(document, loc, tuple[str, ...])
    problems += wrong
    return columns or ()


# --- one round ----------------------------------------------------------------------------------------------


def _round(document: Document, name: str, limits: Limits, problems: list[Problem]) -> DeliveryRound | None:
    written = document.value if isinstance(document.value, dict) else {}
    content: dict[str, Plain] = {**written, "id": name}
    if written.get("id", name) != name:
        problems.append(document.problem(("id",), f"the id of a round is the name of its file: {name}"))
    own = written.get("limits")
    content["limits"] = {**asdict(limits), **(own if isinstance(own, dict) else {})}
    periods = written.get("periods")
    if isinstance(periods, list):
        content["periods"] = [
            _period(document, ("periods", index), code, problems) for index, code in enumerate(periods)
        ]
    found, wrong = fit(document, (), DeliveryRound, content)
    problems += wrong
    if found is not None:
        problems += _round_problems(document, found)
    return found


def _period(document: Document, loc: Loc, code: Plain, problems: list[Problem]) -> Plain:
    match = PERIOD.fullmatch(code) if isinstance(code, str) else None
    if match is None:
        problems.append(document.problem(loc, "a period is a half-year, for example 2017H2"))
        return {"code": str(code), "first": "1970-01-01", "last": "1970-01-01"}
    year, first_half = int(match[1]), match[2] == "1"
    first, last = (date(year, 1, 1), date(year, 6, 30)) if first_half else (date(year, 7, 1), date(year, 12, 31))
    return {"code": match[0], "first": first.isoformat(), "last": last.isoformat()}


def _rivals(document: Document, mine: DeliveryRound, others: Iterable[DeliveryRound]) -> Iterator[Problem]:
    """Rounds that are open on the same day for the same item: of a dropped file nobody could say where it belongs."""
    for other in others:
        together = mine.delivery.opens <= other.delivery.closes and other.delivery.opens <= mine.delivery.closes
        kinds, periods = {*mine.kinds} & {*other.kinds}, {*mine.periods} & {*other.periods}
        if together and kinds and periods:
            item = f"{min(kinds)} over {min(period.code for period in periods)}"
            yield document.problem(("delivery",), f"round {other.id} asks {item} on the same days; let one close first")


def _kind_problems(document: Document, known: Iterable[str]) -> Iterator[Problem]:
    """Kinds of a round that no file describes; also when the rest of the round is unsound."""
    kinds = document.get(("kinds",))
    for index, kind in enumerate(kinds if isinstance(kinds, list) else ()):
        if isinstance(kind, str) and kind not in known:
            what = f"no file in kinds/ has the code `{kind}`{did_you_mean(kind, known)}"
            yield document.problem(("kinds", index), what)


def _round_problems(document: Document, asked_for: DeliveryRound) -> Iterator[Problem]:
    for name in ("periods", "kinds"):
        if not getattr(asked_for, name):
            yield document.problem((name,), "at least one is needed")
    delivery, withdrawal, target = asked_for.delivery, asked_for.withdrawal, asked_for.target
    if delivery.closes < delivery.opens:
        yield document.problem(("delivery", "closes"), f"closes before it opens ({delivery.opens})")
    if target is not None and not delivery.opens <= target <= delivery.closes:
        yield document.problem(("target",), f"not between {delivery.opens} and {delivery.closes}, the days of delivery")
    if withdrawal is not None and withdrawal.closes < withdrawal.opens:
        yield document.problem(("withdrawal", "closes"), f"closes before it opens ({withdrawal.opens})")
    if withdrawal is not None and withdrawal.opens <= delivery.closes:
        yield document.problem(("withdrawal", "opens"), f"withdrawal opens before delivery closes ({delivery.closes})")
    codes = [period.code for period in asked_for.periods]
    for index, code in enumerate(asked_for.expected):
        if code not in codes:
            what = f"`{code}` is not one of the periods{did_you_mean(code, codes)}"
            yield document.problem(("expected", index), what)
    for name in ("remind_before_target", "remind_before_close"):
        if getattr(asked_for, name) < 0:
            yield document.problem((name,), "a number of working days; 0 for no reminder")
    yield from limit_problems(document, ("limits",), asked_for.limits)


def limit_problems(document: Document, loc: Loc, limits: Limits) -> Iterator[Problem]:
    """Limits written at `loc` that would let nothing in."""
    for each in fields(limits):
        if (*loc, each.name) in document.places and getattr(limits, each.name) < 1:
            yield document.problem((*loc, each.name), "must be at least 1")
