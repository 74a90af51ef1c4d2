"""The manifest: which data files are handed over to the assessor, as JSON that a program checks them by.

Does: writes the list of files with names, sizes and SHA-256, sorted, so that the same files give the same bytes.
Touches: nothing.
Does not: choose the files (workflow.handover does), or say a word about what is in them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway.reports.dates import iso
from gateway.reports.document import dump

SCHEMA = "gateway/manifest/1"


@dataclass(frozen=True, slots=True)
class Sealed:
    """A data file as it is handed over sealed to an assessor's recipient (age)."""

    name: str
    size: int
    sha256: str
    recipient: str


@dataclass(frozen=True, slots=True)
class Handed:
    """One data file, plain, and what was sealed of it. `due` is when its op-orde report is owed (None: made
    already)."""

    name: str
    size: int
    sha256: str
    delivery_id: str
    drop_id: str
    municipality: str
    kind: str
    period: str
    version: int
    approved: datetime
    due: datetime | None = None
    sealed: tuple[Sealed, ...] = ()


def manifest(
    round_id: str, sort: str, files: Sequence[Handed], at: datetime, *, number: int | None = None, sandbox: bool = False
) -> bytes:
    """The manifest of a folder: `sort` is `to_assess`, `standing` (what counts at this moment) or `final` (what counted
    when the withdrawal window closed). `number` counts the manifests of a round that were sent."""
    return dump(
        {
            "schema": SCHEMA,
            "sort": sort,
            "sandbox": sandbox,
            "round": round_id,
            "number": number,
            "at": iso(at),
            "count": len(files),
            "files": [_as_json(file) for file in sorted(files, key=lambda each: each.name)],
        }
    )


def _as_json(file: Handed) -> dict[str, object]:
    sealed = [
        {"name": each.name, "bytes": each.size, "sha256": each.sha256, "recipient": each.recipient}
        for each in file.sealed
    ]
    return {
        "name": file.name,
        "bytes": file.size,
        "sha256": file.sha256,
        "delivery_id": file.delivery_id,
        "drop_id": file.drop_id,
        "municipality": file.municipality,
        "kind": file.kind,
        "period": file.period,
        "version": file.version,
        "approved": iso(file.approved),
        "quality_due": iso(file.due),
        **({"sealed": sealed} if sealed else {}),
    }
