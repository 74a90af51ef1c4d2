"""Answers: from a piece of work to what a client hears of it.

Does: runs what touches disk or ledger in threads; turns each `Refusal` into a status with its sentence, and a refused
drop into what `admit.record_refusal` leaves behind; whatever nobody foresaw becomes a number for the desk.
Touches: the ledger through admit; the daemon's log.
Does not: know requests (session) or sentences (texts).
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import asyncssh

from gateway.edge.sftp.house import House
from gateway.edge.sftp.statuses import origin, status
from gateway.errors import GatewayError, Refusal, Temporary
from gateway.workflow.admit import Attempt, record_refusal

Answer = TypeVar("Answer")
# Threads that look things up for one account. Each that computes makes the event loop wait for the interpreter.
LOOKING = 2


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers of one session of `login`; `say` writes a line about it, few of each kind."""

    house: House
    login: str
    say: Callable[..., None]

    async def give(self, work: Awaitable[Answer], attempt: Attempt | None = None) -> Answer:
        """Wait for `work`; its errors become SFTP statuses. A refused `attempt` leaves its traces."""
        try:
            return await work
        except asyncssh.SFTPError:
            raise
        except Refusal as refusal:
            if attempt is not None:
                self.say("refused", code=refusal.code)
                # Each is a line in the ledger, and perhaps a report: a flood of them would hold up all who deliver.
                await asyncio.sleep(self.house.refusals.owed(self.login, self.house.monotonic()))
                await self.in_thread(self._record, attempt, refusal)
            raise self.status(refusal) from refusal
        except Temporary as error:
            self.house.tell("temporary", account=self.login, reason=str(error))
            raise self.status(Refusal("NOT_DURABLE")) from error
        except Exception as error:  # asyncssh would tell the client what it says
            mark = self.house.ctx.random_hex(4)
            self.house.tell("internal_error", mark=mark, reason=type(error).__name__, where=origin(error), error=True)
            raise self.status(Refusal("INTERNAL", id=mark)) from error

    def status(self, refusal: Refusal) -> asyncssh.SFTPError:
        """The status of a refusal, with its sentence."""
        return status(self.house.ctx, refusal)

    async def in_thread(self, work: Callable[..., Answer], *args: Any) -> Answer:
        """What touches disk or ledger."""
        return await asyncio.get_running_loop().run_in_executor(None, partial(work, *args))

    async def look(self, work: Callable[..., Answer], *args: Any) -> Answer:
        """What looks something up: few at a time for one account."""
        async with self.house.looking.setdefault(self.login, asyncio.Semaphore(LOOKING)):
            return await self.in_thread(work, *args)

    def _record(self, attempt: Attempt, refusal: Refusal) -> None:
        try:
            record_refusal(self.house.ctx, attempt, refusal)
        except (GatewayError, OSError) as error:
            # The client still gets its answer; the desk finds the refusal in the daemon's log.
            self.house.tell("refusal_not_recorded", code=refusal.code, reason=str(error), error=True)
