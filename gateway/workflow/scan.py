"""Scan: where there is a virus scanner, nothing is examined that it did not pass.

Does: has a payload scanned; erases what is infected and tells the desk; remembers whose drops wait for the scanner and
until when; keeps in the ledger what was last seen of it.
Touches: the scanner; tables payloads, log, notifications, settings.
Does not: examine or decide (judge), or hold up who delivers: a drop is received before anybody scans it.

Fail closed: a drop of which the scanner says nothing waits, is neither examined nor rejected, and is no failed attempt.
With it wait the later drops of its municipality, because these are decided in order of arrival. While the scanner is
known to call clean what it did not look at, or nobody tried that out yet, its word counts for nothing: all wait.
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
# Technical seconds after which it is tried out again how much it looks at: most of a second of its processor. Limits
# change only by a restart, and one that is seen is tried out at once; this is for the one that was over too soon.
TRUST = 300.0
# While it falls short: whoever mends it should see files go on.
DOUBT = 10.0


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
class Sight:
    """How much the scanner looks at of what may come. `blind`: in what way it calls clean what it did not look at;
    empty when it never does. `less`: what it does not take whole, of which it says so with each file."""

    blind: str = ""
    less: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Scanner:
    """What was last seen of the scanner. `reason`: why a file cannot be scanned, empty when all can be; `since` when
    (legal time) that began; `version` is what it said last; `overlooks`: it does not take, or not wholly look at, what
    may come, and says so."""

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
    """Whose drops wait for the scanner, in this process. `monotonic` is technical time; `sight` tries out how much the
    scanner looks at. A restart forgets it all, and costs one more try."""

    def __init__(
        self, monotonic: Callable[[], float], sight: Callable[[Configuration], Sight] = lambda _configuration: Sight()
    ) -> None:
        self._monotonic = monotonic
        self._try_out = sight
        # What was tried out: which scanner, for which limits of ours, and until when that is believed.
        self._tried: tuple[object, ...] | None = None
        self._version: Version | None = None
        self._believed = 0.0
        self._sight = Sight()
        self._lock = Lock()
        # By municipality: failures on end, until when it rests, and why.
        self._rests: dict[str, tuple[int, float, str]] = {}
        self._answers = True

    def resting(self) -> frozenset[str]:
        """The municipalities of which nothing is tried at this moment."""
        with self._lock:
            now = self._monotonic()
            return frozenset(code for code, (_, until, _) in self._rests.items() if now < until)

    def trusts(self, configuration: Configuration) -> bool:
        """Whether what is called clean was looked at as a whole; also where there is no scanner."""
        if configuration.settings.scan.clamd is None:
            return True
        with self._lock:
            return self._tried == _asked(configuration) and not self._sight.blind

    def fits(self) -> bool:
        """Whether the scanner was seen to look at everything that may come, after a file failed last: what it does not
        look at is odd itself."""
        with self._lock:
            return self._sight == Sight() and self._monotonic() < self._believed

    def failed(self, code: str, reason: str) -> float:
        """A drop of a municipality was not scanned; seconds until it is tried again."""
        with self._lock:
            # It may have been started anew, with other limits.
            self._believed = 0.0
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
        version, reason, blind = before.version if before else None, "", ""
        try:
            patience = min(section.timeout_seconds, ANSWER_SECONDS)
            version = clamd.version(section.model_copy(update={"timeout_seconds": patience}))
            reason = blind = self._try(ctx.configuration(), version).blind
        except Unscanned as fault:
            reason = str(fault)
            with self._lock:
                self._tried = None
        back, self._answers = not reason and not self._answers, not reason
        with self._lock:
            if back:
                self._rests.clear()
            reason = reason or next((why for _, _, why in self._rests.values()), "")
        lasts = before is not None and bool(before.reason) == bool(reason)
        known = before is not None and blind in ("", before.reason)
        seen = Scanner(reason, before.since if before and lasts else ctx.now(), version, bool(self._sight.less))
        if seen != before:
            facts.set_setting(ctx.engine, SETTING, _written(seen))
        if not (lasts and known):
            tell("scanner_failed" if reason else "scanner_answers", reason=reason, error=bool(reason))
        return back

    def _try(self, configuration: Configuration, version: Version) -> Sight:
        """How much the scanner looks at, tried out where that may have changed. Unscanned when it does not answer."""
        asked, now = _asked(configuration), self._monotonic()
        if (asked, version) == (self._tried, self._version) and now < self._believed:
            return self._sight
        sight = self._try_out(configuration)
        with self._lock:
            self._sight, self._tried, self._version = sight, asked, version
            self._believed = self._monotonic() + (TRUST if sight == Sight() else DOUBT)
        return sight

    def _forget(self, ctx: Context) -> bool:
        with self._lock:
            waited, self._tried = bool(self._rests), None
            self._rests.clear()
        if facts.setting(ctx.engine, SETTING):
            facts.set_setting(ctx.engine, SETTING, "")
        return waited


def _asked(configuration: Configuration) -> tuple[object, ...]:
    """Which scanner, and how much it must look at."""
    return (configuration.settings.scan.clamd, *(each.limits for each in configuration.rounds.values()))
