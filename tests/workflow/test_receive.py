"""From a landed upload to a drop: receipt, clock, log line; and what is a repeat.

Does: drops files into a real ledger with a clock moved by hand.
Touches: a temporary directory.
Does not: look inside reports (tests/reports).
"""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest

from gateway.domain.model import Drop, DropState, Lane
from gateway.errors import Corrupt, GatewayError, Temporary
from gateway.store.ledger import deadlines, drops, log
from gateway.store.ledger.reports import Filed
from gateway.workflow.receive import Received, receive
from tests.samples import cost_csv, wmo_csv, zipped
from tests.world import World

NAME = "WMO_0363_2017H2.csv"
A, B, C = wmo_csv(3, seed=1), wmo_csv(3, seed=2), wmo_csv(3, seed=3)


def as_json(world: World, report: Filed) -> Any:
    """The JSON of a report."""
    rows = world.engine.rows("select name, body from report_files where report_id = :id order by ordinal", id=report.id)
    assert rows[-1]["name"].endswith(".json")
    return json.loads(rows[-1]["body"])


def due_of(world: World, drop: Drop, kind: str = "technical") -> datetime | None:
    found = deadlines.find(world.engine, kind, drop.id)
    return found.due_at if found else None


# --- the receipt and the clock ----------------------------------------------------------------------------------------


def test_a_drop_has_bytes_receipt_due_date_and_log_line(world: World) -> None:
    drop = world.drop(NAME, A)
    assert drop.state is DropState.RECEIVED
    assert drop.received_at == world.clock()
    assert (drop.file.size, drop.file.sha256) == (len(A), sha256(A).hexdigest())
    assert drops.payload(world.engine, drop.id) == A
    assert world.outcomes(drop) == ["ONTVANGEN"]
    assert world.events(of=drop) == ["received"]
    said = as_json(world, world.reports_of(drop)[0])
    assert said["drop_id"] == drop.short_id
    assert said["file"] == {"name": NAME, "bytes": len(A), "sha256": sha256(A).hexdigest()}
    assert said["times"]["technical_due"].startswith("2018-02-15T23:59:59")


@pytest.mark.parametrize(
    ("received", "due"),
    [
        (datetime(2018, 2, 12, 8, tzinfo=UTC), datetime(2018, 2, 15, 22, 59, 59, 999000, tzinfo=UTC)),
        (datetime(2018, 2, 23, 8, tzinfo=UTC), datetime(2018, 2, 28, 22, 59, 59, 999000, tzinfo=UTC)),
        (datetime(2018, 3, 9, 8, tzinfo=UTC), datetime(2018, 3, 14, 22, 59, 59, 999000, tzinfo=UTC)),
        # A minute before midnight in Amsterdam it is still Monday there.
        (datetime(2018, 2, 12, 22, 59, tzinfo=UTC), datetime(2018, 2, 15, 22, 59, 59, 999000, tzinfo=UTC)),
        (datetime(2018, 2, 12, 23, 1, tzinfo=UTC), datetime(2018, 2, 16, 22, 59, 59, 999000, tzinfo=UTC)),
    ],
)
def test_the_technical_report_is_due_on_the_third_working_day(world: World, received: datetime, due: datetime) -> None:
    world.clock.moment = received
    drop = world.drop(NAME, A)
    assert due_of(world, drop) == due


def test_a_trial_owes_nothing(world: World) -> None:
    drop = world.drop(NAME, A, lane=Lane.TRIAL)
    assert due_of(world, drop) is None
    assert as_json(world, world.reports_of(drop)[0])["times"]["technical_due"] is None


def test_short_ids_are_unique_and_begin_with_the_local_day(world: World) -> None:
    world.clock.moment = datetime(2018, 2, 12, 23, 30, tzinfo=UTC)
    short = [world.drop(f"{kind}_0363_2017H2.csv", A).short_id for kind in ("WMO", "SBW", "JEUGD")]
    assert all(each.startswith("180213-") for each in short)
    assert len(set(short)) == 3


def test_a_taken_short_id_is_drawn_again(world: World) -> None:
    first = world.drop(NAME, A)
    drawn = iter([first.short_id.partition("-")[2], first.short_id.partition("-")[2], "00beef"])
    world.ctx = replace(world.ctx, random_hex=lambda _size: next(drawn))
    assert world.drop(NAME, B).short_id == "180212-00beef"


def test_a_landing_that_is_received_again_gives_the_same_answer(world: World) -> None:
    landing = world.land(world.attempt(NAME), A)
    first = receive(world.ctx, [landing])
    short_id = drops.get(world.engine, landing.facts.id).short_id
    assert first == {landing.facts.id: Received(short_id)}
    again = {landing.facts.id: Received(short_id, known=True)}
    assert receive(world.ctx, [landing]) == again
    assert world.events() == ["received"]
    world.spool.clear(landing.folder)
    assert receive(world.ctx, [landing]) == again


def test_a_repeat_that_is_received_again_gives_the_same_answer(world: World) -> None:
    first = world.drop(NAME, A)
    landing = world.land(world.attempt(NAME), A)
    answer, again = (receive(world.ctx, [landing])[landing.facts.id] for _ in range(2))
    assert isinstance(answer, Received)
    assert answer.repeat_of == first.short_id
    assert again == replace(answer, known=True)


def test_what_fails_alone_fails_alone(world: World) -> None:
    good, short, other, gone = (world.land(world.attempt(NAME), body) for body in (A, B, C, b"gone"))
    with (short.folder / "payload").open("ab") as payload:
        payload.write(b"more")
    (other.folder / "payload").write_bytes(b"x" * len(C))
    (gone.folder / "payload").unlink()
    answers = receive(world.ctx, [short, gone, good, other])
    assert isinstance(answers[good.facts.id], Received)
    assert all(isinstance(answers[each.facts.id], Corrupt) for each in (short, other, gone))
    assert [drop.id for drop in drops.recent(world.engine, 10)] == [good.facts.id]


def test_facts_that_no_configuration_knows_fail_alone(world: World) -> None:
    good, strange = world.land(world.attempt(NAME), A), world.land(world.attempt(NAME), B)
    strange = replace(strange, facts=replace(strange.facts, lane="elsewhere"))
    late = world.land(world.attempt(NAME), C)
    late = replace(late, facts=replace(late.facts, received_at=4_000_000_000_000))
    answers: dict[str, Received | GatewayError] = receive(world.ctx, [strange, late, good])
    assert isinstance(answers[good.facts.id], Received)
    assert isinstance(answers[strange.facts.id], Corrupt)
    assert isinstance(answers[late.facts.id], Corrupt)
    assert world.events() == ["received"]


def test_a_ledger_that_cannot_be_written_answers_all_at_once_and_keeps_the_landings(world: World) -> None:
    landings = [world.land(world.attempt(NAME), body) for body in (A, B)]
    world.engine.rows("pragma query_only = on")
    with pytest.raises(Temporary):
        receive(world.ctx, landings)
    world.engine.rows("pragma query_only = off")
    assert world.spool.landed_folders() == [landing.folder for landing in landings]
    assert all(isinstance(answer, Received) for answer in receive(world.ctx, landings).values())
    assert world.events() == ["received", "received"]


# --- repeats ----------------------------------------------------------------------------------------------------------


def test_the_same_content_again_is_a_repeat(world: World) -> None:
    first = world.drop(NAME, A)
    world.judge_all()
    world.clock.forward(hours=3)
    again = world.drop(NAME, A)
    assert again.repeat_of == first.id
    assert again.state is DropState.DECIDED
    assert world.outcomes(again) == ["HERHALING"]
    assert world.events(of=again) == ["repeated"]
    assert due_of(world, again) is None
    assert world.judge_all() == 0
    assert world.versions() == ["approved"]
    assert first.short_id in str(as_json(world, world.reports_of(again)[0]))


def test_a_repeat_of_a_repeat_names_the_first(world: World) -> None:
    first = world.drop(NAME, A)
    world.drop(NAME, A)
    assert world.drop(NAME, A).repeat_of == first.id


def test_a_repeat_of_an_undecided_drop(world: World) -> None:
    first = world.drop(NAME, A)
    assert world.drop(NAME, A).repeat_of == first.id
    assert world.judge_all() == 1
    assert world.versions() == ["approved"]


def test_a_repeat_of_a_held_drop(world: World) -> None:
    world.faults[NAME] = 3
    first = world.drop(NAME, A)
    world.judge_all()
    assert world.drop(NAME, A).repeat_of == first.id


def test_a_repeat_of_a_rejected_drop(world: World) -> None:
    first = world.drop(NAME, b"not;what;was;asked\r\n1;2;3;4\r\n")
    world.judge_all()
    assert world.drop(NAME, b"not;what;was;asked\r\n1;2;3;4\r\n").repeat_of == first.id


@pytest.mark.parametrize("decided", [True, False], ids=["decided", "undecided"])
def test_a_b_a_is_a_correction(world: World, decided: bool) -> None:
    for body in (A, B, A):
        assert world.drop(NAME, body).repeat_of is None
        if decided:
            world.judge_all()
    world.judge_all()
    assert world.versions() == ["superseded", "superseded", "approved"]


def test_another_item_in_between_makes_no_correction(world: World) -> None:
    first = world.drop(NAME, A)
    world.drop("SBW_0363_2017H2.csv", cost_csv("SBW"))
    world.drop("WMO_0363_2017H1.csv", wmo_csv(3, period="2017H1"))
    assert world.drop(NAME, A).repeat_of == first.id


def test_another_spelling_of_the_name_is_no_repeat_but_a_new_version(world: World) -> None:
    world.drop(NAME, A)
    assert world.drop("wmo_0363_2017H2.csv", A).repeat_of is None
    world.judge_all()
    assert world.versions() == ["superseded", "approved"]


def test_the_same_content_for_another_municipality_or_lane_is_no_repeat(world: World) -> None:
    world.drop(NAME, A)
    assert world.drop(NAME, A, lane=Lane.TRIAL).repeat_of is None
    assert world.drop(NAME, A, "bloemendaal", "0377").repeat_of is None


def test_under_other_rules_it_is_no_repeat(world: World) -> None:
    world.drop(NAME, A)
    world.judge_all()
    rules = world.configuration.rules["2017H2"]
    world.configure(rules={"2017H2": replace(rules, version="ffffffffffff")})
    again = world.drop(NAME, A)
    assert again.repeat_of is None
    assert again.rules_version == "ffffffffffff"
    assert world.judge_all() == 1
    assert world.versions() == ["superseded", "approved"]


def msd(*kinds: str, seed: int = 1) -> bytes:
    """A ZIP of data files."""
    made = {"WMO": wmo_csv(3, seed=seed), "SBW": cost_csv("SBW", seed=seed), "JEUGD": cost_csv("JEUGD", seed=seed)}
    return zipped({f"{kind}_0363_2017H2.csv": made[kind] for kind in kinds})


@pytest.mark.parametrize("decided", [True, False], ids=["decided", "undecided"])
def test_the_same_zip_again_is_a_repeat(world: World, decided: bool) -> None:
    first = world.drop("MSD.zip", msd("WMO", "SBW"))
    if decided:
        world.judge_all()
    assert world.drop("MSD.zip", msd("WMO", "SBW")).repeat_of == first.id


@pytest.mark.parametrize(
    ("name", "body", "is_repeat"),
    [
        (NAME, B, False),
        ("JEUGD_0363_2017H2.csv", cost_csv("JEUGD"), True),
        ("other.zip", msd("SBW", seed=2), False),
        ("other.zip", msd("JEUGD"), True),
    ],
    ids=["one of its items", "another item", "a ZIP with one of its items", "a ZIP without"],
)
def test_a_decided_zip_again_after_something_else(world: World, name: str, body: bytes, is_repeat: bool) -> None:
    first = world.drop("MSD.zip", msd("WMO", "SBW"))
    world.judge_all()
    world.drop(name, body)
    world.judge_all()
    assert world.drop("MSD.zip", msd("WMO", "SBW")).repeat_of == (first.id if is_repeat else None)


def test_a_file_again_after_a_zip_that_nobody_looked_into_yet_is_taken_as_new(world: World) -> None:
    world.drop(NAME, A)
    world.judge_all()
    world.drop("MSD.zip", msd("JEUGD"))
    assert world.drop(NAME, A).repeat_of is None


def test_an_undecided_zip_again_after_anything_is_taken_as_new(world: World) -> None:
    world.drop("MSD.zip", msd("WMO"))
    world.drop("JEUGD_0363_2017H2.csv", cost_csv("JEUGD"))
    assert world.drop("MSD.zip", msd("WMO")).repeat_of is None


@pytest.mark.parametrize("decided", [True, False], ids=["decided", "undecided"])
def test_a_file_of_an_odd_name_again_whatever_came_in_between(world: World, decided: bool) -> None:
    first = world.drop("overzicht.csv", A)
    if decided:
        world.judge_all()
    world.drop(NAME, B)
    world.drop("anders.csv", A)
    assert world.drop("overzicht.csv", A).repeat_of == first.id
    world.judge_all()
    assert world.outcomes(first) == ["ONTVANGEN", "AFGEKEURD"]


# --- what is kept with it ---------------------------------------------------------------------------------------------


def test_rules_are_kept_once_with_what_was_received_under_them(world: World) -> None:
    for body in (A, B):
        world.drop(NAME, body)
    kept = world.engine.rows("select version, body from rules")
    assert [row["version"] for row in kept] == [world.configuration.rules["2017H2"].version]
    assert "WMO" in kept[0]["body"]


def test_the_log_line_holds_names_and_counts_and_the_moment_of_receipt(world: World) -> None:
    drop = world.drop(NAME, A)
    line = log.of_drop(world.engine, drop.id)[0]
    assert (line.at, line.municipality, line.account) == (world.clock(), "0363", "amsterdam")
    assert line.detail["name"] == NAME
    assert line.detail["bytes"] == len(A)


def test_a_drop_that_waited_for_the_ledger_keeps_the_moment_of_its_close(world: World) -> None:
    landing = world.land(world.attempt(NAME), A)
    closed = world.clock()
    world.clock.forward(days=2)
    receive(world.ctx, [landing])
    drop = drops.get(world.engine, landing.facts.id)
    assert drop.received_at == closed
    assert due_of(world, drop) == closed.replace(day=15, hour=22, minute=59, second=59, microsecond=999000)
    assert world.clock() - closed == timedelta(days=2)
