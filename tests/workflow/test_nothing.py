"""Nothing to deliver: an act by the name of a file, over either way in, overruled by an approved delivery."""

from pathlib import Path

import pytest

from gateway.domain.model import Channel
from gateway.errors import Refusal
from gateway.store.ledger import log, reports, statements
from gateway.workflow.folders import status_facts
from gateway.workflow.intake import land_claim
from gateway.workflow.missing import missing
from gateway.workflow.nothing import state
from tests.reports.judge import valid
from tests.samples import good, wmo_csv
from tests.world import World

NAME = "GEEN_WMO_0363_2017H2.txt"
WMO = ("WMO", "2017H2")


def state_of(world: World, code: str = "0363") -> str:
    (found,) = [each.state for each in status_facts(world.ctx, code).items if (each.kind, each.period) == WMO]
    return str(found)


def missing_items(world: World) -> set[tuple[str, str]]:
    (found,) = [each for each in missing(world.ctx) if each.municipality.code == "0363"]
    return {(item.kind, item.period) for item in found.items}


def say(world: World, name: str = NAME, login: str = "amsterdam", code: str = "0363") -> None:
    state(world.ctx, world.attempt(name, login, code), Channel.SFTP)


def test_it_is_recorded_logged_and_confirmed(world: World) -> None:
    assert state_of(world) == "none"
    assert WMO in missing_items(world)
    say(world)
    assert statements.stated(world.engine, "0363", "2017H2") == {WMO}
    assert state_of(world) == "nothing"
    assert WMO not in missing_items(world)
    (stem,) = world.stems()
    assert stem.startswith("OB_0363_2017H2_WMO_180212-")
    assert stem.endswith("_GEEN-LEVERING")
    (row,) = world.engine.rows("select id from reports")
    document = valid("receipt", reports.files(world.engine, row["id"])[-1].body)
    assert (document["kind"], document["period"], document["next_step"]["by"]) == ("WMO", "2017H2", None)
    (line,) = log.last_of_event(world.engine, "nothing_stated", "0363", 9)
    assert (line.account, line.report_id, line.detail["channel"]) == ("amsterdam", row["id"], "sftp")


def test_saying_it_twice_changes_nothing(world: World) -> None:
    say(world)
    say(world, NAME.lower())
    assert len(world.stems()) == 1
    assert world.events() == ["nothing_stated"]


def test_an_approved_delivery_overrules_it_and_a_rejected_one_does_not(world: World) -> None:
    say(world)
    world.drop("WMO_0363_2017H2.csv", b"not;this\r\n")
    world.work()
    assert state_of(world) == "nothing"
    world.drop("WMO_0363_2017H2.csv", good("WMO", rows=3))
    world.work()
    assert state_of(world) == "approved"
    assert statements.stated(world.engine, "0363", "2017H2") == set()
    with pytest.raises(Refusal) as caught:
        say(world)
    assert (caught.value.code, caught.value.params) == ("NOTHING_DELIVERED", {"version": 2})


def test_the_lead_says_it_for_its_member_and_the_member_does_not(world: World) -> None:
    say(world, "GEEN_WMO_0473_2017H2.txt", "bloemendaal", "0473")
    assert state_of(world, "0473") == "nothing"
    with pytest.raises(Refusal, match="LEAD_ONLY"):
        say(world, "GEEN_SBW_0473_2017H2.txt", "zandvoort", "0473")


def test_outside_the_window_it_cannot_be_said(world: World) -> None:
    world.clock.forward(days=60)
    with pytest.raises(Refusal, match="WINDOW_CLOSED"):
        say(world)
    assert world.stems() == []


def claimed(world: World, name: str, body: bytes, folder: str = "0363") -> Path:
    path = world.spool.inbox / folder / name
    path.write_bytes(body)
    return path


@pytest.mark.parametrize("body", [b"", wmo_csv(2)])
def test_the_watch_folder_takes_it_whatever_is_in_the_file(world: World, body: bytes) -> None:
    path = claimed(world, NAME, body)
    claim = world.spool.claim(path, "0363", "inbox", world.ctx.new_id())
    land_claim(world.ctx, claim, world.tell)
    land_claim(world.ctx, claim, world.tell)
    assert state_of(world) == "nothing"
    assert world.spool.claims() == []
    assert world.spool.landed_folders() == []
    assert [event for event, _ in world.told] == ["nothing_stated", "nothing_stated"]
    assert len(world.stems()) == 1


def test_the_watch_folder_refuses_a_wrong_name_and_keeps_the_file(world: World) -> None:
    path = claimed(world, "GEEN_WMO_0377_2017H2.txt", b"x")
    claim = world.spool.claim(path, "0363", "inbox", world.ctx.new_id())
    land_claim(world.ctx, claim, world.tell)
    assert [(event, facts["code"]) for event, facts in world.told] == [("refused", "NOTHING_NAME")]
    assert [stem.rpartition("_")[2] for stem in world.stems()] == ["GEWEIGERD"]
    assert list((world.spool.inbox / "0363" / ".geweigerd").rglob("GEEN_*"))


def test_in_the_trial_lane_it_is_a_file_like_any_other(world: World) -> None:
    path = claimed(world, NAME, b"x", "0363/proef")
    claim = world.spool.claim(path, "0363", "proef", world.ctx.new_id())
    land_claim(world.ctx, claim, world.tell)
    assert statements.stated(world.engine, "0363", "2017H2") == set()
    assert len(world.spool.landed_folders()) == 1
