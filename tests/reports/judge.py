"""Judges of a report: the published schemas, and a reader of pages.

Does: validates JSON against docs/schemas (strictly: a key that the schema does not know is a fault here), and takes an
HTML page apart into its tags, attributes and text.
Touches: docs/schemas.
Does not: know what a report should say.
"""

import json
from collections.abc import Mapping
from copy import deepcopy
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

from gateway.domain.model import Report
from gateway.errors import GatewayError
from gateway.store.sqlite import SQLite

SCHEMAS = Path(__file__).resolve().parents[2] / "docs" / "schemas"
VOID = {"meta", "br", "wbr", "circle", "path"}


@cache
def schema(name: str) -> Mapping[str, Any]:
    """A published schema as it stands."""
    loaded: dict[str, Any] = json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(loaded)
    return loaded


def valid(name: str, body: bytes) -> dict[str, Any]:
    """The document in `body`; fails when it does not follow the schema or holds what the schema does not name."""
    document: dict[str, Any] = json.loads(body)
    _strict(name).validate(document)
    return document


def judge_all(ledger: Path) -> int:
    """Every JSON report in a ledger by the schema that it names; how many there were."""
    engine = SQLite(ledger)
    try:
        rows = engine.rows("select body from report_files where name like '%.json' and body is not null")
    except GatewayError:
        return 0  # a test broke this ledger, or never made it
    finally:
        engine.close()
    ours = 0
    for row in rows:
        document = json.loads(row["body"])
        if not isinstance(document, dict) or "schema" not in document:
            continue  # an assessor's own report, in a form of its own
        valid(document["schema"].split("/")[1], row["body"])
        ours += 1
    return ours


@cache
def _strict(name: str) -> Draft202012Validator:
    strict = deepcopy(schema(name))
    _close(strict)
    return Draft202012Validator(strict, format_checker=FormatChecker())


def _close(node: object) -> None:
    if isinstance(node, dict):
        if "properties" in node:
            node.setdefault("additionalProperties", False)
        for child in node.values():
            _close(child)
    elif isinstance(node, list):
        for child in node:
            _close(child)


def body(report: Report, extension: str) -> bytes:
    """The bytes of one form of a report."""
    (found,) = (file.body for file in report.files if file.name.endswith(f".{extension}"))
    return found


class Page(HTMLParser):
    """A page taken apart: tags in order, attributes with their tag, ids, links, and all text."""

    def __init__(self, report: Report) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.text = ""
        self.style = ""
        self.open: list[str] = []
        self.feed(body(report, "html").decode())
        self.close()
        assert self.open == [], "every element is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag that closes itself."""
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        """Close what was opened last; HTML lets a list item end by itself, these pages do not."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Gather text and style."""
        if self.open and self.open[-1] == "style":
            self.style += data
        else:
            self.text += data

    def values(self, name: str) -> list[str]:
        """All values of one attribute."""
        return [value for _, each, value in self.attributes if each == name]
