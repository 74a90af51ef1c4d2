"""systemd: the words spoken with it.

Does: takes the sockets it hands over (LISTEN_FDS), tells it how we are (sd_notify), and knows its watchdog's interval.
Touches: the environment, the descriptors in it, the socket that it named.
Does not: need it. Without systemd nobody listens and nothing is said.

Source: sd_listen_fds(3), sd_notify(3), sd_watchdog_enabled(3).
"""

import os
import socket
import time
from contextlib import suppress

FIRST_DESCRIPTOR = 3


def notify(*state: str) -> None:
    """Tell systemd; nothing when nobody listens."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    # A daemon goes on although nobody hears it any more.
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.settimeout(1.0)
        sender.sendto("\n".join(state).encode(), "\0" + address[1:] if address.startswith("@") else address)


def reloading() -> None:
    """A reload begins; `READY=1` ends it."""
    notify("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")


def watchdog_seconds() -> float | None:
    """How often systemd wants to hear of us at least; None when it does not watch this process."""
    microseconds = os.environ.get("WATCHDOG_USEC", "")
    mine = os.environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    return int(microseconds) / 1_000_000 if mine and microseconds.isdigit() and int(microseconds) else None


class Shared(socket.socket):
    """A listening socket that several processes may have, so its queue is no affair of one of them."""

    def listen(self, _backlog: int = 0, /) -> None:
        """It listens already, with the backlog of its unit."""


def handed_sockets() -> list[tuple[str, socket.socket]]:
    """The listening sockets that systemd opened for this process, with their names (FileDescriptorName=). They are
    taken once: afterwards the environment names none, so that no child believes they are its own."""
    pid, count = os.environ.pop("LISTEN_PID", ""), os.environ.pop("LISTEN_FDS", "")
    names = os.environ.pop("LISTEN_FDNAMES", "").split(":")
    if pid != str(os.getpid()) or not count.isdigit():
        return []
    found: list[tuple[str, socket.socket]] = []
    for index in range(int(count)):
        descriptor = FIRST_DESCRIPTOR + index
        os.set_inheritable(descriptor, False)
        taken = Shared(fileno=descriptor)
        taken.setblocking(False)
        found.append((names[index] if index < len(names) else "", taken))
    return found
