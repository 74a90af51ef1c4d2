"""Who takes part: participants.yaml, each entry by itself and all of them against each other.

Does: makes the domain's Participants and the successors of ended municipalities, and finds every contradiction: unknown
municipalities, two mandates at the same time, a key on two accounts, a general mailbox where a person is asked.
Touches: participants.yaml.
Does not: know facts of the ledger (accepted terms, first login).
"""

import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from pydantic import BaseModel, Field

from gateway.config.keys import key_material
from gateway.config.shapes import did_you_mean, fit
from gateway.config.yaml import Document, Loc
from gateway.domain.model import Account, Municipality, Participants, Partnership, Role
from gateway.errors import Problem

T = TypeVar("T")

CODE = re.compile(r"[0-9]{4}")
LOGIN = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
MAILBOX = re.compile(r"[^\s@<>,;]+@[^\s@<>,;]+")

# First words of addresses that many people read. A personal address is asked because a report may name what is wrong
# with somebody's data, and because one who leaves must lose access.
_GENERAL = (
    "info sociaaldomein gemeente postbus contact administratie algemeen secretariaat servicedesk helpdesk wmo jeugd "
    "zorg backoffice frontoffice receptie mail post data monitor ict noreply no-reply office support beheer team "
    "applicatiebeheer functioneelbeheer beleid onderzoek statistiek klantcontact kcc"
)
GENERAL_MAILBOXES = frozenset(_GENERAL.split())
MUNICIPAL_ROLES = frozenset({Role.PRODUCTBEHEERDER, Role.GEBRUIKERSBEHEERDER})


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


def participants(document: Document, address_policy: str) -> Loaded:
    """Participants from a read document, with every problem in it."""
    problems = list(document.problems)
    problems += _sections(document)
    entries = dict(_entries(document, problems))
    codes = frozenset(_keys(document, "municipalities"))
    partnerships = [(loc, found) for loc, found in _listed(document, "partnerships", Partnership, problems)]
    accounts = [(loc, found) for loc, found in _listed(document, "accounts", Account, problems)]
    problems += _partnership_problems(document, partnerships, codes)
    problems += _account_problems(document, accounts, codes, address_policy)
    problems += _key_problems(document, accounts)
    warnings = _without_manager(document, entries, [account for _, account in accounts])
    warnings += _without_key(document, accounts)
    if address_policy == "functional":
        warnings += _personal_addresses(document, accounts)
    everybody = Participants(
        {code: Municipality(code, entry.name) for code, entry in entries.items()},
        {partnership.id: partnership for _, partnership in partnerships},
        {account.login: account for _, account in accounts},
    )
    successors = {code: entry.ended_into for code, entry in entries.items() if entry.ended_into}
    return Loaded(everybody, successors, codes, tuple(problems), tuple(warnings))


# --- each entry by itself -----------------------------------------------------------------------------------


def _sections(document: Document) -> list[Problem]:
    """The file's own level: its keys, and that each holds the right sort of thing."""
    if document.value is None:
        return []
    if not isinstance(document.value, dict):
        return [document.problem((), "keys with values are expected: municipalities, partnerships, accounts")]
    problems = []
    sorts: Mapping[str, type] = {"municipalities": dict, "partnerships": list, "accounts": list}
    for key, value in document.value.items():
        if key not in sorts:
            problems.append(document.problem((key,), f"unknown key `{key}`{did_you_mean(key, sorts)}", key=True))
        elif value is not None and not isinstance(value, sorts[key]) and (key,) not in document.faulty:
            form = "a list, one entry for each dash" if sorts[key] is list else '"0363": {name: Amsterdam}'
            problems.append(document.problem((key,), f"expected here: {form}"))
    return problems


def _keys(document: Document, section: str) -> Iterable[str]:
    value = document.get((section,))
    return value if isinstance(value, dict) else ()


def _entries(document: Document, problems: list[Problem]) -> Iterator[tuple[str, MunicipalityEntry]]:
    for code in _keys(document, "municipalities"):
        loc: Loc = ("municipalities", code)
        if not CODE.fullmatch(code) and loc not in document.faulty:
            what = f'"{code}" is no municipality code; it has four digits, in quotes: "{code.zfill(4)}"'
            problems.append(
                document.problem(loc, what if code.isdigit() else what.split(";")[0] + ' (as "0363")', key=True)
            )
        entry, found = fit(document, loc, MunicipalityEntry)
        problems += found
        if entry is None:
            continue
        if entry.ended_into is not None and (not CODE.fullmatch(entry.ended_into) or entry.ended_into == code):
            what = "the code of the municipality that took over is expected, four digits in quotes"
            problems.append(document.problem((*loc, "ended_into"), what))
        yield code, entry


def _listed(document: Document, section: str, shape: type[T], problems: list[Problem]) -> Iterator[tuple[Loc, T]]:
    value = document.get((section,))
    for index in range(len(value) if isinstance(value, list) else 0):
        found, wrong = fit(document, (section, index), shape)
        problems += wrong
        if found is not None:
            yield (section, index), found


# --- entries against each other -----------------------------------------------------------------------------


def _unknown_municipality(document: Document, loc: Loc, code: str, codes: frozenset[str]) -> Problem | None:
    if code in codes or loc in document.faulty:
        return None
    return document.problem(loc, f'municipality "{code}" is not under `municipalities`{did_you_mean(code, codes)}')


def _overlap(one: Partnership, other: Partnership) -> bool:
    """Whether two mandates hold on a same day."""
    since = max(one.since or date.min, other.since or date.min)
    return since <= min(one.until or date.max, other.until or date.max)


def _partnership_problems(
    document: Document, partnerships: list[tuple[Loc, Partnership]], codes: frozenset[str]
) -> list[Problem]:
    problems: list[Problem | None] = []
    seats: list[tuple[str, Partnership]] = []
    ids: set[str] = set()
    for loc, partnership in partnerships:
        if partnership.id in ids:
            problems.append(document.problem((*loc, "id"), f"a second partnership `{partnership.id}`"))
        ids.add(partnership.id)
        if partnership.since and partnership.until and partnership.until < partnership.since:
            problems.append(document.problem((*loc, "until"), f"ends before it begins ({partnership.since})"))
        places: list[tuple[Loc, str]] = [((*loc, "lead"), partnership.lead)]
        places += [((*loc, "members", index), code) for index, code in enumerate(partnership.members)]
        if not partnership.members:
            problems.append(document.problem((*loc, "members"), "a partnership needs a member besides its lead"))
        for place, code in places:
            problems.append(_unknown_municipality(document, place, code, codes))
            for seat, other in seats:
                if seat != code or not _overlap(partnership, other):
                    continue
                where = "in this partnership already" if other is partnership else f"in partnership `{other.id}`"
                what = (
                    f'municipality "{code}" is {where} at the same time; end the one (until) before the other (since)'
                )
                problems.append(document.problem(place, what.split(";")[0] if other is partnership else what))
            seats.append((code, partnership))
    return [problem for problem in problems if problem]


def _account_problems(
    document: Document, accounts: list[tuple[Loc, Account]], codes: frozenset[str], address_policy: str
) -> list[Problem]:
    problems: list[Problem | None] = []
    logins: set[str] = set()
    for loc, account in accounts:
        login = (*loc, "login")
        if not LOGIN.fullmatch(account.login):
            what = "a login has 1 to 64 lower-case letters, digits and . _ - and starts with a letter or digit"
            problems.append(document.problem(login, what))
        if account.login in logins:
            problems.append(document.problem(login, f"a second account `{account.login}`"))
        logins.add(account.login)
        if not account.roles:
            problems.append(document.problem((*loc, "roles"), f"a role is needed: {', '.join(Role)}"))
        if account.roles & MUNICIPAL_ROLES and not account.municipalities:
            what = "this role needs the municipality it works for"
            problems.append(document.problem((*loc, "municipalities"), what))
        for index, code in enumerate(account.municipalities):
            place = (*loc, "municipalities", index)
            problems.append(_unknown_municipality(document, place, code, codes))
            if code in account.municipalities[:index]:
                problems.append(document.problem(place, f'municipality "{code}" is here twice'))
        problems.append(_address_problem(document, loc, account, address_policy))
        for index, network in enumerate(account.allow_from):
            problems.append(_network_problem(document, (*loc, "allow_from", index), network))
    return [problem for problem in problems if problem]


def _network_problem(document: Document, loc: Loc, network: str) -> Problem | None:
    try:
        ipaddress.ip_network(network)
    except ValueError:
        try:
            cure = (
                f'; write "{ipaddress.ip_network(network, strict=False)}", or "{network.split("/")[0]}" for one address'
            )
        except ValueError:
            cure = '; write for example "192.0.2.0/24" or "192.0.2.7"'
        return document.problem(loc, f'"{network}" is no network{cure}')
    return None


def _address_problem(document: Document, loc: Loc, account: Account, address_policy: str) -> Problem | None:
    place = (*loc, "email")
    if not MAILBOX.fullmatch(account.email):
        return document.problem(place, f'"{account.email}" is no e-mail address')
    first = re.split(r"[.+_0-9]", account.email.split("@")[0].lower())[0]
    if address_policy == "personal" and first in GENERAL_MAILBOXES:
        what = (
            f"`{account.email}` looks like a general mailbox; each user has a personal address, so that it is sure who "
            "reads a report and who delivered (address_policy: any, in gateway.yaml, allows it)"
        )
        return document.problem(place, what)
    return None


def _key_problems(document: Document, accounts: list[tuple[Loc, Account]]) -> list[Problem]:
    problems = []
    owners: dict[tuple[str, bytes], tuple[Loc, str]] = {}
    for loc, account in accounts:
        for index, line in enumerate(account.keys):
            place = (*loc, "keys", index)
            try:
                material = key_material(line)
            except ValueError as error:
                problems.append(document.problem(place, str(error)))
                continue
            if material in owners:
                at, login = owners[material]
                what = (
                    f"the same key as line {document.place(at)[1].line} of `{login}`; each account has its own key pair"
                )
                problems.append(document.problem(place, what))
            owners.setdefault(material, (place, account.login))
    return problems


# --- warnings -----------------------------------------------------------------------------------------------


def _without_manager(
    document: Document, entries: Mapping[str, MunicipalityEntry], accounts: Iterable[Account]
) -> list[Problem]:
    managed = {
        code for account in accounts if Role.GEBRUIKERSBEHEERDER in account.roles for code in account.municipalities
    }
    what = "no account with the role gebruikersbeheerder: nobody to turn to when reports are not collected"
    return [
        document.problem(("municipalities", code), f"{entry.name} has {what}", key=True)
        for code, entry in entries.items()
        if code not in managed and entry.ended_into is None
    ]


def _without_key(document: Document, accounts: list[tuple[Loc, Account]]) -> list[Problem]:
    return [
        document.problem((*loc, "login"), f"`{account.login}` has no key and cannot log in")
        for loc, account in accounts
        if not account.keys
    ]


def _personal_addresses(document: Document, accounts: list[tuple[Loc, Account]]) -> list[Problem]:
    warnings = []
    for loc, account in accounts:
        words = [word for word in re.findall(r"[a-z]{3,}", account.name.lower()) if word not in GENERAL_MAILBOXES]
        if any(word in account.email.split("@")[0].lower() for word in words):
            what = f"`{account.email}` looks like a person's address; this configuration prefers functional mailboxes"
            warnings.append(document.problem((*loc, "email"), what))
    return warnings
