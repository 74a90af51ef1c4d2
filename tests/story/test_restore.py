"""The ledger is lost, and put back from a backup: with the commands that an administrator has.

Does: a daemon that serves while it is backed up, its ledger removed or spoilt, the refusal, the restore, the doctor.
Touches: a demo of its own.
Does not: measure.
"""

import json
import subprocess
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from unittest.mock import patch

import pytest

from gateway.cli import main
from tests.house import COMMAND, Gateway, copy_demo
from tests.samples import cost_csv, wmo_csv

WMO = "WMO_0363_2017H2.csv"
SBW = "SBW_0363_2017H2.csv"


@dataclass(frozen=True, slots=True)
class Ran:
    """A command that ended."""

    returncode: int
    stdout: str
    stderr: str


def run(gateway: Gateway, *arguments: str) -> Ran:
    """A command on this gateway's configuration, in this process: an interpreter of its own costs a second."""
    out, err = StringIO(), StringIO()
    code = 0
    given = ["gateway", *arguments, "--config", str(gateway.config)]
    with patch("sys.argv", given), patch("sys.stdin", StringIO()), redirect_stdout(out), redirect_stderr(err):
        try:
            main()
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 1
    return Ran(code, out.getvalue(), err.getvalue())


def served(gateway: Gateway, *arguments: str) -> Ran:
    """A daemon that refuses to start."""
    command = [str(COMMAND), "serve", "--listen", "127.0.0.1:0", "--config", str(gateway.config), *arguments]
    ended = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60)
    return Ran(ended.returncode, ended.stdout, ended.stderr)


def deliver(gateway: Gateway, name: str, body: bytes) -> None:
    """Drop a file and wait for its technical report."""
    with gateway.paramiko("amsterdam") as client, client.open(f"/0363/inbox/{name}", "wb") as file:
        file.write(body)
    gateway.wait_report("0363", f"TR_.*{name.split('_')[0]}_")


@pytest.fixture
def stopped(demo_template: Path, tmp_path: Path) -> Gateway:
    """A gateway that nobody started yet."""
    return Gateway(copy_demo(demo_template, tmp_path / "gateway"))


def test_a_ledger_lost_and_put_back(stopped: Gateway, tmp_path: Path) -> None:
    with stopped as gateway:
        deliver(gateway, WMO, wmo_csv(5))
        made = json.loads(run(gateway, "backup", str(tmp_path), "--json").stdout)
        assert made["rows"]["drops"] == 1
        deliver(gateway, SBW, cost_csv("SBW"))
        assert run(gateway, "restore", made["file"], "--replace", "--yes").returncode == 4
        gateway.kill()
        gateway.ledger().close()
        for ending in ("", "-wal", "-shm"):
            Path(f"{gateway.ledger_path}{ending}").unlink(missing_ok=True)

        refused = served(gateway)
        assert refused.returncode == 5
        assert "gateway restore BACKUP" in refused.stderr
        assert run(gateway, "status").returncode == 5
        assert not gateway.ledger_path.exists()

        asked = run(gateway, "restore", made["file"])
        assert asked.returncode == 1
        assert "is whole: 1 drops" in asked.stdout
        done = run(gateway, "restore", made["file"], "--yes")
        assert (done.returncode, done.stderr) == (0, "")

    with Gateway(stopped.root) as again:
        again.wait_report("0363", "TR_.*WMO_")
        doctor = run(again, "doctor", "--json")
        assert doctor.returncode == 1
        told = [each["what"] for each in json.loads(doctor.stdout)]
        assert any(f"ask 0363 to deliver {SBW}" in what for what in told)
        assert any("gateway mail release" in what for what in told)
        deliver(again, SBW, cost_csv("SBW"))
        assert "gateway mail release" in run(again, "mail", "list").stdout
        assert run(again, "mail", "release").returncode == 0
        assert not [
            each for each in json.loads(run(again, "doctor", "--json").stdout) if "mail release" in each["what"]
        ]
        assert [drop.file.name for drop in again.drops()] == [WMO, SBW]


def test_a_damaged_ledger_is_refused_and_set_aside(stopped: Gateway, tmp_path: Path) -> None:
    with stopped as gateway:
        deliver(gateway, WMO, wmo_csv(5))
        assert run(gateway, "backup", str(tmp_path / "copy.db")).returncode == 0
        gateway.stop()
        gateway.ledger().close()
        body = bytearray(gateway.ledger_path.read_bytes())
        body[40 * 4096 : 60 * 4096] = b"\xff" * (20 * 4096)
        gateway.ledger_path.write_bytes(body)

        refused = served(gateway, "--simulate", "2018-02-12T09:00")
        assert refused.returncode == 5
        assert "--replace" in refused.stderr

        kept = run(gateway, "restore", str(tmp_path / "copy.db"), "--yes")
        assert kept.returncode == 1
        assert "--replace sets it aside" in kept.stderr
        assert gateway.ledger_path.read_bytes() == bytes(body)
        assert run(gateway, "restore", str(tmp_path / "copy.db"), "--yes", "--replace").returncode == 0
        [aside] = gateway.ledger_path.parent.glob("ledger.db.replaced-*")
        assert aside.read_bytes() == bytes(body)
    with Gateway(stopped.root) as again:
        assert [drop.file.name for drop in again.drops()] == [WMO]


def test_a_sandbox_backup_stays_a_sandbox(stopped: Gateway, tmp_path: Path) -> None:
    with stopped as gateway:
        deliver(gateway, WMO, wmo_csv(5))
        assert run(gateway, "backup", str(tmp_path / "copy.db")).returncode == 0
        gateway.stop()
        assert run(gateway, "restore", str(tmp_path / "copy.db"), "--yes", "--replace").returncode == 0
        refused = served(gateway)
        assert (refused.returncode, "sandbox" in refused.stderr) == (4, True)


def test_purge_and_hold_from_the_command_line(stopped: Gateway) -> None:
    with stopped as gateway:
        with gateway.paramiko("amsterdam") as client, client.open(f"/0363/inbox/proef/{WMO}", "wb") as file:
            file.write(wmo_csv(5))
        gateway.wait_report("0363", "TR_.*PROEF")
        planned = json.loads(run(gateway, "purge", "--dry-run", "--json").stdout)
        held = run(gateway, "hold", "--municipality", "0363", "--reason", "court case")
        assert "until the hold is lifted" in held.stdout
        assert [each["municipality"] for each in json.loads(run(gateway, "hold", "--json").stdout)] == ["0363"]
        assert run(gateway, "hold", "--municipality", "0363", "--reason", "again").returncode == 4
        assert run(gateway, "hold", "--municipality", "0363", "--reason", "over", "--lift").returncode == 0
        assert run(gateway, "hold", "--municipality", "0363").returncode == 2
        erased = json.loads(run(gateway, "purge", "--json").stdout)
        proofs = json.loads(run(gateway, "deletions", "--json").stdout)
        assert [each["what"] for each in planned["going"] + erased + proofs if each["what"] == "payload"] != []
        assert [each["name"] for each in proofs] == [WMO]
