"""Server: login, caps and listening.

Does: asks the keeper who may come in, sets a guard on each connection, has what is shown at login judged (proof), also
while a session is open; hands each authenticated session its `Session`, puts out who is silent for long.
Touches: the listening socket.
Does not: offer shells, exec, scp -O or forwarding: who asks for a shell or a command is told so in a
sentence.
"""

import asyncio
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import asyncssh
from asyncssh.channel import SSHChannel
from asyncssh.stream import SSHServerStreamSession

from gateway.config.sections import Sftp
from gateway.domain.model import Account
from gateway.edge.sftp import userauth, wire
from gateway.edge.sftp.algorithms import SIGNATURES, TIERS, Tier, host_key_pairs, one_of_each
from gateway.edge.sftp.guard import JOINED, Guard, guard_channel
from gateway.edge.sftp.house import House
from gateway.edge.sftp.keeper import Doorkeeper
from gateway.edge.sftp.proof import Believed, Proof
from gateway.edge.sftp.session import Session
from gateway.edge.sftp.statuses import is_ours, origin
from gateway.reports.plain import masked
from gateway.reports.wording import refusal_line

# Of one SFTP channel: what a client may send before its requests are handled.
WINDOW = 512 * 1024
LOOK_SECONDS = 10.0


class Front(SSHServerStreamSession[bytes]):
    """One channel of a connection: SFTP, or the sentence that there is nothing else. `left` is called at its end,
    `told` when it was not SFTP that was asked for."""

    def __init__(
        self,
        make: Callable[[SSHChannel[bytes]], Session],
        no: bytes,
        left: Callable[[], None],
        told: Callable[..., None],
    ):
        super().__init__(None, make, 3)
        self._no = no
        self._left = left
        self._told = told

    def shell_requested(self) -> bool:
        """Taken, to be answered with the sentence."""
        return True

    def exec_requested(self, command: str) -> bool:
        """Taken, to be answered with the sentence."""
        return True

    def session_started(self) -> None:
        """Begin SFTP, or say that there is nothing else."""
        channel = self._chan
        if isinstance(channel, asyncssh.SSHServerChannel) and channel.get_subsystem() != "sftp":
            self._told("request_refused", request="shell" if channel.get_command() is None else "exec")
            channel.write(self._no, asyncssh.EXTENDED_DATA_STDERR)
            channel.exit(1)
        else:
            super().session_started()

    def data_received(self, data: bytes, datatype: int | None) -> None:
        """Data waits for whoever reads it, small pieces joined (see `guard.JOINED`)."""
        super().data_received(data, datatype)
        waiting = self._recv_buf[datatype]
        before = waiting[-2] if len(waiting) > 1 else None
        if isinstance(before, bytes) and len(before) + len(data) <= JOINED:
            waiting[-2:] = [before + data]

    def connection_lost(self, exc: Exception | None) -> None:
        """The channel is closed."""
        super().connection_lost(exc)
        self._left()


class Login(asyncssh.SSHServer):
    """One connection, up to and including its login."""

    def __init__(self, house: House, keeper: Doorkeeper, believed: Believed, logins: "set[Login]") -> None:
        self._house = house
        self._keeper = keeper
        self._logins = logins
        self._address = ""
        self.network = ""
        self._sent_away = False
        self._counted = False
        self._wrong: set[bytes] = set()
        self._proof = Proof(believed, self.miss)
        self._account: Account | None = None
        self._made: list[Session] = []
        self._channels = 0
        self.since = house.monotonic()
        self._connection: asyncssh.SSHServerConnection | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        """A client connected; one too many is sent away before it costs anything."""
        self._connection = conn
        self._address = self._proof.address = str(conn.get_extra_info("peername")[0])
        self.network = self._keeper.network(self._address)
        if not self._keeper.admits(self._address, {*self._logins}):
            conn.abort()
            return
        self._keeper.came(self.network)
        self._logins.add(self)
        self._counted = True
        Guard(conn, self.is_known, self._say, self._house.monotonic).stand(self._house.unread_bytes)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        self._logins.discard(self)
        if not self._counted:
            return
        self._keeper.left(self.network)
        if exc is not None and is_ours(exc):
            self._house.tell("internal_error", reason=type(exc).__name__, where=origin(exc), error=True)
        if not self.is_known() and not self._sent_away:
            seconds = self._house.monotonic() - self.since
            self._keeper.not_logged_in(self._address, bool(self._wrong), seconds, exc)
        elif exc is not None and not isinstance(exc, asyncssh.ConnectionLost | OSError):
            self._say("connection_broken", reason=type(exc).__name__)

    def begin_auth(self, username: str) -> bool:
        """Everybody must authenticate; an unknown login goes the same way as a wrong key."""
        return True

    def public_key_auth_supported(self) -> bool:
        """Keys are how accounts log in."""
        return True

    def password_auth_supported(self) -> bool:
        """Only where the settings say so."""
        return self._proof.believed.settings().passwords

    def kbdint_auth_supported(self) -> bool:
        """No questions."""
        return False

    def judge(self, username: str, blob: bytes, signature: bytes | None) -> str | None:
        """See `userauth.Judge`."""
        return self._proof.judge(username, blob, signature)

    def miss(self, username: str, blob: bytes, reason: str) -> None:
        """Something that opens nothing; too many different ones end the connection."""
        self._wrong.add(blob)
        self._say("login_failed", account=masked(username[:64]), reason=reason)
        if len(self._wrong) > self._keeper.settings.keys_per_connection and self._connection:
            self._connection.disconnect(
                asyncssh.DISC_NO_MORE_AUTH_METHODS_AVAILABLE, "Te veel sleutels | Too many keys"
            )

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        """Whether this is the key that was judged."""
        return self._proof.is_judged_key(key)

    def validate_ca_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        """Whether this is the authority of the certificate that was judged."""
        return self._proof.is_judged_authority(key)

    async def validate_password(self, username: str, password: str) -> bool:
        """Whether this is the password of the account."""
        return await self._proof.password(username, password)

    async def change_password(self, username: str, old_password: str, new_password: str) -> bool:
        """Nobody changes a password here."""
        return await self._proof.password(username, "")

    def auth_completed(self) -> None:
        """The user is who the connection says; only now is that to be believed."""
        login = self._connection.get_extra_info("username") if self._connection else ""
        self._account = self._proof.account(login)
        # Without an account no session opens.
        if self._account is not None:
            self._house.tell("login", account=login, peer=self._address, **self._proof.facts())
            self._proof.note()

    def is_known(self) -> bool:
        """Whether the login is completed."""
        return self._account is not None

    def session_requested(self) -> tuple["asyncssh.SSHServerChannel[bytes]", Front]:
        """One more channel. ChannelOpenError when there are too many."""
        if self._connection is None or self._account is None:
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED, "")
        own = self._channels < self._keeper.settings.sessions_per_connection
        if not own or not self._keeper.begin_session(self._account.login):
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_RESOURCE_SHORTAGE, "Te veel sessies | Too many sessions")
        self._channels += 1
        no = refusal_line(self._house.ctx.configuration().texts, "NO_EXEC", {})
        left = partial(self._channel_left, self._account.login)
        front = Front(partial(self._session, self._account), f"{no}\r\n".encode(), left, self._say)
        channel = self._connection.create_server_channel(encoding=None, window=WINDOW)
        guard_channel(channel, self._say)
        return channel, front

    def _session(self, account: Account, channel: SSHChannel[bytes]) -> Session:
        if not isinstance(channel, asyncssh.SSHServerChannel):
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED, "")
        session = Session(channel, self._house, account, self._address)
        self._made = [each for each in self._made if not each.ended] + [session]
        return session

    def _channel_left(self, login: str) -> None:
        self._channels -= 1
        self._keeper.end_session(login)

    def _say(self, event: str, **facts: object) -> None:
        account = {"account": self._account.login} if self._account else {}
        self._house.voice.say(event, self.network, **{**account, "peer": self._address, **facts})

    def silent_since(self) -> float:
        """Technical time of the last request, or of the connection when there was none."""
        return max([self.since, *(session.last_heard for session in self._made)])

    def is_uploading(self) -> bool:
        """Whether a file is being written on this connection."""
        return any(session.is_uploading() for session in self._made)

    def is_answering(self) -> bool:
        """Whether a request waits for its answer."""
        return any(session.is_answering() for session in self._made)

    def make_room(self) -> None:
        """See `keeper.Comer`."""
        self._logins.discard(self)
        if self._connection:
            self._connection.abort()

    def close(self) -> None:
        """Say goodbye."""
        self._sent_away = True
        if self._connection:
            self._connection.close()

    def close_if_revoked(self) -> None:
        """Close the connection when what opened it opens nothing any more: gone from the configuration, revoked,
        expired, another password, or an address that it may not come from."""
        if self._account is None or self._connection is None:
            return
        reason = self._proof.gone(self._account.login)
        if reason is not None:
            self._house.tell("revoked", account=self._account.login, peer=self._address, reason=reason)
            self._connection.close()


# Where to listen: a host (or a socket of systemd), a port, a tier.
Listener = tuple[str | socket.socket, int, str]


@dataclass(frozen=True, slots=True)
class Door:
    """The open door, with a listener per tier. `silence` is the task that puts out who is silent for long."""

    acceptors: tuple[asyncssh.SSHAcceptor, ...]
    logins: set[Login]
    silence: "asyncio.Task[None]"
    keeper: Doorkeeper

    @property
    def ports(self) -> tuple[int, ...]:
        """Where it listens, in the order that was asked."""
        return tuple(acceptor.get_port() for acceptor in self.acceptors)

    def connections(self) -> int:
        """How many there are now."""
        return len(self.logins)

    def close_revoked(self) -> None:
        """Close the connections whose account or key is gone from the configuration."""
        for login in list(self.logins):
            login.close_if_revoked()

    async def drain(self, seconds: float = 25.0) -> None:
        """Take no new connections; let uploads that are running end; then close."""
        self.silence.cancel()
        self.keeper.forget_kept_out()
        for acceptor in self.acceptors:
            acceptor.close()
        until = time.monotonic() + seconds
        while any(login.is_uploading() for login in self.logins) and time.monotonic() < until:
            await asyncio.sleep(0.05)
        for login in list(self.logins):
            login.close()
        for acceptor in self.acceptors:
            await acceptor.wait_closed()


async def listen(house: House, settings: Sftp, listeners: Sequence[Listener]) -> Door:
    """Open the door at each (host, port, tier); port 0 takes a free one; a
    socket that listens already may stand in the place of the host. All share caps and accounts."""
    wire.install()
    userauth.install()
    keeper = Doorkeeper(house, settings)
    keeper.forget_kept_out()
    believed = Believed(house)
    logins: set[Login] = set()
    keys = host_key_pairs(settings.host_keys)
    acceptors = [
        await _accept(partial(Login, house, keeper, believed, logins), settings, keys, host, port, TIERS[tier])
        for host, port, tier in listeners
    ]
    looking = asyncio.create_task(_look_round(logins, house, keeper, settings.idle_seconds))
    return Door(tuple(acceptors), logins, looking, keeper)


async def _accept(
    make: Callable[[], Login],
    settings: Sftp,
    keys: Sequence[asyncssh.SSHKeyPair],
    host: str | socket.socket,
    port: int,
    tier: Tier,
) -> asyncssh.SSHAcceptor:
    ours = None if isinstance(host, str) else host
    return await asyncssh.listen(
        host if isinstance(host, str) else "",
        port,
        sock=ours,
        server_factory=make,
        server_host_keys=keys if tier.tell_keys else one_of_each(keys),
        send_server_host_keys=tier.tell_keys,
        allow_scp=False,
        agent_forwarding=False,
        x11_forwarding=False,
        allow_pty=False,
        line_editor=False,
        encoding=None,
        login_timeout=settings.login_grace_seconds,
        keepalive_interval=settings.keepalive_seconds,
        keepalive_count_max=3,
        kex_algs=tier.kex,
        encryption_algs=tier.encryption,
        mac_algs=tier.mac,
        compression_algs=None,
        signature_algs=SIGNATURES,
        gss_host=None,
        server_version="gateway",
        # Of a queue that it may share, a process takes one at a time: who has time takes the next.
        backlog=512 if ours is None else 1,
        reuse_port=settings.share_port and ours is None,
    )


async def _look_round(logins: set[Login], house: House, keeper: Doorkeeper, idle_seconds: float) -> None:
    """Put out who is silent for long, tell the numbers of what was not said line by line, and write down who is kept
    out."""
    while True:
        await asyncio.sleep(min(idle_seconds / 4, LOOK_SECONDS))
        for login in list(logins):
            login.close_if_revoked()
            if house.monotonic() - login.silent_since() > idle_seconds and not login.is_answering():
                login.close()
        house.voice.rest()
        keeper.tell_kept_out()
