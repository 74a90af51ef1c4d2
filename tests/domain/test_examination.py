"""The examination of a drop: names, folders, headers, causes said once, verdicts, caps."""

import io
import zipfile
from collections.abc import Callable
from dataclasses import replace

import polars as pl
import pytest

from gateway.domain.checks.drop import examine_table
from gateway.domain.checks.faults import Context, Tally
from gateway.domain.model import Examination, Severity, phrase
from gateway.domain.reader import Batch, Table
from tests.domain.examining import RECEIVED_ON, all_findings, cost, examined, keys, only, rendered, spoiled, wmo
from tests.rules import rules
from tests.samples import BSNS, WMO_HEADER, cost_csv, csv_bytes, wmo_csv, wmo_rows


def zipped(**members: bytes) -> bytes:
    """A ZIP; `WMO_0363_2017H2=` makes WMO_0363_2017H2.csv."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(f"{name.removeprefix('_')}.csv", data)
    return out.getvalue()


def said(examination: Examination) -> list[str]:
    """The key of each finding's sentence."""
    return [finding.message.key.removeprefix("findings.") for finding in all_findings(examination)]


# --- names, folders, round ----------------------------------------------------------------------------------


def test_a_zip_with_all_kinds_gives_a_member_for_each() -> None:
    payload = zipped(
        WMO_0363_2017H2=wmo_csv(),
        WMO_0363_2017H1=wmo_csv(period="2017H1"),
        KOSTENWMO_0363_2017H2=cost_csv("KOSTENWMO"),
        _0363_SBO_2017H2=cost_csv("SBW"),
        JEUGD_0363_H22017=cost_csv("JEUGD"),
    )
    examination = examined(payload, "MSD.zip")
    assert examination.findings == ()
    assert {(m.kind, m.period): m.approved for m in examination.members} == {
        ("WMO", "2017H2"): True,
        ("WMO", "2017H1"): True,
        ("KOSTENWMO", "2017H2"): True,
        ("SBW", "2017H2"): True,
        ("JEUGD", "2017H2"): True,
    }


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("WMO_0377_2017H2.csv", "F09.folder"),
        ("WMO_9999_2017H2.csv", "F10.not_yours"),
        ("WMO_0363_2016H2.csv", "F11.period"),
        ("WMO_0363.csv", "F02.period"),
        ("iets.csv", "F02.kind"),
        ("cliënten.csv", "F02.characters"),
    ],
)
def test_a_name_that_maps_to_nothing_here_is_no_delivery(name: str, key: str) -> None:
    examination = examined(wmo_csv(), name)
    assert said(examination) == [key]
    assert examination.members == ()
    assert dict(examination.counts) == {key[:3]: 1}


def test_one_wrong_member_of_a_zip_leaves_the_others_alone() -> None:
    examination = examined(zipped(WMO_0363_2017H2=wmo_csv(), WMO_0377_2017H2=wmo_csv()), "MSD.zip")
    assert [(finding.code, finding.member) for finding in examination.findings] == [("F09", "WMO_0377_2017H2.csv")]
    assert [(member.name, member.approved) for member in examination.members] == [("WMO_0363_2017H2.csv", True)]


def test_two_members_for_one_item_are_both_refused() -> None:
    payload = zipped(WMO_0363_2017H2=wmo_csv(), _0363_WMO_2017H2=wmo_csv(), SBW_0363_2017H2=cost_csv("SBW"))
    examination = examined(payload, "MSD.zip")
    assert said(examination) == ["F04.same_item", "F04.same_item"]
    assert [member.kind for member in examination.members] == ["SBW"]


def test_a_kind_that_the_round_does_not_ask() -> None:
    shipped = rules()
    wmo_only = replace(shipped, round=replace(shipped.round, kinds=("WMO",)))
    assert said(examined(cost_csv("SBW"), "SBW_0363_2017H2.csv", rules=wmo_only)) == ["F11.kind"]


@pytest.mark.parametrize(
    ("folder", "named", "inside", "expected"),
    [
        ("1950", "1950", "1950", []),
        ("1950", "0007", "0007", ["W03.old"]),
        ("0007", "1950", "1950", ["W03.new"]),
        ("1950", "1950", "0048", ["W03.old"]),
        ("1950", "0007", "1950", ["W03.old", "W03.new"]),
        ("1950", "0007", "0048", ["W03.old", "W03.old"]),
        ("1950", "1950", "0363", ["F09.rows"]),
        ("1950", "0363", "0363", ["F09.folder"]),
        ("0363", "0007", "0007", ["F10.not_yours"]),
    ],
)
def test_a_merged_municipality(folder: str, named: str, inside: str, expected: list[str]) -> None:
    merged = rules(successors={"0007": "1950", "0048": "1950"})
    examination = examined(wmo_csv(municipality=inside), f"WMO_{named}_2017H2.csv", folder, merged)
    assert said(examination) == expected
    assert all(member.approved is not any(key.startswith("F") for key in expected) for member in examination.members)


def test_a_chain_of_mergers_is_one_municipality() -> None:
    merged = rules(successors={"0005": "0007", "0007": "1950"})
    assert said(examined(wmo_csv(municipality="0005"), "WMO_0005_2017H2.csv", "1950", merged)) == ["W03.old"]


def test_more_municipalities_in_one_file_are_said_once() -> None:
    rows = wmo_rows(6)
    rows[2][0] = rows[4][0] = "0377"
    member = only(examined(csv_bytes(WMO_HEADER, rows)))
    assert [(f.code, f.line, f.message.params) for f in member.findings] == [("F09", 4, (("n", 2),))]
    assert not member.approved


# --- headers ------------------------------------------------------------------------------------------------


def with_header(change: Callable[[list[str]], list[str]], rows: int = 3) -> list[tuple[str, str, str | None]]:
    """What is said of a good file with another header."""
    return keys(only(examined(csv_bytes(change(list(WMO_HEADER)), wmo_rows(rows)))))


def test_other_capitals_or_spaces_are_named_with_the_right_spelling() -> None:
    assert with_header(lambda h: ["gemeentecode", *h[1:]]) == [("F06", "spelling", "Gemeentecode")]
    assert with_header(lambda h: [*h[:2], " BSN ", *h[3:]]) == [("F06", "spelling", "BSN")]
    assert with_header(lambda h: [*h[:2], " BSN ", *h[3:-1], "reden beeindiging"]) == [
        ("F06", "spelling", "BSN"),
        ("F06", "spelling", "Reden_beeindiging"),
    ]


def test_a_header_in_another_spelling_is_one_finding_with_the_whole_line() -> None:
    (finding,) = only(examined(csv_bytes([name.upper() for name in WMO_HEADER], wmo_rows(3)))).findings
    assert finding.message == phrase("findings.F06.spellings", n=17)
    assert finding.expected == phrase("expected.header", names=";".join(WMO_HEADER))


def test_columns_without_a_name_are_one_finding() -> None:
    rows = [[*row, "", "", ""] for row in wmo_rows(3)]
    (finding,) = only(examined(csv_bytes([*WMO_HEADER, "", "", " "], rows))).findings
    assert finding.message == phrase("findings.F06.unnamed", n=3, place=19)
    assert with_header(lambda h: [*h[:2], "", *h[3:]]) == [("F06", "absent", "BSN")]


def test_a_renamed_column_is_one_finding_without_consequences() -> None:
    renamed = with_header(lambda h: [*h[:10], "Afloop", *h[11:]])
    assert renamed == [("F06", "renamed", "Datum_einde_daadwerkelijke_ondersteuning")]


def test_personal_data_in_the_place_of_a_column_are_called_so() -> None:
    replaced = with_header(lambda h: [*h[:10], "Adres", *h[11:]])
    assert replaced == [("F06", "absent", "Datum_einde_daadwerkelijke_ondersteuning"), ("F12", "column", "Adres")]


def test_a_missing_column_has_no_consequences() -> None:
    rows = [row[:17] for row in wmo_rows(4)]
    member = only(examined(csv_bytes(WMO_HEADER[:17], rows)))
    assert keys(member) == [("F06", "absent", "Reden_beeindiging")]


def test_a_different_order_is_one_finding_and_the_rows_are_judged_by_name() -> None:
    swapped = [WMO_HEADER[1], WMO_HEADER[0], *WMO_HEADER[2:]]
    rows = [[row[1], row[0], *row[2:]] for row in wmo_rows(4)]
    rows[0][2] = "999990008"
    member = only(examined(csv_bytes(swapped, rows)))
    assert member.findings[0].message == phrase("findings.F06.order", name="Gemeentecode", place=1)
    assert keys(member) == [
        ("F06", "order", "Gemeentecode"),
        ("R04", "eleven", "BSN"),
    ]


def test_a_wrong_order_is_said_beside_a_wrong_name() -> None:
    told = with_header(lambda h: [h[1], "gemeentecode", *h[2:]])
    assert told[:2] == [("F06", "spelling", "Gemeentecode"), ("F06", "order", "Gemeentecode")]


def test_a_column_twice() -> None:
    rows = [[*row, row[2]] for row in wmo_rows(3)]
    assert keys(only(examined(csv_bytes([*WMO_HEADER, "BSN"], rows)))) == [("F06", "twice", "BSN")]


@pytest.mark.parametrize("name", ["Naam", "NAAM", "geboorte-datum", "Geboorte Datum", "Postcode", "geslacht", "E-mail"])
def test_personal_data_are_refused_by_name(name: str) -> None:
    rows = [[*row, "x"] for row in wmo_rows(3)]
    member = only(examined(csv_bytes([*WMO_HEADER, name], rows)))
    (finding,) = member.findings
    assert (finding.code, finding.severity) == ("F12", Severity.FILE)
    assert finding.column in rules().personal_columns


def test_a_strange_column_is_not_quoted() -> None:
    rows = [[*row, "x"] for row in wmo_rows(3)]
    examination = examined(csv_bytes([*WMO_HEADER, "JansenPieter"], rows))
    assert said(examination) == ["F06.extra"]
    assert not any("Jansen" in sentence for sentence in rendered(examination))


def test_the_header_of_another_kind() -> None:
    assert said(examined(cost_csv("SBW"), "JEUGD_0363_2017H2.csv")) == ["F06.other_kind"]
    assert said(examined(wmo_csv(), "SBW_0363_2017H2.csv")) == ["F06.other_kind"]


def test_a_header_of_which_nothing_is_known() -> None:
    assert said(examined(b"a;b;c\r\nd;e;f\r\n")) == ["F06.unknown"]


def test_a_missing_header_is_one_finding_that_shows_no_value() -> None:
    examination = examined(b"".join(wmo_csv(20).splitlines(keepends=True)[1:]))
    (finding,) = all_findings(examination)
    assert finding.code == "F06"
    assert not any(bsn in sentence for sentence in rendered(examination) for bsn in BSNS)


@pytest.mark.parametrize("separator", [",", "\t", "|"])
def test_another_separator_is_one_finding(separator: str) -> None:
    (finding,) = all_findings(examined(csv_bytes(WMO_HEADER, wmo_rows(20), separator=separator)))
    assert finding.code == "F06"


@pytest.mark.parametrize(("start", "key"), [(0, "shifted_right"), (4, "shifted_right")])
def test_values_one_place_to_the_right_are_one_finding(start: int, key: str) -> None:
    rows = [[*row[:start], "", *row[start:-1]] for row in wmo_rows(30)]
    member = only(examined(csv_bytes(WMO_HEADER, rows)))
    assert [(code, name) for code, name, _ in keys(member)] == [("F06", key)]


def test_values_one_place_to_the_left_are_one_finding() -> None:
    rows = [[*row[1:], ""] for row in wmo_rows(30)]
    assert [(code, name) for code, name, _ in keys(only(examined(csv_bytes(WMO_HEADER, rows))))] == [
        ("F06", "shifted_left")
    ]


# --- what a spreadsheet does to a whole column --------------------------------------------------------------


def test_a_column_that_is_wrong_everywhere_is_said_once_with_examples() -> None:
    rows = [[*row[:6], f"{row[6][6:]}-{row[6][4:6]}-{row[6][:4]}", *row[7:]] for row in wmo_rows(200)]
    member = only(examined(csv_bytes(WMO_HEADER, rows)))
    column = "Datum_start_rechtsgeldigheid_ondersteuning"
    assert keys(member) == [("R03", "every_record", column), *[("R03", "notation", column)] * 3]
    assert member.findings[0].line is None
    assert dict(member.findings[0].message.params)["n"] == 200
    assert dict(member.counts) == {"R03": 200}


def test_lost_leading_zeros_are_recognised_in_every_column() -> None:
    rows = [[str(int(row[0])), *row[1:4], str(int(row[4])), *row[5:]] for row in wmo_rows(4)]
    rows = [[*row[:4], "1", *row[5:]] for row in rows]
    member = only(examined(csv_bytes(WMO_HEADER, rows)))
    assert {(code, why) for code, why, _ in keys(member)} == {("R02", "leading_zero")}
    assert {column for _, _, column in keys(member)} == {"Gemeentecode", "Type_maatwerkarrangement_toewijzing"}


# --- verdict, totals, caps ----------------------------------------------------------------------------------


def test_findings_are_capped_per_code_and_totals_are_true() -> None:
    rows = wmo_rows(60)
    for row in rows[:40]:
        row[2] = "999990008"
    member = only(examined(csv_bytes(WMO_HEADER, rows), rules=rules(findings_per_code=10)))
    assert dict(member.counts) == {"R04": 40}
    assert [finding.line for finding in member.findings] == list(range(2, 12))


def test_under_the_cap_no_column_crowds_out_another() -> None:
    rows = wmo_rows(60)
    for row in rows[:40]:
        row[2] = "1"
    rows[50][3] = "?"
    member = only(examined(csv_bytes(WMO_HEADER, rows), rules=rules(findings_per_code=10)))
    assert {finding.column for finding in member.findings} == {"BSN", "Toewijzingsnummer"}
    assert dict(member.counts) == {"R02": 41}


@pytest.mark.parametrize(("allowed", "approved"), [(0, False), (2, False), (3, True)])
def test_a_round_may_allow_some_records_with_errors(allowed: int, approved: bool) -> None:
    rows = wmo_rows(10)
    for number in (1, 4, 7):
        rows[number][2] = "1"
        rows[number][3] = "?"
    member = only(examined(csv_bytes(WMO_HEADER, rows), rules=rules(max_error_records=allowed)))
    assert (member.approved, dict(member.counts)) == (approved, {"R02": 6})


def test_a_file_error_rejects_however_many_records_may_be_wrong() -> None:
    body = csv_bytes([*WMO_HEADER, "Naam"], [[*row, "x"] for row in wmo_rows(3)])
    assert not only(examined(body, rules=rules(max_error_records=100))).approved


def test_file_errors_come_first_then_records_by_place_then_warnings() -> None:
    rows = wmo_rows(5)
    rows[3][2] = rows[1][2] = "1"
    rows.append(rows[0])
    header = ["gemeentecode", *WMO_HEADER[1:]]
    member = only(examined(csv_bytes(header, rows)))
    assert [(finding.code, finding.line) for finding in member.findings] == [
        ("F06", 1),
        ("R02", 3),
        ("R02", 5),
        ("W02", 7),
    ]


def test_no_records() -> None:
    assert [finding.code for finding in all_findings(examined(csv_bytes(WMO_HEADER, [])))] == ["F08"]


def test_a_ragged_row_is_not_judged_further_and_the_rest_is() -> None:
    rows = wmo_rows(6)
    rows[1] = rows[1][:10]
    rows[4][2] = "999990008"
    member = only(examined(csv_bytes(WMO_HEADER, rows)))
    assert [(f.code, f.line, f.record) for f in member.findings] == [("F07", 3, 2), ("R04", 6, 5)]
    assert member.records == 6


def test_places_are_right_behind_quotes_that_span_lines() -> None:
    rows = wmo_rows(4)
    rows[0][3] = '"T;\r\n1"'
    rows[2][2] = "1"
    member = only(examined(csv_bytes(WMO_HEADER, rows)))
    assert ("R02", 5, 3) in {(f.code, f.line, f.record) for f in member.findings}


def test_the_same_job_gives_the_same_examination() -> None:
    body = spoiled(WMO_HEADER, wmo_rows(50), {"BSN": "1", "Leveringsvorm": "9"}, range(0, 50, 3))
    assert examined(body) == examined(body)


def test_state_is_kept_between_batches() -> None:
    rows = wmo_rows(9)
    rows[8] = rows[0]
    rows[7][1] = "20180130"
    rows[6][0] = "0377"
    batches = []
    for start in (0, 3, 6):
        frame = pl.DataFrame({str(n): [row[n] for row in rows[start : start + 3]] for n in range(18)})
        numbers = pl.Series([start + 1, start + 2, start + 3], dtype=pl.UInt32)
        batches.append(Batch(frame, numbers + 1, numbers, start + 1))
    table = Table(WMO_HEADER, 1, (), {}, batches, "utf-8", 9)
    kind = rules().kinds["WMO"]
    period = rules().round.periods[-1]
    tally = Tally("WMO_0363_2017H2.csv", 100)
    examine_table(table, kind, rules(), tally, Context(kind, rules().codelists, "0363", period, RECEIVED_ON, {}))
    assert [(f.code, f.line) for f in tally.findings()] == [("F09", 8), ("R09", 9), ("W02", 10)]
    assert (tally.records, tally.error_records) == (9, 1)


def test_a_type_error_is_not_an_error_of_a_rule_too() -> None:
    broken = {"Datum_start_daadwerkelijke_ondersteuning": "x", "Datum_einde_daadwerkelijke_ondersteuning": "y"}
    member = wmo({**broken, "Reden_beeindiging": "z"})
    assert sorted(code for code, _, _ in keys(member)) == ["R02", "R03", "R03"]
    assert dict(cost("JEUGD", {"Vorm_jeugdzorg": "XX"}).counts) == {"R05": 1}
