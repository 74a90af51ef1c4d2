"""Markup: the parts of a page that come back hundreds of times, made here because a template's macro takes ten times as
long.

Does: says a pair in both languages, lets a name break at its underscores, fills a row of figures, draws a bar chart as
SVG.
Touches: nothing.
Does not: hold a sentence. Each value is escaped where it is put in, as the templates do it.
"""

from collections.abc import Callable

from gateway.reports.charts import LABELS, WIDTH, Bar, Chart
from gateway.reports.overview import Line, Moved
from gateway.reports.wording import Pair

# Above and below a bar, and between a bar and what is written beside it.
MARGIN = 4
BESIDE = 8
PAIRED_BAR = 15


class Html(str):
    """Text that a template puts in as it is. Made in this module alone."""

    __slots__ = ()

    def __html__(self) -> str:
        return str(self)


def escape(text: str) -> str:
    """The text as HTML, in the spelling of the templates."""
    for sign, written in (("&", "&amp;"), (">", "&gt;"), ("<", "&lt;"), ("'", "&#39;"), ('"', "&#34;")):
        text = text.replace(sign, written)
    return text


def both(pair: Pair) -> Html:
    """The Dutch, and the English after it where that differs."""
    if pair.en == pair.nl:
        return Html(escape(pair.nl))
    return Html(f'{escape(pair.nl)} <span lang="en">{escape(pair.en)}</span>')


def under(pair: Pair) -> Html:
    """A paragraph in Dutch and one in English under it."""
    return Html(f'<p>{escape(pair.nl)}</p>\n<p lang="en">{escape(pair.en)}</p>\n')


def breakable(text: str) -> Html:
    """A name that may go on at the next line after each underscore."""
    return Html(escape(text).replace("_", "_<wbr>"))


def moved(change: Moved, flagged: Pair) -> Html:
    """A change; a large one with an arrow, and for who does not see it the words `flagged`."""
    if not change.flagged:
        return Html(escape(change.text.nl))
    arrow = f'<span aria-hidden="true">{"▲" if change.up else "▼"}</span>'
    words = f'<span class="vh"> {escape(flagged.nl)}</span>'
    return Html(f'<b class="flag">{arrow} {escape(change.text.nl)}{words}</b>')


def row(line: Line, shared: bool, flagged: Pair) -> Html:
    """A row of a table of figures; `shared`: the table has a column of shares."""
    name = breakable(line.label.nl) if line.label.nl == line.label.en else both(line.label)
    cells = [f'<tr>\n<th scope="row">{name}</th>\n<td class="n">{escape(line.now.nl)}</td>\n']
    if shared:
        cells.append(f'<td class="n">{escape(line.share.nl) if line.share else ""}</td>')
    for beside in line.besides:
        if beside is None:
            cells.append("<td></td><td></td>\n")
        else:
            before = f'<td class="n">{escape(beside[0].nl)}</td>'
            cells.append(f'{before}\n<td class="n">{moved(beside[1], flagged)}</td>\n')
    return Html("".join([*cells, "</tr>"]))


def svg(chart: Chart) -> Html:
    """The drawing of a chart, named by its title and description."""
    name = escape(chart.id)
    draw = _pair_of_bars if chart.bars and chart.bars[0].second is not None else _bar
    lines = [
        f'<svg class="chart" viewBox="0 0 {WIDTH} {chart.height}" role="img" aria-labelledby="{name}-t {name}-d">',
        f'<title id="{name}-t">{escape(chart.title.nl)}</title>',
        f'<desc id="{name}-d">{escape(chart.description.nl)}</desc>',
    ]
    for bar in chart.bars:
        middle = bar.top + chart.line // 2 + 5
        lines.append(f'<text class="l" x="{LABELS - BESIDE}" y="{middle}">{escape(bar.label)}</text>')
        draw(bar, chart, lines.append)
    return Html("\n".join([*lines, f'<path class="axis" d="M{LABELS} 0V{chart.height}"/>', "</svg>"]))


def _rect(kind: str, x: int, y: int, width: int, height: int) -> str:
    return f'<rect class="{kind}" x="{x}" y="{y}" width="{width}" height="{height}"/>'


def _bar(bar: Bar, chart: Chart, put: Callable[[str], None]) -> None:
    height = chart.line - 2 * MARGIN
    if bar.pale:
        put(_rect("pale", LABELS + bar.solid, bar.top + MARGIN, bar.pale, height))
    put(_rect("bar", LABELS, bar.top + MARGIN, bar.solid, height))
    for number, mark in enumerate(bar.marks, 1):
        if mark is not None:
            put(_rect(f"mark m{number}", LABELS - 1 + mark, bar.top + 1, 3, chart.line - 2))
    end = max([bar.solid + bar.pale, *(mark for mark in bar.marks if mark is not None)])
    hot, sign = (' class="hot"', " ▲" if bar.up else " ▼") if bar.flagged else ("", "")
    place = f'x="{LABELS + BESIDE + end}" y="{bar.top + chart.line // 2 + 5}"'
    put(f"<text {place}{hot}>{escape(bar.value)}{sign}</text>")


def _pair_of_bars(bar: Bar, _chart: Chart, put: Callable[[str], None]) -> None:
    pairs = (("pale", bar.solid, bar.value), ("bar", bar.second or 0, bar.second_value))
    for number, (kind, length, value) in enumerate(pairs):
        top = bar.top + MARGIN + number * (PAIRED_BAR + 1)
        put(_rect(kind, LABELS, top, length, PAIRED_BAR))
        put(f'<text x="{LABELS + BESIDE + length}" y="{top + 12}">{escape(value)}</text>')
