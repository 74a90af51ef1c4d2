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

from gateway.workflow.withdraw import selection
from tests.channel.server import CUT, OK, SILENCE, MailServer
from tests.story import lifecycle_days as days
from tests.story import lifecycle_duties as duties
from tests.story import lifecycle_steps as steps
from tests.story.lifecycle_look import Eyes, adopt
from tests.story.lifecycle_mails import LATER, NEVER, Arrivals, closed_port
from tests.story.lifecycle_model import CODES, HEARS, Item, Model
from tests.world import World

KILLED = 137
PATIENT, HURRIED = 10.0, 0.1
LONGEST_PAUSE = timedelta(hours=4)
STARTS = {
    "before the window": datetime(2018, 2, 9, 10, tzinfo=UTC),
    "first day": datetime(2018, 2, 12, 8, tzinfo=UTC),
    "last evening": datetime(2018, 3, 9, 22, 50, tzinfo=UTC),
    "withdrawal": datetime(2018, 3, 12, 8, tzinfo=UTC),
    "night of summer time": datetime(2018, 3, 24, 23, 30, tzinfo=UTC),
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


class Lifecycle(RuleBasedStateMachine):
    """One gateway and its model. `doom` is what the next step dies of."""

    def __init__(self, place: Path, server: MailServer) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(dir=place))
        self.server = server
        self.mails = Arrivals(server)
        self.eyes = Eyes()
        self.life = 0
        self.doom: steps.Doom | None = None
        self.died = False
        self.told: list[str] = []
        self.sound = False

    @initialize(start=st.sampled_from(sorted(STARTS)))
    def begin(self, start: str) -> None:
        """The gateway is opened for the first time."""
        self.model = Model(STARTS[start])
        self.world: World = steps.opened(self.folder, self.model.now, 0, "amsterdam", "bloemendaal")

    # --- doing --------------------------------------------------------------------------------------------------------

    def act(self, step: steps.Step) -> str | None:
        """Do a step; its answer, None when it died of it. Afterwards nothing is remembered but the disk."""
        doom, self.doom, self.sound = self.doom, None, False
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

    @precondition(lambda self: self.doom is None)
    @rule(at=st.integers(1, 70), when=st.sampled_from(("before", "after", "torn")))
    def die_next(self, at: int, when: str) -> None:
        """The next step is the process's last."""
        self.doom = steps.Doom(at, when)

    @rule(
        how=st.sampled_from(("minutes", "hours", "day", "ten days", "hundred days", "close", *MOMENTS)),
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
        word=st.sampled_from(steps.WORDS),
        trial=st.sampled_from((False, False, False, True)),
        by=st.sampled_from(("sender", "sender", "sender", "sender", "zandvoort", "amsterdam")),
        begun=st.sampled_from((0, 0, 1, 10)),
    )
    def drop(self, code: str, word: str, trial: bool, by: str, begun: int) -> None:
        """A file is dropped: received once, or refused."""
        login = SENDERS[code] if by == "sender" else by
        upload = replace(steps.uploads(code)[word], trial=trial and "zip" not in word)
        since = self.model.now - timedelta(minutes=begun)
        refusal = self.model.refusal(login, code, trial=upload.trial, opened=since)
        lines = "select id from log where event = 'refused'"
        refused = self.count(lines)
        answer = self.act(partial(steps.drop, upload, login, since))
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

    @rule(killing=st.sampled_from(("", "", "", *(f"WMO_{code}_2017H2.csv" for code in CODES), "MSD.zip")))
    def judge(self, killing: str) -> None:
        """Everything that waits is judged, or held."""
        answer = self.act(partial(steps.judge, killing))
        now = {row["id"]: row["state"] for row in self.world.engine.rows("select id, state from drops")}
        for waiting in [each for each in self.model.drops.values() if each.state == "received"]:
            held = waiting.upload.name == killing
            if answer is not None or now[waiting.id] != "received":
                self.model.hold(waiting) if held else self.model.decide(waiting)
        self.settle()

    @precondition(lambda self: any(each.state == "held" for each in self.model.drops.values()))
    @rule(place=places)
    def release(self, place: int) -> None:
        """An operator lets a held drop be judged again."""
        held = [each for each in self.model.drops.values() if each.state == "held"]
        chosen = held[place % len(held)]
        answer = self.act(partial(steps.let_go, chosen.id))
        [row] = self.world.engine.rows("select state from drops where id = :id", id=chosen.id)
        if answer is not None or row["state"] == "received":
            chosen.state = "received"
        self.settle()

    @rule()
    def assess(self) -> None:
        """The op-orde reports that are owed are made."""
        answer = self.act(steps.assess)
        rows = self.world.engine.rows("select drop_id, kind, period from deliveries where state = 'assessed'")
        done = {(row["drop_id"], (row["kind"], row["period"])) for row in rows}
        for key, made in self.model.made.items():
            if made.state == "approved" and (answer is not None or key in done):
                self.model.assess(made)
        self.settle()

    # --- reports ------------------------------------------------------------------------------------------------------

    @rule()
    def publish(self) -> None:
        """Every report lies in the outbox."""
        self.act(steps.place)
        self.settle()
        self.model.publish()

    @precondition(lambda self: any(not each.erased for each in self.model.papers.values()))
    @rule(place=places, onlooker=st.sampled_from((None, None, None, "cbs", "operator")), confirm=st.booleans())
    def fetch(self, place: int, onlooker: str | None, confirm: bool) -> None:
        """A report is read, or acknowledged; who only looks on collects nothing."""
        here = [report_id for report_id, each in self.model.papers.items() if not each.erased]
        chosen = here[place % len(here)]
        login = HEARS[self.model.papers[chosen].code][0] if onlooker is None or confirm else onlooker
        answer = self.act(partial(steps.fetch, chosen, login, confirm))
        [row] = self.world.engine.rows("select * from reports where id = :id", id=chosen)
        done = row["confirmed_at" if confirm else "collected_at"] is not None
        if answer is not None or done:
            self.model.collect(chosen, login, confirm=confirm)
        self.settle()

    @precondition(lambda self: bool(self.eyes.seen))
    @rule(place=places)
    def lose_a_file(self, place: int) -> None:
        """Somebody removes a file from the outbox: it is made again, and nothing was collected."""
        outbox = self.world.spool.outbox
        paths = sorted(str(path.relative_to(outbox)) for path in outbox.rglob("*") if path.is_file())
        if paths:
            self.act(partial(steps.reflect, paths[place % len(paths)]))
            self.eyes.written_again()
            self.settle()
            self.model.publish()

    # --- acts ---------------------------------------------------------------------------------------------------------

    @rule(code=codes, item=items, withdrawn=st.booleans(), by=st.sampled_from(("sender", "sender", "zandvoort")))
    def withdraw(self, code: str, item: Item, withdrawn: bool, by: str) -> None:
        """A municipality withdraws an item, or takes that back."""
        login = SENDERS[code] if by == "sender" else by
        refusal = self.model.withdrawal_refusal(login, code)
        name = f"{'_'.join(item)}.{'ingetrokken' if withdrawn else 'actief'}"
        self._select(partial(steps.select, login, code, name), refusal, code, item, withdrawn=withdrawn, channel="sftp")

    @rule(code=codes, item=items, withdrawn=st.booleans())
    def record_form(self, code: str, item: Item, withdrawn: bool) -> None:
        """The desk records a form, for whomever."""
        today = days.day_of(self.model.now)
        refusal = self.model.withdrawal_refusal("amsterdam", "0363")
        step = partial(steps.form, code, item, withdrawn, today)
        self._select(step, refusal, code, item, withdrawn=withdrawn, channel="form")

    def _select(
        self, step: steps.Step, refusal: str | None, code: str, item: Item, *, withdrawn: bool, channel: str
    ) -> None:
        changes = (item in self.model.selection(code, self.model.now)) != withdrawn
        answer = self.act(step)
        assert answer in (None, refusal or ("changed" if changes else "unchanged"))
        happened = answer == "changed" or self.count("select id from withdrawals") > len(self.model.changes)
        if happened and changes and refusal is None:
            self.model.select(code, item, withdrawn=withdrawn, channel=channel)
        self.settle()

    @rule(code=codes)
    def look_back(self, code: str) -> None:
        """The gateway tells the selection of any past moment."""
        round_ = self.world.configuration.rounds["2017H2"]
        for at in {change[0] + shift for change in self.model.changes for shift in (-days.TICK, timedelta(0))}:
            told = selection(self.world.ctx, round_, code, at)
            assert {item for item, withdrawn in told.items() if withdrawn} == self.model.selection(code, at)

    @rule(code=codes, until=st.sampled_from(UNTIL))
    def extend(self, code: str, until: date) -> None:
        """The desk extends a window."""
        may = until > days.CLOSES and until >= days.day_of(self.model.now)
        answer = self.act(partial(steps.prolong, code, until))
        assert answer in (None, "extended" if may else "no")
        if may and self.count("select id from extensions") > len(self.model.extensions):
            self.model.extend(code, until)
        assert answer != "extended" or self.model.extensions[-1] == (code, until)
        self.settle()

    @rule(code=codes, kind=st.sampled_from(("WMO", "KOSTENWMO", "JEUGD")))
    def state_nothing(self, code: str, kind: str) -> None:
        """A municipality has nothing to deliver."""
        item, login = (kind, "2017H2"), SENDERS[code]
        stated = item in self.model.stated(code)
        refusal = self.model.refusal(login, code, trial=False, opened=self.model.now)
        if refusal is None and any(made.counts for made in self.model.chain(code, item)):
            refusal = "NOTHING_DELIVERED"
        answer = self.act(partial(steps.state_nothing, login, code, f"GEEN_{kind}_{code}_2017H2.txt"))
        assert answer in (None, "stated" if stated else refusal or "stated")
        if not stated and refusal is None:
            if self.count("select id from statements") > len(self.model.statements):
                self.model.state_nothing(code, item)
            assert answer is None or self.model.statements[-1] == (code, item)
        self.settle()

    # --- the clocks ---------------------------------------------------------------------------------------------------

    @rule()
    def tick(self) -> None:
        """What is due is done; asked again there is nothing."""
        answer = self.act(steps.tick)
        if answer is None:
            # Who starts anew asks at once.
            steps.tick(self.world, self.told.append)
        assert answer in (None, "0 again")
        self.settle()
        duties.tick(self.model)
        adopt(self.world, self.model)

    @rule()
    def night(self) -> None:
        """What was kept long enough goes."""
        nights = "select subject from duties where name = 'purge'"
        before = self.count(nights)
        answer = self.act(steps.night)
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
    )
    def mail(self, answers: list[str], down: bool) -> None:
        """Every mail that is due is offered once."""
        hurried = SILENCE in answers
        port = closed_port() if down else self.server.port
        self.mails.prepare(self.world, self.model, answers)
        answer = self.act(partial(steps.send, port, HURRIED if hurried else PATIENT))
        exact = answer is not None and not hurried
        whole = answer is not None and answers == [OK] and not down
        self.mails.compare(self.world, self.model, whole=whole, exact=exact)
        self.settle()

    def drain(self) -> None:
        """In the end every mail that is owed arrived: once, or at least once when a crash or silence came between."""
        self.doom = None
        for _ in range(3):
            self.model.now = self.world.clock.moment = self.model.now + LONGEST_PAUSE
            self.mail([OK], down=False)
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
