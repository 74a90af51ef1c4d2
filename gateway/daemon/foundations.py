"""What every command stands on: the configuration in force, the ledger, the context.

Does: loads and swaps the configuration, opens the ledger, makes the context of the story's steps.
Touches: the config directory, the state folder, the ledger.
Does not: start anything that goes on by itself.
"""

import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gateway.config import Configuration, fingerprint, load
from gateway.daemon import heart
from gateway.daemon.clock import Clock
from gateway.domain.model import to_ms, uuid7
from gateway.errors import Corrupt, GatewayError
from gateway.store.durable import write_durably
from gateway.store.ledger import facts, log
from gateway.store.sealing import NOTHING_SEALED, Sealing
from gateway.store.spool import Spool
from gateway.store.sqlite import SQLite
from gateway.workers import Pool
from gateway.workflow.context import Context

# A ledger up to this size is looked through in about a second at each start.
CHECKED_BYTES = 256 * 1024 * 1024
NEEDS_RESTART = ("sealing", "sftp", "paths", "ledger", "watch", "workers", "metrics")


class InForce:
    """The configuration in force: one frozen object, swapped whole."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._seen = fingerprint(directory)
        self._changing = self._seen
        self.value = load(directory)

    def __call__(self) -> Configuration:
        """The present one."""
        return self.value

    def reload_when_changed(self) -> Configuration | None:
        """The new configuration once the files have been quiet since the last call; None when nothing changed. Raises
        ConfigError, and keeps the old one."""
        now = fingerprint(self._directory)
        settled, self._changing = now == self._changing, now
        return self.reload() if settled and now != self._seen else None

    def reload(self) -> Configuration:
        """Load and swap; what cannot change while running keeps its value. Raises ConfigError, keeping the old one."""
        self._seen = self._changing = fingerprint(self._directory)
        fresh = load(self._directory)
        kept: dict[str, Any] = {name: getattr(self.value.settings, name) for name in NEEDS_RESTART}
        kept["sftp"] = self.value.settings.sftp.reloaded(fresh.settings.sftp)
        self.value = replace(fresh, settings=fresh.settings.model_copy(update=kept))
        return fresh


def new_id() -> str:
    """A fresh UUIDv7. Its time part is real time: it only orders."""
    return uuid7(to_ms(datetime.now(UTC)), secrets.token_bytes(10))


def ledger_path(configuration: Configuration) -> Path:
    """The file that is the ledger."""
    return Path(configuration.settings.ledger.url.removeprefix("sqlite:///"))


def open_ledger(
    configuration: Configuration,
    *,
    checked: bool = False,
    migrated: bool = True,
    committed: Callable[[float], None] | None = None,
) -> SQLite:
    """The ledger that the configuration names, migrated unless it is asked for as it is. Corrupt, with the cure, when
    it is damaged, or gone from a place where there was one: a fresh ledger there would know nothing of what was
    acknowledged. `checked`: look at all of it first, unless that would take too long (doctor does). `committed` takes
    how long each commit lasted."""
    path = ledger_path(configuration)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    seen = path.with_name(f"{path.name}.seen")
    cure = f"gateway restore BACKUP --config {configuration.directory}"
    size = path.stat().st_size if path.exists() else 0
    if seen.exists() and not size:
        raise Corrupt(f"the ledger {path} is gone. Put back the last backup: {cure}. To begin anew, remove {seen}")
    engine = SQLite(path, committed=committed)
    try:
        problems = engine.check() if checked and 0 < size < CHECKED_BYTES else []
        if problems:
            raise Corrupt(problems[0])
        if migrated:
            engine.migrate()
    except Corrupt as error:
        engine.close()
        raise Corrupt(f"the ledger {path} is damaged ({error}). Put back the last backup: {cure} --replace") from error
    if not seen.exists():
        write_durably(seen, b"There is a ledger beside this file. If not: gateway restore.\n")
    return engine


def offline(configuration: Configuration, *, migrated: bool = True) -> Context:
    """A context for the command line: the ledger and folders as they are, real time or the sandbox's last moment. It
    opens nothing that is sealed."""
    engine = open_ledger(configuration, migrated=migrated)
    sandbox = facts.setting(engine, "sandbox") == "1"
    start = _sandbox_moment(configuration, engine) if sandbox else None
    clock = Clock(start, 0.0 if start else 1.0)
    sealing = Sealing(configuration.settings.sealing.recipients)
    return make_context(configuration, engine, clock, lambda: configuration, None, sandbox, sealing)


def _sandbox_moment(configuration: Configuration, engine: SQLite) -> datetime | None:
    """The last moment that a sandbox is known to have lived: of the newest line of its log, or of a process of it. What
    the command line writes by the real clock instead would take the sandbox to that day for good."""
    lived = [each.legal for each in heart.read(configuration.settings.paths.state) if each.legal is not None]
    latest = log.latest_moment(engine)
    return max([*lived, *([latest] if latest else [])], default=None)


def make_context(
    configuration: Configuration,
    engine: SQLite,
    clock: Clock,
    in_force: Callable[[], Configuration],
    pool: Pool | None,
    sandbox: bool,
    sealing: Sealing = NOTHING_SEALED,
    process: int = 1,
) -> Context:
    """What the steps of the story work with. Without a pool nothing can be examined. `process`: see `Options`."""

    def unavailable(_job: object) -> Any:
        raise GatewayError("this role does not examine")

    return Context(
        engine=engine,
        spool=Spool(configuration.settings.paths.inbox, configuration.settings.paths.outbox, process),
        now=clock,
        configuration=in_force,
        examine=pool.examine if pool else unavailable,
        new_id=new_id,
        random_hex=secrets.token_hex,
        sandbox=sandbox,
        written=clock.written,
        sealing=sealing,
    )
