"""A real daemon and a real clamd: files pass, are rejected, wait while it is gone or hangs, and are judged once."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.channel.clamd import scan
from gateway.daemon.scanner import deep
from tests.channel.scanner import FITTING, MARK, SIGNATURE, Clamd
from tests.house import Gateway, copy_demo
from tests.samples import wmo_csv, zipped
from tests.story.test_restore import run

NAME = "WMO_0363_2017H2.csv"
CLEAN = wmo_csv(5, seed=1)
INFECTED = wmo_csv(5, seed=2) + MARK + b"\n"


@pytest.fixture
def clamd(tmp_path: Path) -> Iterator[Clamd]:
    with Clamd(tmp_path / "clamd", *FITTING) as running:
        yield running


@pytest.fixture
def scanned(demo_template: Path, tmp_path: Path, clamd: Clamd) -> Iterator[Gateway]:
    settings = {"scan": {"clamd": clamd.section.clamd, "timeout_seconds": 2}}
    with Gateway(copy_demo(demo_template, tmp_path / "gateway"), settings) as running:
        yield running


def put(gateway: Gateway, body: bytes, path: str, login: str = "amsterdam") -> None:
    with gateway.paramiko(login) as client, client.open(path, "wb") as file:
        file.write(body)


def verdicts(gateway: Gateway) -> list[str]:
    rows = gateway.ledger().rows("select event from log where event in ('decided', 'approved', 'infected') order by id")
    return [row["event"] for row in rows]


def test_a_clean_file_passes_and_the_own_signature_does_not(scanned: Gateway) -> None:
    put(scanned, CLEAN, f"/0363/inbox/{NAME}")
    scanned.wait_report("0363", "TR_.*_GOEDGEKEURD")
    put(scanned, zipped({NAME: INFECTED}), "/0363/inbox/MSD.zip")
    scanned.wait_report("0363", "TR_0363_ALLE_ALLE_.*_AFGEKEURD")
    put(scanned, INFECTED, f"/0363/inbox/proef/{NAME}")
    scanned.wait_report("0363", "TR_.*_PROEF-AFGEKEURD")
    scanned.wait_event("mailed", occasion="infected", account="@desk", count=2)
    assert verdicts(scanned) == ["decided", "approved", "decided", "infected", "decided", "infected"]
    assert [event["signature"] for event in scanned.events("infected")] == [SIGNATURE] * 2
    assert MARK.decode() not in scanned.text()
    kept = scanned.ledger().rows("select body from payloads where body is not null")
    assert [bytes(row["body"]) for row in kept] == [CLEAN]


def test_while_the_scanner_is_gone_files_wait_and_then_are_judged_once(scanned: Gateway, clamd: Clamd) -> None:
    scanned.wait_event("scanner_answers")
    clamd.kill()
    scanned.wait_event("scanner_failed")
    put(scanned, CLEAN, f"/0363/inbox/{NAME}")
    put(scanned, INFECTED, "/0377/inbox/WMO_0377_2017H2.csv", "bloemendaal")
    scanned.wait_event("received", count=2)
    # The receipt does not wait, and says that the file is received.
    scanned.wait_report("0363", "OB_.*_ONTVANGEN")
    assert verdicts(scanned) == []
    with scanned.paramiko("amsterdam") as client, client.open("/0363/status.json") as file:
        (pending,) = json.loads(file.read())["pending"]
    assert (pending["file"]["name"], pending["state"]) == (NAME, "received")
    clamd.start()
    scanned.wait_event("scanner_answers", count=2)
    scanned.wait_report("0363", "TR_.*_GOEDGEKEURD")
    scanned.wait_report("0377", "TR_.*_AFGEKEURD")
    assert sorted(verdicts(scanned)) == ["approved", "decided", "decided", "infected"]


def test_a_scanner_that_hangs_delays_no_receipt(scanned: Gateway, clamd: Clamd) -> None:
    scanned.wait_event("scanner_answers")
    clamd.freeze()
    put(scanned, CLEAN, f"/0363/inbox/{NAME}")
    assert "did not answer within 2 s" in scanned.wait_event("unscanned")["reason"]
    assert verdicts(scanned) == []
    clamd.thaw()
    scanned.wait_report("0363", "TR_.*_GOEDGEKEURD")
    assert verdicts(scanned) == ["decided", "approved"]


def test_many_at_once_and_a_daemon_that_is_killed_meanwhile(scanned: Gateway, clamd: Clamd) -> None:
    clamd.freeze()
    for n in range(3):
        put(scanned, wmo_csv(5, seed=10 + n), f"/0363/inbox/{NAME}")
        put(scanned, wmo_csv(5, "0377", seed=20 + n), "/0377/inbox/WMO_0377_2017H2.csv", "bloemendaal")
    scanned.kill()
    clamd.thaw()
    scanned.start()
    scanned.wait_report("0363", "TR_.*_v003_.*_GOEDGEKEURD")
    scanned.wait_report("0377", "TR_.*_v003_.*_GOEDGEKEURD")
    assert sorted(verdicts(scanned)) == ["approved"] * 6 + ["decided"] * 6


def test_a_scanner_that_calls_clean_what_it_skips_lets_nothing_pass_until_it_is_mended(
    demo_template: Path, tmp_path: Path
) -> None:
    """clamd skips a file in a ZIP that is larger than MaxFileSize, and says OK, whatever AlertExceedsMax says."""
    infected = zipped({NAME: CLEAN + bytes(2_000_000) + MARK})
    clamd = Clamd(tmp_path / "clamd", "AlertExceedsMax yes", "MaxFileSize 1M")
    settings = {"scan": {"clamd": clamd.section.clamd, "timeout_seconds": 5}}
    with clamd, Gateway(copy_demo(demo_template, tmp_path / "gateway"), settings) as house:
        assert scan(clamd.section, infected) is None
        put(house, infected, "/0363/inbox/MSD.zip")
        put(house, CLEAN, "/0377/inbox/WMO_0377_2017H2.csv", "bloemendaal")
        reason = house.wait_event("scanner_failed")["reason"]
        assert "MaxFileSize and MaxScanSize above" in reason
        house.wait_report("0363", "OB_.*_ONTVANGEN")
        assert verdicts(house) == []
        at_a_glance = json.loads(run(house, "status", "--json").stdout)
        assert at_a_glance["scan"]["trouble"] == reason
        clamd.kill()
        clamd.configure(*FITTING)
        clamd.start()
        house.wait_report("0363", "TR_.*_AFGEKEURD")
        house.wait_report("0377", "TR_.*")
        assert [event["signature"] for event in house.events("infected")] == [SIGNATURE]


def test_a_file_that_the_scanner_does_not_look_at_as_a_whole_is_held_and_the_next_goes_on(scanned: Gateway) -> None:
    put(scanned, deep(0), "/0363/inbox/MSD.zip")
    put(scanned, CLEAN, f"/0363/inbox/{NAME}")
    scanned.wait_report("0363", "OB_.*_AANGEHOUDEN")
    scanned.wait_report("0363", "TR_.*_GOEDGEKEURD")
    (held,) = (drop for drop in scanned.drops() if drop.state == "held")
    assert held.file.name == "MSD.zip"
    assert "MaxRecursion" in scanned.wait_event("overlooked", id=held.short_id)["reason"]
    (waiting,) = json.loads(run(scanned, "status", "--json").stdout)["waiting"]
    assert "Heuristics.Limits.Exceeded.MaxRecursion" in waiting["reason"]
    scanned.wait_event("mailed", occasion="held_desk")
    mails = scanned.ledger().rows("select content from notifications where occasion = 'held_desk'")
    assert "Heuristics.Limits.Exceeded.MaxRecursion" in mails[0]["content"]


def test_the_scan_is_turned_on_and_off_while_it_serves(gateway: Gateway, clamd: Clamd) -> None:
    def turn(clamd_address: str | None) -> None:
        gateway.edit("gateway.yaml", lambda content: content.update({"scan": {"clamd": clamd_address}}))
        count = len(gateway.events("configuration_loaded"))
        gateway.process.send_signal(signal.SIGHUP)
        gateway.wait_event("configuration_loaded", count=count + 1)

    turn("unix:/nowhere/clamd.ctl")
    put(gateway, CLEAN, f"/0363/inbox/{NAME}")
    gateway.wait_event("scanner_failed")
    assert verdicts(gateway) == []
    turn(clamd.section.clamd)
    gateway.wait_event("scanned")
    gateway.wait_report("0363", "TR_.*_v001_.*_GOEDGEKEURD")
    turn(None)
    put(gateway, INFECTED, f"/0363/inbox/{NAME}")
    gateway.wait_report("0363", "TR_.*_v002_.*_AFGEKEURD")
    assert not gateway.events("infected")
