"""A rehearsal: a whole gateway in this process, in a sandbox whose clock is moved by hand.

Does: opens ledger, workers, intake and SFTP door as the daemon does; lets accounts log in with the municipality's own
client; moves the clock and then does everything that the daemon's loops and ticks would have done by then.
Touches: one folder, a port of this machine, worker processes.
Does not: replace a step or know a story (replay does). The watch on folders looks when a scene puts a file there.

The clock stands still while anything happens, so a rehearsal tells the same every time; only ids differ, and the order
of mails of one moment.
"""

import asyncio
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self

from gateway.channel.mail import Done, FolderPost, Letter
from gateway.client.fetch import Fetched, Wish, fetch
from gateway.client.outcome import Refused, Watcher
from gateway.client.patience import Clock as Technical
from gateway.client.patience import Patience
from gateway.client.put import Receipt, deliver, parcel
from gateway.client.session import Line, Server, Session
from gateway.config import Configuration, load
from gateway.daemon import Clock, Options, make_context, open_door, open_ledger, sandbox_clock, take_lock
from gateway.domain.workdays import AMSTERDAM, DAY, local_day
from gateway.edge.sftp.server import Door
from gateway.edge.watch import Watcher as Watched
from gateway.errors import GatewayError
from gateway.reports import pages
from gateway.store.durable import write_durably
from gateway.store.ledger import drops, log
from gateway.workers import Pool
from gateway.workflow import handover
from gateway.workflow.assess import assess_all
from gateway.workflow.context import Context
from gateway.workflow.duties import run_duties
from gateway.workflow.judge import judge, next_drop
from gateway.workflow.notify import send_due
from gateway.workflow.publish import publish
from gateway.workflow.recover import mirror, recover
from gateway.workflow.retain import nightly, sweep_working

SECONDS = 60.0
LOOK_SECONDS = 0.1
# The hours of a day at which the rehearsal looks at what is due: the night's purge, the morning's mails.
HOURS = (3, 8)


@dataclass
class Postbox:
    """The folder of mails, of which one sees what was put in it."""

    folder: FolderPost
    letters: list[Letter] = field(default_factory=list)

    def send(self, letters: Iterable[Letter], done: Done) -> None:
        """See `Post.send`."""
        self.folder.send(self._noted(letters), done)

    def _noted(self, letters: Iterable[Letter]) -> Iterator[Letter]:
        for letter in letters:
            self.letters.append(letter)
            yield letter

    def close(self) -> None:
        """See `Post.close`."""
        self.folder.close()


class Rehearsal:
    """The gateway of a demo in `root`, from the moment `start` on. Use as a context manager."""

    def __init__(self, root: Path, start: datetime) -> None:
        self.root = root
        self._start = start
        self._stack = ExitStack()
        self._lines: dict[str, Line] = {}
        self.faults: list[Mapping[str, object]] = []
        # False: no worker examines anything, as when it is stopped or its machine is down.
        self.working = True

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._open(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _open(self, stack: ExitStack) -> None:
        configuration = self.configuration = _without_watch(load(self.root / "config"))
        options = Options(configuration.directory, listen="127.0.0.1:0", simulate=self._start, speed=0.0)
        take_lock(configuration.settings.paths.state, "all", stack, alone=True)
        engine = open_ledger(configuration)
        stack.callback(engine.close)
        self.clock: Clock = sandbox_clock(engine, options)
        pool = Pool(1, seconds=60, jobs=1000, address_space=1024**3)
        stack.callback(pool.close)
        self.ctx: Context = make_context(configuration, engine, self.clock, lambda: configuration, pool, sandbox=True)
        recover(self.ctx, edge=True)
        pages.prepare()
        sender = configuration.desks[next(iter(configuration.desks))].mail
        outbox = configuration.settings.paths.outbox / ".mail"
        self.post = Postbox(FolderPost(outbox, write_durably, sender=sender))
        self._door(options, stack)

    def _door(self, options: Options, stack: ExitStack) -> None:
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever, name="door", daemon=True)
        thread.start()
        stack.callback(loop.close)
        stack.callback(thread.join)
        stack.callback(loop.call_soon_threadsafe, loop.stop)
        opening = open_door(options, self.configuration.settings, self.ctx, lambda: None, self.tell, stack)
        door: Door = asyncio.run_coroutine_threadsafe(opening, loop).result(SECONDS)
        self.port = door.ports[0]
        stack.callback(lambda: asyncio.run_coroutine_threadsafe(door.drain(), loop).result(SECONDS))
        stack.callback(self._hang_up)

    def _hang_up(self) -> None:
        for line in self._lines.values():
            line.hang_up()

    def tell(self, event: str, **facts: object) -> None:
        """The daemon's log: what went wrong is kept."""
        if facts.get("error"):
            self.faults.append({"event": event, **facts})

    # --- time ---------------------------------------------------------------------------------------------------------

    def move(self, until: datetime) -> None:
        """Let time pass, doing at each hour of HOURS on the way what is due then."""
        day = local_day(self.clock())
        while day <= local_day(until):
            for hour in HOURS:
                moment = datetime(day.year, day.month, day.day, hour, 5, tzinfo=AMSTERDAM)
                if self.clock() < moment <= until:
                    self.clock.move(moment)
                    self.settle()
            day += DAY
        self.clock.move(until)
        self.settle()
        mirror(self.ctx)

    def settle(self) -> None:
        """Everything that the daemon's loops and ticks would do now, until there is nothing left to do."""
        run_duties(self.ctx, self.tell)
        while self.working and (drop := next_drop(self.ctx, ())) is not None:
            judge(self.ctx, drop, self.tell)
        assess_all(self.ctx, self.tell)
        handover.finish(self.ctx, self.tell)
        publish(self.ctx)
        nightly(self.ctx, self.tell)
        sweep_working(self.ctx, self.tell)
        send_due(self.ctx, self.post, self.tell)

    # --- what people do -----------------------------------------------------------------------------------------------

    def session(self, login: str) -> Session:
        """The account's own session, logged in with its key over the network."""
        line = self._lines.get(login)
        if line is None:
            demo = self.root / "demo"
            known = demo / "rehearsal_hosts"
            line = self._lines[login] = Line(
                Server("127.0.0.1", self.port, login, known, demo / "keys" / login), lambda *_a, **_k: None
            )
        return line.session()

    def deliver(self, login: str, code: str, name: str, body: bytes, *, trial: bool = False) -> Receipt:
        """Upload a file as `gateway put` does; its receipt. Raises Refused. Then all that follows happens."""
        self.session(login)
        out = self.root / "demo" / "out" / name
        out.parent.mkdir(exist_ok=True)
        out.write_bytes(body)
        _, receipt = deliver(self._lines[login], parcel(out, code, trial=trial), _patience(), WATCHER)
        self.clock.move(self.clock() + timedelta(minutes=1))
        self.settle()
        return receipt

    def put_in_watch_folder(self, code: str, name: str, body: bytes) -> None:
        """A program on the gateway's own machine puts a file into a municipality's folder. Then all that follows
        happens; GatewayError when it is not received."""
        folder = self.ctx.spool.inbox / code
        (folder / f"{name}.part").write_bytes(body)
        (folder / f"{name}.part").rename(folder / name)
        watch = self.configuration.settings.watch
        Watched(self.ctx, watch, monotonic=time.monotonic, claimed=lambda: None, tell=self.tell).scan()
        until = time.monotonic() + SECONDS
        while self.ctx.spool.claims() or not any(
            each.file.name == name for each in drops.undecided(self.ctx.engine, code)
        ):
            if time.monotonic() > until:
                raise GatewayError(f"{name} was put in the watch folder and not received")
            time.sleep(LOOK_SECONDS)
        self.clock.move(self.clock() + timedelta(minutes=1))
        self.settle()

    def put_empty(self, login: str, path: str) -> None:
        """An empty file of which only the name matters. Raises Refused."""
        self.session(login).send(path, [])
        self.settle()

    def rename(self, login: str, old: str, new: str) -> None:
        """Give a file another name. Raises Refused."""
        self.session(login).rename(old, new)
        self.settle()

    def fetch(self, login: str, *codes: str) -> list[Fetched]:
        """Bring all reports home and acknowledge them, as `gateway fetch --confirm` does."""
        self.session(login)
        wish = Wish(self.root / "demo" / "reports", codes, confirm=True)
        found = fetch(self._lines[login], wish, _patience(), WATCHER)
        self.settle()
        return found

    @contextmanager
    def refused(self, code: str) -> Iterator[None]:
        """What is done inside must be refused with this code; GatewayError when it is not."""
        try:
            yield
        except Refused as refused:
            if refused.code != code:
                raise GatewayError(f"refused with {refused.code}, not with {code}") from refused
        else:
            raise GatewayError(f"not refused with {code}")
        self.settle()

    def lines(self) -> list[log.Line]:
        """The whole message log."""
        return log.everything(self.ctx.engine)


def _patience() -> Patience:
    luck: Callable[[], float] = random.SystemRandom().random
    return Patience(Technical(time.monotonic, time.sleep, luck), time.monotonic() + SECONDS)


def _without_watch(configuration: Configuration) -> Configuration:
    settings = configuration.settings
    off = settings.watch.model_copy(update={"enabled": False, "rescan_seconds": 2 * LOOK_SECONDS})
    return replace(configuration, settings=settings.model_copy(update={"watch": off}))


WATCHER = Watcher(lambda *_a, **_k: None, lambda _done, _total: None)
