"""An answer of a worker is believed in nothing."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.checks import examine_drop
from gateway.examine import encode
from gateway.workers.answers import Garbage, decode
from tests.domain.examining import job
from tests.samples import WMO_HEADER, csv_bytes, wmo_csv, wmo_rows


def spoiled_file() -> bytes:
    """A file with findings of every severity."""
    rows = wmo_rows(4)
    rows[1][2] = "1"
    rows.append(rows[0])
    return csv_bytes(["gemeentecode", *WMO_HEADER[1:], "Naam"], [[*row, "x"] for row in rows])


JOB = job(spoiled_file())
ANSWER = encode(examine_drop(JOB))


@pytest.mark.parametrize(
    ("payload", "name"),
    [
        (wmo_csv(), "WMO_0363_2017H2.csv"),
        (spoiled_file(), "WMO_0363_2017H2.csv"),
        (b"PK\x03\x04", "x.zip"),
        (b"a", "a"),
    ],
)
def test_what_goes_in_comes_out(payload: bytes, name: str) -> None:
    asked = job(payload, name)
    examination = examine_drop(asked)
    assert decode(encode(examination), asked) == examination


def changed(path: list[str | int], value: object) -> bytes:
    """The answer with another value at `path`."""
    answer: Any = json.loads(ANSWER)
    inner = answer
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return json.dumps(answer).encode()


MEMBER: list[str | int] = ["members", 0]
FINDING: list[str | int] = [*MEMBER, "findings", 0]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["findings"], {}),
        (["findings"], [[]]),
        (["more"], 1),
        (["members"], [{}]),
        (["members"], [0] * 9),
        (["counts"], {"F1": 1}),
        (["counts"], {"F01": -1}),
        (["counts"], {"F01": 1.5}),
        (["counts"], {"F01": True}),
        ([*MEMBER, "name"], "../x"),
        ([*MEMBER, "name"], "a\nb"),
        ([*MEMBER, "size"], 10**12),
        ([*MEMBER, "sha256"], "0"),
        ([*MEMBER, "kind"], "XYZ"),
        ([*MEMBER, "period"], "1999H1"),
        ([*MEMBER, "approved"], 1),
        ([*MEMBER, "approved"], True),
        ([*MEMBER, "records"], 10**9),
        ([*MEMBER, "figures"], [1]),
        ([*MEMBER, "figures"], {"a": "x" * 9_000}),
        ([*MEMBER, "figures"], {"a": [0] * 30_000}),
        ([*FINDING, 0], "X01"),
        ([*FINDING, 1], "fatal"),
        ([*FINDING, 2], None),
        ([*FINDING, 2], ["os.system", {}]),
        ([*FINDING, 2], ["findings.F06.order", {"a": "\x1b[2J"}]),
        ([*FINDING, 2], ["findings.F06.order", {"a": "x" * 9_000}]),
        ([*FINDING, 2], ["findings.F06.order", {"a": []}]),
        ([*FINDING, 2], ["findings.F06.order", {"a": True}]),
        ([*FINDING, 2], ["findings.F06.order", {"A b": 1}]),
        ([*FINDING, 3], "999\n"),
        ([*FINDING, 4], -1),
        ([*FINDING, 5], "1"),
        ([*FINDING, 6], "Burgemeester"),
    ],
)
def test_what_is_no_examination_of_this_job(path: list[str | int], value: object) -> None:
    assert decode(ANSWER, JOB).members
    with pytest.raises(Garbage):
        decode(changed(path, value), JOB)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff", b"[" * 100_000, b"NaN", b'{"findings":NaN}', b"9" * 5_000, b"null"]
)
def test_what_is_no_json(body: bytes) -> None:
    with pytest.raises(Garbage):
        decode(body, JOB)


def test_deep_figures_are_refused() -> None:
    deep: object = 1
    for _ in range(50):
        deep = {"a": deep}
    with pytest.raises(Garbage):
        decode(changed([*MEMBER, "figures"], deep), JOB)


def test_two_members_for_one_item_are_refused() -> None:
    answer = json.loads(ANSWER)
    answer["members"] *= 2
    with pytest.raises(Garbage):
        decode(json.dumps(answer).encode(), JOB)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=10,
)


@given(ANYTHING, st.sampled_from([["findings"], ["members"], MEMBER, FINDING, [*FINDING, 2], [*MEMBER, "findings"]]))
def test_any_json_is_refused_or_an_examination(value: object, path: list[str | int]) -> None:
    try:
        found = decode(changed(path, value), JOB)
    except Garbage:
        return
    assert decode(encode(found), JOB) == found
