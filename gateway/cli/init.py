"""`gateway init DIR [--demo]`: a folder that a gateway can be started from.

Does: lays out config (the shipped defaults), the folders that it names and a host key; with a demo also a key pair for
every account, sample files, known_hosts and commands to paste.
Touches: DIR alone. Every file is written under another name, fsynced and renamed, and none that exists is ever
replaced: a run that was cut short is completed by the next, and a second run changes nothing.
Does not: start anything, or touch the ledger.

Weakness: two runs at the same moment on one folder may each make a key; the later rename wins, and a `.pub` beside it
may be the other's. Nobody has logged in yet; remove the pair and run once more.
"""

import base64
import hashlib
import os
import re
import shlex
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_ssh_private_key,
)

from gateway.cli import samples
from gateway.config import Configuration, load, load_texts
from gateway.errors import ConfigError, Problem

HOST_KEY = "host_key_ed25519"
PRIVATE_FILE, PUBLIC_FILE = 0o600, 0o644
PRIVATE_FOLDER, SHARED_FOLDER = 0o700, 0o750
KINDS = ("WMO", "KOSTENWMO", "SBW", "JEUGD")
PERIOD = "2017H2"
TERMS = f"VOORWAARDEN_{PERIOD}.akkoord"
NOTHING = f"GEEN_JEUGD_0377_{PERIOD}.txt"

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class _Ground:
    """Where to lay out, in which words to tell of it, and how many files of each folder were made and kept."""

    root: Path
    text: Callable[..., str]
    made: Counter[str] = field(default_factory=Counter)
    kept: Counter[str] = field(default_factory=Counter)

    def folder(self, path: Path, mode: int) -> None:
        """Make a folder unless it is there."""
        if path.is_dir():
            return
        try:
            path.mkdir(mode=mode, parents=True)
        except (FileExistsError, NotADirectoryError):
            raise ConfigError([_problem(path, self.text("init.not_a_folder", name=str(path)))]) from None
        path.chmod(mode)

    def file(self, path: Path, body: bytes, mode: int = PUBLIC_FILE) -> None:
        """Write a file unless it is there; it appears whole or not at all."""
        folder = str(path.parent.relative_to(self.root))
        if path.exists():
            self.kept[folder] += 1
            return
        fresh = path.with_name(f".{path.name}.new")
        fresh.unlink(missing_ok=True)
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "wb") as stream:
            os.fchmod(descriptor, mode)
            stream.write(body)
            stream.flush()
            os.fsync(descriptor)
        fresh.rename(path)
        self.made[folder] += 1


def init(directory: Path, demo: bool, say: Say, language: str = "en") -> None:
    """Lay out `directory`, or complete what is missing there; `say` gets a line for each folder with files.

    ConfigError when a folder's place is taken, when what is configured there cannot be used, or when a demo is asked
    for in a folder with participants of its own.
    """
    root = directory.resolve()
    ground = _Ground(root, partial(load_texts().say, language))
    config = root / "config"
    ground.folder(root, SHARED_FOLDER)
    ground.folder(config, SHARED_FOLDER)
    for name, body in _shipped(files("gateway") / "defaults"):
        if demo and name == "participants.yaml":
            # The keys come first, so that a run that is cut short never leaves accounts without theirs.
            body = _with_keys(ground, body.decode()).encode()
        ground.folder((config / name).parent, SHARED_FOLDER)
        ground.file(config / name, body)
    public = _key_pair(ground, config / HOST_KEY, "gateway")
    configuration = load(config)
    for path, mode in (
        (configuration.settings.paths.inbox, SHARED_FOLDER),
        (configuration.settings.paths.outbox, SHARED_FOLDER),
        (configuration.settings.paths.state, PRIVATE_FOLDER),
    ):
        ground.folder(path, mode)
    if demo:
        _demo(ground, configuration, public)
    for name in sorted({*ground.made, *ground.kept}):
        say(ground.text("init.folder", name=name, made=ground.made[name], kept=ground.kept[name]))
    say(ground.text("init.ready", fingerprint=fingerprint(public)))
    asked = {"config": str(config), "participants": str(config / "participants.yaml")}
    next_step = "init.next_demo" if demo else "init.next"
    say(ground.text(next_step, **asked, paste=str(root / "demo" / "PASTE.txt")))


def fingerprint(public: str) -> str:
    """How OpenSSH names a public key line: `SHA256:` and 43 characters."""
    digest = hashlib.sha256(base64.b64decode(public.split()[1])).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def _problem(path: Path, what: str) -> Problem:
    return Problem(str(path), 1, 1, "init", what)


def _shipped(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, bytes]]:
    """The shipped defaults: relative name and content, sorted."""
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            yield from _shipped(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(".yaml"):
            yield f"{prefix}{entry.name}", entry.read_bytes()


def _key_pair(ground: _Ground, path: Path, comment: str) -> str:
    """The public key line of an Ed25519 pair at `path` and `path`.pub, made when there is none."""
    fresh = Ed25519PrivateKey.generate()
    ground.file(path, fresh.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()), PRIVATE_FILE)
    public = load_ssh_private_key(path.read_bytes(), None).public_key()
    line = f"{public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()} {comment}"
    ground.file(path.with_name(f"{path.name}.pub"), f"{line}\n".encode())
    return line


# --- the demo -----------------------------------------------------------------------------------------------


def _with_keys(ground: _Ground, participants: str) -> str:
    """The shipped participants, each account with the public key of a pair in demo/keys."""
    keys = ground.root / "demo" / "keys"
    ground.folder(keys.parent, SHARED_FOLDER)
    ground.folder(keys, PRIVATE_FOLDER)
    lines, login = [], ""
    for line in participants.splitlines():
        if found := re.fullmatch(r" *- login: (\S+)", line):
            login = found[1]
        if found := re.fullmatch(r"( *keys: )\[\]", line):
            line = f'{found[1]}["{_key_pair(ground, keys / login, login)}"]'
        lines.append(line)
    return "\n".join(lines) + "\n"


def _demo(ground: _Ground, configuration: Configuration, host_key: str) -> None:
    """Everything under demo/ but the keys, which participants.yaml needed first."""
    demo = ground.root / "demo"
    people = configuration.participants
    strangers = [
        _problem(configuration.directory / "participants.yaml", ground.text("init.no_demo_key", login=login))
        for login, account in people.accounts.items()
        if not _has_demo_key(demo / "keys" / f"{login}.pub", [each.key for each in account.public_keys()])
    ]
    if strangers:
        raise ConfigError(strangers)
    ground.folder(demo / "files", SHARED_FOLDER)
    ground.folder(demo / "reports", SHARED_FOLDER)
    faults = []
    for code in sorted(people.municipalities):
        for kind in KINDS:
            name = f"{kind}_{code}_{PERIOD}"
            ground.file(demo / "files" / f"{name}.csv", samples.good(kind, code))
            faulty = samples.wmo_faulty(code) if kind == "WMO" else samples.cost_faulty(kind, code)
            ground.file(demo / "files" / f"{name}-fout.csv", faulty.body)
            faults.append(_listed(ground, f"{name}-fout.csv", faulty))
    first = min(people.municipalities)
    together = {f"{kind}_{first}_{PERIOD}.csv": samples.good(kind, first) for kind in KINDS}
    ground.file(demo / "files" / "MSD.zip", samples.zipped(together))
    ground.file(demo / "files" / TERMS, b"")
    ground.file(demo / "files" / NOTHING, b"")
    readme = ground.text("demo.readme", terms=TERMS) + "\n" + "\n\n".join(faults) + "\n"
    ground.file(demo / "files" / "README.txt", readme.encode())
    host, port = configuration.settings.sftp.address
    known = f"[{host}]:{port}" if port != 22 else host
    ground.file(demo / "known_hosts", f"{known} {host_key}\n".encode())
    ground.file(demo / "PASTE.txt", _paste(ground, demo, configuration.directory, host, port).encode())


def _has_demo_key(public: Path, keys: list[str]) -> bool:
    return public.exists() and public.read_text(encoding="ascii").strip() in keys


def _listed(ground: _Ground, name: str, faulty: samples.Faulty) -> str:
    """The faults of one file as the README tells them."""
    lines = [
        ground.text(
            "demo.fault", line=fault.line, code=fault.code, column=fault.column or ground.text("demo.fault_record")
        )
        for fault in faulty.faults
    ]
    return "\n".join((name, *lines))


def _paste(ground: _Ground, demo: Path, config: Path, host: str, port: int) -> str:
    """The commands for a second terminal. They run in demo/, so only its own name and `config` may need quotes."""

    def connect(login: str) -> str:
        options = "-o IdentitiesOnly=yes -o UserKnownHostsFile=known_hosts"
        return f"sftp -q -P {port} -i keys/{login} {options}"

    return ground.text(
        "demo.paste",
        folder=shlex.quote(str(demo)),
        connect=connect("amsterdam"),
        bloemendaal=connect("bloemendaal"),
        host=host,
        config=shlex.quote(str(config)),
        nothing=NOTHING,
    )
