"""The steps of the lifecycle test: what is asked of the gateway, in this process or in one that dies of it.

Does: names the files that are dropped and what each is worth; does one thing with a world and answers with a word;
`doomed` does it in a child that is killed at its k-th operation.
Touches: one world.
Does not: know what must come of it (lifecycle_model).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache, partial
from hashlib import sha256
from pathlib import Path

from gateway.channel.mail import SmtpPost
from gateway.domain.checks import examine_drop
from gateway.domain.kinds import Job
from gateway.domain.model import Channel, Examination, Lane
from gateway.errors import GatewayError, Refusal
from gateway.store.ledger import drops
from gateway.store.ledger.withdrawals import Withdrawal
from gateway.workflow import collect, nothing, retain
from gateway.workflow.admit import Attempt, admit, record_refusal
from gateway.workflow.assess import assess_all
from gateway.workflow.duties import run_duties
from gateway.workflow.extend import extend
from gateway.workflow.intake import Intake
from gateway.workflow.judge import release
from gateway.workflow.notify import send_due
from gateway.workflow.publish import publish
from gateway.workflow.receive import Received, receive
from gateway.workflow.recover import mirror, recover
from gateway.workflow.withdraw import by_file, by_form
from tests.channel.server import settings
from tests.crash.killer import Killer, install
from tests.forked import Ended, telling
from tests.samples import COST_HEADERS, WMO_HEADER, cost_csv, cost_rows, csv_bytes, wmo_csv, wmo_rows, zipped
from tests.story.lifecycle_model import CODES, Item, Upload
from tests.world import Clock, World, shipped

ALWAYS = 1_000_000
IDS_PER_LIFE = 1_000_000
REMEMBERED: dict[tuple[str, str, str], Examination] = {}

Tell = Callable[[str], None]
Step = Callable[[World, Tell], str]


@dataclass(frozen=True, slots=True)
class Doom:
    """Where a step dies: at its `at`-th operation; `when` as in Killer."""

    at: int
    when: str


# --- what is dropped --------------------------------------------------------------------------------------------------


@cache
def uploads(code: str) -> dict[str, Upload]:
    """The files of a municipality, by a word."""
    wmo, jeugd, sbw = (f"{kind}_{code}_2017H2.csv" for kind in ("WMO", "JEUGD", "SBW"))
    spoilt, broken = wmo_rows(3, code), cost_rows("JEUGD", code)
    spoilt[1][2], broken[0][3] = "999990008", "12,5"
    bad_wmo, bad_jeugd = csv_bytes(WMO_HEADER, spoilt), csv_bytes(COST_HEADERS["JEUGD"], broken)
    earlier = {f"SBW_{code}_2017H1.csv": cost_csv("SBW", code, "2017H1"), wmo: wmo_csv(3, code, seed=3)}
    mixed = {jeugd: cost_csv("JEUGD", code, seed=2), wmo: bad_wmo}
    item: dict[str, Item] = {kind: (kind, "2017H2") for kind in ("WMO", "JEUGD", "SBW")}
    made = {
        "good": (wmo, wmo_csv(3, code), {item["WMO"]: True}),
        "corrected": (wmo, wmo_csv(4, code, seed=2), {item["WMO"]: True}),
        "bad": (wmo, bad_wmo, {item["WMO"]: False}),
        "jeugd": (jeugd, cost_csv("JEUGD", code), {item["JEUGD"]: True}),
        "bad jeugd": (jeugd, bad_jeugd, {item["JEUGD"]: False}),
        "sbw": (sbw, cost_csv("SBW", code), {item["SBW"]: True}),
        "zip": ("MSD.zip", zipped(earlier), {("SBW", "2017H1"): True, item["WMO"]: True}),
        "mixed zip": ("MSD.zip", zipped(mixed), {item["JEUGD"]: True, item["WMO"]: False}),
        "misnamed": ("gegevens.csv", wmo_csv(3, code), {}),
    }
    found = {}
    for word, (name, body, worth) in made.items():
        items = frozenset(worth) if name in (wmo, jeugd, sbw) else None
        found[word] = Upload(code, name, body, sha256(body).hexdigest(), tuple(worth.items()), items)
    return found


WORDS = tuple(uploads(CODES[0]))


def examine(job: Job) -> Examination:
    """`examine_drop`, once per file and remembered: a forked child must not wake the threads of polars."""
    key = (job.municipality, job.name, sha256(job.payload).hexdigest())
    if key not in REMEMBERED:
        REMEMBERED[key] = examine_drop(job)
    return REMEMBERED[key]


def examine_beforehand() -> None:
    """Examine everything that will be dropped, so that children only remember."""
    configuration = shipped()
    known = frozenset(configuration.participants.municipalities)
    for code in CODES:
        for each in uploads(code).values():
            rules = configuration.rules["2017H2"]
            examine(Job(each.name, each.body, code, known, date(2018, 2, 12), rules))


# --- lives of one gateway ---------------------------------------------------------------------------------------------


def opened(folder: Path, now: datetime, life: int, *accepted: str) -> World:
    """The gateway on `folder`, in one of its lives."""
    return World(folder, clock=Clock(now), first_id=life * IDS_PER_LIFE + 1, examiner=examine).open(*accepted)


def reopened(folder: Path, now: datetime, life: int) -> World:
    """The gateway started again after its process died, when its loops have looked once."""
    world = opened(folder, now, life)
    recover(world.ctx, edge=True)
    Intake(world.ctx, rescan_seconds=3600, received=lambda: None, tell=world.tell).scan()
    mirror(world.ctx)
    return world


def doomed(folder: Path, now: datetime, life: int, doom: Doom, step: Step) -> Ended:
    """Do a step in a child that dies of it, unless the step ends before. It tells `answer ...` when it ended."""
    return telling(partial(_die, folder, now, life, doom, step))


def _die(folder: Path, now: datetime, life: int, doom: Doom, step: Step, tell: Tell) -> None:
    killer = Killer(when=doom.when)
    install(killer)
    world = opened(folder, now, life)
    killer.at = len(killer.steps) + doom.at
    tell(f"answer {step(world, tell)}")


# --- steps ------------------------------------------------------------------------------------------------------------


def drop(upload: Upload, login: str, since: datetime, world: World, tell: Tell) -> str:
    """What the door does with an upload that was begun at `since` and is closed now."""
    lane = Lane.TRIAL if upload.trial else Lane.DELIVERY
    attempt = world.attempt(upload.name, login, upload.code, lane)
    try:
        admit(world.ctx, attempt, started=since)
    except Refusal as refusal:
        record_refusal(world.ctx, attempt, refusal)
        return refusal.code
    landing = world.land(attempt, upload.body, since)
    tell("landed")
    answer = receive(world.ctx, [landing])[landing.facts.id]
    world.spool.clear(landing.folder)
    return "received" if isinstance(answer, Received) else repr(answer)


def judge(killing: str, world: World, _tell: Tell) -> str:
    """Judge until nothing waits; no worker survives a file of the name `killing`."""
    world.faults = {killing: ALWAYS}
    world.judge_all()
    world.faults = {}
    return "judged"


def let_go(drop_id: str, world: World, _tell: Tell) -> str:
    """An operator releases a held drop."""
    release(world.ctx, drops.get(world.engine, drop_id), "mended", "operator")
    return "released"


def assess(world: World, _tell: Tell) -> str:
    """Make the op-orde reports that are owed."""
    assess_all(world.ctx, world.tell)
    return "assessed"


def place(world: World, _tell: Tell) -> str:
    """Publish."""
    publish(world.ctx)
    return "placed"


def reflect(path: str, world: World, _tell: Tell) -> str:
    """Somebody removed a file from the outbox; the gateway looks."""
    (world.spool.outbox / path).unlink(missing_ok=True)
    mirror(world.ctx)
    return "mirrored"


def fetch(report_id: str, login: str, confirm: bool, world: World, _tell: Tell) -> str:
    """Read a report in full, or acknowledge it."""
    (collect.confirm if confirm else collect.observed)(world.ctx, world.account(login), report_id)
    return "fetched"


def select(login: str, code: str, name: str, world: World, _tell: Tell) -> str:
    """A municipality gives a file in intrekken/ a name."""
    try:
        return "changed" if by_file(world.ctx, world.account(login), code, name) else "unchanged"
    except Refusal as refusal:
        return refusal.code


def form(code: str, item: Item, withdrawn: bool, today: date, world: World, _tell: Tell) -> str:
    """The desk records a form of CBS that came today."""
    change = Withdrawal(code, "2017H2", *item, withdrawn, "desk", "form", world.clock())
    try:
        return "changed" if by_form(world.ctx, change, today) else "unchanged"
    except Refusal as refusal:
        return refusal.code


def prolong(code: str, until: date, world: World, _tell: Tell) -> str:
    """The desk extends the window of a municipality."""
    try:
        extend(world.ctx, code, until, "illness", "operator")
    except GatewayError:
        return "no"
    return "extended"


def state_nothing(login: str, code: str, name: str, world: World, _tell: Tell) -> str:
    """A municipality states that there is nothing to deliver."""
    try:
        nothing.state(world.ctx, Attempt(world.account(login), code, Lane.DELIVERY, name), Channel.SFTP)
    except Refusal as refusal:
        return refusal.code
    return "stated"


def send(port: int, seconds: float, world: World, _tell: Tell) -> str:
    """Offer every mail that is due to the server on a port."""
    send_due(world.ctx, SmtpPost(settings(port, seconds)), world.tell)
    return "sent"


def tick(world: World, _tell: Tell) -> str:
    """Ask what is due, and ask again."""
    run_duties(world.ctx, world.tell)
    again = run_duties(world.ctx, world.tell)
    return f"{again} again"


def night(world: World, _tell: Tell) -> str:
    """Retention."""
    retain.nightly(world.ctx, world.tell)
    return "slept"
