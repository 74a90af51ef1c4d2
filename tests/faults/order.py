"""Order: what the kernel saw of each upload. Bytes are on disk, then named, then committed, and only then is it said.

Does: serves under strace while one client uploads one file after the other, and reads for each landing: fsync of the
payload, rename into `.landed`, fsync of that folder, write and fsync of the ledger's log, first packet to the client.
Touches: a rig, a trace beside it.
Does not: measure time; strace costs most of it.

One client on one connection, that waits for each answer: whatever is sent on a socket after the rename answers it.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.load import File, send
from tests.faults.rig import Outcome, Rig

CALLS = "fsync,fdatasync,rename,renameat,renameat2,pwrite64,sendto,sendmsg,write,writev"
STRACE = ("strace", "-D", "-f", "-qq", "-y", "-s", "0", "-e", f"trace={CALLS}", "-e", "signal=none", "-o")
LINE = re.compile(r"(?P<pid>[0-9]+) +(?P<call>[a-z0-9]+)\((?P<rest>.*)")
RESUMED = re.compile(r"(?P<pid>[0-9]+) +<\.\.\. (?P<call>[a-z0-9]+) resumed>(?P<rest>.*)")
# By its path, or by its name in an open folder.
LANDED = re.compile(r'"(?P<source>[^"]+)", .*[<"](?P<folder>[^<>"]+/\.landed)(?:/|>, ")(?P<id>[0-9a-f-]{36})"')
PACKET = re.compile(r"<(?:socket|TCP)[^>]*>.*\)\s*= (?P<sent>[0-9]+)$")
STEPS = ("payload fsynced", "renamed", "folder fsynced", "ledger written", "ledger fsynced", "answered")
# A thread wakes the loop with one byte; a packet of SSH is never so short.
SHORTEST = 16


@dataclass(frozen=True, slots=True)
class Call:
    """A system call: when it began and ended (numbers of lines), its name, what strace said of it."""

    began: int
    ended: int
    name: str
    said: str


@dataclass
class Landing:
    """One upload in the trace: the line of each step, as it came."""

    id: str
    source: str
    steps: dict[str, int] = field(default_factory=dict)

    def wrong(self) -> str | None:
        """What is not in order."""
        missing = [step for step in STEPS if step not in self.steps]
        if missing:
            return f"{self.id}: no {', '.join(missing)}"
        lines = [self.steps[step] for step in STEPS]
        return None if lines == sorted(lines) else f"{self.id}: {self.steps}"


def calls(lines: Iterable[str]) -> Iterator[Call]:
    """Every call, in the order of their ends; strace splits one that another thread's came between."""
    begun: dict[str, tuple[int, str, str]] = {}
    for number, line in enumerate(lines):
        if resumed := RESUMED.match(line):
            began, name, said = begun.pop(resumed["pid"], (number, resumed["call"], ""))
            yield Call(began, number, name, said + resumed["rest"])
        elif plain := LINE.match(line):
            if plain["rest"].endswith("<unfinished ...>"):
                begun[plain["pid"]] = number, plain["call"], plain["rest"].removesuffix("<unfinished ...>")
            else:
                yield Call(number, number, plain["call"], plain["rest"])


def landings(lines: Iterable[str]) -> list[Landing]:
    """Every landing of a trace. A step counts when it has ended, an answer (and the rename) when it begins."""
    found: list[Landing] = []
    synced: dict[str, int] = {}
    for call in sorted(calls(lines), key=lambda each: each.began if _speaks(each) else each.ended):
        if call.name in ("fsync", "fdatasync") and call.said.rstrip().endswith("= 0"):
            path = call.said.partition("<")[2].partition(">")[0]
            synced[path] = call.ended
            _note(found, "folder fsynced", call.ended, path.endswith("/.landed"))
            _note(found, "ledger fsynced", call.ended, path.endswith("ledger.db-wal"), after="ledger written")
        elif call.name.startswith("rename") and (named := LANDED.search(call.said)):
            landing = Landing(named["id"], named["source"])
            landing.steps["renamed"] = call.began
            payload = f"{named['source']}/payload"
            if payload in synced:
                landing.steps["payload fsynced"] = synced[payload]
            found.append(landing)
        elif call.name == "pwrite64":
            _note(found, "ledger written", call.ended, "ledger.db-wal>" in call.said, after="folder fsynced")
        elif _speaks(call):
            _note(found, "answered", call.began, true=True)
    return found


def _speaks(call: Call) -> bool:
    sent = PACKET.search(call.said) if call.name in ("sendto", "sendmsg", "write", "writev") else None
    return sent is not None and int(sent["sent"]) >= SHORTEST


def _note(found: list[Landing], step: str, line: int, true: bool, after: str | None = None) -> None:
    """The first time that it happens to the landing at hand."""
    if true and found and step not in found[-1].steps and (after is None or after in found[-1].steps):
        found[-1].steps[step] = line


def traced(root: Path, times: int) -> Outcome:
    """So many uploads under strace; each of them in order."""
    trace = root.with_name("trace")
    with Rig(root, role="sftp") as rig:
        rig.house = rig.gateway(*STRACE, str(trace))
        rig.house.start()
        with rig.house.paramiko("amsterdam") as client:
            for number in range(times):
                file = File("0363", f"order_{number:04d}.csv", "working" if number % 4 == 3 else "plain")
                rig.book.note(send(client, file))
        rig.house.stop()
        found = landings(trace.read_text(encoding="utf-8", errors="replace").splitlines())
        rig.expect(len(found) == times, f"{len(found)} landings in the trace of {times} uploads")
        rig.wrong += [wrong for landing in found if (wrong := landing.wrong())]
        # Now somebody judges and places, so that the oracle finds the work done.
        rig.role = "all"
        rig.house = rig.gateway()
        rig.house.start()
        return rig.outcome(times, f"strace: {' < '.join(STEPS)}")
