"""The vocabulary: frozen values that every room speaks in.

Does: names who takes part, what is asked, what came in and what was found. Dutch words for each are in the glossary
(docs/begrippen.md).
Touches: nothing.
Does not: decide. Policy is in workdays, checks and lifecycle.

Conventions: a moment is an aware UTC datetime ("legal time"); a local day is a `date` in Europe/Amsterdam and is made
in `workdays` alone. In the ledger a moment is whole milliseconds since 1970 UTC (`to_ms`, `from_ms`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_ms(moment: datetime) -> int:
    """Whole milliseconds since 1970 UTC of an aware moment; ValueError for a naive one."""
    if moment.tzinfo is None:
        raise ValueError("a moment needs a time zone")
    return (moment - EPOCH) // timedelta(milliseconds=1)


def from_ms(milliseconds: int) -> datetime:
    """The aware UTC moment of `milliseconds` since 1970."""
    return EPOCH + timedelta(milliseconds=milliseconds)


def uuid7(milliseconds: int, randomness: bytes) -> str:
    """A time-ordered id (RFC 9562, version 7) from a moment and ten random bytes, in canonical lower case."""
    value = (milliseconds & (2**48 - 1)) << 80 | int.from_bytes(randomness[:10], "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


# --- who ----------------------------------------------------------------------------------------------------


class Role(StrEnum):
    """What an account may do. The first two are the municipality's, the others the foundation's."""

    PRODUCTBEHEERDER = "productbeheerder"
    GEBRUIKERSBEHEERDER = "gebruikersbeheerder"
    ASSESSOR = "assessor"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Municipality:
    """A gemeente: four-digit CBS code (always text: 0014 is not 14) and name."""

    code: str
    name: str


@dataclass(frozen=True, slots=True)
class Partnership:
    """A samenwerkingsverband: the lead delivers and collects for the delegating members, between two local days."""

    id: str
    name: str
    lead: str
    members: tuple[str, ...]
    since: date | None = None
    until: date | None = None

    def in_force(self, day: date) -> bool:
        """Whether the mandate holds on this local day (both ends included)."""
        return (self.since is None or self.since <= day) and (self.until is None or day <= self.until)


@dataclass(frozen=True, slots=True)
class PublicKey:
    """An OpenSSH public key line. `expires`: the last local day on which it opens anything; `allow_from` narrows the
    account's own networks for this key."""

    key: str
    expires: date | None = None
    allow_from: tuple[str, ...] = ()

    def in_force(self, day: date) -> bool:
        """Whether the key works on this local day."""
        return self.expires is None or day <= self.expires


@dataclass(frozen=True, slots=True)
class Account:
    """A gebruiker: one person or script. `keys` are OpenSSH public key lines, with facts or without, `allow_from`
    networks (empty: any). `principals` are the names by which certificates of a trusted authority call this account
    (empty: its login), `user_ca` authorities that are trusted for this account alone. `password_hash` is argon2id, here
    or in a file. `age_recipient`: what this assessor fetches is sealed to it."""

    login: str
    name: str
    email: str
    roles: frozenset[Role]
    municipalities: tuple[str, ...]
    keys: tuple[str | PublicKey, ...] = ()
    allow_from: tuple[str, ...] = ()
    principals: tuple[str, ...] = ()
    user_ca: tuple[str, ...] = ()
    password_hash: str | None = None
    password_hash_file: str | None = None
    age_recipient: str | None = None

    def public_keys(self) -> tuple[PublicKey, ...]:
        """Its keys, each with its facts."""
        return tuple(PublicKey(each) if isinstance(each, str) else each for each in self.keys)


@dataclass(frozen=True, slots=True)
class Participants:
    """Everybody who takes part, by code, id and login."""

    municipalities: Mapping[str, Municipality] = field(default_factory=dict)
    partnerships: Mapping[str, Partnership] = field(default_factory=dict)
    accounts: Mapping[str, Account] = field(default_factory=dict)


# --- what is asked ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ReportingPeriod:
    """A verslagperiode: a half-year. `code` is `2017H2`; `first` and `last` are its local days."""

    code: str
    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may come in. Bytes unless the name says otherwise."""

    upload_bytes: int = 2_621_440
    unpacked_bytes: int = 50_000_000
    zip_members: int = 8
    zip_ratio: int = 200
    line_bytes: int = 65_536
    columns: int = 200
    findings_per_code: int = 100
    name_min: int = 4
    name_max: int = 255


@dataclass(frozen=True, slots=True)
class ServiceLevels:
    """Working days within which each step is owed; the first working day after the event counts as 1."""

    technical: int = 3
    quality: int = 2
    pickup: int = 1


@dataclass(frozen=True, slots=True)
class Span:
    """A window in local days, both included: open from 00:00 on `opens` until the end of `closes` (see workdays)."""

    opens: date
    closes: date


class Consent(StrEnum):
    """What it means that a municipality says nothing about use and publication of an item: it agrees, or it does not
    until it says so (rounds up to 2016)."""

    SILENCE = "silence"
    OPT_IN = "opt-in"


@dataclass(frozen=True, slots=True)
class DeliveryRound:
    """An aanleverronde: which periods and kinds are asked, between which days, under which terms.

    Of the `expected` periods every kind should be delivered (none named: the latest of `periods`). Reminders go out so
    many working days before the target and the close; 0 means never. `mail_receipts`: a mail for every file received.
    """

    id: str
    name: str
    periods: tuple[ReportingPeriod, ...]
    kinds: tuple[str, ...]
    delivery: Span
    target: date | None = None
    withdrawal: Span | None = None
    service: ServiceLevels = ServiceLevels()
    limits: Limits = Limits()
    terms_version: str = "1"
    grace_minutes: int = 15
    max_error_records: int = 0
    zip_members_allowed: tuple[str, ...] = (".csv", ".txt")
    consent: Consent = Consent.SILENCE
    expected: tuple[str, ...] = ()
    remind_before_target: int = 3
    remind_before_close: int = 3
    mail_receipts: bool = False


# --- what came in -------------------------------------------------------------------------------------------


class Lane(StrEnum):
    """Where a file was dropped: it counts, or it is only tried."""

    DELIVERY = "inbox"
    TRIAL = "proef"


class Channel(StrEnum):
    """By which way in a file came."""

    SFTP = "sftp"
    WATCH = "watch"


class DropState(StrEnum):
    """Where a drop stands. `held`: could not be examined, a person must look; the clock runs on."""

    RECEIVED = "received"
    DECIDED = "decided"
    HELD = "held"


class DeliveryState(StrEnum):
    """Where a delivery stands. Approved and assessed are current; at most one per municipality, period and kind."""

    APPROVED = "approved"
    ASSESSED = "assessed"
    REJECTED = "rejected"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What is known of an uploaded file without reading it: name as dropped, bytes, SHA-256 in lower-case hex."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Drop:
    """One uploaded file that was received: committed, due date set, receipt made."""

    id: str
    short_id: str
    municipality: str
    round_id: str
    lane: Lane
    account: str
    channel: Channel
    file: FileFacts
    received_at: datetime
    rules_version: str
    calendar_version: str
    terms_version: str
    state: DropState
    repeat_of: str | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """One data file of a drop that maps to an item (period and kind), with its version."""

    id: str
    drop_id: str
    municipality: str
    round_id: str
    kind: str
    period: str
    version: int
    state: DeliveryState
    supersedes: str | None = None


# --- what was found -----------------------------------------------------------------------------------------


class Severity(StrEnum):
    """File-level errors and too many record-level errors reject; warnings never do."""

    FILE = "file"
    RECORD = "record"
    WARNING = "warning"


Param = str | int


@dataclass(frozen=True, slots=True)
class Phrase:
    """Something to be said to a user, language yet to be chosen: a key of the catalogue and what fills its places."""

    key: str
    params: tuple[tuple[str, Param], ...] = ()


def phrase(key: str, /, **params: Param) -> Phrase:
    """A Phrase with its parameters in a fixed order, so that equal ones are equal."""
    return Phrase(key, tuple(sorted(params.items())))


@dataclass(frozen=True, slots=True)
class Finding:
    """A bevinding: what is wrong, where, what was expected and what was found (masked, never a value of over four
    characters other than a date in a date column).

    `member` is the name of the data file (inside a ZIP its member name); `line` the physical line in it counted from 1;
    `record` the data record counted from 1 (the header is not a record). None where a finding has no such place.
    """

    code: str
    severity: Severity
    message: Phrase
    member: str | None = None
    line: int | None = None
    record: int | None = None
    column: str | None = None
    expected: Phrase | None = None
    found: Phrase | None = None


@dataclass(frozen=True, slots=True)
class MemberResult:
    """The examination of one data file: the item it maps to, its verdict, and why.

    `findings` are capped per code (Limits.findings_per_code); `counts` has the true total per code. `figures` are the
    numbers of the op-orde report (None when rejected).
    """

    name: str
    size: int
    sha256: str
    kind: str
    period: str
    approved: bool
    records: int
    findings: tuple[Finding, ...]
    counts: Mapping[str, int]
    figures: Mapping[str, Mapping[str, int | None]] | None = None


@dataclass(frozen=True, slots=True)
class Examination:
    """What the worker says of a drop. `findings` concern the upload as a whole or members that map to no item; with an
    error among them and no members, nothing is delivered."""

    findings: tuple[Finding, ...]
    counts: Mapping[str, int]
    members: tuple[MemberResult, ...]


# --- what goes out ------------------------------------------------------------------------------------------


class ReportKind(StrEnum):
    """First two letters of a report's name."""

    RECEIPT = "OB"
    TECHNICAL = "TR"
    QUALITY = "OO"
    WITHDRAWAL = "IB"
    REMINDER = "HB"


@dataclass(frozen=True, slots=True)
class ReportFile:
    """One file of a report as it will lie in the outbox."""

    name: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Report:
    """A rendered report: the set of files that share a stem, JSON last because it lists the others' checksums."""

    kind: ReportKind
    stem: str
    outcome: str
    files: tuple[ReportFile, ...]


class Desk(StrEnum):
    """Whom to ask: `access` for login, delivery and missing reports, `content` for what a report says."""

    ACCESS = "access"
    CONTENT = "content"


@dataclass(frozen=True, slots=True)
class DeskFacts:
    """Name, phone and mail of a desk."""

    name: str
    phone: str
    mail: str
