"""What bytes are, whatever their name says.

Does: recognises archives, workbooks and documents by their first bytes, as a word of the catalogue
(`findings.reading.<word>`).
Touches: nothing.
Does not: read further than it needs, or decide what is allowed.

Known weakness: a text file can start with anything; only signatures that no honest CSV starts with are listed.
"""

ZIP = "zip"
EXCEL = "excel"
WORKBOOKS = frozenset({EXCEL, "opendocument"})
ARCHIVES = frozenset({ZIP, "gzip", "seven_zip", "rar", "bzip2", "xz", "zstd", "tar", "cab"})

SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "ole"),
    (b"%PDF-", "pdf"),
    (b"\x1f\x8b", "gzip"),
    (b"7z\xbc\xaf\x27\x1c", "seven_zip"),
    (b"Rar!\x1a\x07", "rar"),
    (b"BZh91AY&SY", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"MSCF\x00\x00\x00\x00", "cab"),
    (b"{\\rtf", "word"),
    (b"\x89PNG\r\n\x1a\n", "image"),
    (b"\xff\xd8\xff", "image"),
    (b"GIF8", "image"),
    (b"SQLite format 3\x00", "database"),
    (b"PAR1", "database"),
    (b"-----BEGIN PGP MESSAGE", "sealed"),
    (b"age-encryption.org/", "sealed"),
)
ZIP_SIGNATURES = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
MARKUP = (b"<?xml", b"<html", b"<!doctype html", b"<table")
BOM = b"\xef\xbb\xbf"
WORD_STREAM = "WordDocument".encode("utf-16-le")


def recognise(payload: bytes) -> str | None:
    """The word for what `payload` is, or None when nothing says that it is not text."""
    if payload.startswith(ZIP_SIGNATURES):
        return _zip_flavour(payload)
    for signature, word in SIGNATURES:
        if payload.startswith(signature):
            return _ole_flavour(payload) if word == "ole" else word
    if payload[257:262] == b"ustar":
        return "tar"
    if payload[:256].removeprefix(BOM).lstrip().lower().startswith(MARKUP):
        return "markup"
    return None


def _zip_flavour(payload: bytes) -> str:
    """A workbook or a document is a ZIP too; its member names stand uncompressed in the archive."""
    if payload[30:38] == b"mimetype" and b"vnd.oasis.opendocument" in payload[38:160]:
        return "opendocument"
    if b"[Content_Types].xml" in payload:
        if b"xl/workbook" in payload:
            return EXCEL
        return "word" if b"word/document" in payload else "office"
    return ZIP


def _ole_flavour(payload: bytes) -> str:
    """Stream names in an OLE file are UTF-16: a Word document says so, the rest is an Excel workbook as a rule (an
    encrypted workbook too)."""
    return "word" if WORD_STREAM in payload else EXCEL
