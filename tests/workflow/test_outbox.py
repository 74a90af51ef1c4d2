"""Publishing, pick-up, and the outbox as a mirror of the ledger.

Does: publishes, confirms, removes and moves files by hand; compares folder and rows.
Touches: a temporary directory.
Does not: look inside reports.
"""

import os
import shutil
import threading
from collections.abc import Callable
from functools import partial

import pytest

from gateway.domain.model import Role
from gateway.errors import GatewayError, Temporary
from gateway.store.ledger import log, reports
from gateway.store.looks import SETTLED, Looks
from gateway.workflow import collect
from gateway.workflow.publish import publish, replace_missing
from gateway.workflow.recover import differences, mirror, recover
from tests.samples import wmo_csv
from tests.world import World, tree

NAME = "WMO_0363_2017H2.csv"
A = wmo_csv(3)


def rows(world: World) -> dict[str, bytes]:
    """Every report file as the folders should hold it."""
    found = world.engine.rows(
        """select f.name, f.body, r.confirmed_at, f.municipality from report_files as f
           join reports as r on r.id = f.report_id"""
    )
    return {
        "/".join((row["municipality"], *(["opgehaald"] if row["confirmed_at"] else []), row["name"])): row["body"]
        for row in found
    }


@pytest.fixture
def reported(world: World) -> str:
    """The id of a technical report that lies in the outbox."""
    drop = world.drop(NAME, A)
    world.work()
    return world.reports_of(drop)[-1].id


def test_reports_are_placed_once_and_logged_once(world: World, reported: str) -> None:
    assert tree(world.spool.outbox) == rows(world)
    assert publish(world.ctx) == 0
    assert world.events().count("placed") == 2
    assert reports.get(world.engine, reported).placed_at == world.clock()


def test_the_json_appears_last(world: World) -> None:
    drop = world.drop(NAME, A)
    world.judge_all()
    for report in world.reports_of(drop):
        assert [file.name.rpartition(".")[2] for file in reports.files(world.engine, report.id)][-1] == "json"


def test_more_reports_than_one_batch_are_all_placed(world: World) -> None:
    for seed in range(60):
        world.drop(NAME, wmo_csv(2, seed=seed))
    world.judge_all()
    assert publish(world.ctx) == 120
    assert tree(world.spool.outbox) == rows(world)


def test_an_outbox_that_takes_no_report_keeps_nobody_else_from_theirs(world: World) -> None:
    first = world.drop(NAME, A)
    world.drop("WMO_0377_2017H2.csv", wmo_csv(4), login="bloemendaal", code="0377")
    # Who may write there knows a report's name before it is placed.
    name = reports.files(world.engine, world.reports_of(first)[0].id)[0].name
    (world.spool.outbox / "0363" / name).mkdir()
    with pytest.raises(Temporary):
        publish(world.ctx)
    assert [each.municipality for each in reports.unplaced(world.engine)] == ["0363"]
    (world.spool.outbox / "0363" / name).rmdir()
    assert publish(world.ctx) == 1
    assert tree(world.spool.outbox) == rows(world)


def test_an_outbox_that_cannot_be_mended_keeps_nobody_else_from_theirs(world: World, reported: str) -> None:
    world.drop("WMO_0377_2017H2.csv", wmo_csv(4), login="bloemendaal", code="0377")
    world.work()
    name = reports.files(world.engine, reported)[0].name
    for code in ("0363", "0377"):
        for path in (world.spool.outbox / code).glob("*.*"):
            path.unlink()
    (world.spool.outbox / "0363" / name).mkdir()
    with pytest.raises(Temporary):
        mirror(world.ctx)
    assert set(tree(world.spool.outbox / "0377")) == {
        name.removeprefix("0377/") for name in rows(world) if name.startswith("0377/")
    }
    (world.spool.outbox / "0363" / name).rmdir()
    mirror(world.ctx)
    assert tree(world.spool.outbox) == rows(world)


def test_reading_notes_it_and_hides_nothing(world: World, reported: str) -> None:
    before = tree(world.spool.outbox)
    world.clock.forward(hours=1)
    collect.observed(world.ctx, world.account("amsterdam"), reported)
    first = reports.get(world.engine, reported).collected_at
    world.clock.forward(hours=1)
    collect.observed(world.ctx, world.account("amsterdam"), reported)
    assert reports.get(world.engine, reported).collected_at == first
    assert tree(world.spool.outbox) == before
    assert world.events().count("collected") == 1


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.ASSESSOR])
def test_those_who_only_look_do_not_collect(world: World, reported: str, role: Role) -> None:
    login = "operator" if role is Role.OPERATOR else "cbs"
    collect.observed(world.ctx, world.account(login), reported)
    assert reports.get(world.engine, reported).collected_at is None
    assert "collected" not in world.events()


def test_confirming_moves_the_whole_set_once(world: World, reported: str) -> None:
    for _ in range(2):
        collect.confirm(world.ctx, world.account("amsterdam"), reported)
    found = reports.get(world.engine, reported)
    assert found.confirmed_at == found.collected_at == world.clock()
    assert tree(world.spool.outbox) == rows(world)
    assert {entry.stem for entry in reports.entries(world.engine, "0363", confirmed=True)} == {found.stem}
    assert world.events().count("confirmed") == 1
    assert reported not in [each.id for each in reports.uncollected(world.engine)]


def test_a_report_that_is_confirmed_before_it_is_placed_ends_in_opgehaald(world: World) -> None:
    drop = world.drop(NAME, A)
    report = world.reports_of(drop)[0]
    collect.confirm(world.ctx, world.account("amsterdam"), report.id)
    publish(world.ctx)
    assert tree(world.spool.outbox) == rows(world)
    assert differences(world.ctx) == []


def test_a_confirmed_report_that_a_crash_left_in_the_outbox_is_filed_away(world: World, reported: str) -> None:
    found = reports.get(world.engine, reported)
    reports.mark_confirmed(world.engine, reported, 1)
    assert {each.what for each in differences(world.ctx)} == {
        "report file missing from its folder",
        "confirmed report file not yet filed away",
    }
    mirror(world.ctx)
    assert tree(world.spool.outbox) == rows(world)
    assert [path for path in rows(world) if found.stem in path and "opgehaald" in path] != []
    assert differences(world.ctx) == []


def test_a_missing_file_is_made_again_and_is_no_pick_up(world: World, reported: str) -> None:
    wanted = tree(world.spool.outbox)
    shutil.rmtree(world.spool.outbox)
    recover(world.ctx, edge=True)
    mirror(world.ctx)
    assert tree(world.spool.outbox) == wanted
    assert reports.get(world.engine, reported).collected_at is None
    assert replace_missing(world.ctx, "0363") == 0


def test_moving_one_file_of_a_set_by_hand_confirms_the_set(world: World, reported: str) -> None:
    found = reports.get(world.engine, reported)
    folder = world.spool.outbox / "0363"
    (folder / f"{found.stem}.html").rename(folder / "opgehaald" / f"{found.stem}.html")
    mirror(world.ctx)
    assert reports.get(world.engine, reported).confirmed_at == world.clock()
    assert tree(world.spool.outbox) == rows(world)
    line = next(each for each in log.everything(world.engine) if each.event == "confirmed")
    assert (line.account, line.report_id) == ("watch", reported)


def test_leftovers_of_a_crash_are_swept_at_the_start(world: World, reported: str) -> None:
    world.land(world.attempt(NAME), A)
    (world.spool.outbox / "0363" / ".TR.json.0badcafe.new").write_bytes(b"half")
    (world.spool.inbox / "0363" / ".claimed" / "empty").mkdir()
    world.spool.stage("broken-off")
    recover(world.ctx, edge=False, publisher=False)
    assert (world.spool.inbox / ".staging" / "broken-off").exists()
    assert len(tree(world.spool.outbox)) == len(rows(world)) + 1
    recover(world.ctx, edge=True)
    assert not (world.spool.inbox / ".staging" / "broken-off").exists()
    assert not (world.spool.inbox / "0363" / ".claimed" / "empty").exists()
    assert tree(world.spool.outbox) == rows(world)
    assert len(world.spool.landed_folders()) == 1
    assert reports.get(world.engine, reported).placed_at is not None


def test_publishing_mirroring_and_confirming_at_once_agree_in_the_end(world: World) -> None:
    made = [world.drop(NAME, wmo_csv(2, seed=seed)) for seed in range(12)]
    ids = [report.id for drop in made for report in world.reports_of(drop)]
    failures: list[str] = []

    def run(*steps: Callable[[], object]) -> None:
        for step in steps:
            try:
                step()
            except (GatewayError, OSError) as error:
                failures.append(repr(error))

    account = world.account("amsterdam")
    works: list[list[Callable[[], object]]] = [
        [partial(publish, world.ctx)] * 5,
        [partial(mirror, world.ctx)] * 5,
        [partial(collect.confirm, world.ctx, account, each) for each in ids],
    ]
    threads = [threading.Thread(target=run, args=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    mirror(world.ctx)
    assert failures == []
    assert tree(world.spool.outbox) == rows(world)
    assert differences(world.ctx) == []
    assert world.events().count("placed") == world.events().count("confirmed") == 12


def quiet(world: World) -> tuple[Looks, list[float]]:
    """Looks that know the outbox as it agrees with the ledger, and their clock."""
    technical = [0.0]
    looks = Looks(lambda: technical[0], again=3600)
    for folder in (world.spool.outbox / "0363", world.spool.outbox / "0363" / "opgehaald"):
        os.utime(folder, (0, 0))
    for _ in range(2):
        mirror(world.ctx, looks)
        technical[0] += SETTLED
    mirror(world.ctx, looks)
    return looks, technical


def test_an_outbox_that_agreed_and_is_unchanged_is_compared_once_an_hour(world: World, reported: str) -> None:
    looks, technical = quiet(world)
    # As a kill between ledger and folder leaves it; the next start compares everything.
    reports.mark_confirmed(world.engine, reported, 1)
    technical[0] += 3500
    mirror(world.ctx, looks)
    assert tree(world.spool.outbox) != rows(world)
    technical[0] += 100
    mirror(world.ctx, looks)
    assert tree(world.spool.outbox) == rows(world)


def test_a_file_that_goes_after_a_quiet_time_is_made_again(world: World, reported: str) -> None:
    looks, _ = quiet(world)
    name = reports.files(world.engine, reported)[0].name
    (world.spool.outbox / "0363" / name).unlink()
    mirror(world.ctx, looks)
    assert tree(world.spool.outbox) == rows(world)
    shutil.rmtree(world.spool.outbox / "0363")
    recover(world.ctx, edge=True)
    mirror(world.ctx, looks)
    assert tree(world.spool.outbox) == rows(world)


def test_a_move_after_a_quiet_time_confirms(world: World, reported: str) -> None:
    looks, _ = quiet(world)
    found = reports.get(world.engine, reported)
    folder = world.spool.outbox / "0363"
    (folder / f"{found.stem}.html").rename(folder / "opgehaald" / f"{found.stem}.html")
    mirror(world.ctx, looks)
    assert reports.get(world.engine, reported).confirmed_at is not None
    assert tree(world.spool.outbox) == rows(world)
