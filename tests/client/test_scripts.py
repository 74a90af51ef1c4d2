"""The scripts that municipalities copy: run as they stand, with OpenSSH's own sftp, against the real daemon.

Does: runs put.sh and fetch.sh in the plainest shell there is, and gateway_client.py; checks them with shellcheck.
Touches: a gateway in a sandbox.
Does not: run the PowerShell ones; nothing here can.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.client.municipality import CODE, WMO, Municipality
from tests.client.relay import Relay
from tests.client.test_fetch import verified
from tests.house import COMMAND, Gateway
from tests.samples import wmo_csv

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts" / "municipality"
SHELL = shutil.which("dash") or "/bin/sh"
PUT, FETCH = (SHELL, SCRIPTS / "put.sh"), (SHELL, SCRIPTS / "fetch.sh")
PYTHON = (sys.executable, SCRIPTS / "gateway_client.py")

pytestmark = pytest.mark.clients


def test_put_sh_says_received_and_then_the_verdict(town: Municipality) -> None:
    answer = town.run(*PUT, "-w", town.bad_file("WMO_0363_2017H1.csv"))
    assert answer.returncode == 1, answer.stderr
    assert "ontvangen | received" in answer.stdout
    assert "AFGEKEURD" in answer.stderr
    good = town.run(*PUT, "-w", town.file())
    assert good.returncode == 0, good.stderr
    assert "goedgekeurd" in good.stdout
    again = town.run(*PUT, "-w", town.file())
    assert again.returncode == 0, again.stderr
    assert "al ontvangen" in again.stdout


def test_put_sh_takes_a_path_with_blanks_and_quotes(town: Municipality) -> None:
    folder = town.folder / "map met 'spaties' & \"tekens\" $HOME"
    folder.mkdir()
    shutil.copy(town.file(), folder / WMO)
    town.extra["GATEWAY_KNOWN_HOSTS"] = str(town.folder / "mijn map" / "known hosts")
    assert town.run(*PUT, folder / WMO).returncode == 0
    assert "ssh-ed25519" in (town.folder / "mijn map" / "known hosts").read_text()


def test_put_sh_tries_without_delivering(town: Municipality) -> None:
    before = [drop.id for drop in town.gateway.drops() if drop.lane == "inbox"]
    assert town.run(*PUT, "-t", "-w", town.bad_file()).returncode == 1
    assert [drop.id for drop in town.gateway.drops() if drop.lane == "inbox"] == before


@pytest.mark.parametrize(
    ("login", "arguments", "body", "said"),
    [
        ("zandvoort", ("-m", "0473"), b"x\n", "LEAD_ONLY Bloemendaal"),
        ("amsterdam", (), b"", "EMPTY"),
        ("amsterdam", (), b"x" * 2_700_000, "TOO_LARGE"),
        ("amsterdam", ("-m", "0377"), b"x\n", "0377"),
    ],
)
def test_put_sh_tells_why_it_was_refused(
    town: Municipality, login: str, arguments: tuple[str, ...], body: bytes, said: str
) -> None:
    town.login = login
    answer = town.run(*PUT, *arguments, town.file(body=body))
    assert answer.returncode == 3, answer.stderr
    assert "GEWEIGERD" in answer.stderr
    for word in said.split():
        assert word in answer.stderr


def test_put_sh_tells_its_own_refusal_of_several_in_one_second(town: Municipality) -> None:
    for body, said in [(b"x" * 2_700_000, "TOO_LARGE"), (b"", "EMPTY")] * 2:
        answer = town.run(*PUT, town.file(body=body))
        assert f"({said})" in answer.stderr


def test_put_sh_stops_at_another_host_key_and_at_a_wrong_login(town: Municipality) -> None:
    stranger = (town.gateway.root / "demo" / "keys" / "cbs.pub").read_text().split()[1]
    town.known_hosts.write_text(f"[127.0.0.1]:{town.gateway.port} ssh-ed25519 {stranger}\n")
    assert town.run(*PUT, town.file()).returncode == 5
    assert town.run(*FETCH).returncode == 5
    town.known_hosts.unlink()
    town.extra["GATEWAY_KEY"] = str(town.gateway.key("cbs"))
    assert town.run(*PUT, town.file()).returncode == 5


@pytest.mark.parametrize(
    "arguments", [(), ("-x", WMO), ("nowhere.csv",), (WMO, WMO), ("een bestand.csv",), ("geen.csv",)]
)
def test_put_sh_knows_wrong_arguments(town: Municipality, arguments: tuple[str, ...]) -> None:
    town.file("een bestand.csv")
    town.file("geen.csv")
    town.file()
    assert town.run(*PUT, *arguments).returncode == 2


def test_put_sh_gets_a_file_through_a_line_that_breaks(own_town: Municipality) -> None:
    path = own_town.file(body=wmo_csv(6000, CODE))
    broken: list[int] = []
    with Relay(lambda: own_town.gateway.port) as relay:

        def watch(passed: int) -> None:
            if passed > 150_000 and not broken:
                broken.append(passed)
                relay.cut()

        relay.watch = watch
        own_town.port = relay.port
        answer = own_town.run(*PUT, path)
    assert (answer.returncode, len(broken)) == (0, 1), answer.stderr
    (drop,) = own_town.gateway.drops()
    assert drop.file.size == path.stat().st_size


def test_put_sh_finds_nobody(own_town: Municipality) -> None:
    own_town.gateway.stop()
    own_town.extra["GATEWAY_TIMEOUT"] = "1"
    assert own_town.run(*PUT, own_town.file()).returncode == 4


def test_fetch_sh_brings_each_report_once_and_mends_what_was_spoiled(own_town: Municipality) -> None:
    assert own_town.put("--wait", own_town.bad_file()).returncode == 1
    first = own_town.run(*FETCH)
    assert first.returncode == 0, first.stderr
    home = own_town.folder / "reports" / CODE
    assert (len(first.stdout.split()), verified(home)) == (2, 5)
    assert own_town.run(*FETCH).stdout == ""
    (victim,) = home.glob("TR_*.csv")
    victim.write_bytes(victim.read_bytes().replace(b"e", b"x"))
    second = own_town.run(*FETCH, "-c")
    assert (second.returncode, len(second.stdout.split()), verified(home)) == (0, 1, 5)
    assert all(report.confirmed_at for report in own_town.gateway.reports(CODE))
    assert [path.name for path in (own_town.folder / "reports").iterdir()] == [CODE]
    assert own_town.run(*FETCH, "-c").returncode == 0


def test_the_python_example_delivers_waits_and_fetches(own_town: Municipality) -> None:
    pin(own_town.gateway, own_town.known_hosts)
    path = own_town.bad_file()
    assert own_town.run(*PYTHON, "put", path).returncode == 0
    answer = own_town.run(*PYTHON, "put", "--wait", path)
    assert answer.returncode == 1, answer.stderr
    assert "HERHALING" in answer.stdout
    assert own_town.run(*PYTHON, "fetch", "--confirm").returncode == 0
    assert verified(own_town.folder / "reports" / CODE) == 7
    assert own_town.run(*PYTHON, "fetch").stdout == ""


def test_the_python_example_knows_its_endings(town: Municipality) -> None:
    town.known_hosts.touch()
    assert town.run(*PYTHON, "put", town.file()).returncode == 5
    pin(town.gateway, town.known_hosts)
    refused = town.run(*PYTHON, "put", town.file("WMO_0377_2017H2.csv"))
    assert refused.returncode == 3
    town.extra["GATEWAY_KEY"] = str(town.gateway.key("cbs"))
    assert town.run(*PYTHON, "put", town.file()).returncode == 5
    assert town.run(*PYTHON, "put").returncode == 2


def test_the_documented_run_by_the_clock_sorts_what_it_delivers(own_town: Municipality) -> None:
    manual = (SCRIPTS.parents[1] / "docs" / "scripts.md").read_text(encoding="utf-8")
    (script,) = re.findall(r"```sh\n(#!/bin/sh\n# deliver: .*?)```", manual, re.DOTALL)
    run = own_town.folder / "deliver"
    run.write_text(script.replace("/srv/monitor", str(own_town.folder)))
    (own_town.folder / "gateway.env").write_text("")
    for name in ("klaar", "verstuurd", "kijken"):
        (own_town.folder / name).mkdir()
    own_town.extra["PATH"] = f"{COMMAND.parent}:/usr/bin:/bin"
    own_town.file(f"klaar/{WMO}")
    own_town.bad_file("klaar/WMO_0363_2017H1.csv")
    answer = own_town.run(SHELL, run)
    assert answer.returncode == 1, answer.stderr
    assert answer.stderr.count("AFGEKEURD") == 1
    assert (own_town.folder / "verstuurd" / WMO).exists()
    assert (own_town.folder / "kijken" / "WMO_0363_2017H1.csv").exists()
    # Two receipts of two files, two technical reports of three; the op-orde report may be there already.
    assert verified(own_town.folder / "rapporten" / CODE) in (10, 13)
    quiet = own_town.run(SHELL, run)
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "")


def pin(gateway: Gateway, known_hosts: Path) -> None:
    """What the service desk's line in known_hosts would be."""
    public = (gateway.config / "host_key_ed25519.pub").read_text().split()
    known_hosts.write_text(f"[127.0.0.1]:{gateway.port} {public[0]} {public[1]}\n")


@pytest.mark.parametrize("script", sorted(SCRIPTS.glob("*.sh")), ids=lambda path: path.name)
def test_shell_scripts_are_plain_posix(script: Path) -> None:
    text = script.read_text(encoding="ascii")
    assert text.startswith("#!/bin/sh\n")
    assert subprocess.run([SHELL, "-n", script], check=False).returncode == 0
    for bashism in ("[[", "local ", "function ", "<(", "${!", "echo -e", "pipefail"):
        assert bashism not in text
    if checker := shutil.which("shellcheck"):
        said = subprocess.run([checker, "-s", "sh", script], capture_output=True, text=True, check=False)
        assert said.stdout == ""


@pytest.mark.parametrize("script", sorted(SCRIPTS.glob("*.ps1")), ids=lambda path: path.name)
def test_powershell_scripts_say_that_nobody_ran_them(script: Path) -> None:
    text = script.read_text(encoding="ascii")
    assert "NOT RUN: this script was written from WinSCP's documentation" in " ".join(text.split())
    assert text.count("{") == text.count("}")
    assert text.count("(") == text.count(")")
