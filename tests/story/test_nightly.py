"""The running daemon erases by itself: nobody has to think of it.

Does: lets a file in during the round, starts the same gateway again three weeks after it, waits for the night's purge.
Touches: a demo of its own.
Does not: look at terms one by one (tests/workflow/test_retain).
"""

from io import BytesIO
from pathlib import Path

from gateway.domain.model import from_ms
from gateway.store.ledger import retention
from gateway.store.ledger.reports import entries
from tests.house import Gateway, copy_demo
from tests.samples import WMO_HEADER, csv_bytes, wmo_rows
from tests.world import tree

WMO = "WMO_0363_2017H2.csv"
CANARY = b"KANARIE-7f3a9c"


def canary_csv() -> bytes:
    """A sound file with the canary in each record."""
    records = wmo_rows(20)
    for number, record in enumerate(records):
        record[3] = f"{CANARY.decode()}-{number}"
    return csv_bytes(WMO_HEADER, records)


def holding(root: Path) -> list[str]:
    """The files of the gateway that hold the canary."""
    folders = (root / "inbox", root / "outbox", root / "var")
    return [path for folder in folders for path, body in tree(folder).items() if CANARY in body]


def test_three_weeks_after_the_round_the_daemon_has_erased_the_file(demo_template: Path, tmp_path: Path) -> None:
    root = copy_demo(demo_template, tmp_path / "gateway")
    with Gateway(root) as gateway:
        with gateway.paramiko("amsterdam") as client, client.open(f"/0363/inbox/{WMO}", "wb") as file:
            file.write(canary_csv())
        gateway.wait_report("0363", "OO_.*WMO")
        with gateway.paramiko("cbs") as client:
            folder = "/cbs/2017H2/overdracht"
            for name in client.listdir(folder):
                client.getfo(f"{folder}/{name}", BytesIO())
        gateway.stop()
        assert holding(root) != []
    with Gateway(root, simulate="2018-04-14T03:00", speed=5000.0) as gateway:
        told = gateway.wait_event("purged")
        assert told["files"] == 1
        [proof] = [each for each in deletions(gateway) if each.erasure.what == "payload"]
        assert proof.erasure.name == WMO
        assert {each.stem[:2] for each in entries(gateway.ledger(), "0363", confirmed=False)} >= {"OB", "TR", "OO"}
        gateway.stop()
        gateway.ledger().close()
    assert holding(root) == []


def deletions(gateway: Gateway) -> list[retention.Deletion]:
    """Every proof."""
    rows = gateway.ledger().rows("select min(at) as first, max(at) as last from deletions")
    first, last = (int(rows[0][name]) for name in ("first", "last"))
    return retention.deletions(gateway.ledger(), from_ms(first), from_ms(last))
