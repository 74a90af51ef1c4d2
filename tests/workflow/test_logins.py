"""Keys of accounts: when each was used last, and who hears that one ends.

Does: notes logins and moves the clock by hand, over the days before the end of a key.
Touches: a temporary directory.
Does not: log in (tests/edge/test_means), or send (test_notify).
"""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from gateway.config import Configuration
from gateway.config.credentials import Expiring
from gateway.config.keys import fingerprint_of
from gateway.domain.model import PublicKey
from gateway.errors import Problem
from gateway.store.ledger import key_uses, log, mails
from gateway.workflow import logins
from gateway.workflow.duties import run_duties
from gateway.workflow.notify import DESK, _letter, desk, managers
from tests.world import World, shipped

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIPIrLIMcSBgytvL//Z/KwoGqOHxUFmlA4NJ+irVAL+D laptop"
NAME = fingerprint_of(KEY)
LAST = date(2018, 4, 20)


def with_key(days: int = 30) -> Configuration:
    """The shipped configuration, in which `amsterdam` has a key that ends."""
    configuration = shipped()
    people = configuration.participants
    account = replace(people.accounts["amsterdam"], keys=(PublicKey(KEY, LAST),))
    settings = configuration.settings
    sftp = settings.sftp.model_copy(update={"key_warning_days": days})
    return replace(
        configuration,
        settings=settings.model_copy(update={"sftp": sftp}),
        participants=replace(people, accounts={**people.accounts, "amsterdam": account}),
        expiring=(Expiring("amsterdam", NAME, LAST, Problem("participants.yaml", 1, 1, "accounts[0].keys[0]", "")),),
    )


def warned(world: World) -> list[tuple[str, str]]:
    """Local day and account of every warning that is owed."""
    found = mails.everything(world.engine)
    return [(f"{each.made_at:%m-%d}", each.account) for each in found if each.occasion == "key_expiring"]


def days_pass(world: World, until: date) -> None:
    while world.clock().date() < until:
        run_duties(world.ctx, world.tell)
        run_duties(world.ctx, world.tell)
        world.clock.forward(days=1)


def test_the_owner_the_manager_and_the_desk_hear_of_it_twice_and_no_more(world: World) -> None:
    world.configuration = with_key()
    days_pass(world, LAST + timedelta(days=20))
    codes = world.configuration.participants.accounts["amsterdam"].municipalities
    to = {"amsterdam", DESK, *(login for code in codes for login in managers(world.ctx, code))}
    told = set(desk(world.ctx))
    assert set(warned(world)) == {(day, login) for day in ("03-21", "04-13") for login in to | told}
    assert len(warned(world)) == len(set(warned(world)))


@pytest.mark.parametrize(("begins", "expected"), [("2018-04-15", 1), ("2018-04-20", 1), ("2018-04-21", 0)])
def test_after_downtime_only_what_still_helps_is_said(world: World, begins: str, expected: int) -> None:
    world.configuration = with_key()
    world.clock.moment = world.clock.moment.replace(month=4, day=int(begins[-2:]))
    run_duties(world.ctx, world.tell)
    run_duties(world.ctx, world.tell)
    assert [login for _, login in warned(world)].count("amsterdam") == expected


def test_a_short_notice_is_one_notice(world: World) -> None:
    world.configuration = with_key(days=3)
    days_pass(world, LAST + timedelta(days=5))
    assert [day for day, login in warned(world) if login == "amsterdam"] == ["04-17"]


def test_the_mail_says_which_key_and_what_to_do(world: World) -> None:
    world.configuration = with_key()
    world.clock.moment = world.clock.moment.replace(month=4, day=1)
    run_duties(world.ctx, world.tell)
    [owed] = [m for m in mails.everything(world.engine) if (m.occasion, m.account) == ("key_expiring", "amsterdam")]
    letter = _letter(world.ctx, owed)
    assert "amsterdam" in letter.subject
    said = " ".join(letter.text.split())
    for part in ("20 april 2018", "20 April 2018", NAME, ".pub"):
        assert part in said


def test_a_use_is_kept_once_an_hour_and_forgotten_with_the_log(world: World) -> None:
    world.configuration = with_key()
    first = world.clock()
    logins.note_use(world.ctx, "amsterdam", NAME)
    world.clock.forward(minutes=59)
    logins.note_use(world.ctx, "amsterdam", NAME)
    assert key_uses.everything(world.engine) == {"amsterdam": {NAME: first}}
    world.clock.forward(minutes=2)
    logins.note_use(world.ctx, "amsterdam", NAME)
    assert key_uses.everything(world.engine) == {"amsterdam": {NAME: world.clock()}}
    world.clock.forward(days=world.configuration.settings.retention.log_days + 1)
    logins.note_use(world.ctx, "cbs", "password")
    assert key_uses.everything(world.engine) == {"cbs": {"password": world.clock()}}


def test_a_login_stands_in_the_message_log_of_the_own_municipality_once_an_hour(world: World) -> None:
    logins.note_use(world.ctx, "amsterdam", NAME)
    logins.note_use(world.ctx, "amsterdam", NAME)
    world.clock.forward(minutes=61)
    logins.note_use(world.ctx, "amsterdam", NAME)
    logins.note_use(world.ctx, "bloemendaal", NAME)
    logins.note_use(world.ctx, "cbs", NAME)
    noted = [(line.municipality, line.account) for line in log.everything(world.engine) if line.event == "login"]
    assert noted == [("0363", "amsterdam"), ("0363", "amsterdam"), ("0377", "bloemendaal")]


def test_every_key_is_told_with_its_last_use_and_its_state(world: World) -> None:
    world.configuration = with_key()
    logins.note_use(world.ctx, "amsterdam", NAME)
    logins.note_use(world.ctx, "amsterdam", "SHA256:of-a-certificate")
    mine = [key for key in logins.keys(world.ctx) if key.login == "amsterdam"]
    assert [(key.key, key.comment, key.expires, key.certified) for key in mine] == [
        (NAME, "laptop", LAST, False),
        ("SHA256:of-a-certificate", "", None, True),
    ]
    assert {key.last_used for key in mine} == {world.clock()}
    states = [mine[0].state(day, 30) for day in (date(2018, 3, 20), date(2018, 3, 21), LAST, date(2018, 4, 21))]
    assert states == ["in force", "expires soon", "expires soon", "expired"]
