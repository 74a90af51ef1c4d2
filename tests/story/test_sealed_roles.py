"""Two daemons on one ledger: the one that faces the network seals and cannot open, the other one opens.

Does: serves a demo as sftp and as worker, sealed; delivers, collects as municipality and as assessor; starts roles with
the wrong keys.
Touches: a gateway of its own, the loopback interface.
Does not: look at changes of keys (tests/workflow/test_payloads).
"""

import io
import json
from hashlib import sha256
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.cli import commands
from gateway.store.sealing import Sealing, make_identity, sealing
from gateway.store.sqlite import SQLite
from tests.house import Gateway, copy_demo
from tests.samples import wmo_csv

NAME = "WMO_0363_2017H2.csv"
BODY = wmo_csv(40)
NUMBER = BODY.split(b"\r\n")[1].split(b";")[2]


@pytest.fixture
def root(demo_template: Path, tmp_path: Path) -> Path:
    """A demo that seals to `own`; its assessor has a recipient. The identities lie outside of it."""
    root = copy_demo(demo_template, tmp_path / "gateway")
    gateway = Gateway(root, {"sealing": {"recipients": [make_identity(tmp_path / "own")]}})
    gateway.account("cbs", age_recipient=make_identity(tmp_path / "cbs"))
    return root


def test_the_role_that_faces_the_network_never_needs_the_key(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Gateway(root, role="sftp") as door:
        monkeypatch.setenv("GATEWAY_IDENTITY", str(tmp_path / "own"))
        with Gateway(root, role="worker") as worker:
            monkeypatch.delenv("GATEWAY_IDENTITY")
            with door.paramiko("amsterdam") as client:
                client.putfo(io.BytesIO(BODY), f"/0363/inbox/{NAME}")
            assert [body[:22] for body in bodies(root)] == [b"age-encryption.org/v1\n"]
            door.wait_report("0363", "OO_.*WMO")
            worker.wait_event("packages_made")
            with door.paramiko("amsterdam") as client:
                found = [name for name in client.listdir("/0363/outbox") if name.startswith("TR_")]
                assert any("GOEDGEKEURD" in name for name in found)
            collect(door, sealing((), [tmp_path / "cbs"]))
            worker.stop()
        door.stop()
        for gateway in (door, worker):
            assert "AGE-SECRET" not in gateway.text()
            gateway.ledger().close()
    held = [path for path in root.rglob("*") if path.is_file() and path.is_relative_to(root / "var")]
    assert held
    assert [path.name for path in held if NUMBER in path.read_bytes()] == []


def bodies(root: Path) -> list[bytes]:
    """The payloads as they lie in the ledger."""
    engine = SQLite(root / "var" / "ledger.db")
    try:
        return [bytes(row["body"]) for row in engine.rows("select body from payloads")]
    finally:
        engine.close()


def collect(door: Gateway, at_cbs: Sealing) -> None:
    """As the assessor does: the manifest, each file, its checksum sealed and plain."""
    with door.paramiko("cbs") as client:
        folder = "/cbs/2017H2/overdracht"
        assert all(name.endswith((".age", ".json")) for name in client.listdir(folder))
        manifest = io.BytesIO()
        client.getfo(f"{folder}/manifest.json", manifest)
        (file,) = json.loads(manifest.getvalue())["files"]
        (how,) = file["sealed"]
        sealed = io.BytesIO()
        client.getfo(f"{folder}/{how['name']}", sealed)
        assert sha256(sealed.getvalue()).hexdigest() == how["sha256"]
        assert at_cbs.open(sealed.getvalue(), "it") == BODY
        with pytest.raises(OSError, match="NO_SUCH_FILE"):
            client.getfo(f"{folder}/{file['name']}", io.BytesIO())


def served(root: Path, *arguments: str) -> str:
    """What `gateway serve` says when it does not start."""
    base = ["serve", "--config", str(root / "config"), "--listen", "127.0.0.1:0", "--simulate", "2018-02-12T09:00"]
    result = CliRunner().invoke(commands, [*base, *arguments])
    assert result.exception is not None
    return str(result.exception)


def test_a_role_with_the_wrong_keys_does_not_start(root: Path, tmp_path: Path) -> None:
    make_identity(tmp_path / "other")
    assert "must not be able to read" in served(root, "--role", "sftp", "--identity", str(tmp_path / "own"))
    assert "no identity to open with" in served(root, "--role", "worker")
    assert "could be read by nobody" in served(root, "--identity", str(tmp_path / "other"))
    gateway = Gateway(root)
    gateway.account("cbs", age_recipient=None)
    assert "age_recipient" in served(root, "--role", "sftp")
    gateway.edit("gateway.yaml", lambda content: content["sealing"].update(identity_file=str(tmp_path / "own")))
    assert "must not be able to read" in served(root, "--role", "sftp")


def test_a_lost_identity_stops_the_worker_while_a_file_waits_and_doctor_says_so(root: Path, tmp_path: Path) -> None:
    with Gateway(root, role="sftp") as door:
        with door.paramiko("amsterdam") as client:
            client.putfo(io.BytesIO(BODY), f"/0363/inbox/{NAME}")
        door.stop()
    new = make_identity(tmp_path / "new")

    def renewed(content: dict[str, dict[str, object]]) -> None:
        content["sealing"] = {"recipients": [new], "identity_file": str(tmp_path / "new")}

    gateway = Gateway(root)
    gateway.edit("gateway.yaml", renewed)
    assert "1 uploads wait for a verdict and are sealed to a key that is not here" in served(root, "--role", "worker")
    asked = CliRunner().invoke(commands, ["doctor", "--config", str(root / "config"), "--json"])
    assert asked.exit_code == 1
    assert "sealed to a key that is not here" in asked.output
    gateway.edit("gateway.yaml", lambda content: content["sealing"].update(old_identity_files=[str(tmp_path / "own")]))
    told = CliRunner().invoke(commands, ["reseal", "--config", str(root / "config")])
    assert "1 uploads are sealed anew" in told.output
    gateway.edit("gateway.yaml", renewed)
    with Gateway(root) as again:
        again.wait_report("0363", "TR_.*WMO.*GOEDGEKEURD")
