"""The one loop through which every file comes in: submissions, claims of the watch folder, and what a crash left.

Does: runs the loop in its thread and waits for its answers; scans by hand; breaks single landings and claims.
Touches: a temporary directory.
Does not: kill (tests/crash).
"""

import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, wait
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.sections import Watch
from gateway.domain.lifecycle import check_window, taken_late
from gateway.domain.model import Channel, Drop, Lane, to_ms
from gateway.domain.workdays import MILLISECOND, window
from gateway.edge.watch import Watcher
from gateway.errors import Corrupt, Refusal, Temporary
from gateway.store.ledger import drops, statements
from gateway.workflow.admit import admit
from gateway.workflow.intake import Intake, land_claim
from gateway.workflow.publish import publish
from gateway.workflow.receive import Received
from gateway.workflow.recover import Difference, differences
from tests.samples import cost_csv, wmo_csv
from tests.world import World, shipped, tree

NAME = "WMO_0363_2017H2.csv"
A, B = wmo_csv(3, seed=1), wmo_csv(3, seed=2)
PATIENCE = 20.0


def intake_of(world: World) -> Intake:
    """An intake that was not started: `scan` is called by hand."""
    return Intake(world.ctx, rescan_seconds=3600, received=lambda: None, tell=world.tell)


@pytest.fixture
def running(world: World) -> Iterator[Intake]:
    """An intake in its thread, that rescans at its start and then only when woken."""
    intake = intake_of(world)
    intake.start()
    yield intake
    intake.stop()


def names(world: World) -> list[str]:
    return [drop.file.name for drop in drops.recent(world.engine, 100)[::-1]]


def all_drops(world: World) -> list[Drop]:
    return drops.recent(world.engine, 1000)


def unlike(world: World) -> list[Difference]:
    """Folders and ledger compared, once the reports are placed."""
    publish(world.ctx)
    return differences(world.ctx)


def told(world: World, event: str) -> int:
    return sum(each == event for each, _ in world.told)


# --- submissions ------------------------------------------------------------------------------------------------------


def test_whoever_submits_hears_it_after_the_commit(world: World, running: Intake) -> None:
    landing = world.land(world.attempt(NAME), A)
    answer = running.submit(landing).result(PATIENCE)
    assert drops.get(world.engine, landing.facts.id).short_id == answer.short_id


def test_landings_are_gone_when_the_loop_has_ended(world: World) -> None:
    intake = intake_of(world)
    intake.start()
    answers = [intake.submit(world.land(world.attempt(NAME), wmo_csv(2, seed=seed))) for seed in range(100)]
    intake.stop()
    assert all(answer.result(0).repeat_of is None for answer in answers)
    assert world.spool.landed_folders() == []
    assert len(names(world)) == 100
    assert unlike(world) == []


def test_a_rescan_that_is_first_answers_the_submission_all_the_same(world: World) -> None:
    landings = [world.land(world.attempt(NAME), body) for body in (A, B)]
    intake = intake_of(world)
    intake.scan()
    assert world.spool.landed_folders() == []
    answers = [intake.submit(landing) for landing in landings]
    intake.start()
    assert [answer.result(PATIENCE).repeat_of for answer in answers] == [None, None]
    intake.stop()
    assert len(names(world)) == 2


def test_many_threads_at_once_are_each_answered_and_received_once(world: World, running: Intake) -> None:
    answers: list[Future[Received]] = []

    def submit(first: int) -> None:
        for seed in range(first, first + 15):
            running.wake()
            answers.append(running.submit(world.land(world.attempt(NAME), wmo_csv(2, seed=seed))))

    threads = [threading.Thread(target=submit, args=(first,)) for first in (0, 100, 200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(wait(answers, PATIENCE).done) == 45
    assert {answer.result(0).short_id for answer in answers} == {each.short_id for each in all_drops(world)}
    assert len(all_drops(world)) == 45


def test_one_bad_landing_fails_alone_and_is_kept(world: World, running: Intake) -> None:
    bad, good = world.land(world.attempt(NAME), A), world.land(world.attempt(NAME), B)
    (bad.folder / "payload").unlink()
    answers = [running.submit(landing) for landing in (bad, good)]
    with pytest.raises(Corrupt):
        answers[0].result(PATIENCE)
    assert answers[1].result(PATIENCE).repeat_of is None
    assert bad.folder.exists()
    assert [each.mends for each in unlike(world) if each.subject == bad.folder.name] == [False]


def test_a_landing_that_is_spoilt_is_told_once_however_often_others_come(world: World) -> None:
    """Its sender heard it too: that was the one time."""
    intake = intake_of(world)
    bad = world.land(world.attempt(NAME), A)
    (bad.folder / "payload").write_bytes(B)
    answer = intake.submit(bad)
    intake.start()
    with pytest.raises(Corrupt):
        answer.result(PATIENCE)
    for seed in range(3):
        intake.wake()
        intake.submit(world.land(world.attempt(NAME), wmo_csv(2, seed=seed))).result(PATIENCE)
    intake.stop()
    assert [event for event, _ in world.told if event != "received"] == ["receive_failed"]


def test_while_the_ledger_cannot_be_written_landings_wait(world: World) -> None:
    intake = intake_of(world)
    landing = world.land(world.attempt(NAME), A)
    answer = intake.submit(landing)
    world.engine.run("create trigger shut before insert on drops begin select raise(abort, 'shut'); end")
    intake.start()
    with pytest.raises(Exception, match="shut"):
        answer.result(PATIENCE)
    intake.stop()
    assert world.spool.landed_folders() == [landing.folder]
    world.engine.run("drop trigger shut")
    intake_of(world).scan()
    assert names(world) == [NAME]
    assert world.spool.landed_folders() == []


def test_a_client_that_goes_away_does_not_disturb_the_loop(world: World) -> None:
    intake = intake_of(world)
    gone = intake.submit(world.land(world.attempt(NAME), A))
    assert gone.cancel() is False
    stays = intake.submit(world.land(world.attempt(NAME), B))
    intake.start()
    assert stays.result(PATIENCE).repeat_of is None
    intake.stop()
    assert len(names(world)) == 2


# --- what a crash left ------------------------------------------------------------------------------------------------


def test_what_lies_landed_is_received_oldest_first(world: World) -> None:
    for body in (A, B):
        world.land(world.attempt(NAME), body)
    intake_of(world).scan()
    world.judge_all()
    assert world.versions() == ["superseded", "approved"]
    assert world.spool.landed_folders() == []


@pytest.mark.parametrize("left", [(), ("payload",), ("facts.json",), ("payload", "facts.json")], ids=str)
def test_what_is_left_of_a_landing_that_was_received_is_cleared(world: World, left: tuple[str, ...]) -> None:
    landing = world.land(world.attempt(NAME), A)
    intake_of(world).scan()
    landing.folder.mkdir()
    for name in left:
        (landing.folder / name).write_bytes(b"x")
    assert [each.what for each in unlike(world)] == ["received, landing not yet removed"]
    intake_of(world).scan()
    assert unlike(world) == []
    assert names(world) == [NAME]


def test_a_landing_without_facts_is_named_and_left_and_does_not_stop_the_others(world: World) -> None:
    bad, _good = world.land(world.attempt(NAME), A), world.land(world.attempt(NAME), B)
    (bad.folder / "facts.json").unlink()
    intake_of(world).scan()
    assert told(world, "landing_unreadable") == 1
    assert names(world) == [NAME]
    assert (bad.folder / "payload").read_bytes() == A
    assert [(each.subject, each.mends) for each in unlike(world)] == [(bad.folder.name, False)]


# --- the watch folder -------------------------------------------------------------------------------------------------


def put(world: World, name: str, body: bytes, code: str = "0363", lane: str = "") -> Path:
    """A local program moves a file in."""
    path = world.spool.inbox / code / lane / name
    path.write_bytes(body)
    return path


def take(world: World) -> None:
    """The watch claims, intake receives."""
    settings = Watch(quiet_seconds=0.001)
    Watcher(world.ctx, settings, monotonic=lambda: 0.0, claimed=lambda: None, tell=world.tell).scan()
    intake_of(world).scan()


def test_a_file_in_the_watch_folder_is_dropped_in_the_name_of_its_account(world: World) -> None:
    put(world, NAME, A)
    put(world, "SBW_0473_2017H2.csv", cost_csv("SBW", "0473"), "0473", "proef")
    take(world)
    made = {drop.file.name: drop for drop in drops.recent(world.engine, 10)}
    assert made[NAME].account == "amsterdam"
    assert made[NAME].channel is Channel.WATCH
    assert made["SBW_0473_2017H2.csv"].account == "bloemendaal"
    assert made["SBW_0473_2017H2.csv"].lane is Lane.TRIAL
    assert world.outcomes(made[NAME]) == ["ONTVANGEN"]
    assert tree(world.spool.inbox) == {}


def test_a_file_again_in_the_watch_folder_is_a_repeat(world: World) -> None:
    for _ in range(2):
        put(world, NAME, A)
        take(world)
    assert [bool(drop.repeat_of) for drop in drops.recent(world.engine, 10)] == [True, False]


@pytest.mark.parametrize(
    ("name", "body", "code"),
    [
        ("WMO_0363_2017H1.csv", b"", "EMPTY"),
        ("large.csv", b"x" * 2_621_441, "TOO_LARGE"),
        ("met spatie.csv", A, "NAME_CHARACTERS"),
        ("WMO_999990019.csv", A, "NAME_BSN"),
        ("a.c", A, "NAME_LENGTH"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_refused_file_is_set_aside_whole_with_a_receipt(world: World, name: str, body: bytes, code: str) -> None:
    put(world, name, body)
    take(world)
    aside = tree(world.spool.inbox / "0363" / ".geweigerd")
    assert [(Path(path).name, content) for path, content in aside.items()] == [(name, body)]
    assert [facts["code"] for event, facts in world.told if event == "refused"] == [code]
    assert [stem for stem in world.stems() if stem.endswith("GEWEIGERD")] != []
    assert names(world) == []
    assert unlike(world) == []


def test_a_folder_without_an_account_takes_nothing_and_throws_nothing_away(world: World) -> None:
    settings = world.configuration.settings
    world.configure(settings=settings.model_copy(update={"watch": Watch(accounts={})}))
    put(world, NAME, A)
    take(world)
    assert [facts["code"] for event, facts in world.told if event == "refused"] == ["NO_ROLE"]
    assert list(tree(world.spool.inbox).values()) == [A]


def test_outside_the_window_it_is_set_aside(world: World) -> None:
    world.clock.forward(days=60)
    put(world, NAME, A)
    take(world)
    assert [facts["code"] for event, facts in world.told if event == "refused"] == ["WINDOW_CLOSED"]
    assert list(tree(world.spool.inbox).values()) == [A]


CLOSE = datetime(2018, 3, 9, 22, 59, 59, 999000, tzinfo=UTC)


def put_at(world: World, moment: datetime) -> None:
    """From now on files in the watch folder are of this moment by the kernel's word, whatever their mtime says."""

    def written(seconds: float) -> datetime:
        assert abs(seconds - time.time()) < 600
        return moment

    world.ctx = replace(world.ctx, written=written)


@pytest.mark.parametrize("minutes", [-60 * 24 * 20, -1, 0, 14])
def test_a_file_that_was_put_in_time_counts_when_nobody_served_over_the_close(world: World, minutes: int) -> None:
    path = put(world, NAME, A)
    os.utime(path, (0, 0))
    put_at(world, CLOSE + timedelta(minutes=minutes))
    world.clock.moment = CLOSE + timedelta(days=3)
    take(world)
    [drop] = all_drops(world)
    assert (drop.round_id, drop.received_at) == ("2017H2", world.clock())
    assert told(world, "taken_late") == 1
    assert told(world, "refused") == 0
    assert unlike(world) == []


@pytest.mark.parametrize("minutes", [16, 60 * 24])
def test_a_file_that_was_put_too_late_does_not_whatever_its_mtime_says(world: World, minutes: int) -> None:
    path = put(world, NAME, A)
    os.utime(path, (0, 0))
    put_at(world, CLOSE + timedelta(minutes=minutes))
    world.clock.moment = CLOSE + timedelta(days=3)
    take(world)
    assert all_drops(world) == []
    assert [facts["code"] for event, facts in world.told if event == "refused"] == ["WINDOW_CLOSED"]


def test_the_kernels_time_of_a_file_is_that_of_its_last_move(world: World) -> None:
    """What lay elsewhere since long, or got an old mtime, was put there when it was moved in."""
    elsewhere = world.folder / "old.csv"
    elsewhere.write_bytes(A)
    os.utime(elsewhere, (0, 0))
    before = time.time_ns() - 20_000_000  # a file's times are of the kernel's last tick
    path = world.spool.inbox / "0363" / NAME
    elsewhere.rename(path)
    assert path.stat().st_mtime == 0
    assert path.stat().st_ctime_ns >= before


def test_when_it_was_put_outlives_a_claim_and_a_crash(world: World) -> None:
    path = put(world, NAME, A)
    world.spool.claim(path, "0363", "inbox", world.ctx.new_id(), to_ms(CLOSE - timedelta(hours=1)))
    world.clock.moment = CLOSE + timedelta(days=3)
    [claim] = world.spool.claims()
    assert (claim.lane, claim.put_at) == ("inbox", to_ms(CLOSE - timedelta(hours=1)))
    intake_of(world).scan()
    assert [drop.received_at for drop in all_drops(world)] == [world.clock()]
    assert world.spool.claims() == []


def test_a_statement_that_was_put_in_time_counts_too(world: World) -> None:
    put(world, "GEEN_SBW_0363_2017H2.txt", b"")
    put_at(world, CLOSE)
    world.clock.moment = CLOSE + timedelta(days=1)
    take(world)
    assert statements.stated(world.engine, "0363", "2017H2") == {("SBW", "2017H2")}


def test_a_file_put_before_the_opening_counts_once_the_window_is_open(world: World) -> None:
    put(world, NAME, A)
    put_at(world, datetime(2018, 2, 9, 9, tzinfo=UTC))
    take(world)
    assert names(world) == [NAME]
    assert told(world, "taken_late") == 0


@given(
    put=st.timedeltas(timedelta(0), timedelta(days=60)).map(lambda each: datetime(2018, 2, 1, tzinfo=UTC) + each),
    later=st.timedeltas(timedelta(0), timedelta(days=90)),
)
def test_late_taking_saves_what_was_in_time_and_nothing_else(put: datetime, later: timedelta) -> None:
    round_ = shipped().rounds["2017H2"]
    delivery = window(round_.delivery)
    found = taken_late([round_], put, put + later)
    in_time = delivery.opens <= put < delivery.closes + MILLISECOND + timedelta(minutes=round_.grace_minutes)
    shut = put + later > delivery.closes
    assert (found is not None) is (in_time and shut and bool(later))
    if found is not None:
        started, whole = found
        assert whole == put
        check_window(round_, Lane.DELIVERY, whole, started)


def test_a_claim_that_cannot_be_read_does_not_stop_the_others(world: World, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"of another")
    link = world.spool.inbox / "0363" / "a.csv"
    link.symlink_to(secret)
    world.spool.claim(link, "0363", "inbox", world.ctx.new_id())
    landing = world.land(world.attempt("SBW_0363_2017H2.csv"), B)
    world.spool.claim(put(world, NAME, A), "0363", "inbox", world.ctx.new_id())
    intake_of(world).scan()
    assert told(world, "claim_failed") == 1
    assert sorted(names(world)) == ["SBW_0363_2017H2.csv", NAME]
    assert not landing.folder.exists()
    assert b"of another" not in [drops.payload(world.engine, each.id) for each in drops.recent(world.engine, 10)]


def test_landing_a_claim_again_is_harmless(world: World) -> None:
    claim = world.spool.claim(put(world, NAME, A), "0363", "inbox", world.ctx.new_id())
    kept = claim.path.parent
    for _ in range(2):
        land_claim(world.ctx, claim, world.tell)
    assert not kept.exists()
    intake_of(world).scan()
    kept.mkdir()
    claim.path.write_bytes(A)
    land_claim(world.ctx, claim, world.tell)
    intake_of(world).scan()
    assert names(world) == [NAME]
    assert unlike(world) == []


def test_what_somebody_still_writes_is_not_claimed(world: World) -> None:
    path = world.spool.inbox / "0363" / NAME
    with path.open("wb") as writer:
        writer.write(A[:20])
        writer.flush()
        take(world)
        assert path.exists()
        writer.write(A[20:])
    take(world)
    assert [drop.file.sha256 for drop in drops.recent(world.engine, 10)] != []
    assert drops.payload(world.engine, drops.recent(world.engine, 1)[0].id) == A


def test_what_is_no_file_or_hidden_or_a_working_file_stays(world: World, tmp_path: Path) -> None:
    inbox = world.spool.inbox / "0363"
    (inbox / "folder.csv").mkdir()
    (inbox / "link.csv").symlink_to(tmp_path)
    os.mkfifo(inbox / "fifo.csv")
    for name in (".hidden.csv", "WMO.part", "WMO.csv.filepart", "~WMO.csv"):
        (inbox / name).write_bytes(A)
    take(world)
    assert names(world) == []
    assert {path.name for path in inbox.iterdir()} >= {"folder.csv", "link.csv", "fifo.csv", ".hidden.csv", "WMO.part"}


def test_refusals_are_the_same_for_every_way_in(world: World) -> None:
    world.configure(rounds={"2017H2": replace(world.configuration.rounds["2017H2"], terms_version="9")})
    with pytest.raises(Refusal) as caught:
        admit(world.ctx, world.attempt(NAME))
    put(world, NAME, A)
    take(world)
    assert [facts["code"] for event, facts in world.told if event == "refused"] == [caught.value.code]


def test_temporary_is_told_when_the_disk_says_no(world: World) -> None:
    landing = world.land(world.attempt(NAME), A)
    with pytest.raises(Temporary):
        world.spool.land(replace(landing.facts, id="gone"))
    assert world.spool.landed_folders() == [landing.folder]
