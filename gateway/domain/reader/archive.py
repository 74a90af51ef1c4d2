"""Unpack: from an upload to its data files, or to why not.

Does: holds the extension against the content, judges the members of a ZIP by name, number, size and ratio, and inflates
them in small steps under hard totals.
Touches: nothing.
Does not: repair a name, skip a member, or go on after a fault: an archive is taken whole or not at all.

An archive is refused by its first structural fault (entries); with a sound structure all faults of names come at once.
"""

import io
import re
import zlib
from collections.abc import Iterator

from gateway.domain.kinds import EXCEL_EXTENSIONS
from gateway.domain.model import Finding, Limits, Phrase
from gateway.domain.reader import content
from gateway.domain.reader.entries import DEFLATED, Entry, ZipFault, entries
from gateway.domain.reader.values import USABLE_NAME, Faults, Member, fault, member_label, noun

TEXT_EXTENSIONS = (".csv", ".txt")
ARCHIVE_EXTENSIONS = (".zip", ".7z", ".rar", ".gz", ".tgz", ".tar", ".bz2", ".xz", ".zst", ".cab", ".jar", ".iso")
SYSTEM_FILES = frozenset({b".ds_store", b"thumbs.db", b"desktop.ini"})
STEP = 65_536
NINE_DIGITS = re.compile(r"(?<![0-9])[0-9]{9}(?![0-9])")
WEIGHTS = (9, 8, 7, 6, 5, 4, 3, 2, -1)
FOLDER_ATTRIBUTE = 0x10
VOLUME_ATTRIBUTE = 0x08
REGULAR_FILE = 0o10

Outcome = tuple[tuple[Member, ...], tuple[Finding, ...]]


def unpack(name: str, payload: bytes, limits: Limits, allowed_members: tuple[str, ...]) -> Outcome:
    """The data files of an upload called `name`: itself (.csv, .txt) or the members of the ZIP, in archive order.

    With any finding there are no members. `allowed_members` are the extensions allowed inside a ZIP, lower case with
    the dot.
    """
    label = member_label(name, 1)
    extension = _extension(name)
    if len(payload) > limits.upload_bytes:
        expected = noun("bytes_at_most", n=limits.upload_bytes)
        return (), (fault("F03.upload", member=label, expected=expected, found=noun("bytes", n=len(payload))),)
    what = content.recognise(payload)
    if extension != ".zip" and extension not in TEXT_EXTENSIONS:
        spreadsheet = extension in EXCEL_EXTENSIONS or what in content.WORKBOOKS
        key = "F01.workbook" if spreadsheet else "F01.extension" if extension else "F01.no_extension"
        found = noun(what) if what else None
        return (), (fault(key, member=label, expected=noun("upload_extensions"), found=found),)
    if not payload:
        return (), (fault("F08.empty", member=label),)
    if extension == ".zip":
        refusal = None if what in (None, content.ZIP) else _misnamed(label, what)
        return ((), (refusal,)) if refusal else _open(payload, label, limits, allowed_members)
    if what is not None:
        refusal = fault("F04.zip_extension", member=label) if what == content.ZIP else _misnamed(label, what)
        return (), (refusal,)
    return (Member(label, payload),), ()


def _extension(name: str) -> str:
    """The last extension in lower case with its dot, or nothing."""
    stem, dot, last = name.rpartition(".")
    return f".{last.lower()}" if stem and dot else ""


def _misnamed(label: str, what: str) -> Finding:
    """What to say of a file whose content is not what its name promises."""
    if what in content.WORKBOOKS:
        return fault("F05.workbook", member=label, found=noun(what), what=f"@findings.reading.{what}")
    if what in content.ARCHIVES:
        return fault("F04.other_archive", member=label, found=noun(what), what=f"@findings.reading.{what}")
    return fault("F05.not_text", member=label, found=noun(what), what=f"@findings.reading.{what}")


def _open(payload: bytes, label: str, limits: Limits, allowed: tuple[str, ...]) -> Outcome:
    """The members of a ZIP: structure, then names, then sizes, then content."""
    try:
        found = entries(payload)
    except ZipFault as broken:
        culprit = label if broken.position is None else f"#{broken.position}"
        return (), (fault(broken.key, member=culprit, expected=_limit(broken.key, limits)),)
    faults = Faults()
    for finding in _name_faults(found, label, limits, allowed):
        if faults.counts.get(finding.code, 0) < limits.findings_per_code:
            faults.add(finding)
    if not faults.findings:
        for finding in _size_faults(found, label, limits):
            faults.add(finding)
    members: list[Member] = []
    for entry in found if not faults.findings else ():
        text = _label(entry)
        data = _inflate(payload, entry, limits)
        if data is None:
            faults.add(fault("F04.damaged", member=text))
            break
        what = content.recognise(data)
        if what is not None:
            faults.add(fault("F04.nested", member=text) if what in content.ARCHIVES else _misnamed(text, what))
        members.append(Member(text, data))
    return ((), tuple(faults.findings)) if faults.findings else (tuple(members), ())


def _limit(key: str, limits: Limits) -> Phrase | None:
    """What was allowed, where the fault is a limit."""
    if key == "F04.too_many":
        return noun("members_at_most", n=limits.zip_members)
    return noun("bytes_at_most", n=limits.unpacked_bytes) if key == "F03.unpacked" else None


def _name_faults(found: tuple[Entry, ...], label: str, limits: Limits, allowed: tuple[str, ...]) -> Iterator[Finding]:
    """Why these members are refused. What a whole folder or a Mac brings along is said once."""
    if not found:
        yield fault("F04.no_members", member=label)
        return
    mac = sum(entry.name.startswith((b"__MACOSX/", b"._")) for entry in found)
    folders = sum(entry.name.endswith(b"/") and not entry.name.startswith(b"__MACOSX/") for entry in found)
    inside = sum(_in_folder(entry.name) for entry in found)
    if mac:
        yield fault("F04.macosx", member=label, n=mac)
    if folders or inside:
        yield fault("F04.folder", member=label, n=folders + inside)
    files = [entry for entry in found if not _structural(entry.name)]
    if len(files) > limits.zip_members:
        expected = noun("members_at_most", n=limits.zip_members)
        yield fault("F04.too_many", member=label, expected=expected, found=noun("members", n=len(files)))
        return
    seen: set[bytes] = set()
    for entry in files:
        key = _name_fault(entry, allowed)
        if key is None and entry.name.lower() in seen:
            key = "F04.duplicate"
        seen.add(entry.name.lower())
        if key is not None:
            expected_names = noun("extensions", list=", ".join(allowed)) if key == "F04.member_type" else None
            yield fault(key, member=_label(entry), expected=expected_names)


def _in_folder(name: bytes) -> bool:
    """Whether this is a plain file in a folder; what climbs out of the archive is another matter."""
    return b"/" in name and not name.startswith(b"__MACOSX/") and not name.endswith(b"/") and not _climbs(name)


def _structural(name: bytes) -> bool:
    """Whether the name is already spoken for: a Mac's, a folder, or in a folder."""
    return name.startswith((b"__MACOSX/", b"._")) or name.endswith(b"/") or _in_folder(name)


def _climbs(name: bytes) -> bool:
    """Whether the name is a path that no honest program writes."""
    return name.startswith(b"/") or b"\\" in name or b":" in name or b".." in name.split(b"/")


def _name_fault(entry: Entry, allowed: tuple[str, ...]) -> str | None:
    """The first thing wrong with this member, as a key."""
    if _climbs(entry.name):
        return "F04.path"
    if entry.name.lower() in SYSTEM_FILES:
        return "F04.system_file"
    name = entry.name.decode("latin-1")
    if not USABLE_NAME.fullmatch(name) or name.startswith("."):
        return "F04.name"
    if any(_eleven_test(match.group()) for match in NINE_DIGITS.finditer(name)):
        return "F04.name_number"
    kind = entry.attributes >> 28
    if kind not in (0, REGULAR_FILE) or entry.attributes & (FOLDER_ATTRIBUTE | VOLUME_ATTRIBUTE):
        return "F04.not_a_file"
    extension = _extension(name)
    if extension in allowed:
        return None
    return "F04.nested" if extension in ARCHIVE_EXTENSIONS else "F04.member_type"


def _eleven_test(digits: str) -> bool:
    """Whether nine digits may be a citizen service number (Regeling BSN, the eleven-test)."""
    return sum(int(digit) * weight for digit, weight in zip(digits, WEIGHTS, strict=True)) % 11 == 0


def _label(entry: Entry) -> str:
    """The member as a finding may name it."""
    return member_label(entry.name.decode("latin-1"), entry.position)


def _size_faults(found: tuple[Entry, ...], label: str, limits: Limits) -> Iterator[Finding]:
    """What the directory itself admits about sizes. A member of one step is no bomb whatever its ratio."""
    total = sum(entry.size for entry in found)
    if total > limits.unpacked_bytes:
        expected = noun("bytes_at_most", n=limits.unpacked_bytes)
        yield fault("F03.unpacked", member=label, expected=expected, found=noun("bytes", n=total))
        return
    for entry in found:
        if entry.size > max(STEP, entry.packed * limits.zip_ratio):
            yield fault("F03.ratio", member=_label(entry), expected=noun("ratio", n=limits.zip_ratio))


def _inflate(payload: bytes, entry: Entry, limits: Limits) -> bytes | None:
    """The member's bytes; None when they are not exactly what the headers promised (sizes, CRC-32, end of stream).

    Never more than one step beyond the promised size is made, whatever the stream holds.
    """
    packed = memoryview(payload)[entry.data : entry.data + entry.packed]
    if entry.method != DEFLATED:
        data = bytes(packed)
        return data if zlib.crc32(data) == entry.crc else None
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    # BytesIO hands out its buffer without a copy, so a member of 50 MB costs 50 MB once
    out = io.BytesIO()
    crc = 0
    most = min(entry.size, limits.unpacked_bytes)
    for at in range(0, len(packed), STEP):
        piece: bytes | memoryview = packed[at : at + STEP]
        while piece and not inflater.eof:
            try:
                step = inflater.decompress(piece, STEP)
            except zlib.error:
                return None
            crc = zlib.crc32(step, crc)
            out.write(step)
            if out.tell() > most:
                return None
            piece = inflater.unconsumed_tail
        if piece or inflater.unused_data:
            return None
    try:
        rest = inflater.flush(STEP)
    except zlib.error:
        return None
    crc = zlib.crc32(rest, crc)
    out.write(rest)
    if not inflater.eof or inflater.unused_data or out.tell() != entry.size or crc != entry.crc:
        return None
    return out.getvalue()
