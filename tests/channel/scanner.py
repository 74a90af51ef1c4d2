"""A real clamd with one signature of our own, and sockets that answer as no clamd should.

Does: starts clamd (Debian's clamav-daemon) on a socket and a database in a folder, freezes, kills and restarts it;
`answering` sits on a socket in clamd's place.
Touches: the folder it is given, processes that it started.
Does not: load or need any signature of ClamAV.
"""

import os
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from shutil import which
from types import TracebackType
from typing import Self

from gateway.config.scan import Scan

MARK = b"GATEWAY-OWN-TEST-MARK-7f3a"
SIGNATURE = "Gateway.Test.Own-1.UNOFFICIAL"
COMMAND = which("clamd") or "/usr/sbin/clamd"
# What clamd says when its socket is open and its signatures are loaded.
READY = "Self checking"
# Limits that fit what may come; docs/administrator.md says the same (tests/daemon/test_scanner.py).
FITTING = ("AlertExceedsMax yes", "StreamMaxLength 4M", "MaxFileSize 60M", "MaxScanSize 150M")


class Clamd:
    """A clamd in a folder of its own. `options` are further lines of its configuration, which can be others after the
    next start."""

    def __init__(self, folder: Path, *options: str) -> None:
        folder.mkdir(exist_ok=True)
        self.socket = folder / "clamd.ctl"
        self._pid: subprocess.Popen[str] | None = None
        self._configuration = folder / "clamd.conf"
        database = folder / "database"
        database.mkdir()
        (database / "own.ndb").write_text(f"Gateway.Test.Own-1:0:*:{MARK.hex()}\n", encoding="ascii")
        self._database = database
        self.configure(*options)

    def configure(self, *options: str) -> None:
        """Other lines of its configuration, from its next start on."""
        lines = (
            f"DatabaseDirectory {self._database}",
            f"LocalSocket {self.socket}",
            f"TemporaryDirectory {self.socket.parent}",
            "Foreground yes",
            "FixStaleSocket yes",
            *options,
        )
        self._configuration.write_text("\n".join(lines) + "\n", encoding="ascii")

    @property
    def section(self) -> Scan:
        """The settings by which the gateway finds it."""
        return Scan(clamd=f"unix:{self.socket}")

    def start(self) -> Self:
        """Start it and wait until it answers."""
        self._pid = subprocess.Popen(
            [COMMAND, "--config-file", str(self._configuration)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        said = []
        for line in self._pid.stdout or ():
            said.append(line)
            if line.startswith(READY):
                return self
        raise AssertionError("clamd did not start:\n" + "".join(said))

    def freeze(self) -> None:
        """It hangs from now on."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on."""
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """It is gone, its socket file stays."""
        self._process.kill()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    @property
    def _process(self) -> subprocess.Popen[str]:
        if self._pid is None:
            raise RuntimeError("not started")
        return self._pid

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self.kill()


@contextmanager
def answering(path: Path, answer: bytes, *, reads: bool = True, version: bytes = b"") -> Iterator[Scan]:
    """A socket that gives this answer to everything, after it read a whole command or (`reads` false) at once; then it
    hangs up. Without an answer it never says a word. With a `version` it answers PING and VERSION as clamd does."""
    ended = threading.Event()

    def serve() -> None:
        while not ended.is_set():
            line, _ = server.accept()
            # Whoever asks may have gone.
            with line, suppress(OSError):
                _answer(line)

    def _answer(line: socket.socket) -> None:
        said = b""
        while reads and not (said == b"zPING\0" or said == b"zVERSION\0" or said.endswith(bytes(4))):
            part = line.recv(65_536)
            if not part:
                return
            said += part
        known = {b"zPING\0": b"PONG\0", b"zVERSION\0": version} if version else {}
        line.sendall(known.get(said, answer))
        if not answer:
            line.recv(1)

    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.fspath(path))
        server.listen()
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield Scan(clamd=f"unix:{path}", timeout_seconds=5)
        finally:
            ended.set()
            with socket.socket(socket.AF_UNIX) as last:
                last.connect(os.fspath(path))
            thread.join()
