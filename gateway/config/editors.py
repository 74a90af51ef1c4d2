"""JSON Schemas of the YAML files, for editors: completion, and red lines while typing.

Does: makes a schema per sort of file from the same types that the files are fitted to, and writes them to a folder.
Touches: that folder (`scripts/schemas`).
Does not: check anything itself; `load` says more than a schema can (who exists, what overlaps, which key is weak).
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gateway.config.participants import ParticipantsFile
from gateway.config.rounds import PERIOD
from gateway.config.sections import Settings
from gateway.config.shapes import adapter
from gateway.domain.kinds import CodeList, FileKind
from gateway.domain.model import DeliveryRound

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
CODE = "^[0-9]{4}$"


def schemas() -> Mapping[str, Schema]:
    """The schema of each sort of file, by name."""
    return {
        "gateway": _schema(Settings, "gateway.yaml"),
        "participants": _participants(),
        "round": _round(),
        "kind": _schema(FileKind, "kinds/*.yaml"),
        "codelist": _schema(CodeList, "codelists/*.yaml"),
    }


def write_schemas(folder: Path) -> None:
    """Write each schema to `folder`/<name>.json."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, schema in schemas().items():
        (folder / f"{name}.json").write_text(text_of(schema), encoding="utf-8")


def text_of(schema: Schema) -> str:
    """A schema as the bytes of its file."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _schema(shape: type[Any], title: str) -> Schema:
    made = adapter(shape).json_schema(by_alias=True)
    return {"$schema": DIALECT, **_closed(made), "title": title}


def _closed(part: Any) -> Any:
    """The same schema, with no keys but the known ones in every object, and without titles that only repeat the key."""
    if isinstance(part, list):
        return [_closed(item) for item in part]
    if not isinstance(part, dict):
        return part
    closed = {key: _closed(item) for key, item in part.items() if key != "title" or not isinstance(item, str)}
    if closed.get("type") == "object" and isinstance(closed.get("properties"), dict):
        closed["additionalProperties"] = False
    return closed


def _participants() -> Schema:
    schema = _schema(ParticipantsFile, "participants.yaml")
    schema["properties"]["municipalities"]["propertyNames"] = {"pattern": CODE}
    return schema


def _round() -> Schema:
    """A round as it is written: its id is the file's name, and a period its code alone."""
    schema = _schema(DeliveryRound, "rounds/*.yaml")
    schema["required"].remove("id")
    schema["properties"]["periods"]["items"] = {"type": "string", "pattern": f"^{PERIOD.pattern}$"}
    del schema["properties"]["id"], schema["$defs"]["ReportingPeriod"]
    return schema
