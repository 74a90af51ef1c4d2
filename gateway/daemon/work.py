"""Work: the loops that derive what is to be done from the ledger, and the ticks that ask what is due.

Does: starts publishing, mailing, scanning, judging, assessing, handing over and the comparison of outbox and ledger;
names the ticks.
Touches: threads.
Does not: take files in (door).
"""

import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

from gateway.channel.mail import Post, post_for
from gateway.config import Settings
from gateway.daemon.parts import Tell, running
from gateway.daemon.scanner import sight
from gateway.store.durable import write_durably
from gateway.store.looks import Looks
from gateway.workflow import handover, packages
from gateway.workflow.assess import assess_all
from gateway.workflow.context import Context
from gateway.workflow.duties import run_duties
from gateway.workflow.loops import Judging, Loop, Mailing
from gateway.workflow.publish import publish
from gateway.workflow.recover import mirror
from gateway.workflow.scan import Scanning
from gateway.workflow.sealer import Sealer, folder_of
from gateway.workflow.sending import push_all
from gateway.workflow.vitals import Vitals

ASSESS_SECONDS = 5.0
HAND_OVER_SECONDS = 30.0
MIRROR_SECONDS = 60.0
MIRROR_AGAIN = 3600.0
MAIL_SECONDS = 2.0
DUTY_SECONDS = 30.0
# How long one round of what goes through every file may take.
SLOW = 1800.0
SEAL_SECONDS = 60.0
SCAN_SECONDS = 5.0


def start_work(
    ctx: Context, settings: Settings, tell: Tell, stack: ExitStack, vitals: Vitals | None = None
) -> Callable[[], None]:
    """Start publishing, mailing, judging and the comparison of outbox and ledger; what wakes the first three."""
    looks = Looks(time.monotonic, MIRROR_AGAIN)
    stack.enter_context(running(Loop("mirror", MIRROR_SECONDS, partial(mirror, ctx, looks), tell, vitals, SLOW)))
    stack.enter_context(running(Loop("seal", SEAL_SECONDS, Sealer(ctx, folder_of(settings.paths.state)), tell, vitals)))
    publishing = stack.enter_context(running(Loop("publish", 1.0, partial(publish, ctx, tell), tell, vitals)))

    def post() -> Post:
        return post_for(ctx.configuration().settings, write_durably, sandbox=ctx.sandbox)

    mailing = stack.enter_context(running(Mailing(ctx, post=post, seconds=MAIL_SECONDS, tell=tell, vitals=vitals)))

    def report() -> None:
        publishing.wake()
        mailing.wake()

    handing = stack.enter_context(
        running(Loop("hand_over", HAND_OVER_SECONDS, partial(_hand_over, ctx, tell), tell, vitals, SLOW))
    )

    def assessed() -> None:
        if assess_all(ctx, tell):
            report()
        handing.wake()

    assessing = stack.enter_context(running(Loop("assess", ASSESS_SECONDS, assessed, tell, vitals)))

    def decided() -> None:
        report()
        assessing.wake()

    scanning = Scanning(time.monotonic, sight)
    judging = Judging(
        ctx, slots=settings.workers.count, seconds=1.0, decided=decided, tell=tell, vitals=vitals, scanning=scanning
    )
    stack.enter_context(running(judging))

    def scanner() -> None:
        if scanning.look(ctx, tell):
            judging.wake()

    stack.enter_context(running(Loop("scan", SCAN_SECONDS, scanner, tell, vitals)))

    def wake() -> None:
        report()
        judging.wake()

    return wake


def duties(ctx: Context, wake: Callable[[], None], tell: Tell) -> None:
    run_duties(ctx, tell)
    wake()


def _hand_over(ctx: Context, tell: Tell) -> None:
    """Seal what an assessor fetches, make the final manifests that are due, and push what is owed, when there is where
    to."""
    packages.make_all(ctx, tell)
    handover.finish(ctx, tell)
    push = ctx.configuration().settings.push
    if push is not None:
        # Not at the top: paramiko takes time and memory that a daemon which pushes nothing does not spend.
        from gateway.channel.push import send

        push_all(ctx, partial(send, push, sandbox=ctx.sandbox), tell)


def duty_seconds(speed: float) -> float:
    """How often to ask what is due: each half minute, and in a fast sandbox at least each legal hour."""
    return max(0.1, min(DUTY_SECONDS, 3600 / speed)) if speed > 0 else DUTY_SECONDS
