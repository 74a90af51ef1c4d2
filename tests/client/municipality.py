"""A municipality's machine for tests: a folder with files to deliver, and the gateway's own commands.

Does: runs `gateway put` and `gateway fetch` as a municipality would, with everything in environment variables.
Touches: the folder it is given.
Does not: assert.
"""

import json
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.house import COMMAND, Gateway
from tests.samples import good, wmo_faulty

CODE = "0363"
WMO = "WMO_0363_2017H2.csv"


@dataclass
class Municipality:
    """One account's machine. `port` is where it believes the gateway to be."""

    gateway: Gateway
    folder: Path
    login: str = "amsterdam"
    port: int = 0
    extra: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)

    @property
    def known_hosts(self) -> Path:
        """Where its commands pin host keys."""
        return self.folder / "known_hosts"

    def file(self, name: str = WMO, body: bytes | None = None) -> Path:
        """A good file, or one with this content."""
        path = self.folder / name
        path.write_bytes(good("WMO", CODE) if body is None else body)
        return path

    def bad_file(self, name: str = WMO) -> Path:
        """A file that is rejected."""
        return self.file(name, wmo_faulty(CODE).body)

    def environment(self) -> dict[str, str]:
        """What its commands and scripts run with."""
        return {
            **{key: value for key, value in os.environ.items() if not key.startswith(("GATEWAY_", "SSH_"))},
            "GATEWAY_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self.port or self.gateway.port),
            "GATEWAY_LOGIN": self.login,
            "GATEWAY_KEY": str(self.gateway.key(self.login)),
            "GATEWAY_KNOWN_HOSTS": str(self.known_hosts),
            **self.extra,
        }

    def run(self, *command: str | Path, timeout: float = 60.0) -> subprocess.CompletedProcess[str]:
        """Any command, in its folder."""
        return subprocess.run(
            [str(part) for part in command], cwd=self.folder, env=self.environment(), stdin=subprocess.DEVNULL,
            capture_output=True, text=True, check=False, timeout=timeout,
        )  # fmt: skip

    def put(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """`gateway put`."""
        return self.run(COMMAND, "put", "--timeout", "30", *arguments)

    def fetch(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """`gateway fetch`."""
        return self.run(COMMAND, "fetch", "--timeout", "20", *arguments)


def told(answer: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """What a command said with --json."""
    document: dict[str, Any] = json.loads(answer.stdout)
    return document
