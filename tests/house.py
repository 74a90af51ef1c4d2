"""A house to test in: a real daemon on a demo of its own, and ways to talk to it.

Does: lays out a demo, changes its settings, runs `gateway serve` as a subprocess in a sandbox, reads its log line by
line so that tests wait for events and never sleep; gives paramiko and OpenSSH clients and the daemon's ledger.
Touches: the folder it is given, the loopback interface.
Does not: assert. The fixtures `gateway` and `demo_template` are in conftest.
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import paramiko
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from gateway.cli.demo import accept_terms
from gateway.cli.init import init
from gateway.domain.model import Drop
from gateway.store.ledger import drops, reports
from gateway.store.ledger.reports import Filed
from gateway.store.sqlite import SQLite
from tests.reports.judge import judge_all

COMMAND = Path(sys.executable).with_name("gateway")
# A Monday in the delivery window of the shipped round.
MOMENT = "2018-02-12T09:00"
# Events come within a second; a machine that has other work may take a minute to start a daemon.
PATIENCE = 60.0
# What systemd does between fork and exec: the socket becomes descriptor 3, told with the number of the process.
HAND = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", LISTEN_FDNAMES="sftp")
os.execvp(sys.argv[2], sys.argv[2:])
"""
SSH_OPTIONS = (
    "-F", "none",
    "-o", "IdentitiesOnly=yes",
    "-o", "IdentityAgent=none",
    "-o", "BatchMode=yes",
    "-o", "StrictHostKeyChecking=no",
    "-o", "UserKnownHostsFile=/dev/null",
    "-o", "GlobalKnownHostsFile=/dev/null",
    "-o", "LogLevel=ERROR",
)  # fmt: skip

Answer = TypeVar("Answer")
Event = dict[str, Any]
Edit = Callable[[Any], None]


def lay_out_demo(folder: Path) -> Path:
    """A fresh demo in `folder`, terms accepted by the accounts that the demo says have."""
    init(folder, True, lambda _line: None)
    accept_terms(folder, lambda _line: None)
    return folder


def _merge(into: dict[str, Any], changes: Mapping[str, Any]) -> None:
    for key, value in changes.items():
        if isinstance(value, Mapping) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = dict(value) if isinstance(value, Mapping) else value


class Gateway:
    """A demo in `root` and the daemon that serves it. `settings` are laid over gateway.yaml; `simulate` is where the
    sandbox clock begins (None: real time); `prefix` is a command to run the daemon under, such as prlimit. `process` is
    which of several it is; `shared` a listening socket that is handed to it as systemd does."""

    def __init__(
        self,
        root: Path,
        settings: Mapping[str, Any] | None = None,
        *,
        simulate: str | None = MOMENT,
        speed: float = 1.0,
        role: str = "all",
        prefix: tuple[str, ...] = (),
        process: int = 1,
        shared: socket.socket | None = None,
        listen: str = "127.0.0.1:0",
    ) -> None:
        self.root = root
        self.config = root / "config"
        self.inbox = root / "inbox"
        self.outbox = root / "outbox"
        self.ledger_path = root / "var" / "ledger.db"
        self.port = 0
        self._shared = shared
        handing = (sys.executable, "-c", HAND, str(shared.fileno())) if shared is not None else ()
        self._arguments = [*handing, *prefix, str(COMMAND), "serve", "--config", str(self.config), "--listen", listen]
        self._arguments += ["--role", role, "--process", str(process)]
        if simulate is not None:
            self._arguments += ["--simulate", simulate, "--speed", str(speed)]
        self._changed = threading.Condition()
        self._lines: list[str] = []
        self._events: list[Event] = []
        self._ended = False
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self._engine: SQLite | None = None
        if settings:
            self.edit("gateway.yaml", lambda content: _merge(content, settings))

    # --- running ------------------------------------------------------------------------------------------------------

    def start(self) -> Self:
        """Start the daemon and wait until it is ready."""
        self._ended = False
        with self._changed:
            self._events.clear()
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        self._process = subprocess.Popen(
            self._arguments, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace",
            env=environment, pass_fds=() if self._shared is None else (self._shared.fileno(),),
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, args=(self._process,), daemon=True)
        self._reader.start()
        self.wait_event("ready")
        listening = [event for event in self.events() if event["event"] == "listening"]
        self.port = int(listening[0]["port"]) if listening else 0
        return self

    def _read(self, process: subprocess.Popen[str]) -> None:
        if process.stderr is None:
            raise RuntimeError("no pipe")
        for line in process.stderr:
            with self._changed:
                self._lines.append(line)
                with suppress(ValueError):
                    self._events.append(json.loads(line))
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    @property
    def process(self) -> subprocess.Popen[str]:
        """The running daemon."""
        if self._process is None:
            raise RuntimeError("not started")
        return self._process

    def stop(self, timeout: float = PATIENCE) -> int:
        """SIGTERM; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self._join(timeout)

    def kill(self) -> int:
        """SIGKILL; the exit code (-9)."""
        self.process.kill()
        return self._join(PATIENCE)

    def wait_end(self, timeout: float = PATIENCE) -> int:
        """Wait until it ends by itself; the exit code."""
        return self._join(timeout)

    def _join(self, timeout: float) -> int:
        code = self.process.wait(timeout)
        if self._reader is not None:
            self._reader.join(timeout)
        if self.process.stderr is not None:
            self.process.stderr.close()
        return code

    def restart(self) -> Self:
        """Stop it when it runs, and start it again; another port. `events` begin anew, `text` goes on."""
        if self.process.poll() is None:
            self.stop()
        return self.start()

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException as error:
            self.__exit__(type(error), error, None)
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.kill()
            self._join(PATIENCE)
        if self._engine is not None:
            self._engine.close()
        if error is None and self.ledger_path.exists():
            # Whatever the test was about: each report that it made follows the published schema.
            judge_all(self.ledger_path)

    # --- its log ------------------------------------------------------------------------------------------------------

    def events(self, name: str | None = None, **match: object) -> list[Event]:
        """The log lines since the last start, of one event or of all, whose facts are as in `match`."""
        with self._changed:
            return [event for event in self._events if _fits(event, name, match)]

    def text(self) -> str:
        """Everything the daemon ever wrote to stderr."""
        with self._changed:
            return "".join(self._lines)

    def wait_event(self, name: str, *, count: int = 1, timeout: float = PATIENCE, **match: object) -> Event:
        """The `count`-th such event since the last start, when it is there. AssertionError with the log when the daemon
        ends before, or time is up."""
        found = self.wait_until(lambda: self.events(name, **match)[count - 1 : count], f"event {name} {match}", timeout)
        return found[0]

    def wait_until(self, look: Callable[[], Answer], what: str = "it", timeout: float = PATIENCE) -> Answer:
        """What `look` gives as soon as that is true; it is asked again after each log line (and each quarter second,
        for what happens after its line). AssertionError as with wait_event."""
        until = time.monotonic() + timeout
        while not (found := look()):
            with self._changed:
                left = until - time.monotonic()
                if left <= 0 or (self._ended and not look()):
                    raise AssertionError(f"{what} did not come; the daemon said:\n" + "".join(self._lines[-60:]))
                self._changed.wait(min(left, 0.25))
        return found

    # --- its folders and ledger ---------------------------------------------------------------------------------------

    def ledger(self) -> SQLite:
        """An engine on the daemon's ledger, to look with."""
        if self._engine is None:
            self._engine = SQLite(self.ledger_path)
        return self._engine

    def drops(self) -> list[Drop]:
        """Every drop, oldest first."""
        return drops.recent(self.ledger(), 100_000)[::-1]

    def reports(self, municipality: str, pattern: str = "") -> list[Filed]:
        """Reports in the ledger whose stem matches a regular expression anywhere, oldest first."""
        rows = self.ledger().rows(
            "select id from reports where municipality = :code order by arrival", code=municipality
        )
        found = [reports.get(self.ledger(), row["id"]) for row in rows]
        return [report for report in found if re.search(pattern, report.stem)]

    def wait_report(self, municipality: str, pattern: str, *, count: int = 1, timeout: float = PATIENCE) -> Filed:
        """The `count`-th placed report whose stem matches, when it lies in the outbox."""

        def look() -> list[Filed]:
            return [each for each in self.reports(municipality, pattern) if each.placed_at][count - 1 : count]

        found = self.wait_until(look, f"report {pattern} for {municipality}", timeout)
        return found[0]

    def edit(self, name: str, change: Edit) -> None:
        """Change a YAML file of the configuration: `change` gets its content and alters it in place."""
        path = self.config / name
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        change(content)
        fresh = path.with_name(f".{path.name}.new")
        fresh.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")
        fresh.replace(path)

    def account(self, login: str, **facts: Any) -> None:
        """Change facts of an account in participants.yaml; the running daemon reloads by itself."""

        def change(content: Any) -> None:
            next(each for each in content["accounts"] if each["login"] == login).update(facts)

        self.edit("participants.yaml", change)

    def add_account(self, login: str, *municipalities: str, roles: tuple[str, ...] = ("productbeheerder",)) -> None:
        """One more account, with a key pair of its own; it has not accepted the terms."""
        secret = Ed25519PrivateKey.generate()
        self.key(login).write_bytes(secret.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
        self.key(login).chmod(0o600)
        public = secret.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
        added = {
            "login": login,
            "name": "Noor Smit",
            "email": f"noor.smit.{login}@gemeente.example",
            "roles": list(roles),
            "municipalities": list(municipalities),
            "keys": [f"{public} {login}"],
        }
        self.edit("participants.yaml", lambda content: content["accounts"].append(added))

    # --- its clients --------------------------------------------------------------------------------------------------

    def key(self, login: str) -> Path:
        """The private key of a demo account."""
        return self.root / "demo" / "keys" / login

    @contextmanager
    def transport(self, login: str, key: str | None = None) -> Iterator[paramiko.Transport]:
        """A paramiko connection that has logged in, with `key`'s key when that is another account's."""
        connection = paramiko.Transport(("127.0.0.1", self.port))
        try:
            secret = paramiko.Ed25519Key.from_private_key_file(str(self.key(key or login)))
            connection.connect(username=login, pkey=secret)
            yield connection
        finally:
            connection.close()

    @contextmanager
    def paramiko(self, login: str) -> Iterator[paramiko.SFTPClient]:
        """A paramiko SFTP client that has logged in."""
        with self.transport(login) as connection:
            client = paramiko.SFTPClient.from_transport(connection)
            if client is None:
                raise RuntimeError("no SFTP session")
            with client:
                yield client

    def sftp(self, login: str, batch: str, *options: str, timeout: float = 60.0) -> subprocess.CompletedProcess[str]:
        """OpenSSH's sftp with a batch of commands."""
        command = ["sftp", *SSH_OPTIONS, *options, "-i", str(self.key(login)), "-P", str(self.port), "-b", "-"]
        return self._client([*command, f"{login}@127.0.0.1"], batch, timeout)

    def scp(self, login: str, *arguments: str, timeout: float = 60.0) -> subprocess.CompletedProcess[str]:
        """OpenSSH's scp; the gateway is `gateway:` in `arguments`."""
        there = f"{login}@127.0.0.1:"
        named = [re.sub(r"^gateway:", there, argument) for argument in arguments]
        command = ["scp", *SSH_OPTIONS, "-i", str(self.key(login)), "-P", str(self.port), *named]
        return self._client(command, None, timeout)

    def ssh(self, login: str, *arguments: str, timeout: float = 60.0) -> subprocess.CompletedProcess[str]:
        """OpenSSH's ssh; `arguments` are options, and after them the remote command."""
        options = [argument for argument in arguments if argument.startswith("-")]
        rest = [argument for argument in arguments if not argument.startswith("-")]
        command = ["ssh", *SSH_OPTIONS, "-i", str(self.key(login)), "-p", str(self.port), *options]
        return self._client([*command, f"{login}@127.0.0.1", *rest], None, timeout)

    @staticmethod
    def _client(command: list[str], said: str | None, timeout: float) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, input=said, stdin=None if said is not None else subprocess.DEVNULL, capture_output=True, text=True,
            check=False, timeout=timeout,
        )  # fmt: skip


def _fits(event: Event, name: str | None, match: Mapping[str, object]) -> bool:
    return (name is None or event["event"] == name) and all(event.get(key) == value for key, value in match.items())


def copy_demo(template: Path, folder: Path) -> Path:
    """A copy of a laid-out demo that never served."""
    return Path(shutil.copytree(template, folder, symlinks=True))
