"""Reports that nobody collects, and reports of ours that are late: who hears of it, when, and once.

Does: delivers, publishes, and lets working days pass.
Touches: a temporary directory.
Does not: send (test_notify).
"""

import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from gateway.domain.model import Drop, Lane, Role
from gateway.store.ledger import deadlines, duties, log, mails, reports
from gateway.workflow import assessor
from gateway.workflow.assess import assess_all
from gateway.workflow.chase import STAGES
from gateway.workflow.collect import confirm, observed
from gateway.workflow.duties import run_duties
from gateway.workflow.folders import status
from gateway.workflow.notify import DESK
from gateway.workflow.publish import publish
from tests.samples import good, wmo_csv
from tests.workflow.test_notify import account, people
from tests.world import World

HERE = ZoneInfo("Europe/Amsterdam")
NAME = "WMO_0363_2017H2.csv"
BODY = wmo_csv(3, seed=1)


def at(world: World, text: str) -> None:
    world.clock.moment = datetime.fromisoformat(text).replace(tzinfo=HERE).astimezone(UTC)


def tick(world: World) -> None:
    run_duties(world.ctx, world.tell)
    publish(world.ctx)


def told(world: World, *occasions: str) -> list[tuple[str, str]]:
    chosen = occasions or (*STAGES, "deadline_risk", "deadline_breached")
    return [(each.occasion, each.account) for each in mails.everything(world.engine) if each.occasion in chosen]


def technical_of(world: World, drop: Drop) -> reports.Filed:
    [found] = [each for each in world.reports_of(drop) if each.kind == "TR"]
    return found


def pickup(world: World, drop: Drop) -> deadlines.Deadline | None:
    return deadlines.find(world.engine, "pickup", technical_of(world, drop).id)


def reminders(world: World, code: str = "0363") -> list[str]:
    return [stem for stem in world.stems(code) if stem.startswith("HB")]


# --- collecting is owed -----------------------------------------------------------------------------------------------


def test_a_technical_report_is_owed_a_working_day_after_it_was_placed(world: World) -> None:
    at(world, "2018-02-16T15:00")
    drop = world.drop(NAME, BODY)
    world.work()
    owed = pickup(world, drop)
    assert owed is not None
    assert owed.due_at == datetime(2018, 2, 19, 22, 59, 59, 999000, tzinfo=UTC)
    assert owed.calendar_version == world.configuration.calendar.version


def test_report_and_status_print_the_day_on_which_it_is_owed(world: World) -> None:
    at(world, "2018-02-16T15:00")
    drop = world.drop(NAME, BODY)
    world.work()
    assess_all(world.ctx, world.tell)
    publish(world.ctx)
    monday = "2018-02-19T23:59:59+01:00"
    said = {}
    for report in world.reports_of(drop):
        bodies = {file.name.rpartition(".")[2]: file.body for file in reports.files(world.engine, report.id)}
        said[report.kind] = json.loads(bodies["json"])["times"]["pickup_due"]
        assert ("Ophalen uiterlijk" in bodies["html"].decode()) is (report.kind != "OB")
    assert said == {"OB": None, "TR": monday, "OO": monday}
    document = json.loads(status(world.ctx, "0363"))
    assert [(each["report"][:2], each["due"]) for each in document["to_collect"]] == [
        ("OB", None),
        ("TR", monday),
        ("OO", monday),
    ]
    [item] = [each for each in document["items"] if (each["kind"], each["period"]) == ("WMO", "2017H2")]
    assert item["pickup_due"] == monday
    for report in world.reports_of(drop):
        confirm(world.ctx, world.account("amsterdam"), report.id)
    document = json.loads(status(world.ctx, "0363"))
    assert document["to_collect"] == []
    assert {each["pickup_due"] for each in document["items"]} == {None}


def test_the_receipt_says_how_long_there_is_to_fetch_the_report(world: World) -> None:
    drop = world.drop(NAME, BODY)
    [receipt] = world.reports_of(drop)
    [document] = [f.body for f in reports.files(world.engine, receipt.id) if f.name.endswith(".json")]
    assert "Haal het op binnen één werkdag nadat het er staat." in json.loads(document)["next_step"]["nl"]


def test_receipts_trials_and_reminders_are_not(world: World) -> None:
    world.drop(NAME, BODY, lane=Lane.TRIAL)
    world.work()
    assert [each.kind for each in deadlines.unmet(world.engine)] == []


def test_what_was_read_before_its_file_was_placed_is_collected(world: World) -> None:
    drop = world.drop(NAME, BODY)
    world.judge_all()
    observed(world.ctx, world.account("amsterdam"), technical_of(world, drop).id)
    publish(world.ctx)
    owed = pickup(world, drop)
    assert owed is not None
    assert owed.met_at is not None


def test_placing_again_after_a_crash_owes_nothing_twice(world: World) -> None:
    drop = world.drop(NAME, BODY)
    world.work()
    first = pickup(world, drop)
    world.clock.forward(days=1)
    publish(world.ctx)
    assert pickup(world, drop) == first


# --- nobody collects --------------------------------------------------------------------------------------------------


def test_reminder_then_manager_then_desk_a_working_day_apart_over_a_weekend(world: World) -> None:
    people(world, account("baas", Role.GEBRUIKERSBEHEERDER))
    at(world, "2018-02-14T10:00")
    world.drop(NAME, BODY)
    world.work()
    heard: list[tuple[str, list[tuple[str, str]]]] = []
    while world.clock() < datetime(2018, 2, 24, tzinfo=UTC):
        before = len(told(world, *STAGES))
        tick(world)
        if fresh := told(world, *STAGES)[before:]:
            heard.append((f"{world.clock().astimezone(HERE):%a %d %H:%M}", fresh))
        world.clock.forward(hours=1)
    assert heard == [
        ("Fri 16 08:00", [("pickup", "amsterdam")]),
        ("Mon 19 08:00", [("pickup_manager", "amsterdam"), ("pickup_manager", "baas")]),
        ("Tue 20 08:00", [("pickup_desk", DESK), ("pickup_desk", "operator")]),
    ]
    assert len(reminders(world)) == 1


def test_the_reminder_lies_in_the_outbox_and_names_what_waits(world: World) -> None:
    at(world, "2018-02-14T10:00")
    drop = world.drop(NAME, BODY)
    world.work()
    at(world, "2018-02-16T08:00")
    tick(world)
    [stem] = reminders(world)
    document = json.loads((world.folder / "outbox" / "0363" / f"{stem}.json").read_bytes())
    assert [each["report"] for each in document["waiting"]] == [technical_of(world, drop).stem]
    assert "reminded" in world.events()
    at(world, "2018-02-27T08:00")
    tick(world)
    assert reminders(world) == [stem]


@pytest.mark.parametrize("how", ["read", "deleted"])
def test_who_collects_is_not_reminded_any_further(world: World, how: str) -> None:
    at(world, "2018-02-14T10:00")
    drop = world.drop(NAME, BODY)
    world.work()
    at(world, "2018-02-16T08:00")
    tick(world)
    act = observed if how == "read" else confirm
    act(world.ctx, world.account("amsterdam"), technical_of(world, drop).id)
    at(world, "2018-02-27T08:00")
    tick(world)
    assert told(world, *STAGES) == [("pickup", "amsterdam")]


def test_one_digest_a_person_and_one_reminder_a_municipality(world: World) -> None:
    at(world, "2018-02-14T10:00")
    for code in ("0377", "0473"):
        for kind in ("SBW", "JEUGD"):
            world.drop(f"{kind}_{code}_2017H2.csv", good(kind, code), login="bloemendaal", code=code)
    world.work()
    at(world, "2018-02-16T08:00")
    tick(world)
    assert told(world, *STAGES) == [("pickup", "bloemendaal"), ("pickup", "zandvoort")]
    lead, member = (each.content for each in mails.everything(world.engine) if each.occasion == "pickup")
    assert lead["municipalities"] == ["0377", "0473"]
    assert member["municipalities"] == ["0473"]
    assert (len(reminders(world, "0377")), len(reminders(world, "0473"))) == (1, 1)


def test_after_ten_days_of_downtime_the_steps_come_in_order_a_working_day_apart(world: World) -> None:
    at(world, "2018-02-14T10:00")
    world.drop(NAME, BODY)
    world.work()
    heard = []
    for day in ("26", "26", "27", "28"):
        at(world, f"2018-02-{day}T09:00")
        before = len(told(world, *STAGES))
        tick(world)
        heard.append([occasion for occasion, _ in told(world, *STAGES)[before:]])
    assert heard == [["pickup"], [], ["pickup_manager"], ["pickup_desk", "pickup_desk"]]


# --- what waits for the assessor --------------------------------------------------------------------------------------


def heard_by_assessor(world: World) -> list[dict[str, str | int]]:
    """What each mail to the assessor's account named."""
    found = [each for each in mails.everything(world.engine) if each.occasion == "assessor"]
    assert {each.account for each in found} <= {"cbs"}
    letters = [json.loads(json.dumps(each.content))["items"] for each in found]
    return [{params["folder"].rpartition("/")[2]: params["n"] for _, params in items} for items in letters]


def collect_all(world: World, folder: str) -> None:
    for file in assessor.shown(world.ctx, "2017H2", folder).values():
        if file.what is not None:
            assessor.collected(world.ctx, world.account("cbs"), file)


@pytest.mark.parametrize(
    ("setting", "folder"), [("technical", assessor.TO_JUDGE), ("quality", assessor.TO_ASSESS)], ids=str
)
def test_the_assessor_hears_once_a_working_day_that_files_wait(world: World, setting: str, folder: str) -> None:
    world.configure(settings=world.configuration.settings.model_copy(update={setting: "external"}))
    at(world, "2018-02-15T07:30")
    world.drop(NAME, BODY)
    world.work()
    tick(world)
    assert heard_by_assessor(world) == []
    at(world, "2018-02-15T08:00")
    tick(world)
    tick(world)
    assert heard_by_assessor(world) == [{folder: 1}]
    at(world, "2018-02-15T11:00")
    world.drop("SBW_0377_2017H2.csv", good("SBW", "0377"), login="bloemendaal", code="0377")
    world.work()
    tick(world)
    assert heard_by_assessor(world) == [{folder: 1}]
    at(world, "2018-02-16T08:00")
    tick(world)
    assert heard_by_assessor(world)[1:] == [{folder: 2}]
    for weekend in ("2018-02-17T09:00", "2018-02-18T09:00"):
        at(world, weekend)
        tick(world)
    collect_all(world, folder)
    at(world, "2018-02-19T09:00")
    tick(world)
    assert len(heard_by_assessor(world)) == 2
    world.drop("SBW_0363_2017H2.csv", good("SBW", "0363"))
    world.work()
    tick(world)
    assert heard_by_assessor(world)[2:] == [{folder: 1}]


def test_where_the_gateway_judges_and_reports_itself_the_assessor_hears_nothing(world: World) -> None:
    world.drop(NAME, BODY)
    world.work()
    at(world, "2018-02-13T09:00")
    tick(world)
    assert heard_by_assessor(world) == []
    assert not duties.is_done(world.engine, "assessor", "2018-02-13")


# --- ours -------------------------------------------------------------------------------------------------------------


def test_a_deadline_at_risk_is_told_the_working_day_before_and_once(world: World) -> None:
    drop = world.drop(NAME, BODY)
    at(world, "2018-02-14T07:59")
    tick(world)
    assert told(world) == []
    at(world, "2018-02-14T08:00")
    tick(world)
    tick(world)
    assert told(world) == [("deadline_risk", DESK), ("deadline_risk", "operator")]
    owed = deadlines.find(world.engine, "technical", drop.id)
    assert owed is not None
    assert owed.warned_at == world.clock()
    [mail] = [
        each for each in mails.everything(world.engine) if (each.occasion, each.account) == ("deadline_risk", DESK)
    ]
    assert drop.short_id in json.dumps(mail.content)
    assert [event for event, _ in world.told].count("deadline_at_risk") == 1


def test_a_breach_is_told_at_once_aloud_and_in_the_municipalitys_own_log(world: World) -> None:
    drop = world.drop(NAME, BODY)
    at(world, "2018-02-15T23:59")
    tick(world)
    before = len(told(world))
    at(world, "2018-02-16T00:00")
    tick(world)
    tick(world)
    assert told(world)[before:] == [("deadline_breached", DESK), ("deadline_breached", "operator")]
    [line] = [each for each in log.of_drop(world.engine, drop.id) if each.event == "deadline_breached"]
    assert (line.municipality, line.detail["id"], line.detail["term"]) == ("0363", drop.short_id, "technical")
    [facts] = [facts for event, facts in world.told if event == "deadline_breached"]
    assert facts["error"] is True


def test_what_is_met_in_time_is_never_mentioned(world: World) -> None:
    world.drop(NAME, wmo_csv(3, seed=1).replace(b"0363", b"0364"))
    world.work()
    at(world, "2018-02-28T12:00")
    tick(world)
    assert told(world, "deadline_risk", "deadline_breached") == []


def test_an_op_orde_report_that_does_not_come_is_told_with_its_drop(world: World) -> None:
    awaited = world.configuration.settings.model_copy(update={"quality": "external"})
    world.configure(settings=awaited)
    drop = world.drop(NAME, BODY)
    world.work()
    at(world, "2018-02-13T08:00")
    tick(world)
    assert told(world, "deadline_risk") == [("deadline_risk", DESK), ("deadline_risk", "operator")]
    [mail, _] = [each for each in mails.everything(world.engine) if each.occasion == "deadline_risk"]
    assert drop.short_id in json.dumps(mail.content)


def test_downtime_over_a_breach_tells_the_breach_and_no_risk(world: World) -> None:
    world.drop(NAME, BODY)
    at(world, "2018-02-26T09:00")
    tick(world)
    tick(world)
    assert told(world) == [("deadline_breached", DESK), ("deadline_breached", "operator")]
    assert len(duties.done(world.engine, "breached")) == 1


def test_a_report_made_too_late_before_anybody_looked_is_told_all_the_same(world: World) -> None:
    drop = world.drop(NAME, BODY)
    at(world, "2018-02-19T09:00")
    world.work()
    tick(world)
    tick(world)
    assert told(world, "deadline_risk", "deadline_breached") == [
        ("deadline_breached", DESK),
        ("deadline_breached", "operator"),
    ]
    [mail, _] = [each for each in mails.everything(world.engine) if each.occasion == "deadline_breached"]
    assert "mails.item.deadline_met" in json.dumps(mail.content)
    assert drop.short_id in json.dumps(mail.content)
    assert "deadline_breached" in [line.event for line in log.of_drop(world.engine, drop.id)]


def test_many_that_are_late_at_once_are_one_mail(world: World) -> None:
    for n in range(5):
        world.drop(NAME, wmo_csv(3, seed=n + 1))
        world.clock.forward(minutes=1)
    world.clock.forward(days=5)
    assert world.clock() - datetime(2018, 2, 16, tzinfo=UTC) > timedelta(0)
    tick(world)
    assert told(world) == [("deadline_breached", DESK), ("deadline_breached", "operator")]
