"""Opened: what a session has open besides uploads.

Does: hands out the bytes of a file and keeps account of what was read; takes an act's bytes without keeping them.
Touches: nothing.
Does not: note a pick-up; the session does, when all was read.
"""

from dataclasses import dataclass, field

from gateway.edge.sftp.wire import LONGEST_DATA


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
        return data


@dataclass(slots=True)
class Act:
    """A file in the root whose name is an act (accepting the terms), done at its CLOSE; what is written to it does not
    matter, but for its size, which clients look at afterwards."""

    name: str
    size: int = 0
