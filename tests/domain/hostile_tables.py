"""Tables: honest ones in every dress, and what exports, spreadsheets and attackers make of them.

Does: the cases of `read`, small and large.
Touches: nothing.
Does not: examine.
"""

import random
from collections.abc import Callable, Iterator
from functools import partial

from gateway.domain.model import Limits
from tests.domain.rawzip import Part, archive, deflate
from tests.domain.uploads import COLUMNS, HEADER, Case, row, table

ROWS = 30
NAME = "WMO_0363_2017H2.csv"
PLAIN = table(ROWS)
LINES = PLAIN.decode().splitlines()
HEAD, *BODY = LINES
WIDTH = len(COLUMNS)
EMPTY_ROW = ";" * (WIDTH - 1)
QUOTED = "\n".join(";".join(f'"{value}"' for value in line.split(";")) for line in LINES)


def joined(*lines: str, end: str = "\n", encoding: str = "utf-8") -> bytes:
    """The lines, each ended."""
    return "".join(line + end for line in lines).encode(encoding)


def with_value(number: int, column: int, value: str, lines: list[str] = LINES) -> list[str]:
    """The lines with one value of line `number` (0 is the header) replaced."""
    values = lines[number].split(";")
    values[column] = value
    return [*lines[:number], ";".join(values), *lines[number + 1 :]]


def honest() -> Iterator[tuple[str, bytes, int, set[str]]]:
    """Tables that must be read to the last row: id, bytes, rows, warnings."""
    yield "lf", PLAIN, ROWS, set()
    yield "crlf", joined(*LINES, end="\r\n"), ROWS, set()
    yield "cr", joined(*LINES, end="\r"), ROWS, set()
    mixed = "".join(line + ("\n", "\r\n", "\r")[at % 3] for at, line in enumerate(LINES))
    yield "mixed-ends", mixed.encode(), ROWS, set()
    yield "no-last-end", PLAIN.rstrip(b"\n"), ROWS, set()
    yield "crlf-no-last-end", joined(*LINES, end="\r\n")[:-2], ROWS, set()
    yield "blank-lines-behind", PLAIN + b"\n\r\n\n", ROWS, set()
    yield "blank-lines-between", joined(*LINES[:5], "", "", *LINES[5:]), ROWS, set()
    yield "blank-lines-before", b"\r\n\n" + PLAIN, ROWS, set()
    yield "one-row", joined(*LINES[:2]), 1, set()
    yield "empty-row-above", joined(HEAD, EMPTY_ROW, *BODY), ROWS, {"W08.between"}
    yield "empty-rows-between", joined(*LINES[:9], EMPTY_ROW, ";;", "", EMPTY_ROW, *LINES[9:]), ROWS, {"W08.between"}
    yield "empty-rows-below", joined(*LINES, *[EMPTY_ROW] * 500), ROWS, {"W08.at_end"}
    yield "empty-rows-below-crlf", joined(*LINES, *[EMPTY_ROW] * 500, end="\r\n"), ROWS, {"W08.at_end"}
    yield "empty-rows-below-cr", joined(*LINES, EMPTY_ROW, EMPTY_ROW, end="\r"), ROWS, {"W08.at_end"}
    yield "empty-rows-of-fewer-columns", joined(*LINES, EMPTY_ROW, ";;;", ";"), ROWS, {"W08.at_end"}
    yield "empty-row-not-ended", PLAIN + EMPTY_ROW.encode(), ROWS, {"W08.at_end"}
    yield "empty-rows-quoted", (QUOTED + "\n" + ";".join(['""'] * WIDTH) + "\n").encode(), ROWS, {"W08.at_end"}
    yield "empty-rows-exact", joined(*with_value(7, 3, '"T;1"'), EMPTY_ROW, '"";'), ROWS, {"W08.at_end"}
    yield "row-of-a-lone-quote-pair", joined(HEAD, *BODY, '""', BODY[0]), ROWS + 1, {"W08.between"}
    yield "empty-row-of-20000-columns", joined(*LINES, ";" * 20_000), ROWS, {"W08.at_end"}
    yield "row-of-one-value", joined(HEAD, "0363" + EMPTY_ROW, *BODY), ROWS + 1, set()
    yield "quoted", QUOTED.encode(), ROWS, set()
    yield "quoted-crlf", QUOTED.replace("\n", "\r\n").encode(), ROWS, set()
    yield "quoted-cr", QUOTED.replace("\n", "\r").encode(), ROWS, set()
    yield "quoted-header", joined(QUOTED.split("\n")[0], *BODY), ROWS, set()
    yield "quoted-rows", joined(HEAD, *QUOTED.split("\n")[1:]), ROWS, set()
    yield "quoted-one-value", joined(*with_value(7, 3, '"T1"')), ROWS, set()
    yield "quoted-empty", joined(*with_value(7, 3, '""')), ROWS, set()
    yield "quoted-separator", joined(*with_value(7, 3, '"T;1"')), ROWS, set()
    yield "quoted-quote", joined(*with_value(7, 3, '"T""1"')), ROWS, set()
    yield "quoted-only-quotes", joined(*with_value(7, 3, '""""')), ROWS, set()
    yield "quoted-line-end", joined(*with_value(7, 3, '"T\n1"')), ROWS, set()
    yield "quoted-crlf-inside", joined(*with_value(7, 3, '"T\r\n1"')), ROWS, set()
    yield "quoted-blank-line-inside", joined(*with_value(7, 3, '"T\n\n1"')), ROWS, set()
    yield "quote-inside-a-value", joined(*with_value(7, 3, 'T"1')), ROWS, set()
    yield "quotes-inside-a-value", joined(*with_value(7, 3, 'T"1"2')), ROWS, set()
    yield "space-before-quote", joined(*with_value(7, 3, ' "T1"')), ROWS, set()
    yield "tab-in-value", joined(*with_value(7, 3, "T\t1")), ROWS, set()
    yield "accents", joined(*with_value(7, 3, "Súdwest-Fryslân")), ROWS, set()
    yield "nel-is-no-line-end", joined(*with_value(7, 3, "T\u00851")), ROWS, set()
    yield "line-separator-is-no-line-end", joined(*with_value(7, 3, "T\u20281")), ROWS, set()
    yield "bom-in-a-value", joined(HEAD, "\ufeff" + BODY[0], *BODY[1:]), ROWS, set()
    yield "emoji", joined(*with_value(7, 3, "😀")), ROWS, set()
    yield "formula", joined(*with_value(7, 3, "=HYPERLINK(1)")), ROWS, set()
    yield "number-sign", joined(HEAD, "#" + BODY[0], *BODY[1:]), ROWS, set()
    yield "header-in-capitals", joined(HEAD.upper(), *BODY), ROWS, set()
    yield "header-with-another-name", joined(HEAD.replace("BSN", "Burgerservicenummer"), *BODY), ROWS, set()
    yield "extra-column", joined(*(f"{line};x" for line in LINES)), ROWS, set()
    yield "bom", b"\xef\xbb\xbf" + PLAIN, ROWS, {"W01.bom"}
    yield "bom-quoted", b"\xef\xbb\xbf" + QUOTED.encode(), ROWS, {"W01.bom"}
    yield "bom-twice", b"\xef\xbb\xbf\xef\xbb\xbf" + PLAIN, ROWS, {"W01.bom"}
    yield "cp1252", joined(*with_value(7, 3, "Súdwest-Fryslân"), encoding="cp1252"), ROWS, {"W01.cp1252"}
    yield "cp1252-euro", joined(*with_value(7, 3, "€"), encoding="cp1252"), ROWS, {"W01.cp1252"}
    yield "cp1252-exact", joined(*with_value(7, 3, '"€;€"'), encoding="cp1252"), ROWS, {"W01.cp1252"}
    yield "line-of-the-limit", joined(*with_value(7, 3, "x" * (65_536 - len(LINES[7]) + 9))), ROWS, set()


def broken_bytes(rng: random.Random) -> Iterator[tuple[str, bytes, str]]:
    """Bytes that are no text, or not in an agreed encoding: id, bytes, what is said."""
    for code in (*range(0x09), 0x0B, 0x0C, *range(0x0E, 0x20), 0x7F):
        yield f"control-{code:02x}", joined(*with_value(rng.randrange(1, ROWS), 3, f"T{chr(code)}")), "F05.control"
    yield "control-in-quotes", joined(*with_value(9, 3, '"a\x00;b"')), "F05.control"
    yield "control-z-at-the-end", PLAIN + b"\x1a", "F05.control"
    for encoding in ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"):
        yield encoding, PLAIN.decode().encode(encoding), "F05.utf16"
    yield "utf-16-be-bom", b"\xfe\xff" + PLAIN.decode().encode("utf-16-be"), "F05.utf16"
    yield "bom-and-cp1252", b"\xef\xbb\xbf" + joined(*with_value(7, 3, "é"), encoding="cp1252"), "F05.encoding"
    for code in (0x81, 0x8D, 0x8F, 0x90, 0x9D):
        yield f"neither-encoding-{code:02x}", PLAIN.replace(b";04;", bytes((59, code, 59)), 1), "F05.encoding"
    yield "random", rng.randbytes(50_000), "F05.binary"
    yield "zeros", bytes(10_000), "F05.utf16"
    yield "only-line-ends", b"\r\n" * 5000, "F08.empty"
    yield "only-a-bom", b"\xef\xbb\xbf", "F08.empty"
    yield "bom-and-line-ends", b"\xef\xbb\xbf\n\n", "F08.empty"


def broken_headers() -> Iterator[tuple[str, bytes, str]]:
    """First lines that are no header: id, bytes, what is said."""
    for separator, word in ((",", "comma"), ("\t", "tab"), ("|", "pipe")):
        yield f"separator-{word}", PLAIN.replace(b";", separator.encode()), "F06.separator"
        yield f"separator-{word}-quoted", QUOTED.replace(";", separator).encode(), "F06.separator"
        yield (
            f"separator-{word}-in-rows",
            joined(HEAD, *(line.replace(";", separator) for line in BODY)),
            ("F06.separator"),
        )
    yield "separator-space", PLAIN.replace(b";", b" "), "F06.header_missing"
    yield "header-missing", joined(*BODY), "F06.header_missing"
    yield "header-missing-quoted", joined(*QUOTED.split("\n")[1:]), "F06.header_missing"
    yield "header-of-numbers", joined(";".join(map(str, range(1, WIDTH + 1))), *BODY), "F06.header_missing"
    yield "header-blank", joined(EMPTY_ROW, *BODY), "F06.header_missing"
    yield "title-above", joined("Wmo-bestand van de gemeente, tweede halfjaar", *LINES), "F06.header_later"
    yield "title-row-above", joined("Gemeente" + EMPTY_ROW, "Periode" + EMPTY_ROW, *LINES), "F06.header_later"
    yield "sep-line", joined("sep=;", *LINES), "F06.sep_line"
    yield "sep-line-quoted", joined('"sep=;"', *LINES), "F06.sep_line"
    yield "rows-quoted-as-a-whole", joined(*(f'"{line}"' for line in LINES)), "F06.line_quoted"
    yield "201-columns", joined(*(line + ";" * (201 - WIDTH) for line in LINES)), "F06.too_many_columns"
    yield "50000-columns", joined(";" * 49_999, *BODY), "F06.too_many_columns"
    yield "prose", b"Beste mensen van het CBS\nhierbij de gegevens\n", "F06.header_missing"
    yield "json", b'{"records": [1, 2]}\n', "F06.separator"
    yield "header-only", joined(HEAD), "F08.no_records"
    yield "header-only-no-end", HEAD.encode(), "F08.no_records"
    yield "header-and-blank-lines", joined(HEAD, "", ""), "F08.no_records"
    yield "header-and-empty-rows", joined(HEAD, *[EMPTY_ROW] * 300), "F08.no_records"


def broken_rows() -> Iterator[tuple[str, bytes, set[str]]]:
    """Rows and quotes that go wrong: id, bytes, what is said."""
    short, long = BODY[3].rpartition(";")[0], BODY[3] + ";"
    one = {"F07.row_length"}
    yield "short-row", joined(HEAD, *BODY[:9], short, *BODY[9:]), one
    yield "long-row", joined(HEAD, *BODY[:9], long, *BODY[9:]), one
    yield "short-last-row", joined(HEAD, *BODY, short), one
    yield "row-cut-off", PLAIN[:-30], one
    yield "row-of-one-word", joined(HEAD, *BODY, "totaal"), one
    yield "row-of-spaces", joined(HEAD, *BODY, "   "), one
    yield "two-rows-joined", joined(HEAD, *BODY[:3], BODY[3] + BODY[4], *BODY[5:]), one
    yield "row-of-20000-columns", joined(HEAD, *BODY, ";" * 20_000 + "x"), one
    yield "unquoted-separator", joined(*with_value(7, 3, "T;1")), one
    yield "half-ragged", joined(HEAD, *(line + ";" if at % 2 else line for at, line in enumerate(BODY))), one
    yield "ragged-in-two-ways", joined(HEAD, *(line + ";" * (1 + at % 2) for at, line in enumerate(BODY))), one
    yield "ragged-on-the-exact-path", joined(*with_value(7, 3, '"T;1"'), short), one
    yield "all-rows-too-long", joined(HEAD, *(line + ";" for line in BODY)), {"F07.all_rows"}
    yield "all-rows-too-short", joined(HEAD, *(line.rpartition(";")[0] for line in BODY)), {"F07.all_rows"}
    yield (
        "all-rows-too-long-quoted",
        QUOTED.replace("\n", ";\n").replace(";\n", "\n", 1).encode() + b";",
        {"F07.all_rows"},
    )
    yield "header-one-name-short", joined(HEAD.replace("BSN;", ""), *BODY), set()
    opened = {"F05.quote_open"}
    yield "quote-open-in-header", joined('"' + HEAD, *BODY), opened
    yield "quote-open-in-first-row", joined(*with_value(1, 3, '"T1')), opened
    yield "quote-open-in-the-middle", joined(*with_value(14, 3, '"T1')), opened
    yield "quote-open-in-last-row", joined(*with_value(ROWS, 3, '"T1')), opened
    yield "quote-open-last-value", joined(*with_value(14, WIDTH - 1, '"')), opened
    yield "quote-open-at-the-very-end", PLAIN.rstrip(b"\n") + b'"', opened if LINES[-1].endswith(";") else set()
    swallow = with_value(18, 3, 'T1"', with_value(14, 3, '"T1'))
    yield "quote-swallows-rows", joined(*swallow), opened
    yield "quote-swallows-rows-unevenly", joined(*with_value(18, 7, 'T1"', with_value(14, 3, '"T1'))), opened
    yield "quote-swallows-to-a-quoted-value", joined(*with_value(18, 3, '"T2"', with_value(14, 3, '"T1'))), opened
    yield "quote-open-then-quoted-file", (QUOTED + '\n"' + BODY[0]).encode(), opened
    yield "text-behind-quote", joined(*with_value(7, 3, '"T1"x')), {"F05.quote_inside"}
    yield "space-behind-quote", joined(*with_value(7, 3, '"T1" ')), {"F05.quote_inside"}
    yield "quote-in-quotes", joined(*with_value(7, 3, '"T"1"')), {"F05.quote_inside"}
    yield "backslash-escape", joined(*with_value(7, 3, '"T\\"1"')), {"F05.quote_inside"}
    yield "long-line", joined(*with_value(7, 3, "x" * 70_000)), {"F05.long_line"}
    yield "long-header", joined(HEAD + "x" * 70_000, *BODY), {"F05.long_line"}
    yield "one-line", PLAIN.replace(b"\n", b" ") * 200, {"F05.long_line"}
    yield "long-quoted-value", joined(*with_value(7, 3, '"' + "x\n" * 50_000 + '"')), opened


def cases(seed: int) -> Iterator[Case]:
    """Every case of a table of routine size."""
    for label, body, rows, warnings in honest():
        yield Case(f"table-{label}", NAME, partial(bytes, body), frozenset(warnings), rows)
    for label, body, says in (*broken_bytes(random.Random(seed)), *broken_headers()):
        yield Case(f"table-{label}", NAME, partial(bytes, body), frozenset({says}))
    for label, body, several in broken_rows():
        yield Case(f"table-{label}", NAME, partial(bytes, body), frozenset(several))


def large_cases(size: int) -> tuple[Case, ...]:
    """Tables of about `size` bytes, each made to be slow or large in some way."""
    limits = Limits(upload_bytes=2 * size)
    rng = random.Random(3)
    block = "".join(row(rng) + "\n" for _ in range(2000)).encode()
    head = HEADER.encode() + b"\n"
    quoted = b"".join(b'"' + line.replace(b";", b'";"') + b'"\n' for line in block.splitlines())

    def fill(unit: bytes, before: bytes = head) -> Callable[[], bytes]:
        return lambda: before + unit * (size // len(unit))

    def count(unit: bytes, rows: int) -> int:
        return size // len(unit) * rows

    awkward = block.replace(b";04;", b';"0""4";', 1)
    spread = block.replace(b";04;", b';"0\n4";', 1)
    made: tuple[tuple[str, Callable[[], bytes], set[str], int | None], ...] = (
        ("rows", fill(block), set(), count(block, 2000)),
        ("rows-crlf", fill(block.replace(b"\n", b"\r\n")), set(), None),
        ("rows-cr", fill(block.replace(b"\n", b"\r"), head.replace(b"\n", b"\r")), set(), count(block, 2000)),
        ("rows-quoted", fill(quoted), set(), count(quoted, 2000)),
        ("rows-exact", fill(awkward), set(), count(awkward, 2000)),
        ("rows-over-lines", fill(spread), set(), count(spread, 2000)),
        ("rows-cp1252", fill(block.replace(b"T0", b"\xe9\x80")), {"W01.cp1252"}, count(block, 2000)),
        ("rows-utf8", fill(block.replace(b";04;", ";é€;".encode())), set(), None),
        ("rows-comma", fill(block.replace(b";", b",")), {"F06.separator"}, None),
        ("rows-ragged", fill(block.replace(b"\n", b";\n", 1000)), {"F07.row_length"}, None),
        ("rows-empty", fill(b";" * 17 + b"\n"), {"F08.no_records"}, 0),
        ("rows-empty-below", lambda: head + block + (b";" * 17 + b"\n") * (size // 18), {"W08.at_end"}, 2000),
        ("rows-empty-between", fill(b"x" + b";" * 17 + b"\n" + b";" * 17 + b"\n"), {"W08.between"}, None),
        ("blank-lines", fill(b"\n"), {"F08.no_records"}, None),
        ("blank-lines-and-a-row", lambda: fill(b"\n")() + block, set(), 2000),
        ("letters", fill(b"a\n"), {"F07.all_rows"}, None),
        ("separators", fill(b";\n"), {"F08.no_records"}, None),
        ("letters-and-blanks", fill(b"a\n\n;\n"), {"F07.all_rows", "W08.between"}, None),
        ("quotes", fill(b'"'), {"F05.long_line"}, None),
        ("quote-lines", fill(b'"\n'), {"F05.quote_open"}, None),
        ("quote-pairs", fill(b'""\n'), {"F08.no_records"}, None),
        ("quote-pairs-in-rows", fill(b'"";' * 17 + b'""\n'), {"F08.no_records"}, 0),
        ("quadruple-quotes", fill(b'"""";' * 17 + b'""""\n'), set(), count(b'"""";' * 17 + b'""""\n', 1)),
        ("one-long-line", fill(b"x"), {"F05.long_line"}, None),
        ("lines-of-the-limit", fill(b"x" * 65_535 + b"\n"), {"F07.all_rows"}, None),
        ("zeros", fill(b"\x00"), {"F05.binary"}, None),
        ("nothing-at-all", fill(b"\n", b""), {"F08.empty"}, None),
    )
    packed = Case(
        "large-zip",
        "MSD.zip",
        lambda: archive(Part(NAME, fill(block)(), packed=deflate(fill(block)(), 1))),
        rows=count(block, 2000),
        limits=limits,
    )
    return packed, *(
        Case(f"large-{label}", NAME, make, frozenset(says), rows, limits) for label, make, says, rows in made
    )
