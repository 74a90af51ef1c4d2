"""House: what all SFTP sessions of this process share.

Does: holds the workflow, the caps and the rates; counts the bytes that each account has open for reading.
Touches: tables in memory.
Does not: answer a request (session) or let anybody in (keeper).
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from gateway.edge.sftp.acts import Memory
from gateway.edge.sftp.listing import Recent
from gateway.edge.sftp.papers import Drafts
from gateway.edge.sftp.rates import Rates, Voice
from gateway.edge.sftp.upload import Writers
from gateway.workflow.context import Context
from gateway.workflow.intake import Intake

# Refused uploads and acts of one account that are written down at once, and then each second.
REFUSALS_AT_ONCE = 200
REFUSALS_PER_SECOND = 2.0
# Bytes that one account may have open for reading in all its sessions, unless it is one file: they are in memory.
MOST_HELD = 512 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class House:
    """What all sessions share: the workflow, the caps, and how to speak to the daemon's log. `held`: bytes that each
    account has open for reading."""

    ctx: Context
    intake: Intake
    recent: Recent
    tell: Callable[..., None]
    monotonic: Callable[[], float]
    fingerprints: tuple[str, ...]
    wall: Callable[[], datetime]
    handles: int = 32
    listings: int = 8
    writers: Writers = field(default_factory=Writers)
    acts: Memory = field(default_factory=Memory)
    read_bytes: int = 261_120
    unread_bytes: int = 262_144
    requests: Rates = field(default_factory=lambda: Rates(500, 500))
    refusals: Rates = field(default_factory=lambda: Rates(REFUSALS_PER_SECOND, REFUSALS_AT_ONCE))
    held: Counter[str] = field(default_factory=Counter)
    voice: Voice = field(init=False)
    looking: dict[str, asyncio.Semaphore] = field(default_factory=dict)
    drafts: Drafts = field(default_factory=Drafts)

    def __post_init__(self) -> None:
        object.__setattr__(self, "voice", Voice(self.tell, self.monotonic))

    def may_hold(self, login: str, size: int) -> bool:
        """Whether an account may open so many bytes more for reading; counted when it may."""
        held = self.held[login]
        if held and held + size > MOST_HELD:
            return False
        self.held[login] += size
        return True

    def let_go(self, login: str, size: int) -> None:
        """They are closed."""
        self.held[login] -= size
        if not self.held[login]:
            del self.held[login]
