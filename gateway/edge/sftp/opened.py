"""Opened: what a session has open for reading.

Does: finds the bytes that a path stands for, hands them out and keeps account of what was read.
Touches: reads the ledger.
Does not: note a pick-up; the session does, when all was read.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from gateway.edge.sftp.tree import Sort
from gateway.edge.sftp.view import View
from gateway.edge.sftp.wire import LONGEST_DATA
from gateway.errors import Refusal
from gateway.store.ledger import reports
from gateway.workflow import assessor, collect

MOST_PIECES = 1000


@dataclass(slots=True)
class Download:
    """A file open for reading; its bytes do not change while it is open. `collected`: what is to be done when all of it
    was read."""

    body: bytes
    collected: Callable[[], object] | None = None
    unread: list[tuple[int, int]] = field(default_factory=list)

    def read(self, offset: int, size: int) -> bytes:
        """The bytes at an offset; what was handed out leaves `unread`."""
        data = self.body[offset : offset + min(size, LONGEST_DATA)]
        end = offset + len(data)
        left = []
        for start, stop in self.unread:
            left += [(start, min(stop, offset)), (max(start, end), stop)]
        self.unread = [span for span in left if span[0] < span[1]]
        if len(self.unread) > MOST_PIECES:
            # Nobody fetches a report so; it does not count as fetched, and is not kept account of.
            self.collected, self.unread = None, []
        return data


def open_to_read(view: View, path: bytes) -> Download:
    """The file at a path, for who looks through `view`; `Refusal` when there is none to be read."""
    place = view.place(path)
    if place.sort is Sort.UPLOAD:
        raise Refusal("NO_READ_BACK")
    if place.sort is Sort.ASSESSOR_FILE:
        file = view.shown(place)
        data = file.read()
        return Download(data, partial(assessor.collected, view.ctx, view.account(), file), [(0, len(data))])
    if place.sort not in (Sort.REPORT, Sort.COLLECTED_REPORT):
        return Download(view.body(place))
    found = reports.entry(view.ctx.engine, place.code, place.name)
    body = reports.body(view.ctx.engine, found.report_id, found.ordinal) if found else None
    if found is None or body is None:
        raise Refusal("NO_SUCH_FILE")
    return Download(body, partial(collect.observed, view.ctx, view.account(), found.report_id), [(0, len(body))])
