"""Figures: what the gauges of the metrics show, asked together and at most every few seconds.

Does: joins the standing of the ledger, health, the signs of life, connections, workers and disks into gauges.
Touches: reads the ledger, on a thread of its own: each thread has its own connection, and a scrape comes on a new one.
Does not: name anybody.
"""

import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

import gateway
from gateway.daemon.foundations import ledger_path
from gateway.errors import SURPRISES, GatewayError
from gateway.workflow.context import Context
from gateway.workflow.health import View, troubles
from gateway.workflow.standing import Standing
from gateway.workflow.vitals import Vitals

Gauge = tuple[str, str, float]
SECONDS = 5.0
# A scrape gives up after ten; the old figures are better than none.
PATIENCE = 8.0


@dataclass(slots=True)
class Figures:
    """The gauges. Call it: the figures of at most five seconds ago. Its sources come as the daemon starts."""

    vitals: Vitals
    ctx: Context | None = None
    view: Callable[[], View] | None = None
    connections: Callable[[], int] = int
    workers: Callable[[], int] = int
    _started: float = field(default_factory=time.time)
    _asked: float = float("-inf")
    _kept: tuple[Gauge, ...] = ()
    _lock: Lock = field(default_factory=Lock)
    _thread: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="figures"))

    def __call__(self) -> Iterable[Gauge]:
        """The gauges; those of before when they cannot be asked or the ledger takes too long."""
        with self._lock:
            if time.monotonic() - self._asked >= SECONDS:
                try:
                    self._kept = self._thread.submit(lambda: tuple(self._look())).result(PATIENCE)
                    self._asked = time.monotonic()
                except (GatewayError, OSError, *SURPRISES):  # TimeoutError is an OSError; a scrape must not end in one
                    return (
                        *(each for each in self._kept if each[0] != "ledger_readable"),
                        ("ledger_readable", "", 0.0),
                    )
            return self._kept

    def close(self) -> None:
        """Ask nothing any more."""
        self._thread.shutdown(wait=True, cancel_futures=True)

    def _look(self) -> Iterator[Gauge]:
        yield "build_info", gateway.__version__, 1.0
        yield "started_seconds", "", self._started
        if self.view is not None:
            yield from _of_view(self.view())
        if self.ctx is not None:
            yield from _of_disks(self.ctx)
        for part in self.vitals.parts():
            yield "part_late_seconds", part.name, max(0.0, part.late)
            yield "part_failing_seconds", part.name, part.failing or 0.0
        yield "connections", "", float(self.connections())
        yield "workers", "", float(self.workers())


def _of_view(seen: View) -> Iterator[Gauge]:
    found = Counter(trouble.code for trouble in troubles(seen))
    yield "healthy", "", float(not found)
    for code, n in found.items():
        yield "troubles", code, float(n)
    yield "ledger_readable", "", float(seen.standing is not None)
    if seen.standing is not None:
        yield from _of_standing(seen.standing)


def _of_standing(now: Standing) -> Iterator[Gauge]:
    yield "drops_waiting", "", float(now.waiting.count)
    yield "drops_waiting_oldest_seconds", "", now.age(now.waiting)
    yield "drops_held", "", float(now.held.count)
    yield "reports_unplaced", "", float(now.unplaced.count)
    yield "reports_uncollected", "", float(now.uncollected.count)
    yield "reports_uncollected_late", "", float(now.overdue)
    yield "deadlines_due_today", "", float(now.due_today)
    yield "deadlines_at_risk", "", float(now.at_risk)
    yield "deadlines_breached", "", float(now.breached)
    yield "mails_pending", "", float(now.mails.count)
    yield "mails_pending_oldest_seconds", "", now.age(now.mails)
    yield "mails_delayed", "", float(now.delayed_mails.count)
    yield "mails_lost_last_day", "", float(now.lost_mails.count)
    yield "pushes_pending", "", float(now.pushes.count)


def _of_disks(ctx: Context) -> Iterator[Gauge]:
    configuration = ctx.configuration()
    for name, folder in configuration.settings.paths:
        try:
            yield "disk_free_bytes", name, float(shutil.disk_usage(folder).free)
        except OSError:
            continue  # that it is gone is a trouble of its own
    ledger = ledger_path(configuration)
    yield "ledger_bytes", "", float(sum(map(_size, (ledger, ledger.with_name(f"{ledger.name}-wal")))))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
