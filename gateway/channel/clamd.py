"""clamd: the virus scanner, asked over its socket.

Does: sends a file in pieces and says which signature was found in it, or none; asks for version and age of the
signatures.
Touches: the socket of clamd.
Does not: say a file is clean unless clamd said so in so many words: whatever else it answers, and no answer, is
`Unscanned`. Tries nothing again, and keeps no byte.

Protocol: clamd(8), commands that begin with `z` and end in NUL. INSTREAM takes pieces, each after its length in four
bytes (big endian), and ends with an empty one. Known weakness: what clamd leaves out by its own limits it may call OK.
Whether it would is for `daemon.scanner` to find out; where it says so of a file, that is `Overlooked`.
"""

import re
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from gateway.config.scan import Scan, clamd_address
from gateway.errors import Temporary
from gateway.reports.plain import starred

PIECE = 64 * 1024
# A signature's name is short; what says more is not clamd.
REPLY = 1024
CLEAN = "stream: OK"
FOUND = re.compile(r"stream: ([!-~]{1,200}) FOUND")
# Its own complaints.
TOLD = re.compile(r"[A-Za-z0-9 .:_/-]{1,120} (?:ERROR|FOUND)|UNKNOWN COMMAND")
# Said when AlertExceedsMax is on: nothing was found, and not everything was looked at.
LIMIT = "Heuristics.Limits.Exceeded"
VERSION = re.compile(
    r"(?P<engine>ClamAV [!-~]{1,40}?)"
    r"(?:/(?P<number>[0-9]{1,9})/[A-Z][a-z]{2} (?P<month>[A-Z][a-z]{2}) {1,2}(?P<day>[0-9]{1,2})"
    r" (?P<time>[0-9]{2}:[0-9]{2}:[0-9]{2}) (?P<year>[0-9]{4}))?"
)
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Unscanned(Temporary):
    """There is no verdict of the scanner. Says why, in words that hold nothing of the file."""


class Overlooked(Unscanned):
    """clamd reached one of its own limits: it found nothing, and did not look at everything."""


@dataclass(frozen=True, slots=True)
class Version:
    """Of clamd: its program, the number of its daily signatures and when these were made (clamd tells local time, taken
    as UTC); None where it has none from ClamAV."""

    engine: str
    number: int | None = None
    made: datetime | None = None


def scan(section: Scan, body: bytes) -> str | None:
    """The name of the signature that was found in a file; None when clamd says it is clean. Unscanned otherwise."""
    said = _ask(section, "INSTREAM", body)
    if said == CLEAN:
        return None
    found = FOUND.fullmatch(said)
    if found is None:
        raise Unscanned(f"clamd answers {_shown(said)}")
    if found[1].startswith(LIMIT):
        raise Overlooked(f"clamd answers {_shown(said)}")
    return found[1]


def version(section: Scan) -> Version:
    """What clamd is, once it answered PING. Unscanned when it does not answer, or as no clamd does."""
    if (said := _ask(section, "PING")) != "PONG":
        raise Unscanned(f"clamd answers PING with {_shown(said)}")
    said = _ask(section, "VERSION")
    match = VERSION.fullmatch(said)
    if match is None:
        raise Unscanned(f"clamd answers VERSION with {_shown(said)}")
    if match["number"] is None:
        return Version(match["engine"])
    try:
        written = f"{match['year']}-{MONTHS.index(match['month']) + 1:02}-{int(match['day']):02}T{match['time']}"
        made = datetime.fromisoformat(written).replace(tzinfo=UTC)
    except ValueError:
        raise Unscanned(f"clamd answers VERSION with {_shown(said)}") from None
    return Version(match["engine"], int(match["number"]), made)


def _ask(section: Scan, command: str, body: bytes | None = None) -> str:
    """The answer to one command, without its closing NUL."""
    if section.clamd is None:
        raise Unscanned("no clamd is configured")
    until = time.monotonic() + section.timeout_seconds
    try:
        with _connected(section.clamd, section.timeout_seconds) as line:
            whole = False
            # Whoever refuses a file hangs up while it comes: what he said before that is the answer.
            with suppress(BrokenPipeError, ConnectionResetError):
                _send(line, f"z{command}\0".encode(), until)
                if body is not None:
                    _send_pieces(line, body, until)
                whole = True
            said = _answer(line, until)
    except TimeoutError as error:
        raise Unscanned(f"clamd did not answer within {section.timeout_seconds} s") from error
    except OSError as error:
        raise Unscanned(f"clamd cannot be reached: {error.strerror or type(error).__name__}") from error
    if said == CLEAN and not whole:
        raise Unscanned("clamd answered before it had the whole file")
    return said


def _connected(address: str, seconds: float) -> socket.socket:
    where = clamd_address(address)
    if not isinstance(where, str):
        return socket.create_connection(where, seconds)
    line = socket.socket(socket.AF_UNIX)
    try:
        line.settimeout(seconds)
        line.connect(where)
    except OSError:
        line.close()
        raise
    return line


def _send_pieces(line: socket.socket, body: bytes, until: float) -> None:
    for start in range(0, len(body), PIECE):
        piece = body[start : start + PIECE]
        _send(line, len(piece).to_bytes(4, "big") + piece, until)
    _send(line, bytes(4), until)


def _send(line: socket.socket, data: bytes, until: float) -> None:
    line.settimeout(_left(until))
    line.sendall(data)


def _answer(line: socket.socket, until: float) -> str:
    said = bytearray()
    while True:
        line.settimeout(_left(until))
        part = line.recv(REPLY)
        said += part
        if not part or b"\0" in part or len(said) > REPLY:
            break
    text, end, rest = bytes(said).partition(b"\0")
    if not end or rest:
        raise Unscanned("clamd gave no whole answer")
    return text.decode("ascii", "replace")


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _shown(said: str) -> str:
    """What may be told of an answer. Something else than clamd may sit there, and say what it was sent."""
    return f'"{starred(said)}"' if TOLD.fullmatch(said) else "what clamd never says"
