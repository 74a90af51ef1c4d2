"""The stage for the clients: a gateway with a listener for current clients and one for old ones.

Does: starts it, makes the keys in the forms that clients want, builds the clients.
Touches: the folder it is given.
Does not: run a client.
"""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.clients.clients import Client, Place, build
from tests.house import Gateway, lay_out_demo

KEYS = ("ed25519", "ecdsa", "rsa")


@dataclass(frozen=True, slots=True)
class Stage:
    """A running gateway, the port of each tier, a private key of each sort, and what was built."""

    gateway: Gateway
    ports: dict[str, int]
    keys: dict[str, Path]
    built: Path

    def place(self, client: Client) -> Place:
        """Where this client connects, and with which key."""
        key = self.keys[client.key]
        host_key = fingerprint(self.gateway.config / "host_key_ed25519.pub")
        return Place("127.0.0.1", self.ports[client.tier], "amsterdam", key, self.keys["ppk"], host_key, self.built)


@contextmanager
def stage(folder: Path, *, compiled: bool) -> Iterator[Stage]:
    """Everything that a journey needs, for as long as it is open. `compiled`: build the Go, C and Node clients too."""
    built = folder / "built"
    built.mkdir()
    if compiled:
        build(built)
    home = lay_out_demo(folder / "gateway")
    # The oldest clients know no Ed25519, neither as a host key nor as their own.
    for sort in ("ecdsa", "rsa"):
        make_key(sort, home / "config" / f"host_key_{sort}")
    host_keys = [f"host_key_{sort}" for sort in KEYS]
    settings = {"sftp": {"host_keys": host_keys, "compat_listen": "127.0.0.1:0"}}
    gateway = Gateway(home, settings)
    keys = {"ed25519": gateway.key("amsterdam"), "ppk": built / "amsterdam.ppk"}
    for sort in ("ecdsa", "rsa"):
        keys[sort] = gateway.key(f"amsterdam-{sort}")
        make_key(sort, keys[sort])
    publics = [Path(f"{keys[sort]}.pub").read_text().strip() for sort in KEYS]
    gateway.account("amsterdam", keys=publics)
    subprocess.run(
        ["puttygen", str(keys["ed25519"]), "-O", "private", "-o", str(keys["ppk"])], check=True, capture_output=True
    )
    with gateway:
        ports = {event["tier"]: event["port"] for event in gateway.events("listening")}
        yield Stage(gateway, ports, keys, built)


def make_key(sort: str, path: Path) -> None:
    """A key pair in the old PEM form, which every client reads."""
    subprocess.run(["ssh-keygen", "-q", "-t", sort, "-m", "PEM", "-N", "", "-f", str(path)], check=True)


def fingerprint(public: Path) -> str:
    """SHA-256 fingerprint of a public key, as OpenSSH prints it."""
    command = ["ssh-keygen", "-lf", str(public)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[1]
