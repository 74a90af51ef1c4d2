"""The fast and the exact path read the same, and both know on which physical line a record stands."""

import re
from itertools import islice

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.domain.model import Limits
from gateway.domain.reader import exact
from gateway.domain.reader import text as text_module
from gateway.domain.reader.structure import FastBatches, Structure, scan
from gateway.domain.reader.table import ExactBatches
from gateway.domain.reader.text import Text, end_of_line, examine
from gateway.domain.reader.values import Batch

WIDTH = 3
HEADER = "a;b;c"
LIMITS = Limits(line_bytes=120)
Row = tuple[int, int, tuple[str, ...]]

PLAIN_VALUES = (
    "",
    "",
    "1",
    "0363",
    "é€",
    "longer than twelve bytes",
    " ",
    "\t",
    "#",
    "\ufeff",
    "\u2028",
    "\u0085",
    "NA",
)
QUOTED_VALUES = ('"', '""', '"1"', '"1', '1"', '"1;2"', '"1""2"', '"1\n2"', '"a\r\n\r\nb"', '"1"2', '1"2"', "😀")
VALUES = st.sampled_from((*PLAIN_VALUES, *QUOTED_VALUES))
SIMPLE_VALUES = st.sampled_from(("", "1", "é", "x y", '"1"', '""', "\ufeff", "0363"))
ENDS = st.sampled_from(("\n", "\r\n", "\r", "\n\n"))


def lines_of(values: st.SearchStrategy[str], widths: st.SearchStrategy[int]) -> st.SearchStrategy[str]:
    """Tables as text: rows of some widths, with ends of all sorts."""
    row = widths.flatmap(lambda width: st.lists(values, min_size=width, max_size=width).map(";".join))
    return st.lists(st.tuples(row, ENDS), max_size=12).map(lambda rows: "".join(a + b for a, b in rows))


TABLES = lines_of(VALUES, st.sampled_from((3, 3, 3, 3, 2, 1, 4, 0)))
SIMPLE_TABLES = lines_of(SIMPLE_VALUES, st.sampled_from((3, 3, 3, 3, 3, 3, 3, 1)))
NOISE = st.text(st.sampled_from(';;;"\n\r aé\ufeff'), max_size=39)


def made(body: str, encoding: str = "utf-8") -> Text:
    """The text of a header and this body, cut into very small windows."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_module, "WINDOW", 128)
        found, _ = examine("x.csv", f"{HEADER}\n{body}".encode(encoding), LIMITS)
    assert found is not None
    return found


def structure(text: Text) -> Structure | None:
    """What the fast path's scan makes of it, every ragged row placed."""
    return scan(text, end_of_line(text, text.start), text.line + 1, WIDTH, 10_000)


def rows_of(batches: FastBatches | ExactBatches) -> list[Row]:
    """The records of all batches with their physical line and record number."""
    rows: list[Row] = []
    for batch in batches:
        assert_shape(batch)
        places = zip(batch.lines.to_list(), batch.records.to_list(), strict=True)
        rows += [(line, record, values) for (line, record), values in zip(places, batch.frame.rows(), strict=True)]
    return rows


def assert_shape(batch: Batch) -> None:
    """What a batch promises."""
    assert batch.frame.columns == [str(position) for position in range(WIDTH)]
    assert {str(dtype) for dtype in batch.frame.dtypes} == {"String"}
    assert batch.frame.null_count().sum_horizontal().item() == 0
    assert str(batch.lines.dtype) == str(batch.records.dtype) == "UInt32"
    assert batch.records.item(0) == batch.first_record
    assert batch.frame.height == len(batch.lines) == len(batch.records) > 0


@given(TABLES | SIMPLE_TABLES | NOISE)
@example('"";"";""\n')
@example("1;2;3\n4")
@example("1;2;3\n" * 7 + "1;2;345\n" * 10 + "\n" * 384 + "4;5;6\n" * 40)
@example("1;2;3\r\n" * 40 + "\r" * 400 + "4;5;6\n" * 40)
@example('"1"2;3;4\n')
@example('1"2";3;4\n')
@example(';1;\n""\n')
@example("1;2;3\r4;5;6\r")
@example('""\n1;2;3\n')
@example("1;2;3\n\ufeff1;2;3\n")
@example('"1\ufeff";2;3\n"";"";""')
def test_whatever_the_scan_calls_safe_reads_the_same_on_the_exact_path(body: str) -> None:
    text = made(body)
    seen = structure(text)
    if seen is None:
        assert '"' in body
        return
    every = list(islice(exact.records(text), 1, None))
    records = [record for record in every if any(record.values)]
    assert all(record.span == 1 for record in every)
    hollow = [(record.line, len(every[:at])) for at, record in enumerate(every) if not any(record.values)]
    assert seen.empties.total == len(hollow)
    if hollow:
        line, above = hollow[0]
        assert (seen.empties.line, seen.empties.above) == (line, above)
    assert seen.rows == len(records)
    assert seen.widths == {
        width: sum(len(record.values) == width for record in records)
        for width in {len(record.values) for record in records}
    }
    ragged = [(r.line, n, len(r.values)) for n, r in enumerate(records, 1) if len(r.values) != WIDTH]
    assert [(row.line, row.record, row.columns) for row in seen.ragged] == ragged
    assert rows_of(FastBatches(text, WIDTH, seen.pieces)) == rows_of(ExactBatches(text, WIDTH))


@given(st.text(st.sampled_from(";;;\n\r aé\t\ufeff"), max_size=39))
@example(";;\ra\n;;")
def test_without_quotes_the_scan_reads_what_splitting_reads(body: str) -> None:
    text = made(body)
    seen = structure(text)
    assert seen is not None
    expected: list[Row] = []
    record = 0
    for line, content in enumerate(re.split("\r\n|\r|\n", f"{HEADER}\n{body}"), 1):
        if content.strip(";") and line > 1:
            record += 1
            if content.count(";") == WIDTH - 1:
                expected.append((line, record, tuple(content.split(";"))))
    assert rows_of(FastBatches(text, WIDTH, seen.pieces)) == expected


@given(SIMPLE_TABLES)
def test_quotes_that_only_wrap_do_not_need_the_exact_path(body: str) -> None:
    assert structure(made(body)) is not None


@given(st.lists(st.lists(st.text(st.sampled_from('1a;\n"é'), max_size=5), min_size=3, max_size=3), max_size=8))
def test_what_is_written_with_all_quotes_doubled_is_read_back(rows: list[list[str]]) -> None:
    body = "".join(";".join('"' + value.replace('"', '""') + '"' for value in row) + "\r\n" for row in rows)
    line = 2
    expected: list[Row] = []
    for row in rows:
        if any(row):
            expected.append((line, len(expected) + 1, tuple(row)))
        line += 1 + sum(value.count("\n") for value in row)
    assert rows_of(ExactBatches(made(body), WIDTH)) == expected


@given(SIMPLE_TABLES.map(lambda body: body.replace("\ufeff", "ü")))
def test_cp1252_reads_as_utf8_does(body: str) -> None:
    old, new = made(body + "é;;", "cp1252"), made(body + "é;;")
    assert (old.encoding, new.encoding) == ("cp1252", "utf-8")
    first, second = structure(old), structure(new)
    assert first is not None
    assert second is not None
    assert rows_of(FastBatches(old, WIDTH, first.pieces)) == rows_of(FastBatches(new, WIDTH, second.pieces))
    assert rows_of(ExactBatches(old, WIDTH)) == rows_of(ExactBatches(new, WIDTH))


def stray(text: Text) -> exact.QuoteFault | None:
    """The fault that ends the exact path, if one does."""
    try:
        assert all(record.line >= 1 for record in exact.records(text))
    except exact.QuoteFault as fault:
        return fault
    return None


@given(TABLES | NOISE)
def test_a_quote_fault_names_a_line_with_a_quote(body: str) -> None:
    fault = stray(made(body))
    physical = re.split("\r\n|\r|\n", f"{HEADER}\n{body}")
    assert fault is None or '"' in physical[fault.line - 1]
