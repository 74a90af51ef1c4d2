"""Passwords at the door: compared in a few threads, and as long where there is none.

Does: compares what a client typed with the hash of the account, or with nobody's, so that the time of an answer tells
neither who exists nor who has a password.
Touches: two threads of its own, so that at most two comparisons hold memory at a time; the file with an account's hash.
Does not: decide who may use a password (means), or count attempts (server).
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from gateway.config.credentials import read_hash
from gateway.config.passwords import fits, nobodys
from gateway.domain.model import Account

AT_ONCE = 2


def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(AT_ONCE, thread_name_prefix="password")


@dataclass(frozen=True, slots=True)
class Passwords:
    """The comparing threads. They start with the first comparison."""

    _threads: ThreadPoolExecutor = field(default_factory=_pool)

    async def fitting(self, directory: Path, account: Account | None, password: str) -> str | None:
        """The hash of the account when this is its password; None when not, as slowly."""
        return await asyncio.get_running_loop().run_in_executor(
            self._threads, partial(_fitting, directory, account, password)
        )


def hash_now(directory: Path, account: Account) -> str | None:
    """The hash of an account as it stands now; None also when its file is gone or holds something else."""
    try:
        return read_hash(directory, account)
    except (OSError, ValueError):
        return None


def _fitting(directory: Path, account: Account | None, password: str) -> str | None:
    hashed = hash_now(directory, account) if account else None
    right = fits(hashed or nobodys(), password)
    return hashed if right else None
