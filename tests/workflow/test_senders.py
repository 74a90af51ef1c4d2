"""Two senders for one municipality: the mandate rules, one log line tells."""

from dataclasses import replace
from datetime import date

import pytest

from gateway.domain.model import Lane
from gateway.errors import Refusal
from gateway.store.ledger import facts, log
from gateway.workflow.admit import record_refusal
from tests.samples import good
from tests.world import World

NAME = "WMO_0473_2017H2.csv"


def mandate(world: World, since: date | None = None, until: date | None = None) -> None:
    people = world.configuration.participants
    dated = {name: replace(each, since=since, until=until) for name, each in people.partnerships.items()}
    world.configure(participants=replace(people, partnerships=dated))


def lines(world: World, code: str = "0473") -> list[log.Line]:
    return log.last_of_event(world.engine, "two_senders", code, 9)


def drop(world: World, login: str, name: str = NAME, code: str = "0473", rows: int = 3) -> None:
    world.drop(name, good(name.split("_")[0], code, rows=rows), login, code)


@pytest.fixture
def both(world: World) -> World:
    """Zandvoort accepted the terms too, and its mandate to Bloemendaal begins on 14 February."""
    round_ = world.configuration.rounds["2017H2"]
    facts.accept_terms(world.engine, "zandvoort", round_.id, round_.terms_version, world.clock(), "test")
    mandate(world, since=date(2018, 2, 14))
    return world


def test_a_mandate_that_begins_in_the_round_makes_two_senders(both: World) -> None:
    drop(both, "zandvoort")
    assert lines(both) == []
    with pytest.raises(Refusal, match="NOT_YOURS"):
        drop(both, "bloemendaal")
    both.clock.forward(days=2)
    drop(both, "bloemendaal", rows=4)
    (line,) = lines(both)
    assert line.detail == {"round": "2017H2", "senders": "0377, 0473", "mandate": "0377"}
    drop(both, "bloemendaal", rows=5)
    assert len(lines(both)) == 1


def test_a_member_that_goes_on_is_refused_and_seen(both: World) -> None:
    both.clock.forward(days=2)
    drop(both, "bloemendaal")
    attempt = both.attempt(NAME, "zandvoort", "0473")
    with pytest.raises(Refusal, match="LEAD_ONLY") as caught:
        drop(both, "zandvoort", rows=4)
    record_refusal(both.ctx, attempt, caught.value)
    record_refusal(both.ctx, attempt, caught.value)
    (line,) = lines(both)
    assert (line.account, line.detail["mandate"]) == ("zandvoort", "0377")


def test_a_mandate_that_ended_gives_the_municipality_its_own_hand_back(both: World) -> None:
    mandate(both, until=date(2018, 2, 13))
    drop(both, "bloemendaal")
    both.clock.forward(days=2)
    drop(both, "zandvoort", rows=4)
    (line,) = lines(both)
    assert line.detail["mandate"] == "0473"
    with pytest.raises(Refusal, match="NOT_YOURS"):
        drop(both, "bloemendaal", rows=5)


def test_colleagues_and_trials_are_no_second_sender(both: World) -> None:
    people = both.configuration.participants
    second = replace(people.accounts["zandvoort"], login="second")
    both.configure(participants=replace(people, accounts={**people.accounts, "second": second}))
    round_ = both.configuration.rounds["2017H2"]
    facts.accept_terms(both.engine, "second", round_.id, round_.terms_version, both.clock(), "test")
    drop(both, "zandvoort")
    drop(both, "second", rows=4)
    both.clock.forward(days=2)
    both.drop(NAME, good("WMO", "0473", rows=5), "bloemendaal", "0473", Lane.TRIAL)
    assert lines(both) == []
