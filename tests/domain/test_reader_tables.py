"""Tables: what is said of a file stands on the right line, once, and without a value."""

import re
from pathlib import Path

import pytest
import yaml

from gateway.domain.model import Finding, Limits, Phrase, Severity
from gateway.domain.reader import Member, Table, read, unpack
from tests.domain.hostile import cases
from tests.domain.hostile_tables import BODY, EMPTY_ROW, HEAD, LINES, NAME, PLAIN, ROWS, WIDTH, joined, with_value
from tests.domain.uploads import COLUMNS, LIMITS

ROOT = Path(__file__).resolve().parents[2]


def said(body: bytes, limits: Limits = LIMITS, expected: tuple[str, ...] = COLUMNS) -> Table:
    """The table in these bytes."""
    return read(Member(NAME, body), expected, limits)


def only(table: Table) -> Finding:
    """The one finding."""
    (finding,) = table.findings
    return finding


def place(finding: Finding) -> tuple[str, int | None, int | None]:
    """Code, line and record."""
    return finding.code, finding.line, finding.record


def columns(found: Phrase | None) -> int:
    """The number of columns that a phrase speaks of."""
    assert found is not None
    assert found.key == "findings.reading.columns"
    return int(dict(found.params)["n"])


def test_a_faultless_table() -> None:
    table = said(PLAIN)
    assert table.header == COLUMNS
    assert (table.header_line, table.findings, table.counts, table.encoding) == (1, (), {}, "utf-8")
    assert table.records == ROWS
    for _ in range(2):
        (batch,) = table.batches
        assert batch.frame.rows() == [tuple(line.split(";")) for line in BODY]
        assert batch.lines.to_list() == list(range(2, ROWS + 2))
        assert batch.records.to_list() == list(range(1, ROWS + 1))
        assert batch.first_record == 1


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_blank_lines_count_as_lines_and_not_as_records(end: str) -> None:
    table = said(joined("", HEAD, "", BODY[0], "", "", BODY[1], "", end=end))
    (batch,) = table.batches
    assert table.header_line == 2
    assert batch.lines.to_list() == [4, 7]
    assert batch.records.to_list() == [1, 2]


@pytest.mark.parametrize("value", ["T1", '"T1"', '"T;1"', '"T\n\n1"'])
def test_a_ragged_row_is_placed_on_both_paths(value: str) -> None:
    lines = with_value(3, 3, value)
    table = said(joined(*lines[:10], BODY[0] + ";x;y", *lines[10:]))
    moved = value.count("\n")
    finding = only(table)
    assert place(finding) == ("F07", 11 + moved, 10)
    assert (columns(finding.expected), columns(finding.found)) == (WIDTH, WIDTH + 2)
    assert table.records == ROWS + 1
    kept = [(line, record) for b in table.batches for line, record in zip(b.lines, b.records, strict=True)]
    assert len(kept) == ROWS
    assert kept[8:10] == [(10 + moved, 9), (12 + moved, 11)]


def test_findings_are_capped_and_counts_are_true() -> None:
    body = [line + ";" if at % 2 else line for at, line in enumerate(BODY * 20)]
    table = said(joined(HEAD, *body), Limits(findings_per_code=7))
    assert [place(finding) for finding in table.findings] == [("F07", n + 1, n) for n in range(2, 16, 2)]
    assert table.counts == {"F07": 10 * ROWS}


def test_all_rows_ragged_alike_is_one_finding() -> None:
    table = said(joined(HEAD, *(line + ";" for line in BODY)))
    finding = only(table)
    assert finding.message.key == "findings.F07.all_rows"
    assert place(finding) == ("F07", 2, None)
    assert dict(finding.message.params) == {"n": ROWS}
    assert list(table.batches) == []
    assert table.counts == {"F07": 1}


def test_another_separator_is_one_finding_and_nothing_else() -> None:
    table = said(PLAIN.replace(b";", b","))
    finding = only(table)
    assert finding.message.key == "findings.F06.separator"
    assert dict(finding.message.params) == {"separator": "@findings.reading.comma"}
    assert (table.header, list(table.batches), table.counts) == ((), [], {"F06": 1})


@pytest.mark.parametrize(("before", "line"), [([], 1), ([""], 2)])
def test_a_missing_header_is_one_finding(before: list[str], line: int) -> None:
    table = said(joined(*before, *BODY))
    assert only(table).message.key == "findings.F06.header_missing"
    assert only(table).line == line
    assert (table.header, list(table.batches)) == ((), [])


def test_a_header_further_down_is_pointed_at() -> None:
    finding = only(said(joined("Overzicht", "", "van de gemeente", *LINES)))
    assert finding.message.key == "findings.F06.header_later"
    assert dict(finding.message.params) == {"n": 4}


def test_a_quote_that_swallows_rows_is_one_finding_on_the_line_where_it_begins() -> None:
    for lines, line in (
        (with_value(14, 3, '"T1'), 15),
        (with_value(18, 3, 'T1"', with_value(14, 3, '"T1')), 15),
        (with_value(18, 5, 'T1"', with_value(14, 3, '"T1')), 15),
        (with_value(14, 7, '"T1', with_value(9, 3, '"a\nb"')), 16),
    ):
        table = said(joined(*lines))
        assert only(table).message.key == "findings.F05.quote_open"
        assert only(table).line == line
        assert list(table.batches) == []
        assert table.header == COLUMNS


def test_one_header_name_too_few_is_left_to_the_check_of_names() -> None:
    table = said(joined(HEAD.replace("BSN;", ""), *BODY))
    assert table.findings == ()
    assert list(table.batches) == []
    assert len(table.header) == WIDTH - 1
    assert table.records == ROWS


def test_a_kind_that_is_not_known_is_read_all_the_same() -> None:
    table = said(PLAIN, expected=())
    assert table.header == COLUMNS
    assert table.records == ROWS
    assert only(said(PLAIN.replace(b";", b"\t"), expected=())).message.key == "findings.F06.separator"


def test_a_kind_of_one_column() -> None:
    table = said(b'Code\n6.1\n\n"6.2"\n', expected=("Code",))
    (batch,) = table.batches
    assert batch.frame.rows() == [("6.1",), ("6.2",)]
    assert batch.lines.to_list() == [2, 4]


@pytest.mark.parametrize(
    ("body", "line"),
    [
        (joined(*with_value(12, 3, "T\x07")), 13),
        (joined(*with_value(12, 3, "T\x07"), end="\r\n"), 13),
        (joined(*with_value(12, 3, "T\x07"), end="\r"), 13),
        (joined(*with_value(12, 3, '"T\n\x07"')), 14),
    ],
)
def test_a_control_character_is_placed(body: bytes, line: int) -> None:
    assert place(only(said(body))) == ("F05", line, None)


def test_the_first_byte_that_is_not_utf8_is_placed() -> None:
    table = said(joined(*with_value(20, 3, "é", with_value(23, 3, "è")), encoding="cp1252"))
    finding = only(table)
    assert (finding.severity, *place(finding)) == (Severity.WARNING, "W01", 21, None)
    assert table.encoding == "cp1252"
    (batch,) = table.batches
    assert batch.frame["3"][19] == "é"


@pytest.mark.parametrize("value", ["T1", '"T;1"'])
def test_rows_that_hold_nothing_are_one_warning_and_no_records(value: str) -> None:
    lines = with_value(3, 3, value)
    table = said(joined(*lines, EMPTY_ROW, ";;", EMPTY_ROW))
    assert place(only(table)) == ("W08", ROWS + 2, None)
    assert only(table).message.key == "findings.W08.at_end"
    assert dict(only(table).message.params) == {"n": 3}
    assert (table.records, table.counts) == (ROWS, {"W08": 1})
    between = said(joined(*lines[:5], EMPTY_ROW, *lines[5:], EMPTY_ROW))
    assert place(only(between)) == ("W08", 6, None)
    assert (only(between).message.key, dict(only(between).message.params)) == ("findings.W08.between", {"n": 2})
    assert [int(record) for batch in between.batches for record in batch.records] == list(range(1, ROWS + 1))


def catalogue(language: str) -> dict[str, object]:
    """The texts of the reader, by the keys behind `findings.`."""
    text = (ROOT / "gateway" / "texts" / language / "reading.yaml").read_text(encoding="utf-8")
    return dict(yaml.safe_load(text)["findings"])


def keys(tree: object, prefix: str = "") -> set[str]:
    """Dotted keys; the two forms of a plural are one."""
    if isinstance(tree, str) or (isinstance(tree, dict) and set(tree) == {"one", "other"}):
        return {prefix}
    assert isinstance(tree, dict)
    return {key for name, below in tree.items() for key in keys(below, f"{prefix}.{name}" if prefix else str(name))}


def test_both_languages_have_the_same_keys_and_the_code_uses_each() -> None:
    dutch, english = keys(catalogue("nl")), keys(catalogue("en"))
    assert dutch == english
    code = "\n".join(path.read_text() for path in (ROOT / "gateway" / "domain" / "reader").glob("*.py"))
    used = set(re.findall(r'"([FW]\d\d\.\w+)"', code))
    assert used == {key for key in dutch if not key.startswith("reading.")}
    words = {key.removeprefix("reading.") for key in dutch if key.startswith("reading.")}
    assert words == {word for word in words if f'"{word}"' in code}
    assert set(re.findall(r'noun\("(\w+)"', code)) <= words


def test_every_phrase_of_every_case_is_in_the_catalogue_and_carries_no_value() -> None:
    known = keys(catalogue("nl"))
    for case in cases():
        if "bomb" in case.id:
            continue
        payload = case.payload()
        members, findings = unpack(case.file, payload, case.limits, (".csv", ".txt"))
        found = [*findings, *(f for member in members for f in read(member, COLUMNS, case.limits).findings)]
        for finding in found:
            for phrase in (finding.message, finding.expected, finding.found):
                assert phrase is None or said_soundly(phrase, known), (case.id, phrase)
            assert finding.member is None or re.fullmatch(r"[0-9A-Za-z._-]{1,255}|#\d+", finding.member)


def said_soundly(phrase: Phrase, known: set[str]) -> bool:
    """Whether the catalogue has it and its parameters are numbers, words of the catalogue, or the gateway's own."""
    for name, value in phrase.params:
        own = isinstance(value, int) or (name, value) == ("list", ".csv, .txt")
        code = name == "code" and re.fullmatch(r"0x[0-9A-F]{2}", str(value))
        word = isinstance(value, str) and value.startswith("@findings.") and value.removeprefix("@findings.") in known
        if not (own or code or word):
            return False
    return phrase.key.removeprefix("findings.") in known
