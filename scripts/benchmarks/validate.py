"""`scripts/bench validate`: the examination of a Wmo file beside frictionless-py, pair by pair in one run.

Does: makes a clean file and one with 1 % bad cells, has each examined in turn by a warm worker of the gateway and by
frictionless-py with equivalent checks, and prints medians and ratios; then files of growing size for the gateway alone.
Touches: a temporary folder; two processes.
Does not: judge. The goals stand in docs/performance.md.
"""

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from datetime import date
from pathlib import Path

from gateway.cli import samples
from gateway.config import load
from gateway.domain.kinds import Job
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


def job(name: str, payload: bytes) -> Job:
    """What a worker is asked."""
    rules = load(ROOT / "config").rules["2017H2"]
    # The unpacked limit is what is measured; the upload's own limit would stop a ZIP of it long before.
    limits = replace(rules.round.limits, upload_bytes=50_000_000)
    rules = replace(rules, round=replace(rules.round, limits=limits))
    return Job(name, payload, "0363", frozenset({"0363"}), date(2018, 2, 12), rules)


def timed(pool: Pool, work: Job) -> float:
    """Seconds from handing the job over to its decoded answer."""
    begun = time.perf_counter()
    examination = pool.examine(work)
    seconds = time.perf_counter() - begun
    if not examination.members:
        raise RuntimeError(f"{work.name} was not judged: {examination.findings}")
    return seconds


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
        print(f"{'file':12} {'bytes':>9} {'gateway s':>10} {'peer s':>8} {'ratio':>7}   (medians of {rounds})")
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
                theirs.append(float(json.loads(other.stdout.readline())["seconds"]))
            ratio = statistics.median(b / a for a, b in zip(ours, theirs, strict=True))
            print(
                f"{name:12} {len(payload):9} {statistics.median(ours):10.3f} "
                f"{statistics.median(theirs):8.3f} {ratio:6.1f}x"
            )
        other.stdin.close()


def growing(pool: Pool, rounds: int) -> None:
    """The gateway alone, up to the unpacked limit, as one file in a ZIP."""
    print(f"\n{'unpacked':>10} {'rows':>8} {'seconds':>8} {'MB/s':>6}")
    for rows in (27_586, 137_930, 275_860, 560_000):
        payload = wmo(rows, 0.0)
        zipped = samples.zipped({NAME: payload})
        seconds = statistics.median(timed(pool, job("MSD.zip", zipped)) for _ in range(rounds))
        print(f"{len(payload):10} {rows:8} {seconds:8.3f} {len(payload) / seconds / 1e6:6.1f}")


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
        growing(pool, 3)
    finally:
        pool.close()


if __name__ == "__main__":
    sys.exit(main())
