"""`gateway put` and `gateway fetch`: the municipality's end as commands.

Does: runs the client, says in Dutch and English what happens (a progress bar on a terminal, lines elsewhere, JSON for
programs), and gives the exit code of how it ended.
Touches: the terminal; through the client the network and local files.
Does not: decide anything about a delivery.

Results go to stdout, everything else to stderr.
"""

import json
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from secrets import SystemRandom

import click

from gateway.client.fetch import Fetched, Wish, fetch, worst
from gateway.client.outcome import EXIT_CODES, Outcome, Refused, Stopped, Watcher, exit_code
from gateway.client.patience import Clock, Patience
from gateway.client.put import Parcel, Receipt, await_verdict, deliver, parcel
from gateway.client.session import Line, Server
from gateway.config import load_texts
from gateway.domain.model import Param
from gateway.errors import Temporary
from gateway.reports.wording import Pair, Texts

CLOCK = Clock(time.monotonic, time.sleep, SystemRandom().random)
INTERRUPTED = 130
FAULT = 70


@dataclass(frozen=True, slots=True)
class Manner:
    """How to speak, and for how many seconds to try."""

    timeout: float
    as_json: bool = False
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """How one file ended. `said` is what a person is told."""

    file: str
    outcome: Outcome
    said: Pair
    parcel: Parcel | None = None
    receipt: Receipt | None = None
    reports: tuple[str, ...] = ()
    refusal: str | None = None

    def document(self) -> dict[str, object]:
        """For --json. Fields are only ever added."""
        sent, receipt = self.parcel, self.receipt
        return {
            "file": self.file,
            "outcome": self.outcome,
            "exit_code": EXIT_CODES[self.outcome],
            "municipality": sent.municipality if sent else None,
            "trial": sent.trial if sent else None,
            "bytes": sent.size if sent else None,
            "sha256": sent.sha256 if sent else None,
            "drop_id": receipt.drop_id if receipt else None,
            "receipt": receipt.name if receipt else None,
            "repeat": receipt.outcome is Outcome.REPEATED if receipt else None,
            "reports": list(self.reports),
            "refusal": self.refusal,
            "nl": self.said.nl,
            "en": self.said.en,
        }


# --- speaking -----------------------------------------------------------------------------------------------


@contextmanager
def _no_verdict_by_accident() -> Iterator[None]:
    """An interpreter that ends on a traceback gives 1, which here says that a file was rejected."""
    try:
        yield
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except Exception as error:
        traceback.print_exc()
        raise SystemExit(FAULT) from error


@contextmanager
def _watching(manner: Manner, texts: Texts) -> Iterator[Watcher]:
    """A watcher that draws a bar on a terminal and writes lines elsewhere; --quiet only lets warnings through."""
    loud = frozenset({"client.pinned", "client.checksum", "client.unreadable"})
    if manner.quiet or manner.as_json or not sys.stderr.isatty():

        def tell(key: str, **params: Param) -> None:
            if key in loud or not manner.quiet:
                click.echo(_line(texts.both(key, **params)), err=True)

        yield Watcher(tell, lambda _done, _total: None)
        return
    from rich.console import Console
    from rich.progress import Progress
    from rich.text import Text

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)

        def show(key: str, **params: Param) -> None:
            bar.reset(task, total=None)
            bar.console.print(Text(_line(texts.both(key, **params))))

        yield Watcher(show, lambda done, total: bar.update(task, completed=done, total=total))


def _line(said: Pair) -> str:
    return f"{said.nl} | {said.en}"


def _refusal(texts: Texts, key: str, refused: Refused, **params: Param) -> Pair:
    return Pair(
        texts.say("nl", key, code=refused.code, said=refused.nl, **params),
        texts.say("en", key, code=refused.code, said=refused.en, **params),
    )


# --- put ----------------------------------------------------------------------------------------------------


@_no_verdict_by_accident()
def put_files(
    server: Server, files: tuple[Path, ...], municipality: str | None, manner: Manner, *, trial: bool, wait: bool
) -> int:
    """Deliver the files one after the other, then wait for their reports when asked; the exit code."""
    texts = load_texts()
    patience = Patience(CLOCK, CLOCK.monotonic() + manner.timeout)
    with _watching(manner, texts) as watcher, Line(server, watcher.tell) as line:
        work = _Work(line, patience, watcher, texts, municipality, trial)
        results = [_guarded(texts, Result(str(path), Outcome.LATER, Pair("", "")), work.put) for path in files]
        if wait:
            results = [_guarded(texts, result, work.wait) for result in results]
    code = exit_code(result.outcome for result in results)
    if manner.as_json:
        click.echo(json.dumps({"exit_code": code, "files": [r.document() for r in results]}, indent=2))
        return code
    for result in results:
        fine = EXIT_CODES[result.outcome] == 0
        if not (fine and manner.quiet):
            click.echo(_line(result.said), err=not fine)
    return code


@dataclass(frozen=True, slots=True)
class _Work:
    """What all files of one command share, and the two steps of each."""

    line: Line
    patience: Patience
    watcher: Watcher
    texts: Texts
    municipality: str | None
    trial: bool

    def put(self, result: Result) -> Result:
        """The file delivered."""
        wanted = parcel(Path(result.file), self.municipality, trial=self.trial)
        sent, receipt = deliver(self.line, wanted, self.patience, self.watcher)
        said = self.texts.both(f"client.{receipt.outcome}", file=sent.name, id=receipt.drop_id)
        return replace(result, outcome=receipt.outcome, said=said, parcel=sent, receipt=receipt)

    def wait(self, result: Result) -> Result:
        """A delivered file's verdict; any other as it was."""
        if result.parcel is None or result.receipt is None:
            return result
        name, judged = result.parcel.name, result.receipt.judged
        self.watcher.tell("client.waiting", file=name, id=judged)
        found = await_verdict(self.line, result.parcel.municipality, judged, self.patience, self.watcher)
        outcome, reports = found
        said = self.texts.both(f"client.{outcome}", file=name, id=judged)
        return replace(result, outcome=outcome, said=said, reports=tuple(reports))


def _guarded(texts: Texts, result: Result, work: Callable[[Result], Result]) -> Result:
    """What `work` makes of a result; what stops it becomes its ending."""
    name = Path(result.file).name
    try:
        return work(result)
    except Stopped as stopped:
        return replace(result, outcome=stopped.outcome, said=texts.both(stopped.key, **stopped.params))
    except Refused as refused:
        known = f"refusals.{refused.code}.retry"
        later = refused.passing or (texts.has(known) and texts.say("nl", known) == "yes")
        outcome = Outcome.LATER if later else Outcome.REFUSED
        key = "client.refused_for_now" if later else "client.refused"
        said = _refusal(texts, key, refused, file=name)
        return replace(result, outcome=outcome, said=said, refusal=refused.code)
    except Temporary as error:
        return replace(result, outcome=Outcome.LATER, said=texts.both("client.later", file=name, reason=str(error)))
    except OSError as error:
        said = texts.both("client.unreadable_file", file=result.file, reason=error.strerror or str(error))
        return replace(result, outcome=Outcome.USAGE, said=said)


# --- fetch --------------------------------------------------------------------------------------------------


@_no_verdict_by_accident()
def fetch_reports(
    server: Server,
    directory: Path,
    municipalities: tuple[str, ...],
    manner: Manner,
    *,
    since: date | None,
    collected: bool,
    confirm: bool,
) -> int:
    """Bring reports home; the exit code."""
    texts = load_texts()
    wish = Wish(directory, municipalities, since, collected, confirm)
    patience = Patience(CLOCK, CLOCK.monotonic() + manner.timeout)
    found: list[Fetched] = []
    said: Pair | None = None
    try:
        with _watching(manner, texts) as watcher, Line(server, watcher.tell) as line:
            found = fetch(line, wish, patience, watcher)
        outcome = worst(found)
    except Stopped as stopped:
        outcome, said = stopped.outcome, texts.both(stopped.key, **stopped.params)
    except Refused as refused:
        outcome, said = Outcome.REFUSED, _refusal(texts, "client.fetch_refused", refused)
    except Temporary as error:
        outcome, said = Outcome.LATER, texts.both("client.fetch_later", reason=str(error))
    except OSError as error:
        file, reason = str(error.filename or directory), error.strerror or str(error)
        outcome, said = Outcome.LATER, texts.both("client.unreadable_file", file=file, reason=reason)
    _say_fetched(found, outcome, said, manner, texts)
    return EXIT_CODES[outcome]


def _say_fetched(found: list[Fetched], outcome: Outcome, said: Pair | None, manner: Manner, texts: Texts) -> None:
    if manner.as_json:
        reports = [
            {
                "municipality": each.municipality,
                "report": each.stem,
                "outcome": each.outcome,
                "files": list(each.files),
                "brought": list(each.brought),
                "confirmed": each.confirmed,
            }
            for each in found
        ]
        document: dict[str, object] = {"exit_code": EXIT_CODES[outcome], "outcome": outcome, "reports": reports}
        document |= {"nl": said.nl, "en": said.en} if said else {"nl": None, "en": None}
        click.echo(json.dumps(document, indent=2))
    elif said is not None:
        click.echo(_line(said), err=True)
    elif not manner.quiet:
        for each in found:
            if each.brought:
                click.echo(f"{each.municipality}/{each.stem}")
        if not any(each.brought for each in found) and outcome is Outcome.DONE:
            click.echo(_line(texts.both("client.nothing_new", n=len(found))), err=True)
