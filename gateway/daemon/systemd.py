"""systemd: the words spoken with it.

Does: tells it how we are (sd_notify protocol).
Touches: the socket that it named in the environment.
Does not: need it. Without systemd nobody listens and nothing is said.
"""

import os
import socket


def notify(state: str) -> None:
    """Tell systemd (sd_notify protocol); nothing when nobody listens."""
    address = os.environ.get("NOTIFY_SOCKET")
    if address:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(state.encode(), "\0" + address[1:] if address.startswith("@") else address)
