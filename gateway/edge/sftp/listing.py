"""Listing: what stands in each folder, as entries without bytes.

Does: turns the ledger's rows, an account's working files and fresh uploads into names, sizes and times.
Touches: reads the ledger and inbox/.working.
Does not: speak SFTP or decide who may look.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from gateway.domain.model import Account, Drop, Lane, to_ms
from gateway.domain.workdays import end_of_day, local_day, start_of_day
from gateway.edge.sftp.tree import Place, Sort
from gateway.store.ledger import drops, log, reports
from gateway.workflow.context import Context, current_round

README_NAMES = {"LEESMIJ.txt": "nl", "README.txt": "en"}
LOG_MONTHS = 12
SEEN_SECONDS = 60.0
# Of one municipality within a minute.
LATELY = 100


@dataclass(frozen=True, slots=True)
class Entry:
    """One name in a listing. `size` None: a folder. `modified` in seconds since 1970."""

    name: str
    size: int | None
    modified: float
    writable: bool = False


class Recent:
    """Uploads that were just closed: seen and stat-able under their own name with their exact size for a while, because
    clients stat, rename and list after closing. Technical time (monotonic seconds). `elsewhere(municipality)` gives the
    drops that perhaps another process received, at which a client of several connections was before."""

    def __init__(
        self,
        monotonic: Callable[[], float],
        seconds: float = SEEN_SECONDS,
        elsewhere: Callable[[str], Sequence[Drop]] = lambda _municipality: (),
    ) -> None:
        self.elsewhere = elsewhere
        self._monotonic = monotonic
        self._seconds = seconds
        # By inbox: in a burst there are thousands, and neither an upload nor a listing may go through all of them.
        self._seen: dict[tuple[str, Lane], dict[str, tuple[int, float]]] = {}
        self._swept = monotonic()

    def add(self, code: str, lane: Lane, name: str, size: int) -> None:
        """A file was closed and received."""
        now = self._monotonic()
        if now - self._swept >= self._seconds:
            self._swept = now
            self._seen = {inbox: kept for inbox, files in self._seen.items() if (kept := _fresh(files, now))}
        # A new dict each time: threads read the present one while they list.
        kept = _fresh(self._seen.get((code, lane), {}), now)
        self._seen[code, lane] = {**kept, name: (size, now + self._seconds)}

    def of(self, code: str, lane: Lane) -> dict[str, int]:
        """Sizes by name of what is still to be seen in an inbox."""
        return {name: size for name, (size, _) in _fresh(self._seen.get((code, lane), {}), self._monotonic()).items()}


def lately(ctx: Context, speed: float, code: str) -> list[Drop]:
    """What a municipality delivered within the last minute, whichever process received it. `speed`: legal seconds per
    technical one; while legal time stands still, nothing."""
    since = to_ms(ctx.now() - timedelta(seconds=SEEN_SECONDS * speed))
    return drops.newest(ctx.engine, code, current_round(ctx, code).id, since, LATELY) if speed else []


def _fresh(files: dict[str, tuple[int, float]], now: float) -> dict[str, tuple[int, float]]:
    return {name: (size, until) for name, (size, until) in files.items() if until > now}


def uploads(ctx: Context, recent: Recent, account: Account, code: str, lane: Lane) -> list[Entry]:
    """An inbox: the account's working files, what was just closed, and what is received but not yet decided."""
    now = ctx.now().timestamp()
    found = {
        name: Entry(name, size, modified, writable=True)
        for name, size, modified in ctx.spool.working_files(ctx.spool.working(account.login, code, lane))
    }
    # Of two with one name the last: ids grow with time.
    for drop in sorted((*drops.undecided(ctx.engine, code), *recent.elsewhere(code)), key=lambda each: each.id):
        if drop.lane is lane:
            found[drop.file.name] = Entry(drop.file.name, drop.file.size, drop.received_at.timestamp(), writable=True)
    for name, size in recent.of(code, lane).items():
        found.setdefault(name, Entry(name, size, now, writable=True))
    return sorted(found.values(), key=lambda entry: entry.name)


def report_files(ctx: Context, place: Place) -> list[Entry]:
    """An outbox, or its opgehaald/."""
    confirmed = place.sort is Sort.COLLECTED
    return [
        Entry(entry.name, entry.size, entry.made_at.timestamp())
        for entry in reports.entries(ctx.engine, place.code, confirmed=confirmed)
    ]


def log_months(ctx: Context, code: str) -> list[str]:
    """Names of a municipality's message logs, oldest first: this month, and those of the last year in which something
    happened. Older ones are there when they are asked for by name."""
    day = local_day(ctx.now())
    names = [f"berichtenlog-{day:%Y-%m}.csv"]
    for _ in range(LOG_MONTHS - 1):
        day = day.replace(day=1) - timedelta(days=1)
        if log.is_any(ctx.engine, start_of_day(day.replace(day=1)), end_of_day(day), code):
            names.append(f"berichtenlog-{day:%Y-%m}.csv")
    return names[::-1]
