"""The harness itself, in one story: up, a file in, its reports out, down.

Does: uses each part of tests/house.py once.
Touches: a daemon of its own.
Does not: test what the other modules test in detail.
"""

from tests.house import Gateway
from tests.samples import good


def test_a_file_goes_in_and_its_reports_come_out(gateway: Gateway) -> None:
    body = good("WMO", rows=5)
    with gateway.paramiko("amsterdam") as client, client.open("/0363/inbox/WMO_0363_2017H2.csv", "wb") as target:
        target.write(body)
    (drop,) = gateway.drops()
    assert (drop.file.name, drop.file.size) == ("WMO_0363_2017H2.csv", len(body))
    receipt = gateway.wait_report("0363", r"^OB_.*_ONTVANGEN")
    verdict = gateway.wait_report("0363", r"^TR_.*_GOEDGEKEURD")
    listed = gateway.sftp("amsterdam", "ls -1 /0363/outbox\n")
    assert listed.returncode == 0, listed.stderr
    assert f"{receipt.stem}.json" in listed.stdout
    assert f"{verdict.stem}.json" in listed.stdout
    assert gateway.stop() == 0


def test_a_killed_daemon_comes_back(gateway: Gateway) -> None:
    assert gateway.kill() == -9
    gateway.restart()
    with gateway.paramiko("amsterdam") as client:
        assert "0363" in client.listdir("/")
