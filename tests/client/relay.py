"""A relay between a client and the gateway: a fixed address while the gateway moves, and a line that can be hurt.

Does: passes bytes on to `target`; can count, mute the answers, and cut, at a moment that a test chooses.
Touches: the loopback interface.
Does not: understand what it passes on.
"""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self


class Relay:
    """Listens on `port`. `target` is asked for at each connection; None turns it away. `passed` counts the bytes from
    clients; before each piece goes on `watch(passed)` is called, in the relay's own thread."""

    def __init__(self, target: Callable[[], int | None]) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.connections = 0
        self.passed = 0
        self.watch: Callable[[int], None] = lambda _passed: None
        self._muted = threading.Event()
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._run(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        for thread in self._threads:
            thread.join(10)

    def mute(self) -> None:
        """From now on the client hears nothing; what it says is still passed on."""
        self._muted.set()

    def cut(self) -> None:
        """End every connection; the next one hears again."""
        for each in self._open:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        self._muted.clear()

    def _run(self, work: Callable[..., None], *arguments: socket.socket) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            port = self._target()
            try:
                server = socket.create_connection(("127.0.0.1", port or 0))
            except OSError:
                client.close()
                continue
            self.connections += 1
            self._open += [client, server]
            self._run(self._upward, client, server)
            self._run(self._downward, server, client)

    def _upward(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := client.recv(16384):
                self.passed += len(data)
                self.watch(self.passed)
                server.sendall(data)
        self._end(client, server)

    def _downward(self, server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(16384):
                if not self._muted.is_set():
                    client.sendall(data)
        self._end(server, client)

    @staticmethod
    def _end(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)
        source.close()
