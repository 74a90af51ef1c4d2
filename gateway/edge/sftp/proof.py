"""Proof: what one connection shows to log in, and whether it still stands while the connection is open.

Does: holds what asyncssh asks of a login (keys, certificates, passwords) against the configuration in force, remembers
what was judged last, has the ledger told of the use of a key.
Touches: the ledger, aside and seldom; the files with password hashes.
Does not: count connections, or say anything to the client (server).
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import asyncssh

from gateway.config.sections import Sftp
from gateway.domain.model import Account
from gateway.domain.workdays import local_day
from gateway.edge.sftp import means
from gateway.edge.sftp.house import House
from gateway.edge.sftp.means import Means, Trust
from gateway.edge.sftp.passwords import Passwords, hash_now
from gateway.errors import SURPRISES
from gateway.workflow.logins import note_use
from gateway.workflow.loops import TROUBLE, reason_of

# As often as the ledger keeps the use of a key (workflow.logins).
NOTE_SECONDS = 3600.0
MOST_NOTED = 50_000


@dataclass(slots=True)
class Believed:
    """What all logins share: whom the settings believe, the comparing threads, which uses were noted when."""

    house: House
    passwords: Passwords = field(default_factory=Passwords)
    _noted: dict[tuple[str, str], float] = field(default_factory=dict)
    _trust: Trust | None = None

    def settings(self) -> Sftp:
        """Those in force."""
        return self.house.ctx.configuration().settings.sftp

    def configured(self, login: str) -> Account | None:
        """The account with this login, in the configuration in force."""
        return self.house.ctx.configuration().participants.accounts.get(login)

    def refusal(self, account: Account | None, shown: Means | None, address: str) -> str | None:
        """Why an account does not come in by this; None when it does."""
        settings = self.settings()
        if self._trust is None or self._trust.settings is not settings:
            self._trust = means.trust(settings)
        return means.refusal(account, shown, address, local_day(self.house.wall()), self._trust)

    def note(self, login: str, key: str) -> None:
        """Have the ledger told of the use of a key, unless it was lately."""
        now = self.house.monotonic()
        if now - self._noted.get((login, key), -NOTE_SECONDS) < NOTE_SECONDS:
            return
        if len(self._noted) >= MOST_NOTED:
            self._noted.clear()
        self._noted[login, key] = now

        def tell_ledger() -> None:
            try:
                note_use(self.house.ctx, login, key)
            except (*TROUBLE, *SURPRISES) as error:
                # The login stands; the next one is noted.
                self._noted.pop((login, key), None)
                self.house.tell("login_not_noted", account=login, reason=reason_of(error), error=True)

        asyncio.get_running_loop().run_in_executor(None, tell_ledger)


@dataclass(slots=True)
class Proof:
    """Of one connection. `missed(login, blob, reason)` is called for everything that opens nothing."""

    believed: Believed
    missed: Callable[[str, bytes, str], None]
    address: str = ""
    _means: Means | None = None
    _judged: str = ""
    _passwords: int = 0

    def judge(self, username: str, blob: bytes, signature: bytes | None) -> str | None:
        """Whether a key or certificate stands for this very account, from this address, now; see `userauth.Judge`."""
        self._means = None
        account, shown = self.believed.configured(username), means.shown(blob)
        reason = self.believed.refusal(account, shown, self.address)
        if reason is None and signature is not None and not means.signed_in_time(signature):
            reason = "signed with an algorithm of the past"
        if reason is not None or account is None or shown is None:
            self.missed(username, blob, reason or "")
            return None
        self._means, self._judged = shown, username
        return means.principal_for(account, shown)

    def is_judged_key(self, key: asyncssh.SSHKey) -> bool:
        """Whether this is the key that was judged."""
        return self._means is not None and self._means.certificate is None and self._means.key == key.public_data

    def is_judged_authority(self, key: asyncssh.SSHKey) -> bool:
        """Whether this is the authority of the certificate that was judged."""
        judged = self._means.certificate if self._means else None
        return judged is not None and judged.signing_key.public_data == key.public_data

    async def password(self, username: str, password: str) -> bool:
        """Whether this is the password of the account. The answer takes as long whoever is asked for."""
        self._means = None
        account = self.believed.configured(username)
        directory = self.believed.house.ctx.configuration().directory
        hashed = await self.believed.passwords.fitting(directory, account, password)
        shown = Means(hashed=hashed or "")
        reason = self.believed.refusal(account, shown, self.address) if hashed else "password"
        if reason is not None:
            self._passwords += 1
            self.missed(username, b"password %d" % self._passwords, reason)
            return False
        self._means, self._judged = shown, username
        return True

    def account(self, username: str) -> Account | None:
        """The account whose login is completed: the one that was judged last, or nobody."""
        if self._means is None or username != self._judged:
            return None
        return self.believed.configured(username)

    def facts(self) -> dict[str, object]:
        """What the daemon's log says of a completed login."""
        return self._means.facts() if self._means else {}

    def note(self) -> None:
        """Remember that this was used."""
        self.believed.note(self._judged, str(self.facts().get("key", "password")))

    def gone(self, login: str) -> str | None:
        """Why what opened this connection opens nothing any more; None while it does."""
        account = self.believed.configured(login)
        reason = self.believed.refusal(account, self._means, self.address)
        if reason is None and account and self._means and self._means.hashed:
            now = hash_now(self.believed.house.ctx.configuration().directory, account)
            return None if now == self._means.hashed else "another password"
        return reason
