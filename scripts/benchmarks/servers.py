"""The servers that `scripts/bench server` compares, each on a free port of 127.0.0.1, each logging in by Ed25519 key.

Does: lays out, starts and stops OpenSSH with internal-sftp, ProFTPD with mod_sftp, a bare asyncssh server, and the
  gateway with a country of municipalities and any number of accounts.
Touches: the folder given; processes of its own, stopped by process id.
Does not: measure.
"""

import json
import os
import pwd
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from gateway.cli.init import init
from gateway.config import load
from gateway.domain.model import EPOCH
from gateway.store.ledger import facts
from gateway.store.sqlite import SQLite

HERE = Path(__file__).resolve().parent
GATEWAY = Path(sys.executable).with_name("gateway")
# The peers give files to this account of the machine; they run as root, as they do in life.
SYSTEM_USER = "nobody"
MOMENT = "2018-02-12T09:00"
MUNICIPALITIES = 380
START_SECONDS = 180.0
# As systemd hands a socket over between fork and exec.
HAND = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", LISTEN_FDNAMES="sftp")
os.execvp(sys.argv[2], sys.argv[2:])
"""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: where it listens, its first process, and who may log in and deliver where."""

    name: str
    port: int
    pid: int
    accounts: Path
    root: Path


@dataclass(frozen=True, slots=True)
class Key:
    """A key pair: the file of the private key, and the public line."""

    path: Path
    public: str


def new_key(path: Path) -> Key:
    """An Ed25519 pair in OpenSSH's format."""
    private = Ed25519PrivateKey.generate()
    path.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    path.chmod(0o600)
    public = private.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    path.with_suffix(".pub").write_text(public + "\n")
    return Key(path, public)


def free_port() -> int:
    """A port that was free a moment ago: the peers cannot be told to choose one themselves."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def peer_accounts(root: Path, user: str, key: Key, folders: Sequence[str]) -> Path:
    """One account of the machine that delivers into as many folders as there are sessions."""
    people = [
        {"user": user, "key": str(key.path), "inbox": folder, "outbox": folder, "name": "@@@@@@@@.csv"}
        for folder in folders
    ]
    path = root / "accounts.json"
    path.write_text(json.dumps(people))
    return path


def drop_folders(root: Path) -> list[str]:
    """Folders that the machine's account may write to."""
    owner = pwd.getpwnam(SYSTEM_USER)
    made = []
    for number in range(64):
        folder = root / "drop" / f"{number:02d}"
        folder.mkdir(parents=True)
        os.chown(folder, owner.pw_uid, owner.pw_gid)
        made.append(str(folder))
    for each in (root, root / "drop"):
        each.chmod(0o755)
    return made


def await_port(port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until somebody listens."""
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError("the server does not listen")


@contextmanager
def running(command: Sequence[str], log: Path, keep: Sequence[int] = ()) -> Iterator[subprocess.Popen[bytes]]:
    """A server as a child, its complaints in a file, killed at the end. `keep`: descriptors that it gets."""
    with log.open("ab") as complaints:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=complaints, stderr=complaints, pass_fds=keep
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def openssh(root: Path) -> Iterator[Server]:
    """OpenSSH with internal-sftp."""
    folders = drop_folders(root)
    key, host, port = new_key(root / "key"), new_key(root / "host"), free_port()
    (root / "authorized").write_text(key.public + "\n")
    Path("/run/sshd").mkdir(exist_ok=True)
    config = root / "sshd_config"
    config.write_text(
        f"""Port {port}
ListenAddress 127.0.0.1
HostKey {host.path}
PidFile none
AuthorizedKeysFile {root}/authorized
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
MaxStartups 1000
MaxSessions 1000
LogLevel INFO
Subsystem sftp internal-sftp
ForceCommand internal-sftp
"""
    )
    sshd = shutil.which("sshd") or "/usr/sbin/sshd"
    with running([sshd, "-D", "-e", "-f", str(config)], root / "log") as process:
        await_port(port, process)
        yield Server("openssh", port, process.pid, peer_accounts(root, SYSTEM_USER, key, folders), root)


@contextmanager
def proftpd(root: Path) -> Iterator[Server]:
    """ProFTPD with mod_sftp."""
    folders = drop_folders(root)
    key, host, port = new_key(root / "key"), new_key(root / "host"), free_port()
    lines = subprocess.run(
        ["ssh-keygen", "-e", "-m", "RFC4716", "-f", str(key.path.with_suffix(".pub"))],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    (root / "authorized").write_text(lines)
    owner = pwd.getpwnam(SYSTEM_USER)
    (root / "passwd").write_text(f"bench:*:{owner.pw_uid}:{owner.pw_gid}::{root}/drop:/bin/sh\n")
    for each in ("passwd", "authorized"):
        (root / each).chmod(0o600)
    config = root / "proftpd.conf"
    config.write_text(
        f"""LoadModule mod_sftp.c
ServerType standalone
Port {port}
DefaultAddress 127.0.0.1
UseIPv6 off
User root
Group root
MaxInstances 2000
PidFile {root}/pid
ScoreboardFile {root}/scoreboard
DelayTable none
WtmpLog off
TransferLog {root}/transfers
SystemLog {root}/system
AuthOrder mod_auth_file.c
AuthUserFile {root}/passwd
RequireValidShell off
SFTPEngine on
SFTPLog {root}/sftp
SFTPHostKey {host.path}
SFTPAuthMethods publickey
SFTPAuthorizedUserKeys file:{root}/authorized
"""
    )
    with running([shutil.which("proftpd") or "/usr/sbin/proftpd", "-n", "-c", str(config)], root / "log") as process:
        await_port(port, process)
        yield Server("proftpd", port, process.pid, peer_accounts(root, "bench", key, folders), root)


@contextmanager
def bare(root: Path) -> Iterator[Server]:
    """asyncssh without anything."""
    drop_folders(root)
    key, host = new_key(root / "key"), new_key(root / "host")
    (root / "authorized").write_text(key.public + "\n")
    command = [sys.executable, str(HERE / "bare_asyncssh.py"), str(root), str(host.path), str(root / "authorized")]
    with running(command, root / "log") as process:
        until = time.monotonic() + START_SECONDS
        while not (said := (root / "log").read_text().splitlines()):
            if time.monotonic() > until or process.poll() is not None:
                raise RuntimeError("asyncssh does not listen")
            time.sleep(0.05)
        inside = [f"/drop/{number:02d}" for number in range(64)]
        yield Server("asyncssh", int(said[0]), process.pid, peer_accounts(root, "bench", key, inside), root)


def country(root: Path, others: int = 0) -> list[dict[str, str]]:
    """Lay out a gateway for 380 municipalities with an account each, terms accepted, and `others` accounts that never
    come."""
    init(root, True, lambda _line: None)
    (root / "bench").mkdir()
    key = new_key(root / "bench" / "key")
    codes = [f"{2001 + number}" for number in range(MUNICIPALITIES)]
    municipalities = "".join(f'  "{code}": {{name: Gemeente {code}}}\n' for code in codes)
    people = []
    entries = []
    for code in codes:
        own = new_key(root / "bench" / code)
        entries.append(_account(f"g{code}", code, own.public))
        people.append(
            {
                "user": f"g{code}",
                "key": str(own.path),
                "inbox": f"/{code}/inbox",
                "outbox": f"/{code}/outbox",
                "name": f"WMO_{code}_2017H2.csv",
                "code": code,
            }
        )
    for number in range(others):
        public = Ed25519PrivateKey.generate().public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
        entries.append(_account(f"u{number}", codes[number % len(codes)], public.decode()))
    (root / "config" / "participants.yaml").write_text(
        f"municipalities:\n{municipalities}\naccounts:\n{''.join(entries)}"
    )
    settings = root / "config" / "gateway.yaml"
    settings.write_text(
        f"""metrics:
  listen: 127.0.0.1:{free_port()}
limits:
  upload_bytes: 20000000
sftp:
  connections: 5000
  connections_per_address: 5000
  unauthenticated_connections: 2000
  unauthenticated_connections_per_address: 2000
  requests_per_second: 100000
watch:
  enabled: true
"""
    )
    (root / "bench" / "accounts.json").write_text(json.dumps(people))
    key.path.unlink()
    _accept(root, [each["user"] for each in people])
    return people


def _account(login: str, code: str, public: str) -> str:
    return f"""  - login: {login}
    name: Beheerder {login}
    email: {login}@gemeente.example
    roles: [productbeheerder, gebruikersbeheerder]
    municipalities: ["{code}"]
    keys: ["{public}"]
"""


def _accept(root: Path, logins: Sequence[str]) -> None:
    configuration = load(root / "config")
    engine = SQLite(root / "var" / "ledger.db")
    try:
        engine.migrate()
        with engine.transaction():
            for round_ in configuration.rounds.values():
                for login in logins:
                    facts.accept_terms(engine, login, round_.id, round_.terms_version, EPOCH, "bench")
    finally:
        engine.close()


@contextmanager
def gateway(
    root: Path, *, workers: bool = True, shared: socket.socket | None = None, number: int = 1
) -> Iterator[Server]:
    """The gateway that `country` laid out. `workers`: whether files are examined as well as taken in. `shared`: a
    listening socket in place of its own; `number`: which of several processes on it this is."""
    log = root / "bench" / (f"log-{number}" if number > 1 else "log")
    begun = log.stat().st_size if log.exists() else 0
    command = [str(GATEWAY), "serve", "--config", str(root / "config"), "--listen", "127.0.0.1:0"]
    command += ["--simulate", MOMENT, "--role", "all" if workers else "sftp"]
    keep = () if shared is None else (shared.fileno(),)
    if shared is not None:
        command = [sys.executable, "-c", HAND, str(shared.fileno()), *command, "--process", str(number)]
    with running(command, log, keep) as process:
        port = 0
        until = time.monotonic() + START_SECONDS
        while True:
            said = _events(log, begun)
            port = next((int(each["port"]) for each in said if each.get("event") == "listening"), port)
            if any(each.get("event") == "ready" for each in said):
                break
            if time.monotonic() > until or process.poll() is not None:
                raise RuntimeError(f"the gateway is not ready: {log.read_text()[-2000:]}")
            time.sleep(0.05)
        yield Server("gateway", port, process.pid, root / "bench" / "accounts.json", root)


def _events(log: Path, begun: int) -> list[dict[str, Any]]:
    with log.open("rb") as lines:
        lines.seek(begun)
        return [json.loads(line) for line in lines.read().splitlines() if line.startswith(b"{") and line.endswith(b"}")]
