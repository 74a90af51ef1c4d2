"""Statuses: what a session says, in the words of SFTP version 3.

Does: turns a refusal into a status with its sentence, entries into attributes and listings, and names the place of an
unexpected error without what it says.
Touches: nothing but the texts in force.
Does not: decide or look anything up.
"""

import stat
from collections.abc import AsyncIterator

import asyncssh
from asyncssh.sftp import SFTPAttrs, SFTPName

from gateway.edge.sftp.listing import Entry
from gateway.errors import Refusal
from gateway.workflow.admit import status_line
from gateway.workflow.context import Context

NO_SUCH = frozenset({"NO_SUCH_FILE"})
# What a client may try again answers FAILURE; what it may not, PERMISSION_DENIED.
PASSING = frozenset(
    {"EXISTS", "NOT_DURABLE", "INCOMPLETE_WRITE", "BUSY", "INTERNAL", "TOO_MANY_HANDLES", "TOO_MANY_LISTINGS"}
)


def status(ctx: Context, refusal: Refusal) -> asyncssh.SFTPError:
    """What answers a refused request."""
    said = status_line(ctx, refusal)
    if refusal.code == "UNSUPPORTED":
        return asyncssh.SFTPOpUnsupported(said)
    if refusal.code in NO_SUCH:
        return asyncssh.SFTPNoSuchFile(said)
    return asyncssh.SFTPFailure(said) if refusal.code in PASSING else asyncssh.SFTPPermissionDenied(said)


def attributes(entry: Entry) -> SFTPAttrs:
    """A listing's entry as SFTP version 3 has it. The owner is nobody in particular."""
    modified = int(entry.modified)
    if entry.size is None:
        mode = stat.S_IFDIR | (0o755 if entry.writable else 0o555)
        return SFTPAttrs(permissions=mode, uid=0, gid=0, size=0, atime=modified, mtime=modified, nlink=1)
    mode = stat.S_IFREG | (0o644 if entry.writable else 0o444)
    return SFTPAttrs(permissions=mode, uid=0, gid=0, size=entry.size, atime=modified, mtime=modified, nlink=1)


async def listed(entries: list[Entry]) -> AsyncIterator[SFTPName]:
    """A listing, with the two names that each has."""
    for entry in [Entry(".", None, 0.0), Entry("..", None, 0.0), *entries]:
        yield SFTPName(entry.name.encode("utf-8", "surrogateescape"), attrs=attributes(entry))


def origin(error: BaseException) -> str:
    """File and line that an unexpected error came from; its text may hold a name."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "" if trace is None else f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}"


def is_ours(error: BaseException) -> bool:
    """Whether an error was raised in the gateway's own code, and not by a protocol that somebody broke."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    known = isinstance(error, asyncssh.Error | OSError)
    return not known and trace is not None and str(trace.tb_frame.f_globals.get("__name__")).startswith("gateway.")
