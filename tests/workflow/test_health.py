"""Health and alarm: every place where the story can stop is seen, and told by mail in time."""

import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.store.ledger import drops, facts, mails
from gateway.workflow.alarm import Alarm
from gateway.workflow.health import Heart, Trouble, View, troubles, view
from gateway.workflow.publish import publish
from gateway.workflow.restored import close_gate
from gateway.workflow.vitals import Part, Vitals
from tests.samples import wmo_csv
from tests.world import World, silent

NAME = "WMO_0363_2017H2.csv"
WELL = (Heart("all", 1.0),)
NOBODY: Mapping[str, datetime] = {}


class Technical:
    """The machine's clock, moved by hand."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def seen(
    world: World,
    hearts: tuple[Heart, ...] = WELL,
    ends: Mapping[str, datetime] = NOBODY,
    minutes: float = 0,
    **health: object,
) -> View:
    """The view in `minutes`."""
    state = world.folder / "var"
    state.mkdir(exist_ok=True)
    shipped = world.configuration.settings
    folders = {"inbox": world.folder / "inbox", "outbox": world.folder / "outbox", "state": state}
    settings = shipped.model_copy(
        update={
            "paths": shipped.paths.model_copy(update=folders),
            "health": shipped.health.model_copy(update={"free_megabytes": 1, **health}),
        }
    )
    now = world.clock() + timedelta(minutes=minutes)
    calendar = world.configuration.calendar
    return view(world.engine, settings, calendar, now, moment, hearts, ends)


def moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def codes(found: View) -> list[tuple[str, str]]:
    return [(trouble.code, trouble.about) for trouble in troubles(found)]


def test_a_gateway_with_nothing_to_do_is_well(world: World) -> None:
    assert codes(seen(world)) == []


def test_a_gateway_that_did_its_work_is_well(world: World) -> None:
    world.drop(NAME, wmo_csv(3))
    world.work()
    assert codes(seen(world)) == []


@pytest.mark.parametrize(
    ("hearts", "expected"),
    [
        ((), ["all"]),
        ((Heart("all", 1.0, ended=True),), ["all"]),
        ((Heart("all", 60.0),), ["all"]),
        ((Heart("sftp", 1.0), Heart("worker", 1.0)), []),
        ((Heart("sftp", 1.0),), ["worker"]),
        ((Heart("sftp", 1.0), Heart("worker", 60.0)), ["worker"]),
        ((Heart("sftp", 60.0), Heart("worker", 1.0, ended=True)), ["sftp", "worker"]),
        ((Heart("all", 1.0), Heart("sftp", 1e9), Heart("worker", 1e9)), []),
        ((Heart("all", 1e9), Heart("sftp", 1.0), Heart("worker", 1.0)), []),
    ],
)
def test_whoever_must_live_is_missed(world: World, hearts: tuple[Heart, ...], expected: list[str]) -> None:
    assert codes(seen(world, hearts)) == [("NOT_RUNNING", role) for role in expected]


def test_a_part_that_hangs_or_fails_is_named(world: World) -> None:
    parts = (Part("intake", 3.0), Part("mail", -5.0, 61.0), Part("publish", -5.0, 10.0), Part("loop", -1.0))
    assert codes(seen(world, (Heart("all", 1.0, parts=parts),))) == [("STUCK", "intake"), ("FAILING", "mail")]


def test_a_file_that_nobody_checks_is_told_after_ten_minutes_and_not_before(world: World) -> None:
    world.drop(NAME, wmo_csv(3))
    publish(world.ctx)
    assert codes(seen(world, minutes=9.9)) == []
    assert codes(seen(world, minutes=10.1)) == [("WAITING", "")]
    assert codes(seen(world, minutes=30, waiting_minutes=60)) == []


def test_a_report_that_is_not_placed_and_an_upload_that_is_not_received(world: World) -> None:
    landing = world.land(world.attempt(NAME), wmo_csv(3))
    long_ago = (world.clock() - timedelta(minutes=11)).timestamp()
    os.utime(landing.folder, (long_ago, long_ago))
    world.drop("SBW_0363_2017H2.csv", b"x")
    world.judge_all()
    assert codes(seen(world, minutes=11)) == [("LANDED", ""), ("UNPLACED", "")]


def test_a_file_that_waits_for_a_person(world: World) -> None:
    world.faults[NAME] = 3
    world.drop(NAME, wmo_csv(3))
    world.work()
    assert codes(seen(world)) == [("HELD", "")]


def test_deadlines_at_risk_and_breached(world: World) -> None:
    world.drop(NAME, wmo_csv(3))
    publish(world.ctx)
    # Received on Monday 12 February 2018: owed until the end of Thursday 15.
    assert ("AT_RISK", "") in codes(seen(world, minutes=60 * 24 * 2))
    late = codes(seen(world, minutes=60 * 24 * 4))
    assert ("BREACHED", "") in late
    assert ("AT_RISK", "") not in late


def test_mails_that_do_not_get_through_and_the_gate_of_a_restore(world: World) -> None:
    world.drop(NAME, wmo_csv(3))
    world.work()
    owed = mails.pending(world.engine)[0]
    mails.note_reason(world.engine, owed.id, "no connection")
    assert codes(seen(world, minutes=59)) == []
    assert codes(seen(world, minutes=61)) == [("MAIL_LATE", "")]
    close_gate(world.engine, world.clock(), world.clock())
    assert ("MAIL_GATE", "") in codes(seen(world))


def test_folders_space_backups_and_certificates(world: World, tmp_path: Path) -> None:
    assert codes(seen(world, free_megabytes=10**8)) == [("SPACE", name) for name in ("inbox", "outbox", "state")]
    backups = tmp_path / "backups"
    assert codes(seen(world, backups=backups)) == [("NO_BACKUP", "")]
    backups.mkdir()
    made = backups / "ledger-20180210T030000Z.db.json"
    made.write_text("{}")
    for hours, expected in ((25, []), (27, [("BACKUP", "")])):
        at = (world.clock() - timedelta(hours=hours)).timestamp()
        os.utime(made, (at, at))
        assert codes(seen(world, backups=backups)) == expected
    soon = {"ca.pem": world.clock() + timedelta(days=20), "host-cert.pub": world.clock() + timedelta(days=22)}
    assert codes(seen(world, ends=soon)) == [("CERTIFICATE", "ca.pem")]
    (world.folder / "outbox").rename(world.folder / "gone")
    assert codes(seen(world)) == [("FOLDER", "outbox")]


def test_a_configuration_that_was_refused_and_a_ledger_that_cannot_be_read(world: World) -> None:
    facts.set_setting(world.engine, "configuration_error", "rounds: ...")
    assert codes(seen(world)) == [("CONFIG_REFUSED", "")]
    world.engine.run("alter table drops rename to elsewhere")
    assert [code for code, _ in codes(seen(world))] == ["LEDGER"]


def test_every_trouble_can_be_said_in_both_languages(world: World) -> None:
    texts = world.configuration.texts
    shown = {
        key.split(".")[1] for key in texts.sentences["nl"] if key.startswith("health.") and key.split(".")[1].isupper()
    }
    params = (("n", 2), ("minutes", 11), ("reason", "disk"), ("ends", "2018-03-01"))
    for code in shown:
        said = texts.tell_both(Trouble(code, "outbox", params).phrase())
        assert said.nl != said.en
    assert len(shown) > 18


# --- vitals -----------------------------------------------------------------------------------------------------------


def test_who_promised_and_does_not_come_is_late_and_who_ended_is_not() -> None:
    clock = Technical()
    vitals = Vitals(clock)
    vitals.beat("intake", 30.0)
    clock.now += 29
    assert not vitals.late("intake")
    clock.now += 2
    assert vitals.late("intake")
    assert not vitals.late("who never was")
    vitals.forget("intake")
    assert vitals.parts() == []


def test_failing_is_counted_from_the_first_failure_until_the_first_success() -> None:
    clock = Technical()
    vitals = Vitals(clock)
    for well in (False, None, False):
        vitals.beat("mail", 5.0, well)
        clock.now += 10
    assert vitals.parts() == [Part("mail", 5.0, 30.0)]
    vitals.beat("mail", 5.0, True)
    assert vitals.parts() == [Part("mail", -5.0, None)]


def test_a_duration_is_taken_also_when_the_step_fails() -> None:
    clock, taken = Technical(), []
    vitals = Vitals(clock, lambda name, value: taken.append((name, value)))

    def step() -> None:
        with vitals.timed("step"):
            clock.now += 3
            raise ValueError

    with pytest.raises(ValueError, match=r"^$"):
        step()
    assert taken == [("step", 3.0)]


# --- the alarm --------------------------------------------------------------------------------------------------------


def alarms(world: World) -> list[str]:
    return [each.account for each in mails.everything(world.engine) if each.occasion == "alarm"]


def test_desk_and_operators_hear_within_fifteen_minutes_that_nothing_is_checked(world: World) -> None:
    technical = Technical()
    alarm = Alarm(technical)
    drop = world.drop(NAME, wmo_csv(3))
    publish(world.ctx)
    received = world.clock()
    while not alarms(world):
        world.clock.forward(minutes=0.5)
        technical.now += 30
        assert world.clock() - received <= timedelta(minutes=15)
        alarm.look(world.ctx, troubles(seen(world)), silent)
    assert world.clock() - received > timedelta(minutes=10)
    assert "@desk" in alarms(world)
    assert drops.get(world.engine, drop.id).state == "received"


def test_a_trouble_is_mailed_once_a_day_and_what_passes_is_not(world: World) -> None:
    technical = Technical()
    alarm = Alarm(technical)
    stuck = [Trouble("STUCK", "publish", (("n", 3),))]
    alarm.look(world.ctx, stuck, silent)
    technical.now += 59
    assert alarm.look(world.ctx, stuck, silent) == 0
    alarm.look(world.ctx, [], silent)
    technical.now += 59
    assert alarm.look(world.ctx, stuck, silent) == 0
    technical.now += 61
    told = alarm.look(world.ctx, stuck, silent)
    assert told == len(alarms(world)) > 0
    assert alarm.look(world.ctx, stuck, silent) == 0
    world.clock.forward(days=1)
    assert alarm.look(world.ctx, stuck, silent) == told


@pytest.mark.parametrize("code", ["HELD", "AT_RISK", "BREACHED", "MAIL_LATE", "MAIL_LOST", "MAIL_GATE"])
def test_what_has_a_mail_of_its_own_raises_no_alarm(world: World, code: str) -> None:
    technical = Technical()
    alarm = Alarm(technical)
    for _ in range(3):
        assert alarm.look(world.ctx, [Trouble(code, params=(("n", 1),))], silent) == 0
        technical.now += 100
    assert alarms(world) == []


def test_the_mail_names_the_trouble_and_nobody(world: World) -> None:
    from gateway.workflow.notify import _letter

    technical = Technical()
    alarm = Alarm(technical)
    found = [Trouble("STUCK", "publish", (("n", 3),)), Trouble("WAITING", params=(("n", 2), ("minutes", 12)))]
    alarm.look(world.ctx, found, silent)
    technical.now += 61
    alarm.look(world.ctx, found, silent)
    text = _letter(world.ctx, replace(mails.pending(world.engine)[0], account="@desk")).text
    assert "publish" in text
    assert "12" in text
    assert "0363" not in text
