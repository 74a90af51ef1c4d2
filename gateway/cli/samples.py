"""Sample files: faultless ones of every kind, and ones with known faults. The same bytes for the same arguments.

Does: makes rows, turns rows into CSV bytes (`;`, UTF-8 without BOM, CRLF), seeds faults of which code and line are
known, packs a ZIP. `gateway init --demo` and the tests share it.
Touches: nothing.
Does not: check. That a seeded fault is found, and nothing else, is for the tests to say.

Citizen service numbers come from the range 99999xxxx alone, which is never given to a person.
"""

import random
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from io import BytesIO

WMO_HEADER = (
    "Gemeentecode",
    "Aanmaakdatum_bestand",
    "BSN",
    "Toewijzingsnummer",
    "Type_maatwerkarrangement_toewijzing",
    "Type_maatwerkarrangement_declaratie",
    "Datum_start_rechtsgeldigheid_ondersteuning",
    "Datum_einde_rechtsgeldigheid_ondersteuning",
    "Leveringsvorm",
    "Datum_start_daadwerkelijke_ondersteuning",
    "Datum_einde_daadwerkelijke_ondersteuning",
    "Beschikt_volume",
    "Beschikte_eenheid",
    "Beschikte_frequentie",
    "Geleverd_volume",
    "Geleverde_eenheid",
    "Geleverde_frequentie",
    "Reden_beeindiging",
)
COST_HEADERS = {
    kind: ("Gemeentecode", "Aanmaakdatum_bestand", key, "Begrote_kosten", "Gerealiseerde_kosten")
    for kind, key in (("KOSTENWMO", "Type_maatwerkarrangement"), ("SBW", "Taakveld"), ("JEUGD", "Vorm_jeugdzorg"))
}
COST_KEYS = {
    "KOSTENWMO": (*(f"{n:02d}" for n in range(1, 19)), "TT"),
    "SBW": ("6.1", "6.2"),
    "JEUGD": ("JH", "JB", "JR", "JZ"),
}
UNITS = ("01", "04", "14", "16", "82", "83")
REASONS = ("02", "19", "20", "21", "22", "23", "31", "32", "33", "34")


def _test_bsns() -> tuple[str, ...]:
    weights = (9, 8, 7, 6, 5, 4, 3, 2, -1)
    numbers = (f"99999{n:04d}" for n in range(10_000))
    return tuple(t for t in numbers if sum(w * int(d) for w, d in zip(weights, t, strict=True)) % 11 == 0)


BSNS = _test_bsns()


def period_days(period: str) -> tuple[date, date]:
    """First and last day of a half-year such as 2017H2."""
    year = int(period[:4])
    if period[4:] == "H1":
        return date(year, 1, 1), date(year, 6, 30)
    return date(year, 7, 1), date(year, 12, 31)


def creation_day(period: str) -> str:
    """The Aanmaakdatum_bestand of all sample files of `period`: 31 days after its end."""
    return f"{period_days(period)[1] + timedelta(days=31):%Y%m%d}"


def csv_bytes(header: Sequence[str], rows: Iterable[Sequence[str]], end: str = "\r\n", separator: str = ";") -> bytes:
    """Header and rows as the agreed CSV."""
    return "".join(separator.join(row) + end for row in (header, *rows)).encode()


def wmo_rows(rows: int = 10, municipality: str = "0363", period: str = "2017H2", seed: int = 1) -> list[list[str]]:
    """Faultless Wmo records, all different, in the order of WMO_HEADER."""
    draw = random.Random(seed)
    return [_wmo_row(draw, number, municipality, period) for number in range(1, rows + 1)]


def _wmo_row(draw: random.Random, number: int, municipality: str, period: str) -> list[str]:
    first, last = period_days(period)
    start = last - timedelta(days=draw.randrange(900))
    ended = draw.random() < 0.3
    end = max(start, first) + timedelta(days=draw.randrange((last - max(start, first)).days + 1))
    kind = f"{draw.randrange(1, 19):02d}"
    volume = str(draw.randrange(1, 500)) if draw.random() < 0.8 else ""
    delivered = str(draw.randrange(1, 500)) if draw.random() < 0.6 else ""
    return [
        municipality,
        creation_day(period),
        draw.choice(BSNS),
        f"T{number:08d}",
        kind,
        kind if draw.random() < 0.8 else "",
        f"{start:%Y%m%d}",
        f"{last + timedelta(days=draw.randrange(400)):%Y%m%d}" if draw.random() < 0.5 else "",
        draw.choice(("1", "2")),
        f"{start:%Y%m%d}",
        f"{end:%Y%m%d}" if ended else "",
        volume,
        draw.choice(UNITS) if volume else "",
        str(draw.randrange(1, 7)) if volume else "",
        delivered,
        draw.choice(UNITS) if delivered else "",
        str(draw.randrange(1, 7)) if delivered else "",
        draw.choice(REASONS) if ended else "",
    ]


def cost_rows(kind: str, municipality: str = "0363", period: str = "2017H2", seed: int = 1) -> list[list[str]]:
    """Faultless records of KOSTENWMO, SBW or JEUGD: every key of its list once, the total (TT, JZ) is the sum."""
    draw = random.Random(seed)
    parts = [(key, draw.randrange(10_000_000), draw.randrange(10_000_000)) for key in COST_KEYS[kind]]
    if kind != "SBW":
        *parts, (total, _, _) = parts
        parts.append((total, sum(part[1] for part in parts), sum(part[2] for part in parts)))
    return [[municipality, creation_day(period), key, str(budget), str(realised)] for key, budget, realised in parts]


def wmo_csv(rows: int = 10, municipality: str = "0363", period: str = "2017H2", seed: int = 1) -> bytes:
    """A faultless Wmo file of `rows` records."""
    return csv_bytes(WMO_HEADER, wmo_rows(rows, municipality, period, seed))


def cost_csv(kind: str, municipality: str = "0363", period: str = "2017H2", seed: int = 1) -> bytes:
    """A faultless cost file: `kind` is KOSTENWMO, SBW or JEUGD."""
    return csv_bytes(COST_HEADERS[kind], cost_rows(kind, municipality, period, seed))


# --- faults -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Fault:
    """A seeded fault: the code it must be found by, the physical line, the column (empty: the record as a whole)."""

    code: str
    line: int
    column: str = ""


@dataclass(frozen=True, slots=True)
class Faulty:
    """A file with known faults, in the order of their lines."""

    body: bytes
    faults: tuple[Fault, ...]


# What each fault writes into a faultless record: its code, the column it is reported in, and the cells that make it.
# The first eight reject the file, the last two only warn.
WMO_FAULTS: tuple[tuple[str, str, Mapping[str, str]], ...] = (
    ("R01", "BSN", {"BSN": ""}),
    ("R02", "Toewijzingsnummer", {"Toewijzingsnummer": "T/000 9"}),
    (
        "R03",
        "Datum_start_rechtsgeldigheid_ondersteuning",
        {"Datum_start_rechtsgeldigheid_ondersteuning": "20170230"},
    ),
    ("R04", "BSN", {"BSN": "999990008"}),
    ("R05", "Type_maatwerkarrangement_toewijzing", {"Type_maatwerkarrangement_toewijzing": "19"}),
    (
        "R06",
        "Datum_einde_rechtsgeldigheid_ondersteuning",
        {"Datum_einde_rechtsgeldigheid_ondersteuning": "20170801"},
    ),
    (
        "R07",
        "Datum_start_daadwerkelijke_ondersteuning",
        {
            "Datum_start_rechtsgeldigheid_ondersteuning": "20180105",
            "Datum_start_daadwerkelijke_ondersteuning": "20180105",
        },
    ),
    ("R08", "Reden_beeindiging", {"Reden_beeindiging": "19"}),
    ("W06", "Beschikte_frequentie", {"Beschikte_frequentie": ""}),
)
WMO_SOUND = {
    "Type_maatwerkarrangement_toewijzing": "02",
    "Type_maatwerkarrangement_declaratie": "02",
    "Datum_start_rechtsgeldigheid_ondersteuning": "20170904",
    "Datum_einde_rechtsgeldigheid_ondersteuning": "",
    "Leveringsvorm": "1",
    "Datum_start_daadwerkelijke_ondersteuning": "20170904",
    "Datum_einde_daadwerkelijke_ondersteuning": "",
    "Beschikt_volume": "120",
    "Beschikte_eenheid": "04",
    "Beschikte_frequentie": "2",
    "Geleverd_volume": "",
    "Geleverde_eenheid": "",
    "Geleverde_frequentie": "",
    "Reden_beeindiging": "",
}


def wmo_faulty(municipality: str = "0363", seed: int = 1) -> Faulty:
    """A Wmo file over 2017H2 with ten faults of ten sorts, each in a record of its own, three records apart."""
    rows = wmo_rows(40, municipality, "2017H2", seed)
    faults = []
    for number, (code, column, cells) in enumerate(WMO_FAULTS, 1):
        record = 3 * number
        _fill(rows[record - 1], WMO_HEADER, {**WMO_SOUND, **cells})
        faults.append(Fault(code, record + 1, column))
    rows[-1] = list(rows[-2])
    faults.append(Fault("W02", len(rows) + 1))
    return Faulty(csv_bytes(WMO_HEADER, rows), tuple(faults))


@dataclass(frozen=True, slots=True)
class Seed:
    """A fault for one record of a cost file: its code, the record, the column it is reported in (KEY: the kind's own),
    and what it makes of the sound value. A fault in Begrote_kosten that leaves nothing empties both amounts."""

    code: str
    record: int
    column: str
    spoil: Callable[[str], str]


def _nothing(_sound: str) -> str:
    return ""


def _without_zero(sound: str) -> str:
    return sound.lstrip("0")


def _as_amount(sound: str) -> str:
    return f"{int(sound):,}".replace(",", ".")


def _negative(sound: str) -> str:
    return f"-{sound}"


def _with_hyphens(sound: str) -> str:
    return f"{sound[6:]}-{sound[4:6]}-{sound[:4]}"


# Each kind has nine of these; the tenth fault is a record that stands twice.
COST_FAULTS: Mapping[str, tuple[Seed, ...]] = {
    "KOSTENWMO": (
        Seed("R02", 1, "Gemeentecode", _without_zero),
        Seed("R03", 2, "Aanmaakdatum_bestand", _with_hyphens),
        Seed("R02", 3, "KEY", _without_zero),
        Seed("R05", 4, "KEY", lambda sound: "99"),
        Seed("R02", 5, "Begrote_kosten", _as_amount),
        Seed("R02", 6, "Gerealiseerde_kosten", _negative),
        Seed("R01", 7, "Gemeentecode", _nothing),
        Seed("R01", 9, "Begrote_kosten", _nothing),
        Seed("R09", 11, "Aanmaakdatum_bestand", lambda sound: "20180102"),
    ),
    "SBW": (
        Seed("R02", 1, "Gemeentecode", _without_zero),
        Seed("R03", 1, "Aanmaakdatum_bestand", _with_hyphens),
        Seed("R05", 1, "KEY", lambda sound: sound.replace(".", ",")),
        Seed("R02", 1, "Begrote_kosten", _as_amount),
        Seed("R02", 1, "Gerealiseerde_kosten", _negative),
        Seed("R01", 2, "Gemeentecode", _nothing),
        Seed("R03", 2, "Aanmaakdatum_bestand", lambda sound: "20180230"),
        Seed("R01", 2, "Begrote_kosten", _nothing),
        Seed("R02", 3, "Begrote_kosten", lambda sound: "1E+05"),
    ),
    "JEUGD": (
        Seed("R02", 1, "Gemeentecode", _without_zero),
        Seed("R02", 1, "Begrote_kosten", _as_amount),
        Seed("R03", 2, "Aanmaakdatum_bestand", _with_hyphens),
        Seed("R05", 2, "KEY", str.lower),
        Seed("R01", 3, "Gemeentecode", _nothing),
        Seed("R01", 3, "Begrote_kosten", _nothing),
        Seed("R01", 4, "Aanmaakdatum_bestand", _nothing),
        Seed("R02", 4, "Begrote_kosten", lambda sound: f"{sound},00"),
        Seed("R02", 4, "Gerealiseerde_kosten", _negative),
    ),
}


def cost_faulty(kind: str, municipality: str = "0363", seed: int = 1) -> Faulty:
    """A cost file over 2017H2 with ten faults: the seeds of its kind, and behind the sound records one that has the key
    of the record with no amounts."""
    header, seeds = COST_HEADERS[kind], COST_FAULTS[kind]
    rows = cost_rows(kind, municipality, "2017H2", seed)
    hollow = next(each.record for each in seeds if each.column == "Begrote_kosten" and each.spoil is _nothing)
    if kind != "SBW":
        # The total stays right when the empty amounts are filled with zero.
        rows[-1][3:] = [
            str(int(whole) - int(part)) for whole, part in zip(rows[-1][3:], rows[hollow - 1][3:], strict=True)
        ]
    rows.append(list(rows[hollow - 1]))
    faults = [Fault("R09", len(rows) + 1, header[2])]
    for each in seeds:
        row, column = rows[each.record - 1], header[2] if each.column == "KEY" else each.column
        place = header.index(column)
        row[place] = each.spoil(row[place])
        if each.record == hollow and column == "Begrote_kosten":
            row[place + 1] = ""
        faults.append(Fault(each.code, each.record + 1, column))
    return Faulty(csv_bytes(header, rows), tuple(sorted(faults, key=lambda fault: (fault.line, fault.column))))


def _fill(row: list[str], header: Sequence[str], cells: Mapping[str, str]) -> None:
    for column, value in cells.items():
        row[header.index(column)] = value


# --- more than one ------------------------------------------------------------------------------------------


def good(kind: str, municipality: str = "0363", period: str = "2017H2", rows: int = 250, seed: int = 1) -> bytes:
    """A faultless file of any kind; `rows` is for Wmo, the others have a row for each key."""
    return wmo_csv(rows, municipality, period, seed) if kind == "WMO" else cost_csv(kind, municipality, period, seed)


def zipped(members: Mapping[str, bytes]) -> bytes:
    """A ZIP of regular files, deflated, with a fixed time so that equal members give equal bytes."""
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in members.items():
            entry = zipfile.ZipInfo(name, (2018, 2, 1, 9, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o100600 << 16
            archive.writestr(entry, body)
    return packed.getvalue()
