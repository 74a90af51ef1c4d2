"""FileKind: what a data file of one kind must look like, as data, and how such a file is named.

Does: the values that `config/kinds/*.yaml`, `config/codelists/*.yaml` and a round become (a YAML key is a field here),
the Job that an examination is asked with, and the grammar of file names.
Touches: nothing.
Does not: check contents (checks) or read (reader). Knows no kind by name: WMO is a YAML file.

Names, in any mix of capitals: `KIND_GGGG_JJJJHn.csv`, `GGGG_KIND_JJJJHn.csv`, `KIND_GGGG_HnJJJJ.csv`; KIND is a code or
one of its aliases, GGGG the municipality, n 1 or 2, the extension .csv or .txt.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from difflib import get_close_matches

from gateway.domain.model import DeliveryRound, Finding, Severity, phrase

DATA_EXTENSIONS = (".csv", ".txt")
NAME_CHARACTERS = re.compile(r"[0-9A-Za-z._-]+")
# Anything as long as a citizen service number is one, until proven otherwise.
LONG_NUMBER = re.compile(r"[0-9]{9,}")
EXCEL_EXTENSIONS = (".xls", ".xlsx", ".xlsm", ".xlsb", ".ods")

PERIOD_SPELLINGS = (
    re.compile(r"(?P<year>20[0-9]{2})[-_. ]?h[-_. ]?(?P<half>[12])(?![0-9])"),
    re.compile(r"h[-_. ]?(?P<half>[12])[-_. ]?(?P<year>20[0-9]{2})(?![0-9])"),
    re.compile(r"(?P<half>[12])e?[-_. ]?(?:halfjaar|hj)[-_. ]?(?P<year>20[0-9]{2})(?![0-9])"),
    re.compile(r"(?<![0-9])(?P<year>20[0-9]{2})[-_. ]?(?:halfjaar|hj|s|q)?[-_. ]?0?(?P<half>[12])(?![0-9])"),
)


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name in the header and what a value must look like.

    type: digits | date | bsn | text | code | integer. `length` exact characters; `max_length` at most; `pattern` a
    character class for text such as `[0-9A-Za-z-]`; `codelist` for code; `minimum`/`maximum` for integer; `earliest` an
    ISO day before which a date is a warning.
    """

    name: str
    type: str
    required: bool = False
    length: int | None = None
    max_length: int | None = None
    pattern: str | None = None
    codelist: str | None = None
    minimum: int | None = None
    maximum: int | None = None
    earliest: str | None = None


def as_written(day: date) -> int:
    """A day as files write it, JJJJMMDD: such numbers stand in the order of their days."""
    return day.year * 10_000 + day.month * 100 + day.day


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule over columns: the name of a function in CHECKS, the columns it looks at, its settings."""

    check: str
    columns: tuple[str, ...] = ()
    settings: Mapping[str, str | int | bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ClientFigures:
    """Which columns play which part in figures about clients and their arrangements, one record each.

    `client` tells clients apart and is never shown; `type` is the code of the arrangement, `start` and `end` its days:
    of several columns the first that is filled counts (actual before assigned). `groups` is a code list that names the
    group of each type; `form` the form of delivery, `reason` why an arrangement ended.
    """

    client: str
    type: tuple[str, ...]
    start: tuple[str, ...]
    end: tuple[str, ...]
    groups: str | None = None
    form: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class CostFigures:
    """Which columns play which part in figures about costs, one record per `key`. `total` is the key of the record that
    is the sum of the others."""

    key: str
    budget: str
    realised: str
    total: str | None = None


@dataclass(frozen=True, slots=True)
class KindFigures:
    """What the op-orde report counts in files of a kind; with neither, records alone."""

    clients: ClientFigures | None = None
    costs: CostFigures | None = None


NO_FIGURES = KindFigures()


@dataclass(frozen=True, slots=True)
class FileKind:
    """An onderdeel: code as used in report names (WMO), other spellings accepted in file names, columns, rules, figures
    of the op-orde report."""

    code: str
    name: Mapping[str, str]
    columns: tuple[Column, ...]
    rules: tuple[Rule, ...] = ()
    aliases: tuple[str, ...] = ()
    figures: KindFigures = NO_FIGURES


@dataclass(frozen=True, slots=True)
class CodeList:
    """Allowed values and their meaning, by value; `aliases` are tolerated spellings."""

    name: str
    values: Mapping[str, str]
    aliases: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rules:
    """All that an examination depends on besides the payload. `version` names this content (12 hex digits); a drop
    keeps the version in force at its receipt. `successors` maps an ended municipality code to the code that took over.
    `personal_columns` are names of columns that may not be delivered; case and punctuation do not matter."""

    version: str
    round: DeliveryRound
    kinds: Mapping[str, FileKind]
    codelists: Mapping[str, CodeList]
    successors: Mapping[str, str] = field(default_factory=dict)
    personal_columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Job:
    """What an examination needs, to be handed to a worker process. `municipality` is the folder's code; `known` all
    codes that may be delivered in this drop; `received_on` the local day of receipt."""

    name: str
    payload: bytes
    municipality: str
    known: frozenset[str]
    received_on: date
    rules: Rules


@dataclass(frozen=True, slots=True)
class ParsedName:
    """What a file's name says: kind as its code, municipality as four digits, period as `2017H2`, extension in lower
    case with its dot."""

    kind: str
    municipality: str
    period: str
    extension: str


def safe_name(name: str) -> str:
    """A file's name as a finding may show it: no run of nine digits, no character outside the agreed ones, no longer
    than a name may be."""
    shown = "".join(c if NAME_CHARACTERS.fullmatch(c) else "?" for c in name[:255])
    return LONG_NUMBER.sub(lambda run: "*" * len(run.group()), shown)


def parse_name(
    name: str, kinds: Mapping[str, FileKind], *, municipality: str = "", period: str = ""
) -> ParsedName | Finding:
    """The parts of a data file's name, or why it does not fit (F01 for the extension, F02 for the rest).

    `municipality` and `period` only complete the example of a right name in the finding.
    """
    stem, dot, ending = name.rpartition(".")
    extension = f".{ending.lower()}" if dot else ""
    if extension not in DATA_EXTENSIONS:
        return _wrong_extension(name, extension)
    spellings = _spellings(kinds)
    kind = "|".join(re.escape(s) for s in sorted(spellings, key=lambda s: (-len(s), s)))
    for grammar in (
        rf"(?P<kind>{kind})_(?P<code>[0-9]{{4}})_(?P<year>[0-9]{{4}})h(?P<half>[12])",
        rf"(?P<code>[0-9]{{4}})_(?P<kind>{kind})_(?P<year>[0-9]{{4}})h(?P<half>[12])",
        rf"(?P<kind>{kind})_(?P<code>[0-9]{{4}})_h(?P<half>[12])(?P<year>[0-9]{{4}})",
    ):
        # ASCII: without it the Kelvin sign is a k and the long s an s.
        found = re.fullmatch(grammar, stem, re.IGNORECASE | re.ASCII)
        if found:
            code = spellings[found["kind"].casefold()]
            return ParsedName(code, found["code"], f"{found['year']}H{found['half']}", extension)
    return _wrong_name(name, stem, spellings, municipality, period)


def _spellings(kinds: Mapping[str, FileKind]) -> dict[str, str]:
    """Kind code by every accepted spelling in lower case."""
    return {spelling.casefold(): kind.code for kind in kinds.values() for spelling in (kind.code, *kind.aliases)}


def _wrong_extension(name: str, extension: str) -> Finding:
    if extension in EXCEL_EXTENSIONS:
        message = phrase("findings.F01.excel")
    elif extension:
        message = phrase("findings.F01.not_allowed")
    else:
        message = phrase("findings.F01.none")
    return Finding(
        "F01",
        Severity.FILE,
        message,
        member=safe_name(name),
        expected=phrase("expected.extension"),
        found=phrase("shapes.name", name=safe_name(extension)) if extension else phrase("shapes.nothing"),
    )


def _wrong_name(name: str, stem: str, spellings: Mapping[str, str], municipality: str, period: str) -> Finding:
    """F02: names the first part that looks wrong and gives the right name as far as it can be guessed."""
    rest = stem.casefold()
    half = next(filter(None, (spelling.search(rest) for spelling in PERIOD_SPELLINGS)), None)
    if half:
        rest = f"{rest[: half.start()]} {rest[half.end() :]}"
    kind, rest = _guess_kind(rest, spellings)
    numbers = re.findall(r"[0-9]+", rest)
    # No municipality has a code that looks like a year of this century.
    code = next((n for n in numbers if len(n) == 4 and not n.startswith("20")), "")
    short = next((n for n in numbers if len(n) < 4), "")
    if not NAME_CHARACTERS.fullmatch(name):
        key = "characters"
    elif not any(spelling in stem.casefold() for spelling in spellings):
        key = "kind"
    elif not code:
        key = "municipality_short" if short else "municipality"
    elif not half:
        key = "period"
    else:
        key = "order"
    example = "_".join(
        (
            kind or next(iter(spellings.values()), "KIND"),
            code or short.zfill(4) * bool(short) or municipality or "GGGG",
            f"{half['year']}H{half['half']}" if half else period or "JJJJHn",
        )
    )
    return Finding(
        "F02",
        Severity.FILE,
        phrase(f"findings.F02.{key}", kinds=", ".join(dict.fromkeys(spellings.values()))),
        member=safe_name(name),
        expected=phrase("expected.name", example=f"{example}.csv"),
        found=phrase("shapes.name", name=safe_name(name)),
    )


def _guess_kind(text: str, spellings: Mapping[str, str]) -> tuple[str, str]:
    """Kind code that `text` names or nearly names ("" if none), and the text without it."""
    for spelling in sorted(spellings, key=len, reverse=True):
        if spelling in text:
            return spellings[spelling], text.replace(spelling, " ", 1)
    for word in re.findall(r"[a-z]+", text):
        near = get_close_matches(word, spellings, n=1, cutoff=0.7)
        if near:
            return spellings[near[0]], text.replace(word, " ", 1)
    return "", text
