"""The structure of a ZIP, read from its raw records and trusted nowhere.

Does: finds the one end record, reads central and local headers, and holds that every byte of the archive belongs to
exactly one of them.
Touches: nothing.
Does not: inflate, judge names, or use the standard library's reader, which lets contradictions pass.

Source: PKWARE APPNOTE 6.3.10. Names in capitals are signatures from it. Every offset is in bytes from the start.
"""

import struct
from dataclasses import dataclass, replace

LOCAL = b"PK\x03\x04"
CENTRAL = b"PK\x01\x02"
END = b"PK\x05\x06"
END64 = b"PK\x06\x06"
LOCATOR64 = b"PK\x06\x07"
DESCRIPTOR = b"PK\x07\x08"

LOCAL_HEADER = struct.Struct("<4s5H3L2H")
CENTRAL_HEADER = struct.Struct("<4s6H3L5H2L")
END_RECORD = struct.Struct("<4s4H2LH")
END64_RECORD = struct.Struct("<4sQ2H2L4Q")
LOCATOR64_RECORD = struct.Struct("<4sLQL")

FULL16 = 0xFFFF
FULL32 = 0xFFFFFFFF
ZIP64_FIELD = 0x0001
UNICODE_PATH_FIELD = 0x7075
AES_FIELD = 0x9901

ENCRYPTED_FLAGS = 1 << 0 | 1 << 6 | 1 << 13
DESCRIPTOR_FLAG = 1 << 3
KNOWN_FLAGS = ENCRYPTED_FLAGS | DESCRIPTOR_FLAG | 1 << 1 | 1 << 2 | 1 << 11
AGREEING_FLAGS = ENCRYPTED_FLAGS | DESCRIPTOR_FLAG
STORED = 0
DEFLATED = 8

# Far more than any limit on members: enough to name the cause (a folder, a Mac) instead of the number.
MOST_ENTRIES = 1000


class ZipFault(Exception):
    """The archive breaks a rule. `key` is the finding's sentence; `position` the entry counted from 1, if one is to
    blame."""

    def __init__(self, key: str, position: int | None = None) -> None:
        self.key = key
        self.position = position
        super().__init__(key)


@dataclass(frozen=True, slots=True)
class Entry:
    """One member: `position` in the central directory counted from 1, `offset` of its local header, `data` where its
    compressed bytes start. `attributes` are the external file attributes (low byte DOS, high half Unix mode)."""

    position: int
    name: bytes
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    attributes: int
    offset: int
    data: int = 0


@dataclass(frozen=True, slots=True)
class _Directory:
    """Where the central directory lies and how many entries it claims."""

    start: int
    stop: int
    entries: int


def entries(payload: bytes) -> tuple[Entry, ...]:
    """The members in the order of the central directory; ZipFault when any rule is broken."""
    directory = _directory(payload)
    if directory.entries > MOST_ENTRIES:
        raise ZipFault("F04.too_many")
    claimed = _central(payload, directory)
    for entry in claimed:
        if entry.flags & ENCRYPTED_FLAGS or entry.method == 99:
            raise ZipFault("F04.encrypted")
        if entry.flags & ~KNOWN_FLAGS or entry.method not in (STORED, DEFLATED):
            raise ZipFault("F04.method", entry.position)
        if entry.size >= FULL32:
            raise ZipFault("F03.unpacked")
        if entry.method == STORED and entry.packed != entry.size:
            raise ZipFault("F04.contradiction", entry.position)
    return _placed(payload, directory, claimed)


def _directory(payload: bytes) -> _Directory:
    """The end record (with its zip64 companion): exactly one, at the end, on one disk, pointing right before itself."""
    end = payload.rfind(END, max(0, len(payload) - END_RECORD.size - FULL16))
    if end < 0 or end + END_RECORD.size > len(payload):
        raise ZipFault("F04.truncated" if payload.startswith(LOCAL) else "F04.not_a_zip")
    _, disk, directory_disk, here, total, size, start, comment = END_RECORD.unpack_from(payload, end)
    if end + END_RECORD.size + comment != len(payload):
        short = end + END_RECORD.size + comment > len(payload)
        raise ZipFault("F04.truncated" if short else "F04.extra_data")
    if _other_end(payload, end):
        raise ZipFault("F04.extra_data")
    stop = end
    if end >= LOCATOR64_RECORD.size and payload.startswith(LOCATOR64, end - LOCATOR64_RECORD.size):
        stop, wide = _end64(payload, end)
        narrow = (disk, directory_disk, here, total, size, start)
        for value, full, true in zip(narrow, (FULL16,) * 4 + (FULL32,) * 2, wide, strict=True):
            if value not in (full, true):
                raise ZipFault("F04.contradiction")
        disk, directory_disk, here, total, size, start = wide
    if disk or directory_disk or here != total:
        raise ZipFault("F04.split")
    if start + size != stop:
        raise ZipFault("F04.truncated" if start + size > stop else "F04.extra_data")
    return _Directory(start, stop, total)


def _other_end(payload: bytes, end: int) -> bool:
    """Whether an earlier record could pass for the end record as well: two readers would see two archives."""
    floor = max(0, len(payload) - END_RECORD.size - FULL16)
    at = payload.rfind(END, floor, end)
    while at >= 0:
        if at + END_RECORD.size + struct.unpack_from("<H", payload, at + 20)[0] == len(payload):
            return True
        at = payload.rfind(END, floor, at)
    return False


def _end64(payload: bytes, end: int) -> tuple[int, tuple[int, int, int, int, int, int]]:
    """Start of the zip64 end record, and its six values in the order of the plain end record."""
    locator = end - LOCATOR64_RECORD.size
    _, locator_disk, at, disks = LOCATOR64_RECORD.unpack_from(payload, locator)
    if locator_disk or disks > 1:
        raise ZipFault("F04.split")
    if at + END64_RECORD.size != locator or payload[at : at + 4] != END64:
        raise ZipFault("F04.contradiction")
    _, length, _, _, disk, directory_disk, here, total, size, start = END64_RECORD.unpack_from(payload, at)
    if length != END64_RECORD.size - 12:
        raise ZipFault("F04.contradiction")
    return at, (disk, directory_disk, here, total, size, start)


def _central(payload: bytes, directory: _Directory) -> list[Entry]:
    """The entries as the central directory claims them."""
    found: list[Entry] = []
    at = directory.start
    for position in range(1, directory.entries + 1):
        if at + CENTRAL_HEADER.size > directory.stop or payload[at : at + 4] != CENTRAL:
            raise ZipFault("F04.contradiction", position)
        values = CENTRAL_HEADER.unpack_from(payload, at)
        flags, method, crc, packed, size = values[3], values[4], values[7], values[8], values[9]
        name_length, extra_length, comment_length, disk = values[10:14]
        attributes, offset = values[15], values[16]
        names_at = at + CENTRAL_HEADER.size
        extra_at = names_at + name_length
        at = extra_at + extra_length + comment_length
        if at > directory.stop:
            raise ZipFault("F04.contradiction", position)
        name = payload[names_at:extra_at]
        fields = _fields(payload[extra_at : extra_at + extra_length], name, position)
        size, packed, offset, disk = _widened(fields, (size, packed, offset), disk, position)
        if disk:
            raise ZipFault("F04.split")
        found.append(Entry(position, name, flags, method, crc, packed, size, attributes, offset))
    if at != directory.stop:
        raise ZipFault("F04.contradiction")
    return found


def _fields(extra: bytes, name: bytes, position: int) -> dict[int, bytes]:
    """The extra fields by id. Fields that change the meaning of the entry may not contradict it."""
    fields: dict[int, bytes] = {}
    at = 0
    while at < len(extra):
        if at + 4 > len(extra):
            raise ZipFault("F04.contradiction", position)
        kind, length = struct.unpack_from("<2H", extra, at)
        body = extra[at + 4 : at + 4 + length]
        if len(body) != length or (kind == ZIP64_FIELD and kind in fields):
            raise ZipFault("F04.contradiction", position)
        fields[kind] = body
        at += 4 + length
    if AES_FIELD in fields:
        raise ZipFault("F04.encrypted")
    if UNICODE_PATH_FIELD in fields and fields[UNICODE_PATH_FIELD][5:] != name:
        raise ZipFault("F04.contradiction", position)
    return fields


def _widened(
    fields: dict[int, bytes], narrow: tuple[int, int, int], disk: int, position: int
) -> tuple[int, int, int, int]:
    """Size, packed size, offset and disk, with those that say "see zip64" taken from the zip64 field, in order."""
    body = fields.get(ZIP64_FIELD, b"")
    at = 0
    wide: list[int] = []
    for value in narrow:
        if value == FULL32:
            if at + 8 > len(body):
                raise ZipFault("F04.contradiction", position)
            value = int.from_bytes(body[at : at + 8], "little")
            at += 8
        wide.append(value)
    if disk == FULL16:
        if at + 4 > len(body):
            raise ZipFault("F04.contradiction", position)
        disk = int.from_bytes(body[at : at + 4], "little")
    return wide[0], wide[1], wide[2], disk


def _placed(payload: bytes, directory: _Directory, claimed: list[Entry]) -> tuple[Entry, ...]:
    """The entries with the place of their data: local headers agree, and the archive has no byte left over."""
    if not claimed and directory.start:
        raise ZipFault("F04.extra_data")
    placed: list[Entry] = []
    ordered = sorted(claimed, key=lambda entry: entry.offset)
    if ordered and ordered[0].offset:
        raise ZipFault("F04.extra_data")
    stops = [*(entry.offset for entry in ordered[1:]), directory.start]
    for entry, stop in zip(ordered, stops, strict=False):
        data = _local(payload, entry, directory.start)
        if data + entry.packed > stop:
            raise ZipFault("F04.overlap", entry.position)
        if not _descriptor_fits(payload[data + entry.packed : stop], entry):
            raise ZipFault("F04.extra_data", entry.position)
        placed.append(replace(entry, data=data))
    return tuple(sorted(placed, key=lambda entry: entry.position))


def _local(payload: bytes, entry: Entry, limit: int) -> int:
    """Where the data of `entry` starts, once its local header is found to say what the central one says."""
    if entry.offset + LOCAL_HEADER.size > limit or payload[entry.offset : entry.offset + 4] != LOCAL:
        raise ZipFault("F04.contradiction", entry.position)
    values = LOCAL_HEADER.unpack_from(payload, entry.offset)
    flags, method, crc, packed, size, name_length, extra_length = (*values[2:4], *values[6:])
    names_at = entry.offset + LOCAL_HEADER.size
    extra_at = names_at + name_length
    data: int = extra_at + extra_length
    if data > limit or payload[names_at:extra_at] != entry.name:
        raise ZipFault("F04.contradiction", entry.position)
    fields = _fields(payload[extra_at:data], entry.name, entry.position)
    size, packed, _, _ = _widened(fields, (size, packed, 0), 0, entry.position)
    if method != entry.method or (flags ^ entry.flags) & AGREEING_FLAGS or flags & ~KNOWN_FLAGS:
        raise ZipFault("F04.contradiction", entry.position)
    blank = (0,) if flags & DESCRIPTOR_FLAG else ()
    for local, central in ((crc, entry.crc), (packed, entry.packed), (size, entry.size)):
        if local != central and local not in blank:
            raise ZipFault("F04.contradiction", entry.position)
    return data


def _descriptor_fits(rest: bytes, entry: Entry) -> bool:
    """Whether the bytes after the data are what the flags promise: nothing, or a data descriptor that agrees. It comes
    with or without a signature, with sizes of four or eight bytes."""
    if not entry.flags & DESCRIPTOR_FLAG:
        return rest == b""
    for layout in ("<3L", "<L2Q"):
        body = struct.pack(layout, entry.crc, entry.packed, entry.size)
        if rest in (body, DESCRIPTOR + body):
            return True
    return False
