"""View: what one session's account sees, as entries and as the bytes of generated files.

Does: finds the place of a path that the account may know of, lists folders, gives attributes, makes status.json,
LEESMIJ.txt, terms and logs and keeps each for a while, so that its size agrees with its bytes.
Touches: reads the ledger and inbox/.working.
Does not: speak SFTP. A municipality that is not the account's is as absent as one that does not exist.

Weakness: a generated file agrees with its listed size for ten seconds after a stat or listing.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Never

from gateway.domain.acts import terms_text_name
from gateway.domain.lifecycle import is_working_name, rights
from gateway.domain.model import Account, Lane, Role
from gateway.domain.workdays import local_day
from gateway.edge.sftp import listing
from gateway.edge.sftp.acts import Memory, standing
from gateway.edge.sftp.listing import Entry, Recent
from gateway.edge.sftp.papers import Drafts
from gateway.edge.sftp.tree import ASSESSORS, FOLDERS, Place, Sort, log_span, parse
from gateway.errors import Refusal
from gateway.store.ledger import reports
from gateway.workflow import assessor, folders, withdraw
from gateway.workflow.accounts import verified
from gateway.workflow.assessor import Shown
from gateway.workflow.context import Context

FROZEN_SECONDS = 10.0
FRESH_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class View:
    """`account` gives the account as the configuration in force has it. `acts` remembers what was written as an act:
    clients look at a file after closing it. `stray` is told of paths that are not in the account's tree. Used by one
    thread at a time."""

    ctx: Context
    recent: Recent
    account: Callable[[], Account]
    fingerprints: tuple[str, ...]
    monotonic: Callable[[], float]
    acts: Memory
    drafts: Drafts
    stray: Callable[[bytes], None]
    _shown: dict[Place, tuple[dict[str, Shown], float]] = field(default_factory=dict)
    _frozen: dict[Place, tuple[bytes, float]] = field(default_factory=dict)

    def sees(self) -> tuple[str, ...]:
        """Codes of the municipalities whose folders are there; none before the account's first login is done."""
        if not verified(self.ctx, self.account()):
            return ()
        return rights(self.account(), self.ctx.configuration().participants, local_day(self.ctx.now())).sees

    def place(self, path: bytes) -> Place:
        """The place of a path that this account may know of; `Refusal` NO_SUCH_FILE for all others alike."""
        place = parse(path)
        if place is None or not self._may_know(place):
            self.stray(path)
            raise Refusal("NO_SUCH_FILE")
        return place

    def _may_know(self, place: Place) -> bool:
        if place.sort in ASSESSORS:
            return assessor.may_look(self.ctx, self.account(), place.round, place.folder)
        return not place.code or place.code in self.sees()

    def entries_of(self, path: bytes) -> list[Entry]:
        """What stands in a folder; `Refusal` NO_SUCH_FILE when it is none."""
        place = self.place(path)
        now = self.ctx.now().timestamp()
        match place.sort:
            case Sort.ROOT:
                names = [*listing.README_NAMES, *self._terms_to_read()]
                named = [self._generated(Place(Sort.ROOT_FILE, name=name)) for name in names]
                branch = ["cbs"] if assessor.may_look(self.ctx, self.account()) else []
                return named + [Entry(name, None, now) for name in (*self.sees(), *branch)]
            case Sort.ASSESSOR:
                return [Entry(name, None, now) for name in sorted(self.ctx.configuration().rounds)]
            case Sort.ASSESSOR_ROUND:
                return [Entry(name, None, now, writable=name in assessor.DROPS) for name in assessor.folders(self.ctx)]
            case Sort.ASSESSOR_FOLDER:
                return self._of_assessor(place)
            case Sort.MUNICIPALITY:
                status = self._generated(Place(Sort.STATUS, place.code, name="status.json"))
                withdrawal = ["intrekken"] if withdraw.withdrawal_round(self.ctx, place.code) else []
                names = ["inbox", "outbox", *withdrawal, "berichtenlog"]
                return [status] + [Entry(name, None, now) for name in names]
            case Sort.WITHDRAWAL:
                stands = withdraw.listed(self.ctx, place.code) or _absent()
                return [Entry(name, 0, since.timestamp(), writable=True) for name, since in stands.items()]
            case Sort.INBOX:
                found = listing.uploads(self.ctx, self.recent, self.account(), place.code, place.lane)
                trial = [Entry("proef", None, now, writable=True)] if place.lane is Lane.DELIVERY else []
                return trial + found
            case Sort.OUTBOX:
                return [Entry("opgehaald", None, now), *listing.report_files(self.ctx, place)]
            case Sort.COLLECTED:
                return listing.report_files(self.ctx, place)
            case Sort.LOG:
                months = listing.log_months(self.ctx, place.code)
                return [self._generated(Place(Sort.LOG_FILE, place.code, name=name)) for name in months]
            case _:
                raise Refusal("NO_SUCH_FILE")

    def entry(self, path: bytes) -> Entry:
        """Attributes of a place; `Refusal` NO_SUCH_FILE."""
        place = self.place(path)
        now = self.ctx.now().timestamp()
        if place.sort in FOLDERS:
            dropping = place.sort is Sort.ASSESSOR_FOLDER and place.folder in assessor.DROPS
            return Entry(place.name, None, now, writable=place.sort is Sort.INBOX or dropping)
        if place.sort is Sort.ASSESSOR_FILE:
            return self._dropped(place) or self._shown_entry(self.shown(place))
        if place.sort is Sort.UPLOAD:
            found = listing.uploads(self.ctx, self.recent, self.account(), place.code, place.lane)
            return next((entry for entry in found if entry.name == place.name), None) or _absent()
        if place.sort in (Sort.REPORT, Sort.COLLECTED_REPORT):
            filed = reports.entry(self.ctx.engine, place.code, place.name)
            return Entry(filed.name, filed.size, filed.made_at.timestamp()) if filed else _absent()
        if place.sort is Sort.WITHDRAWAL and withdraw.withdrawal_round(self.ctx, place.code) is None:
            return _absent()
        if place.sort in (Sort.ROOT_FILE, Sort.SELECTION):
            return self._act(place) or self._generated(place)
        return self._generated(place)

    # --- below /cbs/ ----------------------------------------------------------------------------------------------

    def _of_assessor(self, place: Place) -> list[Entry]:
        """A folder of an assessor: what is there to fetch, or its own working files."""
        now = self.monotonic()
        files = self._all_shown(place.round, place.folder, 0.0).values()
        drafts = self.drafts.names(self.account().login, place.round, place.folder, now)
        at = self.ctx.now().timestamp()
        return [self._shown_entry(file) for file in files] + [
            Entry(name, size, at, writable=True) for name, size in sorted(drafts.items())
        ]

    def _dropped(self, place: Place) -> Entry | None:
        """A file that an assessor just dropped, or its working file."""
        now, login = self.monotonic(), self.account().login
        draft = self.drafts.body(login, place, now)
        size = self.acts.size(login, place, now) if draft is None else len(draft)
        return None if size is None else Entry(place.name, size, self.ctx.now().timestamp(), writable=True)

    def shown(self, place: Place) -> Shown:
        """The file that an assessor may fetch at a place; `Refusal` NO_SUCH_FILE."""
        return self._all_shown(place.round, place.folder, FROZEN_SECONDS).get(place.name) or _absent()

    def _all_shown(self, round_id: str, folder: str, seconds: float) -> dict[str, Shown]:
        """The files of a folder, at most `seconds` old: a client that fetches a thousand asks for each by name."""
        now = self.monotonic()
        key = Place(Sort.ASSESSOR_FOLDER, round=round_id, folder=folder)
        files, made = self._shown.get(key, ({}, -1e9))
        if now - made > seconds:
            files = assessor.shown(self.ctx, round_id, folder, self.account())
            self._shown[key] = (files, now)
        return files

    @staticmethod
    def _shown_entry(file: Shown) -> Entry:
        return Entry(file.name, file.size, file.at.timestamp())

    # --- generated files ------------------------------------------------------------------------------------------

    def _act(self, place: Place) -> Entry | None:
        """The file of an act as it was just written, or as it stands."""
        written = self.acts.size(self.account().login, place, self.monotonic())
        now = self.ctx.now()
        if place.sort is Sort.ROOT_FILE or is_working_name(place.name):
            return None if written is None else Entry(place.name, written, now.timestamp(), writable=True)
        name = standing(self.ctx, place)
        if name is None:
            return None
        since = withdraw.listed(self.ctx, place.code).get(name, now)
        return Entry(place.name, written or 0, since.timestamp(), writable=True)

    def _terms_to_read(self) -> list[str]:
        """The text of the terms, for who may deliver and has not accepted them."""
        account = self.account()
        if Role.PRODUCTBEHEERDER not in account.roles or folders.has_accepted(self.ctx, account):
            return []
        return [terms_text_name(folders.account_round(self.ctx, account).id)]

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
            case Sort.ROOT_FILE:
                round_ = folders.account_round(self.ctx, self.account())
                return folders.terms_text(self.ctx, round_) if place.name == terms_text_name(round_.id) else _absent()
            case Sort.SELECTION if standing(self.ctx, place) is not None:
                return b""
            case Sort.STATUS:
                return folders.status(self.ctx, place.code)
            case Sort.LOG_FILE if (span := log_span(place.name)) is not None:
                return folders.message_log(self.ctx, place.code, *span)
            case _:
                return _absent()


def _absent() -> Never:
    raise Refusal("NO_SUCH_FILE")
