"""The load that `scripts/bench server` puts on a server, and what it reads of it.

Does: makes the files to upload, runs the load generator (load/main.go), and reads what that cost the server.
Touches: a temporary folder; the servers of this bench.
Does not: choose what is measured (server.py beside the peers, drops.py for the gateway alone).
"""

import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import processes
from servers import Server

from gateway.cli import samples

SESSIONS = (1, 8, 64)
# The load generator puts the municipality's code here, and a number that no upload had before there.
CODE, NUMBER = "####", "@@@@@@@@"


@dataclass(frozen=True, slots=True)
class Bench:
    """Where the bench works: the load generator, its files, and how much it does."""

    load: Path
    folder: Path
    rounds: int
    share: float

    def some(self, count: int) -> int:
        """So many of a count as this run does."""
        return max(1, round(count * self.share))


@dataclass(frozen=True, slots=True)
class Took:
    """One measurement: seconds by the clock, processor seconds of the server, and each operation's own seconds."""

    seconds: float
    processor: float
    each: tuple[float, ...]
    reports: tuple[float, ...]


class Numbers:
    """Numbers that no upload of this run had before."""

    def __init__(self) -> None:
        self._next = 1

    def take(self, many: int) -> int:
        """The first of so many."""
        first, self._next = self._next, self._next + many
        return first


NUMBERS = Numbers()


def ask(bench: Bench, server: Server, mode: str, sessions: int, count: int, file: Path | None = None) -> list[str]:
    """The command line of the load generator."""
    command = [str(bench.load), "-address", f"127.0.0.1:{server.port}", "-accounts", str(server.accounts)]
    command += ["-mode", mode, "-sessions", str(sessions), "-count", str(count)]
    command += ["-first", str(NUMBERS.take(sessions * count))]
    return command + (["-file", str(file)] if file else [])


def run(
    bench: Bench, server: Server, mode: str, sessions: int, count: int, file: Path | None = None, *, settle: bool = True
) -> Took:
    """Let the load generator work, and read what it cost the server; `settle`: to the end of what it left to do."""
    cost = processes.settled if settle else processes.processor
    command = ask(bench, server, mode, sessions, count, file)
    before = cost(server.pid)
    said = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    if said["errors"]:
        raise RuntimeError(f"{server.name} {mode}: {len(said['errors'])} errors, first: {said['errors'][0]}")
    worked = cost(server.pid) - before
    return Took(said["seconds"], worked, tuple(said["each"]), tuple(said["reports"]))


def noise(bench: Bench, size: int) -> Path:
    """A file of so many bytes, different at each upload: its first line is a number."""
    path = bench.folder / f"noise-{size}"
    path.write_bytes(f"{NUMBER}\n".encode() + os.urandom(size // 2).hex().encode()[: size - 9])
    return path


def table(bench: Bench, kind: str, rows: int, bad: float = 0.0, period: str = "2017H2") -> Path:
    """A Wmo or cost file of the municipality that uploads it, different at each upload."""
    path = bench.folder / f"{kind}-{rows}-{bad}-{period}"
    if kind == "WMO":
        made = samples.wmo_rows(rows, CODE, period)
        made[0][3] = NUMBER
        for number in range(int(rows * len(samples.WMO_HEADER) * bad)):
            made[(number * 7) % rows][4 + number % 8] = "zz"
        path.write_bytes(samples.csv_bytes(samples.WMO_HEADER, made))
    else:
        path.write_bytes(samples.cost_csv(kind, CODE, period))
    return path


def percentile(some: Sequence[float], share: float) -> float:
    """The value below which so great a share lies."""
    ordered = sorted(some)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
