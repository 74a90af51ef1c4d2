"""`scripts/bench server`: the gateway beside OpenSSH, ProFTPD and a bare asyncssh server, in one run.

Does: has one load generator outside Python log in, upload and hold sessions at each server in turn, several rounds, and
  prints medians: processor seconds of the server's process tree, and ratios against each peer in the same round. Then
  what only the gateway does: from drop to report, many at once, a whole country in the last minutes.
Touches: a temporary folder; servers of its own on 127.0.0.1.
Does not: judge. The goals stand in docs/performance.md.
"""

import argparse
import contextlib
import io
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

import drops
import processes
import servers
import several
from servers import Server
from working import SESSIONS, Bench, ask, noise, run

PEERS: dict[str, Callable[[Path], AbstractContextManager[Server]]] = {
    "openssh": servers.openssh,
    "proftpd": servers.proftpd,
    "asyncssh": servers.bare,
}
BEGIN, END = "<!-- scripts/bench server -->", "<!-- end -->"
UPLOADS = ((20_000, 200), (500_000, 100), (2_500_000, 40))


def beside(bench: Bench, others: int) -> None:
    """Logins, uploads and whole visits, at each server in turn."""
    with ExitStack() as stack:
        standing = [stack.enter_context(start(made(bench.folder / name))) for name, start in PEERS.items()]
        root = bench.folder / "gateway"
        servers.country(root, others)
        begun = time.perf_counter()
        standing.append(stack.enter_context(servers.gateway(root, workers=False)))
        print(f"gateway with {others:,} more accounts ready in {time.perf_counter() - begun:.1f} s\n")
        held = bench.some(1000)
        print(f"KB of memory per idle session, {held} at once")
        for server in standing:
            print(f"{server.name:>10} {idle(bench, server, held) / 1024:10.1f}", flush=True)
        print(f"\nprocessor ms per operation of the server's process tree, medians of {bench.rounds}; ratio: gateway's")
        heads = "".join(f"{server.name:>10}" for server in standing)
        print(f"{'':26}{heads}" + "".join(f"{'/ ' + name:>12}" for name in PEERS))
        everyone(bench, standing, "login", "login", 4, 50, None)
        for size, count in UPLOADS:
            file = noise(bench, size)
            for sessions in SESSIONS:
                many = max(2, count // sessions)
                everyone(bench, standing, f"put {size // 1000:,} KB, {sessions}", "put", sessions, many, file)
        everyone(bench, standing, "visit with 100 KB", "once", 4, 25, noise(bench, 100_000))


def made(folder: Path) -> Path:
    """A new folder."""
    folder.mkdir()
    return folder


def everyone(
    bench: Bench, standing: Sequence[Server], title: str, mode: str, sessions: int, count: int, file: Path | None
) -> None:
    """One line of the table: the same work at every server, round after round."""
    count = bench.some(count)
    cost: dict[str, list[float]] = {server.name: [] for server in standing}
    for _ in range(bench.rounds):
        for server in standing:
            took = run(bench, server, mode, sessions, count, file)
            cost[server.name].append(took.processor / (sessions * count) * 1000)
    ours = cost["gateway"]
    ratios = [statistics.median(a / max(b, 0.001) for a, b in zip(ours, cost[name], strict=True)) for name in PEERS]
    values = "".join(f"{statistics.median(cost[server.name]):10.2f}" for server in standing)
    print(f"{title:26}{values}" + "".join(f"{ratio:12.2f}" for ratio in ratios), flush=True)


def idle(bench: Bench, server: Server, sessions: int) -> float:
    """Bytes that one idle session holds."""
    before = processes.memory(server.pid)
    command = ask(bench, server, "idle", sessions, 1)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holding:
        if holding.stdin is None or holding.stdout is None:
            raise RuntimeError("no pipes")
        holding.stdout.readline()
        after = processes.memory(server.pid)
        holding.stdin.close()
        said = json.loads(holding.stdout.readline())
    if said["errors"]:
        raise RuntimeError(f"{server.name}: {said['errors'][0]}")
    return float(after - before) / sessions


PARTS: dict[str, Callable[[Bench, int], None]] = {
    "peers": beside,
    "reports": lambda bench, _others: drops.reports(bench),
    "ledger": lambda bench, _others: drops.receiving(bench),
    "growth": lambda bench, _others: drops.growth(bench),
    "country": lambda bench, _others: drops.burst(bench),
    "start": lambda bench, _others: drops.starting(bench),
    "several": lambda bench, _others: several.sharing(bench),
}


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], help="what to measure (all)")
    parser.add_argument("--load", required=True, type=Path, help="the load generator, built")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--share", type=float, default=1.0, help="a smaller share of the work, to try the script")
    parser.add_argument("--record", type=Path, help="a page whose block between two markers takes what is printed")
    parser.add_argument("--accounts", type=int, default=100_000, help="accounts that never come, beside those that do")
    arguments = parser.parse_args()
    kept = Kept(sys.stdout)
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(kept):
        Path(folder).chmod(0o755)
        bench = Bench(Path(folder) / "load", Path(folder), arguments.rounds, arguments.share)
        bench.load.symlink_to(arguments.load.resolve())
        for part in arguments.parts or PARTS:
            PARTS[part](bench, arguments.accounts)
    if arguments.record:
        record(arguments.record, "".join(kept.said))


class Kept(io.TextIOBase):
    """A stream that passes on what is written, and keeps it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.said: list[str] = []

    def write(self, text: str) -> int:
        """See `TextIO.write`."""
        self.said.append(text)
        self._stream.write(text)
        self._stream.flush()
        return len(text)


def record(page: Path, said: str) -> None:
    """Put what was printed, and where and when, between the page's markers."""
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    where = f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} processors, Python {platform.python_version()}"
    page.write_text(f"{before}{BEGIN}\n```\n{where}\n\n{said.strip()}\n```\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
