"""Two hands that do the same over SFTP: paramiko's and OpenSSH's.

Does: puts, lists, gets, renames and removes, each in a connection of its own; what was refused comes back as text.
Touches: a running gateway, a temporary folder.
Does not: assert.
"""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tests.house import Gateway


class Refused(Exception):
    """The gateway said no; the text is what the client shows of it."""


class Hand(Protocol):
    """An account at work. Paths are the gateway's."""

    def put(self, path: str, body: bytes) -> None:
        """Upload under this name; Refused."""

    def names(self, folder: str) -> list[str]:
        """What a folder lists."""

    def get(self, path: str) -> bytes:
        """Read a file to its end; Refused."""

    def rename(self, old: str, new: str) -> None:
        """Rename; Refused."""

    def remove(self, path: str) -> None:
        """Remove; Refused."""


@dataclass(frozen=True, slots=True)
class ParamikoHand:
    """paramiko: `put` stats the name afterwards and compares sizes."""

    house: Gateway
    login: str

    def put(self, path: str, body: bytes) -> None:
        """See Hand."""
        with self.house.paramiko(self.login) as client:
            try:
                client.putfo(io.BytesIO(body), path)
            except OSError as error:
                raise Refused(str(error)) from error

    def names(self, folder: str) -> list[str]:
        """See Hand."""
        with self.house.paramiko(self.login) as client:
            return sorted(client.listdir(folder))

    def get(self, path: str) -> bytes:
        """See Hand."""
        found = io.BytesIO()
        with self.house.paramiko(self.login) as client:
            try:
                client.getfo(path, found)
            except OSError as error:
                raise Refused(str(error)) from error
        return found.getvalue()

    def rename(self, old: str, new: str) -> None:
        """See Hand."""
        with self.house.paramiko(self.login) as client:
            try:
                client.rename(old, new)
            except OSError as error:
                raise Refused(str(error)) from error

    def remove(self, path: str) -> None:
        """See Hand."""
        with self.house.paramiko(self.login) as client:
            try:
                client.remove(path)
            except OSError as error:
                raise Refused(str(error)) from error


@dataclass(frozen=True, slots=True)
class OpenSSHHand:
    """`sftp -b -`: what most municipalities have. It hides some of what a refusal says."""

    house: Gateway
    login: str
    folder: Path

    def _run(self, batch: str) -> str:
        ended = self.house.sftp(self.login, batch)
        if ended.returncode != 0:
            raise Refused(ended.stderr)
        return ended.stdout

    def put(self, path: str, body: bytes) -> None:
        """See Hand."""
        local = self.folder / "upload"
        local.write_bytes(body)
        self._run(f"put {local} {path}\n")

    def names(self, folder: str) -> list[str]:
        """See Hand."""
        lines = [line for line in self._run(f"ls -1 {folder}\n").splitlines() if not line.startswith("sftp>")]
        return sorted(line.strip().rpartition("/")[2] for line in lines if line.strip())

    def get(self, path: str) -> bytes:
        """See Hand."""
        local = self.folder / "download"
        local.unlink(missing_ok=True)
        self._run(f"get {path} {local}\n")
        return local.read_bytes()

    def rename(self, old: str, new: str) -> None:
        """See Hand."""
        self._run(f"rename {old} {new}\n")

    def remove(self, path: str) -> None:
        """See Hand."""
        self._run(f"rm {path}\n")
