"""What a report is made from: plain values, complete, so that the same facts give the same bytes.

Does: defines the inputs of `receipt`, `technical`, `quality`, `reminder`, `mail` and the generated folder files.
Touches: nothing.
Does not: look anything up. The workflow gathers; reports only say.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from gateway.domain.figures import Figures
from gateway.domain.kinds import CodeList, FileKind
from gateway.domain.model import (
    Desk,
    DeskFacts,
    FileFacts,
    Finding,
    MemberResult,
    Municipality,
    Param,
    Phrase,
    ServiceLevels,
    Span,
)


@dataclass(frozen=True, slots=True)
class Times:
    """Moments (aware UTC) that a report names, and the calendar they were computed with. None: not (yet) of use.
    `extended`: the window closes later for this municipality than for others. `pickup_due`: by when this report should
    be collected; `pickup_days` how many working days there are for that with any report."""

    received: datetime
    ready: datetime
    technical_due: datetime | None = None
    quality_due: datetime | None = None
    window_closes: datetime | None = None
    last_safe_day: date | None = None
    calendar: str = ""
    window_opens: datetime | None = None
    extended: bool = False
    pickup_due: datetime | None = None
    pickup_days: int = 1


@dataclass(frozen=True, slots=True)
class Envelope:
    """What every report about a drop says at its head.

    `drop_id` is the short id; `submitted_by` the login; `on_behalf_of` the municipality code when the submitter is the
    lead of a partnership, else None; `sandbox` marks a report made under a simulated clock; `desks` both desks.
    """

    drop_id: str
    municipality: Municipality
    round_name: str
    submitted_by: str
    on_behalf_of: str | None
    file: FileFacts
    times: Times
    desks: Mapping[Desk, DeskFacts]
    sandbox: bool = False
    trial: bool = False


@dataclass(frozen=True, slots=True)
class ReceiptFacts:
    """A receipt. outcome: ONTVANGEN, HERHALING (then `first_drop` is the short id of the first), AANGEHOUDEN (received,
    but it could not be examined), GEWEIGERD (then `refusal` is the Phrase of `refusals.CODE.text` and `retry` whether
    waiting alone may help, `route` where else to deliver when the gateway could not serve), GEEN-LEVERING (then `item`
    is the kind and period for which there is nothing to deliver). A file of which nothing arrived has size 0."""

    envelope: Envelope
    outcome: str
    first_drop: str | None = None
    refusal: Phrase | None = None
    retry: bool = False
    item: tuple[str, str] | None = None
    route: str | None = None


@dataclass(frozen=True, slots=True)
class Selected:
    """How one item stands: withdrawn or active."""

    kind: str
    period: str
    withdrawn: bool


@dataclass(frozen=True, slots=True)
class WithdrawalFacts:
    """A confirmation that an item was withdrawn, or set active again. `channel` is sftp or form (the desk recorded a
    CBS form); `version` the delivery that counts, if there is one; `opens` and `closes` the withdrawal window;
    `selection` all items of the municipality as they stand now. In the envelope `drop_id` is the id of the confirmation
    and `file` the name that was given, without bytes."""

    envelope: Envelope
    kind: str
    period: str
    withdrawn: bool
    channel: str
    opens: datetime
    closes: datetime
    selection: tuple[Selected, ...]
    version: int | None = None


@dataclass(frozen=True, slots=True)
class TechnicalFacts:
    """A technical report on one delivery, or (member None) on a drop that maps to none.

    outcome: GOEDGEKEURD, AFGEKEURD, PROEF-GOEDGEKEURD or PROEF-AFGEKEURD. `findings` and `counts` are the member's own
    and the drop's together; `counts` are true totals, `findings` may be capped. `supersedes` is the version replaced;
    `standing` the approved version that stays in force when this one is rejected. `others`: other files of the drop
    have reports of their own. `docs_url`: address of the page of a finding, with {code} in the place of its code.
    """

    envelope: Envelope
    outcome: str
    findings: tuple[Finding, ...]
    counts: Mapping[str, int]
    member: MemberResult | None = None
    delivery_id: str | None = None
    version: int | None = None
    supersedes: int | None = None
    standing: int | None = None
    others: bool = False
    docs_url: str | None = None


@dataclass(frozen=True, slots=True)
class Former:
    """The figures of an earlier delivery of the same kind, to compare with."""

    figures: Figures
    period: str
    version: int


@dataclass(frozen=True, slots=True)
class QualityFacts:
    """An op-orde report on one approved delivery, outcome GEREED. `figures` are whole; the report hides what may not be
    told: counts below `smallest`. `former_version` is the delivery of the same period before this one, `former_period`
    that of the half-year before. A change of `flag_percent` or more is marked."""

    envelope: Envelope
    kind: FileKind
    codelists: Mapping[str, CodeList]
    period: str
    version: int
    delivery_id: str
    member: str
    figures: Figures
    smallest: int
    flag_percent: int
    former_version: Former | None = None
    former_period: Former | None = None
    supersedes: int | None = None
    withdrawal: Span | None = None


@dataclass(frozen=True, slots=True)
class VersionStatus:
    """One delivery in the chain of corrections of an item."""

    version: int
    state: str
    drop_id: str
    received: datetime


@dataclass(frozen=True, slots=True)
class ItemStatus:
    """One row of status.json: a kind and period. `state` is `none` when nothing was delivered yet, `nothing` when the
    municipality stated that there is nothing to deliver. `withdrawn`: its use and publication, as selected now.
    `pickup_due`: by when the first of its reports that nobody collected yet should be. `versions`: all that came, the
    oldest first."""

    kind: str
    period: str
    state: str
    version: int | None = None
    drop_id: str | None = None
    file: str | None = None
    received: datetime | None = None
    technical_due: datetime | None = None
    quality_due: datetime | None = None
    approved_version: int | None = None
    withdrawn: bool = False
    pickup_due: datetime | None = None
    versions: tuple[VersionStatus, ...] = ()


@dataclass(frozen=True, slots=True)
class RefusalStatus:
    """A refused upload as status.json shows it."""

    at: datetime
    file: str
    code: str
    refusal: Phrase


@dataclass(frozen=True, slots=True)
class PendingStatus:
    """A drop that was received and not yet decided, or is held."""

    drop_id: str
    file: FileFacts
    state: str
    received: datetime
    technical_due: datetime | None


@dataclass(frozen=True, slots=True)
class CollectStatus:
    """A report that nobody collected yet. `due` is None when nothing is asked of whoever gets it (a receipt)."""

    stem: str
    placed: datetime | None
    due: datetime | None


@dataclass(frozen=True, slots=True)
class StatusFacts:
    """All of status.json of one municipality. `closes` with its extension, if it has one (`extended`)."""

    municipality: Municipality
    round_id: str
    round_name: str
    at: datetime
    opens: datetime
    closes: datetime
    last_safe_day: date | None
    items: tuple[ItemStatus, ...]
    pending: tuple[PendingStatus, ...]
    refusals: tuple[RefusalStatus, ...]
    uncollected: tuple[CollectStatus, ...]
    desks: Mapping[Desk, DeskFacts]
    sandbox: bool = False
    extended: bool = False
    withdrawal: Span | None = None


SERVICE = ServiceLevels()


@dataclass(frozen=True, slots=True)
class ReadmeFacts:
    """All of LEESMIJ.txt / README.txt of one account. `terms_file` is the name to put in the root to accept the terms;
    the numbers of working days are the round's service levels; `retention_days` how long a collected report stays.
    `verified`: the account completed its first login. `extensions`: until when a municipality's window was extended.
    `route`: where to deliver while this gateway cannot serve. `expected`: the periods of which every kind should come
    (none named: the last). `leads`: who delivers for a municipality that the account sees and may not deliver for;
    `led`: whom it delivers for besides its own. `judged`: CBS judges, and our own check is a pre-check. `assessor`: the
    folders of an assessor, which is asked for no delivery."""

    login: str
    municipalities: tuple[Municipality, ...]
    round_name: str
    periods: tuple[str, ...]
    kinds: tuple[str, ...]
    opens: datetime
    closes: datetime
    target: date | None
    last_safe_day: date | None
    upload_bytes: int
    unpacked_bytes: int
    host_key_fingerprints: tuple[str, ...]
    desks: Mapping[Desk, DeskFacts]
    terms_accepted: bool = True
    sandbox: bool = False
    terms_file: str = ""
    withdrawal: Span | None = None
    service: ServiceLevels = SERVICE
    retention_days: int | None = None
    verified: bool = True
    extensions: tuple[tuple[Municipality, date], ...] = ()
    route: str | None = None
    terms_text: str = ""
    expected: tuple[str, ...] = ()
    opt_in: bool = False
    leads: tuple[tuple[Municipality, Municipality], ...] = ()
    led: tuple[Municipality, ...] = ()
    judged: bool = False
    assessor: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MailFacts:
    """All of a mail. `says` are names of sentences below `mails.<occasion>`, in order, `params` fill them and the
    subject; `items` is a list to stand under them. `to` is the person's name, empty for a desk. `route` is where else
    to deliver, `primary` the language that comes first."""

    occasion: str
    to: str
    municipalities: tuple[Municipality, ...]
    says: tuple[str, ...]
    params: Mapping[str, Param]
    items: tuple[Phrase, ...]
    desk: DeskFacts
    route: str | None = None
    primary: str = "nl"
    sandbox: bool = False


@dataclass(frozen=True, slots=True)
class WaitingReport:
    """A report that was placed and not collected: its stem, since when, and by when it should have been."""

    stem: str
    placed: datetime
    due: datetime


@dataclass(frozen=True, slots=True)
class ReminderFacts:
    """A reminder to collect reports. `reminder_id` is its own short id; `waiting` oldest first."""

    reminder_id: str
    municipality: Municipality
    round_name: str
    at: datetime
    waiting: tuple[WaitingReport, ...]
    desks: Mapping[Desk, DeskFacts]
    sandbox: bool = False
