"""What was made of a drop goes in its time too: reports, waiting files, mails, verdicts, names in the log and in rows.

Does: terms, what people see of it, the search for canaries in every file afterwards.
Touches: the temporary directory of a test.
Does not: payloads, holds and nights (test_retain).
"""

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from gateway.channel.mail import FolderPost
from gateway.domain.model import to_ms
from gateway.errors import Refusal, Temporary
from gateway.store.durable import write_durably
from gateway.store.ledger import (
    assessor,
    deadlines,
    drops,
    facts,
    log,
    reports,
    retention,
)
from gateway.workflow import collect, folders, notify
from gateway.workflow.notify import send_due
from gateway.workflow.publish import replace_missing
from gateway.workflow.recover import differences
from gateway.workflow.retain import hold, nightly, plan, purge, sweep_working
from tests.samples import cost_csv, wmo_csv
from tests.workflow.retaining import (
    CANARY,
    WMO,
    delivered,
    holding,
    old_world,
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
    assert replace_missing(world.ctx, "0363") == 0
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
