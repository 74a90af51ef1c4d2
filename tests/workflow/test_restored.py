"""An old ledger put back in a world that went on: everything is known, done again, or named; no mail leaves twice.

Does: a backup made midway, drops, mails, pick-ups and reminders after it, the old ledger put back, the same clock.
Touches: the temporary directory of a test.
Does not: use the command line (tests/story/test_restore).
"""

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from gateway.channel.mail import Done, Letter
from gateway.errors import GatewayError
from gateway.store import backups
from gateway.store.ledger import mails, reports
from gateway.store.sqlite import SQLite
from gateway.workflow import collect, restored
from gateway.workflow.duties import run_duties
from gateway.workflow.notify import send_due
from gateway.workflow.recover import differences, mirror, recover
from tests.samples import cost_csv, wmo_csv
from tests.world import World

WMO = "WMO_0363_2017H2.csv"
SBW = "SBW_0363_2017H2.csv"
JEUGD = "JEUGD_0363_2017H2.csv"


@dataclass
class Postbox:
    """A mail server of which one sees what arrived."""

    taken: list[Letter] = field(default_factory=list)

    def send(self, letters: Iterable[Letter], done: Done) -> None:
        for letter in letters:
            self.taken.append(letter)
            done(letter, None)

    def close(self) -> None:
        """Nothing is under way."""


@pytest.fixture
def post() -> Postbox:
    return Postbox()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path).open("amsterdam", "bloemendaal")
    yield made
    made.close()


def work(world: World, post: Postbox) -> None:
    """Everything that the running gateway does, once."""
    world.work()
    run_duties(world.ctx, world.tell)
    world.work()
    send_due(world.ctx, post, world.tell)


def back_up(world: World) -> backups.Backup:
    return backups.make(world.engine, world.folder / "backup.db", world.clock(), sandbox=False, open_copy=SQLite)


def put_back(world: World, made: backups.Backup) -> World:
    """The old ledger put back, an hour after the last event, and the gateway started on it."""
    world.close()
    world.clock.forward(hours=1)
    place = world.folder / "place.db"
    backups.bring(world.folder / "backup.db", made, place, SQLite)
    with closing(SQLite(place)) as engine:
        restored.close_gate(engine, world.clock(), made.moment)
        engine.scrub()
    backups.put(place, world.folder / "ledger.db", world.folder / "aside.db")
    again = World(world.folder, clock=world.clock, first_id=1_000_000).open()
    recover(again.ctx, edge=True)
    mirror(again.ctx)
    return again


def said(post: Postbox) -> list[tuple[str, str, str]]:
    """To whom, about what and in which words each mail was: a second one about the same thing is the same."""
    return [(letter.recipient, letter.subject, letter.text) for letter in post.taken]


def test_no_mail_is_sent_twice(world: World, post: Postbox) -> None:
    """A drop received before the backup and judged after it, a mail that waited in it, the duties of two days."""
    world.drop(WMO, wmo_csv(5))
    run_duties(world.ctx, world.tell)
    made = back_up(world)
    work(world, post)
    world.clock.forward(days=2)
    work(world, post)
    before = len(post.taken)
    again = put_back(world, made)
    work(again, post)
    assert len(post.taken) == before
    assert len(mails.pending(again.engine)) > 2
    assert restored.release(again.ctx, "operator", send_all=False)[0] == 0
    work(again, post)
    assert len(post.taken) == before
    assert before > 4
    again.close()


def test_what_happens_after_the_restore_is_mailed_once_released(world: World, post: Postbox) -> None:
    made = back_up(world)
    again = put_back(world, made)
    drop = again.drop(WMO, wmo_csv(5))
    work(again, post)
    assert post.taken == []
    new = [
        each.occasion for each in mails.pending(again.engine) if restored.is_new(again.engine, each, again.clock.moment)
    ]
    assert new == []
    again.clock.forward(minutes=1)
    later = again.drop(SBW, cost_csv("SBW"))
    work(again, post)
    sent, dropped = restored.release(again.ctx, "operator", send_all=False)
    work(again, post)
    assert (sent, dropped) == (1, len(mails.troubled(again.engine)))
    assert [later.short_id in letter.text for letter in post.taken] == [True]
    assert drop.short_id not in post.taken[0].text
    again.close()


def test_an_operator_may_send_everything_all_the_same(world: World, post: Postbox) -> None:
    world.drop(WMO, wmo_csv(5))
    world.work()
    made = back_up(world)
    again = put_back(world, made)
    waiting = len(mails.pending(again.engine))
    assert restored.release(again.ctx, "operator", send_all=True) == (waiting, 0)
    work(again, post)
    assert len(post.taken) >= waiting > 0
    with pytest.raises(GatewayError, match="no mail waits"):
        restored.release(again.ctx, "operator", send_all=True)
    again.close()


def test_what_was_acknowledged_after_the_backup_is_named_with_its_name_and_checksum(world: World) -> None:
    kept = world.drop(WMO, wmo_csv(5))
    made = back_up(world)
    lost = world.drop(SBW, cost_csv("SBW"))
    world.work()
    again = put_back(world, made)
    again.work()
    mirror(again.ctx)
    found = differences(again.ctx)
    asked = [
        each.what for each in found if not each.mends and lost.short_id in each.subject and "_OB_" not in each.subject
    ]
    assert any(f"ask 0363 to deliver {SBW} (SHA-256 {lost.file.sha256}) again" in what for what in asked)
    assert not [each for each in found if kept.short_id in each.subject]
    assert any("gateway mail release" in each.what for each in found)
    again.close()


def test_a_drop_judged_after_the_backup_is_judged_again_and_its_files_are_its_own(world: World) -> None:
    drop = world.drop(WMO, wmo_csv(5))
    made = back_up(world)
    world.work()
    again = put_back(world, made)
    assert [each.what for each in differences(again.ctx) if drop.short_id in each.subject and each.mends] != []
    again.work()
    mirror(again.ctx)
    assert again.outcomes(drop) == ["ONTVANGEN", "GOEDGEKEURD"]
    assert [each for each in differences(again.ctx) if drop.short_id in each.subject] == []
    again.close()


def test_a_pick_up_after_the_backup_is_seen_in_the_folder(world: World) -> None:
    drop = world.drop(WMO, wmo_csv(5))
    world.work()
    made = back_up(world)
    technical = world.reports_of(drop)[1]
    collect.confirm(world.ctx, world.account("amsterdam"), technical.id)
    again = put_back(world, made)
    assert reports.get(again.engine, technical.id).confirmed_at is not None
    again.close()


def test_a_lost_file_that_is_delivered_again_is_a_drop_like_any_other(world: World) -> None:
    made = back_up(world)
    world.drop(JEUGD, cost_csv("JEUGD"))
    world.work()
    again = put_back(world, made)
    fresh = again.drop(JEUGD, cost_csv("JEUGD"))
    again.work()
    assert fresh.repeat_of is None
    assert again.outcomes(fresh) == ["ONTVANGEN", "GOEDGEKEURD"]
    again.close()


def test_the_log_tells_of_the_restore(world: World) -> None:
    made = back_up(world)
    again = put_back(world, made)
    assert "restored" in again.events()
    again.close()


def test_a_stranger_in_the_outbox_is_named_as_such(world: World) -> None:
    (world.spool.outbox / "0363" / "notes.txt").write_bytes(b"mine")
    found = [each for each in differences(world.ctx) if each.subject == "notes"]
    assert [(each.what, each.mends) for each in found] == [
        ("file in the outbox that is no report of the gateway", False)
    ]
