"""Metrics: figures for Prometheus, by HTTP on an address of its own.

Does: counts what the daemon's log tells of, keeps durations, asks for gauges when somebody looks, serves all of it.
Touches: a listening socket and its threads.
Does not: read the ledger (its caller hands it values), or name a person, a municipality, a file or an address: a label
holds a word of the program's own, and whatever else arrives in one is counted as `other`.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    start_http_server,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

PREFIX = "gateway_"
# What a label may hold: an event, a code, a role. No login, no digits, no name that a stranger chose.
WORD = re.compile(r"[A-Za-z][A-Za-z_]{0,39}")

# Gauges: what they tell, and the name of their label.
GAUGES: Mapping[str, tuple[str, str]] = {
    "build_info": ("The version that runs, in its label.", "version"),
    "started_seconds": ("When this process started, seconds since 1970 (real time).", ""),
    "ledger_readable": ("1 when the figures below could be asked from the ledger, else 0 and they are left out.", ""),
    "drops_waiting": ("Files received and not yet examined.", ""),
    "drops_waiting_oldest_seconds": ("Age of the oldest of them, in legal time.", ""),
    "drops_held": ("Files that wait for a person.", ""),
    "reports_unplaced": ("Reports made and not yet in the outbox.", ""),
    "reports_uncollected": ("Reports in the outbox that nobody collected yet.", ""),
    "reports_uncollected_late": ("Reports not collected within their term.", ""),
    "deadlines_due_today": ("Reports of ours owed today.", ""),
    "deadlines_at_risk": ("Reports of ours owed today or on the next working day.", ""),
    "deadlines_breached": ("Reports of ours that are late.", ""),
    "mails_pending": ("Mails that are owed.", ""),
    "mails_pending_oldest_seconds": ("Age of the oldest of them, in legal time.", ""),
    "mails_delayed": ("Mails that the server did not take so far.", ""),
    "mails_lost_last_day": ("Mails given up in the last 24 hours.", ""),
    "pushes_pending": ("Files still to be pushed to the assessor's server.", ""),
    "troubles": ("Troubles that gateway health tells of now, by code.", "code"),
    "healthy": ("1 when gateway health is green, else 0.", ""),
    "part_late_seconds": ("Since when a part should have given a sign of life; 0 when it need not yet.", "part"),
    "part_failing_seconds": ("Since when the steps of a part fail; 0 while they succeed.", "part"),
    "connections": ("SSH connections now.", ""),
    "workers": ("Worker processes now.", ""),
    "disk_free_bytes": ("Free space of a data folder.", "folder"),
    "ledger_bytes": ("Size of the ledger with its write-ahead log.", ""),
}
# Counters: what they count, and their labels.
COUNTERS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "events": ("Lines of the daemon's log.", ("event", "level")),
    "logins": ("Logins.", ("result", "reason")),
    "connections_refused": ("Connections sent away before login.", ("reason",)),
    "refusals": ("Refusals of uploads and acts, by code.", ("code",)),
    "uploads": ("Uploads that were received, were a repeat, or were broken off.", ("result",)),
    "examinations": ("Examinations that ended in a verdict, or failed.", ("result",)),
    "scans": ("Files that the virus scanner passed, found something in, or did not answer about.", ("result",)),
    "mails": ("Attempts to send a mail.", ("result",)),
    "received_bytes": ("Bytes of the files that were received.", ()),
    "worker_deaths": ("Workers that died, hung or answered nonsense.", ()),
}
# Durations and sizes: what they tell, and their buckets.
HISTOGRAMS: Mapping[str, tuple[str, tuple[float, ...]]] = {
    "receive_seconds": ("Receiving one batch of uploads, from landing to commit.", (0.005, 0.02, 0.05, 0.2, 1, 5, 20)),
    "receive_files": ("Uploads in one batch.", (1, 2, 4, 8, 16, 32, 64)),
    "examination_seconds": ("One examination by a worker.", (0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60)),
    "commit_seconds": ("One commit of the ledger.", (0.001, 0.005, 0.02, 0.1, 0.5, 2, 10)),
    "loop_lag_seconds": ("How much later than asked the event loop came round.", (0.001, 0.01, 0.05, 0.2, 1, 5)),
}
SCANS = {"scanned": "clean", "infected": "found", "unscanned": "failed", "overlooked": "failed"}
Gauge = tuple[str, str, float]
Count = tuple[str, tuple[str, ...]]


def counts_of(event: str, facts: Mapping[str, object], *, error: bool) -> Iterator[Count]:
    """Which counters a line of the daemon's log adds one to, with their labels."""
    yield "events", (event, "error" if error else "info")
    match event:
        case "login":
            yield "logins", ("ok", "")
        case "login_failed":
            yield "logins", ("failed", words(str(facts.get("reason", "key"))))
        case "connection_refused":
            yield "connections_refused", (str(facts.get("cap", "full")),)
        case "refused":
            yield "refusals", (str(facts.get("code", "")),)
        case "received":
            yield "uploads", ("repeat" if facts.get("repeat_of") else "received",)
        case "broken_off":
            yield "uploads", ("broken_off",)
        case "decided" | "prechecked":
            yield "examinations", ("decided",)
        case "scanned" | "infected" | "unscanned" | "overlooked":
            yield "scans", (SCANS[event],)
        case "examination_failed":
            yield "examinations", ("failed",)
        case "mailed":
            yield "mails", ("sent",)
        case "mail_delayed" | "mail_failed":
            yield "mails", (event.removeprefix("mail_"),)


def words(reason: str) -> str:
    """A reason in words as one word, without its dates and figures: `key expired on 2027-01-31` is `key_expired_on`."""
    return "_".join(re.findall("[a-z]+", reason.lower()))


def word(value: str) -> str:
    """The value when it is a word of ours, else `other`; empty stays empty."""
    return value if not value or WORD.fullmatch(value) else "other"


@dataclass(frozen=True, slots=True, eq=False)
class _Looked(Collector):
    """Gauges, asked for when somebody looks."""

    ask: Callable[[], Iterable[Gauge]]

    def collect(self) -> Iterator[Metric]:
        """A family for each gauge that has a figure now."""
        families: dict[str, GaugeMetricFamily] = {}
        for name, label, value in self.ask():
            help_, key = GAUGES[name]
            if name not in families:
                families[name] = GaugeMetricFamily(PREFIX + name, help_, labels=[key] if key else [])
            families[name].add_metric([label] if key else [], value)
        yield from families.values()


class Meters:
    """Everything that is measured in this process. `ask()` gives the gauges of the moment."""

    def __init__(self, ask: Callable[[], Iterable[Gauge]]) -> None:
        self.registry = CollectorRegistry()
        self._counters = {
            name: Counter(PREFIX + name, help_, labels, registry=self.registry)
            for name, (help_, labels) in COUNTERS.items()
        }
        self._histograms = {
            name: Histogram(PREFIX + name, help_, buckets=buckets, registry=self.registry)
            for name, (help_, buckets) in HISTOGRAMS.items()
        }
        self.registry.register(_Looked(ask))
        ProcessCollector(registry=self.registry)

    def observe(self, name: str, value: float) -> None:
        """Take a figure: a duration or size for its histogram, an amount for its counter."""
        if name in self._histograms:
            self._histograms[name].observe(value)
        else:
            self._counters[name].inc(value)

    def counted(self, tell: Callable[..., None]) -> Callable[..., None]:
        """`tell` that also counts what it tells."""

        def told(event: str, *, error: bool = False, **facts: object) -> None:
            for name, labels in counts_of(event, facts, error=error):
                self._counters[name].labels(*map(word, labels)).inc()
            tell(event, error=error, **facts)

        return told

    @contextmanager
    def served(self, host: str, port: int) -> Iterator[int]:
        """Answer on an address while the block lasts; the port. OSError when it is taken."""
        server, thread = start_http_server(port, host, self.registry)
        try:
            yield int(server.server_port)
        finally:
            server.shutdown()
            server.server_close()
            thread.join()
