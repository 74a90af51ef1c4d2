"""What only the gateway does, for `scripts/bench server`: from drop to report, the ledger, growth, a whole country.

Does: measures as a municipality sees it (the report in the listing) and as the machine does (processor, memory).
Touches: a temporary folder; gateways of its own on 127.0.0.1.
Does not: compare with a peer: none of them reports.
"""

import json
import statistics
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import history
import processes
import servers
import yaml
from servers import Server
from working import NUMBER, SESSIONS, Bench, noise, percentile, run, table

from gateway.cli import samples
from gateway.store.sqlite import SQLite

PERIODS = ("2017H1", "2017H2")
LONGEST_WAITS = """select max((select min(r.placed_at) from reports r where r.drop_id = d.id and r.kind = 'OB') -
    d.received_at) as receipt, max((select min(r.placed_at) from reports r where r.drop_id = d.id and r.kind = 'TR') -
    d.received_at) as report from drops d"""
WAITING = """select (select count(*) from drops where state = 'received') +
    (select count(*) from deliveries where state = 'approved') +
    (select count(*) from reports where placed_at is null) as n"""
# A report that a session waits for, sought again at most so long.
REPORT_SECONDS = 240.0
# Of the largest sort, for as long as logins are measured beside their examination.
LARGEST_FILES = 10


# --- from drop to report --------------------------------------------------------------------------------------------


def reports(bench: Bench) -> None:
    """How long a municipality waits, how much a day can bear, and logins beside heavy work."""
    root = bench.folder / "reports"
    servers.country(root)
    clean, bad = table(bench, "WMO", 28_000), table(bench, "WMO", 28_000, 0.01)
    with servers.gateway(root) as server:
        run(bench, server, "drop", 1, 2, clean)  # the workers start
        print(f"\nfrom the answer to CLOSE to the report in the listing, {clean.stat().st_size:,} bytes, s")
        print(f"{'clients':>8} {'file':>6} {'median':>8} {'p95':>8} {'p99':>8} {'a second':>9} {'cpu ms':>8}")
        for sessions, count in ((1, 100), (8, 20), (64, 3)):
            for name, file in (("clean", clean), ("bad", bad)):
                took = run(bench, server, "drop", sessions, bench.some(count), file)
                line = [statistics.median(took.reports), percentile(took.reports, 0.95), percentile(took.reports, 0.99)]
                done = len(took.reports)
                print(f"{sessions:8} {name:>6} " + " ".join(f"{each:8.3f}" for each in line), end=" ")
                print(f"{done / took.seconds:9.1f} {took.processor / done * 1000:8.0f}", flush=True)
        print("\ndrops a second taken to their report, 8 clients that do not wait")
        for name, file in (("clean", clean), ("bad", bad)):
            print(f"{name:>8} {sustained(bench, server, file):8.1f}", flush=True)
        beside_examination(bench, server)
        resting(server)


def sustained(bench: Bench, server: Server, file: Path) -> float:
    """Drops a second, from the first upload until the last has its report."""
    sessions, count = 8, bench.some(40)
    with ledger(server) as engine:
        before = decided(engine)
        begun = time.perf_counter()
        run(bench, server, "put", sessions, count, file, settle=False)
        await_decided(engine, before + sessions * count)
        return sessions * count / (time.perf_counter() - begun)


@contextmanager
def ledger(server: Server) -> Iterator[SQLite]:
    """The gateway's ledger, to count in."""
    engine = SQLite(server.root / "var" / "ledger.db")
    try:
        yield engine
    finally:
        engine.close()


def decided(engine: SQLite) -> int:
    """Drops that have their verdict in the outbox."""
    return int(
        engine.rows("select count(distinct drop_id) as n from reports where kind = 'TR' and placed_at is not null")[0][
            "n"
        ]
    )


def await_decided(engine: SQLite, many: int) -> None:
    """Wait until so many drops have their report."""
    until = time.monotonic() + REPORT_SECONDS
    while decided(engine) < many:
        if time.monotonic() > until:
            raise RuntimeError(f"{decided(engine)} of {many} reports after {REPORT_SECONDS} s")
        time.sleep(0.02)


def beside_examination(bench: Bench, server: Server) -> None:
    """Logins while nothing else happens, and while files of the largest sort are examined one after the other."""
    largest = bench.folder / "largest.csv"
    largest.write_bytes(samples.csv_bytes(samples.WMO_HEADER, samples.wmo_rows(560_000, "2380")))
    packed = bench.folder / "largest.zip"
    whole = samples.zipped({"WMO_2380_2017H2.csv": largest.read_bytes()})
    # A comment at the end of the archive, so that no two uploads are equal: a repeat would not be examined again.
    packed.write_bytes(whole[:-2] + len(NUMBER).to_bytes(2, "little") + NUMBER.encode())
    many = bench.some(400)
    alone = run(bench, server, "login", 1, many).each
    lane = trial_lane(server)
    with ledger(server) as engine:
        # Delivered beforehand: uploading is no examining, and who asks for a report 200 times a second keeps the daemon
        # busier than any worker does. A municipality's files are examined one after the other.
        run(bench, replace(server, accounts=lane), "put", 1, LARGEST_FILES, packed, settle=False)
        amid = run(bench, server, "login", 1, many, settle=False).each
        amidst = int(engine.rows(WAITING)[0]["n"]) > 0
        await_nothing_waits(engine)
    before, during = percentile(alone, 0.95), percentile(amid, 0.95)
    print(f"\nlogin, p95: {before * 1000:.1f} ms; while the largest file is examined {during * 1000:.1f} ms", end="")
    late = "" if amidst else "; but the last were examined before the last login"
    print(f" ({during / before:.2f} times){late}", flush=True)


def trial_lane(server: Server) -> Path:
    """One account that tries out ZIPs."""
    lane = server.root / "bench" / "largest.json"
    person = json.loads(server.accounts.read_text())[-1]
    person["name"] = f"MSD_{NUMBER}.zip"
    person["inbox"] += "/proef"
    lane.write_text(json.dumps([person]))
    return lane


def resting(server: Server) -> None:
    """What it costs to do nothing."""
    time.sleep(5)
    before = processes.processor(server.pid)
    time.sleep(20)
    print(f"idle: {(processes.processor(server.pid) - before) / 20 * 100:.2f} % of a processor", flush=True)


# --- the ledger -----------------------------------------------------------------------------------------------------


def receiving(bench: Bench) -> None:
    """What many at once gain by sharing commits, and how long a commit takes."""
    root = bench.folder / "receiving"
    servers.country(root)
    small = noise(bench, 20_000)
    with servers.gateway(root, workers=False) as server:
        alone = run(bench, server, "put", 1, bench.some(100), small)
        many = run(bench, server, "put", 64, bench.some(20), small)
        each, together = len(alone.each) / alone.seconds, len(many.each) / many.seconds
        print(f"\nreceived a second, 20 KB: {each:.0f} by one session, {together:.0f} by 64", end="")
        print(f" ({together / each:.1f} times)")
        within, commits = commits_of(server)
        print(f"commits within 0.1 s: {within:,.0f} of {commits:,.0f}", flush=True)


def commits_of(server: Server) -> tuple[float, float]:
    """How many commits took at most 0.1 s, and how many there were, by the gateway's own metrics."""
    listen = yaml.safe_load((server.root / "config" / "gateway.yaml").read_text())["metrics"]["listen"]
    with urllib.request.urlopen(f"http://{listen}/metrics") as answer:
        lines = answer.read().decode().splitlines()
    figures = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return (
        float(figures['gateway_commit_seconds_bucket{le="0.1"}']),
        float(figures['gateway_commit_seconds_bucket{le="+Inf"}']),
    )


def growth(bench: Bench) -> None:
    """The cost of a drop in a new ledger and in one with 100,000 deliveries."""
    root = bench.folder / "growth"
    people = servers.country(root)
    file = table(bench, "WMO", 3_600)
    ledger_file = root / "var" / "ledger.db"
    with servers.gateway(root) as server:
        run(bench, server, "put", len(people), 1, file)
        before = [cost_of_drops(bench, server, file) for _ in range(bench.rounds)]
    there = history.multiply(ledger_file, bench.some(100_000))
    with servers.gateway(root) as server:
        until = time.monotonic() + 3600
        while history.unsealed(ledger_file) > 1000:  # the log's seals are a matter of history too
            if time.monotonic() > until:
                raise RuntimeError("the log is not sealed within an hour")
            time.sleep(5)
        after = [cost_of_drops(bench, server, file) for _ in range(bench.rounds)]
    new, old = statistics.median(before), statistics.median(after)
    print(f"\nprocessor ms per drop of {file.stat().st_size:,} bytes to its reports: {new:.0f}", end="")
    print(f"; with {there:,} deliveries in the ledger {old:.0f} ({old / new:.2f} times)", flush=True)


def cost_of_drops(bench: Bench, server: Server, file: Path) -> float:
    """Processor milliseconds per drop."""
    count = bench.some(3)
    before = processes.settled(server.pid)
    run(bench, server, "put", 64, count, file, settle=False)
    with ledger(server) as engine:
        await_nothing_waits(engine)
    return (processes.settled(server.pid) - before) / (64 * count) * 1000


def await_nothing_waits(engine: SQLite) -> None:
    """Wait until every drop has its verdict and every report is placed."""
    until = time.monotonic() + REPORT_SECONDS
    while waiting := int(engine.rows(WAITING)[0]["n"]):
        if time.monotonic() > until:
            raise RuntimeError(f"{waiting} wait after {REPORT_SECONDS} s")
        time.sleep(0.1)


# --- a whole country ------------------------------------------------------------------------------------------------


def burst(bench: Bench) -> None:
    """380 municipalities, two periods each, a Wmo file of about 300 KB and three cost files per period."""
    root = bench.folder / "country"
    people = servers.country(root)
    with servers.gateway(root) as server, ledger(server) as engine, watched(server) as peak:
        begun = time.perf_counter()
        many = sum(wave(bench, server, people, period) for period in PERIODS)
        sent = time.perf_counter() - begun
        await_decided(engine, many)
        took = time.perf_counter() - begun
        waits = engine.rows(LONGEST_WAITS)[0]
        print(f"\nwhole country: {many:,} files, all taken in after {sent:.1f} s, all reports after {took:.1f} s")
        print(
            f"longest wait for a receipt {waits['receipt'] / 1000:.1f} s, for a report {waits['report'] / 1000:.1f} s"
        )
        print(f"memory of all processes at most {max(peak) / 1e6:.0f} MB", flush=True)


@contextmanager
def watched(server: Server) -> Iterator[list[int]]:
    """The memory of all the gateway's processes, read all the while."""
    peak, ended = [0], threading.Event()

    def look() -> None:
        while not ended.wait(0.5):
            peak.append(processes.memory(server.pid))

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield peak
    finally:
        ended.set()
        looking.join()


def wave(bench: Bench, server: Server, people: list[dict[str, Any]], period: str) -> int:
    """Every file of every municipality for a period, 64 sessions at once; how many."""
    some = people[: bench.some(len(people))]
    files = [("WMO", table(bench, "WMO", 3_600, period=period))]
    files += [(kind, table(bench, kind, 0, period=period)) for kind in samples.COST_HEADERS]
    lane = server.root / "bench" / "lane.json"
    for kind, file in files:
        for begin in range(0, len(some), max(SESSIONS)):
            part = some[begin : begin + max(SESSIONS)]
            lane.write_text(json.dumps([{**each, "name": f"{kind}_{each['code']}_{period}.csv"} for each in part]))
            run(bench, replace(server, accounts=lane), "put", len(part), 1, file, settle=False)
    return len(some) * len(files)


# --- starting -------------------------------------------------------------------------------------------------------


def starting(bench: Bench) -> None:
    """Seconds until the gateway serves, and until it has told its help."""
    root = bench.folder / "start"
    servers.country(root)
    ready, told = [], []
    for _ in range(bench.rounds):
        begun = time.perf_counter()
        with servers.gateway(root):
            ready.append(time.perf_counter() - begun)
        begun = time.perf_counter()
        subprocess.run([str(servers.GATEWAY), "--help"], check=True, capture_output=True)
        told.append(time.perf_counter() - begun)
    print(
        f"\nready in {statistics.median(ready):.2f} s, `gateway --help` in {statistics.median(told):.2f} s", flush=True
    )
