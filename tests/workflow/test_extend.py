"""An extension moves the window of one municipality, everywhere that a window is asked for or shown."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from gateway.domain.model import Span
from gateway.errors import GatewayError, Refusal
from gateway.store.ledger import extensions, log, reports
from gateway.workflow.context import current_round, shown_round
from gateway.workflow.extend import extend
from gateway.workflow.folders import readme, status_facts
from tests.reports.judge import valid
from tests.samples import good
from tests.world import World

NAME = "WMO_0363_2017H2.csv"
UNTIL = date(2018, 3, 14)
LATE = datetime(2018, 3, 12, 9, tzinfo=UTC)


def test_after_the_close_one_municipality_delivers_and_the_others_do_not(world: World) -> None:
    world.clock.moment = LATE
    with pytest.raises(Refusal, match="WINDOW_CLOSED"):
        world.drop(NAME, good("WMO", rows=3))
    extend(world.ctx, "0363", UNTIL, "illness", "desk")
    drop = world.drop(NAME, good("WMO", rows=3))
    assert drop.round_id == "2017H2"
    with pytest.raises(Refusal, match="WINDOW_CLOSED"):
        world.drop("WMO_0377_2017H2.csv", good("WMO", "0377", rows=3), "bloemendaal", "0377")
    world.clock.moment = datetime(2018, 3, 14, 22, 59, 59, tzinfo=UTC)
    assert world.drop(NAME, good("WMO", rows=4)).id != drop.id
    world.clock.moment = datetime(2018, 3, 14, 23, 30, tzinfo=UTC)
    with pytest.raises(Refusal) as caught:
        world.drop(NAME, good("WMO", rows=5))
    assert caught.value.params == {"closed": "2018-03-14"}


def test_the_grace_runs_from_the_extended_close(world: World) -> None:
    extend(world.ctx, "0363", UNTIL, "illness", "desk")
    world.clock.moment = datetime(2018, 3, 14, 23, 10, tzinfo=UTC)
    opened = datetime(2018, 3, 14, 22, 59, tzinfo=UTC)
    assert world.drop(NAME, good("WMO", rows=3), opened=opened).round_id == "2017H2"


def test_receipt_status_and_readme_say_so(world: World) -> None:
    extend(world.ctx, "0363", UNTIL, "illness", "desk")
    drop = world.drop(NAME, good("WMO", rows=3))
    (receipt,) = [each for each in world.reports_of(drop) if each.outcome == "ONTVANGEN"]
    files = reports.files(world.engine, receipt.id)
    times = valid("receipt", files[-1].body)["times"]
    assert (times["window_closes"], times["window_extended"]) == ("2018-03-14T23:59:59+01:00", True)
    assert "voor uw gemeente verlengd" in files[0].body.decode()
    status = status_facts(world.ctx, "0363")
    assert (status.extended, status.closes.date()) == (True, UNTIL)
    text = readme(world.ctx, world.account("amsterdam"), (), "nl").decode()
    assert "Verlengd: Amsterdam kan aanleveren tot en met woensdag 14 maart 2018." in text
    assert "Verlengd:" not in readme(world.ctx, world.account("bloemendaal"), (), "nl").decode()
    assert not status_facts(world.ctx, "0377").extended


def test_it_is_logged_in_the_municipalitys_own_log(world: World) -> None:
    extend(world.ctx, "0363", UNTIL, "illness", "desk")
    (line,) = log.last_of_event(world.engine, "extended", "0363", 9)
    assert (line.account, line.detail) == ("desk", {"round": "2017H2", "until": "2018-03-14", "reason": "illness"})
    owed = world.engine.rows("select account from notifications where occasion = 'extension'")
    assert owed == [{"account": "amsterdam"}]


def test_the_last_extension_counts(world: World) -> None:
    extend(world.ctx, "0363", date(2018, 3, 20), "typing error", "desk")
    extend(world.ctx, "0363", UNTIL, "as meant", "desk")
    assert current_round(world.ctx, "0363").delivery.closes == UNTIL
    assert extensions.of_round(world.engine, "2017H2")["0363"].reason == "as meant"
    assert current_round(world.ctx).delivery.closes == date(2018, 3, 9)


@pytest.mark.parametrize(
    ("code", "until", "why"),
    [
        ("0001", UNTIL, "not in participants"),
        ("0363", date(2018, 3, 9), "open until 2018-03-09 for everybody"),
        ("0363", date(2018, 3, 11), "is over"),
        ("0363", date(2018, 6, 1), "round next opens on 2018-06-01"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_reason(world: World, code: str, until: date, why: str) -> None:
    rounds = world.configuration.rounds
    later = replace(rounds["2017H2"], id="next", delivery=Span(date(2018, 6, 1), date(2018, 6, 30)), withdrawal=None)
    world.configure(rounds={**rounds, "next": later})
    world.clock.moment = LATE
    with pytest.raises(GatewayError, match=why):
        extend(world.ctx, code, until, "because", "desk")


def test_with_the_next_round_configured_the_extended_one_still_gets_the_drop(world: World) -> None:
    rounds = world.configuration.rounds
    later = replace(rounds["2017H2"], id="next", delivery=Span(date(2018, 6, 1), date(2018, 6, 30)), withdrawal=None)
    world.configure(rounds={**rounds, "next": later})
    world.clock.moment = LATE
    assert current_round(world.ctx, "0363").id == "next"
    assert shown_round(world.ctx, "0363").id == "2017H2"
    assert extend(world.ctx, "0363", UNTIL, "illness", "desk").round_id == "2017H2"
    assert world.drop(NAME, good("WMO", rows=3)).round_id == "2017H2"


def test_the_pages_of_a_refusal_after_the_close_name_the_extended_day(world: World) -> None:
    extend(world.ctx, "0363", UNTIL, "illness", "desk")
    drop = world.drop(NAME, good("WMO", rows=3))
    world.work()
    (verdict,) = [each for each in world.reports_of(drop) if each.outcome == "GOEDGEKEURD"]
    body = next(each for each in reports.files(world.engine, verdict.id) if each.name.endswith(".html")).body
    assert "woensdag 14 maart 2018" in body.decode()
