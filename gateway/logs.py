"""Logs: one event a line, JSON to stderr, readable on a terminal.

Does: sets up structlog; gives every line the same names; takes what libraries and dying threads say into the same form.
Touches: stderr; the hooks for uncaught errors.
Does not: ever log a value from a payload; callers pass ids, codes, counts and masked names. As a last defence every
value is made visible (no line end, no escape of a terminal gets through) and what may be a citizen service number in it
is starred out.

Each line has: `event`, its one name; `time`, real, UTC (in a sandbox also `sandbox`, the legal one); `level`; `action`,
`object`, `result`: what was done, to what, how it ended; `actor`, the login or `gateway`; `origin`, the address or the
way by which it came, or `gateway`. A line about a drop has `drop`, the same id from its receipt to its mails.
"""

import logging
import re
import sys
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import TracebackType

import structlog

from gateway.examine import place_of
from gateway.reports.plain import starred, visible

Tell = Callable[..., None]
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# Keys whose values are ids of our own making: digits in them are nobody's number.
IDS = frozenset({"drop", "delivery", "mail", "claim", "folder", "report", "repeat_of"})
AMOUNTS = frozenset({"bytes", "size"})
LONGEST = 2_000
DEEPEST = 4

# What was done, and to what: every event that is told has its line (tests/daemon/test_logs.py).
STORY: Mapping[str, tuple[str, str]] = {
    "login": ("login", "session"),
    "login_failed": ("login", "session"),
    "login_not_noted": ("login", "session"),
    "not_logged_in": ("login", "session"),
    "revoked": ("logout", "session"),
    "connection_refused": ("connect", "session"),
    "connection_banned": ("connect", "session"),
    "connection_broken": ("connect", "session"),
    "place_taken": ("connect", "session"),
    "banned": ("ban", "network"),
    "refused": ("deliver", "file"),
    "refusal_not_recorded": ("deliver", "file"),
    "request_refused": ("request", "session"),
    "session_broken": ("request", "session"),
    "internal_error": ("request", "session"),
    "channel_refused": ("request", "session"),
    "path_refused": ("request", "session"),
    "requests_slowed": ("request", "session"),
    "broken_off": ("deliver", "file"),
    "temporary": ("deliver", "file"),
    "received": ("receive", "drop"),
    "receive_failed": ("receive", "drop"),
    "landing_unreadable": ("receive", "drop"),
    "claim_failed": ("receive", "drop"),
    "intake_failed": ("receive", "drop"),
    "taken_late": ("receive", "drop"),
    "watch_failed": ("watch", "folder"),
    "watch_folder_failed": ("watch", "folder"),
    "watch_folder_back": ("watch", "folder"),
    "watch_claim_failed": ("watch", "file"),
    "watch_skipped": ("watch", "folder"),
    "watch_without_events": ("watch", "folder"),
    "watch_without_leases": ("watch", "folder"),
    "folders_waited_for": ("watch", "folder"),
    "folders_taken_over": ("watch", "folder"),
    "folders_failed": ("watch", "folder"),
    "nothing_stated": ("state", "item"),
    "scanned": ("scan", "drop"),
    "infected": ("scan", "drop"),
    "unscanned": ("scan", "drop"),
    "overlooked": ("scan", "drop"),
    "scanner_failed": ("scan", "scanner"),
    "scanner_answers": ("scan", "scanner"),
    "decided": ("examine", "drop"),
    "decided_elsewhere": ("examine", "drop"),
    "prechecked": ("examine", "drop"),
    "examination_failed": ("examine", "drop"),
    "judging_failed": ("examine", "drop"),
    "assessed": ("assess", "delivery"),
    "assessment_failed": ("assess", "delivery"),
    "placed": ("publish", "report"),
    "mailed": ("mail", "notification"),
    "mail_delayed": ("mail", "notification"),
    "mail_failed": ("mail", "notification"),
    "handed_over": ("hand_over", "file"),
    "push_failed": ("hand_over", "file"),
    "manifest_final": ("hand_over", "manifest"),
    "packages_made": ("seal", "file"),
    "package_failed": ("seal", "file"),
    "deadline_at_risk": ("warn", "deadline"),
    "deadline_breached": ("warn", "deadline"),
    "duty_done": ("remind", "duty"),
    "duty_lapsed": ("remind", "duty"),
    "duty_failed": ("remind", "duty"),
    "key_expiring": ("warn", "key"),
    "alarm": ("warn", "trouble"),
    "purged": ("erase", "payload"),
    "purge_failed": ("erase", "payload"),
    "working_file_removed": ("erase", "file"),
    "staging_swept": ("erase", "file"),
    "payloads_out_of_reach": ("load", "payload"),
    "configuration_loaded": ("reload", "configuration"),
    "configuration_rejected": ("reload", "configuration"),
    "configuration_warning": ("load", "configuration"),
    "ready": ("start", "gateway"),
    "listening": ("start", "listener"),
    "metrics": ("start", "metrics"),
    "metrics_failed": ("start", "metrics"),
    "sandbox_resumed": ("start", "gateway"),
    "stopping": ("stop", "gateway"),
    "step_failed": ("run", "step"),
    "tick_failed": ("run", "step"),
    "uncaught": ("run", "thread"),
    "library": ("tell", "library"),
    "unsaid": ("tell", "log"),
}
# What an account does itself; of the rest, the account in the line is the one it concerns.
THEIRS = frozenset({"login", "request", "deliver", "receive", "state"})
REFUSED = frozenset(
    {
        "login_failed",
        "not_logged_in",
        "refused",
        "request_refused",
        "channel_refused",
        "path_refused",
        "connection_refused",
        "connection_banned",
        "place_taken",
        "configuration_rejected",
    }
)
NOT_DONE = frozenset(
    {
        "session_broken",
        "connection_broken",
        "broken_off",
        "temporary",
        "receive_failed",
        "mail_delayed",
        "duty_lapsed",
    }
)


def named(event: structlog.typing.EventDict) -> None:
    """Give a line the names that every line has; what the caller said itself stays."""
    name = str(event["event"])
    action, thing = STORY.get(name, (name, "gateway"))
    result = "ok"
    if name in REFUSED:
        result = "refused"
    elif event.get("level") == "error" or name in NOT_DONE:
        result = "failed"
    event.setdefault("action", action)
    event.setdefault("object", thing)
    event.setdefault("result", result)
    event.setdefault("actor", (event.get("account") if action in THEIRS else None) or "gateway")
    event.setdefault("origin", event.get("peer") or event.get("channel") or "gateway")


def harmless(value: object, key: str = "", depth: int = 0) -> object:
    """The value as it may stand in a line: visible, cut where it is very long, no citizen service number in it."""
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return value if key in AMOUNTS or starred(str(value)) == str(value) else starred(str(value))
    if isinstance(value, Mapping) and depth < DEEPEST:
        return {_text(str(name)): harmless(each, str(name), depth + 1) for name, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset) and depth < DEEPEST:
        return [harmless(each, key, depth + 1) for each in value]
    text = value if isinstance(value, str) else str(value)
    return text if key in IDS and UUID.fullmatch(text) else _text(text)


def _text(text: str) -> str:
    cut = text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
    return visible(starred(cut))


def set_up(now: Callable[[], datetime], *, sandbox: bool) -> Tell:
    """`tell(event, error=False, **facts)`: writes one line. Every line has the real time and, in a sandbox, the legal
    one."""

    def stamp(_logger: object, _name: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        named(event)
        safe = {_text(str(key)): harmless(value, str(key)) for key, value in event.items()}
        safe["time"] = datetime.now(UTC).isoformat(timespec="milliseconds")
        if sandbox:
            safe["sandbox"] = now().isoformat(timespec="seconds")
        return safe

    on_terminal = sys.stderr.isatty()
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer() if on_terminal else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[structlog.processors.add_log_level, stamp, renderer],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logger = structlog.get_logger()

    def tell(event: str, *, error: bool = False, **facts: object) -> None:
        (logger.error if error else logger.info)(event, **facts)

    _hear_libraries(tell)
    _hear_the_dying(tell)
    return tell


class _Library(logging.Handler):
    """What a library says, as a line like all others. Of an error only type and place: its words may hold a value."""

    def __init__(self, tell: Tell) -> None:
        super().__init__(logging.WARNING)
        self._tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        """Tell the first line of it."""
        error = record.exc_info[1] if record.exc_info else None
        said = record.getMessage().partition("\n")[0]
        where = {} if error is None else {"where": place_of(error)}
        self._tell("library", library=record.name, reason=said, error=record.levelno >= logging.ERROR, **where)


def _hear_libraries(tell: Tell) -> None:
    root = logging.getLogger()
    for former in [each for each in root.handlers if isinstance(each, _Library)]:
        root.removeHandler(former)
    root.addHandler(_Library(tell))
    root.setLevel(logging.WARNING)
    # asyncssh says each login and path at INFO: that is ours to say, in our own words.
    logging.getLogger("asyncssh").setLevel(logging.ERROR)


def _hear_the_dying(tell: Tell) -> None:
    """An error that nobody caught ends a thread or the process: it is told by type and place."""

    def died(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            return
        tell("uncaught", where=place_of(error.with_traceback(trace)), error=True)

    def thread_died(dead: threading.ExceptHookArgs) -> None:
        if dead.exc_value is not None:
            thread = dead.thread.name if dead.thread else ""
            tell("uncaught", thread=thread, where=place_of(dead.exc_value), error=True)

    sys.excepthook = died
    threading.excepthook = thread_died
