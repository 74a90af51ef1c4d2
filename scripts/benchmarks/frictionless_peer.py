"""The peer: frictionless-py with checks equivalent to the Wmo kind's, in a process of its own.

Does: reads file names from standard input, validates each in full and answers with a line of JSON.
Touches: the files, read only. Runs in the benchmark's own environment: that has frictionless, not the gateway.
Does not: mask, word or place findings as the gateway does; that work is not asked of it.

Equivalent: header, types, required, lengths, patterns, code lists, the eleven-test, ends after starts, overlap with
the half-year, fields that belong together, one municipality, one creation day, duplicate rows.
"""

import json
import sys
import time
from collections.abc import Iterator
from datetime import date
from typing import Any, ClassVar

from frictionless import Check, Checklist, Dialect, Resource, Schema, errors, formats, system

TYPES = [f"{number:02d}" for number in range(1, 19)]
UNITS = ["01", "04", "14", "16", "82", "83"]
REASONS = ["02", "19", "20", "21", "22", "23", "31", "32", "33", "34"]
FIRST, LAST = date(2017, 7, 1), date(2017, 12, 31)
WEIGHTS = (9, 8, 7, 6, 5, 4, 3, 2, -1)
COLUMNS: list[tuple[str, dict[str, object]]] = [
    ("Gemeentecode", {"constraints": {"required": True, "pattern": "[0-9]{4}"}}),
    ("Aanmaakdatum_bestand", {"type": "date", "format": "%Y%m%d", "constraints": {"required": True}}),
    ("BSN", {"constraints": {"required": True, "pattern": "[0-9]{9}"}}),
    ("Toewijzingsnummer", {"constraints": {"pattern": "[0-9A-Za-z-]{1,20}"}}),
    ("Type_maatwerkarrangement_toewijzing", {"constraints": {"enum": TYPES}}),
    ("Type_maatwerkarrangement_declaratie", {"constraints": {"enum": TYPES}}),
    ("Datum_start_rechtsgeldigheid_ondersteuning", {"type": "date", "format": "%Y%m%d"}),
    ("Datum_einde_rechtsgeldigheid_ondersteuning", {"type": "date", "format": "%Y%m%d"}),
    ("Leveringsvorm", {"constraints": {"enum": ["1", "2", "ZIN", "PGB"]}}),
    ("Datum_start_daadwerkelijke_ondersteuning", {"type": "date", "format": "%Y%m%d"}),
    ("Datum_einde_daadwerkelijke_ondersteuning", {"type": "date", "format": "%Y%m%d"}),
    ("Beschikt_volume", {"type": "integer", "constraints": {"minimum": 0, "maximum": 99_999_999}}),
    ("Beschikte_eenheid", {"constraints": {"enum": UNITS}}),
    ("Beschikte_frequentie", {"constraints": {"enum": list("123456")}}),
    ("Geleverd_volume", {"type": "integer", "constraints": {"minimum": 0, "maximum": 99_999_999}}),
    ("Geleverde_eenheid", {"constraints": {"enum": UNITS}}),
    ("Geleverde_frequentie", {"constraints": {"enum": list("123456")}}),
    ("Reden_beeindiging", {"constraints": {"enum": REASONS}}),
]


class Wmo(Check):
    """The rules over columns and rows that a schema cannot say."""

    Errors: ClassVar = [errors.RowConstraintError]

    def validate_start(self) -> Iterator[Any]:
        self.same: tuple[object, object] | None = None
        self.seen: set[tuple[object, ...]] = set()
        yield from ()

    def validate_row(self, row: Any) -> Iterator[Any]:
        for note in self.notes(row):
            yield errors.RowConstraintError.from_row(row, note=note)

    def notes(self, row: Any) -> Iterator[str]:
        """What is wrong with one row, in words of no further use."""
        bsn = row["BSN"]
        if bsn and len(bsn) == 9 and sum(int(d) * w for d, w in zip(bsn, WEIGHTS, strict=True)) % 11:
            yield "bsn"
        both = (row["Gemeentecode"], row["Aanmaakdatum_bestand"])
        self.same = self.same or both
        if both != self.same:
            yield "not the same in all rows"
        if not row["Type_maatwerkarrangement_toewijzing"] and not row["Type_maatwerkarrangement_declaratie"]:
            yield "no type"
        starts = [row[f"Datum_start_{which}_ondersteuning"] for which in ("daadwerkelijke", "rechtsgeldigheid")]
        ends = [row[f"Datum_einde_{which}_ondersteuning"] for which in ("daadwerkelijke", "rechtsgeldigheid")]
        if not any(starts):
            yield "no start"
        for start, end in zip(starts, ends, strict=True):
            if start and end and end < start:
                yield "end before start"
        start, end = starts[0] or starts[1], ends[0] or ends[1]
        if (start and start > LAST) or (end and end < FIRST):
            yield "outside the half-year"
        granted = [row[name] is None for name in ("Beschikt_volume", "Beschikte_eenheid", "Beschikte_frequentie")]
        given = [row[name] is None for name in ("Geleverd_volume", "Geleverde_eenheid")]
        if len(set(granted)) > 1 or len(set(given)) > 1:
            yield "partly filled"
        if bool(row["Reden_beeindiging"]) != bool(ends[0]):
            yield "reason and end"
        key = tuple(row.cells)
        if key in self.seen:
            yield "duplicate"
        self.seen.add(key)


def validate(name: str) -> dict[str, object]:
    """Validate one file; seconds, rows and errors."""
    schema = Schema.from_descriptor({"fields": [{"name": key, "type": "string", **more} for key, more in COLUMNS]})
    dialect = Dialect(controls=[formats.CsvControl(delimiter=";")])
    begun, worked = time.perf_counter(), time.process_time()
    resource = Resource(path=name, format="csv", dialect=dialect, schema=schema, encoding="utf-8")
    report = resource.validate(Checklist(checks=[Wmo()]), limit_errors=1_000_000)
    seconds, processor = time.perf_counter() - begun, time.process_time() - worked
    task = report.tasks[0]
    return {
        "seconds": seconds,
        "processor": processor,
        "rows": task.stats.get("rows"),
        "errors": task.stats.get("errors"),
    }


def main() -> None:
    """Answer each line of standard input until it ends."""
    for line in sys.stdin:
        with system.use_context(trusted=True):
            print(json.dumps(validate(line.strip())), flush=True)


if __name__ == "__main__":
    main()
