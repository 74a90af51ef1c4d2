"""Intake: the one loop through which every file comes in.

Does: takes closed uploads, claimed files of the watch folder and whatever a rescan finds landed, receives them in
batches, answers those who wait, and only after the commit removes landings.
Touches: inbox/; through receive the ledger.
Does not: trust an event. A submission only wakes it with a landing; the rescan finds what no event told of.

Whoever waits for an answer goes first: a burst in the watch folders is landed and received between submissions, and a
submission waits for one claim or one batch at most.

Weakness: while the ledger cannot be written, landings stay where they are and those who wait are told `Temporary`; the
loop tries again at every wake-up and every rescan.
"""

import math
import os
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from datetime import datetime
from hashlib import file_digest
from pathlib import Path

from gateway.domain.acts import is_statement
from gateway.domain.lifecycle import taken_late
from gateway.domain.model import Account, Channel, Lane, from_ms, to_ms
from gateway.errors import SURPRISES, Corrupt, GatewayError, Refusal, Temporary
from gateway.store.claims import Claim
from gateway.store.ledger import drops
from gateway.store.looks import Looks
from gateway.store.spool import Landing, LandingFacts, Spool
from gateway.workflow.admit import Attempt, admit, record_refusal, round_of_upload
from gateway.workflow.context import Context, rounds_for
from gateway.workflow.loops import reason_of
from gateway.workflow.nothing import state
from gateway.workflow.receive import Received, receive
from gateway.workflow.throttle import Throttle
from gateway.workflow.vitals import SLACK, Vitals

BATCH = 64
# How long a step may take before the watchdog is told nothing any more. A ledger that another holds answers after 10 s.
PATIENCE = 30.0


class Intake:
    """`tends()`: whether this process takes what is claimed in the watch folders; uploads it receives in any case.
    `tell(event, **facts)` is the daemon's log; `received()` wakes whoever works on received drops; `monotonic` is
    technical time in seconds (without it only silence leads to a rescan)."""

    def __init__(
        self,
        ctx: Context,
        *,
        rescan_seconds: float,
        received: Callable[[], None],
        tell: Callable[..., None],
        monotonic: Callable[[], float] = float,
        vitals: Vitals | None = None,
        patience: float = PATIENCE,
        tends: Callable[[], bool] = lambda: True,
    ) -> None:
        self._ctx = ctx
        self._tends = tends
        self._monotonic = monotonic
        self._vitals = vitals or Vitals()
        self._patience = patience
        self._well = True
        self._rescan_seconds = rescan_seconds
        self._received = received
        self._tell = tell
        self._throttle = Throttle(monotonic)
        self._spoilt = Throttle(monotonic, math.inf)
        self._looks = Looks(monotonic)
        self._queue: deque[tuple[Landing, Future[Received]]] = deque()
        self._wake = threading.Event()
        self._look = True
        self._looked = 0.0
        self._stopping = False
        self._thread = threading.Thread(target=self._loop, name="intake", daemon=True)

    def start(self) -> None:
        """Begin, with a rescan: what landed before a crash is received first."""
        self._thread.start()

    def submit(self, landing: Landing) -> Future[Received]:
        """A landed upload whose sender waits. The future gives `Received` after the commit, or the error."""
        answer: Future[Received] = Future()
        # A client that goes away cannot take its answer out of the intake's hands.
        answer.set_running_or_notify_cancel()
        self._queue.append((landing, answer))
        self._wake.set()
        return answer

    def wake(self) -> None:
        """Something may have landed or been claimed: look."""
        self._look = True
        self._wake.set()

    def stop(self) -> None:
        """Finish the batch at hand and what was submitted, then end."""
        self._stopping = True
        self._wake.set()
        self._thread.join()

    def _loop(self) -> None:
        while True:
            self._well = True
            self._vitals.beat("intake", self._patience)
            if self._look:
                self._look, self._looked = False, self._monotonic()
                self._carefully(self.scan)
            self._carefully(self._take_submitted)
            if self._stopping and not self._queue:
                self._vitals.forget("intake")
                return
            self._vitals.beat("intake", self._rescan_seconds + max(SLACK, self._patience), self._well)
            # Submissions wake at once; everything else waits for the rescan, so that a busy edge costs no listing.
            woken = self._wake.wait(self._rescan_seconds)
            self._wake.clear()
            if not woken or self._monotonic() - self._looked >= self._rescan_seconds:
                self._look = True

    def _carefully(self, step: Callable[[], None]) -> None:
        """Nothing comes in any more without this thread: whatever goes wrong is told, and the other step goes on."""
        try:
            step()
        except (GatewayError, OSError, *SURPRISES) as error:
            self._well = False
            self._tell("intake_failed", reason=reason_of(error), error=True)

    def scan(self) -> None:
        """Land what is claimed, receive whatever lies landed and nobody waits for. What fails alone fails alone."""
        claims = self._ctx.spool.claim_folders(self._looks) if self._tends() else []
        for count, folder in enumerate(claims, 1):
            self._vitals.beat("intake", self._patience)
            self._land(folder)
            if count % BATCH == 0:
                self._receive_landed()
                if self._stopping:
                    return
            self._take_submitted()
        self._receive_landed()

    def _land(self, folder: Path) -> None:
        try:
            for claim in Spool.claims_in(folder):
                land_claim(self._ctx, claim, self._tell)
        except (GatewayError, OSError, *SURPRISES) as error:  # the other claims and all uploads go on
            if self._throttle.passes(folder.name):
                self._tell("claim_failed", claim=folder.name, reason=reason_of(error), error=True)

    def _receive_landed(self) -> None:
        waiting = {landing.facts.id for landing, _ in list(self._queue)}
        folders = [folder for folder in self._ctx.spool.landed_folders(self._looks) if folder.name not in waiting]
        for start in range(0, len(folders), BATCH):
            landings = []
            for folder in folders[start : start + BATCH]:
                if drops.find(self._ctx.engine, folder.name) is not None:
                    # Received already; a crash left it, or a part of it.
                    self._ctx.spool.clear(folder)
                    continue
                try:
                    landings.append(Spool.read_facts(folder))
                except GatewayError as error:
                    # Unless another process received it at this moment.
                    known = drops.find(self._ctx.engine, folder.name)
                    if known is None and self._is_news(folder, error):
                        self._tell("landing_unreadable", folder=folder.name, reason=str(error), error=True)
            if landings:
                self._finish(landings, {})
            if self._stopping:
                return
            self._take_submitted()

    def _take_submitted(self) -> None:
        while self._queue:
            batch = [self._queue.popleft() for _ in range(min(BATCH, len(self._queue)))]
            self._finish([landing for landing, _ in batch], {landing.facts.id: answer for landing, answer in batch})

    def _finish(self, landings: list[Landing], answers: dict[str, Future[Received]]) -> None:
        self._vitals.beat("intake", self._patience)
        try:
            with self._vitals.timed("receive_seconds"):
                results = receive(self._ctx, landings)
        except (GatewayError, OSError) as error:
            self._well = False
            self._tell("receive_failed", reason=str(error), landings=len(landings))
            results = {landing.facts.id: Temporary(str(error)) for landing in landings}
        self._vitals.observe("receive_files", len(landings))
        for landing in landings:
            result = results[landing.facts.id]
            answer = answers.get(landing.facts.id)
            if isinstance(result, Received):
                if answer:
                    answer.set_result(result)
                self._ctx.spool.clear(landing.folder)
                if result.known:
                    continue
                self._vitals.observe("received_bytes", landing.facts.size)
                self._tell(
                    "received",
                    id=result.short_id,
                    drop=landing.facts.id,
                    repeat_of=result.repeat_of,
                    municipality=landing.facts.municipality,
                    account=landing.facts.account,
                    channel=landing.facts.channel,
                )
            else:
                if answer:
                    answer.set_exception(result)
                # Whoever waited has a line each time; what lies there is tried at each rescan.
                if self._is_news(landing.folder, result) or answer:
                    self._tell("receive_failed", drop=landing.facts.id, reason=str(result))
        if any(isinstance(result, Received) for result in results.values()):
            self._received()

    def _is_news(self, folder: Path, error: Exception) -> bool:
        """Whether to tell of a landing that could not be received: of a spoilt one once until something about it
        changes (doctor and health tell of it all the time), of another once an hour."""
        if isinstance(error, Corrupt):
            return self._spoilt.passes((folder.name, _look(folder)))
        return self._throttle.passes(folder.name)


def _look(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """What would be different had somebody touched what is in a folder."""
    with suppress(OSError), os.scandir(folder) as entries:
        found = [(entry.name, entry.stat(follow_symlinks=False)) for entry in entries]
        return tuple(sorted((name, status.st_size, status.st_ctime_ns) for name, status in found))
    return ()


def land_claim(ctx: Context, claim: Claim, tell: Callable[..., None]) -> None:
    """From a claimed file to a landing, or to the refused ones. Repeatable: a claim that is landed is cleared away."""
    landed = ctx.spool.inbox / claim.municipality / ".landed" / claim.id
    if landed.exists() or drops.find(ctx.engine, claim.id) is not None:
        ctx.spool.drop_claim(claim)
        return
    configuration = ctx.configuration()
    login = configuration.settings.watch.accounts.get(claim.municipality)
    account = configuration.participants.accounts.get(login) if login else None
    attempt = Attempt(account or NOBODY, claim.municipality, Lane(claim.lane), _as_text(claim.path.name))
    now = ctx.now()
    started, whole = _times(ctx, claim, now)
    try:
        if account is None:
            raise Refusal("NO_ROLE")
        if attempt.lane is Lane.DELIVERY and is_statement(attempt.name):
            state(ctx, attempt, Channel.WATCH, started=started, whole=whole)
            ctx.spool.drop_claim(claim)
            tell("nothing_stated", municipality=claim.municipality, claim=claim.id)
            return
        admit(ctx, attempt, started=started, whole=whole)
        if not ctx.spool.may_read(claim):
            raise Refusal("UNREADABLE")
        limit = round_of_upload(ctx, claim.municipality, started or now).limits.upload_bytes
        size = ctx.spool.copy_claim(claim, limit, leased=configuration.settings.watch.leases != "off")
        if size > limit:
            raise Refusal("TOO_LARGE", limit=limit)
        if size == 0:
            raise Refusal("EMPTY")
    except Refusal as refusal:
        ctx.spool.discard(claim.id)
        record_refusal(ctx, attempt, refusal)
        ctx.spool.refuse_claim(claim)
        tell("refused", code=refusal.code, municipality=claim.municipality, claim=claim.id)
        return
    with (ctx.spool.staging / claim.id / "payload").open("rb") as payload:
        digest = file_digest(payload, "sha256").hexdigest()
    ctx.spool.land(
        LandingFacts(
            id=claim.id,
            municipality=claim.municipality,
            lane=claim.lane,
            account=attempt.account.login,
            channel=Channel.WATCH,
            name=attempt.name,
            size=size,
            sha256=digest,
            opened_at=to_ms(started or now),
            received_at=to_ms(now),
        )
    )
    ctx.spool.drop_claim(claim)
    if whole is not None:
        tell("taken_late", municipality=claim.municipality, claim=claim.id, put=whole.isoformat())


def _as_text(name: str) -> str:
    """A file's name as it can be written down. What is no UTF-8 is refused by its name, and that must be told."""
    return os.fsencode(name).decode("utf-8", "replace")


def _times(ctx: Context, claim: Claim, now: datetime) -> tuple[datetime | None, datetime | None]:
    """`started` and `whole` of `admit` for a claimed file: a window that shut while nobody took files is no fault of
    whoever put one there in time."""
    if claim.put_at is None:
        return None, None
    rounds = tuple(rounds_for(ctx, claim.municipality).values())
    return taken_late(rounds, from_ms(claim.put_at), now) or (None, None)


NOBODY = Account(login="watch", name="", email="", roles=frozenset(), municipalities=())
