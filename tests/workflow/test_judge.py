"""From a received drop to its verdict: versions, corrections, drops that are held, rules that are kept.

Does: drops and judges with a real ledger; a worker that dies is a `WorkerFault`, as the pool raises it.
Touches: a temporary directory.
Does not: check what a check finds (tests/domain).
"""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.domain.model import Drop, DropState, Examination, Lane
from gateway.domain.workdays import local_day
from gateway.errors import Conflict, Corrupt, Temporary
from gateway.store.ledger import deadlines, deliveries, drops, log, reports
from gateway.workflow.folders import message_log, status
from gateway.workflow.judge import ATTEMPTS, judge, next_drop, release
from gateway.workflow.recover import replay
from tests.samples import WMO_HEADER, cost_csv, csv_bytes, wmo_csv, wmo_rows, zipped
from tests.world import World

NAME = "WMO_0363_2017H2.csv"
OTHER = "SBW_0363_2017H2.csv"
A, B, C = wmo_csv(3, seed=1), wmo_csv(3, seed=2), wmo_csv(3, seed=3)


def spoilt(seed: int = 1) -> bytes:
    """A file that is rejected: a citizen service number that fails its test."""
    rows = wmo_rows(3, seed=seed)
    rows[1][2] = "999990008"
    return csv_bytes(WMO_HEADER, rows)


def state(world: World, drop: Drop) -> DropState:
    return drops.get(world.engine, drop.id).state


# --- versions ---------------------------------------------------------------------------------------------------------


def test_an_approved_file_becomes_version_one_and_owes_the_quality_report(world: World) -> None:
    drop = world.drop(NAME, A)
    world.clock.forward(days=3)
    world.judge_all()
    made = deliveries.of_drop(world.engine, drop.id)
    assert [(each.kind, each.period, each.version, str(each.state)) for each in made] == [
        ("WMO", "2017H2", 1, "approved")
    ]
    assert state(world, drop) is DropState.DECIDED
    assert world.events(of=drop) == ["received", "decided", "approved"]
    assert world.outcomes(drop) == ["ONTVANGEN", "GOEDGEKEURD"]
    met = deadlines.find(world.engine, "technical", drop.id)
    owed = deadlines.find(world.engine, "quality", made[0].id)
    assert met is not None
    assert met.met_at == world.clock()
    assert owed is not None
    assert owed.due_at == datetime(2018, 2, 19, 22, 59, 59, 999000, tzinfo=UTC)


def test_a_correction_supersedes_and_ends_the_clock_of_the_former(world: World) -> None:
    first = world.drop(NAME, A)
    world.judge_all()
    world.clock.forward(hours=1)
    world.drop(NAME, B)
    world.judge_all()
    assert world.versions() == ["superseded", "approved"]
    former = deliveries.of_drop(world.engine, first.id)[0]
    ended = deadlines.find(world.engine, "quality", former.id)
    assert ended is not None
    assert ended.met_at == world.clock()
    assert world.events() == ["received", "decided", "approved", "received", "decided", "superseded", "approved"]


def test_a_rejected_correction_leaves_the_approved_version_standing(world: World) -> None:
    world.drop(NAME, A)
    rejected = world.drop(NAME, spoilt())
    world.judge_all()
    assert world.versions() == ["approved", "rejected"]
    assert world.outcomes(rejected) == ["ONTVANGEN", "AFGEKEURD"]
    current = deliveries.current(world.engine, "0363", "2017H2", "WMO", "2017H2")
    assert current is not None
    assert current.version == 1
    world.drop(NAME, B)
    world.judge_all()
    assert world.versions() == ["superseded", "rejected", "approved"]
    shown = next(item for item in json.loads(status(world.ctx, "0363"))["items"] if item["version"])
    assert (shown["version"], shown["approved_version"]) == (3, 3)
    chain = [(each["version"], each["state"]) for each in shown["versions"]]
    assert chain == [(1, "superseded"), (2, "rejected"), (3, "approved")]
    assert shown["versions"][1]["drop_id"] == rejected.short_id


def test_every_line_about_a_drop_names_it(world: World) -> None:
    drop = world.drop(NAME, A)
    world.judge_all()
    mailed = log.Line(
        world.clock(), "mailed", "0363", "amsterdam", drop.id, detail={"occasion": "technical", "mail": "m"}
    )
    log.append(world.engine, mailed)
    day = local_day(world.clock())
    said = message_log(world.ctx, "0363", day, day).decode("utf-8-sig").splitlines()[1:]
    assert len(said) == 4
    assert [line for line in said if drop.short_id not in line] == []


def test_a_zip_becomes_a_delivery_for_each_of_its_files(world: World) -> None:
    body = zipped({NAME: spoilt(), OTHER: cost_csv("SBW"), "WMO_0363_2017H1.csv": wmo_csv(3, period="2017H1")})
    drop = world.drop("MSD.zip", body)
    world.judge_all()
    made = deliveries.of_drop(world.engine, drop.id)
    assert {(each.kind, each.period, str(each.state)) for each in made} == {
        ("WMO", "2017H2", "rejected"),
        ("SBW", "2017H2", "approved"),
        ("WMO", "2017H1", "approved"),
    }
    assert sorted(world.outcomes(drop)) == ["AFGEKEURD", "GOEDGEKEURD", "GOEDGEKEURD", "ONTVANGEN"]


def test_a_file_in_a_zip_that_maps_to_nothing_has_its_own_answer_and_spoils_no_other(world: World) -> None:
    drop = world.drop("MSD.zip", zipped({NAME: A, "overzicht.csv": b"a;b"}))
    world.judge_all()
    made = [report for report in reports.of_drop(world.engine, drop.id) if report.kind == "TR"]
    found = {report.stem.split("_")[3]: report for report in made}
    assert (found["WMO"].outcome, found["ALLE"].outcome) == ("GOEDGEKEURD", "AFGEKEURD")
    documents = {kind: json.loads(reports.files(world.engine, each.id)[-1].body) for kind, each in found.items()}
    assert documents["WMO"]["findings"] == []
    assert [finding["member"] for finding in documents["ALLE"]["findings"]] == ["overzicht.csv"]


def test_a_file_that_maps_to_nothing_is_answered_all_the_same(world: World) -> None:
    drop = world.drop("overzicht.csv", A)
    world.judge_all()
    assert deliveries.of_drop(world.engine, drop.id) == []
    assert state(world, drop) is DropState.DECIDED
    assert world.stems()[-1] == f"TR_0363_ALLE_ALLE_{drop.short_id}_AFGEKEURD"


def test_a_trial_gives_a_report_and_nothing_else(world: World) -> None:
    world.drop(NAME, A)
    world.judge_all()
    tried = [world.drop(NAME, body, lane=Lane.TRIAL) for body in (B, spoilt())]
    world.judge_all()
    assert [world.outcomes(drop)[-1] for drop in tried] == ["PROEF-GOEDGEKEURD", "PROEF-AFGEKEURD"]
    assert world.versions() == ["approved"]
    for drop in tried:
        with pytest.raises(Corrupt):
            drops.payload(world.engine, drop.id)
    assert len(deadlines.unmet(world.engine)) == 1


# --- order ------------------------------------------------------------------------------------------------------------


def test_drops_of_one_municipality_are_judged_in_order_of_arrival(world: World) -> None:
    made = [world.drop(NAME, A), world.drop(NAME, B)]
    theirs = world.drop("WMO_0377_2017H2.csv", wmo_csv(3, "0377"), "bloemendaal", "0377")
    assert next_drop(world.ctx, ()) == made[0]
    assert next_drop(world.ctx, {"0363"}) == theirs
    assert next_drop(world.ctx, {"0363", "0377"}) is None
    judge(world.ctx, made[0], world.tell)
    assert next_drop(world.ctx, ()) == made[1]


def test_deciding_twice_is_a_conflict_and_changes_nothing(world: World) -> None:
    drop = world.drop(NAME, A)
    before = drops.get(world.engine, drop.id)
    world.judge_all()
    told = world.events()
    judge(world.ctx, before, world.tell)
    assert world.told[-1] == ("decided_elsewhere", {"drop": drop.id})
    assert world.events() == told
    assert world.versions() == ["approved"]


def test_a_verdict_that_cannot_be_written_leaves_no_part_of_it(world: World) -> None:
    drop = world.drop(NAME, A)
    before = (world.events(), world.stems())
    world.engine.rows("pragma query_only = on")
    with pytest.raises(Temporary):
        judge(world.ctx, drop, world.tell)
    world.engine.rows("pragma query_only = off")
    assert (world.events(), world.stems()) == before
    assert world.judge_all() == 1
    assert world.versions() == ["approved"]


# --- held -------------------------------------------------------------------------------------------------------------


def test_three_faults_of_the_worker_hold_a_drop_and_the_clock_runs_on(world: World) -> None:
    world.faults[NAME] = ATTEMPTS
    drop = world.drop(NAME, A)
    assert world.judge_all() == ATTEMPTS
    assert state(world, drop) is DropState.HELD
    assert world.outcomes(drop) == ["ONTVANGEN", "AANGEHOUDEN"]
    assert world.events(of=drop) == ["received", "held"]
    assert [event for event, _ in world.told] == ["examination_failed"] * ATTEMPTS
    owed = deadlines.find(world.engine, "technical", drop.id)
    assert owed is not None
    assert owed.met_at is None
    assert next_drop(world.ctx, ()) is None


def test_two_faults_are_forgiven(world: World) -> None:
    world.faults[NAME] = ATTEMPTS - 1
    drop = world.drop(NAME, A)
    assert world.judge_all() == ATTEMPTS
    assert world.outcomes(drop) == ["ONTVANGEN", "GOEDGEKEURD"]


def test_a_released_drop_is_judged(world: World) -> None:
    world.faults[NAME] = ATTEMPTS
    drop = world.drop(NAME, A)
    world.judge_all()
    release(world.ctx, drop, "memory doubled", "operator")
    assert state(world, drop) is DropState.RECEIVED
    world.judge_all()
    assert world.versions() == ["approved"]
    assert world.events(of=drop) == ["received", "held", "released", "decided", "approved"]


def test_a_drop_may_be_held_again_after_its_release(world: World) -> None:
    world.faults[NAME] = 2 * ATTEMPTS
    drop = world.drop(NAME, A)
    world.judge_all()
    release(world.ctx, drop, "let us see", "operator")
    assert world.judge_all() == ATTEMPTS
    assert state(world, drop) is DropState.HELD
    assert world.events(of=drop) == ["received", "held", "released", "held"]
    assert world.outcomes(drop) == ["ONTVANGEN", "AANGEHOUDEN"]


def test_what_is_not_held_cannot_be_released(world: World) -> None:
    drop = world.drop(NAME, A)
    with pytest.raises(Conflict):
        release(world.ctx, drop, "by mistake", "operator")
    assert world.events(of=drop) == ["received"]


def test_a_held_drop_does_not_stop_the_next_one(world: World) -> None:
    world.faults[NAME] = ATTEMPTS
    world.drop(NAME, A)
    world.drop(OTHER, cost_csv("SBW"))
    world.judge_all()
    assert world.versions("SBW") == ["approved"]


def test_a_mistake_in_the_code_holds_the_drop_it_shows_on_and_says_no_value(world: World) -> None:
    drop = world.drop(NAME, A)

    def mistaken(_job: object) -> Examination:
        raise TypeError("999990019")

    ctx = replace(world.ctx, examine=mistaken)
    for _ in range(ATTEMPTS):
        judge(ctx, drop, world.tell)
    assert state(world, drop) is DropState.HELD
    assert "999990019" not in str(world.told)


def test_a_drop_without_its_payload_is_held_and_does_not_stop_the_next_one(world: World) -> None:
    drop = world.drop(NAME, A)
    world.drop(OTHER, cost_csv("SBW"))
    world.engine.run("update payloads set body = null where drop_id = :id", id=drop.id)
    world.judge_all()
    assert state(world, drop) is DropState.HELD
    assert world.versions("SBW") == ["approved"]


def test_a_drop_that_was_overtaken_while_it_was_held_never_counts(world: World) -> None:
    world.faults[NAME] = ATTEMPTS
    old = world.drop(NAME, A)
    world.judge_all()
    new = world.drop(NAME, B)
    world.judge_all()
    release(world.ctx, old, "mended", "operator")
    world.judge_all()
    assert world.versions() == ["approved", "superseded"]
    assert [each.version for each in deliveries.of_drop(world.engine, new.id)] == [1]
    assert world.events(of=old)[-2:] == ["decided", "overtaken"]
    assert world.outcomes(old)[-1] == "GOEDGEKEURD"


def test_a_released_drop_counts_when_the_newer_one_was_rejected(world: World) -> None:
    world.faults[NAME] = ATTEMPTS
    old = world.drop(NAME, A)
    world.judge_all()
    world.drop(NAME, spoilt())
    world.judge_all()
    release(world.ctx, old, "mended", "operator")
    world.judge_all()
    assert world.versions() == ["rejected", "approved"]


# --- rules and configuration ------------------------------------------------------------------------------------------


def lenient(world: World) -> None:
    """From now on one wrong record is forgiven."""
    rules = world.configuration.rules["2017H2"]
    round_ = replace(rules.round, max_error_records=1)
    changed = replace(rules, version="eeeeeeeeeeee", round=round_)
    world.configure(rules={"2017H2": changed}, rounds={"2017H2": round_})


def test_a_drop_is_judged_by_the_rules_of_its_receipt(world: World) -> None:
    strict = world.drop(NAME, spoilt(1))
    lenient(world)
    mild = world.drop(NAME, spoilt(2))
    world.judge_all()
    assert world.outcomes(strict)[-1] == "AFGEKEURD"
    assert world.outcomes(mild)[-1] == "GOEDGEKEURD"


def test_a_drop_of_a_round_that_left_the_configuration_is_judged_all_the_same(world: World) -> None:
    drop = world.drop(NAME, A)
    rules = world.configuration.rules["2017H2"]
    renamed = replace(rules, version="dddddddddddd", round=replace(rules.round, id="2018H1"))
    world.configure(rules={"2018H1": renamed}, rounds={"2018H1": renamed.round})
    world.judge_all()
    assert world.outcomes(drop) == ["ONTVANGEN", "GOEDGEKEURD"]


def test_a_drop_of_an_account_and_municipality_that_left_is_judged_all_the_same(world: World) -> None:
    drop = world.drop(NAME, A)
    people = world.configuration.participants
    left = replace(
        people,
        accounts={login: each for login, each in people.accounts.items() if login != "amsterdam"},
        municipalities={code: each for code, each in people.municipalities.items() if code != "0363"},
    )
    world.configure(participants=left)
    world.judge_all()
    assert state(world, drop) is DropState.DECIDED
    assert len(world.outcomes(drop)) == 2


# --- the whole, at random ---------------------------------------------------------------------------------------------

STEPS = st.one_of(
    st.tuples(st.just("drop"), st.sampled_from(["good", "bad"]), st.integers(1, 3), st.sampled_from([NAME, OTHER])),
    st.tuples(st.just("judge")),
    st.tuples(st.just("fault"), st.sampled_from([NAME, OTHER])),
    st.tuples(st.just("release")),
)


def content(name: str, sort: str, seed: int) -> bytes:
    if name == OTHER:
        return cost_csv("SBW", seed=seed) if sort == "good" else b"Gemeentecode;Taakveld\r\n0363;%d\r\n" % seed
    return wmo_csv(2, seed=seed) if sort == "good" else spoilt(seed)


def act(world: World, step: tuple[str | int, ...]) -> None:
    match step:
        case ("drop", str(sort), int(seed), str(name)):
            world.drop(name, content(name, sort, seed))
        case ("judge",):
            world.judge_all()
        case ("fault", str(name)):
            world.faults[name] = world.faults.get(name, 0) + ATTEMPTS
        case ("release",):
            for drop in drops.in_state(world.engine, DropState.HELD):
                release(world.ctx, drop, "at random", "operator")


def should_count(world: World, name: str) -> str | None:
    """The id of the drop that must count for a name: the last to arrive whose verdict was good."""
    approved = [
        drop.id
        for drop in drops.recent(world.engine, 1000)
        if drop.file.name == name and "GOEDGEKEURD" in world.outcomes(drop)
    ]
    return approved[0] if approved else None


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(acts=st.lists(STEPS, min_size=3, max_size=14))
def test_whatever_happens_the_last_good_drop_counts_and_the_log_tells_why(
    tmp_path_factory: pytest.TempPathFactory, acts: list[tuple[str | int, ...]]
) -> None:
    world = World(tmp_path_factory.mktemp("world")).open("amsterdam")
    for step in acts:
        world.clock.forward(minutes=1)
        act(world, step)
    world.judge_all()
    assert replay(world.ctx) == []
    for name, kind in ((NAME, "WMO"), (OTHER, "SBW")):
        made = [each for each in deliveries.of_municipality(world.engine, "0363", "2017H2") if each.kind == kind]
        assert [each.version for each in made] == list(range(1, len(made) + 1))
        counting = [each.drop_id for each in made if each.state in ("approved", "assessed")]
        assert counting == [drop_id for drop_id in [should_count(world, name)] if drop_id]
    world.close()
