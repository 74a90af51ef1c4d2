"""Accounts of participants.yaml: each by itself and all against each other.

Does: finds what is wrong with logins, roles, addresses, networks and (credentials) keys, also of an account that is
unsound elsewhere, so that one look mends all; and warns of what is allowed but seldom meant.
Touches: nothing.
Does not: decide what an account may do (domain.lifecycle).
"""

import re
from collections.abc import Iterable, Iterator, Mapping

from gateway.config.addresses import is_general, mailbox, network, words_of
from gateway.config.credentials import Placed, credential_problems, refused
from gateway.config.sealing import age_recipient
from gateway.config.shapes import did_you_mean
from gateway.config.yaml import Document, Loc
from gateway.domain.model import Account, Participants, PublicKey, Role
from gateway.errors import Problem

MUNICIPAL_ROLES = frozenset({Role.PRODUCTBEHEERDER, Role.GEBRUIKERSBEHEERDER})

_LOGIN = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


def sketch(document: Document, loc: Loc) -> Account:
    """Of an account that does not fit, the parts that do; the rest empty."""

    def text(name: str) -> str:
        value = document.get((*loc, name))
        return value if isinstance(value, str) else ""

    def texts(name: str) -> tuple[str, ...]:
        value = document.get((*loc, name))
        # A part that is no text keeps its place, so that the next ones keep theirs.
        return tuple(item if isinstance(item, str) else "" for item in value) if isinstance(value, list) else ()

    def keys() -> tuple[str | PublicKey, ...]:
        value = document.get((*loc, "keys"))
        found = (
            [item.get("key", "") if isinstance(item, dict) else item for item in value]
            if isinstance(value, list)
            else []
        )
        return tuple(item if isinstance(item, str) else "" for item in found)

    return Account(
        login=text("login"),
        name=text("name"),
        email=text("email"),
        roles=frozenset(role for role in Role if role.value in texts("roles")),
        municipalities=texts("municipalities"),
        keys=keys(),
        allow_from=texts("allow_from"),
        user_ca=texts("user_ca"),
        age_recipient=text("age_recipient") or None,
    )


def account_problems(document: Document, accounts: Iterable[Placed], names: Mapping[str, str]) -> Iterator[Problem]:
    """What is wrong with accounts; `names` are the municipalities by code."""
    logins: set[str] = set()
    owners: dict[tuple[str, bytes], tuple[Loc, str]] = {}
    for placed in accounts:
        loc, account = placed.loc, placed.account
        if not _LOGIN.fullmatch(account.login):
            what = "a login has 1 to 64 lower-case letters, digits and . _ - and begins with a letter or digit"
            yield document.problem((*loc, "login"), what)
        if account.login in logins:
            yield document.problem((*loc, "login"), f"a second account `{account.login}`")
        logins.add(account.login)
        if not account.roles:
            yield document.problem((*loc, "roles"), f"a role is needed: {', '.join(Role)}")
        yield from _municipality_problems(document, placed, names)
        yield from refused(document, (*loc, "email"), mailbox, account.email)
        for index, text in enumerate(account.allow_from):
            yield from refused(document, (*loc, "allow_from", index), network, text)
        if account.age_recipient is not None:
            yield from refused(document, (*loc, "age_recipient"), age_recipient, account.age_recipient)
            if Role.ASSESSOR not in account.roles:
                what = "only what an assessor fetches is sealed to a recipient; reports are not"
                yield document.problem((*loc, "age_recipient"), what)
        yield from credential_problems(document, placed, owners)


def address_problems(document: Document, accounts: Iterable[Placed], names: Mapping[str, str]) -> Iterator[Problem]:
    """General mailboxes, where each account must have a person's address.

    A report may say what is wrong with somebody's data, and who leaves must lose access: both ask for one reader.
    """
    places = words_of(" ".join(names.values()))
    for placed in accounts:
        if is_general(placed.account.email, places):
            what = (
                f"`{placed.account.email}` looks like a general mailbox; a user has a personal address, so that it is "
                "sure who delivered and who reads a report (address_policy: any, in gateway.yaml, allows this one)"
            )
            yield document.problem((*placed.loc, "email"), what)


def unknown_municipality(document: Document, loc: Loc, code: str, known: Iterable[str]) -> Iterator[Problem]:
    """A code that no municipality has."""
    if code not in known:
        what = f'municipality "{code}" is not under `municipalities`{did_you_mean(code, known)}'
        yield document.problem(loc, what)


def _municipality_problems(document: Document, placed: Placed, names: Mapping[str, str]) -> Iterator[Problem]:
    loc, account = placed.loc, placed.account
    if account.roles & MUNICIPAL_ROLES and not account.municipalities:
        yield document.problem((*loc, "municipalities"), "this role needs the municipality it works for")
    for index, code in enumerate(account.municipalities):
        yield from unknown_municipality(document, (*loc, "municipalities", index), code, names)
        if code in account.municipalities[:index]:
            yield document.problem((*loc, "municipalities", index), f'municipality "{code}" is here twice')


# --- warnings -----------------------------------------------------------------------------------------------


def account_warnings(document: Document, accounts: Iterable[Placed], everybody: Participants) -> Iterator[Problem]:
    """Accounts that keep a right when the mandate that gave it ends."""
    for placed in accounts:
        loc, account = placed.loc, placed.account
        for partnership in everybody.partnerships.values():
            for code in partnership.members:
                if partnership.lead in account.municipalities and code in account.municipalities:
                    place = (*loc, "municipalities", account.municipalities.index(code))
                    what = (
                        f'partnership `{partnership.id}` already gives this account "{code}", while the mandate is in '
                        "force; named here it stays after that"
                    )
                    yield document.problem(place, what)


def functional_warnings(document: Document, accounts: Iterable[Placed]) -> Iterator[Problem]:
    """Addresses with the user's own name in them, where functional mailboxes are preferred."""
    for placed in accounts:
        words = re.findall(r"[^\W\d_]{3,}", placed.account.name.lower())
        if any(word in placed.account.email.split("@")[0].lower() for word in words):
            what = f"`{placed.account.email}` looks like a person's address; functional mailboxes are preferred here"
            yield document.problem((*placed.loc, "email"), what)
