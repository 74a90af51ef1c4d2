"""FileKind: what a data file of one kind must look like, as data.

Does: the values that `config/kinds/*.yaml`, `config/codelists/*.yaml` and a round become, and the name grammar.
Touches: nothing.
Does not: check (checks) or read (reader). Knows no kind by name: WMO is a YAML file.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.domain.model import DeliveryRound


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name in the header and what a value must look like.

    type: digits | date | bsn | text | code | integer. `length` exact characters; `max_length` at most; `pattern` a
    character class for text; `codelist` for code; `minimum`/`maximum` for integer; `earliest` an ISO day before which a
    date is a warning.
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


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule over columns: the name of a function in CHECKS, the columns it looks at, its settings."""

    check: str
    columns: tuple[str, ...] = ()
    settings: Mapping[str, str | int | bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FileKind:
    """An onderdeel: code as used in report names (WMO), other spellings accepted in file names, columns, rules."""

    code: str
    name: Mapping[str, str]
    columns: tuple[Column, ...]
    rules: tuple[Rule, ...] = ()
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CodeList:
    """Allowed values and their meaning, by value; `aliases` are tolerated spellings."""

    name: str
    values: Mapping[str, str]
    aliases: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rules:
    """All that an examination depends on besides the payload. `version` names this content (12 hex digits); a drop
    keeps the version in force at its receipt. `successors` maps an ended municipality code to the code that took over."""

    version: str
    round: DeliveryRound
    kinds: Mapping[str, FileKind]
    codelists: Mapping[str, CodeList]
    successors: Mapping[str, str] = field(default_factory=dict)
    personal_columns: tuple[str, ...] = ()
