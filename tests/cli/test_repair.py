"""A faulty file is repaired from its report alone: what a finding expects and where it stands are enough.

Does: delivers the faulty sample of each kind to a real gateway, repairs it by what the report says (its JSON, and apart
from that its CSV), delivers it again and wants it approved without a word.
Touches: a gateway of its own.
Does not: look at the list of seeded faults, the rules or the documentation. What an official would look up in her own
system (a BSN, an amount) it takes from the file or makes up.
"""

import csv
import io
import json
import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from gateway.cli import samples
from gateway.store.ledger import reports
from tests.house import Gateway

KINDS = ("WMO", "KOSTENWMO", "SBW", "JEUGD")


@dataclass(frozen=True)
class Complaint:
    """A finding as a reader of Dutch sees it."""

    line: int
    column: str
    expected: str
    message: str


def from_json(body: bytes) -> list[Complaint]:
    """The findings of a report in JSON."""
    return [
        Complaint(each["line"], each["column"] or "", (each["expected"] or {"nl": ""})["nl"], each["nl"])
        for each in json.loads(body)["findings"]
    ]


def from_csv(body: bytes) -> list[Complaint]:
    """The findings of a report in CSV."""
    rows = csv.DictReader(io.StringIO(body.decode("utf-8-sig"), newline=""), delimiter=";")
    return [Complaint(int(row["Regel"]), row["Kolom"], row["Verwacht"], row["Bevinding"]) for row in rows]


FORMS: dict[str, Callable[[bytes], list[Complaint]]] = {"json": from_json, "csv": from_csv}


class Sheet:
    """The file as an official has it before her: rows by line, cells by column name."""

    def __init__(self, body: bytes, municipality: str) -> None:
        self.header, *rows = [line.split(";") for line in body.decode().splitlines()]
        self.rows = dict(enumerate(rows, 2))
        self.municipality = municipality

    def body(self) -> bytes:
        """The file again."""
        return samples.csv_bytes(self.header, self.rows.values())

    def cell(self, line: int, column: str) -> str:
        """What stands there."""
        return self.rows[line][self.header.index(column)]

    def write(self, line: int, column: str, value: str) -> None:
        """Another value there."""
        self.rows[line][self.header.index(column)] = value

    def column(self, name: str) -> list[str]:
        """All values of a column."""
        return [self.cell(line, name) for line in self.rows]

    def repair(self, complaint: Complaint) -> None:
        """Do what one finding asks."""
        line, column, expected = complaint.line, complaint.column, complaint.expected
        if expected == "elke code hoogstens één keer" or "precies gelijk aan regel" in complaint.message:
            del self.rows[line]
        elif listed := re.search("(?:minstens één van deze velden gevuld|allemaal leeg): (.*)", expected):
            fill = "0" if expected.startswith("minstens") else ""
            for name in listed[1].split(", ")[: 1 if fill else None]:
                self.write(line, name, fill)
        else:
            self.write(line, column, self._right(self.cell(line, column), column, expected))

    def _right(self, found: str, column: str, expected: str) -> str:
        """A value that is as expected, out of the one that was found where that can be."""
        if day := re.match("([0-9]{8})(?: of later| of eerder|, zoals op regel [0-9]+)$", expected):
            return day[1]
        if expected == "een leeg veld":
            return ""
        if expected.startswith("een geldig BSN"):
            return samples.BSNS[7]
        if digits := re.fullmatch("([0-9]+) cijfers", expected):
            return found.zfill(int(digits[1])) if found else self.municipality
        if expected.startswith("een datum als JJJJMMDD"):
            parts = found.split("-")
            others = [value for value in self.column(column) if re.fullmatch("[0-9]{8}", value) and value != found]
            return "".join(reversed(parts)) if len(parts) == 3 else max(others, key=others.count)
        if listed := re.fullmatch("een code uit de lijst: (.*)", expected):
            return self._code(found, column, listed[1].split(", "))
        if expected.startswith("een heel getal"):
            return re.sub("[^0-9]", "", found.removesuffix(",00"))
        if allowed := re.fullmatch("hoogstens [0-9]+ tekens uit: (.*)", expected):
            return re.sub(f"[^{allowed[1].replace(' ', '')}]", "", found)
        raise AssertionError(f"an official would not know what {expected!r} asks")

    def _code(self, found: str, column: str, listed: list[str]) -> str:
        likely = [code for code in listed if code in (found.zfill(2), found.upper(), found.replace(",", "."))]
        return next(code for code in (*likely, *listed) if likely or code not in self.column(column))


def delivered(gateway: Gateway, name: str, body: bytes, version: int) -> dict[str, bytes]:
    """The technical report on a file, by extension."""
    path = gateway.root / name
    path.write_bytes(body)
    assert gateway.sftp("amsterdam", f"put {path} /0363/inbox/{name}\n").returncode == 0
    kind = name.partition("_")[0]
    report = gateway.wait_report("0363", f"^TR_0363_2017H2_{kind}_v{version:03d}_")
    files = reports.files(gateway.ledger(), report.id)
    return {file.name.rpartition(".")[2]: file.body for file in files}


@pytest.mark.parametrize("form", FORMS)
def test_every_kind_is_repaired_from_its_report_alone(gateway: Gateway, form: str) -> None:
    for kind in KINDS:
        faulty = samples.wmo_faulty() if kind == "WMO" else samples.cost_faulty(kind)
        name = f"{kind}_0363_2017H2.csv"
        report = delivered(gateway, name, faulty.body, 1)
        assert json.loads(report["json"])["outcome"] == "AFGEKEURD"
        complaints = FORMS[form](report[form])
        assert len(complaints) == 10
        sheet = Sheet(faulty.body, "0363")
        for complaint in complaints:
            sheet.repair(complaint)
        again = json.loads(delivered(gateway, name, sheet.body(), 2)["json"])
        assert (again["outcome"], again["findings"]) == ("GOEDGEKEURD", []), kind
