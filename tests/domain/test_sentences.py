"""Every phrase that the checks make has its sentence in both languages, and every sentence of a finding is made.

Does: collects the keys from the source, also where a key is put together, and holds them against the catalogue.
Touches: the source and the texts, reading.
Does not: fill sentences; every other test of the checks does that (examining).
"""

import ast
import re
from collections.abc import Iterator

import pytest

from gateway.config import load_texts
from tests.layers.house import modules, name, tree

SOURCES = [m for m in modules() if re.match(r"gateway/domain/(kinds|checks/|reader/)", name(m))]
CODES = [
    *(f"F{n:02d}" for n in range(1, 13)),
    *(f"R{n:02d}" for n in range(1, 10)),
    *(f"W{n:02d}" for n in range(1, 8)),
]


def patterns() -> Iterator[str]:
    """A regular expression for each text in the source that is a key of the catalogue, or the making of one."""
    for module in SOURCES:
        nodes = list(ast.walk(tree(module)))
        pieces = {id(part) for node in nodes if isinstance(node, ast.JoinedStr) for part in node.values}
        for node in nodes:
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in pieces:
                if re.fullmatch(r"@?(findings|expected|shapes)(\.\w+)+", node.value):
                    yield re.escape(node.value.removeprefix("@"))
                elif re.fullmatch(r"[FRW][0-9]{2}\.\w+", node.value):
                    yield re.escape(f"findings.{node.value}")
            elif isinstance(node, ast.JoinedStr):
                made = "".join(
                    re.escape(str(part.value)) if isinstance(part, ast.Constant) else r"[\w.]+" for part in node.values
                )
                if re.match(r"@?(findings|expected|shapes)\\\.", made):
                    yield made.removeprefix("@")


def keys() -> set[str]:
    """The keys of the catalogue, plural forms as one."""
    return {key.removesuffix(".one").removesuffix(".other") for key in load_texts().sentences["nl"]}


@pytest.mark.parametrize("pattern", sorted(set(patterns())))
def test_a_phrase_has_a_sentence(pattern: str) -> None:
    assert [key for key in keys() if re.fullmatch(pattern, key)] != []


@pytest.mark.parametrize("code", CODES)
def test_a_code_has_title_help_desk_and_retry(code: str) -> None:
    texts = load_texts()
    for language in ("nl", "en"):
        assert texts.say(language, f"findings.{code}.title")
        assert texts.say(language, f"findings.{code}.help")
        assert texts.say(language, f"findings.{code}.desk") in ("access", "content")
        assert texts.say(language, f"findings.{code}.retry") in ("yes", "no")


def test_every_code_of_the_source_has_its_texts() -> None:
    used = {
        node.value
        for module in SOURCES
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and re.fullmatch("[FRW][0-9]{2}", node.value)
    }
    assert used <= set(CODES)
