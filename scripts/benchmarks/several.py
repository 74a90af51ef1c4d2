"""One SFTP process and two on one port, for `scripts/bench server`: what a second processor brings.

Does: measures logins and uploads a second at one process and at two that share its socket, in turn, several rounds.
Touches: a temporary folder; a socket on 127.0.0.1 and gateways of its own on it.
Does not: add a processor: the load generator has to run somewhere too, so on two cores the ratio stays below what the
second process could do.
"""

import os
import socket
import statistics
from contextlib import ExitStack

import processes
import servers
from servers import Server
from working import Bench, noise, run

# Name, mode of the load generator, sessions at once, operations of each, bytes of a file.
WORK = (("login", "login", 16, 25, 0), ("put 100 KB", "put", 16, 25, 100_000), ("put 2.5 MB", "put", 16, 4, 2_500_000))


def sharing(bench: Bench) -> None:
    """Operations a second with one process and with two, and how many processors they used."""
    root = bench.folder / "several"
    servers.country(root)
    rates: dict[tuple[str, int], list[float]] = {}
    used: dict[tuple[str, int], list[float]] = {}
    with ExitStack() as stack:
        port = stack.enter_context(socket.socket())
        port.bind(("127.0.0.1", 0))
        port.listen(512)
        one = stack.enter_context(servers.gateway(root, workers=False, shared=port))
        for _ in range(bench.rounds):
            measure(bench, (one,), rates, used)
            with servers.gateway(root, workers=False, shared=port, number=2) as two:
                measure(bench, (one, two), rates, used)
    print(f"\noperations a second at one SFTP process and at two on one port, {os.cpu_count()} cores with the clients")
    print(f"{'':12}{'one':>8}{'two':>8}{'ratio':>8}{'cores, one':>12}{'cores, two':>12}")
    for name, *_ in WORK:
        alone, both = rates[name, 1], rates[name, 2]
        ratio = statistics.median(b / a for a, b in zip(alone, both, strict=True))
        cores = [statistics.median(used[name, n]) for n in (1, 2)]
        print(f"{name:12}{statistics.median(alone):8.0f}{statistics.median(both):8.0f}{ratio:8.2f}", end="")
        print(f"{cores[0]:12.2f}{cores[1]:12.2f}", flush=True)


def measure(
    bench: Bench,
    serving: tuple[Server, ...],
    rates: dict[tuple[str, int], list[float]],
    used: dict[tuple[str, int], list[float]],
) -> None:
    """The whole work once, by however many serve."""
    for name, mode, sessions, each, size in WORK:
        count = bench.some(each)
        before = sum(processes.processor(server.pid) for server in serving)
        took = run(bench, serving[0], mode, sessions, count, noise(bench, size) if size else None, settle=False)
        worked = sum(processes.processor(server.pid) for server in serving) - before
        key = name, len(serving)
        rates.setdefault(key, []).append(sessions * count / took.seconds)
        used.setdefault(key, []).append(worked / took.seconds)
