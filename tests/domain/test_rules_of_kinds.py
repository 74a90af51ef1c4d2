"""Every rule of the four kinds, broken and kept."""

import pytest

from gateway.domain.checks import CHECKS
from gateway.domain.demands import DEMANDS
from gateway.domain.model import Severity, phrase
from tests.domain.examining import cost, examined, keys, only, spoiled, wmo
from tests.rules import rules
from tests.samples import COST_HEADERS, COST_KEYS, WMO_HEADER, cost_csv, cost_rows, csv_bytes, wmo_csv, wmo_rows

START, END = "Datum_start_daadwerkelijke_ondersteuning", "Datum_einde_daadwerkelijke_ondersteuning"
RIGHT_START, RIGHT_END = "Datum_start_rechtsgeldigheid_ondersteuning", "Datum_einde_rechtsgeldigheid_ondersteuning"
ASSIGNED, DECLARED = "Type_maatwerkarrangement_toewijzing", "Type_maatwerkarrangement_declaratie"
REASON = "Reden_beeindiging"
OPEN = {END: "", REASON: ""}
COSTS = ("KOSTENWMO", "SBW", "JEUGD")


def test_every_check_has_a_demand_and_every_demand_a_check() -> None:
    assert CHECKS.keys() == DEMANDS.keys()


def test_every_check_is_used_by_a_kind() -> None:
    assert {rule.check for kind in rules().kinds.values() for rule in kind.rules} == CHECKS.keys()


@pytest.mark.parametrize("period", ["2017H1", "2017H2"])
@pytest.mark.parametrize("seed", range(3))
def test_a_faultless_wmo_file_has_no_findings(period: str, seed: int) -> None:
    member = only(examined(wmo_csv(300, period=period, seed=seed), f"WMO_0363_{period}.csv"))
    assert (member.approved, member.records, member.findings, dict(member.counts)) == (True, 300, (), {})


@pytest.mark.parametrize("period", ["2017H1", "2017H2"])
@pytest.mark.parametrize("kind", COSTS)
def test_a_faultless_cost_file_has_no_findings(kind: str, period: str) -> None:
    member = only(examined(cost_csv(kind, period=period), f"{kind}_0363_{period}.csv"))
    assert (member.approved, member.records, member.findings) == (True, len(COST_KEYS[kind]), ())


REQUIRED = [(kind.code, column.name) for kind in rules().kinds.values() for column in kind.columns if column.required]


@pytest.mark.parametrize(("kind", "column"), REQUIRED)
def test_a_mandatory_field_may_not_be_empty(kind: str, column: str) -> None:
    member = wmo({column: ""}) if kind == "WMO" else cost(kind, {column: ""})
    assert keys(member) == [("R01", "empty", column)]
    assert not member.approved


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ({ASSIGNED: "", DECLARED: "01"}, []),
        ({ASSIGNED: "01", DECLARED: ""}, []),
        ({ASSIGNED: "", DECLARED: ""}, [("R01", "one_of", ASSIGNED)]),
        ({ASSIGNED: "", DECLARED: "99"}, [("R05", "unknown", DECLARED)]),
        ({RIGHT_START: "", RIGHT_END: "", START: "20170801", **OPEN}, []),
        ({RIGHT_START: "20170801", RIGHT_END: "", START: "", **OPEN}, []),
        ({RIGHT_START: "", RIGHT_END: "", START: "", **OPEN}, [("R01", "one_of", RIGHT_START)]),
    ],
)
def test_at_least_one_of_two(cells: dict[str, str], expected: list[tuple[str, str, str]]) -> None:
    assert keys(wmo(cells)) == expected


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ({RIGHT_START: "20170901", RIGHT_END: "20170901"}, []),
        ({RIGHT_START: "20170902", RIGHT_END: "20170901"}, [("R06", "before_start", RIGHT_END)]),
        ({START: "20170901", END: "20170901", REASON: "19"}, []),
        ({START: "20170902", END: "20170901", REASON: "19"}, [("R06", "before_start", END)]),
        ({START: "", END: "20170901", REASON: "19", RIGHT_START: "20171001", RIGHT_END: ""}, []),
        ({START: "20171399", END: "20170901", REASON: "19"}, [("R03", "calendar", START)]),
    ],
)
def test_an_end_is_not_before_its_start(cells: dict[str, str], expected: list[tuple[str, str, str]]) -> None:
    plain = {RIGHT_START: "20170101", RIGHT_END: "", START: "20170101", **OPEN}
    assert keys(wmo({**plain, **cells})) == expected


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ({START: "20171231"}, []),
        ({START: "20180101"}, [("R07", "starts_after", START)]),
        ({START: "", RIGHT_START: "20171231"}, []),
        ({START: "", RIGHT_START: "20180101"}, [("R07", "starts_after", RIGHT_START)]),
        ({START: "20170801", RIGHT_START: "20180101"}, []),
        ({END: "20170701", REASON: "19"}, []),
        ({END: "20170630", REASON: "19"}, [("R07", "ends_before", END)]),
        ({RIGHT_END: "20170701"}, []),
        ({RIGHT_END: "20170630"}, [("R07", "ends_before", RIGHT_END)]),
        ({RIGHT_END: "20170630", END: "20170801", REASON: "19"}, []),
        ({RIGHT_END: "2017063"}, [("R03", "form", RIGHT_END)]),
    ],
)
def test_a_record_overlaps_the_half_year(cells: dict[str, str], expected: list[tuple[str, str, str]]) -> None:
    plain = {RIGHT_START: "20170101", RIGHT_END: "", START: "20170101", **OPEN}
    assert keys(wmo({**plain, **cells})) == expected


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ({END: "", REASON: ""}, []),
        ({END: "20170901", REASON: "19"}, []),
        ({END: "", REASON: "19"}, [("R08", "only_with", REASON)]),
        ({END: "20170901", REASON: ""}, [("W04", "missing", REASON)]),
        ({END: "20170901", REASON: "99"}, [("R05", "unknown", REASON)]),
        ({END: "", REASON: "99"}, [("R05", "unknown", REASON)]),
    ],
)
def test_a_reason_goes_with_an_end(cells: dict[str, str], expected: list[tuple[str, str, str]]) -> None:
    member = wmo({RIGHT_START: "20170101", RIGHT_END: "", START: "20170101", **cells})
    assert keys(member) == expected
    assert member.approved is all(code.startswith("W") for code, _, _ in expected)


GRANTED = ("Beschikt_volume", "Beschikte_eenheid", "Beschikte_frequentie")
GIVEN = ("Geleverd_volume", "Geleverde_eenheid")


@pytest.mark.parametrize("filled", range(8))
def test_the_three_of_a_granted_volume_belong_together(filled: int) -> None:
    cells = {
        name: value if filled >> n & 1 else ""
        for n, (name, value) in enumerate(zip(GRANTED, ("9", "04", "2"), strict=True))
    }
    first_empty = next((name for name, value in cells.items() if not value), None)
    member = wmo(cells)
    assert keys(member) == ([("W06", "partly", first_empty)] if filled not in (0, 7) else [])
    assert member.approved


@pytest.mark.parametrize(("volume", "unit"), [("9", "04"), ("", ""), ("9", ""), ("", "04")])
def test_the_two_of_a_given_volume_belong_together(volume: str, unit: str) -> None:
    member = wmo({"Geleverd_volume": volume, "Geleverde_eenheid": unit, "Geleverde_frequentie": ""})
    partly = [("W06", "partly", GIVEN[0] if not volume else GIVEN[1])]
    assert keys(member) == (partly if bool(volume) != bool(unit) else [])


def test_an_unusually_old_start_is_a_warning() -> None:
    old = wmo({RIGHT_START: "20170101", RIGHT_END: "", START: "19891231", **OPEN})
    assert (keys(old), old.approved) == ([("W05", "old", START)], True)
    assert keys(wmo({RIGHT_START: "19891231", RIGHT_END: "", START: "19900101", **OPEN})) == []


def test_equal_rows_are_a_warning_that_names_the_first() -> None:
    rows = wmo_rows(5)
    member = only(examined(csv_bytes(WMO_HEADER, [*rows, rows[1], rows[1]])))
    assert [(f.code, f.line, f.record, f.message.params) for f in member.findings] == [
        ("W02", 7, 6, (("line", 3),)),
        ("W02", 8, 7, (("line", 3),)),
    ]
    assert member.approved


@pytest.mark.parametrize("kind", ["WMO", *COSTS])
def test_the_day_of_creation_is_the_same_in_all_rows(kind: str) -> None:
    day = {"Aanmaakdatum_bestand": "20180130"}
    member = wmo(day) if kind == "WMO" else cost(kind, day, row=1)
    assert keys(member) == [("R09", "differs", "Aanmaakdatum_bestand")]
    assert not member.approved


@pytest.mark.parametrize("kind", COSTS)
@pytest.mark.parametrize(("day", "wrong"), [("20180214", False), ("20180215", True)])
def test_the_day_of_creation_is_not_in_the_future(kind: str, day: str, wrong: bool) -> None:
    rows = cost_rows(kind)
    body = spoiled(COST_HEADERS[kind], rows, {"Aanmaakdatum_bestand": day}, range(len(rows)))
    member = only(examined(body, f"{kind}_0363_2017H2.csv"))
    assert dict(member.counts) == ({"R03": len(rows)} if wrong else {})


@pytest.mark.parametrize("kind", COSTS)
def test_at_least_one_of_the_costs_is_filled(kind: str) -> None:
    empty = cost(kind, {"Begrote_kosten": "", "Gerealiseerde_kosten": ""})
    assert ("R01", "one_of", "Begrote_kosten") in keys(empty)
    assert not empty.approved
    assert cost(kind, {"Begrote_kosten": "0", "Gerealiseerde_kosten": ""}).approved
    assert cost(kind, {"Begrote_kosten": "", "Gerealiseerde_kosten": "0"}).approved


@pytest.mark.parametrize("kind", COSTS)
def test_costs_have_an_upper_bound(kind: str) -> None:
    assert cost(kind, {"Begrote_kosten": "9999999999"}).approved
    assert ("R02", "too_large", "Begrote_kosten") in keys(cost(kind, {"Begrote_kosten": "10000000000"}))


@pytest.mark.parametrize("kind", COSTS)
def test_a_key_occurs_once(kind: str) -> None:
    key = COST_HEADERS[kind][2]
    member = cost(kind, {key: COST_KEYS[kind][0]}, row=1)
    assert [(f.line, f.message.params) for f in member.findings if f.code == "R09"] == [(3, (("line", 2),))]
    assert not member.approved


def test_an_unknown_key_is_not_a_double_one_too() -> None:
    rows = cost_rows("SBW")
    body = spoiled(COST_HEADERS["SBW"], rows, {"Taakveld": "7.1"}, (0, 1))
    assert dict(only(examined(body, "SBW_0363_2017H2.csv")).counts) == {"R05": 2}


@pytest.mark.parametrize(("off", "warned"), [(0, False), (1, False), (-1, False), (2, True), (-2, True)])
@pytest.mark.parametrize("column", ["Begrote_kosten", "Gerealiseerde_kosten"])
def test_the_total_is_the_sum(column: str, off: int, warned: bool) -> None:
    total = int(cost_rows("KOSTENWMO")[-1][COST_HEADERS["KOSTENWMO"].index(column)])
    member = cost("KOSTENWMO", {column: str(total + off)}, row=-1)
    assert keys(member) == ([("W07", "total", column)] if warned else [])
    assert {(finding.line, finding.record) for finding in member.findings} <= {(20, 19)}
    assert member.approved


def test_a_key_that_stands_twice_is_said_once_and_not_by_the_total_too() -> None:
    rows = cost_rows("KOSTENWMO")
    member = only(examined(csv_bytes(COST_HEADERS["KOSTENWMO"], [*rows, rows[0]]), "KOSTENWMO_0363_2017H2.csv"))
    assert keys(member) == [("R09", "not_unique", "Type_maatwerkarrangement")]


def test_another_day_of_making_is_told_with_the_first() -> None:
    finding = wmo({"Aanmaakdatum_bestand": "20180101"}, row=2).findings[0]
    assert finding.expected == phrase("expected.same_value", value="20180131", line=2)


def test_without_a_total_or_with_a_wrong_amount_no_sum_is_made() -> None:
    assert keys(cost("KOSTENWMO", {}, drop=[18])) == []
    assert keys(cost("KOSTENWMO", {"Begrote_kosten": "x"})) == [("R02", "not_number", "Begrote_kosten")]


@pytest.mark.parametrize(
    ("kind", "row", "key"),
    [("SBW", 0, "6.1"), ("SBW", 1, "6.2"), ("JEUGD", 0, "JH"), ("JEUGD", 1, "JB"), ("JEUGD", 2, "JR")],
)
def test_a_missing_part_is_a_warning(kind: str, row: int, key: str) -> None:
    member = cost(kind, {}, drop=[row])
    assert [(f.code, f.message.params) for f in member.findings] == [("W07", (("values", key),))]
    assert member.approved


def test_the_total_of_youth_care_may_be_missing() -> None:
    assert keys(cost("JEUGD", {}, drop=[3])) == []


def test_a_warning_is_a_warning_and_a_record_error_an_error() -> None:
    member = wmo({END: "20170901", REASON: "", RIGHT_START: "20170101", START: "20170101", "BSN": "1"})
    assert {finding.code: finding.severity for finding in member.findings} == {
        "R02": Severity.RECORD,
        "W04": Severity.WARNING,
    }
