"""The figures of the op-orde report: the same as an oracle that counts row by row, and nothing personal in them."""

import json
from collections.abc import Sequence
from dataclasses import replace

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.checks import examine_drop
from gateway.domain.checks.drop import examine_table
from gateway.domain.checks.faults import Context, Tally
from gateway.domain.figures import fits, layout
from gateway.domain.kinds import NO_FIGURES, FileKind
from gateway.domain.model import MemberResult
from gateway.domain.reader import Batch, Table
from gateway.examine import encode
from gateway.workers.answers import Garbage, decode
from tests.domain import figures_oracle as oracle
from tests.domain.examining import RECEIVED_ON, examined, job, only, spoiled
from tests.rules import rules
from tests.samples import BSNS, COST_HEADERS, WMO_HEADER, cost_rows, csv_bytes, wmo_rows

TOTALS = {"KOSTENWMO": "TT", "JEUGD": "JZ", "SBW": None}


def of_wmo(rows: Sequence[Sequence[str]]) -> MemberResult:
    """The examination of Wmo records, which must be approved."""
    member = only(examined(csv_bytes(WMO_HEADER, rows)))
    assert member.approved, [finding.message for finding in member.findings]
    return member


@st.composite
def wmo_records(draw: st.DrawFn) -> list[list[str]]:
    """Sound records of few people and types, so that everything meets everything."""
    rows = []
    for row in wmo_rows(draw(st.integers(1, 25))):
        cell = dict(zip(WMO_HEADER, row, strict=True))
        first, second = draw(st.sampled_from(["01", "10", "15", "16"])), draw(st.sampled_from(["01", "02", "10"]))
        kinds = draw(st.sampled_from([(first, ""), ("", second), (first, second)]))
        starts = draw(st.sampled_from([("20150101", ""), ("", "20170701"), ("20170630", "20170101")]))
        ended = draw(st.sampled_from(["", "20170701", "20171231", "20180101"]))
        cell |= {
            "BSN": BSNS[draw(st.integers(0, 4))],
            "Type_maatwerkarrangement_declaratie": kinds[0],
            "Type_maatwerkarrangement_toewijzing": kinds[1],
            "Leveringsvorm": draw(st.sampled_from(["", "1", "2", "ZIN", "PGB"])),
            "Datum_start_daadwerkelijke_ondersteuning": starts[0],
            "Datum_start_rechtsgeldigheid_ondersteuning": starts[1],
            "Datum_einde_daadwerkelijke_ondersteuning": ended,
            "Datum_einde_rechtsgeldigheid_ondersteuning": draw(st.sampled_from(["", "20170801", "20190101"])),
            "Reden_beeindiging": draw(st.sampled_from(["", "02", "34"])) if ended else "",
        }
        rows.append(list(cell.values()))
    return rows


@settings(max_examples=40, deadline=None)
@given(wmo_records())
def test_figures_of_a_wmo_file_are_those_of_the_oracle(rows: list[list[str]]) -> None:
    assert oracle.told(of_wmo(rows).figures) == oracle.wmo(rows)


def test_people_in_several_batches_are_counted_once() -> None:
    rows = wmo_rows(700)
    kind, period = rules().kinds["WMO"], rules().round.periods[-1]
    batches = []
    for start in range(0, 700, 50):
        numbers = pl.Series(range(start + 1, start + 51), dtype=pl.UInt32)
        frame = pl.DataFrame({str(n): [row[n] for row in rows[start : start + 50]] for n in range(18)})
        batches.append(Batch(frame, numbers + 1, numbers, start + 1))
    table = Table(WMO_HEADER, 1, (), {}, batches, "utf-8", 700)
    context = Context(kind, rules().codelists, "0363", period, RECEIVED_ON, {})
    count = examine_table(table, kind, rules(), Tally("x.csv", 1), context)
    assert count is not None
    assert oracle.told(count.finish()) == oracle.wmo(rows)


AMOUNTS = st.none() | st.integers(0, 9_999_999_999)


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(sorted(TOTALS)), st.lists(st.tuples(AMOUNTS, AMOUNTS), min_size=20, max_size=20))
def test_figures_of_a_cost_file_are_those_of_the_oracle(
    kind: str, amounts: list[tuple[int | None, int | None]]
) -> None:
    rows = cost_rows(kind)
    for row, (budget, realised) in zip(rows, amounts, strict=False):
        row[3:] = ["" if budget is None else str(budget), "0" if budget is realised is None else str(realised or 0)]
    member = only(examined(csv_bytes(COST_HEADERS[kind], rows), f"{kind}_0363_2017H2.csv"))
    assert member.approved
    assert member.figures is not None
    filled = {name: {key: n for key, n in values.items() if n is not None} for name, values in member.figures.items()}
    assert filled == oracle.costs(rows, TOTALS[kind])


@pytest.mark.parametrize("cells", [{"BSN": "1"}, {"Leveringsvorm": "9"}])
def test_what_is_rejected_has_no_figures(cells: dict[str, str]) -> None:
    assert only(examined(spoiled(WMO_HEADER, wmo_rows(4), cells, [1]))).figures is None


def test_records_with_errors_that_are_let_through_count_as_unknown() -> None:
    cells = {"BSN": "1", "Leveringsvorm": "9", "Type_maatwerkarrangement_declaratie": "99", "Reden_beeindiging": "x"}
    body = spoiled(WMO_HEADER, wmo_rows(9), cells, [1, 2])
    member = only(examined(body, rules=rules(max_error_records=2)))
    assert member.approved
    assert member.figures is not None
    assert member.figures["totals"] == {
        "records": 9,
        "clients": len({row[2] for row in wmo_rows(9)[:1] + wmo_rows(9)[3:]}),
    }
    assert sum(n or 0 for n in member.figures["type_arrangements"].values()) == 9


def test_a_kind_without_figures_counts_its_records() -> None:
    plain = replace(rules().kinds["SBW"], figures=NO_FIGURES)
    asked = replace(rules(), kinds={**rules().kinds, "SBW": plain})
    body = csv_bytes(COST_HEADERS["SBW"], cost_rows("SBW"))
    assert only(examined(body, "SBW_0363_2017H2.csv", rules=asked)).figures == {"totals": {"records": 2}}


def test_no_number_of_a_client_is_in_the_figures() -> None:
    rows = wmo_rows(200)
    told = json.dumps(of_wmo(rows).figures)
    assert [row[2] for row in rows if row[2] in told] == []
    assert [row[3] for row in rows if row[3] in told] == []


def test_figures_come_through_the_workers_answer() -> None:
    asked = job(csv_bytes(WMO_HEADER, wmo_rows(30)))
    examination = examine_drop(asked)
    assert decode(encode(examination), asked) == examination


BSN = BSNS[0]


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("form", BSN, 1),
        ("people", "1", 1),
        ("totals", "records", int(BSN)),
        ("totals", "records", -1),
        ("totals", "clients", True),
        ("totals", "clients", None),
        ("totals", "clients", 1.5),
        ("load", "1", BSN),
        ("load", "1", {"1": 1}),
    ],
)
def test_figures_that_could_carry_something_else_are_not_believed(section: str, key: str, value: object) -> None:
    asked = job(csv_bytes(WMO_HEADER, wmo_rows(30)))
    answer = json.loads(encode(examine_drop(asked)))
    answer["members"][0]["figures"].setdefault(section, {})[key] = value
    with pytest.raises(Garbage):
        decode(json.dumps(answer).encode(), asked)


def test_figures_that_miss_something_are_not_believed() -> None:
    asked = job(csv_bytes(WMO_HEADER, wmo_rows(30)))
    answer = json.loads(encode(examine_drop(asked)))
    del answer["members"][0]["figures"]["course"]
    with pytest.raises(Garbage):
        decode(json.dumps(answer).encode(), asked)


@pytest.mark.parametrize("kind", rules().kinds.values(), ids=lambda kind: kind.code)
def test_the_layout_of_a_kind_fits_itself(kind: FileKind) -> None:
    wanted = layout(kind, rules().codelists)
    assert fits({name: dict.fromkeys(keys, 0) for name, keys in wanted.items()}, wanted, 0)
    assert not fits({name: dict.fromkeys(keys, 1) for name, keys in wanted.items()}, wanted, 0)
