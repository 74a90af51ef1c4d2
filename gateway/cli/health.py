"""Is all well: one line for a monitor, the details below it.

Does: looks at processes, ledger, folders, mail and backups as they are now, with or without a running gateway.
Touches: reads the ledger and the signs of life; the terminal.
Does not: change anything but to owe and send the alarm it is asked for; it makes no ledger where there is none.
"""

import json
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gateway.channel.mail import post_for
from gateway.cli.show import local
from gateway.config import Settings, load, load_texts, usable
from gateway.config.calendar import work_calendar
from gateway.daemon import heart, offline
from gateway.daemon.expiry import certificate_ends
from gateway.domain.workdays import WorkCalendar
from gateway.errors import ConfigError, GatewayError
from gateway.reports.plain import visible
from gateway.reports.wording import LANGUAGES, Texts
from gateway.store.durable import write_durably
from gateway.store.ledger import facts, log
from gateway.store.sqlite import SQLite
from gateway.workflow.alarm import OCCASION, raise_alarm
from gateway.workflow.health import TOLD_OTHERWISE, Heart, Trouble, View, troubles, view
from gateway.workflow.notify import send_due

# A ledger up to this size is looked through; `gateway doctor` looks at any.
CHECKED_BYTES = 64 * 1024 * 1024
BUSY_SECONDS = 2.0
# A restart takes less.
AGAIN = 20.0
FIGURES = ("waiting", "held", "unplaced", "uncollected", "mails", "delayed_mails", "pushes")
COUNTS = ("due_today", "at_risk", "breached", "overdue")


@dataclass(frozen=True, slots=True)
class Found:
    """What was seen, all the trouble in it, and the words to tell it."""

    view: View
    troubles: tuple[Trouble, ...]
    texts: Texts


def look(directory: Path) -> Found:
    """Look at everything. A broken configuration is one of the troubles."""
    broken: list[Trouble] = []
    try:
        configuration = load(directory)
        settings, texts, calendar = configuration.settings, configuration.texts, configuration.calendar
    except ConfigError as error:
        broken = [Trouble("CONFIG", params=(("n", len(error.problems)),))]
        settings, texts = usable(directory), load_texts()
        calendar = work_calendar(settings.calendar)
    except PermissionError as error:
        raise GatewayError(f"{error.filename} cannot be read; ask as the user of the service, or as root") from error
    seen = _view(settings, calendar)
    return Found(seen, (*broken, *troubles(seen)), texts)


def _view(settings: Settings, calendar: WorkCalendar) -> View:
    hearts = heart.read(settings.paths.state)
    ends = certificate_ends(settings)
    path = Path(settings.ledger.url.removeprefix("sqlite:///"))
    now = datetime.now(UTC)
    try:
        size = path.stat().st_size
    except OSError:
        size = 0
    if not size:
        return View(settings, now, _real, hearts, ledger=f"no {path.name} in {path.parent}", ends=ends)
    try:
        with closing(SQLite(path, busy_seconds=BUSY_SECONDS)) as engine:
            problems = engine.check() if size < CHECKED_BYTES else []
            if problems:
                return View(settings, now, _real, hearts, ledger=problems[0], ends=ends)
            now, written = _clock(engine, now, hearts)
            return view(engine, settings, calendar, now, written, hearts, ends)
    except GatewayError as error:
        return View(settings, now, _real, hearts, ledger=str(error), ends=ends)


def _real(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _clock(engine: SQLite, now: datetime, hearts: tuple[Heart, ...]) -> tuple[datetime, Callable[[float], datetime]]:
    """Legal time now, and of a file. In a sandbox: of the process that lives, else of the last line of the log."""
    if facts.setting(engine, "sandbox") != "1":
        return now, _real
    legal = max((each.legal for each in hearts if each.beats and each.legal), default=log.latest_moment(engine)) or now
    return legal, lambda seconds: legal - timedelta(seconds=max(0.0, time.time() - seconds))


def figures(seen: View) -> dict[str, int]:
    """The counts that a monitor draws."""
    stands = seen.standing
    if stands is None:
        return {}
    queues = {name: int(getattr(stands, name).count) for name in FIGURES}
    counts = {name: int(getattr(stands, name)) for name in COUNTS}
    return {**queues, "oldest_seconds": int(stands.age(stands.waiting)), **counts}


def mail_alarm(directory: Path, wait: float = AGAIN) -> None:
    """Mail of what lasts: what was red, and still is `wait` seconds later. ConfigError or Corrupt when nobody can be
    mailed."""
    before = {(each.code, each.about) for each in look(directory).troubles}
    time.sleep(wait)
    found = [each for each in look(directory).troubles if (each.code, each.about) in before]
    ctx = offline(load(directory))
    with closing(ctx.engine):
        raise_alarm(ctx, (each for each in found if each.code not in TOLD_OTHERWISE), _unheard)
        post = post_for(ctx.configuration().settings, write_durably, sandbox=ctx.sandbox)
        send_due(ctx, post, _unheard, only=OCCASION)


def _unheard(_event: str, **_facts: object) -> None:
    """What is mailed is printed already."""


def print_health(directory: Path, *, as_json: bool) -> bool:
    """Print how it stands; whether all is well."""
    found = look(directory)
    print(_document(found) if as_json else _lines(found))
    return not found.troubles


def _document(found: Found) -> str:
    said = [
        {"code": each.code, "about": each.about, **{lang: found.texts.tell(lang, each.phrase()) for lang in LANGUAGES}}
        for each in found.troubles
    ]
    processes = [
        {
            "role": each.role,
            "process": each.process,
            "alive": each.beats,
            "ended": each.ended,
            "age": round(min(each.age, 1e9), 1),
        }
        for each in found.view.hearts
    ]
    document = {
        "healthy": not found.troubles,
        "at": local(found.view.now),
        "troubles": said,
        "figures": figures(found.view),
        "processes": processes,
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def _lines(found: Found) -> str:
    """The first line as monitors of the Nagios family read it: words, a bar, figures. Below it every trouble in both
    languages."""
    first, second = sorted(LANGUAGES, key=lambda each: each != found.view.settings.language)
    key, count = ("health.red", len(found.troubles)) if found.troubles else ("health.green", 0)
    told = [[found.texts.tell(lang, each.phrase()) for lang in (first, second)] for each in found.troubles]
    head = ": ".join([found.texts.say(first, key, n=count), *([" ".join(said[0] for said in told)] if told else [])])
    drawn = " ".join(f"{name}={value}" for name, value in figures(found.view).items())
    lines = [f"{visible(head).replace('|', '/')}{' | ' if drawn else ''}{drawn}"]
    for trouble, (one, other) in zip(found.troubles, told, strict=True):
        lines += [f"{trouble.code:14} {visible(one)}", f"{'':14} {visible(other)}"]
    return "\n".join(lines)
