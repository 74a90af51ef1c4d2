"""The worker process's only door: jobs come in on standard input, examinations go out on standard output.

Does: limits its own memory, files, core dumps, rights and time, then answers jobs one by one until its number is done
or the input ends.
Touches: its standard streams, its own resource limits and its user. Opens no file and no socket after the imports.
Does not: know the parent (workers), configuration or ledger. Imports the domain alone.

Both directions are frames: eight bytes of length, big-endian, then the body. A job is two: a pickle, because the parent
is trusted, and the payload as it is, so that nobody copies it; an examination is JSON, because who parses hostile bytes
is not. A fault is told on standard error by its type
and place, never by its message, which may hold a value of the payload.

`python -m gateway.examine JOBS SECONDS BYTES` is started by `workers`: at most JOBS jobs, SECONDS each, BYTES of
address space. A worker whose parent is gone while it works ends by its own alarm.
"""

import ctypes
import gc
import io
import json
import os
import pickle
import resource
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from gateway.domain.kinds import Job
from gateway.domain.model import Examination, Finding, MemberResult, Phrase

LENGTH_BYTES = 8
OPEN_FILES = 16
EXIT_MEMORY = 77
FIRST_TO_GO = 500
PR_SET_DUMPABLE = 4
PR_SET_NO_NEW_PRIVS = 38
# The user that owns nothing, by its number: names are looked up in files and on the network.
NOBODY = 65_534
EXIT_FAULT = 70
# The parent's own clock goes first; this one is for a parent that is gone.
ALARM_MARGIN = 5

PLAIN = {("datetime", "date"), ("builtins", "frozenset")}


class _Jobs(pickle.Unpickler):
    """Reads a Job and the values in it, and nothing else."""

    def find_class(self, module: str, name: str) -> object:
        if module in ("gateway.domain.kinds", "gateway.domain.model") or (module, name) in PLAIN:
            return super().find_class(module, name)
        raise pickle.UnpicklingError("no part of a job")


class _Writer(pickle.Pickler):
    """Writes a Job with nothing in it but what `_Jobs` reads."""

    def reducer_override(self, value: object) -> Any:
        # Python 3.11.2, that of Debian 12, would ask the reader for getattr; later ones write the same as this.
        return (type(value), (value.value,)) if isinstance(value, Enum) else NotImplemented


def limit(address_space: int) -> None:
    """No more than this memory and these files, and no core dump: it would hold the payload. Where the machine runs out
    of memory this process goes first, and not the one that takes files in."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(str(FIRST_TO_GO), encoding="ascii")
    resource.setrlimit(resource.RLIMIT_AS, (address_space, address_space))
    resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, OPEN_FILES))
    no_dumps()


def no_dumps() -> None:
    """Whatever happens, this process leaves no core dump, and no other of the same user looks into its memory."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # A handler that the kernel pipes dumps to is not held by the limit, but it is by this (prctl(2), core(5)).
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_DUMPABLE)")


def give_up_rights() -> None:
    """Not root any more, for good, and no program that is started could change that. Somebody at a terminal is often
    root, and what is read here comes from a stranger."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_NO_NEW_PRIVS)")
    if os.geteuid() != 0:
        return
    # A root that may become nobody else is not the machine's: that of a container without that right.
    with suppress(OSError):
        os.setgroups([])
    with suppress(OSError):
        os.setresgid(NOBODY, NOBODY, NOBODY)
    with suppress(OSError):
        os.setresuid(NOBODY, NOBODY, NOBODY)
    # Becoming another user puts this back as the machine has it.
    no_dumps()


def read_frame(stream: IO[bytes], longest: int) -> bytes | None:
    """The next body; None at the end of the stream. EOFError when it is cut short, ValueError
    when it is longer than `longest`."""
    head = stream.read(LENGTH_BYTES)
    if not head:
        return None
    length = int.from_bytes(head, "big")
    if len(head) < LENGTH_BYTES:
        raise EOFError("a frame was cut short")
    if length > longest:
        raise ValueError("no frame")
    body = stream.read(length)
    if len(body) < length:
        raise EOFError("a frame was cut short")
    return body


def write_frame(stream: IO[bytes], body: bytes) -> None:
    """One body with its length before it, sent at once."""
    stream.write(len(body).to_bytes(LENGTH_BYTES, "big"))
    stream.write(body)
    stream.flush()


def write_job(stream: IO[bytes], job: Job) -> None:
    """What `serve` reads."""
    body = io.BytesIO()
    _Writer(body, protocol=pickle.HIGHEST_PROTOCOL).dump(replace(job, payload=b""))
    write_frame(stream, body.getvalue())
    write_frame(stream, job.payload)


def encode(examination: Examination) -> bytes:
    """An examination as JSON; `workers.decode` reads it."""
    plain = {
        "findings": [_finding(finding) for finding in examination.findings],
        "counts": dict(examination.counts),
        "members": [_member(member) for member in examination.members],
    }
    return json.dumps(plain, ensure_ascii=False, separators=(",", ":")).encode()


def _finding(found: Finding) -> list[object]:
    place = (found.member, found.line, found.record, found.column)
    return [
        found.code,
        found.severity.value,
        _phrase(found.message),
        *place,
        _phrase(found.expected),
        _phrase(found.found),
    ]


def _phrase(said: Phrase | None) -> list[object] | None:
    return None if said is None else [said.key, dict(said.params)]


def _member(result: MemberResult) -> dict[str, object]:
    return {
        "name": result.name,
        "size": result.size,
        "sha256": result.sha256,
        "kind": result.kind,
        "period": result.period,
        "approved": result.approved,
        "records": result.records,
        "findings": [_finding(finding) for finding in result.findings],
        "counts": dict(result.counts),
        "figures": None if result.figures is None else dict(result.figures),
    }


def place_of(error: BaseException) -> str:
    """Type and innermost place in this package of an error, without its message: `ValueError at domain/kinds.py:12`."""
    where, trace = "?", error.__traceback__
    while trace is not None:
        where = _in_package(trace) or where
        trace = trace.tb_next
    return f"{type(error).__name__} at {where}"


def _in_package(trace: TracebackType) -> str | None:
    _, inside, rest = trace.tb_frame.f_code.co_filename.rpartition("/gateway/")
    return f"{rest}:{trace.tb_lineno}" if inside else None


def serve(jobs: int, seconds: int, incoming: IO[bytes], outgoing: IO[bytes]) -> None:
    """Answers up to `jobs` jobs."""
    # Not at the top: `workers` takes the frames from this module, and the parent stays without polars.
    from gateway.domain.checks import examine_drop

    # What was imported stays for good; the collector need not look at it again with each file.
    gc.freeze()
    # Only now: where this program lies may be closed to others than root.
    give_up_rights()
    for _ in range(jobs):
        body = read_frame(incoming, sys.maxsize)
        if body is None:
            return
        signal.alarm(seconds + ALARM_MARGIN)
        job, payload = _Jobs(io.BytesIO(body)).load(), read_frame(incoming, sys.maxsize)
        if not isinstance(job, Job) or payload is None:
            raise TypeError("no job")
        job = replace(job, payload=payload)
        del payload
        write_frame(outgoing, encode(examine_drop(job)))
        del job
        signal.alarm(0)


def tell_and_die(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """The last word on any exception, in place of Python's own traceback, which would show values."""
    if issubclass(kind, MemoryError):
        # No clean-up and no text: both would ask for memory.
        os._exit(EXIT_MEMORY)
    os.write(2, f"fault: {place_of(error)}\n".encode())
    os._exit(EXIT_FAULT)


def main(arguments: Sequence[str]) -> None:
    """Runs the worker; its exit status tells the parent why it ended."""
    sys.excepthook = tell_and_die
    jobs, seconds, address_space = (int(argument) for argument in arguments)
    limit(address_space)
    # A stray print must not end up between two frames.
    outgoing = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    serve(jobs, seconds, sys.stdin.buffer, outgoing)


if __name__ == "__main__":
    main(sys.argv[1:])
