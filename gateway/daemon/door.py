"""The door: intake, watch and the SFTP server.

Does: starts them, in the order in which they need each other.
Touches: threads, the listening sockets, the machine's clocks.
Does not: judge what came in (work).
"""

import math
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial

from gateway.config import Settings
from gateway.config.addresses import socket_address
from gateway.daemon.clock import Options
from gateway.daemon.locks import Tending, WhenTending
from gateway.daemon.parts import Tell, running
from gateway.daemon.systemd import handed_sockets, watchdog_seconds
from gateway.edge.sftp.algorithms import fingerprints
from gateway.edge.sftp.house import House
from gateway.edge.sftp.listing import Recent, lately
from gateway.edge.sftp.rates import Rates
from gateway.edge.sftp.server import Door, Listener, listen
from gateway.edge.watch import Watcher
from gateway.errors import Temporary
from gateway.workflow.context import Context
from gateway.workflow.intake import PATIENCE, Intake
from gateway.workflow.vitals import Vitals


async def open_door(
    options: Options,
    settings: Settings,
    ctx: Context,
    wake: Callable[[], None],
    tell: Tell,
    stack: ExitStack,
    vitals: Vitals | None = None,
    tending: Tending | None = None,
) -> Door:
    """Start intake, watch and the SFTP server. Sockets that systemd hands over go before the addresses in gateway.yaml;
    one named `compat` gets the tier of that name. Without
    `tending` this process alone takes files in."""
    patience = min(PATIENCE, (watchdog_seconds() or math.inf) / 2)
    intake = Intake(
        ctx,
        rescan_seconds=settings.watch.rescan_seconds,
        received=wake,
        tell=tell,
        monotonic=time.monotonic,
        vitals=vitals,
        patience=patience,
        tends=tending or (lambda: True),
    )
    stack.enter_context(running(intake))
    if settings.watch.enabled:
        watcher = Watcher(ctx, settings.watch, monotonic=time.monotonic, claimed=intake.wake, tell=tell, vitals=vitals)
        stack.enter_context(running(watcher if tending is None else WhenTending(tending, watcher)))
    if tending is not None:
        tending.then(intake.wake)
    # Only beside a process of its own for the worker are there several for uploads.
    recent = Recent(time.monotonic)
    if options.role == "sftp":
        recent = Recent(time.monotonic, elsewhere=partial(lately, ctx, options.speed))
    house = House(
        ctx=ctx,
        intake=intake,
        recent=recent,
        tell=tell,
        monotonic=time.monotonic,
        fingerprints=fingerprints(settings.sftp.host_keys),
        wall=lambda: datetime.now(UTC),
        handles=settings.sftp.handles_per_session,
        listings=settings.sftp.listings_per_session,
        read_bytes=settings.sftp.read_bytes,
        unread_bytes=settings.sftp.unread_bytes,
        requests=Rates(settings.sftp.requests_per_second, settings.sftp.requests_per_second),
    )
    listeners = _handed(settings) or _addresses(options, settings)
    try:
        door = await listen(house, settings.sftp, listeners)
    except OSError as error:
        places = ", ".join(f"{host}:{port}" for host, port, _ in listeners if isinstance(host, str))
        raise Temporary(f"cannot listen on {places or 'the socket of systemd'}: {error.strerror or error}") from error
    for (at, _, tier), taken in zip(listeners, door.ports, strict=True):
        tell("listening", host=at if isinstance(at, str) else "systemd", port=taken, tier=tier)
    return door


def _handed(settings: Settings) -> list[Listener]:
    """The sockets of systemd."""
    return [(taken, 0, "compat" if name == "compat" else settings.sftp.tier) for name, taken in handed_sockets()]


def _addresses(options: Options, settings: Settings) -> list[Listener]:
    """The addresses in gateway.yaml, or of the command line."""
    host, port = socket_address(options.listen) if options.listen else settings.sftp.address
    listeners: list[Listener] = [(host, port, settings.sftp.tier)]
    if settings.sftp.compat_listen is not None:
        listeners.append((*socket_address(settings.sftp.compat_listen), "compat"))
    return listeners
