"""Names of report files: what a script may rely on to recognise a report without opening it.

Does: makes the stem that the files of one report share, and publishes the regular expression and the outcomes.
Touches: nothing.
Does not: know extensions beyond those that are published (.pdf is an assessor's alone), or decide an outcome.

`{OB|TR|OO|IB|HB}_{code}_{period}_{kind}_v{nnn}_{id}_{OUTCOME}.{json|html|csv|pdf}`. What belongs to a drop as a whole
says ALLE for period and kind and has no version. Names are ASCII and immutable once published.
"""

import re

from gateway.domain.model import ReportKind

ALL = "ALLE"

PRECHECKED = ("VOORCONTROLE-GOEDGEKEURD", "VOORCONTROLE-AFGEKEURD")

OUTCOMES: dict[ReportKind, tuple[str, ...]] = {
    ReportKind.RECEIPT: ("ONTVANGEN", "HERHALING", "GEWEIGERD", "AANGEHOUDEN", "GEEN-LEVERING"),
    ReportKind.TECHNICAL: ("GOEDGEKEURD", "AFGEKEURD", "PROEF-GOEDGEKEURD", "PROEF-AFGEKEURD", *PRECHECKED),
    ReportKind.QUALITY: ("GEREED", "GEREED-PDF", "GEREED-HTML", "GEREED-CSV", "GEREED-JSON"),
    ReportKind.WITHDRAWAL: ("INGETROKKEN", "ACTIEF"),
    ReportKind.REMINDER: ("HERINNERING",),
}

REPORT_NAME = re.compile(
    r"(?P<report>OB|TR|OO|IB|HB)"
    r"_(?P<municipality>[0-9]{4})"
    r"_(?P<period>[0-9]{4}H[12]|ALLE)"
    r"_(?P<kind>[A-Z][A-Z0-9]{0,19})"
    r"(?:_v(?P<version>[0-9]{3,6}))?"
    r"_(?P<id>[0-9]{6}-[0-9a-f]{6})"
    r"_(?P<outcome>[A-Z][A-Z-]{0,29})"
    r"\.(?P<extension>json|html|csv|pdf)"
)
"""Matches a whole name: use `fullmatch`. The outcomes that exist are in OUTCOMES; new ones fit the same pattern."""


def stem(
    kind: ReportKind,
    municipality: str,
    short_id: str,
    outcome: str,
    *,
    period: str | None = None,
    file_kind: str | None = None,
    version: int | None = None,
) -> str:
    """The name without extension. ValueError when a part would make a name that is not the published form."""
    if outcome not in OUTCOMES[kind]:
        raise ValueError(f"{outcome!r} is not an outcome of {kind}")
    number = "" if version is None else f"_v{version:03d}"
    name = f"{kind}_{municipality}_{period or ALL}_{file_kind or ALL}{number}_{short_id}_{outcome}"
    if REPORT_NAME.fullmatch(f"{name}.json") is None:
        raise ValueError(f"{name!r} is not the name of a report")
    return name
