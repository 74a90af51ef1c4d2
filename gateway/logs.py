"""Logs: one event a line, JSON to stderr, readable on a terminal.

Does: sets up structlog and silences the chatter of libraries.
Touches: stderr.
Does not: ever log a value from a payload; callers pass ids, codes, counts and masked names. A reason may be an error of
the disk, which names a file that a stranger named: what may be a citizen service number in it is starred out.
"""

import logging
import sys
from collections.abc import Callable
from datetime import UTC, datetime

import structlog

from gateway.reports.plain import starred


def set_up(now: Callable[[], datetime], *, sandbox: bool) -> Callable[..., None]:
    """`tell(event, error=False, **facts)`: writes one line. Every line has the real time and, in a sandbox, the legal
    one."""

    def stamp(_logger: object, _name: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        if isinstance(reason := event.get("reason"), str):
            event["reason"] = starred(reason)
        event["at"] = datetime.now(UTC).isoformat(timespec="milliseconds")
        if sandbox:
            event["sandbox"] = now().isoformat(timespec="seconds")
        return event

    on_terminal = sys.stderr.isatty()
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer() if on_terminal else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[structlog.processors.add_log_level, stamp, renderer],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    # asyncssh says each login and path at INFO: that is ours to say, in our own words.
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(name)s %(message)s")
    logging.getLogger("asyncssh").setLevel(logging.ERROR)
    logger = structlog.get_logger()

    def tell(event: str, *, error: bool = False, **facts: object) -> None:
        (logger.error if error else logger.info)(event, **facts)

    return tell
