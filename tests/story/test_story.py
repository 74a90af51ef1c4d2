"""The story of one municipality, from its first look to the last report, through a real daemon.

Does: what an official of Amsterdam does, chapter by chapter, once with paramiko and once with OpenSSH's sftp; the
daemon is killed in the middle. At the end: no citizen service number stands anywhere but in the payloads.
Touches: a demo of its own, the loopback interface.
Does not: try every refusal, client or crash (tests/edge, tests/clients, tests/crash).
"""

import csv
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.house import Gateway, copy_demo
from tests.samples import BSNS, cost_csv, wmo_csv, wmo_faulty, zipped
from tests.story.hands import Hand, OpenSSHHand, ParamikoHand, Refused
from tests.world import tree

WMO = "WMO_0363_2017H2.csv"
INBOX, OUTBOX = "/0363/inbox", "/0363/outbox"
# A number on its own, not a part of a checksum.
NUMBER = re.compile(r"(?<![0-9a-zA-Z])99999[0-9]{4}(?![0-9a-zA-Z])")
HANDS: dict[str, Callable[[Gateway, str, Path], Hand]] = {
    "paramiko": lambda house, login, _folder: ParamikoHand(house, login),
    "openssh": OpenSSHHand,
}


@pytest.fixture
def house(demo_template: Path, tmp_path: Path) -> Iterator[Gateway]:
    """A daemon, and an account that never accepted the terms."""
    made = Gateway(copy_demo(demo_template, tmp_path / "gateway"))
    made.add_account("newcomer", "0363")
    with made:
        yield made


def report(house: Gateway, hand: Hand, pattern: str, *, count: int = 1) -> Any:
    """The JSON of a report, fetched as a municipality does once it lies there."""
    stem = house.wait_report("0363", pattern, count=count).stem
    assert {f"{stem}.json", f"{stem}.html"} <= set(hand.names(OUTBOX))
    return json.loads(hand.get(f"{OUTBOX}/{stem}.json"))


def status(hand: Hand) -> dict[tuple[str, str], dict[str, Any]]:
    """The rows of status.json by kind and period."""
    return {(row["kind"], row["period"]): row for row in json.loads(hand.get("/0363/status.json"))["items"]}


def first_look(hand: Hand) -> None:
    """What lies there before anything was delivered."""
    assert hand.names("/") == ["0363", "LEESMIJ.txt", "README.txt"]
    assert {"berichtenlog", "inbox", "outbox", "status.json"} <= set(hand.names("/0363"))
    assert hand.names(INBOX) == ["proef"]
    assert hand.names(OUTBOX) == ["opgehaald"]
    readme = hand.get("/LEESMIJ.txt").decode("utf-8-sig")
    wanted = ("Amsterdam", "1 maart 2018", "2.621.440", "SHA256:", "0800 222 11 22")
    assert [words for words in wanted if words not in readme] == []
    assert {row["state"] for row in status(hand).values()} == {"none"}
    assert len(status(hand)) == 8


def terms(newcomer: Hand, house: Gateway) -> None:
    """Before the terms are accepted nothing is taken; a file accepts them."""
    with pytest.raises(Refused):
        newcomer.put(f"{INBOX}/proef/{WMO}", wmo_csv(2))
    refused = report(house, newcomer, "GEWEIGERD$")
    assert refused["outcome"] == "GEWEIGERD"
    assert "VOORWAARDEN_2017H2.akkoord" in refused["next_step"]["nl"] + refused["refusal"]["nl"]
    shown = json.loads(newcomer.get("/0363/status.json"))["refusals"]
    assert [each["code"] for each in shown] == ["TERMS"]
    newcomer.put("/VOORWAARDEN_2017H2.akkoord", b"akkoord")
    newcomer.put(f"{INBOX}/proef/{WMO}", wmo_csv(2))
    assert report(house, newcomer, "_PROEF-GOEDGEKEURD$")["submitted_by"] == "newcomer"


def rejected(hand: Hand, house: Gateway) -> None:
    """A file with faults: a receipt at once, then a technical report that names each."""
    bad = wmo_faulty()
    hand.put(f"{INBOX}/{WMO}", bad.body)
    assert WMO in hand.names(INBOX)
    receipt = report(house, hand, "^OB_.*_ONTVANGEN$", count=2)
    assert receipt["file"]["bytes"] == len(bad.body)
    assert receipt["times"]["technical_due"].startswith("2018-02-15")
    technical = report(house, hand, "^TR_0363_2017H2_WMO_v001_.*_AFGEKEURD$")
    assert technical["drop_id"] == receipt["drop_id"]
    assert technical["outcome"] == "AFGEKEURD"
    seeded = {(fault.code, fault.line) for fault in bad.faults}
    assert seeded <= {(finding["code"], finding["line"]) for finding in technical["findings"]}
    row = status(hand)["WMO", "2017H2"]
    assert (row["state"], row["version"], row["approved_version"]) == ("rejected", 1, None)


def approved(hand: Hand, house: Gateway) -> None:
    """The corrected file becomes version 2, uploaded under a working name and renamed."""
    hand.put(f"{INBOX}/{WMO}.filepart", wmo_csv(20))
    hand.rename(f"{INBOX}/{WMO}.filepart", f"{INBOX}/{WMO}")
    technical = report(house, hand, "^TR_0363_2017H2_WMO_v002_.*_GOEDGEKEURD$")
    assert (technical["version"], technical["findings"]) == (2, [])
    assert technical["times"]["quality_due"].startswith("2018-02-14")
    quality = report(house, hand, "^OO_0363_2017H2_WMO_v002_.*_GEREED$")
    assert quality["figures"][0]["value"] == 20
    row = status(hand)["WMO", "2017H2"]
    assert (row["state"], row["version"], row["approved_version"]) == ("assessed", 2, 2)


def repeated(hand: Hand, house: Gateway) -> None:
    """The same file again changes nothing and says so."""
    hand.put(f"{INBOX}/{WMO}", wmo_csv(20))
    again = report(house, hand, "^OB_.*_HERHALING$")
    first = json.loads(hand.get("/0363/status.json"))
    assert status(hand)["WMO", "2017H2"]["drop_id"] in json.dumps(again)
    assert status(hand)["WMO", "2017H2"]["version"] == 2
    assert first["pending"] == []


def together(hand: Hand, house: Gateway) -> None:
    """A ZIP with two files of other kinds, one of them for the half-year before."""
    members = {
        "SBW_0363_2017H2.csv": cost_csv("SBW"),
        "JEUGD_0363_2017H1.csv": cost_csv("JEUGD", period="2017H1"),
    }
    hand.put(f"{INBOX}/MSD.zip", zipped(members))
    report(house, hand, "^TR_0363_2017H2_SBW_v001_.*_GOEDGEKEURD$")
    report(house, hand, "^TR_0363_2017H1_JEUGD_v001_.*_GOEDGEKEURD$")
    report(house, hand, "^OO_0363_2017H2_SBW_v001_.*_GEREED$")
    report(house, hand, "^OO_0363_2017H1_JEUGD_v001_.*_GEREED$")
    assert status(hand)["JEUGD", "2017H1"]["file"] == "MSD.zip"


def tried(hand: Hand, house: Gateway) -> None:
    """A trial gives the same report and counts for nothing."""
    hand.put(f"{INBOX}/proef/KOSTENWMO_0363_2017H2.csv", cost_csv("KOSTENWMO"))
    trial = report(house, hand, "_PROEF-GOEDGEKEURD$", count=2)
    assert trial["version"] is None
    assert status(hand)["KOSTENWMO", "2017H2"]["state"] == "none"


def refused(hand: Hand, house: Gateway) -> None:
    """Names and folders that may not be; what is there cannot be read back or taken away."""
    for path in (f"{INBOX}/WMO_999990019.csv", "/0377/inbox/WMO_0377_2017H2.csv", f"{OUTBOX}/mijn.csv", "/x.csv"):
        with pytest.raises(Refused):
            hand.put(path, wmo_csv(2))
    with pytest.raises(Refused):
        hand.get(f"{INBOX}/{WMO}")
    assert house.reports("0377") == []


def picked_up(hand: Hand, house: Gateway) -> None:
    """Reading is noted and hides nothing; removing one file acknowledges the set, which stays to be had."""
    found = house.wait_report("0363", "^TR_0363_2017H2_WMO_v002_")
    hand.get(f"{OUTBOX}/{found.stem}.html")
    assert house.reports("0363", found.stem)[0].collected_at is not None
    assert f"{found.stem}.json" in hand.names(OUTBOX)
    before = hand.get(f"{OUTBOX}/{found.stem}.json")
    hand.remove(f"{OUTBOX}/{found.stem}.json")
    assert [name for name in hand.names(OUTBOX) if found.stem in name] == []
    assert f"{found.stem}.html" in hand.names(f"{OUTBOX}/opgehaald")
    assert hand.get(f"{OUTBOX}/{found.stem}.json") == hand.get(f"{OUTBOX}/opgehaald/{found.stem}.json") == before
    assert (house.outbox / "0363" / "opgehaald" / f"{found.stem}.json").read_bytes() == before
    assert found.stem not in json.loads(hand.get("/0363/status.json"))["uncollected"]


def watched(hand: Hand, house: Gateway) -> None:
    """A local program moves a file into the watch folder."""
    outside = house.root / "JEUGD_0363_2017H2.csv"
    outside.write_bytes(cost_csv("JEUGD"))
    outside.rename(house.inbox / "0363" / outside.name)
    technical = report(house, hand, "^TR_0363_2017H2_JEUGD_v001_.*_GOEDGEKEURD$")
    assert technical["submitted_by"] == "amsterdam"
    compared = report(house, hand, "^OO_0363_2017H2_JEUGD_v001_.*_GEREED$")["compared_with"]
    assert compared == [{"period": "2017H1", "version": 1}]
    assert [path.name for path in (house.inbox / "0363").iterdir() if not path.name.startswith(".")] == ["proef"]


def killed_in_between(hand: Hand, house: Gateway) -> None:
    """After a SIGKILL everything is as it was."""
    before = (status(hand), hand.names(OUTBOX), hand.names(f"{OUTBOX}/opgehaald"), tree(house.outbox))
    house.kill()
    house.start()
    assert (status(hand), hand.names(OUTBOX), hand.names(f"{OUTBOX}/opgehaald"), tree(house.outbox)) == before


def looked_back(hand: Hand) -> None:
    """The message log tells the whole story, in Dutch."""
    assert "berichtenlog-2018-02.csv" in hand.names("/0363/berichtenlog")
    lines = hand.get("/0363/berichtenlog/berichtenlog-2018-02.csv").decode("utf-8-sig").splitlines()
    assert hand.get("/0363/berichtenlog/2018-02-12_2018-02-13.csv").decode("utf-8-sig").splitlines() == lines
    head, *rows = csv.reader(lines, delimiter=";")
    assert len(rows) > 30
    assert {row[0] for row in rows} == {"2018-02-12"}
    assert {len(row) for row in rows} == {len(head)}
    (terms_missing,) = [row[5] for row in rows if row[4] == "newcomer" and "TERMS" in row[5]]
    assert "VOORWAARDEN_2017H2.akkoord" in terms_missing


def numbers_anywhere(house: Gateway) -> list[str]:
    """Every place outside the payloads where a citizen service number of the sample files stands."""
    engine = house.ledger()
    places = {"the daemon's log": house.text()}
    for path, body in (tree(house.outbox) | tree(house.inbox)).items():
        places[path] = f"{path}\n{body.decode('utf-8', 'replace')}"
    tables = [row["name"] for row in engine.rows("select name from sqlite_master where type = 'table'")]
    for table in sorted(set(tables) - {"payloads"}):
        for number, row in enumerate(engine.rows(" ".join(("select * from", table)))):
            values = [
                each.decode("utf-8", "replace") if isinstance(each, bytes) else str(each) for each in row.values()
            ]
            places[f"table {table}, row {number}"] = "\n".join(values)
    return [place for place, text in places.items() if NUMBER.search(text)]


@pytest.mark.parametrize("kind", HANDS)
def test_the_story_of_a_municipality(kind: str, house: Gateway, tmp_path: Path) -> None:
    hand = HANDS[kind](house, "amsterdam", tmp_path)
    first_look(hand)
    terms(HANDS[kind](house, "newcomer", tmp_path), house)
    rejected(hand, house)
    approved(hand, house)
    killed_in_between(hand, house)
    repeated(hand, house)
    together(hand, house)
    tried(hand, house)
    refused(hand, house)
    picked_up(hand, house)
    watched(hand, house)
    killed_in_between(hand, house)
    looked_back(hand)
    payloads = house.ledger().rows("select body from payloads where body is not null")
    assert sum(any(number.encode() in bytes(row["body"]) for number in BSNS) for row in payloads) >= 2
    assert numbers_anywhere(house) == []
    assert house.stop() == 0
