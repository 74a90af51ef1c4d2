"""Configuration: a directory of YAML becomes one frozen value, or every problem in it at once.

Does: loads gateway.yaml, participants.yaml, rounds, kinds, code lists and texts, checks them against each other, and
names the whole by its content.
Touches: the files of the config directory, read only.
Does not: watch for changes (the daemon asks `fingerprint` and calls `load` again), or keep anything between loads.

The problems are for administrators and in English.
"""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from gateway.config.calendar import work_calendar
from gateway.config.canonical import digest
from gateway.config.consistency import assessor_warnings, secret_problems, stray_files, watch_problems
from gateway.config.credentials import Expiring
from gateway.config.editors import schemas
from gateway.config.participants import participants
from gateway.config.rounds import asked, limit_problems, rules_of
from gateway.config.sections import Settings, absolute
from gateway.config.shapes import adapter, fit
from gateway.config.texts import load_texts, overridden
from gateway.config.yaml import Document, Plain, read
from gateway.domain.kinds import Rules
from gateway.domain.model import DeliveryRound, Desk, DeskFacts, Participants
from gateway.domain.workdays import WorkCalendar
from gateway.errors import ConfigError, Problem
from gateway.reports.wording import Texts

__all__ = [
    "Configuration",
    "Settings",
    "fingerprint",
    "load",
    "load_texts",
    "rules_from_json",
    "rules_to_json",
    "schemas",
    "usable",
]


@dataclass(frozen=True, slots=True)
class Configuration:
    """All that was configured, checked. `version` names the content of everything in it; `warnings` do not stop it.
    `expiring`: every key that has a last day."""

    directory: Path
    settings: Settings
    participants: Participants
    rounds: Mapping[str, DeliveryRound]
    rules: Mapping[str, Rules]
    calendar: WorkCalendar
    desks: Mapping[Desk, DeskFacts]
    texts: Texts
    version: str
    warnings: tuple[Problem, ...]
    expiring: tuple[Expiring, ...] = ()

    def ending(self, today: date) -> tuple[Problem, ...]:
        """Warnings of keys that end soon, or have ended."""
        days = self.settings.sftp.key_warning_days
        return tuple(found for each in self.expiring if (found := each.problem(today, days)))


def rules_to_json(rules: Rules) -> str:
    """The rules as JSON, whole, to be kept beside what was received under them."""
    return adapter(Rules).dump_json(rules).decode()


def rules_from_json(text: str) -> Rules:
    """What `rules_to_json` made."""
    return adapter(Rules).validate_json(text)


def load(directory: Path) -> Configuration:
    """The configuration in `directory`; ConfigError with every problem of every file."""
    directory = directory.resolve()
    main = read(directory / "gateway.yaml", "gateway.yaml")
    settings, problems = _settings(main)
    people = participants(read(directory / "participants.yaml", "participants.yaml"), settings, directory)
    found = asked(directory, settings.limits)
    texts, text_problems = overridden(load_texts(), directory)
    settings = absolute(settings, directory)
    missing, exposed = secret_problems(main, settings)
    problems += watch_problems(main, settings, people)
    problems += [*missing, *people.problems, *found.problems, *text_problems]
    if problems:
        raise ConfigError(sorted(problems, key=lambda each: (each.file, each.line, each.column)))
    rules = rules_of(found, people.successors)
    calendar = work_calendar(settings.calendar)
    version = digest(settings, people.participants, rules, calendar, texts)
    return Configuration(
        directory=directory,
        settings=settings,
        participants=people.participants,
        rounds=found.rounds,
        rules=rules,
        calendar=calendar,
        desks=settings.desks.by_desk(),
        texts=texts,
        version=version,
        warnings=(
            *exposed,
            *assessor_warnings(main, settings, people),
            *people.warnings,
            *found.warnings,
            *stray_files(directory),
        ),
        expiring=people.expiring,
    )


def usable(directory: Path) -> Settings:
    """What gateway.yaml says as far as it can be used, for a look at a gateway whose configuration is broken."""
    directory = directory.resolve()
    return absolute(_settings(read(directory / "gateway.yaml", "gateway.yaml"))[0], directory)


def _settings(document: Document) -> tuple[Settings, list[Problem]]:
    """gateway.yaml, or the defaults when it has problems, so that the other files can still be checked."""
    problems = list(document.problems)
    if document.value is None:
        return Settings(), problems
    written = document.value
    # A section whose lines are all commented out is a section with its defaults.
    content: Plain = {k: v for k, v in written.items() if v is not None} if isinstance(written, dict) else written
    settings, wrong = fit(document, (), Settings, content)
    problems += wrong
    if settings is None:
        # What is sound goes on to the checks against other files, so that one look mends all.
        sections = content if isinstance(content, dict) else {}
        sound: Plain = {k: v for k, v in sections.items() if fit(document, (), Settings, {k: v})[0] is not None}
        settings = fit(document, (), Settings, sound)[0] or Settings()
    problems += limit_problems(document, ("limits",), settings.limits)
    return settings, problems


def fingerprint(directory: Path) -> str:
    """Changes when a YAML file under `directory` is added, removed, renamed or written; reads no content."""
    seen = []
    for folder, subfolders, names in os.walk(directory):
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        for name in sorted(names):
            if name.endswith((".yaml", ".yml")):
                try:
                    facts = (Path(folder) / name).stat()
                except OSError:
                    continue
                seen.append((folder, name, facts.st_size, facts.st_mtime_ns, facts.st_ino))
    return hashlib.sha256(repr(seen).encode()).hexdigest()[:16]
