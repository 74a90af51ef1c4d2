"""A process that dies at its k-th step.

Does: counts every operation by which the gateway changes the world (files and statements), and ends the process right
before the k-th, right after it, or with the k-th half done.
Touches: the process it is installed in; that process is not used for anything else.
Does not: soften the end: no handler, no `finally`, no flush runs.
"""

import os
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from pysqlite3 import dbapi2 as sqlite3

FILE_STEPS = ("rename", "replace", "unlink", "remove", "rmdir", "mkdir", "fsync", "ftruncate")
STATEMENTS = ("begin", "commit", "rollback", "savepoint", "release", "insert", "update", "delete", "create", "pragma")
NEVER = 1_000_000_000


@dataclass
class Killer:
    """`at` counts from 1. `when` is before, after or torn (half done, where an operation has halves; else before).
    `by_signal`: SIGKILL instead of leaving. `last` is done right before the end. `steps` are the names of what was
    counted."""

    at: int = NEVER
    when: str = "before"
    by_signal: bool = False
    last: Callable[[], object] | None = None
    steps: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def step(self, name: str, run: Callable[[], Any], half: Callable[[], object] | None = None) -> Any:
        """Do one operation, or die around it."""
        with self._lock:
            self.steps.append(name)
            due = len(self.steps) == self.at
        if due and self.when == "torn" and half is not None:
            half()
        if due and self.when != "after":
            self.die()
        answer = run()
        if due:
            self.die()
        return answer

    def die(self) -> None:
        """At once."""
        if self.last is not None:
            self.last()
        if self.by_signal:
            os.kill(os.getpid(), signal.SIGKILL)
        os._exit(137)


def install(killer: Killer) -> None:
    """Count from now on, in this process, for ever."""
    replaced: dict[str, Callable[..., Any]] = {name: _counted(killer, name, getattr(os, name)) for name in FILE_STEPS}
    replaced["open"] = partial(_open, killer, os.open)
    replaced["write"] = partial(_write, killer, os.write)
    replaced["pwrite"] = partial(_write, killer, os.pwrite)
    vars(os).update(replaced)
    vars(sqlite3)["connect"] = partial(_connect, killer, sqlite3.connect)


def _counted(killer: Killer, name: str, plain: Callable[..., Any]) -> Callable[..., Any]:
    def run(*arguments: Any, **named: Any) -> Any:
        return killer.step(name, partial(plain, *arguments, **named))

    return run


def _open(killer: Killer, plain: Callable[..., int], path: Any, flags: int, *arguments: Any, **named: Any) -> Any:
    run = partial(plain, path, flags, *arguments, **named)
    return killer.step("open", run) if flags & (os.O_CREAT | os.O_TRUNC) else run()


def _write(killer: Killer, plain: Callable[..., int], descriptor: int, body: bytes, *offset: int) -> Any:
    half = partial(plain, descriptor, bytes(body[: len(body) // 2]), *offset)
    return killer.step("write", partial(plain, descriptor, body, *offset), half)


def _connect(killer: Killer, plain: Callable[..., Any], path: str, **named: Any) -> Any:
    """A connection of which each statement that changes the ledger is a step."""

    def execute(self: Any, sql: str, *params: Any) -> Any:
        run = partial(sqlite3.Connection.execute, self, sql, *params)
        word = sql.split(None, 1)[0].lower()
        if word not in STATEMENTS:
            return run()
        return killer.step(word, run, partial(_half_a_commit, Path(f"{path}-wal"), run) if word == "commit" else None)

    return plain(path, factory=type("Counting", (sqlite3.Connection,), {"execute": execute}), **named)


def _half_a_commit(wal: Path, commit: Callable[[], object]) -> None:
    """What a power cut leaves of a commit that did not return: a part of what it appended to the write-ahead log."""
    before = wal.stat().st_size if wal.exists() else 0
    commit()
    after = wal.stat().st_size if wal.exists() else 0
    if after > before:
        os.truncate(wal, (before + after) // 2)
