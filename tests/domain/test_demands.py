"""What an administrator is told of a kind that cannot be used."""

from dataclasses import replace

import pytest

from gateway.domain.demands import problems_in
from gateway.domain.kinds import ClientFigures, CodeList, Column, CostFigures, FileKind, KindFigures, Rule
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


COUNTED = FileKind(
    "K1",
    {"nl": "k", "en": "k"},
    (
        Column("C", "bsn"),
        Column("T", "code", codelist="list"),
        Column("U", "code", codelist="other"),
        Column("D", "date"),
        Column("M", "integer"),
    ),
)
COUNTED_LISTS = {**LISTS, "other": CodeList("other", {"01": "one"})}
CLIENTS = ClientFigures("C", ("T",), ("D",), ("D",), groups="list", form="U", reason="U")
COSTS = CostFigures("T", "M", "M", total="01")


@pytest.mark.parametrize(
    ("figures", "paths"),
    [
        (KindFigures(CLIENTS, COSTS), []),
        (KindFigures(replace(CLIENTS, client="T")), ["clients.client"]),
        (KindFigures(replace(CLIENTS, client="X")), ["clients.client"]),
        (KindFigures(replace(CLIENTS, type=())), ["clients.type"]),
        (KindFigures(replace(CLIENTS, type=("T", "U"))), ["clients.type"]),
        (KindFigures(replace(CLIENTS, type=("D",))), ["clients.type[0]"]),
        (KindFigures(replace(CLIENTS, start=("D", "D", "D"))), ["clients.start"]),
        (KindFigures(replace(CLIENTS, end=("M",))), ["clients.end[0]"]),
        (KindFigures(replace(CLIENTS, form="D")), ["clients.form"]),
        (KindFigures(replace(CLIENTS, reason="X")), ["clients.reason"]),
        (KindFigures(replace(CLIENTS, groups="lits")), ["clients.groups"]),
        (KindFigures(costs=replace(COSTS, key="M")), ["costs.key"]),
        (KindFigures(costs=replace(COSTS, budget="X")), ["costs.budget"]),
        (KindFigures(costs=replace(COSTS, realised="T")), ["costs.realised"]),
        (KindFigures(costs=replace(COSTS, total="TT")), ["costs.total"]),
    ],
)
def test_figures_that_cannot_be_counted(figures: KindFigures, paths: list[str]) -> None:
    found = problems_in(replace(COUNTED, figures=figures), COUNTED_LISTS)
    assert [where for where, _ in found] == [f"figures.{path}" for path in paths]


def test_a_message_names_what_there_is() -> None:
    ((_, what),) = problems_in(replace(KIND, rules=(Rule("one_off", ("A", "B")),)), LISTS)
    assert "one_of" in what
