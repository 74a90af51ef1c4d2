"""Keeper: who is connected now, who may come in, and who is kept out.

Does: counts connections in all, per network, and of those the ones that have not logged in yet; when all places before
login are taken, the oldest of the network that has most makes room; counts the sessions of each account; puts down what
connections did that never logged in, and says it, a few lines at a time.
Touches: the daemon's log; the file that says who is kept out.
Does not: log anybody in or close a connection (server).
"""

import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import asyncssh

from gateway.config.sections import Penalties, Sftp
from gateway.edge.sftp.house import House
from gateway.edge.sftp.penalties import Offence, Register, is_allowed, network_of
from gateway.store import bans

# Faults of the protocol itself. No common algorithm, or a host key that the client does not know, is not among them.
BROKEN = (
    asyncssh.ProtocolError,
    asyncssh.ProtocolNotSupported,
    asyncssh.MACError,
    asyncssh.CompressionError,
    asyncssh.IllegalUserName,
    asyncssh.ServiceNotAvailable,
)


class Comer(Protocol):
    """Somebody who is connected."""

    network: str
    since: float

    def is_known(self) -> bool:
        """Whether the login is completed."""

    def make_room(self) -> None:
        """End the connection: it has not logged in, and others want the place."""


@dataclass(slots=True)
class Doorkeeper:
    """`settings` are those that the door was opened with; the penalties are those in force. `elsewhere`: until when
    other processes on this port keep which networks out (technical time), as they said last."""

    house: House
    settings: Sftp
    register: Register = field(default_factory=Register)
    per_network: Counter[str] = field(default_factory=Counter)
    sessions: Counter[str] = field(default_factory=Counter)
    elsewhere: dict[str, float] = field(default_factory=dict)

    def _penalties(self) -> Penalties:
        return self.house.ctx.configuration().settings.penalties

    def network(self, address: str) -> str:
        """The network that an address counts for."""
        return network_of(address, self._penalties())

    def admits(self, address: str, others: "set[Comer]") -> bool:
        """Whether one more connection from here may be; says why not."""
        network, penalties, now = self.network(address), self._penalties(), self.house.monotonic()
        left = max(self.register.shut_for(network, now, penalties), self.elsewhere.get(network, now) - now)
        if left > 0 and not is_allowed(address, penalties.allow):
            self.house.voice.say("connection_banned", network, peer=address, network=network, seconds=round(left))
            return False
        cap = self._cap_reached(network, others)
        if cap == "unauthenticated_connections" and self._made_room(network, others, now):
            return True
        if cap:
            self.house.voice.say("connection_refused", network, peer=address, cap=cap)
        return not cap

    def _cap_reached(self, network: str, others: "set[Comer]") -> str:
        """The name of the setting that keeps one more connection out, or nothing."""
        unknown = [other.network for other in others if not other.is_known()]
        counts = {
            "connections": self.per_network.total(),
            "connections_per_address": self.per_network[network],
            "unauthenticated_connections_per_address": unknown.count(network),
            "unauthenticated_connections": len(unknown),
        }
        return next((name for name, count in counts.items() if count >= getattr(self.settings, name)), "")

    def _made_room(self, network: str, others: "set[Comer]", now: float) -> bool:
        """End the oldest connection that has not logged in, of the network that has most of them; unless this network
        has as many. Who floods from a hundred networks must do so within the time of a login to keep anybody out."""
        unknown = [other for other in others if not other.is_known()]
        counts = Counter(other.network for other in unknown)
        ((largest, most),) = counts.most_common(1)
        oldest = min((other for other in unknown if other.network == largest), key=lambda other: other.since)
        if most <= counts[network]:
            return False
        self.house.voice.say("place_taken", largest, network=largest, seconds=round(now - oldest.since))
        oldest.make_room()
        return True

    def came(self, network: str) -> None:
        """One more connection."""
        self.per_network[network] += 1

    def left(self, network: str) -> None:
        """One less."""
        self.per_network[network] -= 1
        if not self.per_network[network]:
            del self.per_network[network]

    def begin_session(self, login: str) -> bool:
        """Count one more session of an account, unless it has as many as it may."""
        if self.sessions[login] >= self.settings.sessions_per_account:
            return False
        self.sessions[login] += 1
        return True

    def end_session(self, login: str) -> None:
        """One less."""
        self.sessions[login] -= 1
        if not self.sessions[login]:
            del self.sessions[login]

    def tell_kept_out(self) -> None:
        """Write down for `gateway status` and the other processes who is kept out now, and read what they say."""
        now = self.house.monotonic()
        bans.write(self._state, self.register.shut(now, self._penalties()), now)
        said = bans.read(self._state, now, besides=os.getpid())
        self.elsewhere = {each.network: now + each.seconds for each in said.named}

    def forget_kept_out(self) -> None:
        """A process that begins or ends keeps nobody out; nor do those that are gone."""
        now = self.house.monotonic()
        bans.write(self._state, {}, now)
        bans.sweep(self._state, now)

    @property
    def _state(self) -> Path:
        return self.house.ctx.configuration().settings.paths.state

    def not_logged_in(self, address: str, failed: bool, seconds: float, error: Exception | None) -> None:
        """A connection ended after so many seconds without a login; `failed`: it tried."""
        offence = self._offence(failed, seconds, error)
        penalties, network = self._penalties(), self.network(address)
        reason = type(error).__name__ if error else ""
        self.house.voice.say("not_logged_in", network, peer=address, why=offence.value, reason=reason)
        if is_allowed(address, penalties.allow):
            return
        now = self.house.monotonic()
        before = self.register.shut_for(network, now, penalties)
        standing = self.register.offend(network, offence, now, penalties)
        if standing.shut and not before:
            self.house.voice.say("banned", network, network=network, seconds=round(standing.until - now),
                                 bans=standing.bans)  # fmt: skip

    def _offence(self, failed: bool, seconds: float, error: Exception | None) -> Offence:
        if failed:
            return Offence.FAILED_LOGIN
        if isinstance(error, BROKEN) or (error is not None and not isinstance(error, asyncssh.Error | OSError)):
            # What asyncssh did not foresee either, such as a banner that is no ASCII.
            return Offence.BROKEN
        return Offence.GRACE if seconds >= self.settings.login_grace_seconds else Offence.NO_LOGIN
