"""Archives: honest ones as many programs write them, and every lie that a reader was ever told.

Does: the cases of `unpack`.
Touches: nothing.
Does not: examine.
"""

import io
import random
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from gateway.domain.model import Limits
from tests.domain.rawzip import (
    DESCRIPTOR,
    HONEST_END,
    MAC,
    REGULAR,
    UNIX,
    UTF8_NAMES,
    End,
    Part,
    archive,
    deflate,
    extra,
)
from tests.domain.uploads import TEST_BSNS, Case, table

ROWS = 40
DATA = table(ROWS)
OTHER = table(ROWS, seed=2)
NAME = "WMO_0363_2017H2.csv"
SECOND = "WMO_0363_2017H1.csv"
TIMES = extra(0x5455, b"\x03" + bytes(8))
OWNER = extra(0x7875, b"\x01\x04\xe8\x03\x00\x00\x04\xe8\x03\x00\x00")
NTFS = extra(0x000A, bytes(4) + struct.pack("<2H", 1, 24) + bytes(24))
ZIP64_BOTH = extra(1, struct.pack("<2Q", len(DATA), len(deflate(DATA))))
FULL = 0xFFFFFFFF

NAMES_AND_FAULTS = (
    ("../WMO_0363_2017H2.csv", "path"),
    ("a/../../WMO.csv", "path"),
    ("/etc/passwd.csv", "path"),
    ("C:\\WMO.csv", "path"),
    ("C:/WMO.csv", "path"),
    ("map\\WMO_0363_2017H2.csv", "path"),
    ("\\\\server\\share\\WMO.csv", "path"),
    ("WMO.csv:stream.csv", "path"),
    ("aanlevering/WMO_0363_2017H2.csv", "folder"),
    ("./WMO_0363_2017H2.csv", "folder"),
    ("__MACOSX/._WMO_0363_2017H2.csv", "macosx"),
    ("._WMO_0363_2017H2.csv", "macosx"),
    (".DS_Store", "system_file"),
    ("Thumbs.db", "system_file"),
    ("desktop.ini", "system_file"),
    (".WMO.csv", "name"),
    ("", "name"),
    ("WMO 0363 2017H2.csv", "name"),
    ("WMO_0363_2017H2\x00.csv", "name"),
    ("WMO_0363\n2017H2.csv", "name"),
    ("WMO_0363\r\nTO x.csv", "name"),
    ("WMO_0363\x1b[31m.csv", "name"),
    ("WMO_0363_\u202evsc.exe.csv", "name"),
    ("Wmo-\u00e9\u00e9n.csv", "name"),
    ("=cmd|'calc'!A0.csv", "name"),
    ("<script>.csv", "name"),
    ("W" * 10_000 + ".csv", "name"),
    (f"WMO_{TEST_BSNS[17]}.csv", "name_number"),
    (f"{TEST_BSNS[4]}.csv", "name_number"),
    ("WMO_0363_2017H2", "member_type"),
    ("WMO_0363_2017H2.csv.", "member_type"),
    ("WMO_0363_2017H2.exe", "member_type"),
    ("WMO_0363_2017H2.xlsx", "member_type"),
    ("WMO_0363_2017H2.pdf", "member_type"),
    ("WMO_0363_2017H2.zip", "nested"),
    ("WMO_0363_2017H2.csv.gz", "nested"),
    ("WMO_0363_2017H2.7z", "nested"),
)


class Pipe(io.BytesIO):
    """A sink that cannot seek, which makes zipfile write data descriptors."""

    def tell(self) -> int:
        """Refused."""
        raise io.UnsupportedOperation

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Refused."""
        raise io.UnsupportedOperation


def by_python(method: int = zipfile.ZIP_DEFLATED, *, stream: bool = False, wide: bool = False, level: int = 6) -> bytes:
    """The two data files as Python's zipfile packs them."""
    sink = Pipe() if stream else io.BytesIO()
    with zipfile.ZipFile(sink, "w", method, compresslevel=level) as packed:
        for name, data in ((NAME, DATA), (SECOND, OTHER)):
            with packed.open(name, "w", force_zip64=wide) as member:
                member.write(data)
    return sink.getvalue()


def workbook(kind: str = "xl/workbook.xml") -> bytes:
    """An Office document: a ZIP with parts."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as packed:
        for name in ("[Content_Types].xml", "_rels/.rels", kind):
            packed.writestr(zipfile.ZipInfo(name), "<x/>", zipfile.ZIP_DEFLATED)
    return sink.getvalue()


def opendocument() -> bytes:
    """A spreadsheet of LibreOffice."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as packed:
        packed.writestr(zipfile.ZipInfo("mimetype"), "application/vnd.oasis.opendocument.spreadsheet")
        packed.writestr(zipfile.ZipInfo("content.xml"), "<x/>")
    return sink.getvalue()


def one(*, end: End = HONEST_END, **changes: Any) -> Callable[[], bytes]:
    """An archive of one honest member but for these fields of it."""
    return lambda: archive(Part(**{"name": NAME, "data": DATA, **changes}), end=end)


def _packed(*parts: Part, end: End = HONEST_END) -> Callable[[], bytes]:
    return lambda: archive(*parts, end=end)


def honest() -> Iterator[Case]:
    """Archives that must be accepted."""
    both = 2 * ROWS
    for method, word in ((zipfile.ZIP_STORED, "stored"), (zipfile.ZIP_DEFLATED, "deflated")):
        for stream in (False, True):
            for wide in (False, True):
                name = f"python-{word}-{'stream' if stream else 'file'}-{'zip64' if wide else 'plain'}"
                yield Case(name, "MSD.zip", partial(by_python, method, stream=stream, wide=wide), rows=both)
    yield Case("python-level-9", "MSD.zip", lambda: by_python(level=9), rows=both)
    yield Case("python-level-0", "MSD.zip", lambda: by_python(level=0), rows=both)
    yield Case("windows-explorer", "MSD.ZIP", one(), rows=ROWS)
    yield Case("windows-explorer-utf8", "MSD.zip", one(flags=UTF8_NAMES), rows=ROWS)
    mac: dict[str, Any] = {"flags": DESCRIPTOR, "host": UNIX, "attributes": REGULAR, "descriptor": "<3L"}
    ux = extra(0x5855, bytes(12))
    yield Case("macos-finder", "MSD.zip", one(**mac, extra=ux, central={"extra": extra(0x5855, bytes(8))}), rows=ROWS)
    yield Case("macos-host", "MSD.zip", one(**{**mac, "host": MAC}), rows=ROWS)
    yield Case("seven-zip", "MSD.zip", one(central={"extra": NTFS}), rows=ROWS)
    unix: dict[str, Any] = {"host": UNIX, "attributes": REGULAR, "extra": TIMES + OWNER}
    yield Case(
        "info-zip", "MSD.zip", one(**unix, central={"extra": extra(0x5455, b"\x03" + bytes(4)) + OWNER}), rows=ROWS
    )
    java: dict[str, Any] = {"flags": DESCRIPTOR | UTF8_NAMES, "descriptor": "<3L", "attributes": 0}
    yield Case("java", "MSD.zip", one(**java), rows=ROWS)
    yield Case("java-jar", "MSD.zip", one(**java, extra=extra(0xCAFE, b"")), rows=ROWS)
    yield Case("descriptor-unsigned", "MSD.zip", one(**{**java, "signed": False}), rows=ROWS)
    broad: dict[str, Any] = {
        **java,
        "descriptor": "<L2Q",
        "local": {"packed": FULL, "size": FULL, "extra": extra(1, bytes(16))},
    }
    yield Case("descriptor-wide", "MSD.zip", one(**broad), rows=ROWS)
    yield Case("descriptor-wide-unsigned", "MSD.zip", one(**broad, signed=False), rows=ROWS)
    yield Case("zip64-local", "MSD.zip", one(local={"packed": FULL, "size": FULL, "extra": ZIP64_BOTH}), rows=ROWS)
    yield Case("zip64-central", "MSD.zip", one(central={"packed": FULL, "size": FULL, "extra": ZIP64_BOTH}), rows=ROWS)
    yield Case("zip64-end", "MSD.zip", one(end=End(wide=True)), rows=ROWS)
    full = {"here": 0xFFFF, "total": 0xFFFF, "size": FULL, "offset": FULL}
    yield Case("zip64-end-only", "MSD.zip", one(end=End(wide=True, fields=full)), rows=ROWS)
    eight = [Part(f"WMO_0363_201{n}H2.csv", DATA) for n in range(8)]
    yield Case("eight-members", "MSD.zip", _packed(*eight), rows=8 * ROWS)
    yield Case("comment", "MSD.zip", one(end=End(comment=b"gemeente Zoetermeer, tweede helft 2017")), rows=ROWS)
    two = (Part(NAME, DATA), Part(SECOND, OTHER))
    yield Case("central-in-other-order", "MSD.zip", _packed(*two, end=End(order=(1, 0))), rows=both)
    yield Case("upper-case-extension", "MSD.Zip", one(name="WMO_0363_2017H2.CSV"), rows=ROWS)
    yield Case("txt-member", "MSD.zip", one(name="WMO_0363_2017H2.txt"), rows=ROWS)
    yield Case("digits-that-are-no-bsn", "MSD.zip", one(name="WMO_0363_999990008.csv"), rows=ROWS)
    yield Case("timestamp-in-name", "MSD.zip", one(name="WMO_0363_2017H2_20180214120000.csv"), rows=ROWS)
    hidden = DATA.replace(b";2;", b";2PK;", 1)
    yield Case("signature-in-text", "MSD.zip", one(data=hidden, method=0), rows=ROWS)
    yield Case("repetitive", "MSD.zip", one(data=DATA * 1000), rows=1000 * (ROWS + 1) - 1)
    yield Case("empty-member", "MSD.zip", one(data=b"", method=0), frozenset({"F08.empty"}))


def structures() -> Iterator[tuple[str, Callable[[], bytes], str]]:
    """Archives whose records lie: id, bytes, what is said."""
    packed = len(deflate(DATA))
    yield "prefix", one(end=End(prefix=b"#!/bin/sh\n")), "F04.extra_data"
    yield "prefix-program", one(end=End(prefix=b"MZ" + bytes(510))), "F04.extra_data"
    yield "gap-between", _packed(Part(NAME, DATA, gap=b"hidden"), Part(SECOND, OTHER)), "F04.extra_data"
    yield "gap-is-a-member", _packed(Part(NAME, DATA, gap=archive(Part("X.csv", b"x"))[:40])), "F04.extra_data"
    yield "gap-before-directory", one(end=End(before_directory=b"APK Sig Block 42")), "F04.extra_data"
    yield "gap-before-end", one(end=End(before_end=b"PK\x05\x05\x00\x00")), "F04.contradiction"
    yield "tail", one(end=End(after=b"tail")), "F04.extra_data"
    yield "tail-zeros", one(end=End(after=bytes(512))), "F04.extra_data"
    yield "two-archives", lambda: one()() + one()(), "F04.extra_data"
    yield "two-archives-right-offsets", _second_archive, "F04.extra_data"
    yield "end-in-comment", one(end=End(comment=b"PK\x05\x06" + bytes(18))), "F04.extra_data"
    yield "two-ends-that-fit", _two_ends, "F04.extra_data"
    yield "no-end", lambda: one()()[:-22], "F04.truncated"
    yield "half", lambda: one()()[: packed // 2], "F04.truncated"
    yield "last-byte-gone", lambda: one()()[:-1], "F04.truncated"
    yield "first-byte-gone", lambda: one()()[1:], "F04.truncated"
    yield "comment-too-long", one(end=End(fields={"comment_length": 5})), "F04.truncated"
    yield "comment-too-short", one(end=End(comment=b"12345", fields={"comment_length": 3})), "F04.extra_data"
    yield (
        "count-too-small",
        _packed(Part(NAME, DATA), Part(SECOND, OTHER), end=End(fields={"here": 1, "total": 1})),
        ("F04.contradiction"),
    )
    yield "count-too-large", one(end=End(fields={"here": 2, "total": 2})), "F04.contradiction"
    yield "count-differs", one(end=End(fields={"total": 2})), "F04.split"
    yield "disk-one", one(end=End(fields={"disk": 1})), "F04.split"
    yield "directory-disk-one", one(end=End(fields={"start_disk": 1})), "F04.split"
    yield "member-on-disk-one", one(central={"disk": 1}), "F04.split"
    yield "spanned-marker", lambda: b"PK\x07\x08" + one()(), "F04.extra_data"
    yield "directory-early", one(end=End(fields={"offset": 10})), "F04.extra_data"
    yield "directory-late", one(end=End(fields={"offset": 1_000_000})), "F04.truncated"
    yield "directory-size-zero", one(end=End(fields={"size": 0})), "F04.extra_data"
    for key in ("here", "size", "offset", "at", "length"):
        yield f"zip64-wrong-{key}", one(end=End(wide=True, wide_fields={key: 7})), "F04.contradiction"
    yield "zip64-locator-disk", one(end=End(wide=True, wide_fields={"locator_disk": 1})), "F04.split"
    yield "zip64-two-disks", one(end=End(wide=True, wide_fields={"disks": 2})), "F04.split"
    yield "full-without-zip64", one(end=End(fields={"offset": FULL})), "F04.truncated"
    yield "zip64-extra-missing", one(central={"packed": FULL}), "F04.contradiction"
    yield (
        "zip64-extra-short",
        one(central={"packed": FULL, "size": FULL, "extra": extra(1, bytes(8))}),
        ("F04.contradiction"),
    )
    yield "zip64-extra-twice", one(extra=ZIP64_BOTH + ZIP64_BOTH), "F04.contradiction"
    yield "zip64-huge", one(central={"size": FULL, "extra": extra(1, struct.pack("<Q", 1 << 50))}), "F03.unpacked"
    yield "local-name-differs", one(local={"name": b"WMO_0363_2017H1.csv"}), "F04.contradiction"
    yield "local-name-longer", one(local={"name": b"WMO_0363_2017H2.csv.exe"}), "F04.contradiction"
    yield "local-method-differs", one(local={"method": 0}), "F04.contradiction"
    yield "local-crc-differs", one(local={"crc": 1}), "F04.contradiction"
    yield "local-size-differs", one(local={"size": 1}), "F04.contradiction"
    yield "local-packed-differs", one(local={"packed": 1}), "F04.contradiction"
    yield "local-flags-encrypted", one(local={"flags": 1}), "F04.contradiction"
    yield "local-flags-descriptor", one(local={"flags": 8}), "F04.contradiction"
    yield "local-flags-unknown", one(local={"flags": 1 << 5}), "F04.contradiction"
    yield "local-offset-differs", one(central={"offset": 3}), "F04.extra_data"
    yield "local-offset-beyond", one(central={"offset": 999_999}), "F04.extra_data"
    yield "extra-broken", one(extra=b"\x55\x54\xff\xff\x00"), "F04.contradiction"
    yield "extra-stub", one(extra=b"\x55\x54\x00"), "F04.contradiction"
    other_name = extra(0x7075, b"\x01" + bytes(4) + b"WMO_0014_2017H2.csv")
    yield "unicode-name-differs", one(central={"extra": other_name}), "F04.contradiction"
    twice = Part(NAME, DATA, central={"offset": 0}, ghost=True)
    yield "same-data-twice", _packed(Part(NAME, DATA), twice), "F04.overlap"
    yield "overlap-quoted", _overlapping, "F04.overlap"
    yield "data-runs-into-directory", one(local={"packed": packed + 9}, central={"packed": packed + 9}), "F04.overlap"
    yield "descriptor-missing", one(flags=DESCRIPTOR), "F04.extra_data"
    yield "descriptor-wrong", one(flags=DESCRIPTOR, gap=b"PK\x07\x08" + bytes(12)), "F04.extra_data"
    yield "descriptor-unannounced", one(descriptor="<3L"), "F04.extra_data"
    yield "encrypted", one(flags=1), "F04.encrypted"
    yield "encrypted-strong", one(flags=1 | 1 << 6), "F04.encrypted"
    yield "encrypted-masked", one(flags=1 << 13), "F04.encrypted"
    yield "encrypted-aes", one(method=99, flags=1, extra=extra(0x9901, b"\x02\x00AE\x03\x08\x00")), "F04.encrypted"
    yield "encrypted-aes-extra-only", one(extra=extra(0x9901, b"\x02\x00AE\x03\x08\x00")), "F04.encrypted"
    for method in (1, 6, 9, 12, 14, 93, 95, 97, 98, 65535):
        yield f"method-{method}", one(method=method), "F04.method"
    yield "patched-data", one(flags=1 << 5), "F04.method"
    yield "reserved-flag", one(flags=1 << 14), "F04.method"
    yield "stored-sizes-differ", one(method=0, local={"size": 9}, central={"size": 9}), "F04.contradiction"
    yield "no-members", lambda: archive(), "F04.no_members"
    yield "directory-of-nothing", lambda: archive(end=End(prefix=b"PK\x03\x04" + bytes(40))), "F04.extra_data"
    yield "nine-members", _packed(*(Part(f"WMO_0363_201{n}H1.csv", DATA) for n in range(9))), "F04.too_many"
    yield "two-thousand-members", _packed(*(Part(f"M{n}.csv", b"", 0) for n in range(2000))), "F04.too_many"


def _second_archive() -> bytes:
    """Two whole archives after each other, the second with offsets that are right for the whole."""
    first = one()()
    return archive(Part(SECOND, OTHER), end=End(prefix=first))


def _two_ends() -> bytes:
    """An end record whose comment is another end record, so that readers from the front and from the back disagree."""
    inner = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, 46, 0, 0)
    return one(end=End(comment=inner))()


def _overlapping() -> bytes:
    """A member whose data hold a second local header, quoted in the deflate stream: the bomb of overlapping files."""
    kernel = deflate(bytes(65_000))
    inner = archive(Part(SECOND, bytes(65_000)))
    header = inner[: inner.index(kernel)]
    quoted = struct.pack("<BHH", 0, len(header), len(header) ^ 0xFFFF) + header + kernel
    outer = {"crc": zlib.crc32(header + bytes(65_000)), "size": 65_000 + len(header)}
    return archive(
        Part(NAME, b"", packed=quoted, local=outer, central=outer),
        Part(SECOND, bytes(65_000), central={"offset": 30 + len(NAME) + 5}, ghost=True),
    )


def contents(rng: random.Random) -> Iterator[tuple[str, Callable[[], bytes], str]]:
    """Archives of sound structure whose members are wrong: id, bytes, what is said."""
    spoilt = bytearray(deflate(DATA))
    spoilt[rng.randrange(10, len(spoilt) - 10)] ^= 0xFF
    bad = zlib.crc32(DATA) ^ 1
    yield "crc-wrong", one(local={"crc": bad}, central={"crc": bad}), "F04.damaged"
    yield "crc-wrong-stored", one(method=0, local={"crc": bad}, central={"crc": bad}), "F04.damaged"
    yield "stream-spoilt", one(packed=bytes(spoilt)), "F04.damaged"
    yield "stream-cut", one(packed=deflate(DATA)[:-4]), "F04.damaged"
    yield "stream-empty", one(packed=b""), "F04.damaged"
    yield "stream-followed", one(packed=deflate(DATA) + b"more"), "F04.damaged"
    yield "stream-followed-by-64k", one(packed=deflate(DATA) + bytes(70_000)), "F04.damaged"
    yield "stream-zlib-wrapped", one(packed=zlib.compress(DATA)), "F04.damaged"
    yield "size-understated", one(local={"size": 5}, central={"size": 5}), "F04.damaged"
    more = len(DATA) + 5
    yield "size-overstated", one(local={"size": more}, central={"size": more}), "F04.damaged"
    bomb = bytes(40_000_000)
    yield "bomb", one(data=bomb), "F03.ratio"
    yield "bomb-understated", one(data=bomb, local={"size": 9_000}, central={"size": 9_000}), "F04.damaged"
    yield "six-of-ten-megabytes", _six_large, "F03.unpacked"
    for number, (name, key) in enumerate(NAMES_AND_FAULTS):
        shown = "".join(c if c.isalnum() else "-" for c in name[:24])
        yield f"name-{number}-{shown}", one(name=name, flags=UTF8_NAMES), f"F04.{key}"
    yield "name-latin-1", one(name=b"WMO_\xe9.csv"), "F04.name"
    yield "folder-entry", _packed(Part("map/", b"", 0, attributes=0x10), Part(NAME, DATA)), "F04.folder"
    yield "folder-of-five", _packed(*(Part(f"map/WMO_{n}.csv", DATA) for n in range(5))), "F04.folder"
    mac = tuple(Part(f"__MACOSX/._WMO_{n}.csv", b"x", 0) for n in range(20))
    yield "macos-many", _packed(Part(NAME, DATA), *mac), "F04.macosx"
    yield "duplicate", _packed(Part(NAME, DATA), Part(NAME, OTHER)), "F04.duplicate"
    yield "duplicate-other-case", _packed(Part(NAME, DATA), Part(NAME.lower(), OTHER)), "F04.duplicate"
    yield "symlink", one(data=b"/etc/passwd", host=UNIX, attributes=0o120777 << 16), "F04.not_a_file"
    yield "device", one(data=b"", host=UNIX, attributes=0o020666 << 16), "F04.not_a_file"
    yield "folder-by-mode", one(data=b"", host=UNIX, attributes=0o040755 << 16), "F04.not_a_file"
    yield "folder-by-attribute", one(attributes=0x10), "F04.not_a_file"
    yield "volume-label", one(attributes=0x08), "F04.not_a_file"
    yield "zip-in-csv-clothes", one(data=by_python()), "F04.nested"
    yield "gzip-in-csv-clothes", one(data=b"\x1f\x8b\x08" + bytes(20)), "F04.nested"
    yield "workbook-in-csv-clothes", one(data=workbook()), "F05.workbook"
    yield "pdf-in-csv-clothes", one(data=b"%PDF-1.4\n" + bytes(99)), "F05.not_text"


def _six_large() -> bytes:
    """Six members that each are allowed and together pass the limit."""
    large = random.Random(6).randbytes(100_000) * 90
    return archive(
        *(Part(f"WMO_{n}.csv", large, 0, packed=b"", central={"method": 8}, local={"method": 8}) for n in range(6))
    )


def uploads() -> Iterator[tuple[str, str, Callable[[], bytes], str]]:
    """Uploads that are not what their name says: id, name, bytes, what is said."""
    ole = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)
    tar = b"WMO.csv".ljust(257, b"\x00") + b"ustar\x0000" + bytes(300)
    for label, body, named_csv, named_zip in (
        ("workbook", workbook(), "F05.workbook", "F05.workbook"),
        ("opendocument", opendocument(), "F05.workbook", "F05.workbook"),
        ("old-workbook", ole, "F05.workbook", "F05.workbook"),
        ("word", workbook("word/document.xml"), "F05.not_text", "F05.not_text"),
        ("presentation", workbook("ppt/presentation.xml"), "F05.not_text", "F05.not_text"),
        ("old-word", ole + "WordDocument".encode("utf-16-le"), "F05.not_text", "F05.not_text"),
        ("pdf", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n" + bytes(50), "F05.not_text", "F05.not_text"),
        ("rtf", b"{\\rtf1\\ansi WMO}", "F05.not_text", "F05.not_text"),
        ("png", b"\x89PNG\r\n\x1a\n" + bytes(50), "F05.not_text", "F05.not_text"),
        ("sqlite", b"SQLite format 3\x00" + bytes(50), "F05.not_text", "F05.not_text"),
        ("pgp", b"-----BEGIN PGP MESSAGE-----\n\nhQ==\n", "F05.not_text", "F05.not_text"),
        ("html", b"<!DOCTYPE html><html><table><tr><td>0363", "F05.not_text", "F05.not_text"),
        ("xml", b"\xef\xbb\xbf<?xml version='1.0'?><Workbook/>", "F05.not_text", "F05.not_text"),
        ("gzip", b"\x1f\x8b\x08\x00" + bytes(50), "F04.other_archive", "F04.other_archive"),
        ("seven-zip-file", b"7z\xbc\xaf\x27\x1c" + bytes(50), "F04.other_archive", "F04.other_archive"),
        ("rar", b"Rar!\x1a\x07\x01\x00" + bytes(50), "F04.other_archive", "F04.other_archive"),
        ("bzip2", b"BZh91AY&SY" + bytes(50), "F04.other_archive", "F04.other_archive"),
        ("xz", b"\xfd7zXZ\x00" + bytes(50), "F04.other_archive", "F04.other_archive"),
        ("zstd", b"\x28\xb5\x2f\xfd" + bytes(50), "F04.other_archive", "F04.other_archive"),
        ("tar", tar, "F04.other_archive", "F04.other_archive"),
    ):
        yield f"{label}-named-csv", NAME, partial(bytes, body), named_csv
        yield f"{label}-named-zip", "MSD.zip", partial(bytes, body), named_zip
    yield "zip-named-csv", NAME, by_python, "F04.zip_extension"
    yield "zip-named-txt", "WMO_0363_2017H2.txt", by_python, "F04.zip_extension"
    yield "csv-named-zip", "MSD.zip", lambda: DATA, "F04.not_a_zip"
    yield "workbook-by-its-name", "WMO_0363_2017H2.xlsx", workbook, "F01.workbook"
    yield "csv-named-xls", "WMO_0363_2017H2.xls", lambda: DATA, "F01.workbook"
    yield "program", "WMO_0363_2017H2.exe", lambda: b"MZ" + bytes(50), "F01.extension"
    yield "no-extension", "WMO_0363_2017H2", lambda: DATA, "F01.no_extension"
    yield "only-extension", ".csv", lambda: DATA, "F01.no_extension"
    yield "nothing-in-csv", NAME, bytes, "F08.empty"
    yield "nothing-in-zip", "MSD.zip", bytes, "F08.empty"
    yield "one-byte-too-much", NAME, lambda: DATA.ljust(Limits().upload_bytes + 1, b"\n"), "F03.upload"


def cases(seed: int) -> Iterator[Case]:
    """Every case of an upload or an archive."""
    yield from honest()
    for label, make, says in (*structures(), *contents(random.Random(seed))):
        yield Case(f"zip-{label}", "MSD.zip", make, frozenset({says}))
    for label, name, make, says in uploads():
        yield Case(label, name, make, frozenset({says}))
    number = random.Random(seed).choice(TEST_BSNS)
    yield Case("upload-named-by-a-bsn", f"WMO_{number}.csv", lambda: DATA, rows=ROWS)
    yield Case("upload-named-by-a-terminal", "WMO\x1b[2J\n.csv", lambda: DATA, rows=ROWS)
