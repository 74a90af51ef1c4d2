"""Virtual paths: whatever a client sends is a place in the published tree, or nothing.

Does: tries paths made of the tree's own words, of dots, slashes and arbitrary bytes, and names of logs.
Touches: nothing.
Does not: ask whether a place exists or may be seen (test_session).
"""

import re
from calendar import monthrange
from datetime import date
from pathlib import PurePosixPath

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from gateway.domain.model import Lane
from gateway.domain.workdays import end_of_day, start_of_day
from gateway.edge.sftp.tree import (
    ASSESSORS,
    EARLIEST,
    FOLDERS,
    LATEST,
    LONGEST_PATH,
    Place,
    Sort,
    log_span,
    normal,
    parse,
)

WORDS = (b"0363", b"0377", b"inbox", b"outbox", b"proef", b"opgehaald", b"berichtenlog", b"status.json", b"intrekken",
         b"cbs",
         b"LEESMIJ.txt", b"WMO_0363_2017H2.csv", b".", b"..", b"...", b"", b" ", b"~", b"%2e%2e", b"..\\..", b"\xff",
         b"\xc0\xae\xc0\xae", b"\xe2\x80\xae", b"a\nb", "é".encode())  # fmt: skip
codes = st.from_regex(r"[0-9]{4}", fullmatch=True)
paths = st.one_of(
    st.lists(st.sampled_from(WORDS), max_size=8).map(b"/".join),
    st.lists(st.sampled_from(WORDS), max_size=8).map(lambda parts: b"/" + b"//".join(parts) + b"/"),
    st.binary(max_size=80),
    st.lists(st.one_of(st.sampled_from(WORDS), st.binary(max_size=12)), max_size=6).map(b"/".join),
)


def encoded(parts: tuple[str, ...]) -> bytes:
    """The path of normal parts."""
    return ("/" + "/".join(parts)).encode("utf-8", "surrogateescape")


@given(paths)
def test_the_normal_form_stays_as_it_is_and_below_the_root(path: bytes) -> None:
    assume(b"\0" not in path)
    parts = normal(path)
    assert normal(encoded(parts)) == parts
    assert not {"", ".", ".."} & {*parts}
    assert not any("/" in part or "\0" in part for part in parts)
    assert encoded(parts).startswith(b"/")


@given(paths)
def test_the_normal_form_is_what_posix_says(path: bytes) -> None:
    """Against an independent reading, part by part."""
    assume(b"\0" not in path)
    stack: list[str] = []
    for part in PurePosixPath("/" + path.decode("utf-8", "surrogateescape")).parts:
        if part.strip("/") == "":
            continue
        stack = stack[:-1] if part == ".." else [*stack, part]
    assert normal(path) == tuple(stack)


@pytest.mark.parametrize("path", [b"\0", b"/0363/inbox/a\0.csv", b"/" * (LONGEST_PATH + 1), b"/0363/" + b"x" * 1024])
def test_what_is_no_path(path: bytes) -> None:
    with pytest.raises(ValueError, match="too long"):
        normal(path)
    assert parse(path) is None


@given(st.one_of(paths, st.binary(max_size=2000)))
@example(b"/0363\n/inbox")
@example("/٠٣٦٣/inbox".encode())
@example("/０３６３/inbox/x.csv".encode())
def test_every_path_has_a_place_or_none(path: bytes) -> None:
    place = parse(path)
    if place is None:
        return
    assert place.code == "" or re.fullmatch("[0-9]{4}", place.code)
    assert (place.code == "") == (place.sort in {Sort.ROOT, Sort.ROOT_FILE} | ASSESSORS)
    assert bool(place.name) == (place.sort not in FOLDERS)
    assert place.name not in (".", "..")
    assert not {"/", "\0"} & {*place.name}


# --- the inverse ------------------------------------------------------------------------------------------------------


def path_of(place: Place) -> bytes:
    """Where a place is: written by hand, as the manual for municipalities has it."""
    lane = "/proef" if place.lane is Lane.TRIAL else ""
    pattern = {
        Sort.ROOT: "/",
        Sort.ROOT_FILE: "/{name}",
        Sort.MUNICIPALITY: "/{code}",
        Sort.STATUS: "/{code}/status.json",
        Sort.INBOX: "/{code}/inbox{lane}",
        Sort.UPLOAD: "/{code}/inbox{lane}/{name}",
        Sort.OUTBOX: "/{code}/outbox",
        Sort.REPORT: "/{code}/outbox/{name}",
        Sort.COLLECTED: "/{code}/outbox/opgehaald",
        Sort.COLLECTED_REPORT: "/{code}/outbox/opgehaald/{name}",
        Sort.LOG: "/{code}/berichtenlog",
        Sort.LOG_FILE: "/{code}/berichtenlog/{name}",
        Sort.WITHDRAWAL: "/{code}/intrekken",
        Sort.SELECTION: "/{code}/intrekken/{name}",
        Sort.ASSESSOR: "/cbs",
        Sort.ASSESSOR_ROUND: "/cbs/{round}",
        Sort.ASSESSOR_FOLDER: "/cbs/{round}/{folder}",
        Sort.ASSESSOR_FILE: "/cbs/{round}/{folder}/{name}",
    }[place.sort]
    written = pattern.format(code=place.code, name=place.name, lane=lane, round=place.round, folder=place.folder)
    return written.encode("utf-8", "surrogateescape")


@st.composite
def places(draw: st.DrawFn) -> Place:
    """Every sort of place, with names that nobody would choose."""
    sort = draw(st.sampled_from(sorted(Sort)))
    code = "" if sort in {Sort.ROOT, Sort.ROOT_FILE} | ASSESSORS else draw(codes)
    lane = draw(st.sampled_from(Lane)) if sort in (Sort.INBOX, Sort.UPLOAD) else Lane.DELIVERY
    name = ""
    if sort is Sort.STATUS:
        name = "status.json"
    elif sort not in FOLDERS:
        raw = draw(
            st.one_of(st.sampled_from([word for word in WORDS if word.strip(b".")]), st.binary(min_size=1, max_size=40))
        )
        name = raw.decode("utf-8", "surrogateescape")
        assume("/" not in name and "\0" not in name and name.strip("."))
        assume(not re.fullmatch("[0-9]{4}", name))
        # These are folders where they stand.
        folders = ((Sort.UPLOAD, "proef"), (Sort.REPORT, "opgehaald"), (Sort.ROOT_FILE, "cbs"))
        assume((sort, name) not in folders or lane is Lane.TRIAL)
    round_, folder = "", ""
    if sort in ASSESSORS - {Sort.ASSESSOR}:
        round_ = draw(st.sampled_from(["2017H2", "inbox", "0363", "x y"]))
    if sort in (Sort.ASSESSOR_FOLDER, Sort.ASSESSOR_FILE):
        folder = draw(st.sampled_from(["te-beoordelen", "rapporten", "inbox"]))
    return Place(sort, code, lane, name, round_, folder)


@given(places())
def test_parse_finds_every_place_again(place: Place) -> None:
    assert parse(path_of(place)) == place


@given(places(), st.sampled_from([b"/", b"/.", b"/./", b"//", b"/x/..", b"/0377/../"]))
def test_a_detour_leads_to_the_same_place(place: Place, detour: bytes) -> None:
    assert parse(path_of(place) + detour) == place
    assert parse(b"/../.." + path_of(place)) == place


@given(paths)
def test_two_paths_of_one_place_have_one_normal_form(path: bytes) -> None:
    place = parse(path)
    assert place is None or normal(path_of(place)) == normal(path)


# --- names of logs ----------------------------------------------------------------------------------------------------


@given(st.integers(EARLIEST.year, LATEST.year), st.integers(1, 12))
def test_a_month_is_all_of_its_days(year: int, month: int) -> None:
    span = (date(year, month, 1), date(year, month, monthrange(year, month)[1]))
    assert log_span(f"berichtenlog-{year:04d}-{month:02d}.csv") == span


@given(st.dates(EARLIEST, LATEST), st.dates(EARLIEST, LATEST))
def test_two_days_are_a_span_unless_they_are_turned_round(first: date, last: date) -> None:
    assert log_span(f"{first}_{last}.csv") == ((first, last) if first <= last else None)


@pytest.mark.parametrize(
    "name",
    ["", "berichtenlog-2018-00.csv", "berichtenlog-2018-13.csv", "berichtenlog-0000-01.csv", "berichtenlog-9999-12.csv",
     "berichtenlog-2018-02.csv\n", "berichtenlog-2018-2.csv", "Berichtenlog-2018-02.csv", "berichtenlog-٢٠١٨-02.csv",
     "2018-02-30_2018-03-01.csv", "2018-02-01.csv", "0001-01-01_9999-12-31.csv", "0001-01-01_0001-01-02.csv",
     "2018-02-01_2018-02-28.csv.part", "2018-03-01_2018-02-01.csv"],
)  # fmt: skip
def test_what_is_no_name_of_a_log(name: str) -> None:
    assert log_span(name) is None


@given(
    st.one_of(
        st.text(max_size=40),
        st.from_regex(r"berichtenlog-[0-9]{4}-[0-9]{2}\.csv", fullmatch=True),
        st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}_[0-9]{4}-[0-9]{2}-[0-9]{2}\.csv", fullmatch=True),
    )
)
def test_every_span_can_be_looked_up(name: str) -> None:
    span = log_span(name)
    if span is not None:
        assert start_of_day(span[0]) < end_of_day(span[1])
