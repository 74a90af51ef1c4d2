"""What is due, across the pilot round: at its moment, once, in order, and only to those whom it concerns.

Does: moves the clock by hand and asks at every step what is owed.
Touches: a temporary directory.
Does not: send (test_notify), or collect and chase (test_chase).
"""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.channel.mail import FolderPost
from gateway.domain.model import Consent, DeliveryRound, Span
from gateway.domain.workdays import is_workday, local_day, subtract_workdays
from gateway.store.durable import write_durably
from gateway.store.ledger import duties, extensions, mails, statements
from gateway.store.ledger.extensions import Extension
from gateway.store.ledger.statements import Statement
from gateway.workflow.duties import moments, run_duties
from gateway.workflow.missing import Lack, Standing, expected, missing
from gateway.workflow.notify import DESK, send_due
from tests.samples import good, wmo_csv, zipped
from tests.world import World, shipped

AMSTERDAM_TIME = ZoneInfo("Europe/Amsterdam")
KINDS = ("WMO", "KOSTENWMO", "SBW", "JEUGD")
ROUND_MAILS = ("opening", "reminder_target", "reminder_close", "withdrawal", "withdrawal_form")


def at(world: World, text: str) -> None:
    """Set the clock to a local time, such as 2018-02-12T09:00."""
    world.clock.moment = datetime.fromisoformat(text).replace(tzinfo=AMSTERDAM_TIME).astimezone(UTC)


def tick(world: World) -> int:
    return run_duties(world.ctx, world.tell)


def owed(world: World, *occasions: str) -> list[tuple[str, str]]:
    """Occasion and account of what is owed, in the order in which it became so."""
    found = [(each.occasion, each.account) for each in mails.everything(world.engine)]
    return [each for each in found if each[0] in occasions] if occasions else found


def deliver_all(world: World, code: str = "0363", login: str = "amsterdam") -> None:
    """Deliver and judge every kind over the latest period."""
    files = {f"{kind}_{code}_2017H2.csv": good(kind, code) for kind in KINDS}
    world.drop("MSD.zip", zipped(files), login=login, code=code)
    world.work()


def round_of(world: World) -> DeliveryRound:
    return world.configuration.rounds["2017H2"]


def change_round(world: World, changed: DeliveryRound) -> None:
    world.configure(rounds={"2017H2": changed})


def texts_of(world: World, occasion: str, account: str) -> mails.Notification:
    [found] = [each for each in mails.everything(world.engine) if (each.occasion, each.account) == (occasion, account)]
    return found


# --- the moments of a round -------------------------------------------------------------------------------------------


def test_the_pilot_round_has_these_moments() -> None:
    found = moments(shipped().rounds["2017H2"], frozenset({date(2018, 3, 9)}), shipped().calendar)
    assert [(each.name, each.at.astimezone(AMSTERDAM_TIME).isoformat()) for each in found] == [
        ("opening", "2018-02-12T08:00:00+01:00"),
        ("reminder_target", "2018-02-20T08:00:00+01:00"),
        ("reminder_close", "2018-03-06T08:00:00+01:00"),
        ("withdrawal", "2018-03-12T08:00:00+01:00"),
    ]


def test_a_round_without_reminders_target_or_withdrawal_has_fewer() -> None:
    bare = replace(shipped().rounds["2017H2"], target=None, withdrawal=None, remind_before_close=0)
    assert [each.name for each in moments(bare, frozenset({bare.delivery.closes}), shipped().calendar)] == ["opening"]


@settings(max_examples=40, deadline=None)
@given(st.dates(date(2016, 2, 1), date(2039, 11, 30)), st.integers(0, 10), st.integers(0, 10))
def test_moments_are_at_eight_local_on_working_days_before_the_day_they_are_about(
    opens: date, before_target: int, before_close: int
) -> None:
    span = Span(opens, opens + timedelta(days=25))
    asked = replace(
        shipped().rounds["2017H2"],
        delivery=span,
        target=opens + timedelta(days=11),
        withdrawal=Span(span.closes + timedelta(days=3), span.closes + timedelta(days=14)),
        remind_before_target=before_target,
        remind_before_close=before_close,
    )
    found = {each.name: each for each in moments(asked, frozenset({span.closes}), shipped().calendar)}
    for each in found.values():
        there = each.at.astimezone(AMSTERDAM_TIME)
        assert (there.hour, there.minute) == (8, 0)
        if each.name.startswith("reminder"):
            assert is_workday(there.date(), shipped().calendar)
    assert ("reminder_close" in found) is (before_close > 0)
    assert ("reminder_target" in found) is (before_target > 0)


def test_working_days_are_counted_back_over_easter() -> None:
    calendar = shipped().calendar
    assert subtract_workdays(date(2018, 4, 3), 1, calendar) == date(2018, 3, 29)
    assert subtract_workdays(date(2018, 4, 3), 0, calendar) == date(2018, 4, 3)


# --- the round, day by day --------------------------------------------------------------------------------------------


def test_the_whole_round_with_nobody_delivering(world: World) -> None:
    at(world, "2018-02-09T12:00")
    tick(world)
    seen: list[tuple[date, list[tuple[str, str]]]] = []
    while local_day(world.clock()) <= date(2018, 3, 26):
        before = len(owed(world, *ROUND_MAILS))
        tick(world)
        if fresh := owed(world, *ROUND_MAILS)[before:]:
            seen.append((local_day(world.clock()), fresh))
        world.clock.forward(hours=4)
    assert seen == [
        (date(2018, 2, 12), [("opening", "amsterdam"), ("opening", "bloemendaal")]),
        (date(2018, 2, 20), [("reminder_target", "amsterdam"), ("reminder_target", "bloemendaal")]),
        (date(2018, 3, 6), [("reminder_close", "amsterdam"), ("reminder_close", "bloemendaal")]),
    ]
    days = [
        each.subject for each in mails.everything(world.engine) if (each.occasion, each.account) == ("overview", DESK)
    ]
    assert days == [f"{date(2018, 2, 9) + timedelta(days=n)}" for n in range(46)]


def test_nothing_is_due_before_eight(world: World) -> None:
    at(world, "2018-02-12T07:59")
    assert tick(world) == 0
    at(world, "2018-02-12T08:00")
    assert tick(world) == 4
    assert tick(world) == 0


def test_the_opening_tells_period_target_last_safe_day_and_close(world: World) -> None:
    tick(world)
    mail = texts_of(world, "opening", "bloemendaal")
    assert mail.content["municipalities"] == ["0377", "0473"]
    params = mail.content["params"]
    assert isinstance(params, dict)
    assert (params["target"], params["safe"], params["periods"]) == ("2018-02-23", "2018-03-01", "2017H2")
    assert mail.content["says"] == ["open", "periods", "also", "closes", "target", "safe", "how"]


def test_an_opening_after_the_last_safe_day_says_so_and_can_be_written(world: World) -> None:
    at(world, "2018-03-05T09:00")
    tick(world)
    says = texts_of(world, "opening", "amsterdam").content["says"]
    assert says == ["open", "periods", "also", "closes", "safe_past", "how"]
    post = FolderPost(world.folder / "mail", write_durably, sender="gateway@desk.example")
    assert send_due(world.ctx, post, world.tell) == len(owed(world))


def test_only_those_are_reminded_whom_it_concerns(world: World) -> None:
    deliver_all(world)
    deliver_all(world, "0377", "bloemendaal")
    at(world, "2018-02-20T08:00")
    tick(world)
    assert owed(world, "reminder_target") == [("reminder_target", "bloemendaal")]
    mail = texts_of(world, "reminder_target", "bloemendaal")
    assert mail.content["municipalities"] == ["0473"]
    items = "WMO 2017H2, KOSTENWMO 2017H2, SBW 2017H2, JEUGD 2017H2"
    assert mail.content["items"] == [["mails.item.missing", {"code": "0473", "items": items, "name": "Zandvoort"}]]


def test_who_is_complete_later_is_not_reminded_of_the_close(world: World) -> None:
    at(world, "2018-02-20T08:00")
    tick(world)
    deliver_all(world)
    at(world, "2018-03-06T08:00")
    tick(world)
    assert owed(world, "reminder_close") == [("reminder_close", "bloemendaal")]


def test_nothing_to_deliver_and_a_file_being_checked_are_no_reason_to_remind(world: World) -> None:
    for kind in KINDS[1:]:
        statements.add(world.engine, Statement("0363", "2017H2", kind, "2017H2", "amsterdam", "sftp", world.clock()))
    world.drop("WMO_0363_2017H2.csv", wmo_csv(3, seed=1))
    [lacking] = [each for each in missing(world.ctx) if each.municipality.code == "0363"]
    assert [(item.kind, item.lack) for item in lacking.items] == [("WMO", Lack.PENDING)]
    at(world, "2018-02-20T08:00")
    tick(world)
    assert owed(world, "reminder_target") == [("reminder_target", "bloemendaal")]


def test_an_extension_has_its_own_reminder_and_only_for_that_municipality(world: World) -> None:
    tick(world)
    at(world, "2018-03-08T10:00")
    tick(world)
    extensions.add(world.engine, Extension("0363", "2017H2", date(2018, 3, 14), "fire", "operator", world.clock()))
    at(world, "2018-03-09T08:00")
    tick(world)
    at(world, "2018-03-14T12:00")
    tick(world)
    closes = [
        (each.account, each.subject) for each in mails.everything(world.engine) if each.occasion == "reminder_close"
    ]
    assert closes == [
        ("amsterdam", "2017H2:2018-03-09"),
        ("bloemendaal", "2017H2:2018-03-09"),
        ("amsterdam", "2017H2:2018-03-14"),
    ]


def test_the_withdrawal_window_is_told_to_those_who_delivered_and_a_member_hears_of_the_form(world: World) -> None:
    deliver_all(world)
    deliver_all(world, "0473", "bloemendaal")
    at(world, "2018-03-12T08:00")
    tick(world)
    assert owed(world, "withdrawal", "withdrawal_form") == [
        ("withdrawal", "amsterdam"),
        ("withdrawal_form", "zandvoort"),
    ]
    params = texts_of(world, "withdrawal_form", "zandvoort").content["params"]
    assert isinstance(params, dict)
    assert params["lead"] == "Bloemendaal"
    assert texts_of(world, "withdrawal", "amsterdam").content["says"] == ["open", "silence", "how"]


def test_an_opt_in_round_says_so(world: World) -> None:
    deliver_all(world)
    change_round(world, replace(round_of(world), consent=Consent.OPT_IN))
    at(world, "2018-03-12T08:00")
    tick(world)
    assert texts_of(world, "withdrawal", "amsterdam").content["says"] == ["open", "opt_in", "how"]


# --- downtime, clocks -------------------------------------------------------------------------------------------------


def test_after_ten_days_of_downtime_each_due_thing_happens_once_in_order(world: World) -> None:
    at(world, "2018-02-16T17:00")
    assert tick(world) == 4
    at(world, "2018-02-26T17:00")
    tick(world)
    fresh = owed(world)[4:]
    assert fresh == [
        ("reminder_target", "amsterdam"),
        ("reminder_target", "bloemendaal"),
        ("overview", DESK),
        ("overview", "operator"),
    ]
    assert tick(world) == 0
    # The target is past by then, and the mail says so.
    says = texts_of(world, "reminder_target", "amsterdam").content["says"]
    assert says == ["missing", "target_past", "safe", "closes", "nothing"]


def test_a_gateway_that_starts_late_in_the_round_catches_up_without_mails_that_came_too_late(world: World) -> None:
    at(world, "2018-03-07T12:00")
    tick(world)
    assert [occasion for occasion, account in owed(world) if account == "amsterdam"] == ["opening", "reminder_close"]
    assert ("duty_lapsed", {"duty": "reminder_target", "subject": "2017H2", "mails": 0}) in world.told
    says = texts_of(world, "reminder_close", "amsterdam").content["says"]
    assert says == ["missing", "closes", "safe_past", "nothing"]


def test_a_round_that_is_over_asks_nobody_for_anything(world: World) -> None:
    at(world, "2026-05-01T12:00")
    tick(world)
    assert {occasion for occasion, _ in owed(world)} == {"overview"}
    lapsed = [facts["duty"] for event, facts in world.told if event == "duty_lapsed"]
    assert lapsed == ["opening", "reminder_target", "reminder_close", "withdrawal"]


@pytest.mark.parametrize("day", ["2018-03-25", "2018-10-28"])
def test_a_day_of_23_or_25_hours_has_one_overview_at_eight_local(world: World, day: str) -> None:
    at(world, f"{day}T00:00")
    made: list[str] = []
    last = world.clock() + timedelta(hours=26)
    while world.clock() < last:
        if tick(world):
            made += [
                world.clock().astimezone(AMSTERDAM_TIME).isoformat(timespec="minutes")
                for each in mails.everything(world.engine)
                if each.occasion == "overview" and each.account == DESK and each.made_at == world.clock()
            ]
        world.clock.forward(minutes=30)
    assert [moment for moment in made if moment.startswith(day)] == [
        f"{day}T08:00+{'02:00' if day == '2018-03-25' else '01:00'}"
    ]


def test_two_gateways_that_tick_at_once_owe_each_mail_once(world: World) -> None:
    other = World(world.folder, clock=world.clock, first_id=10_000)
    try:
        total = tick(world) + tick(other) + tick(world)
    finally:
        other.close()
    assert total == 4
    assert len(owed(world)) == 4


def test_one_duty_that_fails_does_not_hold_up_the_others(world: World) -> None:
    world.engine.run(
        "create trigger no_opening before insert on duties when new.name = 'opening' "
        "begin select raise(abort, 'no'); end"
    )
    tick(world)
    assert {occasion for occasion, _ in owed(world)} == {"overview"}
    assert [facts["duty"] for event, facts in world.told if event == "duty_failed"] == ["opening"]
    world.engine.run("drop trigger no_opening")
    tick(world)
    assert {occasion for occasion, _ in owed(world)} == {"overview", "opening"}


def test_without_a_round_nothing_is_due_and_nothing_fails(world: World) -> None:
    world.configure(rounds={})
    assert tick(world) == 0
    assert world.told == []


def test_a_round_beyond_the_calendar_does_not_hold_up_the_others(world: World) -> None:
    far = replace(
        round_of(world), id="2041H1", delivery=Span(date(2041, 1, 7), date(2041, 2, 7)), target=None, withdrawal=None
    )
    world.configure(rounds={"2017H2": round_of(world), "2041H1": far})
    assert tick(world) == 4
    assert [told["duty"] for event, told in world.told if event == "duty_failed"] == ["look"]


def test_a_sandbox_or_not_the_clock_may_be_set_back_without_a_second_mail(world: World) -> None:
    tick(world)
    world.clock.forward(days=-2)
    tick(world)
    world.clock.forward(days=2)
    tick(world)
    assert len(owed(world, "opening")) == 2
    assert duties.is_done(world.engine, "opening", "2017H2")


# --- who is missing ---------------------------------------------------------------------------------------------------


def test_who_is_missing_and_how(world: World) -> None:
    deliver_all(world)
    world.drop("WMO_0377_2017H2.csv", good("SBW", "0377"), login="bloemendaal", code="0377")
    world.work()
    found = {each.municipality.code: each for each in missing(world.ctx)}
    assert set(found) == {"0377", "0473"}
    assert found["0377"].standing is Standing.UNSUCCESSFUL
    assert found["0473"].standing is Standing.NOTHING
    assert found["0473"].lead is not None
    assert found["0473"].lead.code == "0377"
    world.drop("SBW_0377_2017H2.csv", good("SBW", "0377"), login="bloemendaal", code="0377")
    world.work()
    found = {each.municipality.code: each for each in missing(world.ctx)}
    assert found["0377"].standing is Standing.INCOMPLETE
    assert [(item.kind, item.lack) for item in found["0377"].items] == [
        ("WMO", Lack.REJECTED),
        ("KOSTENWMO", Lack.NONE),
        ("JEUGD", Lack.NONE),
    ]


def test_the_latest_period_is_expected_unless_the_round_says_otherwise(world: World) -> None:
    assert expected(round_of(world)) == ("2017H2",)
    assert expected(replace(round_of(world), expected=("2017H1", "2017H2"))) == ("2017H1", "2017H2")


def test_an_undecided_zip_may_hold_anything(world: World) -> None:
    world.drop("MSD.zip", zipped({"WMO_0363_2017H2.csv": good("WMO", "0363")}))
    [lacking] = [each for each in missing(world.ctx) if each.municipality.code == "0363"]
    assert {item.lack for item in lacking.items} == {Lack.PENDING}
    assert lacking.open_items == ()
