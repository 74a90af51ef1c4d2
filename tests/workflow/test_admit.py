"""May this be dropped now? The order of the policy, the ends of the window, and what a refusal leaves behind.

Does: asks `admit` at moments around the window's ends, in winter and summer; counts receipts of refusals.
Touches: a temporary directory.
Does not: speak SFTP.
"""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from gateway.domain.model import DeliveryRound, Lane, Span
from gateway.errors import Refusal
from gateway.store.ledger import log
from gateway.workflow.admit import Attempt, admit, record_refusal
from gateway.workflow.context import current_round, round_at
from gateway.workflow.folders import accept_terms, status_facts
from tests.samples import wmo_csv
from tests.world import World

NAME = "WMO_0363_2017H2.csv"
A = wmo_csv(3)


def code_of(world: World, attempt: Attempt, started: datetime | None = None) -> str | None:
    """The code of the refusal; None when the drop may be made."""
    try:
        admit(world.ctx, attempt, started=started)
    except Refusal as refusal:
        return refusal.code
    return None


def refuse(world: World, attempt: Attempt) -> str:
    """Try, be refused, leave behind what that leaves; the code."""
    with pytest.raises(Refusal) as caught:
        admit(world.ctx, attempt)
    record_refusal(world.ctx, attempt, caught.value)
    return caught.value.code


# --- who and what -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("login", "code", "refusal"),
    [
        ("amsterdam", "0363", None),
        ("amsterdam", "0377", "NOT_YOURS"),
        ("amsterdam", "9999", "NOT_YOURS"),
        ("bloemendaal", "0473", None),
        ("zandvoort", "0473", "LEAD_ONLY"),
        ("cbs", "0363", "NOT_YOURS"),
        ("operator", "0363", "NOT_YOURS"),
    ],
)
def test_who_may_deliver_for_whom(world: World, login: str, code: str, refusal: str | None) -> None:
    assert code_of(world, world.attempt(NAME, login, code)) == refusal


def test_an_account_without_the_role_may_look_and_not_deliver(world: World) -> None:
    people = world.configuration.participants
    anna = replace(people.accounts["amsterdam"], roles=frozenset())
    world.configure(participants=replace(people, accounts={**people.accounts, "amsterdam": anna}))
    assert code_of(world, world.attempt(NAME)) == "NO_ROLE"


def test_terms_come_before_the_window_and_are_asked_in_both_lanes(world: World) -> None:
    world.engine.run("delete from acceptances")
    world.clock.moment = datetime(2018, 6, 1, tzinfo=UTC)
    assert code_of(world, world.attempt(NAME)) == "TERMS"
    assert code_of(world, world.attempt(NAME, lane=Lane.TRIAL)) == "TERMS"
    accept_terms(world.ctx, world.account("amsterdam"), "sftp")
    assert code_of(world, world.attempt(NAME)) == "WINDOW_CLOSED"
    assert code_of(world, world.attempt(NAME, lane=Lane.TRIAL)) is None


def test_new_terms_are_asked_again(world: World) -> None:
    rounds = {"2017H2": replace(world.configuration.rounds["2017H2"], terms_version="2")}
    world.configure(rounds=rounds)
    assert code_of(world, world.attempt(NAME)) == "TERMS"
    accept_terms(world.ctx, world.account("amsterdam"), "sftp")
    accept_terms(world.ctx, world.account("amsterdam"), "sftp")
    assert code_of(world, world.attempt(NAME)) is None
    assert world.events().count("terms_accepted") == 1


# --- the window -------------------------------------------------------------------------------------------------------

LAST_NIGHT = datetime(2018, 3, 9, 22, 55, tzinfo=UTC)  # 23:55 in Amsterdam


@pytest.mark.parametrize(
    ("now", "refusal"),
    [
        (datetime(2018, 2, 11, 22, 59, 59, tzinfo=UTC), "WINDOW_NOT_OPEN"),
        (datetime(2018, 2, 11, 23, 0, 0, tzinfo=UTC), None),
        (LAST_NIGHT, None),
        (datetime(2018, 3, 9, 22, 59, 59, 999000, tzinfo=UTC), None),
        (datetime(2018, 3, 9, 23, 0, 0, tzinfo=UTC), "WINDOW_CLOSED"),
    ],
)
def test_the_window_is_open_from_midnight_to_midnight_in_amsterdam(
    world: World, now: datetime, refusal: str | None
) -> None:
    world.clock.moment = now
    assert code_of(world, world.attempt(NAME)) == refusal
    assert code_of(world, world.attempt(NAME, lane=Lane.TRIAL)) is None


@pytest.mark.parametrize(
    ("opened", "minutes", "refusal"),
    [
        (LAST_NIGHT, 10, None),
        (LAST_NIGHT, 19, None),
        (LAST_NIGHT, 20, "WINDOW_CLOSED"),
        (LAST_NIGHT + timedelta(minutes=5), 1, "WINDOW_CLOSED"),
    ],
    ids=["00:05", "00:14", "00:15", "opened after midnight"],
)
def test_an_upload_that_was_opened_in_time_has_the_grace(
    world: World, opened: datetime, minutes: int, refusal: str | None
) -> None:
    world.clock.moment = opened + timedelta(minutes=minutes)
    assert code_of(world, world.attempt(NAME), opened) == refusal


def test_a_drop_within_the_grace_belongs_to_the_round_that_was_open(world: World) -> None:
    shipped = world.configuration
    later = replace(
        shipped.rounds["2017H2"],
        id="2018H1",
        delivery=Span(date(2018, 3, 10), date(2018, 9, 30)),
        withdrawal=None,
        target=None,
    )
    rules = shipped.rules["2017H2"]
    world.configure(
        rounds={"2017H2": shipped.rounds["2017H2"], "2018H1": later},
        rules={"2017H2": rules, "2018H1": replace(rules, version="abcabcabcabc", round=later)},
    )
    world.clock.moment = LAST_NIGHT + timedelta(minutes=10)
    drop = world.drop(NAME, A, opened=LAST_NIGHT)
    assert drop.round_id == "2017H2"
    assert drop.received_at == world.clock()
    assert code_of(world, world.attempt(NAME)) == "TERMS"  # of the new round


@pytest.mark.parametrize(
    ("closes", "last_moment"),
    [
        (date(2018, 3, 25), datetime(2018, 3, 25, 21, 59, 59, tzinfo=UTC)),
        (date(2018, 10, 28), datetime(2018, 10, 28, 22, 59, 59, tzinfo=UTC)),
    ],
    ids=["a day of 23 hours", "a day of 25 hours"],
)
def test_a_window_that_ends_on_the_night_the_clocks_change(world: World, closes: date, last_moment: datetime) -> None:
    rules = world.configuration.rules["2017H2"]
    round_ = replace(rules.round, delivery=Span(date(2018, 2, 12), closes))
    world.configure(rounds={"2017H2": round_}, rules={"2017H2": replace(rules, round=round_)})
    world.clock.moment = last_moment
    assert code_of(world, world.attempt(NAME)) is None
    world.clock.moment = last_moment + timedelta(seconds=1)
    assert code_of(world, world.attempt(NAME)) == "WINDOW_CLOSED"
    assert code_of(world, world.attempt(NAME), last_moment) is None


# --- which round ------------------------------------------------------------------------------------------------------


def some_rounds(world: World) -> dict[str, DeliveryRound]:
    one = world.configuration.rounds["2017H2"]
    spans = {
        "b": Span(date(2018, 8, 15), date(2018, 9, 30)),
        "a": Span(date(2018, 2, 12), date(2018, 3, 9)),
        "c": Span(date(2019, 2, 11), date(2019, 3, 8)),
    }
    return {name: replace(one, id=name, delivery=span) for name, span in spans.items()}


@pytest.mark.parametrize(
    ("now", "wanted"),
    [
        (datetime(2017, 1, 1, tzinfo=UTC), "a"),
        (datetime(2018, 2, 12, 12, tzinfo=UTC), "a"),
        (datetime(2018, 3, 9, 22, 59, tzinfo=UTC), "a"),
        (datetime(2018, 3, 9, 23, 0, tzinfo=UTC), "b"),
        (datetime(2018, 8, 14, tzinfo=UTC), "b"),
        (datetime(2018, 9, 30, 12, tzinfo=UTC), "b"),
        (datetime(2018, 10, 1, 12, tzinfo=UTC), "c"),
        (datetime(2025, 1, 1, tzinfo=UTC), "c"),
    ],
)
def test_the_round_that_is_open_else_the_next_else_the_last(world: World, now: datetime, wanted: str) -> None:
    assert round_at(some_rounds(world), now).id == wanted
    world.configure(rounds=some_rounds(world))
    world.clock.moment = now
    assert current_round(world.ctx).id == wanted


# --- refusals ---------------------------------------------------------------------------------------------------------


def receipts(world: World, code: str = "0363") -> list[str]:
    return [stem for stem in world.stems(code) if stem.endswith("_GEWEIGERD")]


def refused_lines(world: World) -> list[log.Line]:
    return [line for line in log.everything(world.engine) if line.event == "refused"]


@pytest.fixture
def closed(world: World) -> World:
    """The window is shut."""
    world.clock.moment = datetime(2018, 3, 12, 9, tzinfo=UTC)
    return world


def test_a_refusal_is_a_log_line_a_receipt_and_an_entry_in_the_status(closed: World) -> None:
    assert refuse(closed, closed.attempt(NAME)) == "WINDOW_CLOSED"
    assert len(receipts(closed)) == 1
    line = refused_lines(closed)[0]
    assert (line.municipality, line.account, line.detail["code"], line.detail["name"]) == (
        "0363",
        "amsterdam",
        "WINDOW_CLOSED",
        NAME,
    )
    shown = status_facts(closed.ctx, "0363").refusals
    assert [(each.code, each.file) for each in shown] == [("WINDOW_CLOSED", NAME)]


def test_one_receipt_per_name_and_hour_and_a_line_each_time(closed: World) -> None:
    for _ in range(3):
        refuse(closed, closed.attempt(NAME))
        closed.clock.forward(minutes=19)
    assert len(receipts(closed)) == 1
    refuse(closed, closed.attempt("SBW_0363_2017H2.csv"))
    assert len(receipts(closed)) == 2
    closed.clock.forward(minutes=4)
    refuse(closed, closed.attempt(NAME))
    assert len(receipts(closed)) == 3
    assert len(refused_lines(closed)) == 5


def test_an_hour_is_an_hour_also_for_one_who_tries_hundreds_of_names(closed: World) -> None:
    refuse(closed, closed.attempt(NAME))
    for number in range(250):
        refuse(closed, closed.attempt(f"other_{number}.csv"))
    refuse(closed, closed.attempt(NAME))
    assert len(receipts(closed)) == 251


def test_a_name_with_signs_is_that_name_and_no_pattern(closed: World) -> None:
    names = ["a%b.csv", "axb.csv", "a_b.csv", "a!b.csv", 'a"b.csv', "a\\b.csv", "b.csv", "%", "_"]
    for _ in range(2):
        for name in names:
            refuse(closed, closed.attempt(name))
    assert len(receipts(closed)) == len(names)


def test_nobody_leaves_anything_in_the_outbox_of_another(world: World) -> None:
    attempt = world.attempt(NAME, "amsterdam", "0377")
    assert refuse(world, attempt) == "NOT_YOURS"
    assert receipts(world, "0377") == receipts(world) == []
    assert [(line.municipality, line.account) for line in refused_lines(world)] == [(None, "amsterdam")]
    assert status_facts(world.ctx, "0377").refusals == ()


def test_a_member_of_a_partnership_is_told_in_its_own_outbox(world: World) -> None:
    attempt = world.attempt("WMO_0473_2017H2.csv", "zandvoort", "0473")
    assert refuse(world, attempt) == "LEAD_ONLY"
    assert len(receipts(world, "0473")) == 1


@pytest.mark.parametrize("name", ["WMO_999990019.csv", "999990019", "x999990019x999990020.csv"])
def test_a_number_that_may_be_somebodys_stands_nowhere(world: World, name: str) -> None:
    assert refuse(world, world.attempt(name)) == "NAME_BSN"
    kept: list[Any] = world.engine.rows("select * from log") + world.engine.rows("select * from reports")
    kept += world.engine.rows("select name, cast(body as text) as body from report_files")
    assert "99999" not in str(kept)


def test_a_name_of_any_length_leaves_a_refusal_that_can_be_read(world: World) -> None:
    assert refuse(world, world.attempt("x" * 5000 + ".csv")) == "NAME_LENGTH"
    assert len(str(refused_lines(world)[0].detail["name"])) <= 255
