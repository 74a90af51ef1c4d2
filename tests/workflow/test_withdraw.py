"""Withdrawal: who may, when, what it leaves behind, and that every past selection can be told again.

Does: renames items in and outside the window, as municipality, lead, member and desk; random sequences against a model.
Touches: a temporary directory.
Does not: speak SFTP.
"""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.acts import Item, items, selection_name
from gateway.domain.model import Consent, Role, to_ms
from gateway.errors import GatewayError, Refusal
from gateway.store.ledger import log, reports, withdrawals
from gateway.store.ledger.withdrawals import Withdrawal
from gateway.workflow.folders import status_facts
from gateway.workflow.withdraw import by_file, by_form, check, listed, selection, withdrawal_round
from tests.reports.judge import valid
from tests.samples import good
from tests.world import World

# Monday 12 March 2018, nine in the morning in Amsterdam: the withdrawal window is open.
OPEN = datetime(2018, 3, 12, 8, tzinfo=UTC)
WMO = ("WMO", "2017H2")
WITHDRAWN, ACTIVE = selection_name(WMO, True), selection_name(WMO, False)


@pytest.fixture
def open_world(world: World) -> World:
    world.clock.moment = OPEN
    return world


def refused(world: World, name: str = WITHDRAWN, login: str = "amsterdam", code: str = "0363") -> Refusal:
    with pytest.raises(Refusal) as caught:
        by_file(world.ctx, world.account(login), code, name)
    return caught.value


def change(world: World, name: str, login: str = "amsterdam", code: str = "0363") -> bool:
    return by_file(world.ctx, world.account(login), code, name)


def form(code: str = "0473", *, withdrawn: bool = True, kind: str = "WMO") -> Withdrawal:
    return Withdrawal(code, "2017H2", kind, "2017H2", withdrawn, "desk", "form", OPEN, "form 7")


# --- by file ----------------------------------------------------------------------------------------------------------


def test_an_item_is_withdrawn_and_given_again(open_world: World) -> None:
    assert set(listed(open_world.ctx, "0363")) >= {ACTIVE}
    assert change(open_world, WITHDRAWN)
    assert WITHDRAWN in listed(open_world.ctx, "0363")
    assert ACTIVE not in listed(open_world.ctx, "0363")
    assert change(open_world, ACTIVE)
    assert ACTIVE in listed(open_world.ctx, "0363")
    assert [event for event in open_world.events() if event != "placed"] == ["withdrawn", "reinstated"]


def test_every_item_of_the_round_stands_in_the_folder_once(open_world: World) -> None:
    assert sorted(listed(open_world.ctx, "0363")) == sorted(
        f"{kind}_{period}.actief" for kind in ("WMO", "KOSTENWMO", "SBW", "JEUGD") for period in ("2017H1", "2017H2")
    )


def test_a_change_is_confirmed_with_the_selection_as_it_stands(open_world: World) -> None:
    change(open_world, WITHDRAWN)
    (stem,) = open_world.stems()
    assert stem.startswith("IB_0363_2017H2_WMO_180312-")
    assert stem.endswith("_INGETROKKEN")
    (row,) = open_world.engine.rows("select id from reports")
    files = reports.files(open_world.engine, row["id"])
    document = valid("withdrawal", files[-1].body)
    assert document["withdrawal"] == {
        "withdrawn": True,
        "channel": "sftp",
        "opens": "2018-03-12T00:00:00+01:00",
        "closes": "2018-03-23T23:59:59+01:00",
    }
    assert [each for each in document["selection"] if each["withdrawn"]] == [
        {"kind": "WMO", "period": "2017H2", "withdrawn": True}
    ]
    assert "WMO_2017H2.actief" in document["next_step"]["nl"]
    assert "vrijdag 23 maart 2018" in files[0].body.decode()
    (line,) = log.last_of_event(open_world.engine, "withdrawn", "0363", 9)
    assert (line.account, line.report_id, line.detail["id"]) == ("amsterdam", row["id"], document["drop_id"])


def test_the_confirmation_names_the_version_that_counts(world: World) -> None:
    world.drop("WMO_0363_2017H2.csv", good("WMO", rows=3))
    world.work()
    world.clock.moment = OPEN
    change(world, WITHDRAWN)
    row = world.engine.rows("select id, delivery_id from reports where kind = 'IB'")[0]
    assert json.loads(reports.files(world.engine, row["id"])[-1].body)["version"] == 1
    assert row["delivery_id"] is not None


def test_saying_it_again_changes_nothing_and_confirms_nothing(open_world: World) -> None:
    assert not change(open_world, ACTIVE)
    assert change(open_world, WITHDRAWN)
    assert not change(open_world, WITHDRAWN.upper())
    assert len(open_world.stems()) == 1
    assert len(withdrawals.history(open_world.engine, "0363", "2017H2")) == 1


@pytest.mark.parametrize(
    ("moment", "code"),
    [
        (datetime(2018, 3, 11, 22, 59, 59, 999000, tzinfo=UTC), "WITHDRAWAL_NOT_OPEN"),
        (datetime(2018, 3, 11, 23, tzinfo=UTC), None),
        (datetime(2018, 3, 23, 22, 59, 59, 999000, tzinfo=UTC), None),
        (datetime(2018, 3, 23, 23, tzinfo=UTC), "WITHDRAWAL_CLOSED"),
    ],
)
def test_the_window_opens_and_closes_with_local_days(world: World, moment: datetime, code: str | None) -> None:
    world.clock.moment = moment
    if code is None:
        assert change(world, WITHDRAWN)
    else:
        assert refused(world).code == code
        assert listed(world.ctx, "0363")


@pytest.mark.parametrize(
    ("login", "code", "refusal"),
    [
        ("zandvoort", "0473", "DELEGATED"),
        ("bloemendaal", "0473", "DELEGATED"),
        ("bloemendaal", "0377", None),
        ("amsterdam", "0377", "NOT_YOURS"),
        ("operator", "0363", "NOT_YOURS"),
    ],
)
def test_who_may_withdraw_for_whom(open_world: World, login: str, code: str, refusal: str | None) -> None:
    if refusal is None:
        assert change(open_world, WITHDRAWN, login, code)
    else:
        caught = refused(open_world, WITHDRAWN, login, code)
        assert caught.code == refusal
        assert refusal != "DELEGATED" or caught.params == {"lead": "Bloemendaal"}


def test_a_member_whose_mandate_ended_withdraws_itself(open_world: World) -> None:
    people = open_world.configuration.participants
    ended = {name: replace(each, until=date(2018, 3, 9)) for name, each in people.partnerships.items()}
    open_world.configure(participants=replace(people, partnerships=ended))
    assert change(open_world, WITHDRAWN, "zandvoort", "0473")


def test_a_user_manager_alone_may_not_withdraw(open_world: World) -> None:
    people = open_world.configuration.participants
    manager = replace(people.accounts["amsterdam"], roles=frozenset({Role.GEBRUIKERSBEHEERDER}))
    open_world.configure(participants=replace(people, accounts={**people.accounts, "amsterdam": manager}))
    assert refused(open_world).code == "WITHDRAWAL_ROLE"


def test_a_round_without_a_window_has_nothing_to_withdraw(world: World) -> None:
    bare = {name: replace(round_, withdrawal=None) for name, round_ in world.configuration.rounds.items()}
    world.configure(rounds=bare)
    assert withdrawal_round(world.ctx, "0363") is None
    assert listed(world.ctx, "0363") == {}
    with pytest.raises(Refusal, match="NO_SUCH_FILE"):
        check(world.ctx, world.account("amsterdam"), "0363", WITHDRAWN)


def test_under_opt_in_an_item_is_withdrawn_until_it_is_set_active(open_world: World) -> None:
    asked = {name: replace(round_, consent=Consent.OPT_IN) for name, round_ in open_world.configuration.rounds.items()}
    open_world.configure(rounds=asked)
    assert all(name.endswith(".ingetrokken") for name in listed(open_world.ctx, "0363"))
    assert not change(open_world, WITHDRAWN)
    assert change(open_world, ACTIVE)
    (item,) = [each for each in status_facts(open_world.ctx, "0363").items if not each.withdrawn]
    assert (item.kind, item.period) == WMO


def test_the_status_shows_what_is_withdrawn(open_world: World) -> None:
    change(open_world, WITHDRAWN)
    found = {(each.kind, each.period): each.withdrawn for each in status_facts(open_world.ctx, "0363").items}
    assert [item for item, withdrawn in found.items() if withdrawn] == [WMO]


# --- by form ----------------------------------------------------------------------------------------------------------


def test_the_desk_records_a_form_of_a_delegating_municipality(open_world: World) -> None:
    assert by_form(open_world.ctx, form(), date(2018, 3, 12))
    assert not by_form(open_world.ctx, form(), date(2018, 3, 12))
    assert WITHDRAWN in listed(open_world.ctx, "0473")
    assert [stem.rpartition("_")[2] for stem in open_world.stems("0473")] == ["INGETROKKEN"]
    (line,) = log.last_of_event(open_world.engine, "withdrawn", "0473", 9)
    assert (line.account, line.detail["channel"], line.detail["note"]) == ("desk", "form", "form 7")
    assert by_form(open_world.ctx, form(withdrawn=False), date(2018, 3, 12))
    assert ACTIVE in listed(open_world.ctx, "0473")


def test_a_form_that_came_in_time_may_be_recorded_later(open_world: World) -> None:
    open_world.clock.forward(days=30)
    assert by_form(open_world.ctx, form(), date(2018, 3, 23))
    with pytest.raises(Refusal, match="WITHDRAWAL_CLOSED"):
        by_form(open_world.ctx, form(kind="SBW"), date(2018, 3, 24))
    with pytest.raises(Refusal, match="WITHDRAWAL_NOT_OPEN"):
        by_form(open_world.ctx, form(kind="SBW"), date(2018, 3, 11))
    with pytest.raises(GatewayError, match="still to come"):
        by_form(open_world.ctx, form(kind="SBW"), date(2018, 4, 20))


@pytest.mark.parametrize("unknown", [form("0001"), form(kind="XYZ")])
def test_a_form_about_something_unknown_is_not_recorded(open_world: World, unknown: Withdrawal) -> None:
    with pytest.raises(GatewayError, match=r"participants|does not ask"):
        by_form(open_world.ctx, unknown, date(2018, 3, 12))


# --- any sequence -----------------------------------------------------------------------------------------------------

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["file", "form", "wait"]),
        st.sampled_from([("WMO", "2017H2"), ("SBW", "2017H2"), ("WMO", "2017H1")]),
        st.booleans(),
        st.integers(min_value=0, max_value=200),
    ),
    max_size=25,
)


@settings(max_examples=40, deadline=None)
@given(steps=STEPS, opt_in=st.booleans())
def test_the_selection_at_any_past_moment_can_be_told_again(
    steps: list[tuple[str, Item, bool, int]], opt_in: bool
) -> None:
    with TemporaryDirectory() as folder:
        world = World(Path(folder)).open("amsterdam")
        try:
            _live_through(world, steps, opt_in)
        finally:
            world.close()


def _live_through(world: World, steps: list[tuple[str, Item, bool, int]], opt_in: bool) -> None:
    round_ = world.configuration.rounds["2017H2"]
    if opt_in:
        round_ = replace(round_, consent=Consent.OPT_IN)
        world.configure(rounds={"2017H2": round_})
    world.clock.moment = OPEN - timedelta(hours=12)
    now = dict.fromkeys(items(round_), opt_in)
    seen: list[tuple[datetime, dict[Item, bool]]] = []
    confirmed = 0
    for way, item, withdrawn, hours in steps:
        if way == "wait":
            seen.append((world.clock.moment, dict(now)))
            world.clock.forward(hours=hours / 10)
        elif way == "file":
            try:
                changed = change(world, selection_name(item, withdrawn))
            except Refusal:
                assert (
                    not datetime(2018, 3, 11, 23, tzinfo=UTC)
                    <= world.clock.moment
                    < datetime(2018, 3, 23, 23, tzinfo=UTC)
                )
                continue
            assert changed == (now[item] != withdrawn)
            confirmed += changed
            now[item] = withdrawn
        elif world.clock.moment >= OPEN:
            given_form = Withdrawal("0363", "2017H2", *item, withdrawn, "desk", "form", OPEN)
            confirmed += by_form(world.ctx, given_form, date(2018, 3, 12))
            now[item] = withdrawn
    seen.append((world.clock.moment, dict(now)))
    for moment, expected in dict(seen).items():
        assert dict(selection(world.ctx, round_, "0363", moment)) == expected
        for (kind, period), withdrawn in expected.items():
            at_ms = to_ms(moment)
            told = withdrawals.withdrawn(world.engine, "0363", "2017H2", kind, period, at_ms, default=opt_in)
            assert told == withdrawn
    assert len(listed(world.ctx, "0363")) == len(now)
    assert len(world.stems()) == confirmed == len(withdrawals.history(world.engine, "0363", "2017H2"))
