"""The real daemon killed while clients upload: what was answered OK is there once, what was not whole is not there.

Does: three paramiko clients upload without pause, under final and under working names; SIGKILL comes at a moment drawn
from a fixed seed; the daemon is started again; at the end every client sends again what it heard no answer to.
Touches: a demo of its own, the loopback interface.
Does not: know the step at which it died; test_crash does that.
"""

import random
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import paramiko
import pytest
from paramiko.sftp import CMD_CLOSE

from gateway.workflow.recover import replay
from tests.house import Gateway, copy_demo
from tests.world import World

CLIENTS = 3
LARGEST = 300_000
PIECE = 32_768


def body(name: str) -> bytes:
    """Bytes of their own for each name."""
    draw = random.Random(name)
    return draw.randbytes(draw.choice((1, 100, 30_000, PIECE, PIECE + 1, LARGEST)))


@dataclass
class Sent:
    """What the clients did: names begun, and those answered OK."""

    begun: set[str] = field(default_factory=set)
    ok: set[str] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)


def close(client: paramiko.SFTPClient, target: paramiko.SFTPFile) -> None:
    """CLOSE, and its answer. paramiko's own `close` says nothing when the line breaks before the answer."""
    target.flush()
    vars(paramiko.SFTPClient)["_request"](client, CMD_CLOSE, target.handle)
    vars(target)["_closed"] = True


def upload(client: paramiko.SFTPClient, name: str, sent: Sent) -> None:
    """One upload; it is noted as OK when the last answer was."""
    content = body(name)
    working = len(content) % 2 == 0
    path = f"/0363/inbox/{name}"
    with sent.lock:
        sent.begun.add(name)
    target = client.open(f"{path}.part" if working else path, "wb")
    target.set_pipelined(True)
    for start in range(0, len(content), PIECE):
        target.write(content[start : start + PIECE])
    close(client, target)
    if working:
        client.rename(f"{path}.part", path)
    with sent.lock:
        sent.ok.add(name)


def upload_until_cut(house: Gateway, names: Iterator[str], sent: Sent, first: threading.Event) -> None:
    """Upload one after the other until the line breaks; `first` is set after the first OK."""
    try:
        with house.paramiko("amsterdam") as client:
            for name in names:
                upload(client, name, sent)
                first.set()
    except (OSError, EOFError, paramiko.SSHException):
        first.set()


def kill_while_uploading(house: Gateway, number: int, delay: float, sent: Sent) -> None:
    """Start clients, and kill the daemon some time after the first OK."""
    first = threading.Event()
    names = [iter([f"k{number:03d}_{client}_{each:04d}.csv" for each in range(2000)]) for client in range(CLIENTS)]
    threads = [threading.Thread(target=upload_until_cut, args=(house, each, sent, first)) for each in names]
    for thread in threads:
        thread.start()
    first.wait(20)
    threading.Event().wait(delay)
    house.kill()
    for thread in threads:
        thread.join()


def wrongs(house: Gateway, sent: Sent) -> list[str]:
    """What is not as it must be, once the rescan has taken what lay landed."""
    house.wait_until(lambda: not list(house.inbox.glob("*/.landed/*")), "the rescan")
    found = []
    received = [drop for drop in house.drops() if drop.repeat_of is None]
    counts = Counter(drop.file.name for drop in received)
    found += [f"{name} answered OK, received {counts[name]} times" for name in sent.ok if counts[name] != 1]
    found += [f"{name} received {count} times" for name, count in counts.items() if count > 1]
    found += [f"{name} was never sent" for name in counts if name not in sent.begun]
    for drop in received:
        content = body(drop.file.name)
        if (drop.file.size, drop.file.sha256) != (len(content), sha256(content).hexdigest()):
            found.append(f"{drop.file.name} is not what was sent")
    rows = house.ledger().rows("select d.name, p.body from payloads as p join drops as d on d.id = p.drop_id")
    return found + [f"{row['name']} has other bytes" for row in rows if row["body"] not in (b"", body(row["name"]))]


def kill_many_times(root: Path, role: str, times: int, seed: int) -> tuple[int, int]:
    """Kill and look, so many times; how many were answered OK and how many were begun. AssertionError on any wrong."""
    draw = random.Random(seed)
    sent = Sent()
    house = Gateway(root, role=role)
    with house:
        for number in range(times):
            kill_while_uploading(house, number, draw.random() * 0.25, sent)
            house.start()
            found = wrongs(house, sent)
            if found:
                raise AssertionError(found)
        with house.paramiko("amsterdam") as client:
            for name in sorted(sent.begun - sent.ok):
                upload(client, name, sent)
        found = wrongs(house, sent)
        if found or sent.ok != sent.begun:
            raise AssertionError(found)
        house.stop()
        world = World(house.ledger_path.parent)
        if replay(world.ctx):
            raise AssertionError("the log does not give the states")
        world.close()
    return len(sent.ok), len(sent.begun)


@pytest.mark.timeout(400)
def test_killed_thirty_times_while_clients_upload(
    demo_template: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ok, begun = kill_many_times(copy_demo(demo_template, tmp_path / "gateway"), "sftp", 30, seed=20180212)
    with capsys.disabled():
        print(f"\nkilled 30 times: {begun} uploads begun, each received once")
    assert ok == begun
    assert begun > 100


@pytest.mark.faults
@pytest.mark.timeout(1800)
def test_killed_two_hundred_times_while_it_judges_too(demo_template: Path, tmp_path: Path) -> None:
    ok, begun = kill_many_times(copy_demo(demo_template, tmp_path / "gateway"), "all", 200, seed=20180309)
    assert ok == begun
    assert begun > 1000
