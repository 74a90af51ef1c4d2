"""The figures of the op-orde report, counted a second time: row by row, in plain Python, from domain.md's own words.

Does: counts what the tests hold quality against, and lists all ways in which hidden counts can be filled in.
Touches: nothing.
Does not: import quality, figures or disclosure; knows the Wmo file and the cost files by name.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from tests.samples import WMO_HEADER, period_days

GROUPS = {
    "Hulp bij het huishouden": ["01"],
    "Ondersteuning thuis": ["02", "03", "04", "06", "07", "09"],
    "Hulpmiddelen en diensten": ["05", "08", "11", "12", "13", "14"],
    "Overig": ["10"],
    "Verblijf en opvang": ["15", "16", "17", "18"],
}
GROUP_OF = {code: group for group, codes in GROUPS.items() for code in codes}
FORMS = {"1": "1", "2": "2", "ZIN": "1", "PGB": "2", "": ""}
MANDATORY = {"Gemeentecode", "Aanmaakdatum_bestand", "BSN"}

Counted = dict[str, dict[str, int]]


def wmo(rows: Iterable[Sequence[str]], period: str = "2017H2") -> Counted:
    """Every count that is not 0, section by section."""
    first, last = (f"{day:%Y%m%d}" for day in period_days(period))
    found: dict[str, Counter[str]] = {}
    people: dict[str, list[tuple[str, str]]] = {}

    def count(section: str, key: str) -> None:
        found.setdefault(section, Counter())[key] += 1

    for row in rows:
        cell = dict(zip(WMO_HEADER, row, strict=True))
        kind = cell["Type_maatwerkarrangement_declaratie"] or cell["Type_maatwerkarrangement_toewijzing"]
        done, assigned = (cell[f"Datum_start_{what}_ondersteuning"] for what in ("daadwerkelijke", "rechtsgeldigheid"))
        end = cell["Datum_einde_daadwerkelijke_ondersteuning"] or cell["Datum_einde_rechtsgeldigheid_ondersteuning"]
        people.setdefault(cell["BSN"], []).append((kind, FORMS[cell["Leveringsvorm"]]))
        count("totals", "records")
        count("type_arrangements", kind)
        count("group_arrangements", GROUP_OF[kind])
        count("course", "started" if first <= (done or assigned) <= last else "earlier")
        count("course", "ended" if end and end <= last else "running")
        if end and end <= last:
            count("reason", cell["Reden_beeindiging"])
        count("start", {(1, 1): "both", (1, 0): "actual", (0, 1): "assigned"}[bool(done), bool(assigned)])
        for column, value in cell.items():
            if column not in MANDATORY:
                count("filled" if value else "empty", column)
    for had in people.values():
        count("totals", "clients")
        count("load", str(len(had)) if len(had) < 6 else "6+")
        for kind in {kind for kind, _ in had}:
            count("type_clients", kind)
        for group in {GROUP_OF[kind] for kind, _ in had}:
            count("group_clients", group)
        forms = {form for _, form in had} - {""}
        count("form", "+" if len(forms) > 1 else min(forms, default=""))
    return {section: dict(counts) for section, counts in found.items()}


def costs(rows: Iterable[Sequence[str]], total: str | None) -> dict[str, dict[str, int]]:
    """Amounts that were filled, by key, and their sums without the total."""
    found: dict[str, dict[str, int]] = {"totals": {"records": 0}, "budget": {}, "realised": {}, "sum": {}}
    for _, _, key, budget, realised in rows:
        found["totals"]["records"] += 1
        for name, amount in (("budget", budget), ("realised", realised)):
            if amount:
                found[name][key] = int(amount)
                if key != total:
                    found["sum"][name] = found["sum"].get(name, 0) + int(amount)
    return found


def told(figures: Mapping[str, Mapping[str, int | None]] | None) -> dict[str, dict[str, int]]:
    """Figures without what is 0 or not filled, as the oracle gives them."""
    assert figures is not None
    kept = {name: {key: n for key, n in values.items() if n} for name, values in figures.items()}
    return {name: values for name, values in kept.items() if values}
