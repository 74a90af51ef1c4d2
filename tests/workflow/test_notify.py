"""Mails that are owed and sent: to whom, once, again with patience, and given up aloud.

Does: owes in the transactions of real steps; sends to a real mail server or through a post that says what it is told.
Touches: a temporary directory, the loopback interface.
Does not: word a mail (tests/reports) or speak SMTP (tests/channel).
"""

import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.channel.mail import Done, FolderPost, Letter, SmtpPost
from gateway.domain.model import Account, Lane, Role
from gateway.errors import GatewayError, Temporary, Undeliverable
from gateway.store.durable import write_durably
from gateway.store.ledger import drops, log, mails
from gateway.workflow.judge import ATTEMPTS, release
from gateway.workflow.loops import Mailing
from gateway.workflow.notify import BACK_OFF, DESK, Notice, deliverers, desk, managers, owe, owe_quality, send_due
from tests.channel.server import OK, SILENCE, Behaviour, MailServer, settings
from tests.samples import wmo_csv, zipped
from tests.world import World

NAME = "WMO_0363_2017H2.csv"
BODY = wmo_csv(3, seed=1)
NOTICE = Notice("extension", "x", ("0363",), ("until",), {"until": "2018-03-14"})


@dataclass
class Told:
    """A post whose answer a test chooses; it remembers what it was offered."""

    answer: Callable[[Letter], GatewayError | None] = lambda _letter: None
    offered: list[Letter] = field(default_factory=list)

    def send(self, letters: Iterable[Letter], done: Done) -> None:
        for letter in letters:
            self.offered.append(letter)
            done(letter, self.answer(letter))

    def close(self) -> None:
        """Nothing to break off."""


def owed(world: World, occasion: str | None = None) -> list[mails.Notification]:
    return [each for each in mails.everything(world.engine) if occasion in (None, each.occasion)]


def to(world: World, occasion: str) -> list[str]:
    return sorted(each.account for each in owed(world, occasion))


def account(login: str, *roles: Role, codes: tuple[str, ...] = ("0363",), email: str = "") -> Account:
    return Account(login, login.title(), email or f"{login}@example.nl", frozenset(roles), codes)


def people(world: World, *more: Account) -> None:
    """Add accounts to the configuration in force."""
    found = world.configuration.participants
    accounts = {**found.accounts, **{each.login: each for each in more}}
    world.configure(participants=replace(found, accounts=accounts))


# --- to whom ----------------------------------------------------------------------------------------------------------


def test_a_member_is_heard_of_by_its_own_people_and_its_leads(world: World) -> None:
    assert deliverers(world.ctx, "0473") == ("bloemendaal", "zandvoort")
    assert deliverers(world.ctx, "0377") == ("bloemendaal",)
    assert managers(world.ctx, "0473") == ("bloemendaal", "zandvoort")


def test_roles_decide_and_the_foundation_hears_nothing_of_a_municipality(world: World) -> None:
    people(world, account("baas", Role.GEBRUIKERSBEHEERDER), account("doener", Role.PRODUCTBEHEERDER))
    assert deliverers(world.ctx, "0363") == ("amsterdam", "doener")
    assert managers(world.ctx, "0363") == ("amsterdam", "baas")


def test_the_desk_is_its_address_and_every_operator_with_another(world: World) -> None:
    assert desk(world.ctx) == (DESK, "operator")
    same = world.configuration.settings.desks.access.mail
    people(world, account("zelfde", Role.OPERATOR, codes=(), email=same))
    assert desk(world.ctx) == (DESK, "operator")


# --- once -------------------------------------------------------------------------------------------------------------


def test_nobody_hears_twice_of_one_thing_on_one_occasion(world: World) -> None:
    assert owe(world.ctx, NOTICE, ("amsterdam", "operator")) == 2
    assert owe(world.ctx, NOTICE, ("amsterdam", "operator")) == 0
    assert owe(world.ctx, replace(NOTICE, subject="y"), ("amsterdam",)) == 1


def test_a_verdict_owes_one_mail_a_person_however_many_files_it_held(world: World) -> None:
    members = {f"{kind}_0363_2017H2.csv": BODY for kind in ("WMO",)} | {"WMO_0363_2017H1.csv": wmo_csv(3, seed=2)}
    drop = world.drop("MSD.zip", zipped(members))
    world.work()
    assert to(world, "technical") == ["amsterdam"]
    [mail] = owed(world, "technical")
    assert (mail.drop_id, mail.municipality, mail.state) == (drop.id, "0363", "pending")


def test_a_drop_of_the_lead_is_told_to_the_member_too(world: World) -> None:
    world.drop("WMO_0473_2017H2.csv", BODY, login="bloemendaal", code="0473")
    world.work()
    assert to(world, "technical") == ["bloemendaal", "zandvoort"]


def test_trials_repeats_and_refusals_owe_nothing(world: World) -> None:
    world.drop(NAME, BODY, lane=Lane.TRIAL)
    world.work()
    assert owed(world) == []
    world.drop(NAME, BODY)
    world.work()
    before = len(owed(world))
    world.drop(NAME, BODY)
    world.work()
    assert len(owed(world)) == before == 1


def test_a_receipt_is_mailed_only_where_the_round_asks(world: World) -> None:
    world.drop(NAME, BODY)
    assert owed(world, "receipt") == []
    rules = world.configuration.rules["2017H2"]
    asked = replace(rules.round, mail_receipts=True)
    world.configure(rules={"2017H2": replace(rules, round=asked, version="0" * 12)}, rounds={"2017H2": asked})
    world.drop(NAME, wmo_csv(3, seed=2))
    assert to(world, "receipt") == ["amsterdam"]


def test_mails_of_receipts_follow_the_round_of_today_as_other_mails_do(world: World) -> None:
    asked = replace(world.configuration.rounds["2017H2"], mail_receipts=True)
    world.configure(rounds={"2017H2": asked})
    world.drop(NAME, BODY)
    assert to(world, "receipt") == ["amsterdam"]


def test_a_held_drop_tells_its_sender_once_and_the_desk_each_time(world: World) -> None:
    world.faults[NAME] = 2 * ATTEMPTS
    drop = world.drop(NAME, BODY)
    world.judge_all()
    assert to(world, "held") == ["amsterdam"]
    assert to(world, "held_desk") == [DESK, "operator"]
    world.clock.forward(hours=1)
    release(world.ctx, drops.get(world.engine, drop.id), "again", "desk")
    world.judge_all()
    assert to(world, "held") == ["amsterdam"]
    assert to(world, "held_desk") == [DESK, DESK, "operator", "operator"]


def test_what_is_rolled_back_owes_nothing(world: World) -> None:
    def fail() -> None:
        with world.engine.transaction():
            owe(world.ctx, NOTICE, ("amsterdam",))
            raise Temporary("disk full")

    with pytest.raises(Temporary):
        fail()
    assert owed(world) == []


# --- sent -------------------------------------------------------------------------------------------------------------


def test_a_mail_is_sent_once_to_the_address_of_today_and_logged(world: World) -> None:
    drop = world.drop(NAME, BODY)
    world.work()
    people(world, replace(world.account("amsterdam"), email="nieuw@amsterdam.example"))
    post = Told()
    assert send_due(world.ctx, post, world.tell) == 1
    assert [letter.recipient for letter in post.offered] == ["nieuw@amsterdam.example"]
    assert drop.short_id in post.offered[0].text
    assert send_due(world.ctx, post, world.tell) == 0
    [line] = [line for line in log.of_drop(world.engine, drop.id) if line.event == "mailed"]
    assert (line.municipality, line.account, line.detail["mail"]) == ("0363", "amsterdam", post.offered[0].id)
    assert [each.state for each in owed(world)] == ["sent"]


def test_a_mail_holds_no_verdict_no_name_of_a_file_and_nothing_from_it(world: World) -> None:
    world.drop(NAME, BODY)
    world.work()
    post = Told()
    send_due(world.ctx, post, world.tell)
    [letter] = post.offered
    whole = letter.subject + letter.text + letter.html
    values = {cell for line in BODY.decode().splitlines()[1:] for cell in line.split(";") if len(cell) >= 5}
    assert values
    assert [value for value in values if value in whole] == []
    assert NAME not in whole
    assert "goedgekeurd" not in whole.lower()


def test_a_delay_is_tried_again_over_two_days_and_then_given_up_aloud(world: World) -> None:
    owe(world.ctx, NOTICE, ("amsterdam",))
    begun = world.clock()
    post = Told(lambda _letter: Temporary("451 later"))
    attempts = []
    while mails.everything(world.engine)[0].state == "pending":
        waiting = mails.everything(world.engine)[0]
        world.clock.moment = max(world.clock(), waiting.next_try_at)
        attempts.append(world.clock() - begun)
        assert send_due(world.ctx, post, world.tell) == 0
    assert attempts[:5] == [timedelta(minutes=n) for n in (0, 1, 6, 21, 81)]
    assert attempts[-1] == timedelta(hours=48)
    assert len(attempts) == len(BACK_OFF) + 1
    assert {letter.id for letter in post.offered if letter.recipient.startswith("anna")} == {waiting.id}
    assert to(world, "mail_failed") == [DESK, "operator"]
    assert ("mail_failed", "451 later") in [(event, facts.get("reason")) for event, facts in world.told]
    assert "mail_failed" in world.events()


def test_nothing_is_offered_before_its_time(world: World) -> None:
    owe(world.ctx, NOTICE, ("amsterdam",))
    post = Told(lambda _letter: Temporary("down"))
    send_due(world.ctx, post, world.tell)
    world.clock.forward(minutes=0.9)
    send_due(world.ctx, post, world.tell)
    assert len(post.offered) == 1
    assert mails.everything(world.engine)[0].reason == "down"
    world.clock.forward(minutes=0.2)
    post.answer = lambda _letter: None
    assert send_due(world.ctx, post, world.tell) == 1
    assert mails.everything(world.engine)[0].reason is None


def test_never_is_believed_at_once_and_told_once_a_day(world: World) -> None:
    people(world, account("tweede", Role.PRODUCTBEHEERDER))
    owe(world.ctx, NOTICE, ("amsterdam", "tweede"))
    post = Told(
        lambda letter: Undeliverable("550 unknown") if letter.recipient.startswith(("anna", "tweede")) else None
    )
    send_due(world.ctx, post, world.tell)
    assert sorted(each.state for each in owed(world, "extension")) == ["failed", "failed"]
    assert to(world, "mail_failed") == [DESK, "operator"]
    send_due(world.ctx, post, world.tell)
    assert {each.state for each in owed(world, "mail_failed")} == {"sent"}


def test_a_mail_about_a_failed_mail_that_fails_makes_no_more_mails(world: World) -> None:
    owe(world.ctx, NOTICE, ("amsterdam",))
    post = Told(lambda _letter: Undeliverable("550 unknown"))
    for _ in range(4):
        send_due(world.ctx, post, world.tell)
    assert [each.occasion for each in owed(world)] == ["extension", "mail_failed", "mail_failed"]
    assert {each.state for each in owed(world)} == {"failed"}


def test_an_account_that_is_gone_is_given_up_and_holds_up_nobody(world: World) -> None:
    owe(world.ctx, NOTICE, ("vertrokken", "amsterdam"))
    post = Told()
    assert send_due(world.ctx, post, world.tell) >= 1
    assert {each.account: each.state for each in owed(world, "extension")} == {
        "vertrokken": "failed",
        "amsterdam": "sent",
    }


def test_more_than_a_batch_leaves_in_one_go(world: World) -> None:
    for n in range(120):
        owe(world.ctx, replace(NOTICE, subject=str(n)), ("amsterdam",))
    assert send_due(world.ctx, Told(), world.tell) == 120


def test_a_crash_while_sending_offers_the_same_mail_later_with_its_id(world: World) -> None:
    owe(world.ctx, NOTICE, ("amsterdam",))

    def die(_letter: Letter) -> None:
        raise KeyboardInterrupt

    post = Told(die)
    with pytest.raises(KeyboardInterrupt):
        send_due(world.ctx, post, world.tell)
    again = Told()
    assert send_due(world.ctx, again, world.tell) == 0
    world.clock.forward(minutes=1)
    assert send_due(world.ctx, again, world.tell) == 1
    assert again.offered[0].id == post.offered[0].id
    assert again.offered == post.offered


def test_a_mail_that_breaks_what_sends_it_is_given_up_in_the_end_and_others_leave(world: World) -> None:
    owe(world.ctx, NOTICE, ("amsterdam", "zandvoort"))

    def break_on_anna(letter: Letter) -> None:
        if letter.recipient.startswith("anna"):
            raise RuntimeError("a surprise")

    post = Told(break_on_anna)
    for _ in range(len(BACK_OFF) + 3):
        with suppress(RuntimeError):
            send_due(world.ctx, post, world.tell)
        world.clock.forward(hours=5)
    states = {each.account: each.state for each in owed(world, "extension")}
    assert states == {"amsterdam": "failed", "zandvoort": "sent"}
    assert ("mail_failed", "no attempt came to an end") in [(event, told.get("reason")) for event, told in world.told]


@pytest.mark.parametrize(("quality", "mails_owed"), [("builtin", 1), ("external", 2)])
def test_op_orde_reports_that_come_together_are_one_mail(world: World, quality: str, mails_owed: int) -> None:
    world.configure(settings=world.configuration.settings.model_copy(update={"quality": quality}))
    drop = world.drop(NAME, BODY)
    for delivery in ("one", "two"):
        owe_quality(world.ctx, drop, delivery)
    assert len({each.subject for each in owed(world, "quality")}) == mails_owed


# --- with a real server -----------------------------------------------------------------------------------------------


def test_silence_after_data_then_the_same_message_id_and_one_mail_sent(world: World) -> None:
    owe(world.ctx, NOTICE, ("amsterdam",))
    with MailServer(Behaviour(data=lambda n: SILENCE if n == 0 else OK)) as server:
        post = SmtpPost(settings(server.port, seconds=0.3))
        assert send_due(world.ctx, post, world.tell) == 0
        world.clock.forward(minutes=1)
        assert send_due(world.ctx, post, world.tell) == 1
        assert len({taken.message["Message-ID"] for taken in server.taken}) == 1
        assert len(server.taken) == 2
    assert [each.state for each in owed(world)] == ["sent"]


def test_a_server_that_hangs_holds_up_neither_receiving_nor_judging_nor_stopping(world: World) -> None:
    owe(world.ctx, NOTICE, ("amsterdam",))
    with MailServer(Behaviour(data=lambda _n: SILENCE)) as server:
        mailing = Mailing(
            world.ctx, post=lambda: SmtpPost(settings(server.port, seconds=600)), seconds=600, tell=world.tell
        )
        mailing.start()
        server.wait(lambda: len(server.taken) == 1)
        drop = world.drop(NAME, BODY)
        world.work()
        assert world.outcomes(drop) == ["ONTVANGEN", "GOEDGEKEURD"]
        stopping = threading.Thread(target=mailing.stop)
        stopping.start()
        stopping.join(20)
        assert not stopping.is_alive()
    assert {each.state for each in owed(world)} == {"pending"}


def test_without_a_server_the_folder_has_every_mail(world: World, tmp_path: Path) -> None:
    world.drop(NAME, BODY)
    world.work()
    folder = tmp_path / "outbox" / ".mail"
    assert send_due(world.ctx, FolderPost(folder, write_durably, sender="gateway@desk.example"), world.tell) == 1
    assert len(list(folder.glob("*.eml"))) == 1
