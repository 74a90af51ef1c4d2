"""Opened: what a session has open for reading.

Does: hands out the bytes of a file and keeps account of what was read.
Touches: nothing.
Does not: note a pick-up; the session does, when all was read.
"""

from dataclasses import dataclass, field

from gateway.edge.sftp.wire import LONGEST_DATA

MOST_PIECES = 1000


@dataclass(slots=True)
class Download:
    """A file open for reading; its bytes do not change while it is open. `report_id`: noted as collected when all of it
    was read."""

    body: bytes
    report_id: str | None = None
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
            self.report_id, self.unread = None, []
        return data
