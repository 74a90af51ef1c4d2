"""What the crash tests let the gateway do, and how they see afterwards that nothing is lost, doubled or left over.

Does: `live` runs a day of one gateway in a child process and tells what it promised; `recovered` starts that gateway
again and works until nothing is left to do; `wrongs` lists everything that is not as it must be.
Touches: one folder.
Does not: kill (killer).

Told, a line each: `landing <id> <word of its content>` before a landing, `landed <id>` after it, `ok <id>` for each
answer that a client would read as OK, `stated` and `withdrawn` for acts by file that were answered OK. What has landed
is received, whoever heard of it.
"""

import os
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import cache
from hashlib import sha256
from pathlib import Path

from gateway.channel.mail import FolderPost
from gateway.config.sections import Watch
from gateway.domain.checks import examine_drop
from gateway.domain.kinds import Job
from gateway.domain.model import Channel, Drop, DropState, Examination, Lane, ReportKind, Span, to_ms
from gateway.domain.workdays import local_day
from gateway.edge.watch import Watcher
from gateway.store.durable import write_durably
from gateway.store.ledger import deadlines, drops, log, mails, reports, statements, withdrawals
from gateway.store.spool import MAIL, LandingFacts
from gateway.workflow import collect, nothing, withdraw
from gateway.workflow.admit import admit
from gateway.workflow.intake import Intake
from gateway.workflow.judge import release
from gateway.workflow.notify import send_due
from gateway.workflow.publish import publish
from gateway.workflow.recover import differences, mirror, recover
from tests.samples import WMO_HEADER, cost_csv, csv_bytes, wmo_csv, wmo_rows, zipped
from tests.world import MONDAY, Clock, World, tree

WMO = "WMO_0363_2017H2.csv"
JEUGD = "JEUGD_0363_2017H2.csv"
SBW = "SBW_0363_2017H2.csv"
TRIAL = "KOSTENWMO_0363_2017H2.csv"
EMPTY = "WMO_0363_2017H1.csv"
NOTHING = "GEEN_KOSTENWMO_0363_2017H1.txt"
ALWAYS = 1_000_000
PATIENCE = 30.0
REMEMBERED: dict[tuple[str, str], Examination] = {}

Tell = Callable[[str], None]


@cache
def bodies() -> dict[str, bytes]:
    """What is dropped, by a word."""
    spoilt = wmo_rows(8)
    spoilt[3][2] = "999990008"
    return {
        "first": wmo_csv(8),
        "second": wmo_csv(9, seed=2),
        "rejected": csv_bytes(WMO_HEADER, spoilt),
        "zip": zipped({"SBW_0363_2017H1.csv": cost_csv("SBW", period="2017H1"), WMO: wmo_csv(7)}),
        "held": cost_csv("JEUGD"),
        "watched": cost_csv("SBW"),
        "tried": cost_csv("KOSTENWMO"),
    }


@cache
def watched() -> dict[str, bytes]:
    """What a local program put into the watch folder, by path below the inbox: to deliver, to try, to refuse."""
    return {f"0363/{SBW}": bodies()["watched"], f"0363/proef/{TRIAL}": bodies()["tried"], f"0363/{EMPTY}": b""}


def lay_out(folder: Path) -> None:
    """The folder before the day begins: nothing but the files in the watch folder."""
    for path, body in watched().items():
        (folder / "inbox" / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / "inbox" / path).write_bytes(body)


def examine(job: Job) -> Examination:
    """`examine_drop`, once per file and remembered: a forked child must not wake the threads of polars."""
    key = (job.name, sha256(job.payload).hexdigest())
    if key not in REMEMBERED:
        REMEMBERED[key] = examine_drop(job)
    return REMEMBERED[key]


def world_at(folder: Path, hours: float, first_id: int) -> World:
    """The gateway on `folder`, so many hours into the day. Its worker always dies on the file of JEUGD. Items can be
    withdrawn on that day already."""
    clock = Clock(MONDAY + timedelta(hours=hours))
    world = World(folder, clock=clock, first_id=first_id, examiner=examine, faults={JEUGD: ALWAYS})
    [round_] = world.configuration.rounds.values()
    early = Span(local_day(MONDAY), local_day(MONDAY))
    world.configure(rounds={round_.id: replace(round_, withdrawal=early)})
    return world


def send_mails(world: World) -> None:
    """Send what is owed into the folder."""
    send_due(world.ctx, FolderPost(world.spool.outbox / MAIL, write_durably, sender="desk@gateway.example"), world.tell)


def watcher(world: World) -> Watcher:
    """The watch on the world's folders."""
    settings = Watch(quiet_seconds=0.001)
    return Watcher(world.ctx, settings, monotonic=time.monotonic, claimed=lambda: None, tell=world.tell)


class Day:
    """What happens in the child."""

    def __init__(self, folder: Path, tell: Tell) -> None:
        self.world = world_at(folder, 0, first_id=1)
        self.tell = tell
        self.done = threading.Event()
        self.intake = Intake(self.world.ctx, rescan_seconds=3600, received=self.done.set, tell=self.world.tell)

    def upload(self, name: str, word: str, lane: Lane = Lane.DELIVERY, *, working: bool = False) -> str:
        """A client uploads a file (under a working name first) and waits for its OK; the id of the drop."""
        ctx, spool, body = self.world.ctx, self.world.spool, bodies()[word]
        self.world.clock.forward(minutes=1)
        attempt = self.world.attempt(name, lane=lane)
        admit(ctx, attempt)
        landing_id = ctx.new_id()
        item = spool.working("amsterdam", "0363", lane) / f"{name}.part" if working else None
        descriptor = spool.open_working(item, truncate=True) if item else spool.stage(landing_id)
        middle = len(body) // 2
        os.pwrite(descriptor, body[:middle], 0)
        os.pwrite(descriptor, body[middle:], middle)
        if item:
            spool.close_working(item, descriptor, to_ms(ctx.now()))
        now = to_ms(ctx.now())
        digest = sha256(body).hexdigest()
        facts = LandingFacts(
            landing_id, "0363", lane, "amsterdam", Channel.SFTP, name, len(body), digest, opened_at=now, received_at=now
        )
        self.tell(f"landing {landing_id} {word}")
        self.done.clear()
        landing = spool.land(facts, item)
        self.tell(f"landed {landing_id}")
        answer = self.intake.submit(landing)
        os.close(descriptor)
        answer.result(PATIENCE)
        self.tell(f"ok {landing_id}")
        self.done.wait(PATIENCE)
        return landing_id

    def leave_half(self, *, broken_off: bool) -> None:
        """An upload that never gets its CLOSE; when the line was cut, the door throws it away."""
        landing_id = self.world.ctx.new_id()
        descriptor = self.world.spool.stage(landing_id)
        os.pwrite(descriptor, bodies()["first"][:50], 0)
        if broken_off:
            os.close(descriptor)
            self.world.spool.discard(landing_id)

    def take_from_watch_folder(self) -> None:
        """The watch claims, intake lands and receives."""
        watcher(self.world).scan()
        self.done.clear()
        self.intake.wake()
        self.done.wait(PATIENCE)

    def work(self) -> None:
        """Judge and publish."""
        self.world.clock.forward(minutes=1)
        self.world.judge_all()
        publish(self.world.ctx)

    def state_nothing(self) -> None:
        """A municipality says that it has nothing to deliver for an item."""
        nothing.state(self.world.ctx, self.world.attempt(NOTHING), Channel.SFTP)
        self.tell("stated")

    def withdraw(self) -> None:
        """A municipality withdraws an item."""
        withdraw.by_file(self.world.ctx, self.world.account("amsterdam"), "0363", "WMO_2017H2.ingetrokken")
        self.tell("withdrawn")

    def pick_up(self, drop_id: str, *, confirm: bool) -> None:
        """Read a drop's reports; acknowledge them."""
        account = self.world.account("amsterdam")
        for report in reports.of_drop(self.world.engine, drop_id):
            collect.observed(self.world.ctx, account, report.id)
            if confirm:
                collect.confirm(self.world.ctx, account, report.id)


def live(folder: Path, tell: Tell) -> None:
    """One day, from an empty folder to the evening."""
    day = Day(folder, tell)
    day.world.open("amsterdam", "bloemendaal")
    recover(day.world.ctx, edge=True)
    day.intake.start()
    first = day.upload(WMO, "first")
    day.leave_half(broken_off=True)
    day.leave_half(broken_off=False)
    day.work()
    day.pick_up(first, confirm=True)
    day.state_nothing()
    send_mails(day.world)
    day.upload(WMO, "first")
    day.upload(WMO, "second", working=True)
    rejected = day.upload(WMO, "rejected")
    held = day.upload(JEUGD, "held")
    day.take_from_watch_folder()
    day.upload(WMO, "rejected", Lane.TRIAL)
    day.work()
    day.pick_up(rejected, confirm=False)
    day.upload("MSD.zip", "zip")
    release(day.world.ctx, drops.get(day.world.engine, held), "mended", "operator")
    day.work()
    # The list of reports comes from the ledger: one may be acknowledged before its files lie in the folder.
    day.pick_up(day.upload(WMO, "first"), confirm=True)
    day.withdraw()
    day.work()
    send_mails(day.world)
    mirror(day.world.ctx)
    day.intake.stop()
    day.world.close()


def recovered(folder: Path, first_id: int = 1_000_000, hours: float = 12) -> World:
    """The gateway started again, after it did everything that is left to do."""
    world = world_at(folder, hours, first_id)
    world.open("amsterdam", "bloemendaal")
    recover(world.ctx, edge=True)
    intake = Intake(world.ctx, rescan_seconds=3600, received=lambda: None, tell=world.tell)
    watcher(world).scan()
    intake.scan()
    world.work()
    mirror(world.ctx)
    send_mails(world)
    return world


def all_drops(world: World) -> list[Drop]:
    """Every drop, oldest first."""
    return drops.recent(world.engine, 1000)[::-1]


def wrongs(world: World, told: list[str]) -> list[str]:
    """Everything about a recovered gateway that is not as it must be."""
    found = [f"difference: {each.what} {each.subject}" for each in differences(world.ctx)]
    found += [f"told: {event} {facts}" for event, facts in world.told if "failed" in event and "reason" not in facts]
    found += _lost_or_doubled(world, told) + _acts(world, told) + _mails(world)
    return found + _watch_folder(world) + _outbox(world) + _inbox(world)


def _lost_or_doubled(world: World, told: list[str]) -> list[str]:
    landings = {words[1]: words[2] for words in map(str.split, told) if words[0] == "landing"}
    promised = {words[1] for words in map(str.split, told) if words[0] in ("landed", "ok")}
    here = {drop.id: drop for drop in all_drops(world) if drop.channel is Channel.SFTP}
    found = [f"promised and lost: {each} {landings[each]}" for each in promised - set(here)]
    found += [f"received and never landed: {each}" for each in set(here) - set(landings)]
    for drop_id, drop in here.items():
        body = bodies()[landings.get(drop_id, "first")]
        if (drop.file.size, drop.file.sha256) != (len(body), sha256(body).hexdigest()):
            found.append(f"other facts: {drop_id}")
        kept = world.engine.rows("select body, erased_at from payloads where drop_id = :id", id=drop_id)
        erased = drop.lane is Lane.TRIAL and drop.state is DropState.DECIDED
        wanted = None if erased and drop.repeat_of is None else b"" if drop.repeat_of else body
        if [row["body"] for row in kept] != [wanted]:
            found.append(f"other bytes: {drop_id} {drop.file.name}")
        if drop.state is not (DropState.HELD if drop.file.name == JEUGD else DropState.DECIDED):
            found.append(f"state {drop.state}: {drop_id} {drop.file.name}")
    return found + [wrong for drop in here.values() for wrong in _unanswered(world, drop)]


def _unanswered(world: World, drop: Drop) -> list[str]:
    """Reports and deadlines that a drop must have and has not, or has twice."""
    made = Counter(report.kind for report in reports.of_drop(world.engine, drop.id))
    receipts, verdicts = made[ReportKind.RECEIPT], made[ReportKind.TECHNICAL]
    held = drop.state is DropState.HELD
    files = 2 if drop.file.name == "MSD.zip" else 1
    found = []
    if receipts != (2 if held else 1) or verdicts != (0 if held or drop.repeat_of else files):
        found.append(f"{receipts} receipts, {verdicts} verdicts: {drop.id} {drop.file.name} {drop.state}")
    owed = deadlines.find(world.engine, "technical", drop.id)
    if (owed is None) != (drop.repeat_of is not None or drop.lane is Lane.TRIAL):
        found.append(f"deadline {owed}: {drop.id} {drop.file.name}")
    elif owed is not None and (owed.met_at is None) != held:
        found.append(f"deadline met at {owed.met_at}: {drop.id} {drop.file.name}")
    return found


def _acts(world: World, told: list[str]) -> list[str]:
    """A statement and a withdrawal: whole or not at all, once, and there when they were answered."""
    events = Counter(line.event for line in log.everything(world.engine))
    outcomes = Counter(row["outcome"] for row in world.engine.rows("select outcome from reports"))
    owed = sum(each.occasion == "confirmation" for each in mails.everything(world.engine))
    stands = statements.stated(world.engine, "0363", "2017H2")
    said = withdrawals.selection(world.engine, "0363", "2017H2", to_ms(world.clock()))
    acts = {
        "stated": (len(stands), events["nothing_stated"], outcomes["GEEN-LEVERING"]),
        "withdrawn": (len(said), events["withdrawn"], outcomes["INGETROKKEN"], owed),
    }
    found = [f"in part: {act} {traces}" for act, traces in acts.items() if set(traces) not in ({0}, {1})]
    return found + [f"promised and lost: {act}" for act, traces in acts.items() if act in told and 0 in traces]


def _mails(world: World) -> list[str]:
    """Every mail that is owed was sent, lies in the folder, and is in the log once."""
    owed = mails.everything(world.engine)
    found = [f"mail {each.state}: {each.occasion} {each.account}" for each in owed if each.state != "sent"]
    logged = Counter(line.detail["mail"] for line in log.everything(world.engine) if line.event == "mailed")
    if logged != Counter(each.id for each in owed for _ in notified(each)):
        found.append(f"mails in the log: {logged}")
    here = sorted(path.name.partition("-")[2] for path in (world.spool.outbox / MAIL).iterdir())
    if here != sorted(f"{each.id}.eml" for each in owed):
        found.append(f"mails in the folder: {here}")
    return found


def notified(owed: mails.Notification) -> list[object]:
    """The municipalities in whose log a mail stands; one line without any, when it is about none."""
    codes = owed.content["municipalities"]
    return codes if isinstance(codes, list) and codes else [None]


def _watch_folder(world: World) -> list[str]:
    came = Counter((drop.file.name, drop.file.sha256) for drop in all_drops(world) if drop.channel is Channel.WATCH)
    wanted = Counter((Path(path).name, sha256(body).hexdigest()) for path, body in watched().items() if body)
    found = [] if came == wanted else [f"watch folder: received {came}, put {wanted}"]
    aside = [path for path in tree(world.spool.inbox) if path.startswith("0363/.geweigerd/")]
    if [Path(path).name for path in aside] != [EMPTY]:
        found.append(f"set aside: {aside}")
    return found


def _outbox(world: World) -> list[str]:
    rows = world.engine.rows(
        """select f.municipality, f.name, f.body, r.confirmed_at, r.placed_at from report_files as f
           join reports as r on r.id = f.report_id"""
    )
    wanted = {}
    for row in rows:
        folder = f"{row['municipality']}/opgehaald" if row["confirmed_at"] is not None else row["municipality"]
        wanted[f"{folder}/{row['name']}"] = bytes(row["body"])
    here = {path: body for path, body in tree(world.spool.outbox).items() if not path.startswith(MAIL)}
    found = [f"missing from the outbox: {path}" for path in sorted(set(wanted) - set(here))]
    found += [f"too much in the outbox: {path}" for path in sorted(set(here) - set(wanted))]
    found += [
        f"other bytes in the outbox: {path}" for path in sorted(set(here) & set(wanted)) if here[path] != wanted[path]
    ]
    return found + [f"never placed: {row['name']}" for row in rows if row["placed_at"] is None]


def _inbox(world: World) -> list[str]:
    inbox = world.spool.inbox
    left = [path for name in (".staging/*", "*/.landed/*", "*/.claimed/*", "*/*.csv") for path in inbox.glob(name)]
    return [f"left in the inbox: {path.relative_to(inbox)}" for path in left]


def everything(world: World) -> dict[str, object]:
    """All rows of all tables and all files: equal when nothing changed."""
    tables = [row["name"] for row in world.engine.rows("select name from sqlite_master where type = 'table'")]
    rows = {name: world.engine.rows(" ".join(("select * from", name))) for name in sorted(tables)}
    return {**rows, "inbox": tree(world.spool.inbox), "outbox": tree(world.spool.outbox)}
