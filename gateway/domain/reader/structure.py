"""The fast path: is every line as simple as it looks, and if so, polars reads it.

Does: reduces the text to its skeleton (separators, quotes, line ends) with operations on all bytes at once, from which
the columns of each row, the ragged ones and the physical lines follow; makes batches from the pieces found.
Touches: nothing. Polars parses pieces of at most a few megabytes.
Does not: handle quotes that hold a separator, a line end or a quote: then `scan` returns None and `exact` takes over.

A row of nothing but separators (a spreadsheet leaves them below its data) holds nothing: it is no record, whatever its
number of columns, and counts as a blank line.

Why it is right: a piece is handed to polars only when each of its lines is known to have the same number of
separators, no quotes and no control characters, so there is nothing left to interpret. Quotes that only wrap a value
are removed before.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice

import polars

from gateway.domain.reader.frames import frame_of_lines
from gateway.domain.reader.text import Text, octets, plain_ends, utf8
from gateway.domain.reader.values import Batch

DROPPED = bytes(byte for byte in range(256) if byte not in b";\r\n")
QUOTES_DROPPED = bytes(byte for byte in DROPPED if byte not in b'"')
MARKED = bytes(byte if byte == 0x0A else ord("x") for byte in range(256))
EMPTY_ROW = re.compile(rb'^[;"]+$', re.MULTILINE)
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


@dataclass(slots=True)
class Empties:
    """Rows that hold nothing: how many, the line of the first, and how many rows stand above it."""

    total: int = 0
    line: int = 0
    above: int = 0

    def add(self, number: int, line: int, above: int) -> None:
        """Note `number` more, the first of them on `line`."""
        if not self.total:
            self.line, self.above = line, above
        self.total += number


@dataclass(frozen=True, slots=True)
class Structure:
    """All rows below the header: how many, how many of each number of columns, the first ragged ones, those that hold
    nothing (in no other number here), and the pieces (none when the exact path was taken)."""

    rows: int
    widths: Counter[int]
    ragged: tuple[Ragged, ...]
    empties: Empties
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
    empties = Empties()
    rows = 0
    for window, stop in text.windows:
        start = max(window, body)
        if start >= stop:
            continue
        chunk = text.data[start:stop]
        if not chunk.strip(b"\r\n"):
            line += plain_ends(chunk).count(b"\n")
            continue
        quoted = b'"' in chunk
        if quoted:
            chunk = plain_ends(chunk)
            if not _only_wrapping(chunk):
                return None
        here = _uniform(chunk, width, quoted)
        if here:
            widths[width] += here
            _append(pieces, Piece(start, stop, line, rows, here, here, quoted, here * width))
            rows += here
            line += here
            continue
        plain = plain_ends(chunk)
        chunk = _blanked(plain, line, rows, empties)
        if chunk.strip(b"\n"):
            seen = _widths(chunk)
            here, good = sum(seen.values()), seen[width]
            if here > good and len(ragged) < most:
                ragged.extend(islice(_ragged(chunk, line, rows, width), most - len(ragged)))
            pieces.append(Piece(start, stop, line, rows, here, good, quoted, 0))
            widths.update(seen)
            rows += here
        line += plain.count(b"\n")
    return Structure(rows, +widths, tuple(ragged), empties, tuple(pieces))


def _blanked(chunk: bytes, line: int, rows: int, empties: Empties) -> bytes:
    """The LF-ended lines, the first numbered `line`, with each row that holds nothing made blank and noted; `rows`
    stand above them."""
    if not chunk.strip(b';"\n'):
        filled = chunk.translate(MARKED).count(b"x\n") + (not chunk.endswith(b"\n"))
        empties.add(filled, line + len(chunk) - len(chunk.lstrip(b"\n")), rows)
        return b""
    first = EMPTY_ROW.search(chunk)
    if first is None:
        return chunk
    above = chunk[: first.start()]
    before = sum(_widths(above).values()) if above.strip(b"\n") else 0
    # The expression takes ten times as long as `replace`, which takes every other of those that follow each other.
    fewer = chunk.replace(b"\n;\n", b"\n\n")
    blanked, number = EMPTY_ROW.subn(b"", fewer)
    empties.add(number + len(chunk) - len(fewer), line + above.count(b"\n"), rows + before)
    return blanked


def _append(pieces: list[Piece], piece: Piece) -> None:
    """Join a clean piece to the clean one before it while the whole stays small: fewer, larger batches."""
    if pieces and piece.clean and pieces[-1].clean and pieces[-1].stop == piece.start:
        last = pieces[-1]
        if piece.stop - last.start <= PIECE_BYTES and last.cells + piece.cells <= PIECE_CELLS:
            rows = last.rows + piece.rows
            pieces[-1] = replace(last, stop=piece.stop, rows=rows, good=rows, cells=last.cells + piece.cells)
            return
    pieces.append(piece)


def _uniform(chunk: bytes, width: int, quoted: bool) -> int:
    """The number of lines when all are rows of `width` columns with one sort of line end, and none of them may hold
    nothing; else 0.

    The skeleton hides what stands between its characters: if the last line has its line end, and if each CR stands
    right before its LF, is seen in the chunk.
    """
    byte = octets(chunk)
    separator, cr, lf = (byte == mark for mark in b";\r\n")
    skeleton = byte.filter(separator | cr | lf)
    end = b"\r\n" if cr.any() else b"\n"
    row = b";" * (width - 1)
    whole = len(skeleton) + (0 if chunk.endswith(b"\n") else len(end))
    rows, rest = divmod(whole, len(row + end))
    if rest or (skeleton != octets((row + end) * rows).head(len(skeleton))).any():
        return 0
    # A CR away from its LF makes a line of its own.
    if end == b"\r\n" and not (cr.head(-1) == lf.slice(1)).all():
        return 0
    if quoted:
        chunk = chunk.translate(None, b'"')
    elif not chunk.startswith(b";") and not (lf.head(-1) & separator.slice(1)).any():
        return rows
    return 0 if chunk.startswith(row) or b"\n" + row in chunk else rows


def _only_wrapping(chunk: bytes) -> bool:
    """Whether every quote in these LF-ended lines wraps one whole value that has no separator, line end or quote in it.

    Per value (text between separators and line ends) the skeleton shows its quotes side by side. If each run is even,
    as many quotes open a value (stand behind a boundary) as half of all, and as many close one, then each value with
    quotes has exactly two: its first and its last character.
    """
    skeleton = chunk.translate(None, QUOTES_DROPPED)
    half, odd = divmod(skeleton.count(b'"'), 2)
    if odd or skeleton.count(b'""') != half:
        return False
    opening = chunk.count(b';"') + chunk.count(b'\n"') + chunk.startswith(b'"')
    closing = chunk.count(b'";') + chunk.count(b'"\n') + chunk.endswith(b'"')
    return opening == half == closing


def _widths(chunk: bytes) -> Counter[int]:
    """How many rows of each number of columns stand in LF-ended lines of which one is not blank."""
    unended = not chunk.endswith(b"\n")
    lines = chunk.count(b"\n") + unended
    filled = chunk.translate(MARKED).count(b"x\n") + unended
    separators = Counter(map(len, chunk.removesuffix(b"\n").translate(None, DROPPED).split(b"\n")))
    separators[0] -= lines - filled
    return Counter({count + 1: rows for count, rows in separators.items() if rows})


def _rows(chunk: bytes, line: int, before: int) -> Iterator[tuple[int, int, int, bytes]]:
    """Each row in LF-ended lines: physical line, record number, number of columns, bytes."""
    chunk = chunk.removesuffix(b"\n")
    raw = chunk.split(b"\n")
    skeletons = chunk.translate(None, DROPPED).split(b"\n")
    record = before
    for number, (content, skeleton) in enumerate(zip(raw, skeletons, strict=True), line):
        if content:
            record += 1
            yield number, record, len(skeleton) + 1, content


def _ragged(chunk: bytes, line: int, before: int, width: int) -> Iterator[Ragged]:
    """The rows that do not have `width` columns."""
    return (Ragged(*row[:3]) for row in _rows(chunk, line, before) if row[2] != width)


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
    if piece.rows == piece.good and piece.cells:
        first = piece.before + 1
        lines = polars.int_range(piece.line, piece.line + piece.rows, dtype=polars.UInt32, eager=True)
        records = polars.int_range(first, first + piece.rows, dtype=polars.UInt32, eager=True)
    else:
        chunk = EMPTY_ROW.sub(b"", plain_ends(chunk))
        good = [row for row in _rows(chunk, piece.line, piece.before) if row[2] == width]
        chunk = b"\n".join(row[3] for row in good)
        lines = polars.Series([row[0] for row in good], dtype=polars.UInt32)
        records = polars.Series([row[1] for row in good], dtype=polars.UInt32)
        first = good[0][1]
    if piece.quoted:
        chunk = plain_ends(chunk).translate(None, b'"')
    frame = frame_of_lines(utf8(text, chunk), width)
    if frame.height != piece.good:
        raise ValueError(f"polars read {frame.height} rows where the scan counted {piece.good}")
    return Batch(frame, lines.alias("line"), records.alias("record"), first)
