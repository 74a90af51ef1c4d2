"""The lifecycle as hypothesis plays it: every rule does one thing to a gateway and the same to its model.

Does: draws what happens next and when; dooms a step; settles what a dead process left undone; drains the mail at the
end of each story.
Touches: a folder for each story, the loopback interface.
Does not: work out what must be (lifecycle_model, lifecycle_duties), look (lifecycle_look), or act (lifecycle_steps).
"""

import shutil
import tempfile
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from gateway.store.ledger import withdrawals
from gateway.workflow.withdraw import selection
from tests.channel.server import CUT, OK, SILENCE, MailServer
from tests.story import lifecycle_days as days
from tests.story import lifecycle_duties as duties
from tests.story import lifecycle_steps as steps
from tests.story.lifecycle_look import Eyes, adopt
from tests.story.lifecycle_mails import LATER, NEVER, Arrivals, closed_port
from tests.story.lifecycle_model import CODES, HEARS, Item, Model, ms
from tests.world import World

KILLED = 137
PATIENT, HURRIED = 10.0, 0.1
LONGEST_PAUSE = timedelta(hours=4)
STARTS = {
    "first day": datetime(2018, 2, 12, 8, tzinfo=UTC),
    "before the window": datetime(2018, 2, 9, 10, tzinfo=UTC),
    "after the last safe day": datetime(2018, 3, 5, 9, tzinfo=UTC),
    "last evening": datetime(2018, 3, 9, 22, 50, tzinfo=UTC),
}
MOMENTS = {
    "target": days.end(days.TARGET),
    "withdrawal opens": days.start(days.WITHDRAWAL[0]),
    "withdrawal closes": days.end(days.WITHDRAWAL[1]),
    "summer time": days.SUMMER[0] - days.TICK,
    "winter time": days.SUMMER[1],
}
UNTIL = (days.CLOSES, date(2018, 3, 12), date(2018, 3, 16), date(2018, 4, 3), date(2018, 5, 5))
SENDERS = {"0363": "amsterdam", "0377": "bloemendaal", "0473": "bloemendaal"}
ITEMS: tuple[Item, ...] = (("WMO", "2017H2"), ("JEUGD", "2017H2"), ("SBW", "2017H1"))

codes = st.sampled_from(CODES)
items = st.sampled_from(ITEMS)
places = st.integers(0, 1000)
words = st.sampled_from(steps.WORDS)
efforts = st.sampled_from(("judge", "assess", "publish"))
# What every other drop dies of: about forty operations, in the middle of which the file has landed and is not received.
drop_dooms = st.none() | st.builds(steps.Doom, st.integers(1, 45), st.sampled_from(("before", "after", "torn")))
# What every third step dies of, if it gets so far.
dooms = st.tuples(
    st.sampled_from((False, False, True)),
    st.integers(1, 12) | st.integers(1, 80) | st.integers(1, 400),
    st.sampled_from(("before", "after", "torn")),
).map(lambda drawn: steps.Doom(*drawn[1:]) if drawn[0] else None)


class Lifecycle(RuleBasedStateMachine):
    """One gateway and its model."""

    def __init__(self, place: Path, server: MailServer) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(dir=place))
        self.server = server
        self.mails = Arrivals(server)
        self.eyes = Eyes()
        self.life = 0
        self.died = False
        self.told: list[str] = []
        self.sound = False

    @initialize(
        start=st.sampled_from(tuple(STARTS)),
        files=st.lists(st.tuples(codes, words, efforts | st.none()), max_size=5),
        then=st.sampled_from((None, None, *MOMENTS)),
    )
    def begin(self, start: str, files: list[tuple[str, str, str | None]], then: str | None) -> None:
        """The gateway is opened for the first time; some files come; perhaps weeks pass."""
        self.model = Model(STARTS[start])
        self.world: World = steps.opened(self.folder, self.model.now, 0, "amsterdam", "bloemendaal")
        for code, word, effort in files:
            self.drop(code, word, trial=False, by="sender", begun=0, doom=None)
            if effort is not None:
                self.work(effort, killing=False, doom=None)
        if then is not None:
            self.wait(then, 3, "0363")

    # --- doing --------------------------------------------------------------------------------------------------------

    def act(self, step: steps.Step, doom: steps.Doom | None) -> str | None:
        """Do a step; its answer, None when it died of it. Whoever is doomed dies in the end: nothing is remembered
        then but the disk."""
        self.sound = False
        self.died, self.told = doom is not None, []
        if doom is None:
            return step(self.world, lambda _line: None)
        self.world.close()
        ended = steps.doomed(self.folder, self.model.now, self.life + 1, doom, step)
        assert ended.status in (0, KILLED), ended.told.decode()
        self.life += 2
        self.world = steps.reopened(self.folder, self.model.now, self.life)
        self.eyes.written_again()
        self.told = ended.told.decode().splitlines()
        answers = [line.removeprefix("answer ") for line in self.told if line.startswith("answer ")]
        return answers[0] if answers else None

    def settle(self) -> None:
        """The model hears of new reports. Who started anew has placed all reports by now."""
        adopt(self.world, self.model)
        if self.died:
            self.model.publish()

    def count(self, sql: str) -> int:
        """How many rows there are."""
        return len(self.world.engine.rows(sql))

    @rule(
        how=st.sampled_from(("minutes", "hours", "day", "day", "ten days", "hundred days", "close", *MOMENTS)),
        number=st.integers(1, 20),
        code=codes,
    )
    def wait(self, how: str, number: int, code: str) -> None:
        """Time passes."""
        spans = {
            "minutes": timedelta(minutes=number),
            "hours": timedelta(hours=number),
            "day": timedelta(days=1),
            "ten days": timedelta(days=10),
            "hundred days": timedelta(days=100) if number > 15 else timedelta(days=2),
        }
        to = MOMENTS.get(how, days.end(self.model.closes(code)))
        later = self.model.now + spans[how] if how in spans else to + number % 3 * days.TICK
        self.model.now = max(self.model.now, min(later, days.LAST))
        self.world.clock.moment = self.model.now

    # --- drops and verdicts -------------------------------------------------------------------------------------------

    @rule(
        code=codes,
        word=words,
        trial=st.sampled_from((False, False, False, False, True)),
        by=st.sampled_from(("sender",) * 6 + ("zandvoort", "amsterdam")),
        begun=st.sampled_from((0, 0, 1, 10)),
        doom=drop_dooms,
    )
    def drop(self, code: str, word: str, trial: bool, by: str, begun: int, doom: steps.Doom | None) -> None:
        """A file is dropped: received once, or refused."""
        login = SENDERS[code] if by == "sender" else by
        upload = replace(steps.uploads(code)[word], trial=trial and "zip" not in word)
        since = self.model.now - timedelta(minutes=begun)
        refusal = self.model.refusal(login, code, trial=upload.trial, opened=since)
        lines = "select id from log where event = 'refused'"
        refused = self.count(lines)
        answer = self.act(partial(steps.drop, upload, login, since), doom)
        here = {row["id"] for row in self.world.engine.rows("select id from drops")}
        fresh = here - set(self.model.drops)
        assert answer in (None, refusal or "received")
        assert len(fresh) <= (refusal is None)
        assert fresh or refusal or (answer is None and "landed" not in self.told)
        for drop_id in fresh:
            self.model.receive(drop_id, upload, login)
        if self.count(lines) > refused:
            self.model.refuse(login, code, upload.name)
        assert answer is None or refusal is None or self.count(lines) == refused + 1
        self.settle()

    @precondition(lambda self: bool(self.model.drops))
    @rule(place=places, doom=drop_dooms)
    def drop_again(self, place: int, doom: steps.Doom | None) -> None:
        """A file that was dropped before comes again."""
        upload = list(self.model.drops.values())[place % len(self.model.drops)].upload
        word = next(word for word, each in steps.uploads(upload.code).items() if each.sha256 == upload.sha256)
        self.drop(upload.code, word, trial=upload.trial, by="sender", begun=0, doom=doom)

    @rule(
        effort=st.sampled_from(("judge", "assess", "publish")),
        killing=st.sampled_from((False, False, False, True)),
        doom=dooms,
    )
    def work(self, effort: str, killing: bool, doom: steps.Doom | None) -> None:
        """What waits is judged; as far as the effort goes also assessed and published. `killing`: no worker survives a
        file of the name that has waited longest, so that it is held."""
        self._judge(killing, doom if effort == "judge" else None)
        if effort != "judge":
            self.assess(doom if effort == "assess" else None)
        if effort == "publish":
            self.publish(doom)

    @rule(code=codes, first=words, second=words, doom=dooms)
    def overtake(self, code: str, first: str, second: str, doom: steps.Doom | None) -> None:
        """A file is held and let go again after a later one was judged: rare, and versions hang on it."""
        for word, killing in ((first, True), (second, False)):
            self.drop(code, word, trial=False, by="sender", begun=0, doom=None)
            self.work("judge", killing=killing, doom=None)
        if any(each.state == "held" for each in self.model.drops.values()):
            self.release(0, doom=None)
        self.work("judge", killing=False, doom=doom)

    def _judge(self, killing: bool, doom: steps.Doom | None) -> None:
        queue = [each for each in self.model.drops.values() if each.state == "received"]
        deadly = queue[0].upload.name if killing and queue else ""
        answer = self.act(partial(steps.judge, deadly), doom)
        now = {row["id"]: row["state"] for row in self.world.engine.rows("select id, state from drops")}
        for waiting in queue:
            if answer is not None or now[waiting.id] != "received":
                self.model.hold(waiting) if waiting.upload.name == deadly else self.model.decide(waiting)
        self.settle()

    @precondition(lambda self: any(each.state == "held" for each in self.model.drops.values()))
    @rule(place=places, doom=dooms)
    def release(self, place: int, doom: steps.Doom | None) -> None:
        """An operator lets a held drop be judged again."""
        held = [each for each in self.model.drops.values() if each.state == "held"]
        chosen = held[place % len(held)]
        answer = self.act(partial(steps.let_go, chosen.id), doom)
        [row] = self.world.engine.rows("select state from drops where id = :id", id=chosen.id)
        if answer is not None or row["state"] == "received":
            chosen.state = "received"
        self.settle()

    @rule(doom=dooms)
    def assess(self, doom: steps.Doom | None) -> None:
        """The op-orde reports that are owed are made."""
        answer = self.act(steps.assess, doom)
        rows = self.world.engine.rows("select drop_id, kind, period from deliveries where state = 'assessed'")
        done = {(row["drop_id"], (row["kind"], row["period"])) for row in rows}
        for key, made in self.model.made.items():
            if made.state == "approved" and (answer is not None or key in done):
                self.model.assess(made)
        self.settle()

    # --- reports ------------------------------------------------------------------------------------------------------

    @rule(doom=dooms)
    def publish(self, doom: steps.Doom | None) -> None:
        """Every report lies in the outbox."""
        self.act(steps.place, doom)
        self.settle()
        self.model.publish()

    @precondition(lambda self: any(not each.erased for each in self.model.papers.values()))
    @rule(place=places, onlooker=st.sampled_from((None, None, None, "cbs")), confirm=st.booleans(), doom=dooms)
    def fetch(self, place: int, onlooker: str | None, confirm: bool, doom: steps.Doom | None) -> None:
        """A report is read, or acknowledged; who only looks on collects nothing."""
        here = [report_id for report_id, each in self.model.papers.items() if not each.erased]
        chosen = here[place % len(here)]
        login = HEARS[self.model.papers[chosen].code][0] if onlooker is None or confirm else onlooker
        answer = self.act(partial(steps.fetch, chosen, login, confirm), doom)
        [row] = self.world.engine.rows("select * from reports where id = :id", id=chosen)
        done = row["confirmed_at" if confirm else "collected_at"] is not None
        if answer is not None or done:
            self.model.collect(chosen, login, confirm=confirm)
        self.settle()

    @precondition(lambda self: bool(self.eyes.seen))
    @rule(place=places, doom=dooms)
    def lose_a_file(self, place: int, doom: steps.Doom | None) -> None:
        """Somebody removes a file from the outbox: it is made again, and nothing was collected."""
        outbox = self.world.spool.outbox
        paths = sorted(str(path.relative_to(outbox)) for path in outbox.rglob("*") if path.is_file())
        if paths:
            lost = paths[place % len(paths)]
            self.act(partial(steps.reflect, lost), doom)
            self.eyes.written_again(Path(lost).name)
            self.settle()
            self.model.publish()

    # --- acts ---------------------------------------------------------------------------------------------------------

    @rule(
        who=st.sampled_from(
            (
                ("amsterdam", "0363"),
                ("amsterdam", "0363"),
                ("bloemendaal", "0377"),
                ("desk", "0473"),
                ("desk", "0363"),
                ("bloemendaal", "0473"),
                ("zandvoort", "0473"),
                ("zandvoort", "0363"),
            )
        ),
        item=items,
        withdrawn=st.booleans(),
        doom=dooms,
    )
    def withdraw(self, who: tuple[str, str], item: Item, withdrawn: bool, doom: steps.Doom | None) -> None:
        """A municipality withdraws an item, or takes that back; or the desk records a form, for whomever."""
        login, code = who
        channel = "form" if login == "desk" else "sftp"
        if login == "desk":
            # A form has no sender to refuse, only a window.
            refusal = self.model.withdrawal_refusal("amsterdam", "0363")
            step = partial(steps.form, code, item, withdrawn, days.day_of(self.model.now))
        else:
            refusal = self.model.withdrawal_refusal(login, code)
            step = partial(steps.select, login, code, f"{'_'.join(item)}.{'ingetrokken' if withdrawn else 'actief'}")
        changes = (item in self.model.selection(code, self.model.now)) != withdrawn
        answer = self.act(step, doom)
        assert answer in (None, refusal or ("changed" if changes else "unchanged"))
        happened = answer == "changed" or self.count("select id from withdrawals") > len(self.model.changes)
        if happened and changes and refusal is None:
            self.model.select(code, item, withdrawn=withdrawn, channel=channel)
        self.settle()
        self._look_back()

    def _look_back(self) -> None:
        """The gateway itself tells the selection of any past moment."""
        round_ = self.world.configuration.rounds["2017H2"]
        for at in {change[0] + shift for change in self.model.changes for shift in (-days.TICK, timedelta(0))}:
            for code in CODES:
                told = selection(self.world.ctx, round_, code, at)
                then = self.model.selection(code, at)
                assert {item for item, withdrawn in told.items() if withdrawn} == then
                # What the hand-over asks, an item at a time.
                for item in ITEMS:
                    asked = withdrawals.withdrawn(self.world.engine, code, "2017H2", *item, ms(at))
                    assert asked is (item in then)

    @rule(code=codes, until=st.sampled_from(UNTIL), doom=dooms)
    def extend(self, code: str, until: date, doom: steps.Doom | None) -> None:
        """The desk extends a window."""
        may = until > days.CLOSES and until >= days.day_of(self.model.now)
        answer = self.act(partial(steps.prolong, code, until), doom)
        assert answer in (None, "extended" if may else "no")
        if may and self.count("select id from extensions") > len(self.model.extensions):
            self.model.extend(code, until)
        assert answer != "extended" or self.model.extensions[-1] == (code, until)
        self.settle()

    @rule(code=codes, kind=st.sampled_from(("WMO", "KOSTENWMO", "JEUGD")), doom=dooms)
    def state_nothing(self, code: str, kind: str, doom: steps.Doom | None) -> None:
        """A municipality has nothing to deliver."""
        item, login = (kind, "2017H2"), SENDERS[code]
        stated = item in self.model.stated(code)
        refusal = self.model.refusal(login, code, trial=False, opened=self.model.now)
        if refusal is None and any(made.counts for made in self.model.chain(code, item)):
            refusal = "NOTHING_DELIVERED"
        answer = self.act(partial(steps.state_nothing, login, code, f"GEEN_{kind}_{code}_2017H2.txt"), doom)
        assert answer in (None, "stated" if stated else refusal or "stated")
        if not stated and refusal is None:
            if self.count("select id from statements") > len(self.model.statements):
                self.model.state_nothing(code, item)
            assert answer is None or self.model.statements[-1] == (code, item)
        self.settle()

    # --- the clocks ---------------------------------------------------------------------------------------------------

    @rule(doom=dooms)
    def tick(self, doom: steps.Doom | None) -> None:
        """What is due is done; asked again there is nothing."""
        answer = self.act(steps.tick, doom)
        assert answer in (None, "0 again")
        self.settle()
        if answer is None:
            # Who starts anew asks at once, when what was made before has been placed.
            steps.tick(self.world, self.told.append)
        duties.tick(self.model)
        adopt(self.world, self.model)

    @rule(doom=dooms)
    def night(self, doom: steps.Doom | None) -> None:
        """What was kept long enough goes."""
        nights = "select subject from duties where name = 'purge'"
        before = self.count(nights)
        answer = self.act(steps.night, doom)
        if answer is None and self.count(nights) == before:
            # Broken off: it goes on when the gateway is there again, and has placed what was not placed yet.
            self.settle()
            steps.night(self.world, self.told.append)
        duties.night(self.model)
        self.settle()

    # --- mail ---------------------------------------------------------------------------------------------------------

    @rule(
        answers=st.lists(st.sampled_from((OK, OK, OK, LATER, NEVER, CUT)), min_size=1, max_size=4)
        | st.just([OK])
        | st.just([SILENCE, OK]),
        down=st.sampled_from((False, False, False, False, True)),
        doom=dooms,
    )
    def mail(self, answers: list[str], down: bool, doom: steps.Doom | None) -> None:
        """Every mail that is due is offered once."""
        hurried = SILENCE in answers
        port = closed_port() if down else self.server.port
        self.mails.prepare(self.world, self.model, answers)
        answer = self.act(partial(steps.send, port, HURRIED if hurried else PATIENT), doom)
        exact = answer is not None and not hurried
        whole = answer is not None and answers == [OK] and not down
        self.mails.compare(self.world, self.model, whole=whole, exact=exact)
        self.settle()

    def drain(self) -> None:
        """In the end every mail that is owed arrived: once, or at least once when a crash or silence came between."""
        for _ in range(3):
            self.model.now = self.world.clock.moment = self.model.now + LONGEST_PAUSE
            self.mail([OK], down=False, doom=None)
        self.mails.all_there(self.world, self.model)
        self.as_it_must_be()

    # --- always -------------------------------------------------------------------------------------------------------

    @invariant()
    def as_it_must_be(self) -> None:
        """Ledger, folders and log are what the model says."""
        wrongs = self.eyes.wrongs(self.world, self.model)
        assert not wrongs, "\n".join(wrongs)
        self.sound = True

    def teardown(self) -> None:
        """After the last step; not when one failed, whose story is the better one."""
        try:
            if self.sound:
                self.drain()
        finally:
            self.world.close()
            shutil.rmtree(self.folder)
