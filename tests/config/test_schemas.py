"""JSON Schemas for editors: what is shipped fits them, mistakes do not, and the published files are these."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from gateway.config import schemas
from gateway.config.editors import text_of
from tests.config.conftest import SHIPPED

PUBLISHED = Path(__file__).resolve().parents[2] / "docs" / "schemas" / "config"
FILES = {
    "gateway": ["gateway.yaml"],
    "participants": ["participants.yaml"],
    "round": sorted(path.relative_to(SHIPPED).as_posix() for path in SHIPPED.glob("rounds/*.yaml")),
    "kind": sorted(path.relative_to(SHIPPED).as_posix() for path in SHIPPED.glob("kinds/*.yaml")),
    "codelist": sorted(path.relative_to(SHIPPED).as_posix() for path in SHIPPED.glob("codelists/*.yaml")),
}


def errors(name: str, value: Any) -> list[str]:
    return [error.message for error in Draft202012Validator(dict(schemas()[name])).iter_errors(value)]


@pytest.mark.parametrize("name", FILES)
def test_each_is_a_schema_and_the_shipped_files_fit_it(name: str) -> None:
    Draft202012Validator.check_schema(schemas()[name])
    assert FILES[name]
    for file in FILES[name]:
        value = JsonLoader((SHIPPED / file).read_text()).get_single_data()
        assert errors(name, value) == [], file


class JsonLoader(yaml.SafeLoader):
    """Reads days as text, as editors do."""


JsonLoader.add_constructor("tag:yaml.org,2002:timestamp", lambda loader, node: node.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("gateway", {"sftp": {"lisen": "x"}}),
        ("gateway", {"language": "fr"}),
        ("gateway", {"limits": {"upload_bytes": "2.5 MB"}}),
        ("participants", {"municipalities": {"363": {"name": "x"}}}),
        ("participants", {"accounts": [{"login": "a"}]}),
        ("participants", {"accounts": [{"login": "a", "phone": "1"}]}),
        ("round", {"name": "x", "periods": ["2018H3"], "kinds": [], "delivery": {"opens": "x", "closes": "x"}}),
        ("kind", {"code": "X", "name": {}, "columns": [{"name": "a", "typo": "digits"}]}),
        ("codelist", {"name": "a", "values": []}),
    ],
)
def test_mistakes_do_not_fit(name: str, value: Any) -> None:
    assert errors(name, value)


def test_the_published_files_are_these() -> None:
    published = {path.stem: path.read_text(encoding="utf-8") for path in PUBLISHED.glob("*.json")}
    assert published == {name: text_of(schema) for name, schema in schemas().items()}
