"""Hand-over: which files, which manifests, and a courier that fails in every way."""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.errors import Temporary
from gateway.store.ledger import handovers, log
from gateway.store.ledger.withdrawals import Withdrawal, add
from gateway.workflow import assessor, handover
from gateway.workflow.assess import assess_all
from gateway.workflow.sending import BACK_OFF, push_all
from tests.reports.judge import valid
from tests.samples import cost_csv, wmo_csv, zipped
from tests.world import World

NAME = "WMO_0363_2017H2.csv"
AFTER = datetime(2018, 3, 24, 8, tzinfo=UTC)


class Server:
    """The assessor's server. `trouble` fails the files that are named, `down` everything, `cut` after so many."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.put: list[str] = []
        self.down = False
        self.trouble: set[str] = set()
        self.cut: int | None = None

    def __call__(self, parcels: Iterable[tuple[str, bytes]]) -> Iterator[tuple[tuple[str, bytes], Temporary | None]]:
        """As `channel.push.send`."""
        if self.down:
            raise Temporary("no route to host")
        for number, (name, body) in enumerate(parcels):
            if self.cut is not None and number >= self.cut:
                return
            if any(part in name for part in self.trouble):
                yield (name, body), Temporary("disk full there")
                continue
            self.files[name] = body
            self.put.append(name)
            yield (name, body), None

    def manifests(self) -> list[dict[str, Any]]:
        """The manifests that arrived, in order."""
        names = [name for name in self.put if name.startswith("manifest")]
        return [valid("manifest", self.files[name]) for name in names]


def work(world: World) -> None:
    world.judge_all()
    assess_all(world.ctx, world.tell)


def withdraw(world: World, kind: str, withdrawn: bool = True) -> None:
    """Amsterdam takes an item back."""
    add(world.engine, Withdrawal("0363", "2017H2", kind, "2017H2", withdrawn, "amsterdam", "sftp", world.clock()))


def listed(document: dict[str, Any]) -> set[tuple[str, str, int]]:
    return {(each["municipality"], each["kind"], each["version"]) for each in document["files"]}


def standing(world: World) -> dict[str, Any]:
    """The manifest in the assessor's folder."""
    return valid("manifest", assessor.shown(world.ctx, "2017H2", "overdracht")["manifest.json"].read())


# --- which files ------------------------------------------------------------------------------------------------------


def test_what_counts_and_is_not_withdrawn_is_handed_over(world: World) -> None:
    world.drop(NAME, wmo_csv(20))
    world.drop("MSD.zip", zipped({"SBW_0363_2017H2.csv": cost_csv("SBW"), "JEUGD_0363_2017H2.csv": b"kapot"}))
    world.drop("WMO_0377_2017H2.csv", wmo_csv(5, municipality="0377"), login="bloemendaal", code="0377")
    work(world)
    world.drop(NAME, wmo_csv(21))
    work(world)
    assert listed(standing(world)) == {("0363", "WMO", 2), ("0363", "SBW", 1), ("0377", "WMO", 1)}
    withdraw(world, "WMO")
    assert listed(standing(world)) == {("0363", "SBW", 1), ("0377", "WMO", 1)}
    withdraw(world, "WMO", withdrawn=False)
    assert ("0363", "WMO", 2) in listed(standing(world))
    shown = assessor.shown(world.ctx, "2017H2", "overdracht")
    for each in standing(world)["files"]:
        body = shown[each["name"]].read()
        assert (len(body), sha256(body).hexdigest()) == (each["bytes"], each["sha256"])


def test_the_final_manifest_is_made_once_after_the_withdrawal_window(world: World) -> None:
    world.drop(NAME, wmo_csv(20))
    world.drop("SBW_0363_2017H2.csv", cost_csv("SBW"))
    work(world)
    world.clock.moment = datetime(2018, 3, 23, 22, 59, tzinfo=UTC)
    withdraw(world, "SBW")
    assert handover.finish(world.ctx, world.tell) == 0
    world.clock.moment = AFTER
    withdraw(world, "WMO")
    assert handover.finish(world.ctx, world.tell) == 1
    assert handover.finish(world.ctx, world.tell) == 0
    final = handovers.final(world.engine, "2017H2")
    assert final is not None
    assert listed(valid("manifest", final.body)) == {("0363", "WMO", 1)}
    assert (json.loads(final.body)["sort"], final.sha256) == ("final", sha256(final.body).hexdigest())
    shown = assessor.shown(world.ctx, "2017H2", "overdracht")["manifest-definitief.json"]
    assert shown.read() == final.body
    assert world.events().count("manifest_final") == 1


def test_the_final_manifest_waits_for_the_last_verdict(world: World) -> None:
    drop = world.drop(NAME, wmo_csv(20))
    world.clock.moment = AFTER
    assert handover.finish(world.ctx, world.tell) == 0
    work(world)
    assert handover.finish(world.ctx, world.tell) == 1
    final = handovers.final(world.engine, "2017H2")
    assert final is not None
    assert [each["drop_id"] for each in json.loads(final.body)["files"]] == [drop.short_id]


# --- pushing ----------------------------------------------------------------------------------------------------------


def test_files_then_a_manifest_and_nothing_twice(world: World) -> None:
    server = Server()
    assert push_all(world.ctx, server, world.tell) == 0
    drop = world.drop(NAME, wmo_csv(20))
    work(world)
    assert push_all(world.ctx, server, world.tell) == 2
    (document,) = server.manifests()
    assert listed(document) == {("0363", "WMO", 1)}
    assert server.files[document["files"][0]["name"]] == wmo_csv(20)
    assert world.events(of=drop).count("handed_over") == 1
    assert push_all(world.ctx, server, world.tell) == 0
    world.drop(NAME, wmo_csv(21))
    work(world)
    assert push_all(world.ctx, server, world.tell) == 2
    withdraw(world, "WMO")
    assert push_all(world.ctx, server, world.tell) == 1
    assert [listed(each) for each in server.manifests()] == [{("0363", "WMO", 1)}, {("0363", "WMO", 2)}, set()]
    assert [each["number"] for each in server.manifests()] == [1, 2, 3]


def test_the_final_manifest_is_pushed_and_ends_it(world: World) -> None:
    server = Server()
    world.drop(NAME, wmo_csv(20))
    work(world)
    push_all(world.ctx, server, world.tell)
    world.clock.moment = AFTER
    handover.finish(world.ctx, world.tell)
    assert push_all(world.ctx, server, world.tell) == 1
    assert server.put[-1] == "manifest-definitief.json"
    assert push_all(world.ctx, server, world.tell) == 0


def test_what_is_down_is_tried_again_with_growing_pauses(world: World) -> None:
    server = Server()
    server.down = True
    world.drop(NAME, wmo_csv(20))
    work(world)
    for attempt, pause in enumerate((*BACK_OFF, BACK_OFF[-1], BACK_OFF[-1]), 1):
        assert push_all(world.ctx, server, world.tell) == 0
        (push,) = handovers.pushes(world.engine, "2017H2")
        assert (push.attempts, push.next_try_at, push.reason) == (attempt, world.clock() + pause, "no route to host")
        assert push_all(world.ctx, server, world.tell) == 0
        assert handovers.pushes(world.engine, "2017H2")[0].attempts == attempt
        world.clock.moment = push.next_try_at
    server.down = False
    assert push_all(world.ctx, server, world.tell) == 2


def test_no_manifest_before_all_that_it_names_is_there(world: World) -> None:
    server = Server()
    world.drop(NAME, wmo_csv(20))
    world.drop("SBW_0363_2017H2.csv", cost_csv("SBW"))
    work(world)
    second = handovers_names(world)[1]
    server.trouble = {second}
    assert push_all(world.ctx, server, world.tell) == 1
    assert server.manifests() == []
    world.clock.forward(hours=2)
    server.trouble = set()
    assert push_all(world.ctx, server, world.tell) == 2
    assert listed(server.manifests()[0]) == {("0363", "WMO", 1), ("0363", "SBW", 1)}


def handovers_names(world: World) -> list[str]:
    """Names of the files that stand, first approved first."""
    round_ = world.configuration.rounds["2017H2"]
    return [handover.file_name(file) for file in handover.standing(world.ctx, round_)]


def test_what_was_withdrawn_before_its_turn_is_not_sent_and_may_come_back(world: World) -> None:
    server = Server()
    server.down = True
    world.drop(NAME, wmo_csv(20))
    work(world)
    push_all(world.ctx, server, world.tell)
    server.down = False
    withdraw(world, "WMO")
    world.clock.forward(hours=1)
    push_all(world.ctx, server, world.tell)
    assert server.files == {}
    withdraw(world, "WMO", withdrawn=False)
    assert push_all(world.ctx, server, world.tell) == 2


class Killed(BaseException):
    """The process died here."""


def test_a_file_that_arrived_and_was_not_noted_is_put_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server()
    world.drop(NAME, wmo_csv(20))
    work(world)

    def die(*args: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(handovers, "sent", die)
        with pytest.raises(Killed):
            push_all(world.ctx, server, world.tell)
    assert push_all(world.ctx, server, world.tell) == 2
    assert len(server.put) == 3
    assert len(server.files) == 2
    assert [line.event for line in log.everything(world.engine)].count("handed_over") == 2


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("drop"), st.sampled_from(["WMO", "SBW"])),
        st.tuples(st.just("withdraw"), st.sampled_from(["WMO", "SBW"])),
        st.tuples(st.just("reinstate"), st.sampled_from(["WMO", "SBW"])),
        st.tuples(st.just("push"), st.sampled_from(["up", "down", "cut", "trouble"])),
        st.tuples(st.just("wait"), st.just("")),
    ),
    max_size=14,
)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_in_the_end_the_last_manifest_names_what_counts_and_all_of_it_is_there(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, str]]
) -> None:
    world = World(tmp_path_factory.mktemp("world")).open("amsterdam")
    server, version = Server(), 0
    for step, what in steps:
        if step == "drop":
            version += 1
            body = wmo_csv(3, seed=version) if what == "WMO" else cost_csv("SBW", seed=version)
            world.drop(f"{what}_0363_2017H2.csv", body)
            work(world)
        elif step in ("withdraw", "reinstate"):
            withdraw(world, what, withdrawn=step == "withdraw")
        elif step == "push":
            server.down, server.trouble = what == "down", {"manifest"} if what == "trouble" else set()
            server.cut = 1 if what == "cut" else None
            push_all(world.ctx, server, world.tell)
        world.clock.forward(minutes=30)
    server.down, server.trouble, server.cut = False, set(), None
    world.clock.forward(hours=3)
    push_all(world.ctx, server, world.tell)
    counts = {
        (file.municipality, file.kind, file.version): file.sha256
        for file in handover.standing(world.ctx, world.configuration.rounds["2017H2"])
    }
    manifests = server.manifests()
    assert (listed(manifests[-1]) if manifests else set()) == set(counts)
    for document in manifests:
        for each in document["files"]:
            assert sha256(server.files[each["name"]]).hexdigest() == each["sha256"]
    world.close()
