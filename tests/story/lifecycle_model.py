"""What the gateway must have done, worked out from what was asked of it: a second, smaller gateway without a ledger.

Does: takes the same acts as the real one, at the same moments, and tells drops, versions, terms, reports, mails and
selections as they must be.
Touches: nothing.
Does not: use a function, table or setting of the gateway. What a file is worth is known because the test made it.

Ids (of drops, of reports) are the gateway's; they are told to the model when they first appear.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from tests.story import lifecycle_days as days

Item = tuple[str, str]
Key = tuple[str, Item]
MailKey = tuple[str, str, str]

CODES = ("0363", "0377", "0473")
SEES = {"amsterdam": {"0363"}, "bloemendaal": {"0377", "0473"}, "zandvoort": {"0473"}}
HEARS = {"0363": ("amsterdam",), "0377": ("bloemendaal",), "0473": ("bloemendaal", "zandvoort")}
OWN = {"amsterdam": "0363", "bloemendaal": "0377", "zandvoort": "0473"}
DESK = ("@desk", "operator")
KINDS = ("WMO", "KOSTENWMO", "SBW", "JEUGD")
GRACE = timedelta(minutes=15)
REFUSED_ONCE_PER = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Upload:
    """A file and what it is worth: per data file in it the item and whether it is approved; none when nothing in it
    maps to an item. `items` is what its name says before it is opened; None when that can be anything."""

    code: str
    name: str
    body: bytes
    sha256: str
    verdicts: tuple[tuple[Item, bool], ...]
    items: frozenset[Item] | None
    trial: bool = False

    @property
    def known(self) -> tuple[str, bool, str, str]:
        """What makes another upload the same one."""
        return self.code, self.trial, self.name, self.sha256


@dataclass(slots=True)
class Dropped:
    """A drop. `state` received, decided or held."""

    id: str
    upload: Upload
    account: str
    at: datetime
    state: str
    repeat_of: str | None = None
    told_held: bool = False
    payload: str = "kept"


@dataclass(slots=True)
class Made:
    """A delivery. `replaces` is the drop whose version it took the place of."""

    drop: Dropped
    item: Item
    version: int
    state: str
    replaces: str | None = None

    @property
    def counts(self) -> bool:
        """Whether it is the current one of its item."""
        return self.state in ("approved", "assessed")


@dataclass(slots=True)
class Owed:
    """A term."""

    code: str
    due: datetime
    met: datetime | None = None
    warned: datetime | None = None


@dataclass(slots=True)
class Paper:
    """A report as somebody meets it."""

    code: str
    kind: str
    outcome: str
    made: datetime
    placed: datetime | None = None
    collected: datetime | None = None
    confirmed: datetime | None = None
    erased: bool = False


@dataclass
class Model:
    """Everything that is so, as of `now`."""

    now: datetime
    drops: dict[str, Dropped] = field(default_factory=dict)
    made: dict[Key, Made] = field(default_factory=dict)
    owed: dict[tuple[str, str], Owed] = field(default_factory=dict)
    reports: Counter[tuple[str, str, str, str | None, Item | None, int | None]] = field(default_factory=Counter)
    papers: dict[str, Paper] = field(default_factory=dict)
    mails: dict[MailKey, str] = field(default_factory=dict)
    changes: list[tuple[datetime, str, Item, bool, str]] = field(default_factory=list)
    extensions: list[tuple[str, date]] = field(default_factory=list)
    statements: list[tuple[str, Item]] = field(default_factory=list)
    duties: dict[tuple[str, str], datetime] = field(default_factory=dict)
    refused: dict[tuple[str, str], datetime] = field(default_factory=dict)

    # --- who may what, when -------------------------------------------------------------------------------------------

    def closes(self, code: str) -> date:
        """The last day of a municipality's window: the extension given last counts."""
        given = [until for whose, until in self.extensions if whose == code]
        return max(given[-1], days.CLOSES) if given else days.CLOSES

    def refusal(self, login: str, code: str, *, trial: bool, opened: datetime) -> str | None:
        """Why an account may not drop a file now; None when it may."""
        if code not in SEES[login]:
            return "NOT_YOURS"
        if login == "zandvoort":
            return "LEAD_ONLY"
        first, last = days.start(days.OPENS), days.end(self.closes(code))
        if trial or first <= self.now <= last:
            return None
        if self.now < first:
            return "WINDOW_NOT_OPEN"
        in_time = first <= opened <= last and self.now <= last + GRACE
        return None if in_time else "WINDOW_CLOSED"

    def withdrawal_refusal(self, login: str, code: str) -> str | None:
        """Why an account may not withdraw now; None when it may."""
        if code not in SEES[login]:
            return "NOT_YOURS"
        if code == "0473":
            return "DELEGATED"
        if self.now < days.start(days.WITHDRAWAL[0]):
            return "WITHDRAWAL_NOT_OPEN"
        return None if self.now <= days.end(days.WITHDRAWAL[1]) else "WITHDRAWAL_CLOSED"

    def refuse(self, login: str, code: str, name: str) -> None:
        """Whoever sees the municipality finds a receipt, one per name and hour."""
        last = self.refused.get((code, name))
        if code in SEES[login] and (last is None or self.now - last >= REFUSED_ONCE_PER):
            self.refused[code, name] = self.now
            self._report(code, "OB", "GEWEIGERD")

    # --- drops --------------------------------------------------------------------------------------------------------

    def receive(self, drop_id: str, upload: Upload, account: str) -> Dropped:
        """A drop is received, as a new one or as a repeat."""
        first = self._repeated(upload)
        drop = Dropped(drop_id, upload, account, self.now, "decided" if first else "received")
        if first:
            drop.repeat_of, drop.payload = first.id, "empty"
        elif not upload.trial:
            self.owed["technical", drop_id] = Owed(upload.code, days.due(self.now, 3))
        self.drops[drop_id] = drop
        self._report(upload.code, "OB", "HERHALING" if first else "ONTVANGEN", drop_id)
        return drop

    def _repeated(self, upload: Upload) -> Dropped | None:
        """The drop that this file repeats: the newest like it, if nothing came since for any of its items."""
        lane = [d for d in self.drops.values() if d.repeat_of is None and self._lane(d.upload) == self._lane(upload)]
        alike = [place for place, drop in enumerate(lane) if drop.upload.known == upload.known]
        if not alike:
            return None
        former, later = lane[alike[-1]], lane[alike[-1] + 1 :]
        mine = self._about(former)
        clear = all(mine is not None and theirs is not None and not mine & theirs for theirs in map(self._about, later))
        return former if clear else None

    @staticmethod
    def _lane(upload: Upload) -> tuple[str, bool]:
        return upload.code, upload.trial

    def _about(self, drop: Dropped) -> frozenset[Item] | None:
        zipped = drop.upload.name.endswith(".zip")
        if drop.state != "decided" and (zipped or drop.upload.items is not None):
            return drop.upload.items
        became = frozenset(made.item for made in self.made.values() if made.drop is drop)
        return became or frozenset({("a file that became nothing", drop.upload.name)})

    def decide(self, drop: Dropped) -> None:
        """A verdict."""
        drop.state = "decided"
        code = drop.upload.code
        if drop.upload.trial:
            good = bool(drop.upload.verdicts) and drop.upload.verdicts[0][1]
            self._report(code, "TR", f"PROEF-{'GOEDGEKEURD' if good else 'AFGEKEURD'}", drop.id)
            drop.payload = "erased"
            return
        for item, approved in drop.upload.verdicts:
            self._deliver(drop, item, approved=approved)
        if not drop.upload.verdicts:
            self._report(code, "TR", "AFGEKEURD", drop.id)
        self._meet("technical", drop.id)
        self._mail("technical", drop.id, HEARS[code])

    def _deliver(self, drop: Dropped, item: Item, *, approved: bool) -> None:
        chain = self.chain(drop.upload.code, item)
        standing = next((made for made in chain if made.counts), None)
        arrived = list(self.drops)
        overtaken = standing is not None and arrived.index(standing.drop.id) > arrived.index(drop.id)
        state = "rejected" if not approved else "superseded" if overtaken else "approved"
        made = Made(drop, item, len(chain) + 1, state)
        if state == "approved":
            if standing is not None:
                standing.state, made.replaces = "superseded", standing.drop.id
                self._meet("quality", subject(standing))
            self.owed["quality", subject(made)] = Owed(drop.upload.code, days.due(self.now, 2))
        self.made[drop.id, item] = made
        outcome = "GOEDGEKEURD" if approved else "AFGEKEURD"
        self._report(drop.upload.code, "TR", outcome, drop.id, item, made.version)

    def chain(self, code: str, item: Item) -> list[Made]:
        """The versions of an item, first decided first."""
        return [made for made in self.made.values() if (made.drop.upload.code, made.item) == (code, item)]

    def hold(self, drop: Dropped) -> None:
        """A drop that no worker survives."""
        drop.state = "held"
        code = drop.upload.code
        if not drop.told_held:
            self._report(code, "OB", "AANGEHOUDEN", drop.id)
            drop.told_held = True
        if not drop.upload.trial:
            self._mail("held", drop.id, HEARS[code])
            self._mail("held_desk", f"{drop.id}:{ms(self.now)}", DESK)

    def assess(self, made: Made) -> None:
        """The op-orde report on an approved delivery."""
        made.state = "assessed"
        self._report(made.drop.upload.code, "OO", "GEREED", made.drop.id, made.item, made.version)
        self._meet("quality", subject(made))
        self._mail("quality", made.drop.id, HEARS[made.drop.upload.code])

    # --- reports ------------------------------------------------------------------------------------------------------

    def adopt(self, report_id: str, code: str, kind: str, outcome: str) -> None:
        """The gateway made a report and gave it an id; how many of which sort there must be is in `reports`."""
        self.papers.setdefault(report_id, Paper(code, kind, outcome, self.now))

    def publish(self) -> None:
        """Everything that is not placed lies in the outbox from now on."""
        for report_id, paper in self.papers.items():
            if paper.placed is None:
                paper.placed = self.now
                if paper.kind in ("TR", "OO") and not paper.outcome.startswith("PROEF-"):
                    self.owed["pickup", report_id] = Owed(paper.code, days.due(self.now, 1), paper.collected)

    def collect(self, report_id: str, login: str, *, confirm: bool) -> None:
        """Somebody read a report in full, or acknowledged it."""
        paper = self.papers[report_id]
        if login not in SEES and not confirm:
            return
        paper.collected = paper.collected or self.now
        if confirm:
            paper.confirmed = paper.confirmed or self.now
        self._meet("pickup", report_id)

    def _report(
        self,
        code: str,
        kind: str,
        outcome: str,
        drop: str | None = None,
        item: Item | None = None,
        version: int | None = None,
    ) -> None:
        self.reports[code, kind, outcome, drop, item, version] += 1

    def _meet(self, kind: str, what: str) -> None:
        term = self.owed.get((kind, what))
        if term is not None:
            term.met = term.met or self.now

    def _mail(self, occasion: str, what: str, to: Iterable[str]) -> None:
        for login in to:
            self.mails.setdefault((occasion, what, login), "pending")

    # --- acts ---------------------------------------------------------------------------------------------------------

    def selection(self, code: str, at: datetime) -> set[Item]:
        """What a municipality had withdrawn at a moment."""
        found: dict[Item, bool] = {}
        for moment, whose, item, withdrawn, _ in self.changes:
            if whose == code and moment <= at:
                found[item] = withdrawn
        return {item for item, withdrawn in found.items() if withdrawn}

    def select(self, code: str, item: Item, *, withdrawn: bool, channel: str) -> None:
        """A selection changes, and is confirmed."""
        self.changes.append((self.now, code, item, withdrawn, channel))
        number = sum(whose == code for _, whose, *_ in self.changes)
        current = next((made for made in self.chain(code, item) if made.counts), None)
        outcome = "INGETROKKEN" if withdrawn else "ACTIEF"
        if current is None:
            self._report(code, "IB", outcome)
        else:
            self._report(code, "IB", outcome, None, item, current.version)
        self._mail("confirmation", f"IB {code} {number}", HEARS[code])

    def extend(self, code: str, until: date) -> None:
        """A window closes later for one municipality."""
        self.extensions.append((code, until))
        self._mail("extension", f"2017H2:{code}:{ms(self.now)}", HEARS[code])

    def stated(self, code: str) -> set[Item]:
        """The items for which there is nothing to deliver; a delivery that counts overrules that."""
        said = {item for whose, item in self.statements if whose == code}
        return {item for item in said if not any(made.counts for made in self.chain(code, item))}

    def state_nothing(self, code: str, item: Item) -> None:
        """A municipality states that there is nothing for an item."""
        self.statements.append((code, item))
        self._report(code, "OB", "GEEN-LEVERING")

    def fail_mail(self, key: MailKey) -> None:
        """A mail that never arrives; the desk hears of the first of a day, and never of its own."""
        self.mails[key] = "failed"
        if key[0] != "mail_failed":
            self._mail("mail_failed", days.day_of(self.now).isoformat(), DESK)


def ms(moment: datetime) -> int:
    """Whole milliseconds since 1970."""
    return round(moment.timestamp() * 1000)


def subject(made: Made) -> str:
    """The name of a delivery as long as its id is not known."""
    kind, period = made.item
    return f"{made.drop.id}/{kind}_{period}"
