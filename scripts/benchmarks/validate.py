"""`scripts/bench validate`: the examination of a Wmo file beside frictionless-py, pair by pair in one run.

Does: makes a clean file and one with 1 % bad cells, has each validated in turn by a warm worker of the gateway and by
frictionless-py with equivalent checks, and prints medians and ratios; then the gateway alone: the whole examination,
with the figures of the op-orde report, and files of growing size.
Touches: a temporary folder; two processes.
Does not: judge. The goals stand in docs/performance.md.

Equal: the same bytes; header, types, required, lengths, patterns, code lists, eleven-test, rules over columns and rows,
duplicates; both processes warm and with one thread for the work; neither makes the figures of the op-orde report, which
frictionless-py does not know. Not equal, at our cost: our time runs from the payload in the parent, through the pipe of
the worker, to a decoded answer with masked and worded findings and a SHA-256; the peer's from opening the file to the
report in its own process. At the peer's cost: it keeps every error, where we count all and word a hundred per code.
"""

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import NamedTuple

from gateway.cli import samples
from gateway.config import load
from gateway.domain.kinds import NO_FIGURES, Job
from gateway.workers import Pool

ROOT = Path(__file__).resolve().parents[2]
NAME = "WMO_0363_2017H2.csv"


def wmo(rows: int, bad: float) -> bytes:
    """A Wmo file in which a share of the cells after the second is wrong."""
    draw = random.Random(1)
    made = samples.wmo_rows(rows)
    for row in made:
        for column in range(2, len(row)):
            if draw.random() < bad:
                row[column] = "zz"
    return samples.csv_bytes(samples.WMO_HEADER, made)


def job(name: str, payload: bytes, *, figures: bool = False) -> Job:
    """What a worker is asked; `figures` those of the op-orde report too."""
    rules = load(ROOT / "config").rules["2017H2"]
    # The unpacked limit is what is measured; the upload's own limit would stop a ZIP of it long before.
    limits = replace(rules.round.limits, upload_bytes=50_000_000)
    bare = {code: replace(kind, figures=NO_FIGURES) for code, kind in rules.kinds.items()}
    kinds = rules.kinds if figures else bare
    rules = replace(rules, round=replace(rules.round, limits=limits), kinds=kinds)
    return Job(name, payload, "0363", frozenset({"0363"}), date(2018, 2, 12), rules)


class Took(NamedTuple):
    """Seconds by the clock, and of processor time (both sides of the pipe), which other work on the machine hardly
    changes."""

    seconds: float
    processor: float


def timed(pool: Pool, work: Job) -> Took:
    """From handing the job over to its decoded answer."""
    begun, worked = time.perf_counter(), processor(pool)
    examination = pool.examine(work)
    took = Took(time.perf_counter() - begun, processor(pool) - worked)
    if not examination.members:
        raise RuntimeError(f"{work.name} was not judged: {examination.findings}")
    return took


def processor(pool: Pool) -> float:
    """Seconds of processor time that this process and its workers have had."""
    tasks = (task for pid in pool.processes() for task in Path(f"/proc/{pid}/task").iterdir())
    return time.process_time() + sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def ratio(theirs: Sequence[Took], ours: Sequence[Took]) -> str:
    """How many times faster, by the clock and by processor time."""
    pairs = list(zip(theirs, ours, strict=True))
    by_clock = statistics.median(a.seconds / b.seconds for a, b in pairs)
    return f"{by_clock:6.1f}x {statistics.median(a.processor / b.processor for a, b in pairs):6.1f}x"


def middle(some: Sequence[Took]) -> str:
    """Medians."""
    seconds, worked = (statistics.median(values) for values in zip(*some, strict=True))
    return f"{seconds:8.3f} {worked:8.3f}"


def beside(pool: Pool, peer: str, rows: int, rounds: int) -> None:
    """Both in turn on the same files."""
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(
            [peer, str(Path(__file__).with_name("frictionless_peer.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as other,
    ):
        if other.stdin is None or other.stdout is None:
            raise RuntimeError("the peer has no pipes")
        print(f"validation, medians of {rounds}, s by the clock and of processor time")
        print(f"{'file':12} {'bytes':>9} {'gateway':>8} {'cpu':>8} {'peer':>8} {'cpu':>8} {'ratio':>7} {'cpu':>7}")
        for name, bad in (("clean", 0.0), ("1 % bad", 0.01)):
            payload = wmo(rows, bad)
            path = Path(folder) / f"{bad}.csv"
            path.write_bytes(payload)
            work = job(NAME, payload)
            ours, theirs = [], []
            for _ in range(rounds):
                ours.append(timed(pool, work))
                other.stdin.write(f"{path}\n")
                other.stdin.flush()
                said = json.loads(other.stdout.readline())
                theirs.append(Took(float(said["seconds"]), float(said["processor"])))
            print(f"{name:12} {len(payload):9} {middle(ours)} {middle(theirs)} {ratio(theirs, ours)}")
        other.stdin.close()


def whole(pool: Pool, rows: int, rounds: int) -> None:
    """The examination as the gateway does it. A rejected file has no figures."""
    print(f"\n{'examination':12} {'bytes':>9} {'s':>8} {'cpu':>8}")
    for name, bad in (("clean", 0.0), ("1 % bad", 0.01)):
        payload = wmo(rows, bad)
        took = [timed(pool, job(NAME, payload, figures=True)) for _ in range(rounds)]
        print(f"{name:12} {len(payload):9} {middle(took)}")


def growing(pool: Pool, rounds: int) -> None:
    """The gateway alone, up to the unpacked limit, as one file in a ZIP."""
    print(f"\n{'unpacked':>10} {'rows':>8} {'s':>8} {'cpu':>8} {'MB/s':>6} {'cpu':>6}")
    for rows in (27_586, 137_930, 275_860, 560_000):
        payload = wmo(rows, 0.0)
        zipped = samples.zipped({NAME: payload})
        took = [timed(pool, job("MSD.zip", zipped)) for _ in range(rounds)]
        speeds = (len(payload) / statistics.median(values) / 1e6 for values in zip(*took, strict=True))
        print(f"{len(payload):10} {rows:8} {middle(took)}", *(f"{speed:6.1f}" for speed in speeds))


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer", required=True, help="a python that has frictionless")
    parser.add_argument("--rows", type=int, default=27_586)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    pool = Pool(1)
    try:
        timed(pool, job(NAME, wmo(100, 0.0)))  # the worker starts
        beside(pool, arguments.peer, arguments.rows, arguments.rounds)
        whole(pool, arguments.rows, arguments.rounds)
        growing(pool, 3)
    finally:
        pool.close()


if __name__ == "__main__":
    sys.exit(main())
