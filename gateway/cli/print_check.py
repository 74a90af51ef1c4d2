"""What `gateway check` shows: verdict, findings by cause with what to do, places, expected and found.

Does: prints each file on the terminal as the page of a technical report does, or all of them as JSON; a bar of progress
on a terminal meanwhile.
Touches: the terminal.
Does not: examine (check), or hold sentences (texts).
"""

import json
from collections.abc import Iterator

from rich.console import Console
from rich.padding import Padding
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from gateway.cli.check import Asked, Checked, Under, check, document, under
from gateway.domain.model import Param
from gateway.reports.causes import causes, totals
from gateway.reports.plain import masked, visible
from gateway.reports.sections import Section, remembering, sections
from gateway.reports.verdicts import Verdict
from gateway.reports.wording import Pair

PLACES = ("member", "line", "record", "message", "expected", "found")
NUMBERS = ("line", "record")


def print_checked(asked: Asked, as_json: bool) -> bool:
    """Whether every file would be approved; prints why not."""
    rules = under(asked)
    console = Console(stderr=as_json, highlight=False)
    done = list(_with_progress(asked, rules, console))
    if as_json:
        print(json.dumps([document(each, rules) for each in done], indent=1, ensure_ascii=False))
    else:
        screen = _Screen(console, rules)
        for each in done:
            screen.show(each)
        screen.close()
    return all(each.approved for each in done)


def _with_progress(asked: Asked, rules: Under, console: Console) -> Iterator[Checked]:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=sum(path.stat().st_size for path in asked.files))
        remaining = list(asked.files)
        progress.update(task, description=visible(remaining[0].name))
        for each in check(asked, rules):
            progress.advance(task, remaining.pop(0).stat().st_size)
            progress.update(task, description=visible(remaining[0].name) if remaining else "")
            yield each


class _Screen:
    """The terminal, in the language that comes first."""

    def __init__(self, console: Console, rules: Under) -> None:
        self._console = console
        self._rules = rules
        self._language = rules.configuration.settings.language
        self._texts = rules.configuration.texts
        self._tell = remembering(self._texts)

    def show(self, checked: Checked) -> None:
        """One file: its reports."""
        for verdict in checked.verdicts:
            self._verdict(checked, verdict)

    def close(self) -> None:
        """What was checked with, and that nothing was delivered."""
        day = self._rules.received_on.isoformat()
        round_ = self._rules.rules.round
        self._console.print(Text(self._say("check.under", round=round_.id, name=round_.name, day=day), "dim"))

    def _verdict(self, checked: Checked, verdict: Verdict) -> None:
        member, sums = verdict.member, totals(verdict.findings, verdict.counts)
        own = checked.path.name if member is None else member.name
        outcome = self._say(f"outcomes.{'GOEDGEKEURD' if verdict.approved else 'AFGEKEURD'}").upper()
        style = "bold green" if verdict.approved else "bold red"
        head = Text.assemble((outcome, style), "  ", (masked(own), "bold"))
        if own != checked.path.name:
            head.append(f" ({masked(checked.path.name)})")
        if member is not None:
            head.append(f"  {member.kind} {member.period}, {self._say('check.records', n=member.records)}")
        self._console.print(head)
        if sums.total:
            numbers = [(sums.errors, "errors"), (sums.warnings, "warnings")]
            said = [self._say(f"reports.count.{name}", n=number) for number, name in numbers if number]
            self._console.print(", ".join(said))
        for section in sections(causes(verdict.findings, verdict.counts), own, self._texts, self._tell):
            self._section(section)
        if sums.shown < sums.total:
            self._console.print(Text(self._say("reports.count.truncated", shown=sums.shown, total=sums.total)))
        self._console.print()

    def _section(self, section: Section) -> None:
        cause = section.cause
        head = Text.assemble("\n", (f"{cause.code} {self._one(section.title)}", "bold"))
        head.append(f"  {self._one(section.severity)}, {self._one(section.count)}x", "dim")
        self._console.print(head)
        if section.column:
            self._console.print(Text(f"  {self._say('reports.column.column')}: {section.column}"))
        if section.message is not None:
            self._console.print(Padding(Text(self._one(section.message)), (0, 2)))
        self._console.print(Padding(Text(f"{self._say('reports.page.help')}: {self._one(section.help)}"), (0, 2)))
        shown = [name for name in PLACES if name in section.shown]
        if shown:
            table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
            for name in shown:
                heading = self._say(f"reports.column.{name}").lower()
                table.add_column(heading, justify="right" if name in NUMBERS else "left")
            for example in section.examples:
                table.add_row(*(self._cell(getattr(example, name)) for name in shown))
            self._console.print(Padding(table, (0, 2)))
        if section.more is not None:
            self._console.print(Text(f"  {self._say('check.more', shown=len(section.examples))}", "dim"))

    def _cell(self, value: Pair | str | int | None) -> Text:
        if value is None:
            return Text("")
        return Text(self._one(value) if isinstance(value, Pair) else str(value))

    def _one(self, pair: Pair) -> str:
        return pair.en if self._language == "en" else pair.nl

    def _say(self, key: str, **params: Param) -> str:
        return self._texts.say(self._language, key, **params)
