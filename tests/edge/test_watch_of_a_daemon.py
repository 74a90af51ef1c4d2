"""The watch folder of a running gateway: bursts, a daemon that dies halfway, a machine without inotify, and what the
owner of a refused file finds.

Does: puts many files at once while somebody uploads over SFTP and measures both; kills the daemon between claim and
landing; takes inotify away in a namespace of its own.
Touches: a demo of its own, loopback.
Does not: try the single ways in (test_watch).
"""

import json
import os
import time
from hashlib import sha256
from pathlib import Path

import pytest

from gateway.store.ledger import drops
from tests.house import Gateway, copy_demo
from tests.samples import wmo_csv

NAME = "WMO_0363_2017H2.csv"
# What a client waits for at its CLOSE before it hears that the gateway does not know.
LONGEST_ANSWER = 20.0
MEGABYTE = 1 << 20
MOST_MEMORY = 250 * MEGABYTE


def body_of(number: int) -> bytes:
    """Small, and like no other."""
    return b"%d\n" % number


def put_burst(folder: Path, count: int) -> set[str]:
    """Put so many files in a folder, each by a rename; their checksums."""
    made = set()
    for number in range(count):
        body = body_of(number)
        hidden = folder / f".{number}"
        hidden.write_bytes(body)
        hidden.rename(folder / f"BURST_{number:05}.csv")
        made.add(sha256(body).hexdigest())
    return made


def of_burst(gateway: Gateway) -> list[str]:
    """Checksums of what was received of a burst."""
    rows = gateway.ledger().rows("select sha256 from drops where name like :name", name="BURST%")
    return [str(row["sha256"]) for row in rows]


def resident(pid: int) -> int:
    """The most memory that a process ever had, in bytes."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    [line] = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024


@pytest.mark.parametrize(
    "count", [150, pytest.param(20_000, marks=[pytest.mark.slow, pytest.mark.timeout(5400)])], ids=str
)
def test_a_burst_is_received_exactly_once_and_nobody_else_waits_for_it(gateway: Gateway, count: int) -> None:
    before = resident(gateway.process.pid)
    begun = time.monotonic()
    made = put_burst(gateway.inbox / "0363", count)
    waits: list[float] = []
    with gateway.paramiko("bloemendaal") as client:
        while len(of_burst(gateway)) < count:
            asked = time.monotonic()
            with client.open(f"/0473/inbox/WMO_0473_{len(waits)}.csv", "wb") as file:
                file.write(wmo_csv(2, seed=len(waits)))
            waits.append(time.monotonic() - asked)
            gateway.wait_until(lambda: True)
    seconds = time.monotonic() - begun
    more = (resident(gateway.process.pid) - before) // MEGABYTE
    print(f"{count / seconds:.1f} files/s, {len(waits)} uploads, longest answer {max(waits):.2f} s, {more} MB more")
    received = of_burst(gateway)
    assert (len(received), set(received)) == (count, made)
    assert max(waits) < LONGEST_ANSWER
    assert resident(gateway.process.pid) < MOST_MEMORY
    left = [path.name for path in (gateway.inbox / "0363").glob("[!.]*") if path.name != "proef"]
    assert left == []
    assert gateway.events("claim_failed") + gateway.events("receive_failed") == []


def claimed_files(house: Gateway) -> list[str]:
    """What is claimed now; folders may go while they are looked at."""
    return [name for _, _, names in os.walk(house.inbox / "0363" / ".claimed") for name in names]


def test_a_daemon_killed_in_a_burst_loses_nothing_and_takes_nothing_twice(demo_template: Path, tmp_path: Path) -> None:
    count = 120
    with Gateway(copy_demo(demo_template, tmp_path / "gateway")) as house:
        made = put_burst(house.inbox / "0363", count)
        for _ in range(3):
            claimed = house.wait_until(lambda: claimed_files(house), "a claim")
            house.kill()
            assert claimed
            house.start()
        house.wait_until(lambda: len(of_burst(house)) >= count, "the burst")
        house.wait_until(lambda: not list(house.inbox.glob("0363/.claimed/*")), "the end of all claims")
        received = of_burst(house)
        assert (len(received), set(received)) == (count, made)
        assert not [each for each in drops.recent(house.ledger(), 1000) if each.repeat_of]


def test_without_inotify_the_rescan_finds_everything(demo_template: Path, tmp_path: Path) -> None:
    without = ("unshare", "--user", "--map-root-user", "sh", "-c",
               'echo 0 > /proc/sys/user/max_inotify_instances && exec "$0" "$@"')  # fmt: skip
    root = copy_demo(demo_template, tmp_path / "gateway")
    with Gateway(root, {"watch": {"rescan_seconds": 0.5}}, prefix=without) as house:
        (house.inbox / "0363" / NAME).write_bytes(wmo_csv(2, seed=1))
        house.wait_report("0363", "ONTVANGEN")
        house.wait_report("0363", "GOEDGEKEURD")
        assert len(house.events("watch_without_events")) == 1
        assert house.stop() == 0


def test_events_come_again_from_a_folder_that_returned(demo_template: Path, tmp_path: Path) -> None:
    root = copy_demo(demo_template, tmp_path / "gateway")
    with Gateway(root, {"watch": {"rescan_seconds": 1}}) as house:
        folder = house.inbox / "0363"
        folder.rename(tmp_path / "away")
        house.wait_event("watch_folder_failed", municipality="0363")
        (tmp_path / "away").rename(folder)
        house.wait_event("watch_folder_back", municipality="0363")
        (folder / NAME).write_bytes(wmo_csv(2, seed=1))
        house.wait_report("0363", "ONTVANGEN")
        with house.paramiko("amsterdam") as client, client.open(f"/0363/inbox/{NAME}", "wb") as file:
            file.write(wmo_csv(2, seed=2))
        house.wait_report("0363", "ONTVANGEN", count=2)
        assert house.events("watch_failed") == []


def test_the_owner_of_a_refused_file_finds_it_and_why(demo_template: Path, tmp_path: Path) -> None:
    root = copy_demo(demo_template, tmp_path / "gateway")
    with Gateway(root, {"watch": {"rescan_seconds": 0.5}}) as house:
        huge = house.inbox / "0363" / NAME
        with huge.open("wb") as sparse:
            sparse.truncate(1 << 41)
        odd = Path(os.fsdecode(os.fsencode(house.inbox) + b"/0363/WMO\xff\n.csv"))
        odd.write_bytes(wmo_csv(2))
        house.wait_event("refused", count=2)
        house.wait_report("0363", "GEWEIGERD", count=2)
        with house.paramiko("amsterdam") as client, client.open("/0363/status.json") as file:
            refused = json.loads(file.read())["refusals"]
        assert sorted(each["code"] for each in refused) == ["NAME_CHARACTERS", "TOO_LARGE"]
        kept = {path.name: path.stat().st_size for path in house.inbox.glob("0363/.geweigerd/*/*")}
        assert kept == {NAME: 1 << 41, odd.name: len(wmo_csv(2))}
        assert resident(house.process.pid) < MOST_MEMORY
        assert len(house.events("refused")) == 2
