"""`gateway replay`: the pilot round of February and March 2018, told day by day from the message log.

Does: lays out a demo, plays the scenes in a rehearsal, and prints what people did and what the message log says came of
it, in plain words.
Touches: one folder; the terminal.
Does not: invent a line: what is told below a scene is what the log, the mails and the reports say.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from pathlib import Path
from textwrap import wrap

from gateway.channel.mail import Letter
from gateway.cli.init import init
from gateway.cli.rehearsal import Rehearsal
from gateway.cli.scenes import SCENES, Scene
from gateway.domain.workdays import local_day
from gateway.errors import GatewayError
from gateway.reports.dates import day_text, local
from gateway.reports.wording import Texts
from gateway.store.ledger.log import Line

Say = Callable[[str], None]

# Steps in between that say nothing new to somebody who reads the story.
UNTOLD = frozenset({"decided", "placed", "collected", "login"})
# The desk's morning mail comes every day of the year.
DAILY = frozenset({"overview"})
WIDTH = 116


@dataclass(frozen=True, slots=True)
class Played:
    """What a whole replay left: the message log, the letters, and what the daemon's log called an error."""

    lines: tuple[Line, ...]
    letters: tuple[Letter, ...]
    faults: tuple[object, ...]


def play(root: Path, say: Say, language: str, scenes: Sequence[Scene] = SCENES) -> Played:
    """Play the round in `root` (a folder that is empty or does not exist) and tell it. GatewayError when a scene does
    not come out as it must; what came before is told."""
    if root.exists() and any(root.iterdir()):
        raise GatewayError(f"{root} is not empty")
    init(root, True, lambda _line: None)
    with Rehearsal(root, scenes[0].moment) as stage:
        teller = Teller(stage, say, language)
        for scene in scenes:
            stage.move(scene.moment)
            teller.catch_up()
            teller.narrate(scene)
            scene.act(stage)
            stage.settle()
            teller.catch_up()
        return Played(tuple(stage.lines()), tuple(stage.post.letters), tuple(stage.faults))


class Teller:
    """Tells what is new in a rehearsal's message log each time it is asked."""

    def __init__(self, stage: Rehearsal, say: Say, language: str) -> None:
        self._stage = stage
        self._say = say
        self._language = language
        self._texts: Texts = stage.configuration.texts
        self._told = 0
        self._day: date | None = None

    def narrate(self, scene: Scene) -> None:
        """What people are about to do."""
        self._head(scene.moment)
        self._say("")
        sentence = self._texts.say(self._language, f"replay.scene.{scene.name}")
        start = f"  {local(scene.moment):%H:%M}   "
        for line in wrap(sentence, WIDTH, initial_indent=start, subsequent_indent=" " * len(start)):
            self._say(line)

    def catch_up(self) -> None:
        """The lines since the last time, equal ones of one moment and municipality as one, each mail once."""
        fresh = self._stage.lines()[self._told :]
        self._told += len(fresh)
        told = [line for line in fresh if line.event not in UNTOLD and line.detail.get("occasion") not in DAILY]
        for _, group in groupby(told, key=lambda line: (line.at, _together(line))):
            lines = list(group)
            self._head(lines[0].at)
            who, said = self._mail(lines[0]) if lines[0].event == "mailed" else self._sentence(lines)
            start = f"  {local(lines[0].at):%H:%M}     {who:12} "
            for line in wrap(said, WIDTH, initial_indent=start, subsequent_indent=" " * (len(start) + 2)):
                self._say(line)

    def _head(self, moment: datetime) -> None:
        day = local_day(moment)
        if day != self._day:
            self._day = day
            title = day_text(self._language, day)
            self._say("")
            self._say(title)
            self._say("-" * len(title))

    def _mail(self, line: Line) -> tuple[str, str]:
        letter = next(each for each in self._stage.post.letters if each.id == line.detail["mail"])
        return "mail", f"{letter.recipient}: {letter.subject}"

    def _sentence(self, lines: list[Line]) -> tuple[str, str]:
        place = self._stage.configuration.participants.municipalities.get(lines[0].municipality or "")
        said = self._texts.say(self._language, f"log.event.{lines[0].event}")
        more = ", ".join(dict.fromkeys(filter(None, map(_detail, lines))))
        return place.name if place else lines[0].account or "", f"{said}{': ' if more else ''}{more}"


def _together(line: Line) -> str:
    """Lines that are told as one have this in common."""
    return str(line.detail["mail"]) if line.event == "mailed" else f"{line.event} {line.municipality}"


def _detail(line: Line) -> str:
    """What a line says beside its event: names, items and ids, as they stand in the log."""
    detail = line.detail
    if "code" in detail:
        return f"{detail['name']} ({line.account}, {detail['code']})"
    if "report" in detail:
        # OB_0363_ALLE_ALLE_180212-073889_ONTVANGEN
        sort, _, period, kind, *_, outcome = str(detail["report"]).split("_")
        return f"{sort} {outcome}" if kind == "ALLE" else f"{sort} {kind} {period} {outcome}"
    if "kind" in detail and "period" in detail:
        version = f" v{detail['version']}" if detail.get("version") else ""
        return f"{detail['kind']} {detail['period']}{version}"
    return str(detail.get("name") or detail.get("until") or detail.get("id") or "")
