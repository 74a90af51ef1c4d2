"""Recover: folders and ledger compared, and made to agree.

Does: `differences` lists every disagreement (for `gateway doctor`); `recover` mends at start what a crash left behind;
`mirror` keeps the outbox equal to the ledger.
Touches: inbox/, outbox/, through intake and publish the ledger.
Does not: guess. What it cannot explain it names and leaves for a person.
"""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from gateway.domain.lifecycle import DELIVERY_TRANSITIONS, DROP_TRANSITIONS, follow_delivery, follow_drop
from gateway.domain.model import DeliveryState, DropState
from gateway.errors import Corrupt, Temporary
from gateway.store.ledger import deliveries, drops, facts, log, reports
from gateway.store.ledger.retention import begun
from gateway.store.looks import Looks
from gateway.store.spool import COLLECTED, Spool
from gateway.workflow import restored, retain
from gateway.workflow.collect import confirm_moved
from gateway.workflow.context import Context
from gateway.workflow.publish import publish, replace_missing

DROP_EVENTS = {event for _, event in DROP_TRANSITIONS}
DELIVERY_EVENTS = {event for _, event in DELIVERY_TRANSITIONS}
# Why a file stays although its term is over, as a person reads it.
OVERDUE = {"undecided": "judged yet", "owed": "all reports on them made", "handed over": "handed over yet"}


@dataclass(frozen=True, slots=True)
class Difference:
    """One disagreement. `mends`: whether the running gateway or `recover` puts it right by itself; `code` is a key of
    `texts/*/doctor.yaml`, which says what it means and what to do."""

    what: str
    subject: str
    mends: bool
    code: str = "OTHER"


def recover(ctx: Context, *, edge: bool, publisher: bool = True, tends: bool = True) -> None:
    """Before the edge opens: make the folders, sweep what a crash broke off. `edge`: this process takes uploads,
    `publisher`: it places reports, `tends`: it has the watch folders; what another process may have at hand is not
    swept.

    Landed and claimed files are received by the intake loop's first scan; reports are placed by the publishing loop.
    """
    municipalities = sorted(ctx.configuration().participants.municipalities)
    ctx.spool.prepare(municipalities)
    if edge:
        ctx.spool.sweep_staging()
    if edge and tends:
        ctx.spool.sweep_claims()
    if publisher:
        ctx.spool.sweep_hidden(municipalities)


def mirror(ctx: Context, looks: Looks | None = None) -> None:
    """Make the outbox agree with the ledger: what was moved into opgehaald/ is confirmed, what is missing made again.
    Looks at every report's file, so it runs beside the daemon, not before it.

    Who asks every minute brings his `looks`: with 100,000 deliveries a comparison of everything takes seconds, and an
    outbox that looks as it did when it agreed still does: the gateway's own changes of it are changes of its folders.
    """
    looks = looks or Looks(float)
    codes = [code for code in reports.municipalities(ctx.engine) if not _same(ctx, code, looks)]
    troubles: dict[str, Temporary] = {}
    for code in codes:
        # An outbox that gives trouble is left until the next look; the others are mended now.
        try:
            confirm_moved(ctx, code)
        except Temporary as error:
            troubles[code] = error
    try:
        publish(ctx)
    finally:
        for code in codes:
            try:
                replace_missing(ctx, code)
            except Temporary as error:
                troubles[code] = error
            if code not in troubles:
                for folder in _outbox(ctx, code):
                    looks.done(folder)
    for trouble in troubles.values():
        raise trouble


def _outbox(ctx: Context, code: str) -> tuple[str, str]:
    """The folders in which the reports of a municipality lie."""
    return str(ctx.spool.outbox / code), str(ctx.spool.outbox / code / COLLECTED)


def _same(ctx: Context, code: str, looks: Looks) -> bool:
    # Both are looked at, so that each is known the next time.
    return not [folder for folder in _outbox(ctx, code) if not looks.same(folder)]


def differences(ctx: Context) -> list[Difference]:
    """Every disagreement between folders, ledger and log, as they are now."""
    found = [Difference(problem, "ledger", mends=False, code="LEDGER") for problem in ctx.engine.check()]
    codes = sorted(ctx.configuration().participants.municipalities)
    # Before the first start there are none yet.
    missing = ctx.spool.missing(codes) if facts.setting(ctx.engine, "sandbox") is not None else []
    found += [Difference("folder missing", str(folder), mends=True, code="FOLDER") for folder in missing]
    if missing:
        # What lies in the others can be compared once all are there.
        return found + replay(ctx)
    found += [
        Difference(each.what, str(each.folder), each.mode is not None, "OPEN") for each in ctx.spool.exposed(codes)
    ]
    for folder in ctx.spool.landed_folders():
        if drops.find(ctx.engine, folder.name) is not None:
            found.append(Difference("received, landing not yet removed", folder.name, mends=True, code="LEFT"))
            continue
        spoilt = spoilt_landing(ctx, folder)
        code = "SPOILT" if spoilt else "LANDED"
        found.append(Difference(spoilt or "landed and not yet received", folder.name, not spoilt, code))
    found += [
        Difference(f"folder cannot be listed: {why}", code, mends=False, code="UNREACHABLE")
        for code, why in ctx.spool.unreachable()
    ]
    found += [Difference("claimed and not yet landed", claim.id, True, "CLAIMED") for claim in ctx.spool.claims()]
    found += [Difference("report not yet placed", each.stem, True, "UNPLACED") for each in reports.unplaced(ctx.engine)]
    theirs = reports.municipalities(ctx.engine)
    reported = [placed for code in theirs for placed in reports.all_placed(ctx.engine, code)]
    lying = {
        (code, confirmed): ctx.spool.report_names(code, confirmed=confirmed)
        for code in theirs
        for confirmed in (False, True)
    }
    found += [
        Difference("report file missing from its folder", placed.name, mends=True, code="MISSING")
        for placed in reported
        if placed.name not in lying[placed.municipality, placed.confirmed]
    ]
    found += [
        Difference("confirmed report file not yet filed away", placed.name, mends=True, code="NOT_FILED")
        for placed in reported
        if placed.confirmed and placed.name in lying[placed.municipality, False]
    ]
    found += [Difference(each.what, each.stem, each.mends, each.code) for each in restored.unknown_reports(ctx, codes)]
    found += [
        Difference("erasure begun and not yet proven", f"{e.what} {e.name}", mends=True, code="ERASURE")
        for e in begun(ctx.engine)
    ]
    kept = Counter(each.why for each in retain.plan(ctx, {"payload"}).kept if each.why != "hold")
    found += [
        Difference(f"past their term, not {OVERDUE[why]}", f"{n} files", mends=False, code="OVERDUE")
        for why, n in kept.items()
    ]
    closed = restored.gate(ctx.engine)
    if closed is not None:
        found.append(
            Difference("no mail leaves since a restore: gateway mail release", closed.isoformat(), False, "MAIL_GATE")
        )
    found += replay(ctx)
    return found


def spoilt_landing(ctx: Context, folder: Path) -> str:
    """Why a landing can never be received, and what a person does about it; empty when it can. Its sender never heard
    OK: that is said after the ledger has the bytes."""
    try:
        Spool.payload(Spool.read_facts(folder))
    except Corrupt as error:
        if drops.find(ctx.engine, folder.name) is not None:
            return ""  # received meanwhile, and being removed
        code = folder.parent.parent.name
        place = f"inbox/{code}/{folder.parent.name}/{folder.name}"
        return f"{error}: ask {code} to deliver it again, then move {place} away"
    return ""


def replay(ctx: Context) -> list[Difference]:
    """The log run through TRANSITIONS must give the stored states; each place where it does not."""
    drop_states: dict[str, DropState] = {}
    delivery_states: dict[str, DeliveryState] = {}
    found = []
    for line in log.everything(ctx.engine):
        try:
            if line.event in DELIVERY_EVENTS and line.delivery_id:
                before = delivery_states.get(line.delivery_id)
                delivery_states[line.delivery_id] = follow_delivery(before, line.event)
            elif line.event in DROP_EVENTS and line.drop_id:
                drop_states[line.drop_id] = follow_drop(drop_states.get(line.drop_id), line.event)
        except KeyError:
            found.append(Difference(f"log line '{line.event}' does not fit", line.drop_id or "", False, "LOG"))
    if drop_states != drops.states(ctx.engine):
        found.append(Difference("log and drops tell different states", "drops", mends=False, code="LOG"))
    if delivery_states != deliveries.states(ctx.engine):
        found.append(Difference("log and deliveries tell different states", "deliveries", mends=False, code="LOG"))
    return found
