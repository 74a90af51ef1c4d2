"""Pick-up over SFTP: listings, reading, collecting, acknowledging, terms by file.

Does: drops a file, reads and removes its reports as municipalities do, and asks the ledger what was noted.
Touches: one daemon that judges.
Does not: look into the reports (tests/reports).
"""

import json
from collections.abc import Iterator
from pathlib import Path

import paramiko
import pytest

from gateway.domain.model import to_ms
from gateway.edge.sftp.opened import Download
from gateway.edge.sftp.wire import LONGEST_DATA
from gateway.store.ledger.reports import Filed
from tests.edge import raw
from tests.edge.raw import text
from tests.house import Gateway, copy_demo

OUTBOX = "/0363/outbox"
COLLECTED = OUTBOX + "/opgehaald"


@pytest.fixture(scope="module")
def house(demo_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A daemon with an operator and an assessor who may look at Amsterdam, and a newcomer."""
    made = Gateway(copy_demo(demo_template, tmp_path_factory.mktemp("pickup") / "gateway"))
    made.add_account("newcomer", "0363")
    made.add_account("colleague", "0363")
    for login in ("operator", "cbs"):
        made.account(login, municipalities=["0363"])
    with made:
        yield made


def receipt(house: Gateway, name: str) -> Filed:
    """Drop something under `name`; its receipt, placed."""
    with house.paramiko("amsterdam") as client, client.open(f"/0363/inbox/proef/{name}", "wb") as target:
        target.write(name.encode())
    (drop,) = [drop for drop in house.drops() if drop.file.name == name]
    return house.wait_report("0363", f"^OB_.*_{drop.short_id}_")


def noted(house: Gateway, report: Filed, event: str) -> list[str]:
    """Who the log says did something to a report."""
    rows = house.ledger().rows(
        "select account from log where report_id = :id and event = :event", id=report.id, event=event
    )
    return [row["account"] for row in rows]


def files(client: paramiko.SFTPClient, report: Filed, folder: str = OUTBOX) -> list[str]:
    """The files of a report that a folder lists."""
    return sorted(name for name in client.listdir(folder) if name.startswith(report.stem + "."))


def fetch(client: paramiko.SFTPClient, path: str, size: int = -1) -> bytes:
    """The bytes of a file, or its first `size`."""
    with client.open(path) as source:
        return source.read(size)


def test_every_size_in_a_listing_is_the_size_of_the_bytes(house: Gateway) -> None:
    receipt(house, "sizes.csv")
    with house.paramiko("colleague") as client:
        for folder in ("/", "/0363", OUTBOX, COLLECTED, "/0363/berichtenlog"):
            entries = client.listdir_attr(folder)
            listed = {entry.filename: entry for entry in entries}
            assert len(listed) == len(entries)
            for name, entry in listed.items():
                if (entry.st_mode or 0) & 0o040000:
                    continue
                assert len(fetch(client, f"{folder}/{name}")) == entry.st_size
        status = client.stat("/0363/status.json").st_size
        body = fetch(client, "/0363/status.json")
    assert len(body) == status
    assert json.loads(body)["municipality"] == "0363"


def test_reading_all_of_a_file_collects_the_report_once(house: Gateway) -> None:
    report = receipt(house, "lezen.csv")
    with house.paramiko("amsterdam") as client:
        (first, *_) = files(client, report)
        size = client.stat(f"{OUTBOX}/{first}").st_size or 0
        fetch(client, f"{OUTBOX}/{first}", size - 1)
        assert noted(house, report, "collected") == []
        for _ in range(3):
            assert len(fetch(client, f"{OUTBOX}/{first}")) == size
        assert noted(house, report, "collected") == ["amsterdam"]
        assert len(files(client, report)) >= 2
    with house.paramiko("colleague") as client:
        fetch(client, f"{OUTBOX}/{first}")
    assert noted(house, report, "collected") == ["amsterdam"]


@pytest.mark.parametrize("login", ["operator", "cbs"])
def test_who_only_looks_collects_nothing(house: Gateway, login: str) -> None:
    report = receipt(house, f"kijken-{login}.csv")
    with house.paramiko(login) as client:
        for name in files(client, report):
            assert fetch(client, f"{OUTBOX}/{name}")
            with pytest.raises(PermissionError, match="NO_REMOVE"):
                client.remove(f"{OUTBOX}/{name}")
            with pytest.raises(PermissionError, match="NO_REMOVE"):
                client.rename(f"{OUTBOX}/{name}", f"{COLLECTED}/{name}")
        assert len(files(client, report)) >= 2
    assert noted(house, report, "collected") == noted(house, report, "confirmed") == []


@pytest.mark.parametrize("way", ["remove", "rename", "posix_rename"])
def test_acknowledging_one_file_files_the_set_away(house: Gateway, way: str) -> None:
    report = receipt(house, f"weg-{way}.csv")
    with house.paramiko("amsterdam") as client:
        names = files(client, report)
        bodies = {name: fetch(client, f"{OUTBOX}/{name}") for name in names}
        if way == "remove":
            client.remove(f"{OUTBOX}/{names[0]}")
        else:
            getattr(client, way)(f"{OUTBOX}/{names[0]}", f"{COLLECTED}/{names[0]}")
        assert files(client, report) == []
        assert files(client, report, COLLECTED) == names
        for name in names:
            # It stays to be opened by the name it had, and by the one it has.
            assert fetch(client, f"{OUTBOX}/{name}") == fetch(client, f"{COLLECTED}/{name}") == bodies[name]
            with pytest.raises(PermissionError, match="NO_REMOVE"):
                client.remove(f"{COLLECTED}/{name}")
    assert noted(house, report, "confirmed") == ["amsterdam"]
    assert house.wait_until(lambda: all((house.outbox / "0363" / "opgehaald" / name).exists() for name in names))


def test_get_all_and_remove_all(house: Gateway, tmp_path: Path) -> None:
    """As scripts do, with OpenSSH: `rm *.*` names files that the first one already filed away."""
    report = receipt(house, "alles.csv")
    done = house.sftp("colleague", f"lcd {tmp_path}\ncd {OUTBOX}\nget *.*\nrm *.*\nls -1\n")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].strip() == "opgehaald"
    assert len([path for path in tmp_path.iterdir() if path.name.startswith(report.stem)]) >= 2
    again = house.sftp("colleague", f"rm {OUTBOX}/nooit.json\n")
    assert again.returncode == 1
    assert "NO_SUCH_FILE" in again.stderr or "No such file" in again.stderr


async def test_a_read_is_clamped_and_an_end_is_an_end(house: Gateway) -> None:
    async with raw.connection(house.port, "amsterdam", house.key("amsterdam")) as made:
        client = await raw.session(made)
        handle = await client.open("/LEESMIJ.txt", raw.TO_READ)
        for asked in (2**32 - 1, 700 * 1024 * 1024, 1):
            reply = await client.ask(raw.READ, text(handle), raw.offset(0), raw.number(asked))
            assert reply.kind == raw.DATA
            assert 0 < len(reply.string()) <= min(asked, 255 * 1024)
        for at in (2**63, 2**64 - 1, 10_000_000):
            end = await client.ask(raw.READ, text(handle), raw.offset(at), raw.number(10))
            assert end.code == raw.EOF
        wrong = await client.ask(raw.WRITE, text(handle), raw.offset(0), text(b"x"))
        assert wrong.code not in (raw.OK, -1)


def test_a_long_body_is_handed_out_in_pieces_and_kept_account_of() -> None:
    body = bytes(range(256)) * 4096
    whole = Download(body, list, [(0, len(body))])
    pieces = [whole.read(at, 2**32 - 1) for at in range(0, len(body), LONGEST_DATA)]
    assert b"".join(pieces) == body
    assert max(map(len, pieces)) == LONGEST_DATA
    assert whole.unread == []
    part = Download(body, list, [(0, len(body))])
    for at in (500_000, 0, 300_000, 300_000, 800_000):
        part.read(at, 200_000)
    assert part.unread == [(200_000, 300_000), (700_000, 800_000), (1_000_000, len(body))]


def test_a_thousand_holes_end_the_account() -> None:
    holes = Download(b"x" * 10_000, list, [(0, 10_000)])
    for at in range(0, 10_000, 2):
        assert holes.read(at, 1) == b"x"
    assert holes.collected is None
    assert holes.unread == []


def test_the_months_of_the_log_and_any_span(house: Gateway) -> None:
    receipt(house, "gelogd.csv")
    with house.paramiko("amsterdam") as client:
        months = client.listdir("/0363/berichtenlog")
        assert months == ["berichtenlog-2018-02.csv"]
        assert "gelogd.csv" in fetch(client, "/0363/berichtenlog/berichtenlog-2018-02.csv").decode("utf-8-sig")
        assert "gelogd.csv" in fetch(client, "/0363/berichtenlog/2018-02-12_2018-03-23.csv").decode("utf-8-sig")
        assert "gelogd.csv" not in fetch(client, "/0363/berichtenlog/2018-01-01_2018-02-11.csv").decode("utf-8-sig")


# --- terms by file ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"", b"akkoord"])
def test_terms_are_accepted_by_a_file_that_clients_look_at(house: Gateway, content: bytes, tmp_path: Path) -> None:
    login = "newcomer" if content else "colleague"
    name = "VOORWAARDEN_2017H2.akkoord"
    before = to_ms(house.drops()[-1].received_at) if house.drops() else 0
    (tmp_path / name).write_bytes(content)
    with house.paramiko(login) as client:
        with pytest.raises(PermissionError, match="TERMS"):
            client.open(f"/0363/inbox/proef/{login}.csv", "wb")
        with pytest.raises(PermissionError, match="READ_ONLY"):
            client.open("/VOORWAARDEN_2016H1.akkoord", "wb")
        # paramiko's put compares the size afterwards.
        client.put(str(tmp_path / name), f"/{name}")
        client.chmod(f"/{name}", 0o600)
        with client.open(f"/0363/inbox/proef/{login}.csv", "wb") as target:
            target.write(b"x")
    (row,) = house.ledger().rows("select * from acceptances where account = :login", login=login)
    assert row["how"] == "sftp"
    assert row["accepted_at"] >= before


async def test_a_cut_line_accepts_nothing(house: Gateway) -> None:
    async with raw.connection(house.port, "zandvoort", house.key("zandvoort")) as made:
        client = await raw.session(made)
        await client.open("/VOORWAARDEN_2017H2.akkoord")
        raw.cut(made, "reset")
    with house.paramiko("amsterdam") as other:
        assert "0363" in other.listdir("/")
    assert house.ledger().rows("select * from acceptances where account = 'zandvoort'") == []
