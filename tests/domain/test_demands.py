"""What an administrator is told of a kind that cannot be used."""

from dataclasses import replace

import pytest

from gateway.domain.demands import problems_in
from gateway.domain.kinds import CodeList, Column, FileKind, Rule
from tests.rules import rules

LISTS = {"list": CodeList("list", {"01": "one"})}
KIND = FileKind("K1", {"nl": "k", "en": "k"}, (Column("A", "date"), Column("B", "text")))


@pytest.mark.parametrize("kind", rules().kinds.values(), ids=lambda kind: kind.code)
def test_the_shipped_kinds_have_no_problems(kind: FileKind) -> None:
    assert problems_in(kind, rules().codelists) == ()


@pytest.mark.parametrize(
    ("column", "path"),
    [
        (Column("A;B", "text"), "name"),
        (Column(" A", "text"), "name"),
        (Column("A", "number"), "type"),
        (Column("A", "code"), "codelist"),
        (Column("A", "code", codelist="lits"), "codelist"),
        (Column("A", "code", codelist="list", length=3), "length"),
        (Column("A", "digits", max_length=4), "max_length"),
        (Column("A", "digits", length=0), "length"),
        (Column("A", "text", codelist="list"), "codelist"),
        (Column("A", "text", pattern="(a+)+"), "pattern"),
        (Column("A", "text", pattern="[z-a]"), "pattern"),
        (Column("A", "text", pattern="[[:alpha:]]"), "pattern"),
        (Column("A", "date", earliest="1990-13-01"), "earliest"),
        (Column("A", "integer", minimum=3, maximum=2), "minimum"),
        (Column("A", "date", minimum=3), "minimum"),
    ],
)
def test_a_column_that_cannot_be(column: Column, path: str) -> None:
    assert [where for where, _ in problems_in(replace(KIND, columns=(column,)), LISTS)] == [f"columns[0].{path}"]


@pytest.mark.parametrize(
    ("rule", "path"),
    [
        (Rule("one_off", ("A", "B")), "check"),
        (Rule("one_of", ("A",)), "columns"),
        (Rule("not_before", ("A", "A", "A")), "columns"),
        (Rule("one_of", ("A", "C")), "columns[1]"),
        (Rule("not_before", ("A", "B")), "columns[1]"),
        (Rule("all_present", ("A",)), "settings.values"),
        (Rule("all_present", ("A",), {"values": 1}), "settings.values"),
        (Rule("total", ("A", "B"), {"total": "TT", "tolerance": True}), "settings.tolerance"),
        (Rule("one_of", ("A", "B"), {"strict": True}), "settings.strict"),
    ],
)
def test_a_rule_that_cannot_be(rule: Rule, path: str) -> None:
    assert [where for where, _ in problems_in(replace(KIND, rules=(rule,)), LISTS)] == [f"rules[0].{path}"]


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        (replace(KIND, code="wmo"), "code"),
        (replace(KIND, name={"nl": "k"}), "name.en"),
        (replace(KIND, aliases=("a b",)), "aliases[0]"),
        (replace(KIND, columns=()), "columns"),
        (replace(KIND, columns=(Column("A", "date"), Column("A", "text"))), "columns[1].name"),
    ],
)
def test_a_kind_that_cannot_be(kind: FileKind, path: str) -> None:
    assert [where for where, _ in problems_in(kind, LISTS)] == [path]


def test_a_message_names_what_there_is() -> None:
    ((_, what),) = problems_in(replace(KIND, rules=(Rule("one_off", ("A", "B")),)), LISTS)
    assert "one_of" in what
