"""Locks: who may serve what on one state folder, and which of several processes tends the folders.

Does: gives each process its place (`sftp-1.lock`, `sftp-2.lock`, `worker.lock`), and keeps all of them out for who
needs the gateway at rest; hands the care of the folders to one SFTP process at a time, and to the next when that one is
gone.
Touches: lock files in the state folder (flock: a lock ends with the process that holds it, however it ends).
Does not: do what is to be done there.

What only one process may do at a time, because it looks at what others put down: take files out of the watch folders,
land what was taken, remove old working files, mail an alarm when no worker does. All else is safe in each of them.
"""

import fcntl
import os
import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from gateway.daemon.parts import Part, Tell
from gateway.errors import SURPRISES, Conflict, GatewayError
from gateway.store.durable import world
from gateway.workflow.context import Context
from gateway.workflow.loops import reason_of

# How soon another takes over the folders when who tended them is gone.
LOOK_SECONDS = 1.0


def take_lock(state: Path, role: str, stack: ExitStack, *, process: int = 1, alone: bool = False) -> None:
    """The place of a process until the stack unwinds: one worker, and of each number one that takes uploads. `alone`:
    none of them may run. Conflict when somebody is in the way, Temporary when the disk says no."""
    wanted = {"sftp.lock": alone, f"sftp-{process}.lock": True} if role != "worker" else {}
    for name, only in {**wanted, **({"worker.lock": True} if role != "sftp" else {})}.items():
        with world():
            state.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = stack.enter_context((state / name).open("w"))
        if not _locked(handle.fileno(), only=only):
            served = "worker" if name.startswith("worker") else "sftp"
            number = f" as process {process}" if process > 1 else ""
            raise Conflict(f"another gateway already serves the role '{served}'{number} on {state}")


def _locked(descriptor: int, *, only: bool = True) -> bool:
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_EX if only else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def sweep_left(ctx: Context, tell: Tell) -> None:
    """Remove uploads that were broken off with a process that did not come back. One that runs has its own lock."""
    state = ctx.configuration().settings.paths.state
    for spool in ctx.spool.of_all_processes():
        with (state / f"sftp-{spool.process}.lock").open("w") as handle:
            if _locked(handle.fileno()) and (swept := spool.sweep_staging()):
                tell("staging_swept", process=spool.process, uploads=swept)


class Tending:
    """Whether this process tends the folders. It asks for them at once, and again each second until it has them; what
    `then` was told is started at that moment. It has them until it is stopped."""

    def __init__(self, state: Path, tell: Tell) -> None:
        self._descriptor = os.open(state / "folders.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._tell = tell
        self._lock = threading.Lock()
        self._later: list[Callable[[], object]] = []
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._ask, name="folders", daemon=True)
        self._has = _locked(self._descriptor)

    def __call__(self) -> bool:
        """Whether it does now."""
        return self._has

    def start(self) -> None:
        """Wait for them, when another has them."""
        if not self._has:
            self._tell("folders_waited_for")
            self._thread.start()

    def stop(self) -> None:
        """Leave them to another. Whatever was started has ended by then."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        self._has = False
        os.close(self._descriptor)

    def then(self, begin: Callable[[], object]) -> None:
        """Call this as soon as the folders are ours; now when they are."""
        with self._lock:
            if not self._has:
                self._later.append(begin)
                return
        begin()

    def _ask(self) -> None:
        while not self._stopping.wait(LOOK_SECONDS):
            if _locked(self._descriptor):
                with self._lock:
                    self._has, later = True, self._later
                self._tell("folders_taken_over")
                for begin in later:
                    try:
                        begin()
                    except (GatewayError, OSError, *SURPRISES) as error:
                        self._tell("folders_failed", reason=reason_of(error), error=True)
                return


class WhenTending:
    """A part that runs only while this process tends the folders."""

    def __init__(self, tending: Tending, part: Part) -> None:
        self._tending = tending
        self._part = part
        self._lock = threading.Lock()
        self._runs = False
        self._over = False

    def start(self) -> None:
        """Begin as soon as the folders are ours."""
        self._tending.then(self._begin)

    def _begin(self) -> None:
        with self._lock:
            if not self._over:
                self._part.start()
                self._runs = True

    def stop(self) -> None:
        """End, or never begin."""
        with self._lock:
            self._over = True
        if self._runs:
            self._part.stop()
