"""Instruments: what the daemon measures of itself, and who hears when something stands still.

Does: joins vitals, figures and (when there is an address for them) metrics; looks at health and raises the alarm;
writes the signs of life.
Touches: the heart files, the metrics' socket; the ledger through health and alarm.
Does not: stop anything. A gateway that cannot be measured still takes files.
"""

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.channel.mail import post_for
from gateway.config import Settings
from gateway.daemon import heart
from gateway.daemon.expiry import certificate_ends
from gateway.daemon.figures import Figures
from gateway.daemon.parts import Tell, running
from gateway.domain.kinds import Job
from gateway.domain.model import Examination
from gateway.errors import WorkerFault
from gateway.store.durable import write_durably
from gateway.workflow.alarm import OCCASION, Alarm
from gateway.workflow.context import Context
from gateway.workflow.health import View, troubles, view
from gateway.workflow.loops import Loop
from gateway.workflow.notify import send_due
from gateway.workflow.vitals import SLACK, Vitals

if TYPE_CHECKING:
    from gateway.edge.metrics import Meters

ALARM_SECONDS = 30.0
# How long a tick may take: a night's purge of a large ledger takes longest.
TICK_PATIENCE = 3600.0


@dataclass(frozen=True, slots=True)
class Instruments:
    """Everything that is measured in this process; `meters` is None when nobody asked for metrics."""

    vitals: Vitals
    figures: Figures
    meters: "Meters | None" = None

    def counted(self, tell: Tell) -> Tell:
        """`tell`, which also counts."""
        return self.meters.counted(tell) if self.meters else tell

    def measured(self, examine: Callable[[Job], Examination]) -> Callable[[Job], Examination]:
        """`examine`, timed, its deaths counted."""

        def measured(job: Job) -> Examination:
            with self.vitals.timed("examination_seconds"):
                try:
                    return examine(job)
                except WorkerFault:
                    self.vitals.observe("worker_deaths", 1)
                    raise

        return measured

    def beating(self, name: str, seconds: float, step: Callable[[], None]) -> Callable[[], None]:
        """A tick that gives signs of life. It still raises what it raises."""

        def beaten() -> None:
            self.vitals.beat(name, TICK_PATIENCE)
            well = False
            try:
                step()
                well = True
            finally:
                self.vitals.beat(name, 2 * seconds + SLACK, well)

        self.vitals.beat(name, 2 * seconds + SLACK)
        return beaten


def instruments(settings: Settings, stack: ExitStack) -> Instruments:
    """Instruments for a process; metrics only where an address was given."""
    if settings.metrics.address is None:
        vitals = Vitals(time.monotonic)
        return Instruments(vitals, Figures(vitals))
    # Not at the top: prometheus-client takes time and memory that a daemon without metrics does not spend.
    from gateway.edge.metrics import Meters

    figures = Figures(Vitals())
    meters = Meters(figures)
    figures.vitals = Vitals(time.monotonic, meters.observe)
    stack.callback(figures.close)
    return Instruments(figures.vitals, figures, meters)


def serve_metrics(made: Instruments, settings: Settings, tell: Tell, stack: ExitStack, process: int = 1) -> None:
    """Answer at the address of the metrics, a second process at the port after it, and so on. When it is taken, say so
    and go on."""
    address = settings.metrics.address
    if made.meters is None or address is None:
        return
    host, first = address
    try:
        port = stack.enter_context(made.meters.served(host, first + process - 1 if first else 0))
    except OSError as error:
        tell("metrics_failed", reason=str(error), error=True)
    else:
        tell("metrics", host=host, port=port)


def live(made: Instruments, ctx: Context, role: str, tell: Tell, stack: ExitStack, process: int = 1) -> None:
    """Write signs of life from now on, and that this process ended in order when it did."""
    state = ctx.configuration().settings.paths.state
    write = partial(heart.write, state, role, made.vitals, ctx.now, process=process)
    stack.callback(partial(write, ended=True))
    write()
    writing = Loop("heart", heart.SECONDS, write, tell, made.vitals)
    stack.enter_context(running(writing))


def seen(ctx: Context, state: Path) -> View:
    """How everything stands at this moment."""
    configuration = ctx.configuration()
    settings = configuration.settings
    return view(
        ctx.engine,
        settings,
        configuration.calendar,
        ctx.now(),
        ctx.written,
        heart.read(state),
        certificate_ends(settings),
    )


def alarm_seconds(speed: float) -> float:
    """How often to look if something stands still: each half minute, in a fast sandbox at least each legal minute."""
    return max(0.25, min(ALARM_SECONDS, 60 / speed)) if speed > 0 else ALARM_SECONDS


def alarmed(ctx: Context, role: str, tell: Tell, tends: Callable[[], bool]) -> Callable[[], None]:
    """Look at health and owe the mail about what is new. Of those who take files in the one that `tends` the folders
    sends it itself when nobody else does."""
    alarm = Alarm(time.monotonic)
    state = ctx.configuration().settings.paths.state

    def look() -> None:
        now = seen(ctx, state)
        alarm.look(ctx, troubles(now), tell)
        if role == "sftp" and tends() and not any(each.beats and each.role != "sftp" for each in now.hearts):
            post = post_for(ctx.configuration().settings, write_durably, sandbox=ctx.sandbox)
            send_due(ctx, post, tell, only=OCCASION)

    return look
