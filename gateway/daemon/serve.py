"""Serve: everything put together, from the start to the last word.

Does: starts what the role asks, reloads the configuration, ends in order.
Touches: signals, the event loop; everything else through what it starts.
Does not: hold policy.
"""

import asyncio
import gc
import signal
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, timedelta
from functools import partial

from gateway import logs
from gateway.daemon.clock import Options, sandbox_clock
from gateway.daemon.door import open_door
from gateway.daemon.foundations import NEEDS_RESTART, InForce, make_context, open_ledger
from gateway.daemon.heart import beat
from gateway.daemon.instruments import (
    Instruments,
    alarm_seconds,
    alarmed,
    instruments,
    live,
    seen,
    serve_metrics,
)
from gateway.daemon.keys import check_reach, sealing_of
from gateway.daemon.locks import Tending, sweep_left, take_lock
from gateway.daemon.parts import Tell, running
from gateway.daemon.systemd import notify, reloading, watchdog_seconds
from gateway.daemon.work import duties, duty_seconds, start_work
from gateway.edge.schedule import Ticks
from gateway.errors import ConfigError
from gateway.examine import no_dumps
from gateway.reports import pages
from gateway.store.ledger import facts
from gateway.workers import Pool
from gateway.workflow import retain
from gateway.workflow.context import Context
from gateway.workflow.recover import recover

WORKING_FILE_SECONDS = 3600.0
# A sandbox goes on where its ledger ends, when that is later than where it was told to begin: worth a line.
RESUMED = timedelta(minutes=1)
# Seconds after which a thread that computes lets another go first. Python's own 5 ms add up: a report passes through a
# dozen threads, and each waited for whoever rendered a page (p99 of a report on an idle machine: 0.19 s, so 0.11 s; the
# processor time is the same).
TURN_SECONDS = 0.0005
# Who must not hang, or systemd hears no more of us.
WATCHED = {"all": ("loop", "intake"), "sftp": ("loop", "intake"), "worker": ("loop", "judging")}


def serve(options: Options) -> None:
    """Run until SIGTERM or SIGINT. Raises ConfigError, Conflict or Corrupt when it cannot start."""
    no_dumps()
    sys.setswitchinterval(TURN_SECONDS)
    with ExitStack() as stack:
        in_force = InForce(options.directory)
        configuration = in_force.value
        sealing = sealing_of(configuration, options.role, options.identity)
        take_lock(configuration.settings.paths.state, options.role, stack, process=options.process)
        made = instruments(configuration.settings, stack)
        engine = open_ledger(configuration, checked=True, committed=partial(made.vitals.observe, "commit_seconds"))
        stack.callback(engine.close)
        clock = sandbox_clock(engine, options)
        # What was wrong with a former one is no trouble of this start, which has loaded it.
        facts.set_setting(engine, "configuration_error", "")
        tell = made.counted(logs.set_up(clock, sandbox=options.simulate is not None))
        if options.simulate is not None and clock() > options.simulate + RESUMED:
            asked = options.simulate.astimezone(UTC).isoformat(timespec="seconds")
            tell("sandbox_resumed", asked=asked, at=clock().isoformat(timespec="seconds"))
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
            made.figures.workers = lambda: len(pool.processes())
        sandbox = options.simulate is not None
        ctx = make_context(configuration, engine, clock, in_force, pool, sandbox, sealing, options.process)
        if options.role != "sftp" and (lost := check_reach(ctx)):
            tell("payloads_out_of_reach", files=lost, error=True)
        ctx = replace(ctx, examine=made.measured(ctx.examine))
        tending = None
        if options.role != "worker":
            # Left last of all: what it starts, and the intake, have ended by then.
            tending = stack.enter_context(running(Tending(configuration.settings.paths.state, tell)))
            tending.then(ctx.spool.sweep_claims)
        recover(ctx, edge=tending is not None, publisher=options.role != "sftp", tends=False)
        live(made, ctx, options.role, tell, stack, options.process)
        # A lease that is broken while a file is claimed sends SIGIO, which ends a process that does not expect it.
        signal.signal(signal.SIGIO, signal.SIG_IGN)
        asyncio.run(_run(options, in_force, ctx, made, tell, stack, tending))


async def _run(
    options: Options,
    in_force: InForce,
    ctx: Context,
    made: Instruments,
    tell: Tell,
    stack: ExitStack,
    tending: Tending | None,
) -> None:
    settings = in_force.value.settings
    loop = asyncio.get_running_loop()
    watchdog = watchdog_seconds()
    pulse = asyncio.create_task(beat(made.vitals, WATCHED[options.role], watchdog))
    wake = start_work(ctx, settings, tell, stack, made.vitals) if options.role != "sftp" else lambda: None
    door = None
    if tending is not None:
        door = await open_door(options, settings, ctx, wake, tell, stack, made.vitals, tending)
        made.figures.connections = door.connections
    made.figures.ctx, made.figures.view = ctx, partial(seen, ctx, settings.paths.state)
    serve_metrics(made, settings, tell, stack, options.process)

    def swapped() -> None:
        if door is not None:
            loop.call_soon_threadsafe(door.close_revoked)

    check = partial(_check_configuration, in_force, ctx, swapped, tell)
    ticks: dict[str, tuple[float, Callable[[], None]]] = {
        "configuration": (1.0, check),
        "alarm": (alarm_seconds(options.speed), alarmed(ctx, options.role, tell, tending or bool)),
    }
    if options.role != "sftp":
        ticks["duties"] = (duty_seconds(options.speed), partial(duties, ctx, wake, tell))
        ticks["purge"] = (duty_seconds(options.speed), partial(retain.nightly, ctx, tell))
    if tending is not None:
        ticks["working_files"] = (WORKING_FILE_SECONDS, partial(_sweep, ctx, tending, tell))
    beating = {name: (seconds, made.beating(name, seconds, step)) for name, (seconds, step) in ticks.items()}
    stack.enter_context(running(Ticks(beating, tell)))
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    loop.add_signal_handler(signal.SIGHUP, lambda: loop.run_in_executor(None, partial(_reload, check)))
    notify("READY=1")
    tell("ready", role=options.role, process=options.process, configuration=in_force.value.version)
    _settle(loop)
    await ended.wait()
    notify("STOPPING=1")
    tell("stopping")
    if door is not None:
        await door.drain()
    pulse.cancel()
    await loop.run_in_executor(None, stack.pop_all().close)


def _sweep(ctx: Context, tending: Tending, tell: Tell) -> None:
    """Remove the working files whose term is over, and what processes left that will not come back."""
    if tending():
        retain.sweep_working(ctx, tell)
        sweep_left(ctx, tell)


def _settle(loop: asyncio.AbstractEventLoop) -> None:
    """What a start need not wait for. What it made stays: a search for garbage that went through all of it would hold
    everybody up, by a second with 100,000 accounts."""
    gc.freeze()
    gc.enable()
    loop.run_in_executor(None, pages.prepare)


def _reload(check: Callable[..., None]) -> None:
    reloading()
    try:
        check(force=True)
    finally:
        notify("READY=1")


def _check_configuration(
    in_force: InForce, ctx: Context, swapped: Callable[[], object], tell: Tell, *, force: bool = False
) -> None:
    """Reload when the files changed (or by `force`); a broken configuration leaves the old one in force."""
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
    stale = [name for name in NEEDS_RESTART if getattr(fresh.settings, name) != getattr(in_force.value.settings, name)]
    tell("configuration_loaded", version=fresh.version, restart_needed_for=stale)
    swapped()
