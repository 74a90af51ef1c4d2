"""Serve: everything put together, from the start to the last word.

Does: starts what the role asks, reloads the configuration, ends in order.
Touches: signals, the event loop; everything else through what it starts.
Does not: hold policy.
"""

import asyncio
import signal
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

from gateway import logs
from gateway.daemon.clock import Options, sandbox_clock
from gateway.daemon.door import open_door
from gateway.daemon.foundations import NEEDS_RESTART, InForce, make_context, open_ledger, take_lock
from gateway.daemon.parts import Tell, running
from gateway.daemon.systemd import notify
from gateway.daemon.work import duties, duty_seconds, start_work
from gateway.edge.schedule import Ticks
from gateway.errors import ConfigError
from gateway.reports import pages
from gateway.store.ledger import facts
from gateway.workers import Pool
from gateway.workflow import retain
from gateway.workflow.context import Context
from gateway.workflow.recover import recover

WORKING_FILE_SECONDS = 3600.0


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
    wake = start_work(ctx, settings, tell, stack) if options.role != "sftp" else lambda: None
    door = None
    if options.role != "worker":
        door = await open_door(options, settings, ctx, wake, tell, stack)

    def swapped() -> None:
        if door is not None:
            loop.call_soon_threadsafe(door.close_revoked)

    check = partial(_check_configuration, in_force, ctx, swapped, tell)
    ticks = {"configuration": (1.0, check)}
    if options.role != "sftp":
        ticks["duties"] = (duty_seconds(options.speed), partial(duties, ctx, wake, tell))
        ticks["purge"] = (duty_seconds(options.speed), partial(retain.nightly, ctx, tell))
    if options.role != "worker":
        ticks["working_files"] = (WORKING_FILE_SECONDS, partial(retain.sweep_working, ctx, tell))
    stack.enter_context(running(Ticks(ticks, tell)))
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
