"""The fast path: is every line as simple as it looks, and if so, polars reads it.

Does: reduces the text to its skeleton (separators, quotes, line ends) with C-speed byte operations, from which the
columns of each row, the ragged ones and the physical lines follow; makes batches from the pieces found.
Touches: nothing. Polars parses pieces of at most a few megabytes.
Does not: handle quotes that hold a separator, a line end or a quote: then `scan` returns None and `exact` takes over.

Why it is right: a piece is handed to polars only when each of its lines is known to have the same number of
separators, no quotes and no control characters, so there is nothing left to interpret. Quotes that only wrap a value
are removed before.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

import polars

from gateway.domain.reader.text import BOM, Text, plain_ends, utf8
from gateway.domain.reader.values import Batch

DROPPED = bytes(byte for byte in range(256) if byte not in b';"\r\n')
PIECE_BYTES = 4 << 20
PIECE_CELLS = 1 << 20


@dataclass(frozen=True, slots=True)
class Ragged:
    """A row with another number of columns than the header."""

    line: int
    record: int
    columns: int


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of whole lines: offsets, number of its first line, records before it, rows, well-formed rows, and what to
    do before polars may read it (`quoted`: take the quotes out)."""

    start: int
    stop: int
    line: int
    before: int
    rows: int
    good: int
    quoted: bool
    cells: int

    @property
    def clean(self) -> bool:
        """Whether every line is a well-formed row as it stands."""
        return not self.quoted and self.rows == self.good and self.cells > 0


@dataclass(frozen=True, slots=True)
class Structure:
    """All rows below the header: how many, how many of each number of columns, the first ragged ones, and the pieces
    (empty when the exact path was taken)."""

    rows: int
    widths: Counter[int]
    ragged: tuple[Ragged, ...]
    pieces: tuple[Piece, ...] = ()


def scan(text: Text, body: int, line: int, width: int, most: int) -> Structure | None:
    """The structure of what follows offset `body` (physical line `line`), where rows should have `width` columns; at
    most `most` ragged rows are placed. None when a quote needs the exact path, or there is a single column (then a
    blank line and an empty value are the same to the fast path)."""
    if width < 2:
        return None
    widths: Counter[int] = Counter()
    ragged: list[Ragged] = []
    pieces: list[Piece] = []
    rows = 0
    for window, stop in text.windows:
        start = max(window, body)
        if start >= stop:
            continue
        chunk = text.data[start:stop]
        quoted = b'"' in chunk
        if quoted:
            chunk = plain_ends(chunk)
            if not _only_wrapping(chunk):
                return None
            chunk = chunk.translate(None, b'"')
        skeleton = chunk.translate(None, DROPPED)
        here = _uniform(skeleton, width)
        if here:
            widths[width] += here
            _append(pieces, Piece(start, stop, line, rows, here, here, quoted, len(skeleton)))
            rows += here
            line += here
            continue
        chunk = plain_ends(chunk)
        seen = _Rows.of(chunk)
        good = seen.widths[width]
        widths.update(seen.widths)
        if sum(seen.widths.values()) > good and len(ragged) < most:
            ragged.extend(seen.ragged(line, rows, width, most - len(ragged)))
        here = sum(seen.widths.values())
        pieces.append(Piece(start, stop, line, rows, here, good, quoted, 0))
        rows += here
        line += len(seen.raw)
    return Structure(rows, +widths, tuple(ragged), tuple(pieces))


def _append(pieces: list[Piece], piece: Piece) -> None:
    """Join a clean piece to the clean one before it while the whole stays small: fewer, larger batches."""
    if pieces and piece.clean and pieces[-1].clean:
        last = pieces[-1]
        if piece.stop - last.start <= PIECE_BYTES and last.cells + piece.cells <= PIECE_CELLS:
            rows = last.rows + piece.rows
            pieces[-1] = replace(last, stop=piece.stop, rows=rows, good=rows, cells=last.cells + piece.cells)
            return
    pieces.append(piece)


def _uniform(skeleton: bytes, width: int) -> int:
    """The number of lines when all are rows of `width` columns with one sort of line end, else 0."""
    for end in (b"\r\n", b"\n"):
        pattern = b";" * (width - 1) + end
        whole = skeleton if skeleton.endswith(b"\n") else skeleton + end
        rows, rest = divmod(len(whole), len(pattern))
        if not rest and whole == pattern * rows:
            return rows
    return 0


def _only_wrapping(chunk: bytes) -> bool:
    """Whether every quote in these LF-ended lines wraps one whole value that has no separator, line end or quote in it.

    Per value (text between separators and line ends) the skeleton shows its quotes side by side. If each run is even,
    as many quotes open a value (stand behind a boundary) as half of all, and as many close one, then each value with
    quotes has exactly two: its first and its last character.
    """
    skeleton = chunk.translate(None, DROPPED)
    if b'"' in skeleton.replace(b'""', b""):
        return False
    if skeleton.startswith(b'""\n') or skeleton.endswith(b'\n""') or skeleton == b'""' or b'\n""\n' in skeleton:
        return False
    half = skeleton.count(b'"') // 2
    opening = chunk.count(b';"') + chunk.count(b'\n"') + chunk.startswith(b'"')
    closing = chunk.count(b'";') + chunk.count(b'"\n') + chunk.endswith(b'"')
    return opening == half == closing


@dataclass(frozen=True, slots=True)
class _Rows:
    """The lines of an irregular window: as they stand, as skeletons, and the number of rows of each width."""

    raw: list[bytes]
    skeletons: list[bytes]
    widths: Counter[int]

    @classmethod
    def of(cls, chunk: bytes) -> "_Rows":
        """From LF-ended lines without quotes."""
        chunk = chunk.removesuffix(b"\n")
        raw = chunk.split(b"\n")
        skeletons = chunk.translate(None, DROPPED).split(b"\n")
        widths = Counter(map(len, skeletons))
        widths[0] -= raw.count(b"")
        return cls(raw, skeletons, Counter({separators + 1: count for separators, count in widths.items() if count}))

    def ragged(self, line: int, before: int, width: int, most: int) -> Iterator[Ragged]:
        """The first `most` rows that do not have `width` columns."""
        record = before
        for number, (raw, skeleton) in enumerate(zip(self.raw, self.skeletons, strict=True), line):
            if not raw:
                continue
            record += 1
            if len(skeleton) + 1 != width:
                yield Ragged(number, record, len(skeleton) + 1)
                most -= 1
                if not most:
                    return

    def good(self, line: int, before: int, width: int) -> tuple[bytes, list[int], list[int]]:
        """The rows of `width` columns as one text, their physical lines and their record numbers."""
        kept: list[bytes] = []
        numbers: list[int] = []
        records: list[int] = []
        record = before
        for number, (raw, skeleton) in enumerate(zip(self.raw, self.skeletons, strict=True), line):
            if not raw:
                continue
            record += 1
            if len(skeleton) + 1 == width:
                kept.append(raw)
                numbers.append(number)
                records.append(record)
        return b"\n".join(kept), numbers, records


@dataclass(frozen=True, slots=True)
class FastBatches:
    """The batches of a scanned text; each walk parses anew, one piece at a time."""

    text: Text
    width: int
    pieces: tuple[Piece, ...]

    def __iter__(self) -> Iterator[Batch]:
        for piece in self.pieces:
            if piece.good:
                yield _batch(self.text, self.width, piece)


def _batch(text: Text, width: int, piece: Piece) -> Batch:
    chunk = text.data[piece.start : piece.stop]
    if piece.quoted:
        chunk = plain_ends(chunk).translate(None, b'"')
    if piece.rows == piece.good and piece.cells:
        lines = polars.int_range(piece.line, piece.line + piece.rows, dtype=polars.UInt32, eager=True)
        first = piece.before + 1
        records = polars.int_range(first, first + piece.rows, dtype=polars.UInt32, eager=True)
    else:
        chunk, numbers, counted = _Rows.of(plain_ends(chunk)).good(piece.line, piece.before, width)
        lines = polars.Series(numbers, dtype=polars.UInt32)
        records = polars.Series(counted, dtype=polars.UInt32)
        first = counted[0]
    frame = _frame(utf8(text, chunk), width)
    if frame.height != piece.good:
        raise ValueError(f"polars read {frame.height} rows where the scan counted {piece.good}")
    return Batch(frame, lines.alias("line"), records.alias("record"), first)


def _frame(chunk: bytes, width: int) -> polars.DataFrame:
    """Lines of exactly `width` columns as a frame of text. Polars drops a byte order mark at the start of what it
    reads, so one that belongs to a value is doubled."""
    return polars.read_csv(
        BOM + chunk if chunk.startswith(BOM) else chunk,
        has_header=False,
        separator=";",
        quote_char=None,
        schema={str(position): polars.String for position in range(width)},
        empty_string_is_null=False,
    )
