"""The life of drops and deliveries: which event leads where, and who may make it happen.

Does: TRANSITIONS, the one table of states; `follow`, which applies it; the guards of a drop (rights, mandate, window,
terms, name) and of a withdrawal. All that affects a state stands here; the CHECKs of the schema and the message log are
tested against it.
Touches: nothing.
Does not: write rows, or know how a file comes in.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime

from gateway.domain.model import (
    Account,
    Consent,
    DeliveryRound,
    DeliveryState,
    DropState,
    Lane,
    Participants,
    Role,
    Span,
)
from gateway.domain.workdays import is_open, local_day, window
from gateway.errors import Refusal

# (state before, event) -> state after; None is "does not exist yet". The event is the word of the message log.
DROP_TRANSITIONS: dict[tuple[DropState | None, str], DropState] = {
    (None, "received"): DropState.RECEIVED,
    (None, "repeated"): DropState.DECIDED,
    (DropState.RECEIVED, "decided"): DropState.DECIDED,
    (DropState.RECEIVED, "held"): DropState.HELD,
    (DropState.HELD, "released"): DropState.RECEIVED,
}
DELIVERY_TRANSITIONS: dict[tuple[DeliveryState | None, str], DeliveryState] = {
    (None, "approved"): DeliveryState.APPROVED,
    (None, "rejected"): DeliveryState.REJECTED,
    # Approved, but a newer drop of the same item was decided first (this one was held meanwhile): never current.
    (None, "overtaken"): DeliveryState.SUPERSEDED,
    (DeliveryState.APPROVED, "assessed"): DeliveryState.ASSESSED,
    (DeliveryState.APPROVED, "superseded"): DeliveryState.SUPERSEDED,
    (DeliveryState.ASSESSED, "superseded"): DeliveryState.SUPERSEDED,
}

# Clients upload under these and rename when done: working files, never deliveries.
WORKING_NAME = re.compile(r"(?i)(.*\.(filepart|part|partial|tmp)|\.in\..*|\..*|~.*)\Z", re.DOTALL)
# What clients put around the name a file will have; `gateway put` adds eight hex digits so that two runs stay apart.
WRAPPING = re.compile(r"(?i)\A(?:\.in\.|[.~]+)|(?:\.[0-9a-f]{8})?\.(?:filepart|part|partial|tmp)\Z")
ALLOWED_NAME = re.compile(r"[A-Za-z0-9._-]+\Z")
# A run of exactly nine: within a longer one (a timestamp) two in five would pass the eleven-test by chance.
NINE_DIGITS = re.compile(r"(?<![0-9])([0-9]{9})(?![0-9])")


def follow_drop(state: DropState | None, event: str) -> DropState:
    """The state of a drop after `event`; KeyError when the table does not know the step."""
    return DROP_TRANSITIONS[state, event]


def follow_delivery(state: DeliveryState | None, event: str) -> DeliveryState:
    """The state of a delivery after `event`; KeyError when the table does not know the step."""
    return DELIVERY_TRANSITIONS[state, event]


@dataclass(frozen=True, slots=True)
class Rights:
    """What an account may reach on a day: the municipalities it sees, and which of these it may deliver for.

    `leads` maps a municipality that is seen but not delivered for to the code of the lead that does.
    """

    sees: tuple[str, ...]
    delivers: frozenset[str]
    leads: dict[str, str]


def rights(account: Account, participants: Participants, day: date) -> Rights:
    """Own municipalities, and those of members whose lead is one of them while the mandate is in force."""
    own = set(account.municipalities)
    sees = set(own)
    leads: dict[str, str] = {}
    for partnership in participants.partnerships.values():
        if not partnership.in_force(day):
            continue
        if partnership.lead in own:
            sees |= set(partnership.members)
        else:
            leads |= {member: partnership.lead for member in partnership.members if member in own}
    may = Role.PRODUCTBEHEERDER in account.roles
    return Rights(tuple(sorted(sees)), frozenset(sees - set(leads)) if may else frozenset(), leads)


def sender_party(account: Account, municipality: str, participants: Participants, day: date) -> str:
    """The municipality in whose name an account delivers for this one: its own, or the lead's. Two parties that deliver
    for one municipality are two senders; colleagues are one."""
    if municipality in account.municipalities:
        return municipality
    for partnership in participants.partnerships.values():
        led = partnership.in_force(day) and municipality in partnership.members
        if led and partnership.lead in account.municipalities:
            return partnership.lead
    return min(account.municipalities, default=account.login)


def may_approve(manager: Account, account: Account, role: Role) -> bool:
    """Whether a user manager may decide that an account gets a role: the role productbeheerder, for somebody else, of
    municipalities that are all his own."""
    return (
        Role.GEBRUIKERSBEHEERDER in manager.roles
        and role is Role.PRODUCTBEHEERDER
        and manager.login != account.login
        and bool(account.municipalities)
        and set(account.municipalities) <= set(manager.municipalities)
    )


def extended(round_: DeliveryRound, until: date | None) -> DeliveryRound:
    """The round as it is for a municipality whose window was extended until a day; never a shorter one."""
    if until is None or until <= round_.delivery.closes:
        return round_
    return replace(round_, delivery=Span(round_.delivery.opens, until))


def is_working_name(name: str) -> bool:
    """Whether a client uses this name for a file that it is still writing."""
    return WORKING_NAME.match(name) is not None


def intended_name(name: str) -> str:
    """The final name that a working name most likely stands for (`X.csv.filepart` -> `X.csv`); any other as it is."""
    return (WRAPPING.sub("", name) or name) if is_working_name(name) else name


def passes_eleven_test(digits: str) -> bool:
    """The eleven-test of a citizen service number: nine digits times 9..2 and -1 sum to a multiple of 11, not all 0."""
    weights = (9, 8, 7, 6, 5, 4, 3, 2, -1)
    total = sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=True))
    return total % 11 == 0 and digits != "000000000"


def check_name(name: str, round_: DeliveryRound) -> None:
    """Refuse a name that may not be stored at all. Faults of convention are for the technical report, not here.

    A working name may start with `~` as well.
    """
    if is_working_name(name):
        name = name.lstrip("~")
    if not round_.limits.name_min <= len(name) <= round_.limits.name_max:
        raise Refusal("NAME_LENGTH", min=round_.limits.name_min, max=round_.limits.name_max)
    if not ALLOWED_NAME.match(name):
        raise Refusal("NAME_CHARACTERS")
    if any(passes_eleven_test(found.group(1)) for found in NINE_DIGITS.finditer(name)):
        raise Refusal("NAME_BSN")


def check_sender(account: Account, municipality: str, participants: Participants, now: datetime) -> None:
    """Refuse an account that may not deliver for this municipality at this moment."""
    found = rights(account, participants, local_day(now))
    if municipality not in found.sees:
        raise Refusal("NOT_YOURS")
    if municipality in found.leads:
        lead = participants.municipalities[found.leads[municipality]]
        raise Refusal("LEAD_ONLY", lead=lead.name)
    if municipality not in found.delivers:
        raise Refusal("NO_ROLE")


def check_window(round_: DeliveryRound, lane: Lane, now: datetime, started: datetime | None = None) -> None:
    """Refuse outside the delivery window; an upload that was opened (`started`) in it has the grace. The trial lane is
    always open."""
    if lane is Lane.TRIAL:
        return
    delivery = window(round_.delivery)
    if now < delivery.opens:
        raise Refusal("WINDOW_NOT_OPEN", opens=round_.delivery.opens.isoformat())
    if not is_open(delivery, now, started=started, grace_minutes=round_.grace_minutes):
        raise Refusal("WINDOW_CLOSED", closed=round_.delivery.closes.isoformat())


def taken_late(rounds: Iterable[DeliveryRound], put: datetime, now: datetime) -> tuple[datetime, datetime] | None:
    """When a file of the watch folder counts as begun and as whole, if that is not now: it lay there since `put`, in a
    window that is shut by now or in its grace, and was only not taken. Nobody can see when its writing began: within
    the grace that is taken to be in time. None when now is the moment that counts."""
    if put >= now or any(is_open(window(each.delivery), now) for each in rounds):
        return None
    for each in rounds:
        delivery = window(each.delivery)
        begun = min(put, delivery.closes)
        if is_open(delivery, put, started=begun, grace_minutes=each.grace_minutes):
            return begun, put
    return None


def withdrawn_by_default(round_: DeliveryRound) -> bool:
    """Whether an item counts as withdrawn while nothing was said of it: not when silence is consent."""
    return round_.consent is Consent.OPT_IN


def check_withdrawer(account: Account, municipality: str, participants: Participants, now: datetime) -> None:
    """Refuse an account that may not withdraw for this municipality. A lead delivers for its members but cannot
    withdraw for them; they cannot do it here themselves: for both there is the form of CBS."""
    found = rights(account, participants, local_day(now))
    if municipality not in found.sees:
        raise Refusal("NOT_YOURS")
    lead = found.leads.get(municipality)
    if lead is None and municipality not in account.municipalities:
        lead = sender_party(account, municipality, participants, local_day(now))
    if lead is not None:
        raise Refusal("DELEGATED", lead=participants.municipalities[lead].name)
    if Role.PRODUCTBEHEERDER not in account.roles:
        raise Refusal("WITHDRAWAL_ROLE")


def check_withdrawal_window(round_: DeliveryRound, now: datetime) -> None:
    """Refuse outside the withdrawal window; NO_SUCH_FILE when the round has none."""
    if round_.withdrawal is None:
        raise Refusal("NO_SUCH_FILE")
    withdrawal = window(round_.withdrawal)
    if now < withdrawal.opens:
        raise Refusal("WITHDRAWAL_NOT_OPEN", opens=round_.withdrawal.opens.isoformat())
    if not is_open(withdrawal, now):
        raise Refusal("WITHDRAWAL_CLOSED", closed=round_.withdrawal.closes.isoformat())
