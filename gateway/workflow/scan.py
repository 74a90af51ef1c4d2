"""Scan: where there is a virus scanner, nothing is examined that it did not pass.

Does: has a payload scanned; erases what is infected and tells the desk; remembers whose drops wait for the scanner and
until when; keeps in the ledger what was last seen of it.
Touches: the scanner; tables payloads, log, notifications, settings.
Does not: examine or decide (judge), or hold up who delivers: a drop is received before anybody scans it.

Fail closed: a drop of which the scanner says nothing waits, is neither examined nor rejected, and is no failed attempt.
With it wait the later drops of its municipality, because these are decided in order of arrival.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from threading import Lock

from gateway.channel import clamd
from gateway.channel.clamd import Unscanned, Version
from gateway.config import Configuration
from gateway.domain.kinds import safe_name
from gateway.domain.model import Drop, Lane, from_ms, to_ms
from gateway.store.engine import Engine
from gateway.store.ledger import drops, facts, log, retention
from gateway.workflow.context import Context
from gateway.workflow.notify import owe_infected

SETTING = "scanner"
# Technical seconds after the first failure, doubled with each that follows; a scanner that answers again ends it.
FIRST_REST, LONGEST_REST = 2.0, 60.0
# Whether the scanner lives is asked more often than it takes to load its signatures.
ANSWER_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Scanned:
    """The scanner's verdict on a file: the name of what it found, empty when it found nothing."""

    signature: str = ""


def scanned(ctx: Context, body: bytes) -> Scanned | None:
    """The scanner's verdict on an upload; None when there is no scanner. Unscanned when the upload must wait."""
    section = ctx.configuration().settings.scan
    return None if section.clamd is None else Scanned(safe_name(clamd.scan(section, body) or ""))


def set_aside(ctx: Context, drop: Drop, signature: str) -> None:
    """Erase what is infected, but for a legal hold; log it and tell the desk. In the transaction of its verdict."""
    now = ctx.now()
    detail: dict[str, str | int | None] = {"id": drop.short_id, "signature": signature}
    log.append(ctx.engine, log.Line(now, "infected", drop.municipality, drop_id=drop.id, detail=detail))
    if drop.lane is Lane.TRIAL or drop.municipality not in retention.holds(ctx.engine):
        drops.erase_payload(ctx.engine, drop.id, to_ms(now))
    owe_infected(ctx, drop, signature)


# --- what is known of the scanner ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Scanner:
    """What was last seen of the scanner. `reason`: why a file cannot be scanned, empty when all can be; `since` when
    (legal time) that began; `version` is what it said last; `overlooks`: it would call clean what it does not look
    at."""

    reason: str
    since: datetime
    version: Version | None = None
    overlooks: bool = False


def scanner(engine: Engine) -> Scanner | None:
    """The scanner as a worker saw it last; None when there is none, or none was seen yet."""
    written = facts.setting(engine, SETTING)
    if not written:
        return None
    document = json.loads(written)
    said = document["version"]
    version = None
    if said is not None:
        version = Version(said["engine"], said["number"], None if said["made"] is None else from_ms(said["made"]))
    return Scanner(document["reason"], from_ms(document["since"]), version, document["overlooks"])


def _written(seen: Scanner) -> str:
    said = seen.version
    version = said and {"engine": said.engine, "number": said.number, "made": said.made and to_ms(said.made)}
    document = {"reason": seen.reason, "since": to_ms(seen.since), "version": version, "overlooks": seen.overlooks}
    return json.dumps(document)


class Scanning:
    """Whose drops wait for the scanner, in this process. `monotonic` is technical time; `overlooks` tries out if the
    scanner leaves something out. A restart forgets it all, and costs one more try."""

    def __init__(
        self, monotonic: Callable[[], float], overlooks: Callable[[Configuration], bool] = lambda _configuration: False
    ) -> None:
        self._monotonic = monotonic
        self._try_out = overlooks
        # Tried out anew with each version: what has other signatures was started anew, or loaded its settings anew.
        self._tried: Version | None = None
        self._overlooks = False
        self._lock = Lock()
        # By municipality: failures on end, until when it rests, and why.
        self._rests: dict[str, tuple[int, float, str]] = {}
        self._answers = True

    def resting(self) -> frozenset[str]:
        """The municipalities of which nothing is tried at this moment."""
        with self._lock:
            now = self._monotonic()
            return frozenset(code for code, (_, until, _) in self._rests.items() if now < until)

    def failed(self, code: str, reason: str) -> float:
        """A drop of a municipality was not scanned; seconds until it is tried again."""
        with self._lock:
            failures = self._rests.get(code, (0, 0.0, ""))[0] + 1
            rest: float = min(LONGEST_REST, FIRST_REST * 2 ** min(failures - 1, 10))
            self._rests[code] = (failures, self._monotonic() + rest, reason)
        return rest

    def passed(self, code: str) -> None:
        """A drop of a municipality needs the scanner no more."""
        with self._lock:
            self._rests.pop(code, None)

    def look(self, ctx: Context, tell: Callable[..., None]) -> bool:
        """Ask the scanner how it does and note it; whether what waits should be tried again at once."""
        section = ctx.configuration().settings.scan
        if section.clamd is None:
            return self._forget(ctx)
        before = scanner(ctx.engine)
        version, reason = before.version if before else None, ""
        try:
            patience = min(section.timeout_seconds, ANSWER_SECONDS)
            version = clamd.version(section.model_copy(update={"timeout_seconds": patience}))
            if version != self._tried or not self._answers:
                self._overlooks = self._try_out(ctx.configuration())
                self._tried = version
        except Unscanned as fault:
            reason = str(fault)
        back, self._answers = not reason and not self._answers, not reason
        with self._lock:
            if back:
                self._rests.clear()
            reason = reason or next((why for _, _, why in self._rests.values()), "")
        lasts = before is not None and bool(before.reason) == bool(reason)
        seen = Scanner(reason, before.since if before and lasts else ctx.now(), version, self._overlooks)
        if seen != before:
            facts.set_setting(ctx.engine, SETTING, _written(seen))
        if not lasts:
            tell("scanner_failed" if reason else "scanner_answers", reason=reason, error=bool(reason))
        return back

    def _forget(self, ctx: Context) -> bool:
        with self._lock:
            waited, self._tried = bool(self._rests), None
            self._rests.clear()
        if facts.setting(ctx.engine, SETTING):
            facts.set_setting(ctx.engine, SETTING, "")
        return waited
