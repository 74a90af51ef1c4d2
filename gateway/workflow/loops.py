"""Loops: the steps that derive their work from the ledger, each in a thread of its own.

Does: runs a step when woken and every so many seconds; judges drops of different municipalities at the same time;
sends mail.
Touches: threads; the ledger through the steps.
Does not: keep a queue. A lost wake-up costs latency only.
"""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from gateway.channel.clamd import Overlooked, Unscanned
from gateway.channel.mail import Post
from gateway.domain.model import Drop
from gateway.errors import SURPRISES, GatewayError
from gateway.examine import place_of
from gateway.workflow.context import Context
from gateway.workflow.judge import hold, judge, next_drop
from gateway.workflow.notify import send_due
from gateway.workflow.scan import Scanning
from gateway.workflow.vitals import SLACK, Vitals

# Trouble of the ledger or the disk says itself what it is. Of anything else only type and place are told: its words may
# hold a value.
TROUBLE = (GatewayError, OSError)
# How long one step of most loops may take before somebody should look.
PATIENCE = 300.0
# A batch of mails to a server that lets each wait for its time-out.
MAIL_PATIENCE = 3600.0


def reason_of(error: Exception) -> str:
    """What the daemon's log may say of an error."""
    return repr(error) if isinstance(error, TROUBLE) else place_of(error)


class Loop:
    """A step that is repeated. A step that raises is told and tried again. `patience`: seconds that one may take."""

    def __init__(
        self,
        name: str,
        seconds: float,
        step: Callable[[], object],
        tell: Callable[..., None],
        vitals: Vitals | None = None,
        patience: float = PATIENCE,
    ) -> None:
        self._name = name
        self._seconds = seconds
        self._step = step
        self._tell = tell
        self._vitals = vitals or Vitals()
        self._patience = patience
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin; the first step comes at once."""
        self._wake.set()
        self._thread.start()

    def wake(self) -> None:
        """There may be work."""
        self._wake.set()

    def stop(self) -> None:
        """End after the step at hand."""
        self._stopping = True
        self._wake.set()
        self._thread.join()

    def _run(self) -> None:
        well: bool | None = None
        while not self._stopping:
            self._vitals.beat(self._name, self._seconds + SLACK, well)
            self._wake.wait(self._seconds)
            self._wake.clear()
            self._vitals.beat(self._name, self._patience)
            try:
                self._step()
                well = True
            except (*TROUBLE, *SURPRISES) as error:  # a thread that ended would stop this step until somebody notices
                well = False
                self._tell("step_failed", step=self._name, reason=reason_of(error), error=True)
        self._vitals.forget(self._name)


class Judging:
    """Judges waiting drops on `slots` threads, never two of one municipality at once, so that drops of one item are
    decided in order of arrival. `decided()` is called after each verdict; `scanning` knows who waits for the
    scanner."""

    def __init__(
        self,
        ctx: Context,
        *,
        slots: int,
        seconds: float,
        decided: Callable[[], None],
        tell: Callable[..., None],
        vitals: Vitals | None = None,
        scanning: Scanning,
    ) -> None:
        self._ctx = ctx
        self._decided = decided
        self._scanning = scanning
        self._tell = tell
        self._busy: set[str] = set()
        self._lock = threading.Lock()
        self._slots = slots
        self._pool = ThreadPoolExecutor(slots, thread_name_prefix="judge")
        self._loop = Loop("judging", seconds, self._fill, tell, vitals)

    def start(self) -> None:
        """Begin."""
        self._loop.start()

    def wake(self) -> None:
        """There may be a drop to judge."""
        self._loop.wake()

    def stop(self) -> None:
        """End after the verdicts at hand; what waits is judged after the next start."""
        self._loop.stop()
        self._pool.shutdown(wait=True)

    def _fill(self) -> None:
        while len(self._busy) < self._slots and self._scanning.trusts(self._ctx.configuration()):
            with self._lock:
                busy = self._busy | self._scanning.resting()
            drop = next_drop(self._ctx, busy)
            if drop is None:
                return
            with self._lock:
                self._busy.add(drop.municipality)
            self._pool.submit(self._judge, drop)

    def _judge(self, drop: Drop) -> None:
        try:
            self._judge_or_hold(drop)
        except Unscanned as fault:
            rest = self._scanning.failed(drop.municipality, str(fault))
            self._tell("unscanned", drop=drop.id, reason=str(fault), again_seconds=rest, error=True)
            self._free(drop)
        except (*TROUBLE, *SURPRISES) as error:  # whatever it is, the municipality must not stay busy
            # Mostly the ledger or the disk says no: not woken, so that the next try waits for the loop's own time.
            self._tell("judging_failed", drop=drop.id, reason=reason_of(error), error=True)
            self._free(drop)
        else:
            self._scanning.passed(drop.municipality)
            self._free(drop)
            self._decided()
            self._loop.wake()

    def _judge_or_hold(self, drop: Drop) -> None:
        try:
            judge(self._ctx, drop, self._tell)
        except Overlooked as fault:
            if not self._scanning.fits():
                raise  # too little is looked at of any such file: it goes on when the scanner is mended
            hold(self._ctx, drop, f"virus scan: {fault}")
            self._tell("overlooked", id=drop.short_id, drop=drop.id, reason=str(fault), error=True)

    def _free(self, drop: Drop) -> None:
        with self._lock:
            self._busy.discard(drop.municipality)


class Mailing:
    """Sends what is owed, on a thread of its own, by the way out that is in force at that moment."""

    def __init__(
        self,
        ctx: Context,
        *,
        post: Callable[[], Post],
        seconds: float,
        tell: Callable[..., None],
        vitals: Vitals | None = None,
    ) -> None:
        self._ctx = ctx
        self._post = post
        self._tell = tell
        self._lock = threading.Lock()
        self._under_way: Post | None = None
        self._stopping = False
        self._loop = Loop("mail", seconds, self._send, tell, vitals, MAIL_PATIENCE)

    def start(self) -> None:
        """Begin."""
        self._loop.start()

    def wake(self) -> None:
        """A mail may be owed."""
        self._loop.wake()

    def stop(self) -> None:
        """Break off what a slow mail server holds up; it is offered again after the next start."""
        with self._lock:
            self._stopping = True
            if self._under_way is not None:
                self._under_way.close()
        self._loop.stop()

    def _send(self) -> None:
        post = self._post()
        with self._lock:
            if self._stopping:
                return
            self._under_way = post
        send_due(self._ctx, post, self._tell)
