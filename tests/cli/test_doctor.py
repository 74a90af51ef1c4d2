"""gateway doctor: what it finds is explained in both languages; --repair mends what can be mended and says the rest.

Does: makes each sort of damage with files and folders of a demo whose gateway was killed, or runs beside it.
Touches: a demo of its own.
Does not: know how it is mended (tests/workflow/test_recover has each difference by itself).
"""

import json
import os
import re
import shutil
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.cli import commands
from gateway.config import load_texts
from gateway.domain.model import to_ms
from gateway.errors import GatewayError
from gateway.store.spool import LandingFacts, Spool
from tests.house import Gateway, copy_demo
from tests.samples import wmo_csv
from tests.world import MONDAY

WMO = "WMO_0363_2017H2.csv"
ROOMS = Path(__file__).resolve().parents[2] / "gateway"


def doctor(house: Gateway, *options: str) -> tuple[int, list[dict[str, str]]]:
    """Exit code and document."""
    said = CliRunner().invoke(commands, ["doctor", "--json", "--config", str(house.config), *options])
    return said.exit_code, json.loads(said.stdout)


def codes(found: list[dict[str, str]]) -> list[str]:
    return sorted({each["code"] for each in found})


@pytest.fixture
def house(demo_template: Path, tmp_path: Path) -> Iterator[Gateway]:
    """A gateway that received a file and was killed before anybody judged it or placed its receipt."""
    with Gateway(copy_demo(demo_template, tmp_path / "gateway"), role="sftp") as running:
        with running.paramiko("amsterdam") as client, client.open(f"/0363/inbox/{WMO}", "wb") as file:
            file.write(wmo_csv(5))
        running.wait_until(lambda: not list(running.inbox.glob("*/.landed/*")), "the landing to be removed")
        running.kill()
        yield running


def land(house: Gateway, landing_id: str, name: str, body: bytes) -> Path:
    """A file that came in whole before the gateway died."""
    spool = Spool(house.inbox, house.outbox)
    with os.fdopen(spool.stage(landing_id), "wb") as file:
        file.write(body)
    at = to_ms(MONDAY)
    digest = sha256(body).hexdigest()
    return spool.land(
        LandingFacts(landing_id, "0363", "inbox", "amsterdam", "sftp", name, len(body), digest, at, at)
    ).folder


def test_what_a_crash_left_is_explained_and_then_mended(house: Gateway) -> None:
    land(house, "01a200f5-0000-7000-8000-000000000001", "WMO_0363_2017H1.csv", wmo_csv(6))
    code, found = doctor(house)
    assert (code, codes(found)) == (0, ["LANDED", "UNPLACED"])
    assert all("--repair" in each["nl"] and "--repair" in each["en"] for each in found)
    assert doctor(house) == (code, found)

    code, mended = doctor(house, "--repair")
    assert code == 0
    assert {each["done"] for each in mended} == {"mended"}
    assert codes(mended) == ["LANDED", "UNPLACED"]
    assert doctor(house) == (0, [])
    assert sorted(drop.file.name for drop in house.drops()) == ["WMO_0363_2017H1.csv", WMO]
    assert len(list((house.outbox / "0363").glob("OB_*_ONTVANGEN.json"))) == 2


def test_missing_folders_are_made_and_what_was_in_them_again(house: Gateway) -> None:
    doctor(house, "--repair")
    shutil.rmtree(house.outbox / "0363")
    code, found = doctor(house)
    assert (code, codes(found)) == (0, ["FOLDER"])
    code, mended = doctor(house, "--repair")
    assert (code, {each["done"] for each in mended}) == (0, {"mended"})
    assert len(list((house.outbox / "0363").glob("OB_*_ONTVANGEN.json"))) == 1
    assert doctor(house) == (0, [])


def test_what_needs_a_person_is_left_and_said(house: Gateway) -> None:
    place = land(house, "01a200f5-0000-7000-8000-000000000002", "SBW_0363_2017H2.csv", b"x;y")
    (place / "payload").write_bytes(b"x")
    code, found = doctor(house, "--repair")
    assert code == 1
    assert {each["code"]: each["done"] for each in found} == {"SPOILT": "left", "UNPLACED": "mended"}
    assert (place / "payload").read_bytes() == b"x"
    assert codes(doctor(house)[1]) == ["SPOILT"]


def test_into_a_damaged_ledger_nothing_is_written(house: Gateway) -> None:
    house.ledger().rows("pragma foreign_keys = off")
    house.ledger().run("insert into payloads (drop_id, body) values ('nobody', x'00')")
    before = house.ledger().counts()
    code, found = doctor(house, "--repair")
    assert (code, codes(found)) == (1, ["LEDGER", "UNPLACED"])
    assert {each["done"] for each in found} == {"left"}
    assert house.ledger().counts() == before
    assert not list((house.outbox / "0363").glob("OB_*"))


def test_beside_a_running_gateway(gateway: Gateway) -> None:
    with gateway.paramiko("amsterdam") as client, client.open(f"/0363/inbox/{WMO}", "wb") as file:
        file.write(wmo_csv(5))
    report = gateway.wait_report("0363", "OO_")
    gateway.wait_until(lambda: not doctor(gateway)[1], "the doctor to be content")
    (gateway.outbox / "0363" / f"{report.stem}.json").unlink()
    code, found = doctor(gateway, "--repair")
    # The gateway itself may have been first.
    assert code == 0
    assert {each["done"] for each in found} <= {"mended"}
    assert (gateway.outbox / "0363" / f"{report.stem}.json").exists()


def test_in_words_on_a_terminal(house: Gateway) -> None:
    said = CliRunner().invoke(commands, ["doctor", "--repair", "--config", str(house.config)])
    assert said.exit_code == 0
    texts = load_texts()
    for words in ("mended", texts.say("nl", "doctor.UNPLACED"), texts.say("en", "doctor.UNPLACED")):
        assert words in said.stdout.replace("\n", " ")


def test_every_sort_of_difference_is_explained() -> None:
    rooms = [ROOMS / name for name in ("workflow/recover.py", "workflow/restored.py")]
    rooms += [ROOMS / "daemon" / name for name in ("keys.py", "scanner.py")]
    used = {code for room in rooms for code in re.findall(r'"([A-Z_]{3,})"', room.read_text())} - {"ONTVANGEN"}
    known = {key.removeprefix("doctor.") for key in load_texts().sentences["en"] if key.startswith("doctor.")}
    assert len(used) > 20
    assert used ^ known == set()


def test_of_two_roles_one_runs_and_takes_what_comes_in(house: Gateway) -> None:
    with Gateway(house.root, role="sftp"):
        code, found = doctor(house, "--repair")
        assert (code, codes(found)) == (0, ["UNPLACED"])
        assert {each["done"] for each in found} == {"mended"}
    with Gateway(house.root, role="worker") as judging:
        land(house, "01a200f5-0000-7000-8000-000000000003", "SBW_0363_2017H2.csv", b"x;y")
        code, found = doctor(house, "--repair")
        assert (code, {each["done"] for each in found if each["code"] == "LANDED"}) == (0, {"mended"})
        judging.wait_report("0363", "TR_.*_SBW_.*_AFGEKEURD")


def test_another_user_is_turned_away(house: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 12345)
    said = CliRunner().invoke(commands, ["doctor", "--repair", "--config", str(house.config)])
    assert isinstance(said.exception, GatewayError)
    assert "as the user of the service" in str(said.exception)
    assert not list((house.outbox / "0363").glob("OB_*"))
