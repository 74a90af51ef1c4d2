"""OpenSSH's own tools: ssh-keygen makes keys and certificates, ssh-agent holds them, sftp logs in with them.

Does: calls them.
Touches: the files it is told to.
Does not: assert, or use what the user of this machine has.
"""

import itertools
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.house import SSH_OPTIONS, Gateway

_ADDRESSES = itertools.count(1)
SORTS = {
    "ed25519": ("ed25519",),
    "p256": ("ecdsa", "-b", "256"),
    "p384": ("ecdsa", "-b", "384"),
    "p521": ("ecdsa", "-b", "521"),
    "rsa": ("rsa", "-b", "3072"),
}


REFUSED = ("Permission denied", "Too many keys", "Too many authentication failures")


def run(*command: str | Path, env: dict[str, str] | None = None) -> str:
    """What a tool that must succeed printed."""
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, timeout=60, env=env)
    if done.returncode:
        raise RuntimeError(f"{command[0]}: {done.stderr}")
    return done.stdout


def keygen(path: Path, sort: str = "ed25519") -> Path:
    """A fresh key pair; its private half."""
    run("ssh-keygen", "-q", "-t", *SORTS[sort], "-N", "", "-C", path.name, "-f", path)
    return path


def public(key: Path) -> str:
    """The line of its .pub file."""
    return Path(f"{key}.pub").read_text().strip()


def fingerprint(key: Path) -> str:
    """SHA256:..."""
    return run("ssh-keygen", "-lf", f"{key}.pub").split()[1]


def sign(authority: Path, key: Path, *options: str) -> Path:
    """A certificate for a key, signed by an authority; beside the key, replacing the last."""
    run("ssh-keygen", "-q", "-s", authority, *options, f"{key}.pub")
    return Path(f"{key}-cert.pub")


def fresh_address() -> str:
    """An address of this machine that nobody used yet: what is said of one is kept short, and penalties are its own."""
    return f"127.7.{next(_ADDRESSES)}.1"


def enters(house: Gateway, login: str, key: Path, *options: str, port: int = 0) -> bool:
    """Whether OpenSSH's sftp gets in with a key file and sees its folders."""
    # Of an option that is given twice OpenSSH takes the first.
    command = ["sftp", *options, *SSH_OPTIONS, "-o", "PreferredAuthentications=publickey", "-i", str(key)]
    command += ["-o", f"BindAddress={fresh_address()}", "-P", str(port or house.port), "-b", "-", f"{login}@127.0.0.1"]
    done = subprocess.run(command, input="ls /\n", capture_output=True, text=True, check=False, timeout=60)
    if done.returncode and not any(words in done.stderr for words in REFUSED):
        raise RuntimeError(done.stderr)
    return done.returncode == 0 and "/LEESMIJ.txt" in done.stdout


@contextmanager
def agent(folder: Path, *keys: Path) -> Iterator[Path]:
    """A running ssh-agent that holds keys (and their certificates, where there are); its socket."""
    socket = folder / "agent"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", str(socket)], stdout=subprocess.PIPE)
    try:
        if process.stdout is None or not process.stdout.readline():
            raise RuntimeError("no agent")
        run("ssh-add", "-q", *keys, env={**os.environ, "SSH_AUTH_SOCK": str(socket)})
        yield socket
    finally:
        process.terminate()
        process.communicate(timeout=10)
