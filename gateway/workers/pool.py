"""The worker processes: started, timed, killed and replaced.

Does: lends one worker to each call of `Pool.examine`, and starts a fresh one after the last job of an old one or any
fault.
Touches: processes, their pipes, one thread per worker that drains its standard error.
Does not: look into an answer (answers) or try again (workflow).

A worker gets an environment of its own making, none of our open files, and `/` as its working directory. It ends when
its standard input does, so it does not outlive us; while it works, its own alarm sees to that.
"""

import fcntl
import math
import os
import re
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from queue import LifoQueue

import gateway
from gateway.domain.kinds import Job
from gateway.domain.model import Examination
from gateway.errors import WorkerFault
from gateway.examine import EXIT_MEMORY, read_frame, write_job
from gateway.workers.answers import Garbage, decode

# Of address space a warm worker has 340 MB (polars maps much that it never touches), and 480 MB with a file of 50 MB.
# What it really uses is 100 and 220 MB.
ADDRESS_SPACE = 640 << 20
# Safe path: the working directory is not searched for modules.
COMMAND = (sys.executable, "-P", "-s", "-m", "gateway.examine")
ANSWER_BYTES = 64 << 20
STDERR_BYTES = 8_192
PIPE_BYTES = 1 << 20
KEPT_BYTES = 16 << 20
# How long a worker that closed its pipes may take to be gone.
EXIT_SECONDS = 2.0
LAST_WORDS = re.compile(rb"^fault: ([A-Za-z_]{1,60} at [a-z_/]{1,60}\.py:[0-9]{1,5})$", re.MULTILINE)
# What the allocator of polars says before it aborts.
NO_MEMORY = b"memory allocation of "


class _Worker:
    """One process and its pipes. Used by one thread at a time, but for `kill`."""

    def __init__(self, jobs: int, seconds: float, address_space: int) -> None:
        limits = (str(jobs), str(math.ceil(seconds)), str(address_space))
        self.jobs_left = jobs
        self._seconds = seconds
        self._late = False
        self._tail = bytearray()
        self._process = subprocess.Popen(
            [*COMMAND, *limits],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd="/",
            env={
                "PYTHONPATH": str(Path(gateway.__file__).resolve().parents[1]),
                "POLARS_MAX_THREADS": "1",
                # That check writes machine code, which a hardened service may not (MemoryDenyWriteExecute).
                "POLARS_SKIP_CPU_CHECK": "1",
                # Each arena reserves address space, of which there is a limit.
                "MALLOC_ARENA_MAX": "2",
                # The memory of one file serves the next: polars keeps its own ten seconds, Python so many bytes.
                "_RJEM_MALLOC_CONF": "dirty_decay_ms:10000",
                "MALLOC_MMAP_THRESHOLD_": str(KEPT_BYTES // 2),
                "MALLOC_TRIM_THRESHOLD_": str(KEPT_BYTES),
            },
            # Ctrl-C is for us; we close our workers ourselves.
            process_group=0,
        )
        if self._process.stdin is not None:
            # A payload goes over in a few steps then; what the system does not grant makes it no less right.
            with suppress(OSError):
                fcntl.fcntl(self._process.stdin, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        self._drain = threading.Thread(target=self._keep_tail, name="worker-stderr", daemon=True)
        self._drain.start()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    def examine(self, job: Job) -> Examination:
        """The answer to one job; WorkerFault when there is none. After a fault the worker is of no more use."""
        self.jobs_left -= 1
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise WorkerFault("no pipes")
        timer = threading.Timer(self._seconds, self._too_late)
        timer.start()
        try:
            write_job(stdin, job)
            body = read_frame(stdout, ANSWER_BYTES)
            if body is not None:
                return decode(body, job)
        except Garbage as error:
            raise WorkerFault(f"garbage: {error}") from error
        except ValueError as error:
            raise WorkerFault("garbage: answer too long") from error
        except (OSError, EOFError) as error:
            raise WorkerFault(self._cause()) from error
        finally:
            timer.cancel()
        raise WorkerFault(self._cause())

    def kill(self) -> None:
        """Ends the process at once; may be called from any thread, more than once."""
        self._process.kill()

    def end(self) -> None:
        """Ends the process, and waits until it and its pipes are gone."""
        self._process.kill()
        self._process.wait()
        self._drain.join()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            # What could not be written to a dead worker is nobody's loss.
            with suppress(OSError):
                if pipe is not None:
                    pipe.close()

    def _too_late(self) -> None:
        self._late = True
        self._process.kill()

    def _keep_tail(self) -> None:
        stderr = self._process.stderr
        while stderr is not None and (said := os.read(stderr.fileno(), STDERR_BYTES)):
            self._tail = (self._tail + said)[-STDERR_BYTES:]

    def _cause(self) -> str:
        """Why there is no answer, in words that hold nothing of the payload."""
        try:
            status = self._process.wait(timeout=EXIT_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            status = self._process.wait()
        self._drain.join()
        if self._late:
            return f"hung: no answer within {self._seconds:g} s"
        if status == EXIT_MEMORY or NO_MEMORY in self._tail:
            return "memory: more than its limit"
        words = LAST_WORDS.search(self._tail)
        told = f", {words[1].decode()}" if words else ""
        return f"died: signal {-status}{told}" if status < 0 else f"died: exit {status}{told}"


class Pool:
    """Up to `size` workers at work at a time. `seconds` is the wall-clock limit of one job, `jobs` how many a worker
    does before it is replaced, `address_space` its memory limit in bytes."""

    def __init__(self, size: int, seconds: float = 60.0, jobs: int = 100, address_space: int = ADDRESS_SPACE) -> None:
        self._settings = (jobs, seconds, address_space)
        self._size = size
        # Last in, first out: the warm worker goes first, and one that is not needed is never started.
        self._slots: LifoQueue[_Worker | None] = LifoQueue()
        self._lock = threading.Lock()
        self._started: set[_Worker] = set()
        self._spare: _Worker | None = None
        self._closed = False
        for _ in range(size):
            self._slots.put(None)

    def examine(self, job: Job) -> Examination:
        """The examination of one job; waits for a free worker. WorkerFault when the worker died, hung, ran out of
        memory or answered nonsense: it is gone then, and the next job gets a fresh one."""
        worker = self._slots.get()
        kept: _Worker | None = None
        try:
            if worker is not None and not worker.alive():
                self._end(worker)
                worker = None
            if worker is None:
                worker = self._start()
            examination = worker.examine(job)
            if worker.jobs_left == 1:
                self._prepare_spare()
            kept = worker if worker.jobs_left else self._take_spare()
            return examination
        finally:
            if worker is not None and kept is not worker:
                self._end(worker)
            self._slots.put(kept)

    def warm(self) -> None:
        """Start one worker now, so that the first file after a quiet time does not wait for it. Returns at once: the
        worker loads while others go on."""
        worker = self._slots.get()
        if worker is None:
            # Without a slot back `close` would wait for ever. What hinders a start is told with the first job.
            with suppress(WorkerFault, OSError):
                worker = self._start()
        self._slots.put(worker)

    def _prepare_spare(self) -> None:
        """Start the one that takes over after the next job: a start takes as long as five files of 2.5 MB."""
        # What hinders a start is told with the first job that needs it.
        with suppress(WorkerFault, OSError):
            spare = self._start()
            with self._lock:
                former, self._spare = self._spare, spare
            if former is not None:
                self._end(former)

    def _take_spare(self) -> _Worker | None:
        with self._lock:
            spare, self._spare = self._spare, None
        return spare

    def processes(self) -> list[int]:
        """The ids of the processes at this moment."""
        with self._lock:
            return [worker.pid for worker in self._started]

    def close(self) -> None:
        """Ends all workers; a call that waits for one gets a WorkerFault, and so does every later call."""
        with self._lock:
            self._closed = True
            for worker in self._started:
                worker.kill()
        for idle in [*(self._slots.get() for _ in range(self._size)), self._take_spare()]:
            if idle is not None:
                self._end(idle)
        for _ in range(self._size):
            self._slots.put(None)

    def _start(self) -> _Worker:
        with self._lock:
            if self._closed:
                raise WorkerFault("closed")
            worker = _Worker(*self._settings)
            self._started.add(worker)
            return worker

    def _end(self, worker: _Worker) -> None:
        worker.end()
        with self._lock:
            self._started.discard(worker)
