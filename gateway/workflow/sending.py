"""Sending: the hand-over pushed to the assessor's server, file by file, until it is there.

Does: derives from the rows which data files and manifests are still to be pushed, sends what is due, notes what
arrived, and tries the rest again with growing pauses, for ever: a hand-over is owed.
Touches: tables pushes, manifests, log; payloads, reading; a courier.
Does not: know SFTP (channel.push), or take back what was pushed and then withdrawn or replaced: the next manifest does
not name it, and the manifest counts.

A manifest is sent when all data files that it names have arrived: a new one each time the set changed, and the final
one after the withdrawal window.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta

from gateway.domain.model import DeliveryRound
from gateway.errors import Temporary
from gateway.store.ledger import assessor, deliveries, handovers, log
from gateway.store.ledger import packages as kept
from gateway.store.ledger.handovers import Push
from gateway.workflow import handover
from gateway.workflow.context import Context
from gateway.workflow.packages import ENDING

BACK_OFF = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60))
BATCH = 100

Parcel = tuple[str, bytes]
Courier = Callable[[Iterable[Parcel]], Iterator[tuple[Parcel, Temporary | None]]]


def push_all(ctx: Context, courier: Courier, tell: Callable[..., None]) -> int:
    """Send everything whose turn it is; how many files arrived. Repeatable after a crash: a file that arrived and was
    not noted is put again over itself."""
    for round_ in ctx.configuration().rounds.values():
        _plan(ctx, round_)
    arrived = 0
    while due := _due(ctx):
        sent = _send(ctx, due, courier, tell)
        arrived += sent
        if sent < len(due):
            break
        for round_ in ctx.configuration().rounds.values():
            _plan(ctx, round_)
    return arrived


# --- what is owed -----------------------------------------------------------------------------------------------------


def _plan(ctx: Context, round_: DeliveryRound) -> None:
    """Add what is to be pushed of a round and is not known yet."""
    final = handovers.final(ctx.engine, round_.id)
    known = handovers.pushes(ctx.engine, round_.id)
    if final is not None and any(each.subject == final.id and each.state == "sent" for each in known):
        return
    files = handover.standing(ctx, round_)
    states = {each.subject: each.state for each in known}
    names = {each.subject: each.name for each in known}
    for file in files:
        name = handover.file_name(file) + (ENDING if _recipient(ctx) else "")
        if states.get(file.delivery_id, "sent") != "sent" and names[file.delivery_id] != name:
            # A recipient was configured, or left out, since it was planned.
            handovers.rename_push(ctx.engine, "delivery", file.delivery_id, name)
        if file.delivery_id not in states:
            handovers.add_push(ctx.engine, "delivery", file.delivery_id, round_.id, name, ctx.now())
        elif states[file.delivery_id] == "gone":
            handovers.revive(ctx.engine, "delivery", file.delivery_id, ctx.now())
    if final is not None:
        handovers.add_push(ctx.engine, "manifest", final.id, round_.id, final.name, ctx.now())
        return
    standing = {file.delivery_id for file in files}
    complete = all(states.get(each) == "sent" for each in standing)
    if complete and standing != _listed(ctx, known):
        with ctx.engine.transaction():
            made = handover.add_manifest(ctx, round_, files, final=False)
            handovers.add_push(ctx.engine, "manifest", made.id, round_.id, made.name, ctx.now())


def _listed(ctx: Context, known: list[Push]) -> set[str]:
    """The deliveries that the last manifest names."""
    lists = [each for each in known if each.what == "manifest"]
    if not lists:
        return set()
    document = json.loads(handovers.manifest(ctx.engine, lists[-1].subject).body)
    return {file["delivery_id"] for file in document["files"]}


def _due(ctx: Context) -> list[Push]:
    """What is to be sent now: no manifest while a data file of its round has not arrived."""
    due = handovers.due_pushes(ctx.engine, ctx.now(), BATCH)
    missing = {
        each.round_id
        for round_id in {push.round_id for push in due}
        for each in handovers.pushes(ctx.engine, round_id)
        if each.what == "delivery" and each.state == "pending"
    }
    to = _recipient(ctx)
    if to is not None:
        due = [push for push in due if push.what == "manifest" or to in kept.of(ctx.engine, "delivery", push.subject)]
    return [push for push in due if push.what == "delivery" or push.round_id not in missing]


def _recipient(ctx: Context) -> str | None:
    """What data files are sealed to before they leave; None: they are pushed plain."""
    push = ctx.configuration().settings.push
    return push.age_recipient if push is not None else None


# --- sending ----------------------------------------------------------------------------------------------------------


def _send(ctx: Context, due: list[Push], courier: Courier, tell: Callable[..., None]) -> int:
    """Offer files to the server; how many are settled: arrived, or not to be handed over any more."""
    by_name = {push.name: push for push in due}
    settled = 0
    waiting = dict(by_name)

    def parcels() -> Iterator[Parcel]:
        nonlocal settled
        for push in due:
            body = _body(ctx, push)
            if body is None:
                handovers.give_up(ctx.engine, push.id, "not to be handed over any more")
                del waiting[push.name]
                settled += 1
            else:
                yield push.name, body

    reason = "the line was cut"
    try:
        for (name, _), trouble in courier(parcels()):
            if trouble is None:
                _arrived(ctx, by_name[name], tell)
                del waiting[name]
                settled += 1
            else:
                _postpone(ctx, by_name[name], str(trouble), tell)
                del waiting[name]
    except Temporary as trouble:
        reason = str(trouble)
    for push in waiting.values():
        _postpone(ctx, push, reason, tell)
    return settled


def _body(ctx: Context, push: Push) -> bytes | None:
    """The bytes to be sent; None when a data file was withdrawn, replaced or erased meanwhile."""
    if push.what == "manifest":
        return handovers.manifest(ctx.engine, push.subject).body
    file = assessor.data_file(ctx.engine, push.subject)
    round_ = ctx.configuration().rounds.get(push.round_id)
    if file is None or round_ is None or not handover.stands(ctx, round_, file):
        return None
    to = _recipient(ctx)
    package = kept.of(ctx.engine, "delivery", push.subject).get(to) if to is not None else None
    if to is not None and package is None:
        raise Temporary("not sealed yet")
    return kept.body(ctx.engine, package) if package is not None else handover.body(ctx, file)


def _arrived(ctx: Context, push: Push, tell: Callable[..., None]) -> None:
    with ctx.engine.transaction():
        now = ctx.now()
        if not handovers.sent(ctx.engine, push.id, now):
            return
        delivery = deliveries.find(ctx.engine, push.subject) if push.what == "delivery" else None
        log.append(
            ctx.engine,
            log.Line(
                at=now,
                event="handed_over",
                municipality=delivery.municipality if delivery else None,
                drop_id=delivery.drop_id if delivery else None,
                delivery_id=delivery.id if delivery else None,
                detail={"file": push.name},
            ),
        )
    tell("handed_over", file=push.name)


def _postpone(ctx: Context, push: Push, reason: str, tell: Callable[..., None]) -> None:
    pause = BACK_OFF[min(push.attempts, len(BACK_OFF) - 1)]
    handovers.postpone(ctx.engine, push.id, ctx.now() + pause, reason)
    tell("push_failed", file=push.name, attempt=push.attempts + 1, reason=reason, error=True)
