"""The door: intake, watch and the SFTP server.

Does: starts them, in the order in which they need each other.
Touches: threads, the listening sockets, the machine's clocks.
Does not: judge what came in (work).
"""

import time
from collections.abc import Callable
from contextlib import ExitStack

from gateway.config import Settings
from gateway.config.addresses import socket_address
from gateway.daemon.clock import Options
from gateway.daemon.parts import Tell, running
from gateway.edge.sftp.algorithms import fingerprints
from gateway.edge.sftp.listing import Recent
from gateway.edge.sftp.rates import Rates
from gateway.edge.sftp.server import Door, listen
from gateway.edge.sftp.session import House
from gateway.edge.watch import Watcher
from gateway.errors import Temporary
from gateway.workflow.context import Context
from gateway.workflow.intake import Intake


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
        running(Intake(ctx, rescan_seconds=settings.watch.rescan_seconds, received=wake, tell=tell))
    )
    if settings.watch.enabled:
        watcher = Watcher(ctx, settings.watch, monotonic=time.monotonic, claimed=intake.wake, tell=tell)
        stack.enter_context(running(watcher))
    house = House(
        ctx=ctx,
        intake=intake,
        recent=Recent(time.monotonic),
        tell=tell,
        monotonic=time.monotonic,
        fingerprints=fingerprints(settings.sftp.host_keys),
        handles=settings.sftp.handles_per_session,
        listings=settings.sftp.listings_per_session,
        read_bytes=settings.sftp.read_bytes,
        unread_bytes=settings.sftp.unread_bytes,
        requests=Rates(settings.sftp.requests_per_second, 2 * settings.sftp.requests_per_second),
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
