"""Markup: what is made in Python escapes as the templates do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import Environment

from gateway.reports import markup
from gateway.reports.charts import Bar, Chart
from gateway.reports.overview import Line, Moved
from gateway.reports.wording import Pair

TEMPLATES = Environment(autoescape=True)
HOSTILE = "<script>'\"&</script>_{{ 1 }}"


def filled(template: str, **values: object) -> str:
    """What a template makes of values."""
    return TEMPLATES.from_string(template).render(**values)


@given(st.text())
def test_a_value_is_written_as_a_template_writes_it(text: str) -> None:
    assert markup.escape(text) == filled("{{ text }}", text=text)


@given(st.text(), st.text())
def test_a_pair_is_said_once_when_both_languages_say_the_same(nl: str, en: str) -> None:
    told = '{{ nl }}{% if en != nl %} <span lang="en">{{ en }}</span>{% endif %}'
    assert markup.both(Pair(nl, en)) == filled(told, nl=nl, en=en)


def test_what_was_made_is_not_escaped_again_and_nothing_else_is_spared() -> None:
    made = filled("{{ both(pair) }} {{ text }}", both=markup.both, pair=Pair("<", ">"), text="<")
    assert made == '&lt; <span lang="en">&gt;</span> &lt;'


@pytest.mark.parametrize("paired", [False, True])
def test_nothing_foreign_gets_out_of_its_place(paired: bool) -> None:
    said = Pair(HOSTILE, f"{HOSTILE} too")
    change = Moved(said, flagged=True, up=True)
    line = Line(said, said, said, ((said, change), None), flagged=True)
    second = 3 if paired else None
    bar = Bar(HOSTILE, HOSTILE, 0, 5, pale=2, marks=(None, 4), second=second, second_value=HOSTILE, flagged=True)
    drawn = markup.svg(Chart("id", said, said, 26, (bar,), 26))
    for made in (drawn, markup.row(line, True, said), markup.moved(change, said), markup.under(said)):
        assert "<script" not in made
        assert made.count("&lt;script&gt;&#39;&#34;&amp;&lt;/script&gt;") >= 2
    assert "_<wbr>{{ 1 }}" in markup.breakable(HOSTILE)
