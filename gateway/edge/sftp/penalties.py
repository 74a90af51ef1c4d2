"""Penalties: networks that fail to log in are kept out, each time for longer.

Does: adds up seconds for what a network did before login; when enough of them stand open it is shut out until they have
run off. Who was shut out before gets twice as many for the next offence, up to sixteen times; a quiet while takes one
doubling back. Knows which network an address belongs to, and which are never shut out.
Touches: a table in memory of at most so many networks; whom nobody heard of for longest is forgotten first.
Does not: end a session, ask the time or outlive the daemon.

Source: the idea and most of the default seconds are PerSourcePenalties of OpenSSH 9.8 (sshd_config(5)); the doubling is
ours.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache

from gateway.config.sections import Penalties

MOST_DOUBLINGS = 4
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Offence(StrEnum):
    """What a connection did that never logged in."""

    FAILED_LOGIN = "failed_login"
    NO_LOGIN = "no_login"
    GRACE = "grace"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Standing:
    """How a network stands: its seconds run off at `until` (technical time), `shut` when it is kept out until then,
    `bans` is how often it was, less what was forgiven."""

    until: float
    shut: bool = False
    bans: int = 0


def network_of(address: str, settings: Penalties) -> str:
    """The network that an address counts for: an IPv4 address by itself, of IPv6 the /64 that one customer gets, unless
    the settings say otherwise. An address that is none stands for itself."""
    source = _source(address)
    if source is None:
        return address
    prefix = settings.ipv4_prefix if source.version == 4 else settings.ipv6_prefix
    return str(ipaddress.ip_network((source, prefix), strict=False))


def is_allowed(address: str, allow: Sequence[str]) -> bool:
    """Whether an address is in a network that is never shut out."""
    source = _source(address)
    return source is not None and any(source in network for network in _networks(tuple(allow)))


def seconds_for(offence: Offence, settings: Penalties) -> int:
    """What an offence costs the first time."""
    return {
        Offence.FAILED_LOGIN: settings.failed_login_seconds,
        Offence.NO_LOGIN: settings.no_login_seconds,
        Offence.GRACE: settings.grace_seconds,
        Offence.BROKEN: settings.broken_seconds,
    }[offence]


def at(standing: Standing, now: float, settings: Penalties) -> Standing:
    """How a network stands at `now`, when it did nothing since: open again when its seconds have run off, one ban
    forgiven for each `forgive_seconds` of quiet."""
    if now < standing.until:
        return standing
    forgiven = int((now - standing.until) // settings.forgive_seconds)
    if not forgiven and not standing.shut:
        return standing
    # What was forgiven is not forgiven again: the quiet goes on from there.
    return Standing(standing.until + forgiven * settings.forgive_seconds, False, max(0, standing.bans - forgiven))


def after(standing: Standing | None, seconds: int, now: float, settings: Penalties) -> Standing:
    """How a network stands after an offence that costs `seconds` the first time."""
    before = at(standing, now, settings) if standing else Standing(now)
    if not seconds:
        return before
    open_seconds = max(0.0, before.until - now) + seconds * 2 ** min(before.bans, MOST_DOUBLINGS)
    until = now + min(open_seconds, settings.longest_seconds)
    shut = before.shut or until - now >= min(settings.ban_from_seconds, settings.longest_seconds)
    return Standing(until, shut, before.bans + (shut and not before.shut))


@dataclass(slots=True)
class Register:
    """The standing of each network that did something, at most `settings.networks` of them."""

    _standings: dict[str, Standing] = field(default_factory=dict)

    def offend(self, network: str, offence: Offence, now: float, settings: Penalties) -> Standing:
        """Note an offence; how the network stands now."""
        standing = after(self._standings.pop(network, None), seconds_for(offence, settings), now, settings)
        self._standings[network] = standing
        while len(self._standings) > settings.networks:
            del self._standings[next(iter(self._standings))]
        return standing

    def shut_for(self, network: str, now: float, settings: Penalties) -> float:
        """Seconds for which the network is still kept out; 0 when it is not."""
        standing = self._standings.get(network)
        if standing is None:
            return 0.0
        now_stands = at(standing, now, settings)
        return now_stands.until - now if now_stands.shut else 0.0

    def shut(self, now: float, settings: Penalties) -> dict[str, float]:
        """Every network that is kept out, and the seconds that are left."""
        left = {network: self.shut_for(network, now, settings) for network in self._standings}
        return {network: seconds for network, seconds in left.items() if seconds}

    def __len__(self) -> int:
        return len(self._standings)


def _source(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        source = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return None
    return (source.ipv4_mapped or source) if isinstance(source, ipaddress.IPv6Address) else source


@lru_cache(maxsize=8)
def _networks(texts: tuple[str, ...]) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(text) for text in texts)
