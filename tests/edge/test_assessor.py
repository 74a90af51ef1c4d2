"""The assessor through a real daemon: judging, assessing and collecting over SFTP, as CBS would with its own clients.

Does: plays a delivery in a round where CBS makes both reports, with paramiko and OpenSSH; drops what is refused.
Touches: a daemon.
Does not: try every wrong file (tests/workflow/test_assessor).
"""

import json
from collections.abc import Iterator
from pathlib import Path

import paramiko
import pytest

from tests.house import Gateway, copy_demo
from tests.reports.judge import valid
from tests.samples import wmo_csv

PDF = b"%PDF-1.7\n1 0 obj <<>> endobj\n%%EOF\n"
ROUND = "/cbs/2017H2"


@pytest.fixture(scope="module")
def house(demo_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A daemon of a round in which CBS judges and assesses."""
    folder = copy_demo(demo_template, tmp_path_factory.mktemp("assessor") / "gateway")
    with Gateway(folder, {"technical": "external", "quality": "external"}) as made:
        yield made


def put(client: paramiko.SFTPClient, path: str, body: bytes) -> None:
    """Write a file and look at its size, as paramiko's own put does."""
    with client.open(path, "wb") as target:
        target.write(body)
    assert client.stat(path).st_size == len(body)


def get(client: paramiko.SFTPClient, path: str) -> bytes:
    with client.open(path, "rb") as source:
        return source.read()


def refusal(client: paramiko.SFTPClient, path: str, body: bytes) -> str:
    """The code with which a file is refused."""
    with pytest.raises(OSError, match=r"[A-Z_]+ .* \| ") as caught, client.open(path, "wb") as target:
        target.write(body)
    return str(caught.value).split("] ")[-1].split(" ")[0]


def deliver(house: Gateway, rows: int) -> str:
    """Amsterdam delivers; the short id, once it is pre-checked."""
    with house.paramiko("amsterdam") as client:
        put(client, "/0363/inbox/WMO_0363_2017H2.csv", wmo_csv(rows))
    report = house.wait_report("0363", "^TR_.*_VOORCONTROLE-GOEDGEKEURD$", count=len(house.drops()))
    return report.stem.split("_")[-2]


def test_a_delivery_that_cbs_judges_and_assesses(house: Gateway) -> None:
    short_id = deliver(house, 20)
    with house.paramiko("cbs") as cbs:
        assert cbs.listdir("/") == ["LEESMIJ.txt", "README.txt", "cbs"]
        assert cbs.listdir("/cbs") == ["2017H2"]
        assert cbs.listdir(ROUND) == ["te-keuren", "oordelen", "te-beoordelen", "rapporten", "overdracht"]
        assert cbs.listdir(f"{ROUND}/te-keuren") == [f"{short_id}.csv"]
        assert get(cbs, f"{ROUND}/te-keuren/{short_id}.csv") == wmo_csv(20)
        put(cbs, f"{ROUND}/oordelen/{short_id}.json.filepart", json.dumps({"verdict": "approved"}).encode())
        assert cbs.listdir(f"{ROUND}/oordelen") == [f"{short_id}.json.filepart"]
        cbs.rename(f"{ROUND}/oordelen/{short_id}.json.filepart", f"{ROUND}/oordelen/{short_id}.json")
        house.wait_report("0363", "^TR_.*_GOEDGEKEURD$")
        overview = valid("manifest", get(cbs, f"{ROUND}/te-beoordelen/overzicht.json"))
        (file,) = overview["files"]
        assert set(cbs.listdir(f"{ROUND}/te-beoordelen")) == {file["name"], "overzicht.json"}
        assert cbs.stat(f"{ROUND}/te-beoordelen/{file['name']}").st_size == file["bytes"]
        assert get(cbs, f"{ROUND}/te-beoordelen/{file['name']}") == wmo_csv(20)
        put(cbs, f"{ROUND}/rapporten/{file['delivery_id']}.pdf", PDF)
        found = house.wait_report("0363", "^OO_0363_2017H2_WMO_v001_.*_GEREED$")
        assert set(cbs.listdir(f"{ROUND}/te-beoordelen")) == {"overzicht.json"}
        assert set(cbs.listdir(f"{ROUND}/overdracht")) == {file["name"], "manifest.json"}
    with house.paramiko("amsterdam") as client:
        assert get(client, f"/0363/outbox/{found.stem}.pdf") == PDF
        log = get(client, "/0363/berichtenlog/berichtenlog-2018-02.csv").decode("utf-8-sig")
    assert "opgehaald door de beoordelaar;file collected by the assessor;cbs" in log
    assert "oordeel van de beoordelaar ontvangen" in log


def test_openssh_does_the_same_in_a_batch(house: Gateway, tmp_path: Path) -> None:
    short_id = deliver(house, 30)
    verdict, report = tmp_path / f"{short_id}.json", tmp_path / "report.pdf"
    verdict.write_text('{"verdict": "approved"}')
    report.write_bytes(PDF)
    done = house.sftp("cbs", f"cd {ROUND}\nput {verdict} oordelen/\n")
    assert done.returncode == 0, done.stderr
    house.wait_report("0363", f"^TR_.*_{short_id}_GOEDGEKEURD$")
    done = house.sftp("cbs", f"lcd {tmp_path}\ncd {ROUND}/te-beoordelen\nmget *\n")
    assert done.returncode == 0, done.stderr
    (data,) = tmp_path.glob("*.csv")
    assert data.read_bytes() == wmo_csv(30)
    done = house.sftp("cbs", f"cd {ROUND}/rapporten\nput {report} {data.stem}.pdf\n")
    assert done.returncode == 0, done.stderr
    assert house.wait_report("0363", f"^OO_.*_{short_id}_GEREED$").outcome == "GEREED"


def test_what_an_assessor_may_not(house: Gateway) -> None:
    with house.paramiko("cbs") as cbs:
        assert refusal(cbs, f"{ROUND}/rapporten/verslag.pdf", PDF) == "ASSESSOR_NAME"
        assert refusal(cbs, f"{ROUND}/rapporten/0161f9e0-4c7a-7b21-9d52-3f6c1a2b4d5e.pdf", PDF) == "ASSESSOR_UNKNOWN"
        assert refusal(cbs, f"{ROUND}/oordelen/180212-000000.json", b"{}") == "VERDICT_UNKNOWN"
        assert refusal(cbs, f"{ROUND}/overdracht/x.csv", b"x") == "READ_ONLY"
        assert refusal(cbs, f"{ROUND}/x.csv", b"x") == "READ_ONLY"
        for path in ("/0363", "/0363/inbox", "/cbs/2031H1", f"{ROUND}/inbox", f"{ROUND}/te-beoordelen/x.csv"):
            with pytest.raises(FileNotFoundError):
                cbs.stat(path)
        with pytest.raises(OSError, match="NO_REMOVE"):
            cbs.remove(f"{ROUND}/overdracht/manifest.json")
        with cbs.open(f"{ROUND}/rapporten/concept.pdf.part", "wb") as draft:
            draft.write(PDF)
        cbs.remove(f"{ROUND}/rapporten/concept.pdf.part")
        assert cbs.listdir(f"{ROUND}/rapporten") == []


@pytest.mark.parametrize("login", ["amsterdam", "operator"])
def test_nobody_else_sees_the_branch(house: Gateway, login: str) -> None:
    with house.paramiko(login) as client:
        assert "cbs" not in client.listdir("/")
        for path in ("/cbs", ROUND, f"{ROUND}/te-beoordelen", f"{ROUND}/overdracht/manifest.json"):
            with pytest.raises(FileNotFoundError):
                client.stat(path)
        assert refusal(client, f"{ROUND}/rapporten/x.pdf", PDF) == "NO_SUCH_FILE"


def test_a_cut_line_drops_nothing(house: Gateway) -> None:
    short_id = deliver(house, 40)
    with house.transport("cbs") as line:
        client = paramiko.SFTPClient.from_transport(line)
        assert client is not None
        target = client.open(f"{ROUND}/oordelen/{short_id}.json", "wb")
        target.write(b'{"verdict": "approved"}')
        target.flush()
    with house.paramiko("cbs") as cbs:
        assert cbs.listdir(f"{ROUND}/oordelen") == []
        assert f"{short_id}.csv" in cbs.listdir(f"{ROUND}/te-keuren")
    assert house.reports("0363", f"_{short_id}_GOEDGEKEURD$") == []
