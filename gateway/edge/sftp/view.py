"""View: what one session's account sees, as entries and as the bytes of generated files.

Does: finds the place of a path that the account may know of, lists folders, gives attributes, makes status.json,
LEESMIJ.txt and logs and keeps each for a while, so that its size agrees with its bytes.
Touches: reads the ledger and inbox/.working.
Does not: speak SFTP. A municipality that is not the account's is as absent as one that does not exist.

Weakness: a generated file agrees with its listed size for ten seconds after a stat or listing.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Never

from gateway.domain.lifecycle import rights
from gateway.domain.model import Account, Lane
from gateway.domain.workdays import local_day
from gateway.edge.sftp import listing
from gateway.edge.sftp.listing import Entry, Recent
from gateway.edge.sftp.tree import FOLDERS, Place, Sort, log_span, parse
from gateway.errors import Refusal
from gateway.store.ledger import reports
from gateway.workflow import folders
from gateway.workflow.context import Context

FROZEN_SECONDS = 10.0
FRESH_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class View:
    """`account` gives the account as the configuration in force has it. `acts` are sizes by name of acts done by file
    in this session: clients look at a file after closing it. Used by one thread at a time."""

    ctx: Context
    recent: Recent
    account: Callable[[], Account]
    fingerprints: tuple[str, ...]
    monotonic: Callable[[], float]
    acts: dict[str, int] = field(default_factory=dict)
    _frozen: dict[Place, tuple[bytes, float]] = field(default_factory=dict)

    def sees(self) -> tuple[str, ...]:
        """Codes of the municipalities whose folders are there."""
        return rights(self.account(), self.ctx.configuration().participants, local_day(self.ctx.now())).sees

    def place(self, path: bytes) -> Place:
        """The place of a path that this account may know of; `Refusal` NO_SUCH_FILE for all others alike."""
        place = parse(path)
        if place is None or (place.code and place.code not in self.sees()):
            raise Refusal("NO_SUCH_FILE")
        return place

    def entries_of(self, path: bytes) -> list[Entry]:
        """What stands in a folder; `Refusal` NO_SUCH_FILE when it is none."""
        place = self.place(path)
        now = self.ctx.now().timestamp()
        match place.sort:
            case Sort.ROOT:
                named = [self._generated(Place(Sort.ROOT_FILE, name=name)) for name in listing.README_NAMES]
                return named + [Entry(code, None, now) for code in self.sees()]
            case Sort.MUNICIPALITY:
                status = self._generated(Place(Sort.STATUS, place.code, name="status.json"))
                return [status] + [Entry(name, None, now) for name in ("inbox", "outbox", "berichtenlog")]
            case Sort.INBOX:
                found = listing.uploads(self.ctx, self.recent, self.account(), place.code, place.lane)
                trial = [Entry("proef", None, now, writable=True)] if place.lane is Lane.DELIVERY else []
                return trial + found
            case Sort.OUTBOX:
                return [Entry("opgehaald", None, now), *listing.report_files(self.ctx, place)]
            case Sort.COLLECTED:
                return listing.report_files(self.ctx, place)
            case Sort.LOG:
                months = [Place(Sort.LOG_FILE, place.code, name=name) for name in listing.log_months(self.ctx)]
                return [self._generated(month) for month in months]
            case _:
                raise Refusal("NO_SUCH_FILE")

    def entry(self, path: bytes) -> Entry:
        """Attributes of a place; `Refusal` NO_SUCH_FILE."""
        place = self.place(path)
        now = self.ctx.now().timestamp()
        if place.sort in FOLDERS:
            return Entry(place.name, None, now, writable=place.sort is Sort.INBOX)
        if place.sort is Sort.UPLOAD:
            found = listing.uploads(self.ctx, self.recent, self.account(), place.code, place.lane)
            return next((entry for entry in found if entry.name == place.name), None) or _absent()
        if place.sort in (Sort.REPORT, Sort.COLLECTED_REPORT):
            filed = reports.entry(self.ctx.engine, place.code, place.name)
            return Entry(filed.name, filed.size, filed.made_at.timestamp()) if filed else _absent()
        if place.sort is Sort.ROOT_FILE and place.name in self.acts:
            return Entry(place.name, self.acts[place.name], now, writable=True)
        return self._generated(place)

    def _generated(self, place: Place) -> Entry:
        return Entry(place.name, len(self.body(place, FRESH_SECONDS)), self.ctx.now().timestamp())

    def body(self, place: Place, seconds: float = FROZEN_SECONDS) -> bytes:
        """A generated file, at most `seconds` old; `Refusal` NO_SUCH_FILE when the place is none."""
        now = self.monotonic()
        for old in [each for each, (_, made) in self._frozen.items() if now - made > FROZEN_SECONDS]:
            del self._frozen[old]
        body, made = self._frozen.get(place, (b"", -1e9))
        if now - made > seconds:
            body = self._make(place)
            self._frozen[place] = (body, now)
        return body

    def _make(self, place: Place) -> bytes:
        match place.sort:
            case Sort.ROOT_FILE if place.name in listing.README_NAMES:
                return folders.readme(
                    self.ctx, self.account(), self.fingerprints, language=listing.README_NAMES[place.name]
                )
            case Sort.STATUS:
                return folders.status(self.ctx, place.code)
            case Sort.LOG_FILE if (span := log_span(place.name)) is not None:
                return folders.message_log(self.ctx, place.code, *span)
            case _:
                return _absent()


def _absent() -> Never:
    raise Refusal("NO_SUCH_FILE")
