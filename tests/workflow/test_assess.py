"""Op-orde reports: one for each approved delivery, compared with the right earlier ones, killed in between or not."""

import json
from typing import Any

import pytest

from gateway.domain.model import DeliveryState, Drop, Lane
from gateway.store.ledger import assessments, deadlines, deliveries, log, reports
from gateway.workflow import assess as chapter
from gateway.workflow.assess import assess, assess_all
from gateway.workflow.publish import publish
from gateway.workflow.recover import replay
from tests.reports.judge import valid
from tests.samples import cost_csv, wmo_csv, zipped
from tests.world import World

NAME = "WMO_0363_2017H2.csv"


def settle(world: World) -> int:
    """Judge, assess and publish; how many op-orde reports were made."""
    world.judge_all()
    made = assess_all(world.ctx, world.tell)
    publish(world.ctx)
    return made


def documents(world: World, drop: Drop) -> list[dict[str, Any]]:
    """The op-orde reports on a drop, as JSON that follows its schema."""
    found = [report for report in world.reports_of(drop) if report.kind == "OO"]
    return [valid("quality", reports.files(world.engine, report.id)[-1].body) for report in found]


def test_an_approved_delivery_is_assessed(world: World) -> None:
    drop = world.drop(NAME, wmo_csv(60))
    world.clock.forward(hours=3)
    assert settle(world) == 1
    (delivery,) = deliveries.of_drop(world.engine, drop.id)
    assert delivery.state is DeliveryState.ASSESSED
    owed = deadlines.find(world.engine, "quality", delivery.id)
    assert owed is not None
    assert owed.met_at == world.clock()
    assert world.events(of=drop).count("assessed") == 1
    (document,) = documents(world, drop)
    assert document["version"] == 1
    assert document["delivery_id"] == delivery.id
    assert document["compared_with"] == []
    assert f"OO_0363_2017H2_WMO_v001_{drop.short_id}_GEREED" in world.stems()
    assert (world.folder / "outbox" / "0363" / f"OO_0363_2017H2_WMO_v001_{drop.short_id}_GEREED.html").exists()
    assert world.engine.rows("select 1 from notifications where occasion = 'quality' and drop_id = :id", id=drop.id)
    assert replay(world.ctx) == []
    assert settle(world) == 0


def test_every_kind_of_a_zip_has_its_report(world: World) -> None:
    members = {"WMO_0363_2017H2.csv": wmo_csv(20), "SBW_0363_2017H2.csv": cost_csv("SBW")}
    members |= {f"{kind}_0363_2017H2.csv": cost_csv(kind) for kind in ("KOSTENWMO", "JEUGD")}
    drop = world.drop("MSD.zip", zipped(members))
    assert settle(world) == 4
    assert {document["kind"] for document in documents(world, drop)} == {"WMO", "SBW", "KOSTENWMO", "JEUGD"}
    assert {document["member"]["name"] for document in documents(world, drop)} == set(members)


def test_what_is_rejected_or_only_tried_is_not_assessed(world: World) -> None:
    rejected = world.drop(NAME, wmo_csv(3).replace(b"9999", b"1111"))
    tried = world.drop(NAME, wmo_csv(3), lane=Lane.TRIAL)
    assert settle(world) == 0
    assert documents(world, rejected) == documents(world, tried) == []


def test_a_correction_is_compared_with_the_version_it_replaces(world: World) -> None:
    world.drop(NAME, wmo_csv(60))
    settle(world)
    world.drop(NAME, wmo_csv(1).replace(b"9999", b"1111"))
    settle(world)
    third = world.drop(NAME, wmo_csv(75, seed=2))
    settle(world)
    (document,) = documents(world, third)
    assert (document["version"], document["supersedes"]) == (3, 1)
    assert document["compared_with"] == [{"period": "2017H2", "version": 1}]
    records = document["figures"][0]
    assert (records["value"], records["compared"][0]["value"], records["compared"][0]["flagged"]) == (75, 60, True)


def test_a_file_is_compared_with_the_half_year_before(world: World) -> None:
    world.drop("WMO_0363_2017H1.csv", wmo_csv(50, period="2017H1"))
    settle(world)
    drop = world.drop(NAME, wmo_csv(52))
    settle(world)
    (document,) = documents(world, drop)
    assert document["compared_with"] == [{"period": "2017H1", "version": 1}]
    assert document["figures"][0]["compared"][0]["change"] == 2


def test_figures_of_an_earlier_round_are_compared_when_its_payload_is_gone(world: World) -> None:
    world.drop(NAME, wmo_csv(50))
    settle(world)
    world.engine.run("update payloads set body = null, erased_at = 1")
    world.engine.run("update deliveries set round_id = '2017H1'")
    drop = world.drop(NAME, wmo_csv(80))
    settle(world)
    (document,) = documents(world, drop)
    assert document["version"] == 1
    assert document["compared_with"] == [{"period": "2017H2", "version": 1}]


def test_another_municipality_is_no_comparison(world: World) -> None:
    world.drop("WMO_0377_2017H2.csv", wmo_csv(30, municipality="0377"), login="bloemendaal", code="0377")
    settle(world)
    drop = world.drop(NAME, wmo_csv(30))
    settle(world)
    assert documents(world, drop)[0]["compared_with"] == []


def test_a_version_that_was_superseded_meanwhile_gets_no_report(world: World) -> None:
    first = world.drop(NAME, wmo_csv(20))
    world.judge_all()
    (waiting,) = assessments.waiting(world.engine)
    second = world.drop(NAME, wmo_csv(21))
    world.judge_all()
    assert not assess(world.ctx, waiting, world.tell)
    assert settle(world) == 1
    assert documents(world, first) == []
    assert documents(world, second)[0]["compared_with"] == [{"period": "2017H2", "version": 1}]


def test_an_external_assessor_makes_the_report(world: World) -> None:
    world.configure(settings=world.configuration.settings.model_copy(update={"quality": "external"}))
    world.drop(NAME, wmo_csv(20))
    assert settle(world) == 0
    assert world.versions() == ["approved"]


def test_what_was_approved_before_there_were_figures_still_gets_a_report(world: World) -> None:
    drop = world.drop(NAME, wmo_csv(20))
    world.judge_all()
    world.engine.run("update deliveries set figures = null")
    assert settle(world) == 1
    (document,) = documents(world, drop)
    assert [(figure["key"], figure["value"]) for figure in document["figures"]] == [("records", 20)]


class Killed(BaseException):
    """The process died here."""


@pytest.mark.parametrize("step", ["insert", "meet", "append", "owe_quality"])
def test_a_kill_in_between_leaves_nothing_and_is_made_good(
    world: World, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    drop = world.drop(NAME, wmo_csv(20))
    world.judge_all()
    home = {"insert": reports, "meet": deadlines, "append": log, "owe_quality": chapter}[step]

    def die(*args: object, **more: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(home, step, die)
        with pytest.raises(Killed):
            assess_all(world.ctx, world.tell)
    assert world.versions() == ["approved"]
    assert documents(world, drop) == []
    assert settle(world) == 1
    assert world.events(of=drop).count("assessed") == 1


def test_one_that_cannot_be_made_holds_up_no_other(world: World) -> None:
    world.drop(NAME, wmo_csv(20))
    world.drop("SBW_0363_2017H2.csv", cost_csv("SBW"))
    world.judge_all()
    broken = assessments.waiting(world.engine)[0]
    world.engine.run("update deliveries set figures = 'no json' where id = :id", id=broken)
    assert assess_all(world.ctx, world.tell) == 1
    assert ("assessment_failed", broken) in [(event, said.get("delivery")) for event, said in world.told]
    assert assessments.waiting(world.engine) == [broken]


def test_settings_say_what_is_small_and_what_is_much(world: World) -> None:
    mine = world.configuration.settings.quality_report.model_copy(update={"smallest_count": 1, "flag_percent": 50})
    world.configure(settings=world.configuration.settings.model_copy(update={"quality_report": mine}))
    world.drop(NAME, wmo_csv(10))
    settle(world)
    drop = world.drop(NAME, wmo_csv(13))
    settle(world)
    (document,) = documents(world, drop)
    assert (document["hidden_below"], document["flagged_from_percent"]) == (1, 50)
    assert {figure["sight"] for figure in document["figures"]} == {"shown"}
    assert document["figures"][0]["compared"][0]["flagged"] is False
    assert json.dumps(document)
