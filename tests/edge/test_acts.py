"""Acts by file through a real daemon: withdrawing, nothing to deliver, terms, the first login, what the desk does.

Does: acts with paramiko, OpenSSH, rclone and lftp as municipality, lead and member, while the desk uses its commands.
Touches: two daemons, one in the delivery window and one in the withdrawal window.
Does not: test what may be when (tests/workflow).
"""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import paramiko
import pytest

from tests.edge import raw
from tests.house import COMMAND, Gateway, copy_demo
from tests.samples import good

FOLDER = "/0363/intrekken"
ITEMS = sorted(f"{kind}_{half}" for kind in ("WMO", "KOSTENWMO", "SBW", "JEUGD") for half in ("2017H1", "2017H2"))


@pytest.fixture(scope="module")
def delivering(demo_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A daemon in the delivery window, with a colleague in Amsterdam who accepted nothing yet."""
    made = Gateway(copy_demo(demo_template, tmp_path_factory.mktemp("delivering") / "gateway"))
    made.add_account("colleague", "0363")
    with made:
        yield made


@pytest.fixture(scope="module")
def withdrawing(demo_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A daemon in the withdrawal window."""
    folder = tmp_path_factory.mktemp("withdrawing") / "gateway"
    with Gateway(copy_demo(demo_template, folder), simulate="2018-03-13T09:00") as made:
        yield made


def desk(house: Gateway, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command of the service desk, beside the running daemon."""
    command = [str(COMMAND), *arguments, "--config", str(house.config)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def status(client: paramiko.SFTPClient, code: str = "0363") -> dict[str, object]:
    with client.open(f"/{code}/status.json") as source:
        found: dict[str, object] = json.loads(source.read())
    return found


def selected(client: paramiko.SFTPClient, folder: str = FOLDER) -> set[str]:
    """What stands withdrawn; each item stands there exactly once."""
    names = client.listdir(folder)
    assert sorted(name.partition(".")[0] for name in names) == ITEMS
    return {name.partition(".")[0] for name in names if name.endswith(".ingetrokken")}


def text_of(client: paramiko.SFTPClient, path: str) -> str:
    with client.open(path) as source:
        return source.read().decode("utf-8-sig")


# --- withdrawing ------------------------------------------------------------------------------------------------------


def test_an_item_is_withdrawn_by_a_rename_and_back(withdrawing: Gateway) -> None:
    with withdrawing.paramiko("amsterdam") as client:
        assert selected(client) == set()
        client.rename(f"{FOLDER}/WMO_2017H2.actief", f"{FOLDER}/WMO_2017H2.ingetrokken")
        assert selected(client) == {"WMO_2017H2"}
        assert client.stat(f"{FOLDER}/WMO_2017H2.ingetrokken").st_size == 0
        with pytest.raises(FileNotFoundError):
            client.stat(f"{FOLDER}/WMO_2017H2.actief")
        confirmed = withdrawing.wait_report("0363", "^IB_0363_2017H2_WMO_.*_INGETROKKEN$")
        assert f"{confirmed.stem}.html" in client.listdir("/0363/outbox")
        client.posix_rename(f"{FOLDER}/WMO_2017H2.ingetrokken", f"{FOLDER}/WMO_2017H2.actief")
        assert selected(client) == set()
        withdrawing.wait_report("0363", "^IB_0363_2017H2_WMO_.*_ACTIEF$")
        log = text_of(client, "/0363/berichtenlog/berichtenlog-2018-03.csv")
        assert "ingetrokken;withdrawn;amsterdam" in log
        assert "intrekking ongedaan gemaakt" in log


@pytest.mark.parametrize("content", [b"", b"ja, echt"])
def test_an_item_is_withdrawn_by_creating_the_other_name(withdrawing: Gateway, content: bytes, tmp_path: Path) -> None:
    local = tmp_path / "x"
    local.write_bytes(content)
    with withdrawing.paramiko("amsterdam") as client:
        # put compares the size afterwards.
        client.put(str(local), f"{FOLDER}/sbw_2017h1.INGETROKKEN")
        assert selected(client) == {"SBW_2017H1"}
        items = status(client)["items"]
        assert isinstance(items, list)
        assert [(item["kind"], item["period"]) for item in items if item["withdrawn"]] == [("SBW", "2017H1")]
        client.put(str(local), f"{FOLDER}/SBW_2017H1.actief")
        assert selected(client) == set()


def test_removing_never_acts(withdrawing: Gateway) -> None:
    with withdrawing.paramiko("amsterdam") as client:
        client.rename(f"{FOLDER}/JEUGD_2017H2.actief", f"{FOLDER}/JEUGD_2017H2.ingetrokken")
        for name in client.listdir(FOLDER):
            with pytest.raises(PermissionError, match="WITHDRAWAL_REMOVE"):
                client.remove(f"{FOLDER}/{name}")
        with pytest.raises(FileNotFoundError):
            client.remove(f"{FOLDER}/JEUGD_2017H2.actief")
        assert selected(client) == {"JEUGD_2017H2"}
    batch = withdrawing.sftp("amsterdam", f"-rm {FOLDER}/*\nls -1 {FOLDER}\n")
    assert batch.stdout.count("JEUGD_2017H2.ingetrokken") == 1
    with withdrawing.paramiko("amsterdam") as client:
        assert selected(client) == {"JEUGD_2017H2"}
        client.rename(f"{FOLDER}/JEUGD_2017H2.ingetrokken", f"{FOLDER}/JEUGD_2017H2.actief")
    assert withdrawing.reports("0363", "GEWEIGERD") == []


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("WMO_2017H2.actief", "SBW_2017H2.ingetrokken", "NO_RENAME"),
        ("WMO_2017H2.actief", "weg", "WITHDRAWAL_NAME"),
        ("WMO_2017H2.actief", "../outbox/WMO_2017H2.ingetrokken", "NO_RENAME"),
        ("WMO_2017H2.actief", "../../0377/intrekken/WMO_2017H2.ingetrokken", "NO_RENAME"),
        ("WMO_2017H2.actief", "WMO_2017H2.part", "NO_RENAME"),
    ],
)
def test_other_renames_are_refused(withdrawing: Gateway, old: str, new: str, code: str) -> None:
    with withdrawing.paramiko("amsterdam") as client:
        with pytest.raises((PermissionError, FileNotFoundError), match=code):
            client.rename(f"{FOLDER}/{old}", f"{FOLDER}/{new}")
        with pytest.raises(PermissionError, match="WITHDRAWAL_NAME"):
            client.open(f"{FOLDER}/LEESMIJ.txt", "wb")
        assert selected(client) == set()


@pytest.mark.parametrize("login", ["zandvoort", "bloemendaal"])
def test_a_delegating_municipality_is_shown_the_form(withdrawing: Gateway, login: str) -> None:
    folder = "/0473/intrekken"
    with withdrawing.paramiko(login) as client:
        assert selected(client, folder) == set()
        with pytest.raises(PermissionError, match=r"DELEGATED Bloemendaal levert .*CBS-formulier"):
            client.rename(f"{folder}/WMO_2017H2.actief", f"{folder}/WMO_2017H2.ingetrokken")
        with pytest.raises(PermissionError, match="DELEGATED"):
            client.open(f"{folder}/SBW_2017H2.ingetrokken", "wb")
        assert selected(client, folder) == set()
        refused = withdrawing.wait_report("0473", "_GEWEIGERD$")
        assert "formulier" in text_of(client, f"/0473/outbox/{refused.stem}.html")


def test_the_desk_records_a_form(withdrawing: Gateway) -> None:
    item = ["--municipality", "0473", "--kind", "jeugd", "--period", "2017H1", "--reason", "CBS 12"]
    done = desk(withdrawing, "withdraw", "--by-form", *item)
    assert (done.returncode, done.stderr) == (0, "")
    assert "gets a confirmation" in done.stdout
    assert "nothing was recorded" in desk(withdrawing, "withdraw", "--by-form", *item).stdout
    with withdrawing.paramiko("zandvoort") as client:
        assert selected(client, "/0473/intrekken") == {"JEUGD_2017H1"}
        confirmed = withdrawing.wait_report("0473", "^IB_.*_INGETROKKEN$")
        assert "formulier van het CBS" in text_of(client, f"/0473/outbox/{confirmed.stem}.html")
    told = json.loads(desk(withdrawing, "withdrawals", "--municipality", "0473", "--json").stdout)["withdrawn"]
    assert [(row["kind"], row["channel"], row["note"]) for row in told] == [("JEUGD", "form", "CBS 12")]
    assert desk(withdrawing, "withdraw", "--by-form", *item, "--undo").returncode == 0
    before = desk(withdrawing, "withdrawals", "--at", "2018-03-12", "--json")
    assert json.loads(before.stdout) == {"at": "2018-03-12T23:59:59+01:00", "withdrawn": []}
    late = desk(withdrawing, "withdraw", "--by-form", *item, "--received", "2018-03-01")
    assert late.returncode == 1
    assert "WITHDRAWAL_NOT_OPEN" in late.stderr
    assert desk(withdrawing, "withdraw", *item).returncode == 2


async def test_a_cut_line_changes_nothing(withdrawing: Gateway) -> None:
    async with raw.connection(withdrawing.port, "amsterdam", withdrawing.key("amsterdam")) as made:
        client = await raw.session(made)
        await client.open(f"{FOLDER}/SBW_2017H2.ingetrokken")
        raw.cut(made, "reset")
    with withdrawing.paramiko("amsterdam") as other:
        assert selected(other) == set()


def test_before_the_window_the_folder_can_only_be_looked_at(delivering: Gateway) -> None:
    with delivering.paramiko("amsterdam") as client:
        assert selected(client) == set()
        with client.open(f"{FOLDER}/WMO_2017H2.actief") as source:
            assert source.read() == b""
        with pytest.raises(PermissionError, match=r"WITHDRAWAL_NOT_OPEN .*maandag 12 maart 2018"):
            client.rename(f"{FOLDER}/WMO_2017H2.actief", f"{FOLDER}/WMO_2017H2.ingetrokken")
        assert selected(client) == set()


# --- other clients ----------------------------------------------------------------------------------------------------


def rclone(house: Gateway, *arguments: str) -> subprocess.CompletedProcess[str]:
    remote = f":sftp,host=127.0.0.1,port={house.port},user=amsterdam,key_file={house.key('amsterdam')}:"
    named = [re.sub(r"^gateway:", remote, argument) for argument in arguments]
    command = ["rclone", "--config", "/dev/null", "--retries", "1", "--low-level-retries", "1", *named]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.clients
def test_rclone_copies_renames_and_cannot_empty_the_folder(withdrawing: Gateway, tmp_path: Path) -> None:
    if shutil.which("rclone") is None:
        pytest.fail("rclone is not installed")
    (tmp_path / "WMO_2017H1.ingetrokken").write_bytes(b"")
    copied = rclone(withdrawing, "copy", str(tmp_path), f"gateway:{FOLDER}")
    assert copied.returncode == 0, copied.stderr
    with withdrawing.paramiko("amsterdam") as client:
        assert selected(client) == {"WMO_2017H1"}
    moved = rclone(
        withdrawing, "moveto", f"gateway:{FOLDER}/WMO_2017H1.ingetrokken", f"gateway:{FOLDER}/WMO_2017H1.actief"
    )
    assert moved.returncode == 0, moved.stderr
    (tmp_path / "WMO_2017H1.ingetrokken").rename(tmp_path / "KOSTENWMO_2017H1.ingetrokken")
    synced = rclone(withdrawing, "sync", str(tmp_path), f"gateway:{FOLDER}")
    assert synced.returncode != 0
    with withdrawing.paramiko("amsterdam") as client:
        assert selected(client) == {"KOSTENWMO_2017H1"}
        client.rename(f"{FOLDER}/KOSTENWMO_2017H1.ingetrokken", f"{FOLDER}/KOSTENWMO_2017H1.actief")


@pytest.mark.clients
def test_lftp_moves_and_puts_under_a_temporary_name(withdrawing: Gateway, tmp_path: Path) -> None:
    (tmp_path / "SBW_2017H2.ingetrokken").write_bytes(b"")
    connect = f"ssh -a -x -i {withdrawing.key('amsterdam')} -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"
    commands = (
        f'set sftp:connect-program "{connect}"',
        "set net:max-retries 1",
        "set cmd:fail-exit yes",
        "set xfer:use-temp-file yes",
        f"open -u amsterdam,x sftp://127.0.0.1:{withdrawing.port}{FOLDER}",
        "mv WMO_2017H2.actief WMO_2017H2.ingetrokken",
        f"put {tmp_path}/SBW_2017H2.ingetrokken",
    )
    script = "; ".join(commands)
    done = subprocess.run(["lftp", "--norc", "-c", script], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    with withdrawing.paramiko("amsterdam") as client:
        assert selected(client) == {"WMO_2017H2", "SBW_2017H2"}
        for item in selected(client):
            client.rename(f"{FOLDER}/{item}.ingetrokken", f"{FOLDER}/{item}.actief")


# --- nothing to deliver -----------------------------------------------------------------------------------------------


def items_in_state(client: paramiko.SFTPClient, state: str) -> set[tuple[str, str]]:
    items = status(client)["items"]
    assert isinstance(items, list)
    return {(item["kind"], item["period"]) for item in items if item["state"] == state}


@pytest.mark.parametrize(("kind", "content"), [("WMO", b""), ("SBW", b"er is niets")])
def test_nothing_is_stated_by_a_file_in_the_inbox(
    delivering: Gateway, kind: str, content: bytes, tmp_path: Path
) -> None:
    name = f"GEEN_{kind}_0363_2017H1.txt"
    (tmp_path / name).write_bytes(content)
    before = len(delivering.drops())
    with delivering.paramiko("amsterdam") as client:
        client.put(str(tmp_path / name), f"/0363/inbox/{name}")
        assert (kind, "2017H1") in items_in_state(client, "nothing")
        delivering.wait_report("0363", f"^OB_0363_2017H1_{kind}_.*_GEEN-LEVERING$")
        assert "gemeld dat er niets te leveren is" in text_of(client, "/0363/berichtenlog/berichtenlog-2018-02.csv")
    assert len(delivering.drops()) == before


def test_nothing_is_stated_by_the_rename_of_a_working_file(delivering: Gateway) -> None:
    name = "GEEN_JEUGD_0363_2017H1.txt"
    with delivering.paramiko("amsterdam") as client:
        with client.open(f"/0363/inbox/{name}.filepart", "wb") as target:
            target.write(b"leeg")
        client.rename(f"/0363/inbox/{name}.filepart", f"/0363/inbox/{name}")
        assert client.stat(f"/0363/inbox/{name}").st_size == 4
        assert f"{name}.filepart" not in client.listdir("/0363/inbox")
        assert ("JEUGD", "2017H1") in items_in_state(client, "nothing")
        with pytest.raises(FileNotFoundError):
            client.rename(f"/0363/inbox/{name}.filepart", f"/0363/inbox/{name}")


def test_nothing_is_stated_by_a_file_in_the_watch_folder(delivering: Gateway) -> None:
    (delivering.inbox / "0363" / "GEEN_KOSTENWMO_0363_2017H1.txt").write_bytes(b"")
    delivering.wait_report("0363", "^OB_0363_2017H1_KOSTENWMO_.*_GEEN-LEVERING$")
    with delivering.paramiko("amsterdam") as client:
        assert ("KOSTENWMO", "2017H1") in items_in_state(client, "nothing")


def test_an_approved_delivery_overrules_it(delivering: Gateway) -> None:
    with delivering.paramiko("amsterdam") as client:
        with client.open("/0363/inbox/GEEN_WMO_0363_2017H2.txt", "wb"):
            pass
        assert ("WMO", "2017H2") in items_in_state(client, "nothing")
        with client.open("/0363/inbox/WMO_0363_2017H2.csv", "wb") as target:
            target.write(good("WMO", rows=3))
        delivering.wait_report("0363", "^TR_0363_2017H2_WMO_v001_.*_GOEDGEKEURD$")
    # A session sees the same status.json for ten seconds.
    with delivering.paramiko("amsterdam") as client:
        assert ("WMO", "2017H2") not in items_in_state(client, "nothing")
        with pytest.raises(PermissionError, match="NOTHING_DELIVERED"):
            client.open("/0363/inbox/GEEN_WMO_0363_2017H2.txt", "wb")
        with pytest.raises(PermissionError, match=r"NOTHING_NAME .*GEEN_WMO_0363_2017H1.txt"):
            client.open("/0363/inbox/GEEN_WMO_0377_2017H2.txt", "wb")


# --- terms and first login --------------------------------------------------------------------------------------------


def test_the_terms_can_be_read_until_they_are_accepted(delivering: Gateway) -> None:
    with delivering.paramiko("colleague") as client:
        assert "VOORWAARDEN_2017H2.txt" in client.listdir("/")
        text = text_of(client, "/VOORWAARDEN_2017H2.txt")
        assert "VOORWAARDEN_2017H2.akkoord" in text
        assert text.index("Algemene voorwaarden") < text.index("General terms")
        with client.open("/VOORWAARDEN_2017H2.akkoord", "wb"):
            pass
        assert client.listdir("/") == ["LEESMIJ.txt", "README.txt", "0363"]
        assert text_of(client, "/VOORWAARDEN_2017H2.txt") == text
    with delivering.paramiko("amsterdam") as client:
        assert "VOORWAARDEN_2017H2.txt" not in client.listdir("/")


def test_a_new_account_works_after_its_first_login_and_not_before(delivering: Gateway) -> None:
    assert desk(delivering, "account", "request", "jan", "--role", "productbeheerder", "--by", "jan").returncode == 0
    delivering.add_account("jan", "0363")
    delivering.wait_event("configuration_loaded")
    assert desk(delivering, "account", "approve", "jan").returncode == 1
    assert desk(delivering, "account", "approve", "jan", "--by", "amsterdam").returncode == 0
    given = desk(delivering, "account", "activate", "jan")
    found = re.search(r"VERIFICATIE_([0-9a-f-]{39})", given.stdout)
    assert found is not None, given.stderr
    with delivering.paramiko("jan") as client:
        assert client.listdir("/") == ["LEESMIJ.txt", "README.txt", "VOORWAARDEN_2017H2.txt"]
        assert "voer uw verificatiecode in" in text_of(client, "/LEESMIJ.txt")
        for path in ("/0363", "/0363/outbox", "/0363/status.json"):
            with pytest.raises(FileNotFoundError):
                client.stat(path)
        for path in ("/0363/inbox/WMO_0363_2017H2.csv", f"{FOLDER}/WMO_2017H2.ingetrokken", "/0363/inbox/GEEN_X.txt"):
            with pytest.raises(PermissionError, match="NOT_VERIFIED"):
                client.open(path, "wb")
        with pytest.raises(PermissionError, match="NOT_VERIFIED"):
            client.open("/VOORWAARDEN_2017H2.akkoord", "wb")
        with client.open("/VERIFICATIE_0000", "wb"):
            pass
        # paramiko keeps to itself what a CLOSE is answered; a stat tells.
        with pytest.raises(FileNotFoundError):
            client.stat("/VERIFICATIE_0000")
        assert client.listdir("/") == ["LEESMIJ.txt", "README.txt", "VOORWAARDEN_2017H2.txt"]
        with client.open(f"/VERIFICATIE_{found[1]}", "wb"):
            pass
        assert "0363" in client.listdir("/")
        client.stat("/0363/outbox")
    listed = json.loads(desk(delivering, "account", "list", "--json").stdout)
    (jan,) = [row for row in listed if row["login"] == "jan"]
    assert (jan["asked_by"], jan["approved_by"], jan["works"]) == ("jan", "amsterdam", True)
    assert found[1] not in delivering.text()
    assert delivering.ledger().rows("select 1 from log where event = 'wrong_code' and account = 'jan'")
    assert found[1].replace("-", "") not in delivering.text()


# --- extension --------------------------------------------------------------------------------------------------------


def test_the_desk_extends_the_window_of_one_municipality(withdrawing: Gateway) -> None:
    name = "/0363/inbox/WMO_0363_2017H2.csv"
    with withdrawing.paramiko("amsterdam") as client:
        with pytest.raises(PermissionError, match="WINDOW_CLOSED"):
            client.open(name, "wb")
        until = ["--municipality", "0363", "--until", "2018-03-14", "--reason", "ziekte"]
        assert desk(withdrawing, "extend", *until).returncode == 0
        with client.open(name, "wb") as target:
            target.write(good("WMO", rows=3))
        receipt = withdrawing.wait_report("0363", "^OB_.*_ONTVANGEN$")
        assert "voor uw gemeente verlengd" in text_of(client, f"/0363/outbox/{receipt.stem}.html")
        assert "Verlengd: Amsterdam" in text_of(client, "/LEESMIJ.txt")
        assert "ziekte" in text_of(client, "/0363/berichtenlog/berichtenlog-2018-03.csv")
    with withdrawing.paramiko("bloemendaal") as client, pytest.raises(PermissionError, match="WINDOW_CLOSED"):
        client.open("/0377/inbox/WMO_0377_2017H2.csv", "wb")
    late = desk(withdrawing, "extend", "--municipality", "0363", "--until", "2018-03-09", "--reason", "x")
    assert (late.returncode, "for everybody" in late.stderr) == (1, True)


def test_after_all_that_folders_ledger_and_log_agree(delivering: Gateway, withdrawing: Gateway) -> None:
    for house in (delivering, withdrawing):
        found = desk(house, "doctor")
        assert found.returncode == 0, found.stdout
        assert house.events(error=True) == []
