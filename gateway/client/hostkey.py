"""The server's host key: given beforehand, pinned at first use, refused when it is another.

Does: the policy that paramiko asks about an unknown key; keeps pinned keys in a known_hosts file of OpenSSH's form.
Touches: that file: one line is added at its end, nothing in it is ever changed.
Does not: accept a key in place of a pinned one. Whoever knows that the server has a new key removes the line.

Weakness: a first use believes the network once. `--host-key` with the service desk's fingerprint does not.
"""

import os
from pathlib import Path

import paramiko

from gateway.client.outcome import Outcome, Stopped, Tell
from gateway.errors import Temporary


class Pinning(paramiko.MissingHostKeyPolicy):
    """Asked about a key that known_hosts does not have: compares it with the given one, or pins it."""

    def __init__(self, known_hosts: Path, given: str | None, tell: Tell) -> None:
        self._known_hosts = known_hosts
        self._given = given
        self._tell = tell

    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:
        """Return to accept; raises Stopped."""
        found = key.fingerprint
        if self._given is None:
            pin(self._known_hosts, hostname, key)
            self._tell("client.pinned", host=hostname, fingerprint=found, file=str(self._known_hosts))
        elif normal(self._given) != found:
            raise changed(hostname, normal(self._given), found)


def normal(fingerprint: str) -> str:
    """A fingerprint as OpenSSH prints it, with or without `SHA256:` and padding."""
    return "SHA256:" + fingerprint.strip().removeprefix("SHA256:").rstrip("=")


def changed(host: str, expected: str, found: str) -> Stopped:
    """The server has another key than it should."""
    return Stopped(Outcome.DENIED, "client.host_key", host=host, expected=expected, found=found)


def pin(known_hosts: Path, host: str, key: paramiko.PKey) -> None:
    """Add the key to the file, durably; Temporary when the file cannot be written."""
    line = f"{host} {key.get_name()} {key.get_base64()}\n"
    try:
        known_hosts.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(known_hosts, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "r+b", buffering=0) as file:
            end = file.seek(0, os.SEEK_END)
            # A line by hand may lack its end; one write, so that two first uses do not mix.
            whole = end == 0 or os.pread(descriptor, 1, end - 1) == b"\n"
            file.write(line.encode() if whole else f"\n{line}".encode())
            os.fsync(descriptor)
    except OSError as error:
        raise Temporary(f"{known_hosts}: {error.strerror}") from error
