"""Health: everywhere the story can stop, looked at.

Does: names every trouble there is at a moment, from the ledger, the folders, and the signs of life of the processes.
Touches: reads the ledger, names and times of files, free space.
Does not: mend, mail (alarm) or print (cli.health). What mails tell already is trouble too: who watches a screen reads
no mail.
"""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from gateway.config import Settings
from gateway.domain.model import Param, Phrase
from gateway.domain.workdays import WorkCalendar, local_day
from gateway.errors import GatewayError
from gateway.store.backups import FACTS, PATTERN
from gateway.store.engine import Engine
from gateway.store.ledger import facts
from gateway.store.ledger.standing import Queue
from gateway.store.spool import Spool
from gateway.workflow.restored import gate
from gateway.workflow.scan import Scanner, scanner
from gateway.workflow.standing import Standing, standing
from gateway.workflow.vitals import Part

# A process writes its signs of life every two seconds. On a machine that swaps it may take a while.
SILENT_SECONDS = 20.0
# A step may fail when the ledger was held for long, or a disk was full for a moment.
FAILING_SECONDS = 60.0
# Pushes are tried again after 1, 5 and 15 minutes; by then it is no hiccup any more.
PUSH_MINUTES = 60
MEGABYTE = 1024 * 1024
# Which processes together do all the work.
COMPLETE = (frozenset({"all"}), frozenset({"sftp", "worker"}))
# Of these the desk hears by a mail of their own, or cannot hear by mail.
TOLD_OTHERWISE = frozenset({"HELD", "AT_RISK", "BREACHED", "MAIL_LATE", "MAIL_LOST", "MAIL_GATE"})


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that a person must look at. `code` is a key below `health` of the catalogue, `about` what it concerns
    (a role, a part, a folder); `params` fill its sentence and name nobody."""

    code: str
    about: str = ""
    params: tuple[tuple[str, Param], ...] = ()

    def phrase(self) -> Phrase:
        """It as a sentence."""
        return Phrase(f"health.{self.code}", tuple(sorted((("about", self.about), *self.params))))


@dataclass(frozen=True, slots=True)
class Heart:
    """Signs of life of a process of one role. `age`: technical seconds since it wrote them; `legal`: its clock then.
    `process`: which of those of its role."""

    role: str
    age: float
    ended: bool = False
    legal: datetime | None = None
    parts: tuple[Part, ...] = ()
    process: int = 1

    @property
    def name(self) -> str:
        """What people call the process."""
        return self.role if self.process == 1 else f"{self.role} {self.process}"

    @property
    def beats(self) -> bool:
        """Whether the process lives."""
        return not self.ended and self.age < SILENT_SECONDS


@dataclass(frozen=True, slots=True)
class View:
    """What is looked at. `now` and `written` are legal time; `ends`: until when each certificate of ours is good.
    `standing` is None, and `ledger` says why, when the ledger could not be read."""

    settings: Settings
    now: datetime
    written: Callable[[float], datetime]
    hearts: tuple[Heart, ...] = ()
    standing: Standing | None = None
    ledger: str = ""
    gate: datetime | None = None
    refused: bool = False
    scanner: Scanner | None = None
    ends: Mapping[str, datetime] = field(default_factory=dict)


def view(
    engine: Engine,
    settings: Settings,
    calendar: WorkCalendar,
    now: datetime,
    written: Callable[[float], datetime],
    hearts: tuple[Heart, ...] = (),
    ends: Mapping[str, datetime] | None = None,
) -> View:
    """The view of this moment."""
    try:
        stands, closed = standing(engine, now, calendar), gate(engine)
        refused, scans = bool(facts.setting(engine, "configuration_error")), scanner(engine)
    except (GatewayError, LookupError) as error:
        return View(settings, now, written, hearts, ledger=str(error) or type(error).__name__, ends=ends or {})
    return View(settings, now, written, hearts, stands, gate=closed, refused=refused, scanner=scans, ends=ends or {})


def troubles(seen: View) -> list[Trouble]:
    """Every trouble, what stops the story first."""
    found = [*_of_processes(seen.hearts), *_of_folders(seen)]
    if seen.standing is None:
        found.append(Trouble("LEDGER", params=(("reason", seen.ledger),)))
    else:
        found += _of_queues(seen, seen.standing)
    if seen.refused:
        found.append(Trouble("CONFIG_REFUSED"))
    return [*found, *_of_scanner(seen), *_of_backups(seen), *_of_certificates(seen)]


def _of_processes(hearts: tuple[Heart, ...]) -> Iterator[Trouble]:
    living = frozenset(heart.role for heart in hearts if heart.beats)
    if not any(needed <= living for needed in COMPLETE):
        known = {heart.role for heart in hearts}
        needed = COMPLETE[1] if known & COMPLETE[1] and "all" not in living else COMPLETE[0]
        for role in sorted(needed - living):
            yield Trouble("NOT_RUNNING", role)
    several = any(heart.process > 1 for heart in hearts) and "sftp" in living
    for heart in hearts:
        # One of several that ended in order was taken away on purpose; one that fell silent was not.
        if several and heart.role == "sftp" and not heart.beats and not heart.ended:
            yield Trouble("NOT_RUNNING", heart.name)
    for heart in hearts:
        for part in heart.parts if heart.beats else ():
            if part.late > 0:
                yield Trouble("STUCK", part.name, (("n", round(part.late + heart.age)),))
            elif part.failing is not None and part.failing > FAILING_SECONDS:
                yield Trouble("FAILING", part.name, (("n", round(part.failing / 60)),))


def _of_queues(seen: View, stands: Standing) -> Iterator[Trouble]:
    health = seen.settings.health
    landed = Queue(*_landed(seen))
    for code, queue, minutes in (
        ("LANDED", landed, health.waiting_minutes),
        ("WAITING", stands.waiting, health.waiting_minutes),
        ("UNPLACED", stands.unplaced, health.waiting_minutes),
        ("MAIL_LATE", stands.delayed_mails, health.mail_minutes),
        ("PUSH_LATE", stands.pushes, PUSH_MINUTES),
    ):
        age = stands.age(queue)
        if age > minutes * 60:
            yield Trouble(code, params=(("n", queue.count), ("minutes", int(age // 60))))
    for code, n in (
        ("HELD", stands.held.count),
        ("BREACHED", stands.breached),
        ("AT_RISK", stands.at_risk),
        ("MAIL_LOST", stands.lost_mails.count),
    ):
        if n:
            yield Trouble(code, params=(("n", n),))
    if seen.gate is not None:
        yield Trouble("MAIL_GATE")


def _landed(seen: View) -> tuple[int, datetime | None]:
    """How many files landed, or were claimed in a watch folder, without being received, and since when."""
    times = []
    spool = Spool(seen.settings.paths.inbox, seen.settings.paths.outbox)
    try:
        for folder in (*spool.landed_folders(), *spool.claim_folders()):
            try:
                times.append(seen.written(folder.stat().st_mtime))
            except FileNotFoundError:
                continue  # received meanwhile
    except OSError:
        return 0, None  # that the folder cannot be read is told by itself
    return len(times), min(times, default=None)


def _of_folders(seen: View) -> Iterator[Trouble]:
    for name, folder in seen.settings.paths:
        if not folder.is_dir() or not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
            yield Trouble("FOLDER", name)
            continue
        free = shutil.disk_usage(folder).free // MEGABYTE
        if free < seen.settings.health.free_megabytes:
            yield Trouble("SPACE", name, (("n", free),))


def _of_scanner(seen: View) -> Iterator[Trouble]:
    section, scans = seen.settings.scan, seen.scanner
    if section.clamd is None or scans is None:
        return
    lasts = (seen.now - scans.since).total_seconds()
    if scans.reason and lasts > FAILING_SECONDS:
        yield Trouble("SCANNER", params=(("n", int(lasts // 60)), ("reason", scans.reason)))
    if scans.overlooks:
        yield Trouble("SCANNER_LIMITS")
    made = scans.version and scans.version.made
    if made and (days := (seen.now - seen.written(made.timestamp())).days) >= section.database_days:
        yield Trouble("SIGNATURES", params=(("n", days),))


def _of_backups(seen: View) -> Iterator[Trouble]:
    folder = seen.settings.health.backups
    if folder is None:
        return
    newest = newest_backup(folder)
    if newest is None:
        yield Trouble("NO_BACKUP")
        return
    age = seen.now - seen.written(newest)
    if age > timedelta(hours=seen.settings.health.backup_hours):
        yield Trouble("BACKUP", params=(("n", int(age.total_seconds() // 3600)),))


def newest_backup(folder: Path) -> float | None:
    """When the last whole backup in a folder was made, in seconds since 1970."""
    try:
        return max((path.stat().st_mtime for path in folder.glob(f"{PATTERN}{FACTS}")), default=None)
    except OSError:
        return None


def _of_certificates(seen: View) -> Iterator[Trouble]:
    until = seen.now + timedelta(days=seen.settings.health.certificate_days)
    for name, ends in sorted(seen.ends.items()):
        if ends < until:
            yield Trouble("CERTIFICATE", name, (("ends", local_day(ends).isoformat()),))
