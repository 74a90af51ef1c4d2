"""Who takes part: participants.yaml, each entry by itself and all of them against each other.

Does: makes the domain's Participants and the successors of ended municipalities, and finds every contradiction, such as
an unknown municipality or one that two leads deliver for on the same day.
Touches: nothing; the document was read by `yaml`.
Does not: know facts of the ledger (accepted terms, first login), or judge accounts (accounts).
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pydantic import BaseModel, Field

from gateway.config.accounts import (
    account_problems,
    account_warnings,
    address_problems,
    functional_warnings,
    sketch,
    unknown_municipality,
)
from gateway.config.credentials import Expiring, Placed, credential_warnings, expiring, hash_problems
from gateway.config.sections import Settings
from gateway.config.shapes import did_you_mean, fit
from gateway.config.yaml import Document, Loc
from gateway.domain.model import Account, Municipality, Participants, Partnership, Role
from gateway.errors import Problem

_CODE = re.compile(r"[0-9]{4}")
_SORTS: Mapping[str, tuple[type, str]] = {
    "municipalities": (dict, '"0363": {name: Amsterdam}'),
    "partnerships": (list, "a list, one entry for each dash"),
    "accounts": (list, "a list, one entry for each dash"),
}


class MunicipalityEntry(BaseModel, frozen=True, extra="forbid"):
    """A municipality under its four-digit code."""

    name: str = Field(min_length=1)
    ended_into: str | None = Field(default=None, description="code that took over after a merger")


class ParticipantsFile(BaseModel, frozen=True, extra="forbid"):
    """All of participants.yaml."""

    municipalities: Mapping[str, MunicipalityEntry] = Field(default_factory=dict)
    partnerships: tuple[Partnership, ...] = ()
    accounts: tuple[Account, ...] = ()


@dataclass(frozen=True, slots=True)
class Loaded:
    """What participants.yaml became. With problems it holds what was sound, so that other files can be checked."""

    participants: Participants
    successors: Mapping[str, str]
    codes: frozenset[str]
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    expiring: tuple[Expiring, ...] = ()


def participants(document: Document, settings: Settings, directory: Path) -> Loaded:
    """Participants from a read document, with every problem in it; `directory` is where it stands."""
    problems = [*document.problems, *_section_problems(document)]
    entries = dict(_entries(document, problems))
    names = {code: entries[code].name if code in entries else "" for code in _codes(document)}
    partnerships = dict(_partnerships(document, problems))
    accounts = list(_accounts(document, problems))
    hashes, other_costs = hash_problems(document, accounts, directory)
    later = [
        *_partnership_problems(document, partnerships, names),
        *account_problems(document, accounts, names),
        *(address_problems(document, accounts, names) if settings.address_policy == "personal" else ()),
        *hashes,
    ]
    problems += [problem for problem in later if not _told(problem, problems)]
    everybody = Participants(
        {code: Municipality(code, entry.name) for code, entry in entries.items()},
        {partnership.id: partnership for partnership in partnerships.values()},
        {placed.account.login: placed.account for placed in accounts},
    )
    warnings = [
        *_without_manager(document, entries, everybody),
        *(() if problems else credential_warnings(document, accounts, settings.sftp)),
        *account_warnings(document, accounts, everybody),
        *(functional_warnings(document, accounts) if settings.address_policy == "functional" else ()),
        *other_costs,
    ]
    ending = () if problems else tuple(expiring(document, accounts))
    successors = {code: entry.ended_into for code, entry in entries.items() if entry.ended_into}
    return Loaded(everybody, successors, frozenset(names), tuple(problems), tuple(warnings), ending)


def _told(problem: Problem, before: Iterable[Problem]) -> bool:
    """Whether something was already said of this place, or of one within or around it."""

    def around(outer: str, inner: str) -> bool:
        return inner == outer or inner.startswith((f"{outer}.", f"{outer}["))

    return any(around(problem.path, other.path) or around(other.path, problem.path) for other in before)


# --- each entry by itself -----------------------------------------------------------------------------------


def _section_problems(document: Document) -> Iterator[Problem]:
    """The file's own level: its keys, and that each holds the right sort of thing."""
    if document.value is not None and not isinstance(document.value, dict):
        yield document.problem((), f"keys with values are expected: {', '.join(_SORTS)}")
    for key, value in document.value.items() if isinstance(document.value, dict) else ():
        if key not in _SORTS:
            yield document.problem((key,), f"unknown key `{key}`{did_you_mean(key, _SORTS)}", key=True)
        elif value is not None and not isinstance(value, _SORTS[key][0]) and (key,) not in document.faulty:
            yield document.problem((key,), f"expected here: {_SORTS[key][1]}")


def _codes(document: Document) -> Iterable[str]:
    value = document.get(("municipalities",))
    return value if isinstance(value, dict) else ()


def _entries(document: Document, problems: list[Problem]) -> Iterator[tuple[str, MunicipalityEntry]]:
    for code in _codes(document):
        loc: Loc = ("municipalities", code)
        if not _CODE.fullmatch(code) and loc not in document.faulty:
            example = code.zfill(4) if re.fullmatch(r"[0-9]{1,3}", code) else "0363"
            what = f'"{code}" is no municipality code; it has four digits, in quotes: "{example}"'
            problems.append(document.problem(loc, what, key=True))
        entry, found = fit(document, loc, MunicipalityEntry)
        problems += found
        if entry is None:
            continue
        if entry.ended_into is not None and (not _CODE.fullmatch(entry.ended_into) or entry.ended_into == code):
            what = "the code of the municipality that took over is expected, four digits in quotes"
            problems.append(document.problem((*loc, "ended_into"), what))
        yield code, entry


def _listed(document: Document, section: str) -> Iterator[Loc]:
    value = document.get((section,))
    for index in range(len(value) if isinstance(value, list) else 0):
        yield section, index


def _partnerships(document: Document, problems: list[Problem]) -> Iterator[tuple[Loc, Partnership]]:
    for loc in _listed(document, "partnerships"):
        found, wrong = fit(document, loc, Partnership)
        problems += wrong
        if found is not None:
            yield loc, found


def _accounts(document: Document, problems: list[Problem]) -> Iterator[Placed]:
    for loc in _listed(document, "accounts"):
        found, wrong = fit(document, loc, Account)
        problems += wrong
        yield Placed(loc, found or sketch(document, loc))


# --- partnerships against each other ------------------------------------------------------------------------


def _overlap(one: Partnership, other: Partnership) -> bool:
    """Whether two mandates hold on a same day."""
    since = max(one.since or date.min, other.since or date.min)
    return since <= min(one.until or date.max, other.until or date.max)


def _partnership_problems(
    document: Document, partnerships: Mapping[Loc, Partnership], names: Mapping[str, str]
) -> Iterator[Problem]:
    seats: list[tuple[str, Partnership]] = []
    ids: set[str] = set()
    for loc, partnership in partnerships.items():
        if partnership.id in ids:
            yield document.problem((*loc, "id"), f"a second partnership `{partnership.id}`")
        ids.add(partnership.id)
        if partnership.since and partnership.until and partnership.until < partnership.since:
            yield document.problem((*loc, "until"), f"ends before it begins ({partnership.since})")
        if not partnership.members:
            yield document.problem((*loc, "members"), "a partnership needs a member besides its lead")
        members = [((*loc, "members", index), code) for index, code in enumerate(partnership.members)]
        for place, code in [((*loc, "lead"), partnership.lead), *members]:
            yield from unknown_municipality(document, place, code, names)
            if (code, partnership) in seats:
                yield document.problem(place, f'municipality "{code}" is in this partnership already')
            for seat, other in seats:
                if seat == code and other is not partnership and _overlap(partnership, other):
                    what = f'municipality "{code}" is in partnership `{other.id}` at the same time'
                    yield document.problem(place, f"{what}; let one end (until) before the other begins (since)")
            seats.append((code, partnership))


def _without_manager(
    document: Document, entries: Mapping[str, MunicipalityEntry], everybody: Participants
) -> Iterator[Problem]:
    managed = {
        code
        for account in everybody.accounts.values()
        if Role.GEBRUIKERSBEHEERDER in account.roles
        for code in account.municipalities
    }
    for code, entry in entries.items():
        if code not in managed and entry.ended_into is None:
            what = f"{entry.name} has no account with the role gebruikersbeheerder: nobody to turn to about its reports"
            yield document.problem(("municipalities", code), what, key=True)
