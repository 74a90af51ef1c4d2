"""docs/configuration.md: every setting is there with its true default, and the examples load."""

import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from gateway.config.editors import schemas
from gateway.config.sections import Mail, Push, Settings
from gateway.config.yaml import parse
from gateway.domain.model import Limits
from tests.config.conftest import SHIPPED, Tell

TEXT = (SHIPPED.parent / "docs" / "configuration.md").read_text(encoding="utf-8")


def section(name: str) -> dict[str, str]:
    """The rows of the table under the heading `### name`."""
    part = TEXT.split(f"### {name}\n")[1].split("\n#")[0]
    return dict(re.findall(r"(?m)^\| `([a-z0-9_.]+)` \| `?([^|`]+?)`? \|", part))


def shown(value: Any) -> object:
    """What a default looks like when it is read back from the documentation."""
    if isinstance(value, tuple):
        return [str(item) for item in value]
    return str(value) if isinstance(value, Path) else value


SECTIONS = {
    name: {
        info.alias or key: info.get_default(call_default_factory=True) for key, info in type(value).model_fields.items()
    }
    for name in Settings.model_fields
    if isinstance(value := getattr(Settings(), name), BaseModel) and name not in ("metrics", "workers", "desks")
} | {
    "limits": {key: getattr(Limits(), key) for key in Limits.__dataclass_fields__},
    "mail": {info.alias or key: info.get_default() for key, info in Mail.model_fields.items()},
    "push": {info.alias or key: info.get_default() for key, info in Push.model_fields.items()},
}


@pytest.mark.parametrize("name", SECTIONS)
def test_each_setting_is_documented_with_its_default(name: str) -> None:
    documented = section(name)
    assert list(documented) == list(SECTIONS[name])
    for key, value in SECTIONS[name].items():
        if documented[key] not in ("none", "needed"):
            assert parse(documented[key].encode(), key).value == shown(value), key


def test_the_single_settings_are_documented() -> None:
    documented = section("metrics, workers") | section("The rest")
    workers = {f"workers.{key}": str(value) for key, value in Settings().workers}
    assert {key: value for key, value in documented.items() if key in workers} == workers
    for key in ("technical", "quality", "language", "address_policy"):
        assert documented[key] == getattr(Settings(), key)
    assert {"metrics.listen", "desks.access", "desks.content"} <= set(documented)


def example(heading: str) -> str:
    return TEXT.split(f"## {heading}\n")[1].split("```yaml\n")[1].split("```")[0]


def test_the_examples_load(tell: Tell) -> None:
    assert tell("rounds/2017H2.yaml", example("rounds/2017H2.yaml")) == []
    assert tell("texts/nl.yaml", example("Other words")) == []
    people = example("participants.yaml").replace('"0363": {name: Amsterdam}', '"0363": {name: A}\n  "0377": {name: B}')
    tell("gateway.yaml", "")
    lines = tell("participants.yaml", people)
    assert [line.split(": ")[1:3] for line in lines] == [
        ["accounts[0].keys[0]", lines[0].split(": ")[2]],
        ["accounts[0].keys[1].key", lines[1].split(": ")[2]],
    ]
    assert all("damaged" in line for line in lines)


def test_the_round_of_the_example_shows_every_key() -> None:
    value = parse(example("rounds/2017H2.yaml").encode(), "x").value
    assert isinstance(value, dict)
    assert set(value) == set(schemas()["round"]["properties"])
