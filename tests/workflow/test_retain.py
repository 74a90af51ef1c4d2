"""What was kept long enough goes for good, what must stay stays, and both can be shown.

Does: terms, holds, dry runs, the search for canaries in every file afterwards, what people see of it.
Touches: the temporary directory of a test.
Does not: kill a purge midway (tests/crash/test_purge).
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

from gateway.channel.mail import FolderPost
from gateway.domain.model import Drop, Lane, Role, to_ms
from gateway.errors import Conflict, GatewayError, Refusal, Temporary
from gateway.store.durable import write_durably
from gateway.store.engine import Engine
from gateway.store.ledger import (
    assessor,
    deadlines,
    deliveries,
    drops,
    extensions,
    facts,
    handovers,
    log,
    reports,
    retention,
    withdrawals,
)
from gateway.store.ledger.retention import Deletion
from gateway.store.sqlite import SQLite
from gateway.workflow import collect, folders, notify
from gateway.workflow.notify import send_due
from gateway.workflow.publish import replace_missing
from gateway.workflow.recover import differences
from gateway.workflow.retain import hold, last_day, nightly, plan, purge, sweep_working
from tests.samples import WMO_HEADER, cost_csv, csv_bytes, wmo_csv, wmo_rows
from tests.world import MONDAY, World, tree

WMO = "WMO_0363_2017H2.csv"
CANARY = b"KANARIE-7f3a9c"
# The round closes for withdrawals on 23 March; 21 days later is 13 April, a day that is still kept whole.
LAST_KEPT = datetime(2018, 4, 13, 21, 59, tzinfo=UTC)
GONE = datetime(2018, 4, 13, 22, 1, tzinfo=UTC)
START = datetime(2000, 1, 1, tzinfo=UTC)
END = datetime(2100, 1, 1, tzinfo=UTC)


def canary_csv(rows: int = 60) -> bytes:
    """A sound file of which each record holds the canary."""
    records = wmo_rows(rows)
    for number, record in enumerate(records):
        record[3] = f"{CANARY.decode()}-{number}"
    return csv_bytes(WMO_HEADER, records)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A world in which every file was written when the story began."""
    made = World(tmp_path).open("amsterdam", "bloemendaal")
    made.ctx = replace(made.ctx, written=lambda _modified: MONDAY)
    yield made
    made.close()


def assessed(world: World) -> None:
    """Every report on every delivery was made, and the assessor has what counts."""
    for owed in deadlines.unmet(world.engine):
        if owed.kind == "quality":
            deadlines.meet(world.engine, "quality", owed.subject, to_ms(world.clock()))
    for row in world.engine.rows("select id from deliveries where state in ('approved', 'assessed')"):
        collected(world, row["id"])


def collected(world: World, delivery_id: str) -> None:
    """The assessor fetched a delivery."""
    assessor.note_collection(world.engine, "delivery", delivery_id, "cbs", to_ms(world.clock()))


def delivered(world: World, body: bytes | None = None, name: str = WMO) -> Drop:
    """A drop that was judged and assessed."""
    drop = world.drop(name, canary_csv() if body is None else body)
    world.work()
    assessed(world)
    return drop


def payload(world: World, drop: Drop) -> bytes | None:
    """What the ledger still has of a drop's bytes."""
    rows = world.engine.rows("select body from payloads where drop_id = :id", id=drop.id)
    return None if rows[0]["body"] is None else bytes(rows[0]["body"])


def holding(folder: Path, canary: bytes) -> list[str]:
    """Every file under a folder that holds these bytes anywhere: in free pages, logs, names of hidden files."""
    return [path for path, body in tree(folder).items() if canary in body]


def proofs(engine: Engine, what: str = "") -> list[Deletion]:
    """Every deletion."""
    return [each for each in retention.deletions(engine, START, END) if what in each.erasure.what]


def kept(world: World) -> list[tuple[str, str]]:
    """What stays although its term is over, and why."""
    return [(each.what, each.why) for each in plan(world.ctx).kept]


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


# --- reports ----------------------------------------------------------------------------------------------------------


def test_reports_go_after_their_term_from_ledger_and_folders(world: World) -> None:
    drop = delivered(world)
    technical = world.reports_of(drop)[1]
    collect.confirm(world.ctx, world.account("amsterdam"), technical.id)
    files = set(tree(world.spool.outbox))
    assert any("opgehaald" in path for path in files)
    world.clock.forward(days=90)
    assert [each for each in purge(world.ctx) if each.erasure.what == "report"] == []
    world.clock.forward(minutes=1)
    gone = [each.erasure for each in purge(world.ctx) if each.erasure.what == "report"]
    assert {each.name for each in gone} == {Path(path).name for path in files}
    assert tree(world.spool.outbox) == {}
    assert reports.entries(world.engine, "0363", confirmed=False) == []
    assert reports.entries(world.engine, "0363", confirmed=True) == []
    assert replace_missing(world.ctx) == 0
    assert differences(world.ctx) == []


def test_a_report_that_cannot_be_removed_keeps_nothing_else(world: World) -> None:
    delivered(world)
    world.drop("WMO_0377_2017H2.csv", wmo_csv(4), login="bloemendaal", code="0377")
    world.work()
    outbox = world.spool.outbox / "0363"
    stuck = sorted(path for path in outbox.glob("*.json"))[0]
    stuck.unlink()
    stuck.mkdir()
    world.clock.forward(days=4000)
    with pytest.raises(Temporary):
        purge(world.ctx, {"report"})
    assert list((world.spool.outbox / "0377").glob("*.*")) == []
    assert {each.erasure.municipality for each in proofs(world.engine, "report")} == {"0363", "0377"}
    assert stuck.name not in {each.erasure.name for each in proofs(world.engine, "report")}
    stuck.rmdir()
    assert [each.erasure.name for each in purge(world.ctx, {"report"})] == [stuck.name]


def test_a_report_that_was_picked_up_late_stays_its_whole_time_in_opgehaald(world: World) -> None:
    drop = delivered(world)
    world.clock.forward(days=80)
    collect.confirm(world.ctx, world.account("amsterdam"), world.reports_of(drop)[1].id)
    world.clock.forward(days=89)
    left = {each.erasure.subject for each in purge(world.ctx) if each.erasure.what == "report"}
    assert world.reports_of(drop)[1].id not in left
    assert len(reports.entries(world.engine, "0363", confirmed=True)) == 3
    world.clock.forward(days=2)
    purge(world.ctx)
    assert reports.entries(world.engine, "0363", confirmed=True) == []


def test_a_report_that_nobody_fetched_is_not_chased_after_it_is_gone(world: World) -> None:
    delivered(world)
    world.clock.forward(days=91)
    assert len(reports.uncollected(world.engine, "0363")) == 2
    purge(world.ctx)
    assert reports.uncollected(world.engine, "0363") == []
    assert deadlines.unmet(world.engine) == []
    assert world.events()[-2:] == ["payload_erased", "reports_erased"]
    [line] = [each for each in log.everything(world.engine) if each.event == "never_collected"]
    assert str(line.detail["report"]).startswith("TR_0363_2017H2_WMO_v001")


def test_a_report_that_was_collected_is_not_called_never_collected(world: World) -> None:
    drop = delivered(world)
    for report in world.reports_of(drop):
        collect.observed(world.ctx, world.account("amsterdam"), report.id)
    world.clock.forward(days=91)
    purge(world.ctx)
    assert "reports_erased" in world.events()
    assert "never_collected" not in world.events()


def test_an_erased_report_that_was_put_back_goes_again(world: World) -> None:
    drop = delivered(world)
    entry = reports.entries(world.engine, "0363", confirmed=False)[0]
    body = reports.body(world.engine, entry.report_id, entry.ordinal)
    world.clock.forward(days=91)
    purge(world.ctx)
    world.spool.place("0363", entry.name, body or b"")
    world.clock.forward(days=1)
    nightly(world.ctx, world.tell)
    assert tree(world.spool.outbox) == {}
    assert drop.municipality == "0363"


# --- files that wait --------------------------------------------------------------------------------------------------


def working_file(world: World, body: bytes) -> Path:
    """A file that an account began to upload and never finished."""
    item = world.spool.working("amsterdam", "0363", "inbox") / "WMO.csv.part"
    descriptor = world.spool.open_working(item, truncate=True)
    os.write(descriptor, body)
    world.spool.close_working(item, descriptor, to_ms(world.clock()))
    os.close(descriptor)
    return item


def test_a_working_file_goes_after_a_day_with_a_line_and_a_proof(world: World) -> None:
    item = working_file(world, CANARY)
    world.clock.forward(hours=24)
    sweep_working(world.ctx, world.tell)
    assert item.exists()
    world.clock.forward(minutes=1)
    sweep_working(world.ctx, world.tell)
    assert not item.exists()
    assert holding(world.folder, CANARY) == []
    [proof] = proofs(world.engine)
    assert proof.erasure.sha256 == sha256(CANARY).hexdigest()
    assert (proof.erasure.subject, proof.erasure.name) == ("inbox/WMO.csv.part", "WMO.csv.part")
    assert world.events() == ["working_erased"]
    assert world.told == [("working_file_removed", {"municipality": "0363", "name": "WMO.csv.part"})]


def test_a_working_file_that_is_written_again_after_a_purge_broke_off_stays(world: World) -> None:
    item = working_file(world, CANARY)
    world.clock.forward(days=2)
    [going] = plan(world.ctx, {"working"}).going
    retention.begin(world.engine, going, world.clock())
    (item / "payload").write_bytes(b"more")
    assert purge(replace(world.ctx, written=lambda _modified: world.clock()), {"working"}) == []
    assert (item / "payload").read_bytes() == b"more"
    assert proofs(world.engine) == []
    assert retention.begun(world.engine) == []


def test_a_refused_file_of_the_watch_folder_goes_after_its_term(world: World) -> None:
    (world.spool.inbox / "0363" / WMO).write_bytes(CANARY)
    claim = world.spool.claim(world.spool.inbox / "0363" / WMO, "0363", "inbox", world.ctx.new_id())
    world.spool.refuse_claim(claim)
    world.clock.forward(days=21)
    assert purge(world.ctx) == []
    world.clock.forward(minutes=1)
    [proof] = purge(world.ctx)
    assert (proof.erasure.what, proof.erasure.name) == ("refused", WMO)
    assert holding(world.folder, CANARY) == []


# --- mails in a folder, verdicts --------------------------------------------------------------------------------------


def written_mails(world: World) -> list[str]:
    """Send what is owed into the folder, as a gateway without a mail server does; the names there."""
    folder = world.spool.outbox / ".mail"
    send_due(world.ctx, FolderPost(folder, write_durably, sender="desk@gateway.example"), world.tell)
    return sorted(path.name for path in folder.iterdir())


def test_mails_in_the_folder_go_with_the_reports_they_told_of(world: World) -> None:
    delivered(world)
    [name] = written_mails(world)
    body = (world.spool.outbox / ".mail" / name).read_bytes()
    world.clock.forward(days=90)
    assert "mail" not in {each.what for each in plan(world.ctx).going}
    world.clock.forward(minutes=1)
    purge(world.ctx)
    [proof] = proofs(world.engine, "mail")
    assert (proof.erasure.name, proof.erasure.municipality) == (name, "0363")
    assert proof.erasure.sha256 == sha256(body).hexdigest()
    assert proof.erasure.why == "report_days 90 after 2018-02-12"
    assert list((world.spool.outbox / ".mail").iterdir()) == []
    assert "mails_erased" in world.events()
    assert purge(world.ctx) == []


def test_a_mail_about_a_municipality_on_hold_stays(world: World) -> None:
    delivered(world)
    notice = notify.Notice("pickup", "x", ("0377", "0363"), ("fetch",))
    notify.owe(world.ctx, notice, ("bloemendaal",))
    names = written_mails(world)
    assert len(names) == 2
    hold(world.ctx, "0363", "rechtszaak", "anna", held=True)
    world.clock.forward(days=91)
    purge(world.ctx)
    assert written_mails(world) == names
    assert {each.name for each in plan(world.ctx).kept if each.what == "mail"} == set(names)
    hold(world.ctx, "0363", "klaar", "anna", held=False)
    purge(world.ctx)
    assert written_mails(world) == []


def test_what_an_assessor_wrote_in_a_verdict_goes_and_an_open_one_stays(world: World) -> None:
    decided, waiting = delivered(world), world.drop("SBW_0363_2017H2.csv", cost_csv("SBW"))
    for drop in (decided, waiting):
        body = f'{{"verdict": "rejected", "reason": "{CANARY.decode()}"}}'
        assessor.note_verdict(world.engine, drop.id, body, "cbs", to_ms(world.clock()))
    world.clock.forward(days=90, minutes=1)
    purge(world.ctx)
    assert assessor.verdict(world.engine, decided.id) == ("", "")
    assert CANARY.decode() in (assessor.verdict(world.engine, waiting.id) or ("", ""))[0]
    [proof] = [each for each in proofs(world.engine, "rows") if each.erasure.name == "verdicts"]
    assert proof.erasure.why == "report_days 90"
    world.work()
    purge(world.ctx)
    assert assessor.verdict(world.engine, waiting.id) == ("", "")
    assert holding(world.folder, b'"rejected", "reason"') == []


def test_what_is_on_its_way_in_is_never_touched(world: World) -> None:
    attempt = world.attempt(WMO)
    landing = world.land(attempt, CANARY)
    descriptor = world.spool.stage("half")
    os.write(descriptor, CANARY)
    os.close(descriptor)
    world.clock.forward(days=5000)
    purge(world.ctx)
    assert (landing.folder / "payload").read_bytes() == CANARY
    assert len(holding(world.spool.inbox, CANARY)) == 2


# --- log and rows -----------------------------------------------------------------------------------------------------


def test_after_three_years_lines_and_rows_name_nobody(world: World) -> None:
    drop = delivered(world)
    collect.observed(world.ctx, world.account("amsterdam"), world.reports_of(drop)[1].id)
    with pytest.raises(Refusal):
        world.drop("x!.csv", b"1")
    before = world.events()
    world.clock.forward(days=1097)
    purge(world.ctx)
    old = [line for line in log.everything(world.engine) if line.at < MONDAY + timedelta(days=1)]
    assert [line.event for line in old] == before
    assert {line.account for line in old} == {None}
    assert all(line.detail == {} for line in old)
    kept_drop = drops.get(world.engine, drop.id)
    assert (kept_drop.account, kept_drop.file.name, kept_drop.file.sha256) == ("", "", drop.file.sha256)
    assert facts.terms_accepted(world.engine, "amsterdam", "2017H2", "1")
    assert differences(world.ctx) == []
    assert {each.erasure.what for each in proofs(world.engine)} == {"payload", "report", "log", "rows"}


def test_an_acceptance_goes_with_the_round_that_it_was_for(world: World) -> None:
    later = replace(world.configuration.rounds["2017H2"], id="2018H1")
    world.configure(rounds={"2018H1": later}, rules={"2018H1": world.configuration.rules["2017H2"]})
    world.clock.forward(days=1097)
    purge(world.ctx)
    assert not facts.terms_accepted(world.engine, "amsterdam", "2017H2", "1")
    assert holding(world.folder, b"amsterdam") == []


def test_old_lines_can_still_be_asked_for(world: World) -> None:
    delivered(world)
    world.clock.forward(days=1200)
    purge(world.ctx)
    told = folders.message_log(world.ctx, "0363", date(2018, 2, 1), date(2018, 2, 28)).decode()
    assert "bestand ontvangen" in told
    assert "amsterdam" not in told
    assert WMO not in told
    assert folders.status(world.ctx, "0363")


def test_lines_of_a_municipality_on_hold_keep_their_names(world: World) -> None:
    delivered(world)
    hold(world.ctx, "0363", "court case", "desk", held=True)
    world.clock.forward(days=1200)
    purge(world.ctx)
    received = log.last_of_event(world.engine, "received", "0363", 1)
    assert [line.account for line in received] == ["amsterdam"]


def test_lines_are_blanked_in_parts_and_each_part_is_proven(world: World) -> None:
    with world.engine.transaction():
        for number in range(2_500):
            log.append(world.engine, log.Line(MONDAY, "login", "0363", f"user{number}"))
    world.clock.forward(days=1200)
    purge(world.ctx)
    assert [each.erasure.subject for each in proofs(world.engine, "log")] == ["1-1000", "1001-2000", "2001-2500"]
    assert {line.account for line in log.everything(world.engine) if line.event == "login"} == {None}


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
