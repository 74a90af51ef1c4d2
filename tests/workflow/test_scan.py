"""The virus scan in the story: what is found is rejected and erased, what cannot be scanned waits.

Does: drops and judges with a real ledger and a real clamd that knows one signature of our own.
Touches: temporary directories, a clamd that it starts.
Does not: speak the protocol (tests/channel/test_scan.py).
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.channel.clamd import Unscanned, Version
from gateway.config import Configuration
from gateway.config.scan import Scan
from gateway.domain.kinds import Job
from gateway.domain.model import Drop, DropState, Examination, Lane
from gateway.edge.metrics import counts_of
from gateway.store.ledger import deadlines, drops, log, reports, retention
from gateway.store.sealing import make_identity, sealing
from gateway.workflow import folders, retain
from gateway.workflow.health import View, troubles
from gateway.workflow.judge import judge
from gateway.workflow.recover import replay
from gateway.workflow.scan import DOUBT, FIRST_REST, LONGEST_REST, TRUST, Scanner, Scanning, Sight, scanner
from tests.channel.scanner import MARK, SIGNATURE, Clamd, answering
from tests.samples import wmo_csv, zipped
from tests.world import World

NAME = "WMO_0363_2017H2.csv"
CLEAN = wmo_csv(3, seed=1)
INFECTED = wmo_csv(3, seed=2) + MARK + b"\n"
GONE = Scan(clamd="unix:/nowhere/clamd.ctl")


@pytest.fixture(scope="module")
def clamd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clamd]:
    with Clamd(tmp_path_factory.mktemp("clamd")) as running:
        yield running


def turn(world: World, section: Scan) -> None:
    """Put another section `scan` in force."""
    world.configure(settings=world.configuration.settings.model_copy(update={"scan": section}))


@pytest.fixture
def scanned(world: World, clamd: Clamd) -> World:
    turn(world, clamd.section)
    return world


def state(world: World, drop: Drop) -> DropState:
    return drops.get(world.engine, drop.id).state


def payload(world: World, drop: Drop) -> bytes | None:
    body = world.engine.rows("select body from payloads where drop_id = :id", id=drop.id)[0]["body"]
    return None if body is None else bytes(body)


def findings(world: World, drop: Drop) -> list[dict[str, object]]:
    filed = next(each for each in world.reports_of(drop) if each.stem.startswith("TR"))
    file = next(each for each in reports.files(world.engine, filed.id) if each.name.endswith(".json"))
    found: list[dict[str, object]] = json.loads(file.body)["findings"]
    return found


class Technical:
    """The machine's clock, moved by hand."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


# --- found, or not ----------------------------------------------------------------------------------------------------


def test_a_clean_file_is_examined_and_the_log_says_that_it_was_scanned(scanned: World) -> None:
    drop = scanned.drop(NAME, CLEAN)
    scanned.judge_all()
    assert scanned.versions() == ["approved"]
    assert [event for event, _ in scanned.told] == ["scanned", "decided"]
    decided = next(line for line in log.of_drop(scanned.engine, drop.id) if line.event == "decided")
    assert decided.detail["scan"] == "clean"
    day = scanned.clock().date()
    assert "viruscontrole: niets gevonden" in folders.message_log(scanned.ctx, "0363", day, day).decode("utf-8-sig")


def test_without_a_scanner_the_log_does_not_speak_of_one(world: World) -> None:
    drop = world.drop(NAME, INFECTED)
    world.judge_all()
    assert [event for event, _ in world.told] == ["decided"]
    assert all("scan" not in line.detail for line in log.of_drop(world.engine, drop.id))


@pytest.mark.parametrize(("name", "body"), [(NAME, INFECTED), ("MSD.zip", zipped({NAME: INFECTED}))])
def test_what_is_found_is_rejected_told_and_erased(scanned: World, name: str, body: bytes) -> None:
    def never(_job: Job) -> Examination:
        raise AssertionError("an infected file was examined")

    scanned.ctx = replace(scanned.ctx, examine=never)
    drop = scanned.drop(name, body)
    scanned.work()
    assert state(scanned, drop) is DropState.DECIDED
    assert scanned.outcomes(drop) == ["ONTVANGEN", "AFGEKEURD"]
    assert payload(scanned, drop) is None
    (finding,) = findings(scanned, drop)
    assert finding["code"] == "F14"
    assert SIGNATURE in json.dumps(finding)
    assert scanned.events(of=drop)[:3] == ["received", "decided", "infected"]
    owed = deadlines.find(scanned.engine, "technical", drop.id)
    assert owed is not None
    assert owed.met_at is not None
    assert scanned.versions() == []
    mails = scanned.engine.rows("select occasion, account from notifications where drop_id = :id", id=drop.id)
    assert {(row["occasion"], row["account"]) for row in mails} >= {("technical", "amsterdam"), ("infected", "@desk")}
    assert replay(scanned.ctx) == []


def test_what_was_approved_before_stands(scanned: World) -> None:
    scanned.drop(NAME, CLEAN)
    scanned.drop(NAME, INFECTED)
    scanned.judge_all()
    assert scanned.versions() == ["approved"]


def test_a_trial_is_scanned_too(scanned: World) -> None:
    drop = scanned.drop(NAME, INFECTED, lane=Lane.TRIAL)
    scanned.judge_all()
    assert scanned.outcomes(drop) == ["ONTVANGEN", "PROEF-AFGEKEURD"]
    assert [finding["code"] for finding in findings(scanned, drop)] == ["F14"]
    owed = scanned.engine.rows("select occasion from notifications where drop_id = :id", id=drop.id)
    assert {row["occasion"] for row in owed} == {"infected"}


def test_a_sealed_upload_is_scanned_as_it_was_sent(scanned: World) -> None:
    public = make_identity(scanned.folder / "own")
    scanned.ctx = replace(scanned.ctx, sealing=sealing((public,), [scanned.folder / "own"]))
    drop = scanned.drop(NAME, INFECTED)
    assert MARK not in (payload(scanned, drop) or MARK)
    scanned.judge_all()
    assert payload(scanned, drop) is None


def test_the_erasure_is_proven_in_the_night(scanned: World) -> None:
    drop = scanned.drop(NAME, INFECTED)
    scanned.judge_all()
    assert MARK in b"".join(path.read_bytes() for path in scanned.folder.glob("ledger.db*"))
    proven = [each.erasure for each in retain.purge(scanned.ctx)]
    assert [(each.what, each.subject, each.why) for each in proven] == [
        ("payload", drop.id, "found by the virus scanner")
    ]
    assert MARK not in b"".join(path.read_bytes() for path in scanned.folder.glob("ledger.db*"))
    assert scanned.events(of=drop)[-1] == "infected_erased"


def test_under_a_legal_hold_it_stays_and_nobody_is_given_it(scanned: World) -> None:
    retain.hold(scanned.ctx, "0363", "a court", "operator", held=True)
    drop = scanned.drop(NAME, INFECTED)
    scanned.judge_all()
    assert payload(scanned, drop) == INFECTED
    assert scanned.versions() == []
    assert retention.unproven_payloads(scanned.engine) == []


def test_a_false_alarm_can_be_delivered_again(scanned: World, tmp_path: Path) -> None:
    """The same bytes under the same name are no repeat of what was erased."""
    first = scanned.drop(NAME, INFECTED)
    scanned.judge_all()
    again = scanned.drop(NAME, INFECTED)
    assert (again.repeat_of, state(scanned, again)) == (None, DropState.RECEIVED)
    with answering(tmp_path / "s", b"stream: OK\0") as mended:
        turn(scanned, mended)
        scanned.judge_all()
    assert payload(scanned, again) == INFECTED
    assert scanned.outcomes(again) == scanned.outcomes(first)
    assert {finding["code"] for finding in findings(scanned, again)}.isdisjoint({"F14"})


def test_a_name_that_a_scanner_gives_is_shown_harmlessly(world: World, tmp_path: Path) -> None:
    drop = world.drop(NAME, CLEAN)
    with answering(tmp_path / "s", b"stream: =<b>1+1;999990019 FOUND\0") as odd:
        turn(world, odd)
        world.judge_all()
    text = json.dumps(findings(world, drop))
    assert "999990019" not in text
    assert "<b>" not in text


# --- no verdict -------------------------------------------------------------------------------------------------------


def test_without_an_answer_a_file_waits_and_is_no_failure(world: World) -> None:
    turn(world, GONE)
    drop = world.drop(NAME, CLEAN)
    for _ in range(5):
        with pytest.raises(Unscanned):
            world.judge_all()
    assert state(world, drop) is DropState.RECEIVED
    assert world.outcomes(drop) == ["ONTVANGEN"]
    attempts = world.engine.rows("select attempts from drops where id = :id", id=drop.id)[0]["attempts"]
    assert (attempts, payload(world, drop)) == (0, CLEAN)
    pending = json.loads(folders.status(world.ctx, "0363"))["pending"]
    assert [(each["file"]["name"], each["state"]) for each in pending] == [(NAME, "received")]
    owed = deadlines.find(world.engine, "technical", drop.id)
    assert owed is not None
    assert owed.met_at is None


def test_a_crash_between_scan_and_verdict_is_made_good(scanned: World) -> None:
    def crash(_job: Job) -> Examination:
        raise KeyboardInterrupt

    drop = scanned.drop(NAME, CLEAN)
    whole, scanned.ctx = scanned.ctx, replace(scanned.ctx, examine=crash)
    with pytest.raises(KeyboardInterrupt):
        judge(scanned.ctx, drop, scanned.tell)
    scanned.ctx = whole
    scanned.judge_all()
    assert scanned.versions() == ["approved"]
    assert scanned.events(of=drop).count("decided") == 1


# --- patience ---------------------------------------------------------------------------------------------------------


def test_a_municipality_rests_longer_after_each_failure_and_not_for_ever() -> None:
    clock = Technical()
    scanning = Scanning(clock)
    rests = [scanning.failed("0363", "why") for _ in range(40)]
    assert rests[:3] == [FIRST_REST, 2 * FIRST_REST, 4 * FIRST_REST]
    assert rests[-1] == LONGEST_REST
    assert scanning.resting() == {"0363"}
    clock.now += LONGEST_REST
    assert scanning.resting() == frozenset()
    scanning.passed("0363")
    assert scanning.failed("0363", "why") == FIRST_REST


def test_what_the_scanner_says_of_itself_is_kept_and_told_once(scanned: World, clamd: Clamd) -> None:
    scanning = Scanning(Technical())
    assert [scanning.look(scanned.ctx, scanned.tell) for _ in range(3)] == [False] * 3
    well = scanner(scanned.engine)
    assert isinstance(well, Scanner)
    assert (well.reason, well.version and well.version.engine.split()[0]) == ("", "ClamAV")
    turn(scanned, GONE)
    scanned.clock.forward(minutes=1)
    began = scanned.clock()
    scanning.failed("0363", "cannot be reached")
    for _ in range(3):
        assert scanning.look(scanned.ctx, scanned.tell) is False
        scanned.clock.forward(minutes=1)
    ill = scanner(scanned.engine)
    assert ill is not None
    assert (ill.reason, ill.since, ill.version) == (
        "clamd cannot be reached: No such file or directory",
        began,
        well.version,
    )
    turn(scanned, clamd.section)
    assert scanning.look(scanned.ctx, scanned.tell) is True
    assert scanning.resting() == frozenset()
    assert [event for event, _ in scanned.told] == ["scanner_answers", "scanner_failed", "scanner_answers"]


def test_one_file_that_cannot_be_scanned_is_trouble_although_the_scanner_answers(scanned: World) -> None:
    scanning = Scanning(Technical())
    scanning.failed("0363", "clamd answers x ERROR")
    assert scanning.look(scanned.ctx, scanned.tell) is False
    seen = scanner(scanned.engine)
    assert seen is not None
    assert seen.reason == "clamd answers x ERROR"
    assert scanning.resting() == {"0363"}
    scanning.passed("0363")
    scanning.look(scanned.ctx, scanned.tell)
    assert scanner(scanned.engine) == replace(seen, reason="", since=scanned.clock())


def test_turned_off_nobody_waits_any_more(world: World) -> None:
    turn(world, GONE)
    scanning = Scanning(Technical())
    scanning.failed("0363", "gone")
    scanning.look(world.ctx, world.tell)
    turn(world, Scan())
    assert scanning.look(world.ctx, world.tell) is True
    assert scanner(world.engine) is None
    assert scanning.resting() == frozenset()
    assert scanning.look(world.ctx, world.tell) is False


# --- health and figures -----------------------------------------------------------------------------------------------


def codes(world: World, seen: Scanner | None) -> list[str]:
    """What health tells of the scanner."""
    settings = world.configuration.settings
    looked = View(settings, world.clock(), moment, standing=None, scanner=seen)
    return [each.code for each in troubles(looked) if each.code.startswith(("SCANNER", "SIGNATURES"))]


def moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def test_health_is_red_after_a_minute_without_a_scanner(world: World) -> None:
    ill = Scanner("clamd is gone", world.clock())
    assert codes(world, ill) == []
    turn(world, GONE)
    assert codes(world, None) == []
    world.clock.forward(minutes=1)
    assert codes(world, ill) == []
    world.clock.forward(minutes=1)
    assert codes(world, ill) == ["SCANNER"]
    assert codes(world, replace(ill, reason="")) == []
    assert codes(world, replace(ill, reason="", overlooks=True)) == ["SCANNER_LIMITS"]


def test_health_is_red_when_the_signatures_are_old(world: World) -> None:
    turn(world, GONE)
    now = world.clock()
    for days, expected in ((0, []), (2, []), (3, ["SIGNATURES"]), (400, ["SIGNATURES"])):
        version = Version("ClamAV 1.4.3", 27650, now - timedelta(days=days))
        assert codes(world, Scanner("", now, version)) == expected
    assert codes(world, Scanner("", now, Version("ClamAV 1.4.3"))) == []


def test_how_much_the_scanner_looks_at_is_tried_out_once_and_again_when_it_comes_back(
    scanned: World, clamd: Clamd
) -> None:
    tried: list[Configuration] = []

    def sight(configuration: Configuration) -> Sight:
        tried.append(configuration)
        return Sight(less=("large files",))

    scanning = Scanning(Technical(), sight)
    for section, times in ((clamd.section, 1), (clamd.section, 1), (GONE, 1), (clamd.section, 2), (clamd.section, 2)):
        turn(scanned, section)
        scanning.look(scanned.ctx, scanned.tell)
        assert len(tried) == times
    seen = scanner(scanned.engine)
    assert seen is not None
    assert seen.overlooks


def test_nothing_passes_a_scanner_that_was_not_tried_out_or_is_blind(scanned: World, clamd: Clamd) -> None:
    clock, blind = Technical(), ["calls clean what it skips"]
    scanning = Scanning(clock, lambda _configuration: Sight(blind[0]))

    def look(seconds: float = 0) -> tuple[bool, bool]:
        clock.now += seconds
        return scanning.look(scanned.ctx, scanned.tell), scanning.trusts(scanned.configuration)

    assert not scanning.trusts(scanned.configuration)
    assert [look(), look()] == [(False, False)] * 2
    seen = scanner(scanned.engine)
    assert seen is not None
    assert seen.reason == blind[0]
    blind[0] = ""
    assert [look(DOUBT - 1), look(1), look(1)] == [(False, False), (True, True), (False, True)]
    blind[0] = "again"
    assert [look(TRUST - 2), look(1)] == [(False, True), (False, False)]
    assert [(event, facts["reason"]) for event, facts in scanned.told] == [
        ("scanner_failed", "calls clean what it skips"),
        ("scanner_answers", ""),
        ("scanner_failed", "again"),
    ]


def test_what_is_believed_of_a_scanner_ends_with_another_or_other_limits(scanned: World, clamd: Clamd) -> None:
    scanning = Scanning(Technical())
    scanning.look(scanned.ctx, scanned.tell)
    assert scanning.trusts(scanned.configuration)
    rounds = {
        name: replace(each, limits=replace(each.limits, unpacked_bytes=60_000_000))
        for name, each in scanned.configuration.rounds.items()
    }
    assert not scanning.trusts(replace(scanned.configuration, rounds=rounds))
    turn(scanned, GONE)
    assert not scanning.trusts(scanned.configuration)
    turn(scanned, Scan())
    assert scanning.trusts(scanned.configuration)
    turn(scanned, clamd.section)
    assert scanning.trusts(scanned.configuration)


def test_after_a_failure_it_is_tried_out_again_before_a_file_is_called_odd(scanned: World, clamd: Clamd) -> None:
    found = [Sight()]
    scanning = Scanning(Technical(), lambda _configuration: found[0])
    assert not scanning.fits()
    scanning.look(scanned.ctx, scanned.tell)
    assert scanning.fits()
    scanning.failed("0363", "a limit")
    assert not scanning.fits()
    scanning.look(scanned.ctx, scanned.tell)
    assert scanning.fits()
    found[0] = Sight(less=("large files",))
    scanning.failed("0363", "a limit")
    scanning.look(scanned.ctx, scanned.tell)
    assert not scanning.fits()
    assert scanning.trusts(scanned.configuration)


@pytest.mark.parametrize(
    ("event", "result"),
    [("scanned", "clean"), ("infected", "found"), ("unscanned", "failed"), ("overlooked", "failed")],
)
def test_each_scan_is_counted(event: str, result: str) -> None:
    assert ("scans", (result,)) in list(counts_of(event, {}, error=False))


# --- where CBS judges -------------------------------------------------------------------------------------------------


def test_an_assessor_is_given_only_what_passed(scanned: World) -> None:
    scanned.configure(settings=scanned.configuration.settings.model_copy(update={"technical": "external"}))
    infected = scanned.drop(NAME, INFECTED)
    scanned.judge_all()
    assert state(scanned, infected) is DropState.DECIDED
    clean = scanned.drop(NAME, CLEAN)
    scanned.judge_all()
    assert state(scanned, clean) is DropState.RECEIVED
    waiting = scanned.engine.rows("select drop_id from prechecks")
    assert [row["drop_id"] for row in waiting] == [clean.id]
