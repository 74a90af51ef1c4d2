"""ZIP archives written byte by byte, so that a test can lie in any field.

Does: builds archives as known programs write them, and with any field falsified.
Touches: nothing.
Does not: read archives.
"""

import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

DESCRIPTOR = 1 << 3
UTF8_NAMES = 1 << 11
FULL32 = 0xFFFFFFFF
UNIX, FAT, MAC = 3, 0, 19
REGULAR = 0o100644 << 16


@dataclass(frozen=True)
class Part:
    """One member. `local` and `central` replace fields of that header only (name, flags, method, crc, packed, size,
    extra; central also offset, disk). `packed` replaces the compressed bytes, `descriptor` is a struct layout for
    crc, packed size, size (with `signed` the signature before it), `gap` stands behind the
    member. A `ghost` is claimed by the central directory only."""

    name: str | bytes
    data: bytes
    method: int = 8
    flags: int = 0
    host: int = FAT
    attributes: int = 0x20
    extra: bytes = b""
    local: Mapping[str, int | bytes] = field(default_factory=dict)
    central: Mapping[str, int | bytes] = field(default_factory=dict)
    packed: bytes | None = None
    descriptor: str | None = None
    signed: bool = True
    gap: bytes = b""
    ghost: bool = False


@dataclass(frozen=True)
class End:
    """The end of the archive. `fields` replaces values of the end record (disk, start_disk, here, total, size, offset,
    comment_length); `wide` adds the zip64 records, `wide_fields` falsifies them (also at, locator_disk, disks,
    length)."""

    comment: bytes = b""
    fields: Mapping[str, int] = field(default_factory=dict)
    wide: bool = False
    wide_fields: Mapping[str, int] = field(default_factory=dict)
    before_directory: bytes = b""
    before_end: bytes = b""
    after: bytes = b""
    prefix: bytes = b""
    order: Sequence[int] | None = None


HONEST_END = End()


def deflate(data: bytes, level: int = 6) -> bytes:
    """A raw deflate stream."""
    packer = zlib.compressobj(level, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def extra(kind: int, body: bytes) -> bytes:
    """One extra field."""
    return struct.pack("<2H", kind, len(body)) + body


def archive(*parts: Part, end: End = HONEST_END) -> bytes:
    """The archive."""
    out = bytearray(end.prefix)
    centrals = []
    for part in parts:
        offset = len(out)
        values = _values(part)
        local = dict(values)
        if part.flags & DESCRIPTOR:
            local.update(crc=0, packed=0, size=0)
        local.update(part.local)
        if not part.ghost:
            out += _local(local) + _packed(part)
        if part.descriptor:
            out += b"PK\x07\x08" if part.signed else b""
            out += struct.pack(part.descriptor, values["crc"], values["packed"], values["size"])
        out += part.gap
        centrals.append(_central({**values, "offset": offset, "disk": 0, **part.central}, part))
    out += end.before_directory
    start = len(out)
    for position in end.order if end.order is not None else range(len(centrals)):
        out += centrals[position]
    out += end.before_end
    out += _end(end, len(centrals), start, len(out) - start)
    return bytes(out + end.after)


def _packed(part: Part) -> bytes:
    if part.packed is not None:
        return part.packed
    return deflate(part.data) if part.method == 8 else part.data


def _values(part: Part) -> dict[str, int | bytes]:
    name = part.name.encode() if isinstance(part.name, str) else part.name
    return {
        "name": name,
        "flags": part.flags,
        "method": part.method,
        "crc": zlib.crc32(part.data),
        "packed": len(_packed(part)),
        "size": len(part.data),
        "extra": part.extra,
    }


def _local(values: Mapping[str, int | bytes]) -> bytes:
    name, more = values["name"], values["extra"]
    assert isinstance(name, bytes)
    assert isinstance(more, bytes)
    numbers = [values[key] for key in ("crc", "packed", "size")]
    head = struct.pack("<4s5H", b"PK\x03\x04", 20, values["flags"], values["method"], 0x6000, 0x4C4E)
    return head + struct.pack("<3L2H", *numbers, len(name), len(more)) + name + more


def _central(values: Mapping[str, int | bytes], part: Part) -> bytes:
    name, more = values["name"], values["extra"]
    assert isinstance(name, bytes)
    assert isinstance(more, bytes)
    made = part.host << 8 | 20
    head = struct.pack("<4s6H", b"PK\x01\x02", made, 20, values["flags"], values["method"], 0x6000, 0x4C4E)
    numbers = [values[key] for key in ("crc", "packed", "size")]
    tail = struct.pack("<3L5H", *numbers, len(name), len(more), 0, values["disk"], 0)
    return head + tail + struct.pack("<2L", part.attributes, values["offset"]) + name + more


def _end(end: End, count: int, start: int, size: int) -> bytes:
    true = {"disk": 0, "start_disk": 0, "here": count, "total": count, "size": size, "offset": start}
    wide = b""
    if end.wide:
        values = {**true, "at": start + size, "locator_disk": 0, "disks": 1, "length": 44, **end.wide_fields}
        keys = ("disk", "start_disk", "here", "total", "size", "offset")
        wide = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", values["length"], 45, 45, *(values[key] for key in keys))
        wide += struct.pack("<4sLQL", b"PK\x06\x07", values["locator_disk"], values["at"], values["disks"])
    true |= end.fields
    record = struct.pack(
        "<4s4H2LH",
        b"PK\x05\x06",
        true["disk"],
        true["start_disk"],
        true["here"],
        true["total"],
        true["size"],
        true["offset"],
        true.get("comment_length", len(end.comment)),
    )
    return wide + record + end.comment
