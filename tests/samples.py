"""Good sample files for everybody's tests: Wmo and cost files without a fault, the same bytes for the same arguments.

Does: makes rows, turns rows into CSV bytes (`;`, UTF-8 without BOM, CRLF), lists citizen service numbers for tests.
Touches: nothing.
Does not: make bad files. A test takes `wmo_rows`, spoils a cell and calls `csv_bytes`.

Citizen service numbers come from the range 99999xxxx alone, which is never given to a person.
"""

import random
from collections.abc import Iterable, Sequence
from datetime import date, timedelta

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
