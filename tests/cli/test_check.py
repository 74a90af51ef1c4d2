"""`gateway check`: what it says is what the technical report says, and its exit code is the verdict.

Does: runs the command on sample files, with the shipped rules and beside a real daemon.
Touches: a temporary folder; a gateway of its own.
Does not: test what is found (tests/domain).
"""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from gateway.cli import commands, samples
from tests.house import COMMAND, MOMENT, Gateway

WMO = "WMO_0363_2017H2.csv"
SBW = "SBW_0363_2017H2.csv"
SHARED = ("outcome", "kind", "period", "member", "summary", "findings", "truncated")


def check(*arguments: str | Path) -> Result:
    """The command with the configuration of the project."""
    return CliRunner().invoke(commands, ["check", *map(str, arguments)])


def written(folder: Path, name: str, body: bytes) -> Path:
    """A file to check."""
    path = folder / name
    path.write_bytes(body)
    return path


def documents(*arguments: str | Path) -> Any:
    """What the command prints for programs."""
    return json.loads(check("--json", *arguments).stdout)


def test_the_exit_code_is_the_verdict_on_all(tmp_path: Path) -> None:
    good, bad = written(tmp_path, SBW, samples.good("SBW")), written(tmp_path, WMO, samples.wmo_faulty().body)
    assert (check(good).exit_code, check(bad).exit_code, check(good, bad).exit_code) == (0, 1, 1)
    said = check(good, bad).stdout
    assert said.index(f"GOEDGEKEURD  {SBW}") < said.index(f"AFGEKEURD  {WMO}")


def test_each_cause_is_told_with_place_expected_found_and_what_to_do(tmp_path: Path) -> None:
    faulty = samples.wmo_faulty()
    said = " ".join(check(written(tmp_path, WMO, faulty.body)).stdout.split())
    assert [said.index(f"{fault.code} ") >= 0 for fault in faulty.faults] == [True] * 10
    for sentence in ("8 fouten, 2 waarschuwingen", "verwacht", "gevonden", "Zo lost u het op:", "een geldig BSN van 9"):
        assert sentence in said
    for fault in faulty.faults:
        assert f" {fault.line} {fault.line - 1} " in said


def test_a_zip_is_meant_for_the_municipality_that_its_files_name(tmp_path: Path) -> None:
    members = {WMO: samples.wmo_csv(), SBW: samples.good("SBW"), "anders.csv": b"a"}
    (document,) = documents(written(tmp_path, "MSD.zip", samples.zipped(members)))
    assert document["municipality"] == "0363"
    assert [(report["kind"], report["outcome"]) for report in document["reports"]] == [
        ("WMO", "GOEDGEKEURD"),
        ("SBW", "GOEDGEKEURD"),
        (None, "AFGEKEURD"),
    ]


def test_of_a_zip_beyond_the_limit_not_even_the_names_are_read(tmp_path: Path) -> None:
    members = {"WMO_0363_2017H2.csv": samples.good("WMO"), "WMO_0377_2017H2.csv": os.urandom(3_000_000)}
    (document,) = documents(written(tmp_path, "MSD.zip", samples.zipped(members)))
    assert document["municipality"] == ""
    assert [each["code"] for each in document["reports"][0]["findings"]] == ["F03"]


def test_a_zip_for_two_municipalities_needs_a_word(tmp_path: Path) -> None:
    members = {WMO: samples.wmo_csv(), "SBW_0377_2017H2.csv": samples.good("SBW", "0377")}
    path = written(tmp_path, "MSD.zip", samples.zipped(members))
    with_both = check(path)
    assert with_both.exit_code == 1
    assert "0363, 0377" in str(with_both.exception)
    (document,) = documents("--municipality", "0363", path)
    assert [finding["code"] for report in document["reports"] for finding in report["findings"]] == ["F09"]


def test_a_file_without_a_usable_name_or_form_is_told_what_is_wrong(tmp_path: Path) -> None:
    for name, body, code in (
        ("wmo amsterdam.csv", samples.wmo_csv(), "F02"),
        ("MSD.zip", b"PK\x03\x04", "F04"),
        (WMO, b"0" * 2_621_441, "F03"),
        ("WMO_0363_2017H2.xlsx", b"PK", "F01"),
    ):
        (document,) = documents(written(tmp_path, name, body))
        assert [finding["code"] for finding in document["reports"][0]["findings"]] == [code]


def test_the_rules_may_be_those_of_a_named_round_and_day(tmp_path: Path) -> None:
    path = written(tmp_path, WMO, samples.wmo_csv())
    assert check("--round", "2017H2", "--received", "2018-02-14", path).exit_code == 0
    (early,) = documents("--round", "2017H2", "--received", "2018-01-03", path)
    assert {finding["code"] for finding in early["reports"][0]["findings"]} == {"R03"}
    assert "2017H2" in str(check("--round", "1999H1", path).exception)


def test_without_a_configuration_the_rules_are_those_that_the_program_brings(tmp_path: Path) -> None:
    written(tmp_path, WMO, samples.wmo_csv())
    done = subprocess.run([COMMAND, "check", WMO], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "GOEDGEKEURD" in done.stdout


@pytest.mark.parametrize("name", ["WMO_0363_2017H2-fout.csv", "MSD.zip"])
def test_the_findings_are_those_of_the_technical_report(gateway: Gateway, tmp_path: Path, name: str) -> None:
    body = (gateway.root / "demo" / "files" / "WMO_0363_2017H2-fout.csv").read_bytes()
    if name == "MSD.zip":
        body = samples.zipped({WMO: body, "KOSTENWMO_0363_2017H2.csv": samples.good("KOSTENWMO"), "x.csv": b"a"})
    path = written(tmp_path, WMO if name.endswith(".csv") else name, body)
    done = gateway.sftp("amsterdam", f"put {path} /0363/inbox/{path.name}\n")
    assert done.returncode == 0, done.stderr
    gateway.wait_event("decided")
    asked = ("--config", gateway.config, "--received", MOMENT[:10], path)
    (document,) = documents(*asked)
    placed = [gateway.wait_report("0363", "^TR_", count=number) for number in range(1, len(document["reports"]) + 1)]
    published = [json.loads((gateway.outbox / "0363" / f"{each.stem}.json").read_text()) for each in placed]
    theirs = sorted(({key: report[key] for key in SHARED} for report in published), key=repr)
    assert sorted(document["reports"], key=repr) == theirs
    table = " ".join(check(*asked).stdout.split())
    for finding in (finding for report in theirs for finding in report["findings"]):
        assert finding["code"] in table
        assert all(word in table for word in finding["nl"].split())
        assert finding["line"] is None or f" {finding['line']} " in table
