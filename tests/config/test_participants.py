"""participants.yaml: who takes part, and every contradiction between them."""

from datetime import date
from pathlib import Path

import asyncssh
import pytest

from gateway.config import load
from gateway.domain.model import Role
from tests.config.conftest import Tell

HEAD = 'municipalities:\n  "0363": {name: Amsterdam}\n  "0377": {name: Bloemendaal}\n'


def account(**changes: str) -> str:
    """One sound account as a YAML line, with parts changed."""
    parts = {
        "login": "anna",
        "name": "Anna de Vries",
        "email": "anna.devries@a.example",
        "roles": "[productbeheerder, gebruikersbeheerder]",
        "municipalities": '["0363"]',
        "keys": "[]",
    } | changes
    return "  - {" + ", ".join(f"{name}: {value}" for name, value in parts.items() if value) + "}\n"


def key() -> str:
    return asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()


def test_the_shipped_participants(config: Path) -> None:
    people = load(config).participants
    assert {code: m.name for code, m in people.municipalities.items()} == {
        "0363": "Amsterdam",
        "0377": "Bloemendaal",
        "0473": "Zandvoort",
    }
    assert people.partnerships["kennemerland"].lead == "0377"
    assert people.partnerships["kennemerland"].members == ("0473",)
    assert people.accounts["cbs"].roles == {Role.ASSESSOR}
    assert people.accounts["operator"].roles == {Role.OPERATOR}
    assert people.accounts["zandvoort"].municipalities == ("0473",)
    assert all(account.email.endswith(".example") for account in people.accounts.values())


def test_an_account_and_a_partnership_with_everything(config: Path) -> None:
    line = key()
    text = HEAD + (
        "partnerships:\n"
        '  - {id: noord, name: Noord, lead: "0363", members: ["0377"], since: 2018-01-01, until: 2018-12-31}\n'
        "accounts:\n" + account(keys=f'["{line}"]', allow_from='["127.0.0.0/8", "2001:db8::/32", "192.0.2.7"]')
    )
    (config / "participants.yaml").write_text(text)
    (config / "gateway.yaml").write_text("")
    people = load(config).participants
    assert people.accounts["anna"].keys == (line,)
    assert people.accounts["anna"].allow_from == ("127.0.0.0/8", "2001:db8::/32", "192.0.2.7")
    assert people.partnerships["noord"].in_force(date(2018, 6, 1))
    assert not people.partnerships["noord"].in_force(date(2019, 1, 1))


def test_an_ended_municipality_names_its_successor(config: Path) -> None:
    (config / "gateway.yaml").write_text("")
    (config / "participants.yaml").write_text('municipalities: {"0007": {name: Bellingwedde, ended_into: "1950"}}')
    loaded = load(config)
    assert loaded.rules["2017H2"].successors == {"0007": "1950"}
    assert loaded.warnings == ()


def of_file(text: str, tell: Tell) -> list[str]:
    tell("gateway.yaml", "")
    return [line.removeprefix("participants.yaml:") for line in tell("participants.yaml", text)]


MUNICIPALITIES = {
    "municipalities: {0363: {name: A}}": [
        '1:18: municipalities["0363"]: 0363 without quotes is the octal number 243 to YAML; write "0363"'
    ],
    'municipalities: {"377": {name: A}}': [
        '1:18: municipalities["377"]: "377" is no municipality code; it has four digits, in quotes: "0377"'
    ],
    "municipalities: {amsterdam: {name: A}}": [
        '1:18: municipalities.amsterdam: "amsterdam" is no municipality code; it has four digits, in quotes: "0363"'
    ],
    'municipalities: {"0363": Amsterdam}': ['1:26: municipalities["0363"]: keys with values are expected here'],
    'municipalities: {"0363": }': ['1:26: municipalities["0363"]: keys with values are expected here'],
    'municipalities: {"0363": {naam: A}}': [
        '1:27: municipalities["0363"].naam: unknown key `naam`; did you mean `name`?',
        '1:26: municipalities["0363"].name: is missing',
    ],
    'municipalities: {"0363": {name: A, ended_into: 1950}}': [
        '1:48: municipalities["0363"].ended_into: text is expected; write "1950" in quotes'
    ],
    'municipalities: {"0363": {name: A, ended_into: "0363"}}': [
        '1:48: municipalities["0363"].ended_into: the code of the municipality that took over is expected, '
        "four digits in quotes"
    ],
    'municipalities: ["0363"]': ['1:17: municipalities: expected here: "0363": {name: Amsterdam}'],
    "gemeenten: {}": ["1:1: gemeenten: unknown key `gemeenten`; known: accounts, municipalities, partnerships"],
    "[]": ["1:1: (file): keys with values are expected: municipalities, partnerships, accounts"],
    "": [],
}


@pytest.mark.parametrize("text", MUNICIPALITIES)
def test_municipalities(text: str, tell: Tell) -> None:
    assert sorted(of_file(text, tell)) == sorted(MUNICIPALITIES[text])


PARTNERSHIPS = {
    '{id: a, name: A, lead: "0363", members: ["0377"]}': [],
    '{id: a, name: A, lead: "0363", members: ["0999"]}': [
        'members[0]: municipality "0999" is not under `municipalities`; known: 0363, 0377'
    ],
    '{id: a, name: A, lead: "0364", members: ["0377"]}': [
        'lead: municipality "0364" is not under `municipalities`; did you mean `0363`?'
    ],
    '{id: a, name: A, lead: "0363", members: []}': ["members: a partnership needs a member besides its lead"],
    '{id: a, name: A, lead: "0363", members: ["0363"]}': [
        'members[0]: municipality "0363" is in this partnership already'
    ],
    '{id: a, name: A, lead: "0363", members: ["0377"], since: 2018-02-01, until: 2018-01-01}': [
        "until: ends before it begins (2018-02-01)"
    ],
    '{id: a, name: A, lead: 0363, members: ["0377"]}': [
        'lead: 0363 without quotes is the octal number 243 to YAML; write "0363"'
    ],
}


@pytest.mark.parametrize("entry", PARTNERSHIPS)
def test_partnerships(entry: str, tell: Tell) -> None:
    lines = of_file(f"{HEAD}partnerships: [{entry}]\n", tell)
    assert [line.split("partnerships[0].")[1] for line in lines] == PARTNERSHIPS[entry]


@pytest.mark.parametrize(
    ("until", "since", "problems"),
    [("2017-12-31", "2018-01-01", 0), ("2018-01-01", "2018-01-01", 2), ("", "2018-01-01", 2), ("2018-01-01", "", 2)],
)
def test_one_municipality_has_one_mandate_a_day(until: str, since: str, problems: int, tell: Tell) -> None:
    first = '{id: a, name: A, lead: "0363", members: ["0377"]' + (f", until: {until}" if until else "") + "}"
    second = '{id: b, name: B, lead: "0377", members: ["0363"]' + (f", since: {since}" if since else "") + "}"
    lines = of_file(f"{HEAD}partnerships: [{first}, {second}]\n", tell)
    assert len(lines) == problems
    assert all("is in partnership `a` at the same time; let one end (until)" in line for line in lines)


def test_a_partnership_has_an_id_of_its_own(tell: Tell) -> None:
    first = '{id: a, name: A, lead: "0363", members: ["0377"], until: 2018-01-01}'
    second = '{id: a, name: B, lead: "0363", members: ["0377"], since: 2018-01-02}'
    [line] = of_file(f"{HEAD}partnerships: [{first}, {second}]\n", tell)
    assert line.endswith("partnerships[1].id: a second partnership `a`")


ACCOUNTS = {
    account(): [],
    account(login="Anna"): [
        "login: a login has 1 to 64 lower-case letters, digits and . _ - and begins with a letter or digit"
    ],
    account(login='"../etc"'): [
        "login: a login has 1 to 64 lower-case letters, digits and . _ - and begins with a letter or digit"
    ],
    account(roles="[]"): ["roles: a role is needed: productbeheerder, gebruikersbeheerder, assessor, operator"],
    account(roles="[productbeherder]"): [
        "roles[0]: `productbeherder` is not one of productbeheerder, gebruikersbeheerder, assessor, operator; "
        "did you mean `productbeheerder`?"
    ],
    account(roles="operator"): ["roles: a list is expected: [a, b], or one line for each with a dash"],
    account(municipalities="[]"): ["municipalities: this role needs the municipality it works for"],
    account(municipalities="[0363]"): [
        'municipalities[0]: 0363 without quotes is the octal number 243 to YAML; write "0363"'
    ],
    account(municipalities='["0363", "0363"]'): ['municipalities[1]: municipality "0363" is here twice'],
    account(municipalities='["0400"]'): [
        'municipalities[0]: municipality "0400" is not under `municipalities`; known: 0363, 0377'
    ],
    account(email="anna"): ['email: "anna" is no e-mail address'],
    account(email="info@a.example"): [
        "email: `info@a.example` looks like a general mailbox; a user has a personal address, so that it is sure who "
        "delivered and who reads a report (address_policy: any, in gateway.yaml, allows this one)"
    ],
    account(allow_from='["10.0.0.1/8"]'): [
        'allow_from[0]: "10.0.0.1/8" is no network; write "10.0.0.0/8", or "10.0.0.1" for one address'
    ],
    account(allow_from="[localhost]"): [
        'allow_from[0]: "localhost" is no network; write for example "192.0.2.0/24" or "192.0.2.7"'
    ],
    account(keys='["ssh-ed25519 AAAA"]'): [
        "keys[0]: damaged: the part after the type is not a whole key; copy the line of the .pub file again"
    ],
    account(name=""): ["name: is missing"],
    account(phone="x"): [
        "phone: unknown key `phone`; known: age_recipient, allow_from, email, keys, login, municipalities, name, "
        "password_hash, password_hash_file, principals, roles, user_ca"
    ],
}


@pytest.mark.parametrize("entry", ACCOUNTS)
def test_accounts(entry: str, tell: Tell) -> None:
    lines = of_file(f"{HEAD}accounts:\n{entry}", tell)
    assert [line.split("accounts[0].")[1] for line in lines] == ACCOUNTS[entry]


def test_an_account_that_is_unsound_in_one_part_is_still_judged_in_the_others(tell: Tell) -> None:
    entry = account(name="", email="wmo@a.example", municipalities='["0400", 3]', login="A", keys="[x]")
    lines = of_file(f"{HEAD}accounts:\n{entry}", tell)
    places = [line.split(": ")[1].removeprefix("accounts[0].") for line in lines]
    assert places == ["name", "login", "email", "municipalities[0]", "municipalities[1]", "keys[0]"]


def test_two_accounts_share_neither_login_nor_key(tell: Tell) -> None:
    line = key()
    text = f"{HEAD}accounts:\n" + account(keys=f'["{line} a"]') + account(keys=f'["{line} b", "{line}"]')
    lines = of_file(text, tell)
    assert [line.split(": ", 2)[1:] for line in lines] == [
        ["accounts[1].login", "a second account `anna`"],
        *(
            [
                f"accounts[1].keys[{n}]",
                "the same key as on line 5, of `anna`; each account has its own key pair",
            ]
            for n in (0, 1)
        ),
    ]


@pytest.mark.parametrize("policy", ["functional", "any"])
def test_other_policies_allow_a_general_mailbox(policy: str, config: Path) -> None:
    (config / "gateway.yaml").write_text(f"address_policy: {policy}")
    entry = account(keys=f'["{key()}"]', email="info@a.example", name="Info")
    (config / "participants.yaml").write_text(f'municipalities: {{"0363": {{name: A}}}}\naccounts:\n{entry}')
    loaded = load(config)
    assert loaded.participants.accounts["anna"].email == "info@a.example"


def test_what_is_allowed_but_seldom_meant_is_warned_of(config: Path) -> None:
    (config / "gateway.yaml").write_text("address_policy: functional")
    text = HEAD + (
        '  "0473": {name: Zandvoort}\n'
        'partnerships: [{id: a, name: A, lead: "0363", members: ["0377"]}]\n'
        "accounts:\n" + account(municipalities='["0363", "0377"]')
    )
    (config / "participants.yaml").write_text(text)
    warnings = [f"{w.line}:{w.column}: {w.path}: {w.what}" for w in load(config).warnings]
    assert warnings == [
        '4:3: municipalities["0473"]: Zandvoort has no account with the role gebruikersbeheerder: nobody to turn to '
        "about its reports",
        "7:13: accounts[0].login: `anna` has no key and cannot log in",
        '7:144: accounts[0].municipalities[1]: partnership `a` already gives this account "0377", while the mandate is '
        "in force; named here it stays after that",
        "7:47: accounts[0].email: `anna.devries@a.example` looks like a person's address; functional mailboxes are "
        "preferred here",
    ]
