"""What `differences` must notice: every sort of disagreement, by its name, and nothing when all is well.

Does: breaks folders and ledger by hand, one way at a time.
Touches: a temporary directory.
Does not: mend.
"""

from collections.abc import Callable

import pytest

from gateway.store.ledger import log
from gateway.workflow.recover import differences, replay
from tests.samples import wmo_csv
from tests.world import World

NAME = "WMO_0363_2017H2.csv"


@pytest.fixture
def worked(world: World) -> World:
    """Two versions, one of them judged after it was held."""
    world.faults[NAME] = 3
    world.drop(NAME, wmo_csv(2, seed=1))
    world.judge_all()
    world.drop(NAME, wmo_csv(2, seed=2))
    world.work()
    return world


def test_when_all_is_well_there_is_nothing_to_say(worked: World) -> None:
    assert differences(worked.ctx) == []


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("update drops set state = 'decided' where state = 'held'", "log and drops tell different states"),
        ("update deliveries set state = 'rejected'", "log and deliveries tell different states"),
        ("delete from log where event = 'approved'", "log and deliveries tell different states"),
        ("delete from log where event = 'held'", "log and drops tell different states"),
        ("update reports set placed_at = null", "report not yet placed"),
    ],
)
def test_rows_that_do_not_fit_are_noticed(worked: World, statement: str, what: str) -> None:
    worked.engine.run(statement)
    assert what in {each.what for each in differences(worked.ctx)}


def repeat_decision(world: World) -> None:
    line = next(line for line in log.everything(world.engine) if line.event == "decided")
    log.append(world.engine, line)


def lose_a_report(world: World) -> None:
    next((world.spool.outbox / "0363").glob("*.json")).unlink()


def leave_a_landing(world: World) -> None:
    world.land(world.attempt(NAME), b"new")


def leave_a_claim(world: World) -> None:
    path = world.spool.inbox / "0363" / "WMO_0363_2017H1.csv"
    path.write_bytes(b"new")
    world.spool.claim(path, "0363", "inbox", "id")


@pytest.mark.parametrize(
    ("spoil", "what", "mends"),
    [
        (repeat_decision, "log line 'decided' does not fit", False),
        (lose_a_report, "report file missing from its folder", True),
        (leave_a_landing, "landed and not yet received", True),
        (leave_a_claim, "claimed and not yet landed", True),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_each_disagreement_has_its_name(worked: World, spoil: Callable[[World], None], what: str, mends: bool) -> None:
    spoil(worked)
    assert [(each.what, each.mends) for each in differences(worked.ctx)] == [(what, mends)]


def test_replay_follows_every_drop_and_delivery(worked: World) -> None:
    assert replay(worked.ctx) == []
    assert {"received", "held", "decided", "approved"} <= set(worked.events())
