"""From bytes to text: control characters, encoding, line ends, and windows of whole lines.

Does: decides if the bytes are text and in which encoding, and cuts them into windows that end at a line end.
Touches: nothing. Polars counts bytes.
Does not: know separators or quotes; guess an encoding. The order is fixed: byte order mark, strict UTF-8, else cp1252
with a warning.

A line ends with LF, CRLF or a single CR, also when a file mixes them. Nothing else ends a line: not VT, FF or NEL.
"""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass

import polars

from gateway.domain.model import Finding, Limits
from gateway.domain.reader.values import fault, noun

BOM = b"\xef\xbb\xbf"
WIDE_BOMS = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")
CONTROL = re.compile(b"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
DELETE = 0x7F
NOT_CP1252 = re.compile(b"[\x81\x8d\x8f\x90\x9d]")
NOT_ASCII = re.compile(b"[\x80-\xff]")
UTF8 = "utf-8"
UTF8_BOM = "utf-8-sig"
CP1252 = "cp1252"
# Python reads the module of a codec at its first use; a worker has given up the right to read modules by then.
codecs.lookup(CP1252)

# At most this many separators and line ends can be in a window, so lists made from one stay small.
WINDOW = 1 << 20
STEP = 1 << 14
# The csv module refuses a field beyond 131,072 characters; a line never comes near it.
MOST_LINE_BYTES = 131_000


@dataclass(frozen=True, slots=True)
class Text:
    """Bytes that are text. The text runs from `start` (behind a byte order mark and empty lines) to `end` (before the
    last line ends); `line` is the physical line of `start`; `windows` are (start, stop) pairs that cover it."""

    data: bytes
    encoding: str
    start: int
    end: int
    line: int
    line_bytes: int
    windows: tuple[tuple[int, int], ...]


def examine(member: str, data: bytes, limits: Limits) -> tuple[Text | None, tuple[Finding, ...]]:
    """The text in `data` and the warnings about it, or None and the one reason why it cannot be read."""
    bom = data.startswith(BOM)
    if data.startswith(WIDE_BOMS):
        return None, (fault("F05.utf16", member=member, expected=noun("utf8")),)
    start, end = _trimmed(data, len(BOM) if bom else 0)
    if start >= end:
        return None, (fault("F08.empty", member=member),)
    broken = _control_fault(member, data)
    if broken is not None:
        return None, (broken,)
    line_bytes = min(limits.line_bytes, MOST_LINE_BYTES)
    long = _long_line(data, start, end, line_bytes)
    if long is not None:
        expected = noun("line_bytes_at_most", n=line_bytes)
        return None, (fault("F05.long_line", member=member, line=line_of(data, long), expected=expected),)
    windows = tuple(_windows(data, start, end))
    encoding, bad = _encoding(data, windows, bom)
    if encoding is None:
        return None, (fault("F05.encoding", member=member, line=line_of(data, bad), expected=noun("utf8")),)
    warnings: list[Finding] = []
    if bom:
        warnings.append(fault("W01.bom", member=member, line=1))
    if encoding == CP1252:
        line = line_of(data, bad)
        warnings.append(fault("W01.cp1252", member=member, line=line, expected=noun("utf8"), found=noun("cp1252")))
    text = Text(data, encoding, start, end, line_of(data, start), line_bytes, windows)
    return text, tuple(warnings)


def line_of(data: bytes, at: int) -> int:
    """The physical line, counted from 1, that the byte at `at` stands on."""
    crlf = data.count(b"\r\n", 0, at)
    return data.count(b"\n", 0, at) + data.count(b"\r", 0, at) - crlf + 1


def plain_ends(chunk: bytes) -> bytes:
    """The bytes with every line end written as LF."""
    return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in chunk else chunk


def utf8(text: Text, chunk: bytes) -> bytes:
    """A piece of the text as UTF-8."""
    if text.encoding != CP1252 or chunk.isascii():
        return chunk
    return chunk.decode(CP1252).encode()


def lines(text: Text, start: int | None = None, stop: int | None = None) -> Iterator[str]:
    """The physical lines between two offsets that are starts of lines, without their ends."""
    codec = CP1252 if text.encoding == CP1252 else UTF8
    for first, last in _windows(text.data, text.start if start is None else start, text.end if stop is None else stop):
        chunk = plain_ends(text.data[first:last])
        yield from chunk.removesuffix(b"\n").decode(codec).split("\n")


def end_of_line(text: Text, start: int) -> int:
    """The offset behind the end of the line that holds `start`."""
    ends = [at for at in (text.data.find(b"\n", start, text.end), text.data.find(b"\r", start, text.end)) if at >= 0]
    if not ends:
        return text.end
    at = min(ends) + 1
    return at + 1 if text.data[at - 1 : at + 1] == b"\r\n" else at


def _trimmed(data: bytes, start: int) -> tuple[int, int]:
    """The text without empty lines before and behind, looked at in small steps (a file can be 50 MB of line ends)."""
    end = len(data)
    while start < end:
        head = data[start : start + STEP]
        rest = head.lstrip(b"\r\n")
        start += len(head) - len(rest)
        if rest:
            break
    while end > start:
        tail = data[max(start, end - STEP) : end]
        rest = tail.rstrip(b"\r\n")
        end -= len(tail) - len(rest)
        if rest:
            break
    return start, end


def octets(chunk: bytes) -> polars.Series:
    """Bytes as a column of numbers, on which a comparison takes a twentieth of what `bytes.translate` takes."""
    column: polars.Series = polars.Series([chunk], dtype=polars.Binary).cast(polars.List(polars.UInt8))[0]
    return column


def _control_fault(member: str, data: bytes) -> Finding | None:
    """The first control character, as what it shows: UTF-16, something that is no text at all, or a stray one."""
    total = 0
    first = -1
    for at in range(0, len(data), WINDOW):
        chunk = data[at : at + WINDOW]
        byte = octets(chunk)
        low = int((byte < ord(" ")).sum()) + int((byte == DELETE).sum())
        here = low - sum(int((byte == allowed).sum()) for allowed in b"\t\n\r")
        if here and not total:
            found = CONTROL.search(chunk)
            first = at + found.start() if found else at
        total += here
    if not total:
        return None
    sample = data[:512]
    if max(sample[::2].count(0), sample[1::2].count(0)) * 5 > len(sample):
        return fault("F05.utf16", member=member, expected=noun("utf8"))
    if total * 50 > len(data):
        return fault("F05.binary", member=member)
    found_code = noun("control_code", code=f"0x{data[first]:02X}")
    return fault("F05.control", member=member, line=line_of(data, first), found=found_code, n=total)


def _long_line(data: bytes, start: int, end: int, limit: int) -> int | None:
    """Where a line of more than `limit` bytes starts; hops from line end to line end, as far as a line may reach."""
    while end - start > limit:
        stop = start + limit + 1
        at = max(data.rfind(b"\n", start, stop), data.rfind(b"\r", start, stop))
        if at < 0:
            return start
        start = at + 1
    return None


def _windows(data: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Consecutive (start, stop) pairs from `start` to `end`; each stops behind a line end, the last at `end`."""
    while start < end:
        stop = start + WINDOW
        if stop < end:
            stop = max(data.rfind(b"\n", start, stop), data.rfind(b"\r", start, stop)) + 1
            if data[stop - 1 : stop + 1] == b"\r\n":
                stop += 1
        stop = min(stop, end)
        yield start, stop
        start = stop


def _encoding(data: bytes, windows: tuple[tuple[int, int], ...], bom: bool) -> tuple[str | None, int]:
    """The encoding and the offset of what decided against UTF-8; None when the bytes fit neither encoding."""
    bad = -1
    for start, stop in () if data.isascii() else windows:
        try:
            data[start:stop].decode(UTF8)
        except UnicodeDecodeError as error:
            bad = start + error.start
            break
    if bad < 0:
        return UTF8_BOM if bom else UTF8, bad
    if bom:
        return None, bad
    for start, stop in windows:
        match = NOT_CP1252.search(data[start:stop])
        if match:
            return None, start + match.start()
    return CP1252, bad
