"""The oracle sees what it must: each sort of wrong is made by hand and found, and of nothing it says nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.channel.server import MailServer
from tests.faults import oracle
from tests.faults.load import Attempt, File, Told
from tests.faults.oracle import Evidence
from tests.world import World

FILE = File("0363", "WMO_0363_2017H2.csv", seed=3)
OTHER = File("0363", "vrij.csv")
OK = Attempt(FILE, Told.OK, asked=True)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A gateway that received, judged and reported one file."""
    made = World(tmp_path).open("amsterdam")
    made.drop(FILE.name, FILE.body)
    made.work()
    yield made
    made.close()


def found(world: World, *attempts: Attempt) -> list[str]:
    """What is wrong with what was received and told."""
    outbox = world.folder / "outbox"
    return [
        *oracle.received(world.engine, attempts),
        *oracle.payloads(world.engine, attempts, ()),
        *oracle.receipts(world.engine, outbox),
        *oracle.outbox(world.engine, outbox),
        *oracle.landings(world.folder / "inbox"),
    ]


def test_of_what_is_right_nothing_is_said(world: World) -> None:
    assert found(world, OK) == []
    # Whole and not answered: it may be there, or not.
    assert found(world, Attempt(FILE, Told.NOTHING, asked=True), Attempt(OTHER, Told.NOTHING, asked=True)) == []
    assert found(world, OK, Attempt(OTHER, Told.FAILURE, asked=True, code="NOT_DURABLE")) == []
    assert found(world, OK, Attempt(OTHER, Told.REFUSED, asked=True, code="EMPTY")) == []


def test_a_repeat_for_each_further_ok(world: World) -> None:
    assert found(world, OK, OK) == [f"{FILE.name}: 2 OK, 0 unclear, and 1 drops"]
    world.drop(FILE.name, FILE.body)
    world.work()
    assert found(world, OK, OK) == []
    assert found(world, OK, Attempt(FILE, Told.NOTHING, asked=True)) == []
    assert found(world, OK) == [f"{FILE.name}: 1 OK, 0 unclear, and 2 drops"]


@pytest.mark.parametrize(
    ("attempts", "wrong"),
    [
        ([OK, Attempt(OTHER, Told.OK, asked=True)], "vrij.csv was answered OK and is received 0 times"),
        ([Attempt(FILE, Told.NOTHING, asked=False)], f"{FILE.name}: 0 OK, 0 unclear, and 1 drops"),
        ([Attempt(FILE, Told.REFUSED, asked=True, code="EMPTY")], f"{FILE.name}: 0 OK, 0 unclear, and 1 drops"),
        ([], f"{FILE.name} with SHA-256 {FILE.sha256} was sent by nobody"),
    ],
    ids=["lost", "incomplete", "refused", "invented"],
)
def test_what_was_told_and_is_not_so(world: World, attempts: list[Attempt], wrong: str) -> None:
    assert wrong in found(world, *attempts)


def test_twice_received_is_seen(world: World) -> None:
    world.engine.run("update drops set repeat_of = null")
    world.drop(FILE.name, FILE.body)
    world.engine.run("update drops set repeat_of = null")
    world.work()
    assert f"{FILE.name} is received 2 times" in found(world, OK, OK)


def test_other_bytes_are_seen(world: World) -> None:
    world.engine.run("update payloads set body = x'00'")
    assert found(world, OK) == [f"{FILE.name}: other bytes are kept than were received"]


def test_an_outbox_that_differs_is_seen(world: World) -> None:
    folder = world.folder / "outbox" / "0363"
    [receipt] = folder.glob("OB_*.json")
    page = receipt.with_suffix(".html")
    page.chmod(0o600)
    page.write_bytes(b"x")
    receipt.unlink()
    (folder / "vreemd.txt").touch()
    assert sorted(found(world, OK)) == sorted(
        [
            f"{FILE.name}: its receipt is not in the outbox",
            "in the outbox without a row: vreemd.txt",
            f"a row without its file: {receipt.name}",
            f"{page.name} is not what the ledger says",
        ]
    )


def test_a_mail_that_did_not_arrive_is_seen(world: World, tmp_path: Path) -> None:
    [waiting, *_] = world.engine.rows("select id from notifications order by id")
    with MailServer() as server:
        evidence = Evidence(tmp_path, tmp_path / "ledger.db", [OK], server)
        assert f"mail {waiting['id']} still waits" in list(oracle.mailbox(world.engine, evidence))
        world.engine.run("update notifications set state = 'sent', sent_at = 1")
        assert f"mail {waiting['id']} is noted as sent and did not arrive" in list(
            oracle.mailbox(world.engine, evidence)
        )
