"""The daemon: composition root, the only module that names concrete engines and asks the time.

Does: loads the configuration, takes the lock of its role, opens the ledger, recovers, starts the loops, the workers,
the watch and the SFTP door, reloads on SIGHUP or a changed file, and ends in order on SIGTERM or SIGINT.
Touches: everything, once.
Does not: hold policy. A role `sftp` takes files in; `worker` judges and publishes; `all` does both.
"""

import asyncio
import fcntl
import os
import secrets
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

from gateway import logs
from gateway.channel.mail import Post, post_for
from gateway.config import Configuration, Settings, fingerprint, load
from gateway.config.addresses import socket_address
from gateway.domain.model import to_ms, uuid7
from gateway.edge.schedule import Ticks
from gateway.edge.sftp.algorithms import fingerprints
from gateway.edge.sftp.listing import Recent
from gateway.edge.sftp.server import Door, listen
from gateway.edge.sftp.session import House
from gateway.edge.watch import Watcher
from gateway.errors import ConfigError, Conflict, Corrupt, GatewayError, Temporary
from gateway.reports import pages
from gateway.store.ledger import facts, log
from gateway.store.spool import Spool, write_durably
from gateway.store.sqlite import SQLite
from gateway.workers import Pool
from gateway.workflow import handover, retain
from gateway.workflow.assess import assess_all
from gateway.workflow.context import Context
from gateway.workflow.duties import run_duties
from gateway.workflow.intake import Intake
from gateway.workflow.loops import Judging, Loop, Mailing
from gateway.workflow.publish import publish
from gateway.workflow.recover import mirror, recover
from gateway.workflow.sending import push_all

Tell = Callable[..., None]


class Part(Protocol):
    """Something that runs beside the event loop."""

    def start(self) -> None:
        """Begin."""

    def stop(self) -> None:
        """End in order."""


PartT = TypeVar("PartT", bound=Part)
# A ledger up to this size is looked through in about a second at each start.
CHECKED_BYTES = 256 * 1024 * 1024
WORKING_FILE_SECONDS = 3600.0
ASSESS_SECONDS = 5.0
HAND_OVER_SECONDS = 30.0
MIRROR_SECONDS = 60.0
MAIL_SECONDS = 2.0
DUTY_SECONDS = 30.0
NEEDS_RESTART = ("sftp", "paths", "ledger", "watch", "workers")


@dataclass(frozen=True, slots=True)
class Options:
    """How to serve. `simulate`: where the sandbox clock begins (aware), `speed`: legal seconds per real second."""

    directory: Path
    listen: str | None = None
    role: str = "all"
    simulate: datetime | None = None
    speed: float = 1.0


class Clock:
    """Legal time: real, or a sandbox that runs on from a moment. Technical time is `time.monotonic` throughout."""

    def __init__(self, start: datetime | None = None, speed: float = 1.0) -> None:
        self._start = start
        self._speed = speed
        self._begun = time.monotonic()
        self._begun_wall = time.time()

    def __call__(self) -> datetime:
        """Now, aware UTC."""
        if self._start is None:
            return datetime.now(UTC)
        return self._start + timedelta(seconds=(time.monotonic() - self._begun) * self._speed)

    def move(self, moment: datetime) -> None:
        """Set a clock that stands still (speed 0) to a later moment."""
        self._start = max(moment, self())

    def written(self, seconds: float) -> datetime:
        """The legal time at which a file was written that the disk says is of `seconds` since 1970."""
        if self._start is None:
            return datetime.fromtimestamp(seconds, UTC)
        return self._start + timedelta(seconds=(seconds - self._begun_wall) * self._speed)


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
        self.value = replace(fresh, settings=fresh.settings.model_copy(update=kept))
        return fresh


def new_id() -> str:
    """A fresh UUIDv7. Its time part is real time: it only orders."""
    return uuid7(to_ms(datetime.now(UTC)), secrets.token_bytes(10))


def take_lock(state: Path, role: str, stack: ExitStack) -> None:
    """One daemon per role and node; Conflict when another has it."""
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    for each in ("sftp", "worker") if role == "all" else (role,):
        handle = stack.enter_context((state / f"{each}.lock").open("w"))
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Conflict(f"another gateway already serves the role '{each}' on {state}") from error


def ledger_path(configuration: Configuration) -> Path:
    """The file that is the ledger."""
    return Path(configuration.settings.ledger.url.removeprefix("sqlite:///"))


def open_ledger(configuration: Configuration, *, checked: bool = False) -> SQLite:
    """The ledger that the configuration names, migrated. Corrupt, with the cure, when it is damaged, or gone from a
    place where there was one: a fresh ledger there would know nothing of what was acknowledged. `checked`: look at all
    of it first, unless that would take too long (doctor does)."""
    path = ledger_path(configuration)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    seen = path.with_name(f"{path.name}.seen")
    cure = f"gateway restore BACKUP --config {configuration.directory}"
    size = path.stat().st_size if path.exists() else 0
    if seen.exists() and not size:
        raise Corrupt(f"the ledger {path} is gone. Put back the last backup: {cure}. To begin anew, remove {seen}")
    engine = SQLite(path)
    try:
        problems = engine.check() if checked and 0 < size < CHECKED_BYTES else []
        if problems:
            raise Corrupt(problems[0])
        engine.migrate()
    except Corrupt as error:
        engine.close()
        raise Corrupt(f"the ledger {path} is damaged ({error}). Put back the last backup: {cure} --replace") from error
    if not seen.exists():
        write_durably(seen, b"There is a ledger beside this file. If not: gateway restore.\n")
    return engine


def sandbox_clock(engine: SQLite, options: Options) -> Clock:
    """The clock to live by. A ledger that began in a sandbox stays one, and the other way round: Conflict."""
    mark = "1" if options.simulate else "0"
    before = facts.setting(engine, "sandbox")
    if before is None:
        facts.set_setting(engine, "sandbox", mark)
    elif before != mark:
        kind = "a sandbox" if before == "1" else "real"
        raise Conflict(f"this ledger is {kind}; serve it {'with' if before == '1' else 'without'} --simulate")
    if options.simulate is None:
        return Clock()
    latest = log.latest_moment(engine)
    start = max(options.simulate, latest) if latest else options.simulate
    return Clock(start.astimezone(UTC), options.speed)


def offline(configuration: Configuration) -> Context:
    """A context for the command line: the ledger and folders as they are, real time or the sandbox's last moment."""
    engine = open_ledger(configuration)
    sandbox = facts.setting(engine, "sandbox") == "1"
    start = log.latest_moment(engine) if sandbox else None
    clock = Clock(start, 0.0 if start else 1.0)
    return make_context(configuration, engine, clock, lambda: configuration, None, sandbox)


def make_context(
    configuration: Configuration,
    engine: SQLite,
    clock: Clock,
    in_force: Callable[[], Configuration],
    pool: Pool | None,
    sandbox: bool,
) -> Context:
    """What the steps of the story work with. Without a pool nothing can be examined."""

    def unavailable(_job: object) -> Any:
        raise GatewayError("this role does not examine")

    return Context(
        engine=engine,
        spool=Spool(configuration.settings.paths.inbox, configuration.settings.paths.outbox),
        now=clock,
        configuration=in_force,
        examine=pool.examine if pool else unavailable,
        new_id=new_id,
        random_hex=secrets.token_hex,
        sandbox=sandbox,
        written=clock.written,
    )


def serve(options: Options) -> None:
    """Run until SIGTERM or SIGINT. Raises ConfigError, Conflict or Corrupt when it cannot start."""
    with ExitStack() as stack:
        in_force = InForce(options.directory)
        configuration = in_force.value
        take_lock(configuration.settings.paths.state, options.role, stack)
        engine = open_ledger(configuration, checked=True)
        stack.callback(engine.close)
        clock = sandbox_clock(engine, options)
        tell = logs.set_up(clock, sandbox=options.simulate is not None)
        for warning in configuration.warnings:
            tell("configuration_warning", problem=str(warning))
        pool = None
        if options.role != "sftp":
            workers = configuration.settings.workers
            pool = Pool(
                workers.count,
                seconds=workers.seconds,
                jobs=workers.jobs,
                address_space=workers.memory_megabytes * 1024 * 1024,
            )
            stack.callback(pool.close)
            pool.warm()
        sandbox = options.simulate is not None
        ctx = make_context(configuration, engine, clock, in_force, pool, sandbox)
        recover(ctx, edge=options.role != "worker", publisher=options.role != "sftp")
        pages.prepare()
        # A lease that is broken while a file is claimed sends SIGIO, which ends a process that does not expect it.
        signal.signal(signal.SIGIO, signal.SIG_IGN)
        asyncio.run(_run(options, in_force, ctx, tell, stack))


async def _run(options: Options, in_force: InForce, ctx: Context, tell: Tell, stack: ExitStack) -> None:
    settings = in_force.value.settings
    loop = asyncio.get_running_loop()
    wake = _start_work(ctx, settings, tell, stack) if options.role != "sftp" else lambda: None
    door = None
    if options.role != "worker":
        door = await open_door(options, settings, ctx, wake, tell, stack)

    def swapped() -> None:
        if door is not None:
            loop.call_soon_threadsafe(door.close_revoked)

    check = partial(_check_configuration, in_force, ctx, swapped, tell)
    ticks = {"configuration": (1.0, check)}
    if options.role != "sftp":
        ticks["duties"] = (duty_seconds(options.speed), partial(_duties, ctx, wake, tell))
        ticks["purge"] = (duty_seconds(options.speed), partial(retain.nightly, ctx, tell))
    if options.role != "worker":
        ticks["working_files"] = (WORKING_FILE_SECONDS, partial(retain.sweep_working, ctx, tell))
    stack.enter_context(_running(Ticks(ticks, tell)))
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    loop.add_signal_handler(signal.SIGHUP, lambda: loop.run_in_executor(None, partial(check, force=True)))
    notify("READY=1")
    tell("ready", role=options.role, configuration=in_force.value.version)
    await ended.wait()
    notify("STOPPING=1")
    tell("stopping")
    if door is not None:
        await door.drain()
    await loop.run_in_executor(None, stack.pop_all().close)


def _start_work(ctx: Context, settings: Settings, tell: Tell, stack: ExitStack) -> Callable[[], None]:
    """Start publishing, mailing, judging and the comparison of outbox and ledger; what wakes the first three."""
    stack.enter_context(_running(Loop("mirror", MIRROR_SECONDS, partial(mirror, ctx), tell)))
    publishing = stack.enter_context(_running(Loop("publish", 1.0, lambda: publish(ctx), tell)))

    def post() -> Post:
        return post_for(ctx.configuration().settings, write_durably, sandbox=ctx.sandbox)

    mailing = stack.enter_context(_running(Mailing(ctx, post=post, seconds=MAIL_SECONDS, tell=tell)))

    def report() -> None:
        publishing.wake()
        mailing.wake()

    handing = stack.enter_context(_running(Loop("hand_over", HAND_OVER_SECONDS, partial(_hand_over, ctx, tell), tell)))

    def assessed() -> None:
        if assess_all(ctx, tell):
            report()
        handing.wake()

    assessing = stack.enter_context(_running(Loop("assess", ASSESS_SECONDS, assessed, tell)))

    def decided() -> None:
        report()
        assessing.wake()

    judging = stack.enter_context(
        _running(Judging(ctx, slots=settings.workers.count, seconds=1.0, decided=decided, tell=tell))
    )

    def wake() -> None:
        report()
        judging.wake()

    return wake


def _duties(ctx: Context, wake: Callable[[], None], tell: Tell) -> None:
    run_duties(ctx, tell)
    wake()


def _hand_over(ctx: Context, tell: Tell) -> None:
    """Make the final manifests that are due, and push what is owed, when there is where to."""
    handover.finish(ctx, tell)
    push = ctx.configuration().settings.push
    if push is not None:
        # Not at the top: paramiko takes time and memory that a daemon which pushes nothing does not spend.
        from gateway.channel.push import send

        push_all(ctx, partial(send, push, sandbox=ctx.sandbox), tell)


def duty_seconds(speed: float) -> float:
    """How often to ask what is due: each half minute, and in a fast sandbox at least each legal hour."""
    return max(0.1, min(DUTY_SECONDS, 3600 / speed)) if speed > 0 else DUTY_SECONDS


async def open_door(
    options: Options,
    settings: Settings,
    ctx: Context,
    wake: Callable[[], None],
    tell: Tell,
    stack: ExitStack,
) -> Door:
    """Start intake, watch and the SFTP server."""
    intake = stack.enter_context(
        _running(Intake(ctx, rescan_seconds=settings.watch.rescan_seconds, received=wake, tell=tell))
    )
    if settings.watch.enabled:
        watcher = Watcher(ctx, settings.watch, monotonic=time.monotonic, claimed=intake.wake, tell=tell)
        stack.enter_context(_running(watcher))
    house = House(
        ctx=ctx,
        intake=intake,
        recent=Recent(time.monotonic),
        tell=tell,
        monotonic=time.monotonic,
        fingerprints=fingerprints(settings.sftp.host_keys),
        handles=settings.sftp.handles_per_session,
        listings=settings.sftp.listings_per_session,
    )
    host, port = socket_address(options.listen) if options.listen else settings.sftp.address
    listeners = [(host, port, settings.sftp.tier)]
    if settings.sftp.compat_listen is not None:
        listeners.append((*socket_address(settings.sftp.compat_listen), "compat"))
    try:
        door = await listen(house, settings.sftp, listeners)
    except OSError as error:
        raise Temporary(f"cannot listen on {host}:{port}: {error.strerror or error}") from error
    for (at, _, tier), taken in zip(listeners, door.ports, strict=True):
        tell("listening", host=at, port=taken, tier=tier)
    return door


def _check_configuration(
    in_force: InForce, ctx: Context, swapped: Callable[[], object], tell: Tell, *, force: bool = False
) -> None:
    """Reload when the files changed (or by `force`); a broken configuration leaves the old one in force."""
    before = in_force.value
    try:
        fresh = in_force.reload() if force else in_force.reload_when_changed()
    except ConfigError as error:
        facts.set_setting(ctx.engine, "configuration_error", str(error))
        tell("configuration_rejected", problems=[str(problem) for problem in error.problems], error=True)
        return
    if fresh is None:
        return
    facts.set_setting(ctx.engine, "configuration_error", "")
    ctx.spool.prepare(sorted(fresh.participants.municipalities))
    stale = [name for name in NEEDS_RESTART if getattr(fresh.settings, name) != getattr(before.settings, name)]
    tell("configuration_loaded", version=fresh.version, restart_needed_for=stale)
    swapped()


@contextmanager
def _running(part: PartT) -> Iterator[PartT]:
    """Start something now, stop it when the stack unwinds."""
    part.start()
    try:
        yield part
    finally:
        part.stop()


def notify(state: str) -> None:
    """Tell systemd (sd_notify protocol); nothing when nobody listens."""
    address = os.environ.get("NOTIFY_SOCKET")
    if address:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(state.encode(), "\0" + address[1:] if address.startswith("@") else address)
