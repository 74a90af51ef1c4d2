"""Payloads that were kept long enough go for good, what must stay stays, and both can be shown.

Does: terms, the hand-over, holds, nights, dry runs, the search for canaries in every file afterwards.
Touches: the temporary directory of a test.
Does not: kill a purge midway (tests/crash/test_purge); reports, mails and lines of the log (test_retain_traces).
"""

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pysqlite3 import dbapi2 as sqlite3

from gateway.domain.model import Drop, Lane, Role, to_ms
from gateway.errors import Conflict, GatewayError
from gateway.store.ledger import (
    deliveries,
    drops,
    extensions,
    facts,
    handovers,
    log,
    retention,
    withdrawals,
)
from gateway.store.sqlite import SQLite
from gateway.workflow import folders
from gateway.workflow.recover import differences
from gateway.workflow.retain import hold, last_day, nightly, plan, purge
from tests.samples import WMO_HEADER, cost_csv, csv_bytes, wmo_csv, wmo_rows
from tests.workflow.retaining import (
    CANARY,
    GONE,
    LAST_KEPT,
    WMO,
    assessed,
    canary_csv,
    collected,
    delivered,
    holding,
    kept,
    old_world,
    payload,
    proofs,
    working_file,
)
from tests.world import MONDAY, World, tree


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """See `old_world`."""
    made = old_world(tmp_path)
    yield made
    made.close()


# --- payloads ---------------------------------------------------------------------------------------------------------


def test_a_payload_stays_until_its_term_after_the_last_day_of_the_round_and_not_a_minute_longer(world: World) -> None:
    drop = delivered(world)
    world.clock.moment = LAST_KEPT
    assert [each for each in purge(world.ctx) if each.erasure.what == "payload"] == []
    assert payload(world, drop) == canary_csv()
    world.clock.moment = GONE
    assert [each.erasure.what for each in purge(world.ctx)] == ["payload"]
    assert payload(world, drop) is None


def test_after_a_purge_nothing_of_the_payload_is_in_any_file(world: World) -> None:
    delivered(world)
    others = [delivered(world, canary_csv(n + 1), WMO) for n in range(5)]
    world.drop("WMO_0363_2017H1.csv", canary_csv(9), lane=Lane.TRIAL)
    world.work()
    assert holding(world.folder, CANARY) != []
    world.clock.moment = GONE
    purge(world.ctx)
    assert holding(world.folder, CANARY) == []
    assert len(others) == 5
    assert differences(world.ctx) == []


def test_the_proof_says_what_went_when_why_and_until_when_a_backup_may_hold_it(world: World) -> None:
    drop = delivered(world)
    world.clock.moment = GONE
    [proof] = purge(world.ctx)
    assert proofs(world.engine) == [proof]
    erased = proof.erasure
    assert (erased.what, erased.subject, erased.name, erased.municipality) == ("payload", drop.id, WMO, "0363")
    assert (erased.sha256, erased.bytes) == (sha256(canary_csv()).hexdigest(), len(canary_csv()))
    assert erased.why == "payload_days 21 after 2018-03-23"
    assert (proof.at, proof.backups_until) == (GONE, GONE + timedelta(days=35))
    assert world.events(of=drop)[-1] == "payload_erased"


def test_a_second_purge_finds_nothing(world: World) -> None:
    delivered(world)
    world.clock.moment = GONE
    assert len(purge(world.ctx)) == 1
    before = [row["id"] for row in world.engine.rows("select id from log")]
    assert purge(world.ctx) == []
    assert [row["id"] for row in world.engine.rows("select id from log")] == before


def test_the_row_and_its_figures_outlive_the_payload(world: World) -> None:
    drop = delivered(world)
    world.clock.moment = GONE
    purge(world.ctx)
    assert drops.get(world.engine, drop.id).file == drop.file
    assert [row["records"] for row in world.engine.rows("select records from deliveries")] == [60]
    assert b'"approved_version": 1' in folders.status(world.ctx, "0363")


def test_a_file_that_was_only_tried_is_proven_erased_the_same_night(world: World) -> None:
    drop = world.drop(WMO, canary_csv(), lane=Lane.TRIAL)
    world.work()
    assert holding(world.folder, CANARY) == [path for path in holding(world.folder, CANARY) if "ledger.db" in path]
    [proof] = purge(world.ctx)
    assert (proof.erasure.subject, proof.erasure.why) == (drop.id, "only tried (proef)")
    assert holding(world.folder, CANARY) == []


def test_a_repeat_has_no_payload_and_needs_no_proof(world: World) -> None:
    first = delivered(world)
    again = world.drop(WMO, canary_csv())
    assert again.repeat_of == first.id
    world.clock.moment = GONE
    assert [each.erasure.subject for each in purge(world.ctx)] == [first.id]


def test_an_extension_moves_the_term_of_its_municipality_alone(world: World) -> None:
    mine = delivered(world)
    other = world.drop("WMO_0377_2017H2.csv", wmo_csv(5, "0377"), login="bloemendaal", code="0377")
    world.work()
    assessed(world)
    given = extensions.Extension("0363", "2017H2", date(2018, 4, 6), "moved house", "operator", world.clock())
    extensions.add(world.engine, given)
    world.clock.moment = GONE
    assert [each.erasure.subject for each in purge(world.ctx)] == [other.id]
    world.clock.moment = datetime(2018, 4, 27, 22, 1, tzinfo=UTC)
    assert [each.erasure.subject for each in purge(world.ctx)] == [mine.id]


def test_the_last_day_is_that_of_the_withdrawals_or_of_a_later_close(world: World) -> None:
    round_ = world.configuration.rounds["2017H2"]
    assert last_day(round_) == date(2018, 3, 23)
    assert last_day(replace(round_, withdrawal=None)) == date(2018, 3, 9)


def test_a_round_that_left_the_configuration_keeps_the_term_it_had(world: World) -> None:
    drop = delivered(world)
    later = replace(world.configuration.rounds["2017H2"], id="2018H1")
    world.configure(rounds={"2018H1": later}, rules={"2018H1": world.configuration.rules["2017H2"]})
    world.clock.moment = LAST_KEPT
    assert purge(world.ctx) == []
    world.clock.moment = GONE
    assert [each.erasure.subject for each in purge(world.ctx)] == [drop.id]


def test_a_file_on_which_a_report_is_owed_stays_and_is_named(world: World) -> None:
    drop = delivered(world)
    world.engine.run("update deadlines set met_at = null where kind = 'quality'")
    world.clock.moment = GONE
    assert purge(world.ctx) == []
    assert kept(world) == [("payload", "owed")]
    assert payload(world, drop) == canary_csv()


def test_a_file_that_was_never_judged_stays_and_is_named(world: World) -> None:
    world.faults[WMO] = 100
    drop = world.drop(WMO, canary_csv())
    world.work()
    world.clock.moment = GONE
    assert purge(world.ctx) == []
    assert kept(world) == [("payload", "undecided")]
    assert payload(world, drop) == canary_csv()


# --- hand-over --------------------------------------------------------------------------------------------------------


def approved(world: World) -> tuple[Drop, str]:
    """A drop that was judged and assessed and that nobody fetched, and its delivery."""
    drop = world.drop(WMO, canary_csv())
    world.work()
    world.engine.run("update deadlines set met_at = 1 where kind = 'quality'")
    return drop, deliveries.of_drop(world.engine, drop.id)[0].id


def test_what_the_assessor_does_not_have_yet_stays_and_is_named(world: World) -> None:
    drop, _ = approved(world)
    world.clock.moment = GONE
    assert purge(world.ctx) == []
    assert kept(world) == [("payload", "handed over")]
    assert [each.what for each in differences(world.ctx)] == ["past their term, not handed over yet"]
    assert payload(world, drop) == canary_csv()


def test_the_term_counts_from_a_hand_over_that_came_late(world: World) -> None:
    drop, delivery_id = approved(world)
    world.clock.moment = GONE
    collected(world, delivery_id)
    world.clock.forward(days=21)
    assert [each for each in purge(world.ctx) if each.erasure.what == "payload"] == []
    assert kept(world) == []
    world.clock.forward(days=1)
    [why] = [each.erasure.why for each in purge(world.ctx) if each.erasure.what == "payload"]
    assert why == "payload_days 21 after 2018-04-14"
    assert payload(world, drop) is None


def test_what_was_pushed_is_handed_over(world: World) -> None:
    _, delivery_id = approved(world)
    handovers.add_push(world.engine, "delivery", delivery_id, "2017H2", "x.csv", world.clock())
    world.clock.moment = GONE
    assert purge(world.ctx) == []
    [push] = handovers.pushes(world.engine, "2017H2")
    handovers.sent(world.engine, push.id, MONDAY)
    assert [each.erasure.what for each in purge(world.ctx)] == ["payload"]


def test_what_was_withdrawn_replaced_or_rejected_needs_no_hand_over(world: World) -> None:
    approved(world)
    world.drop(WMO, csv_bytes(WMO_HEADER, [*wmo_rows(3), ["x"] * 18]))
    newer = world.drop(WMO, canary_csv(9))
    world.work()
    world.engine.run("update deadlines set met_at = 1 where kind = 'quality'")
    world.clock.moment = GONE
    assert sorted(each.erasure.name for each in purge(world.ctx)) == [WMO, WMO]
    assert [each.subject for each in plan(world.ctx).kept] == [newer.id]
    change = withdrawals.Withdrawal("0363", "2017H2", "WMO", "2017H2", True, "amsterdam", "sftp", MONDAY)
    withdrawals.add(world.engine, change)
    assert [each.erasure.subject for each in purge(world.ctx)] == [newer.id]


def test_without_an_assessor_there_is_nobody_to_wait_for(world: World) -> None:
    drop, _ = approved(world)
    people = world.configuration.participants
    others = {login: account for login, account in people.accounts.items() if Role.ASSESSOR not in account.roles}
    world.configure(participants=replace(people, accounts=others))
    world.clock.moment = GONE
    assert [each.erasure.subject for each in purge(world.ctx)] == [drop.id]


# --- holds ------------------------------------------------------------------------------------------------------------


def test_a_legal_hold_keeps_everything_of_its_municipality(world: World) -> None:
    mine = delivered(world)
    world.drop("WMO_0377_2017H2.csv", wmo_csv(5, "0377"), login="bloemendaal", code="0377")
    world.work()
    assessed(world)
    hold(world.ctx, "0363", "court case", "desk", held=True)
    world.clock.moment = datetime(2018, 12, 1, tzinfo=UTC)
    gone = purge(world.ctx)
    assert {each.erasure.municipality for each in gone} == {"0377"}
    assert set(kept(world)) == {("payload", "hold"), ("report", "hold")}
    assert payload(world, mine) == canary_csv()
    hold(world.ctx, "0363", "settled", "desk", held=False)
    assert {each.erasure.municipality for each in purge(world.ctx)} == {"0363"}
    assert payload(world, mine) is None


def test_a_hold_is_logged_where_the_municipality_sees_it_and_kept_with_its_reason(world: World) -> None:
    hold(world.ctx, "0363", "court case", "desk", held=True)
    found = retention.holds(world.engine)
    assert {code: (each.reason, each.account) for code, each in found.items()} == {"0363": ("court case", "desk")}
    hold(world.ctx, "0363", "settled", "desk", held=False)
    assert retention.holds(world.engine) == {}
    assert world.events() == ["hold_set", "hold_lifted"]
    lines = log.everything(world.engine)
    assert all("court" not in str(line.detail) for line in lines)


def test_a_hold_twice_or_on_nobody_is_refused(world: World) -> None:
    with pytest.raises(Conflict, match="no legal hold on Amsterdam"):
        hold(world.ctx, "0363", "settled", "desk", held=False)
    hold(world.ctx, "0363", "court case", "desk", held=True)
    with pytest.raises(Conflict, match="already"):
        hold(world.ctx, "0363", "again", "desk", held=True)
    with pytest.raises(GatewayError, match="9999"):
        hold(world.ctx, "9999", "typing", "desk", held=True)


# --- nights -----------------------------------------------------------------------------------------------------------


def test_once_a_night_and_after_three(world: World) -> None:
    world.clock.moment = datetime(2018, 4, 14, 0, 59, tzinfo=UTC)
    nightly(world.ctx, world.tell)
    assert [facts_["night"] for _, facts_ in world.told] == ["2018-04-13"]
    nightly(world.ctx, world.tell)
    world.clock.forward(minutes=1)
    nightly(world.ctx, world.tell)
    nightly(world.ctx, world.tell)
    assert [facts_["night"] for _, facts_ in world.told] == ["2018-04-13", "2018-04-14"]


def test_the_night_on_which_the_clock_changes_has_one_purge(world: World) -> None:
    world.clock.moment = datetime(2018, 3, 24, 12, tzinfo=UTC)
    for _ in range(48):
        nightly(world.ctx, world.tell)
        world.clock.forward(hours=1)
    assert [facts_["night"] for _, facts_ in world.told] == ["2018-03-24", "2018-03-25", "2018-03-26"]


def test_ten_days_of_downtime_are_made_good_at_once(world: World) -> None:
    drop = delivered(world)
    world.clock.moment = GONE + timedelta(days=10)
    nightly(world.ctx, world.tell)
    assert payload(world, drop) is None


def test_a_reader_in_the_way_costs_a_night_and_no_proof_is_given_before(world: World) -> None:
    drop = delivered(world)
    world.clock.moment = GONE
    impatient = SQLite(world.folder / "ledger.db", busy_seconds=0.05)
    ctx = replace(world.ctx, engine=impatient)
    reader = sqlite3.connect(str(world.folder / "ledger.db"), isolation_level=None)
    reader.execute("begin")
    reader.execute("select count(*) from drops").fetchall()
    world.told.clear()
    nightly(ctx, world.tell)
    assert [event for event, _ in world.told] == ["purge_failed"]
    assert proofs(world.engine) == []
    assert payload(world, drop) is None
    reader.execute("rollback")
    nightly(ctx, world.tell)
    assert [event for event, _ in world.told] == ["purge_failed", "purged"]
    assert [each.erasure.subject for each in proofs(world.engine)] == [drop.id]
    assert holding(world.folder, CANARY) == []
    reader.close()
    impatient.close()


def test_a_plan_changes_nothing(world: World) -> None:
    delivered(world)
    working_file(world, CANARY)
    world.clock.forward(days=1200)
    before = {row["name"] for row in world.engine.rows("select name from report_files where body is not null")}
    files = tree(world.spool.inbox)
    made = plan(world.ctx)
    assert {each.what for each in made.going} == {"payload", "report", "working", "log", "rows"}
    assert {row["name"] for row in world.engine.rows("select name from report_files where body is not null")} == before
    assert tree(world.spool.inbox) == files
    assert proofs(world.engine) == []


# --- any files, any order ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("many")


@given(sizes=st.lists(st.integers(1, 9000), min_size=2, max_size=25), gone=st.data())
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_goes_leaves_nothing_behind_and_whatever_stays_is_whole(
    shared: Path, sizes: list[int], gone: st.DataObject
) -> None:
    """Payloads of all sizes side by side in the pages of the ledger: each has a canary of its own."""
    folder = shared / os.urandom(4).hex()
    folder.mkdir()
    world = World(folder).open("amsterdam")
    bodies: dict[str, bytes] = {}
    facts.keep_rules(world.engine, "rules", lambda: "{}")
    for number, size in enumerate(sizes):
        mark = f"<{number:04d}>".encode()
        body = (mark * (size // len(mark) + 1))[: max(size, len(mark))]
        drop = world.drop(f"WMO_{number:04d}.csv", body)
        bodies[drop.id] = body
    world.engine.run("update drops set state = 'decided'")
    world.engine.run("update deadlines set met_at = 1")
    order = gone.draw(st.permutations(sorted(bodies)))
    going = set(order[: len(order) // 2])
    world.engine.run("update drops set received_at = :late", late=to_ms(GONE))
    world.clock.moment = GONE
    for number, drop_id in enumerate(order[: len(order) // 2]):
        world.engine.run("update drops set received_at = 0 where id = :id", id=drop_id)
        if number % 4 == 3:
            purge(world.ctx, {"payload"})
    purge(world.ctx, {"payload"})
    raw = b"".join(body for path, body in tree(folder).items() if path.startswith("ledger.db"))
    left = [drop_id for drop_id in going if bodies[drop_id][:6] in raw]
    whole = [drop_id for drop_id in bodies if drop_id not in going and payload_of(world, drop_id) != bodies[drop_id]]
    world.close()
    assert left == []
    assert whole == []


def payload_of(world: World, drop_id: str) -> bytes:
    """The bytes of a drop that stays."""
    return drops.payload(world.engine, drop_id)


def test_cost_files_go_like_the_others(world: World) -> None:
    drop = delivered(world, cost_csv("SBW"), "SBW_0363_2017H2.csv")
    world.clock.moment = GONE
    assert [each.erasure.subject for each in purge(world.ctx)] == [drop.id]
