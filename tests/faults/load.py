"""The load: real SFTP clients that keep a book of what they were told.

Does: uploads with paramiko from several threads, under final names and under working names, whole and broken off; sends
again what got no certain answer, as a careful client does; notes for every attempt the answer, and the SHA-256.
Touches: the loopback interface.
Does not: judge (oracle).
"""

import random
import re
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from hashlib import sha256

import paramiko
from paramiko.sftp import CMD_CLOSE

from tests.house import Gateway
from tests.samples import wmo_csv

PIECE = 32_768
SIZES = (1, 100, 5_000, 9_000, PIECE, PIECE + 1, 50_000)
# A refusal of ours, and nothing that a client or a socket says of itself.
OURS = re.compile(r"(?P<code>[A-Z][A-Z_]+) \S.* \| ")
# Codes after which a file that was complete may be received later.
UNCERTAIN = frozenset({"NOT_DURABLE", "INTERNAL", "BUSY"})


class Told(StrEnum):
    """What a client was told. No answer: the line broke before there was one."""

    OK = "OK"
    REFUSED = "refused"
    FAILURE = "failure"
    NOTHING = "no answer"


@dataclass(frozen=True)
class File:
    """A file to be sent. `manner`: plain, working (renamed from a working name) or half (never closed)."""

    municipality: str
    name: str
    manner: str = "plain"
    seed: int | None = None

    @cached_property
    def body(self) -> bytes:
        """Bytes of its own. With a seed a good Wmo file."""
        if self.seed is not None:
            return wmo_csv(5 + self.seed % 17, self.municipality, seed=self.seed)
        draw = random.Random(f"{self.municipality}/{self.name}")
        return draw.randbytes(draw.choice(SIZES) + draw.randrange(16))

    @cached_property
    def sha256(self) -> str:
        """In lower-case hex."""
        return sha256(self.body).hexdigest()


@dataclass(frozen=True, slots=True)
class Attempt:
    """One upload as its client saw it. `asked`: the last request (CLOSE, or the rename to the final name) was sent."""

    file: File
    told: Told
    asked: bool
    code: str = ""

    @property
    def may_be_received(self) -> bool:
        """Whether nobody can say: it was whole, and the answer was none or `try again`."""
        return self.asked and (self.told is Told.NOTHING or self.code in UNCERTAIN)


@dataclass
class Book:
    """Every attempt, in the order of their ends."""

    attempts: list[Attempt] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.changed = threading.Condition()

    def note(self, attempt: Attempt) -> None:
        """One more."""
        with self.changed:
            self.attempts.append(attempt)
            self.changed.notify_all()

    def count(self, told: Told) -> int:
        """How many were told so."""
        with self.changed:
            return sum(attempt.told is told for attempt in self.attempts)

    def counts(self) -> Counter[Told]:
        """What was told how often."""
        with self.changed:
            return Counter(attempt.told for attempt in self.attempts)

    def wait_ok(self, number: int, seconds: float = 90) -> None:
        """Wait until so many were told OK."""
        with self.changed:
            if not self.changed.wait_for(lambda: sum(e.told is Told.OK for e in self.attempts) >= number, seconds):
                raise AssertionError(f"no {number} times OK: {Counter(each.told for each in self.attempts)}")


def ask_close(client: paramiko.SFTPClient, target: paramiko.SFTPFile) -> None:
    """CLOSE, and its answer; paramiko's own `close` says nothing when the line breaks before the answer."""
    vars(target)["_closed"] = True
    vars(paramiko.SFTPClient)["_request"](client, CMD_CLOSE, target.handle)


def send(client: paramiko.SFTPClient, file: File, hold: Callable[[], object] | None = None) -> Attempt:
    """One upload, whatever becomes of it. `hold` is called when half of it is written."""
    path = f"/{file.municipality}/inbox/{file.name}"
    asked = False
    try:
        target = client.open(f"{path}.part" if file.manner == "working" else path, "wb")
        target.set_pipelined(True)
        half = len(file.body) // 2
        target.write(file.body[:half])
        target.flush()
        if hold is not None:
            hold()
        if file.manner == "half":
            vars(target)["_closed"] = True
            return Attempt(file, Told.NOTHING, asked=False, code="(not closed)")
        target.write(file.body[half:])
        target.flush()
        asked = file.manner == "plain"
        ask_close(client, target)
        if file.manner == "working":
            asked = True
            client.rename(f"{path}.part", path)
    except (OSError, EOFError, paramiko.SSHException) as error:
        said = OURS.search(str(error))
        if said is None:
            return Attempt(file, Told.NOTHING, asked)
        refused = isinstance(error, PermissionError) or getattr(error, "errno", None) is not None
        return Attempt(file, Told.REFUSED if refused else Told.FAILURE, asked, said["code"])
    return Attempt(file, Told.OK, asked)


@dataclass
class Client:
    """One client program: who it is, what it will send, what it must send again."""

    login: str
    files: Iterator[File]
    again: deque[File] = field(default_factory=deque)

    def run(self, house: Gateway, book: Book, stop: threading.Event, most: int) -> None:
        """Connect and upload one after the other, at most so many, until told to stop or the line breaks."""
        try:
            with house.paramiko(self.login) as client:
                for _ in range(most):
                    if stop.is_set():
                        return
                    attempt = self._one(client, book)
                    if attempt.told is Told.NOTHING and not attempt.code:
                        return
        except (OSError, EOFError, paramiko.SSHException):
            return  # nobody listens: nothing was told, and nothing was sent

    def _one(self, client: paramiko.SFTPClient, book: Book) -> Attempt:
        file = self.again.popleft() if self.again else next(self.files)
        attempt = send(client, file)
        book.note(attempt)
        if file.manner != "half" and attempt.told in (Told.NOTHING, Told.FAILURE):
            self.again.appendleft(file)
        return attempt


def names(municipality: str, prefix: str, *, real: bool) -> Iterator[File]:
    """Files without end. `real`: every fourth is a good Wmo file under its real name; every ninth is broken off."""
    number = 0
    while True:
        number += 1
        if number % 9 == 0:
            yield File(municipality, f"{prefix}_{number:05d}_half.csv", "half")
        elif real and number % 4 == 1:
            yield File(municipality, f"WMO_{municipality}_2017H2.csv", seed=number)
        else:
            yield File(municipality, f"{prefix}_{number:05d}.csv", "working" if number % 2 else "plain")


def three(prefix: str = "a") -> list[Client]:
    """Three clients: two of one municipality, one of another."""
    return [
        Client("amsterdam", names("0363", f"{prefix}1", real=True)),
        Client("amsterdam", names("0363", f"{prefix}2", real=False)),
        Client("bloemendaal", names("0377", f"{prefix}3", real=False)),
    ]


@dataclass
class Load:
    """Clients at work on a gateway; end it with `stop`, or `join` when they were given a number."""

    house: Gateway
    book: Book
    clients: list[Client]
    most: int = 1_000_000

    def __post_init__(self) -> None:
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=each.run, args=(self.house, self.book, self._stop, self.most))
            for each in self.clients
        ]
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        """Wait until each is done, or its line broken."""
        for thread in self._threads:
            thread.join()

    def stop(self) -> None:
        """Let each end the upload at hand."""
        self._stop.set()
        self.join()
