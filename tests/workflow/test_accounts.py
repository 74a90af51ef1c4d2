"""Accounts: who decides, what the desk may not, and that a new account works only after its first login."""

from dataclasses import replace

import pytest

from gateway.domain.model import Account, Role
from gateway.errors import GatewayError, Refusal
from gateway.store.ledger import accounts as rows
from gateway.store.ledger import log
from gateway.workflow import accounts
from gateway.workflow.admit import admit
from gateway.workflow.folders import readme
from tests.samples import good
from tests.world import World

NAME = "WMO_0363_2017H2.csv"


def hire(world: World, login: str = "jan", *roles: Role, code: str = "0363") -> Account:
    """Put a new account into the configuration, as the desk does in participants.yaml."""
    made = Account(login, "Jan", f"{login}@amsterdam.example", frozenset(roles or {Role.PRODUCTBEHEERDER}), (code,))
    people = world.configuration.participants
    world.configure(participants=replace(people, accounts={**people.accounts, login: made}))
    return made


def ask(world: World, login: str = "jan", role: Role = Role.PRODUCTBEHEERDER) -> None:
    accounts.request(world.ctx, login, role, "els", "desk")


def test_a_plain_installation_works_without_any_request(world: World) -> None:
    assert accounts.verified(world.ctx, hire(world))


def test_a_requested_account_works_after_its_first_login_and_not_before(world: World) -> None:
    ask(world)
    jan = hire(world)
    assert not accounts.verified(world.ctx, jan)
    with pytest.raises(Refusal, match="NOT_VERIFIED"):
        admit(world.ctx, world.attempt(NAME, "jan"))
    accounts.approve(world.ctx, "jan", "amsterdam", "desk")
    code = accounts.give_code(world.ctx, "jan", "desk")
    assert not accounts.verified(world.ctx, jan)
    accounts.enter_code(world.ctx, jan, code.replace("-", ""))
    assert accounts.verified(world.ctx, jan)
    with pytest.raises(Refusal, match="TERMS"):
        admit(world.ctx, world.attempt(NAME, "jan"))
    assert [event for event in world.events() if event != "refused"] == [
        "account_asked",
        "account_approved",
        "code_given",
        "activated",
    ]


def test_the_facts_are_kept(world: World) -> None:
    hire(world)
    ask(world)
    accounts.approve(world.ctx, "jan", "amsterdam", "desk")
    world.clock.forward(hours=1)
    code = accounts.give_code(world.ctx, "jan", "desk")
    kept = rows.last(world.engine, "jan")
    assert kept is not None
    assert (kept.asked_by, kept.approved_by, kept.carried_out_by, kept.role) == (
        "els", "amsterdam", "desk", "productbeheerder",
    )  # fmt: skip
    assert kept.approved_at is not None
    assert kept.code_at is not None
    assert kept.approved_at < kept.code_at
    everything = str(world.engine.rows("select * from account_requests")) + str(log.everything(world.engine))
    assert code.replace("-", "") not in everything
    assert len(code.replace("-", "")) == 32


def test_a_new_code_voids_the_old_one_and_a_wrong_one_is_logged(world: World) -> None:
    jan = hire(world)
    ask(world)
    accounts.approve(world.ctx, "jan", "amsterdam", "desk")
    old = accounts.give_code(world.ctx, "jan", "desk").replace("-", "")
    new = accounts.give_code(world.ctx, "jan", "desk").replace("-", "")
    for wrong in (old, "", new[:-1]):
        with pytest.raises(Refusal, match="WRONG_CODE"):
            accounts.enter_code(world.ctx, jan, wrong)
    assert world.events()[-3:] == ["wrong_code"] * 3
    accounts.enter_code(world.ctx, jan, new)
    accounts.enter_code(world.ctx, jan, "whatever, it works already")
    assert accounts.verified(world.ctx, jan)


@pytest.mark.parametrize(
    ("approved_by", "role"),
    [
        (None, Role.PRODUCTBEHEERDER),  # the desk does not decide who delivers
        ("bloemendaal", Role.PRODUCTBEHEERDER),  # not his municipality
        ("jan", Role.PRODUCTBEHEERDER),  # nobody decides on himself
        ("cbs", Role.PRODUCTBEHEERDER),
        ("amsterdam", Role.OPERATOR),
        ("amsterdam", Role.GEBRUIKERSBEHEERDER),
        ("nobody", Role.PRODUCTBEHEERDER),
    ],
)
def test_who_may_not_decide(world: World, approved_by: str | None, role: Role) -> None:
    hire(world, "jan", Role.PRODUCTBEHEERDER, Role.GEBRUIKERSBEHEERDER)
    ask(world, role=role)
    with pytest.raises(GatewayError, match=r"decide|no account"):
        accounts.approve(world.ctx, "jan", approved_by, "desk")
    with pytest.raises(GatewayError, match="nobody decided"):
        accounts.give_code(world.ctx, "jan", "desk")


@pytest.mark.parametrize("role", [Role.GEBRUIKERSBEHEERDER, Role.ASSESSOR, Role.OPERATOR])
def test_the_desk_decides_on_the_other_roles(world: World, role: Role) -> None:
    hire(world, "jan", role)
    ask(world, role=role)
    accounts.approve(world.ctx, "jan", None, "desk")
    with pytest.raises(GatewayError, match="was approved by desk"):
        accounts.approve(world.ctx, "jan", None, "desk")


def test_what_nobody_asked_for_cannot_be_activated(world: World) -> None:
    hire(world)
    for act in (accounts.give_code, lambda ctx, login, desk: accounts.activate(ctx, login, "x", desk)):
        with pytest.raises(GatewayError, match="nobody asked"):
            act(world.ctx, "jan", "desk")
    world.configure(settings=world.configuration.settings.model_copy(update={"account_verification": True}))
    with pytest.raises(Refusal, match="WRONG_CODE"):
        accounts.enter_code(world.ctx, world.account("jan"), "00")


def test_an_account_that_works_goes_on_working_when_another_role_is_asked(world: World) -> None:
    jan = hire(world)
    ask(world)
    accounts.approve(world.ctx, "jan", "amsterdam", "desk")
    accounts.activate(world.ctx, "jan", "watch folder", "desk")
    ask(world, role=Role.GEBRUIKERSBEHEERDER)
    assert accounts.verified(world.ctx, jan)
    accounts.approve(world.ctx, "jan", None, "desk")
    accounts.activate(world.ctx, "jan", "again", "desk")
    with pytest.raises(GatewayError, match="is active since"):
        accounts.activate(world.ctx, "jan", "once more", "desk")


def test_when_everybody_needs_a_first_login(world: World) -> None:
    world.configure(settings=world.configuration.settings.model_copy(update={"account_verification": True}))
    with pytest.raises(Refusal, match="NOT_VERIFIED"):
        world.drop(NAME, good("WMO", rows=3))
    text = readme(world.ctx, world.account("amsterdam"), (), "nl").decode()
    assert "VERIFICATIE_" in text[:600]
