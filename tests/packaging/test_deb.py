"""The Debian package: its scripts, its content, and the handbook followed with it on an empty Debian 12.

Does: checks the maintainer scripts and units; builds the package, installs it on a machine that has nothing, and does
literally what docs/administrator/install.md says until a municipality has its first approved file; upgrades, breaks,
mends, removes and purges.
Touches: temporary folders; the slow tests need root, debootstrap, systemd-nspawn and Debian's packages.
Does not: use a network but the machine's own.
"""

import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from gateway.domain.workdays import AMSTERDAM
from tests.layers.house import ROOT
from tests.packaging.debian import Debian, steps
from tests.samples import WMO_HEADER, csv_bytes

PACKAGING = ROOT / "packaging" / "deb"
SCRIPTS = ["postinst", "prerm", "postrm", "gateway"]
UNITS = sorted((ROOT / "systemd").glob("*.service"))
TODAY = datetime.now(AMSTERDAM).date()


@pytest.mark.parametrize(
    "script", [PACKAGING / name for name in SCRIPTS] + [ROOT / "scripts" / "deb"], ids=lambda p: p.name
)
def test_the_scripts_are_without_a_mistake(script: Path) -> None:
    said = subprocess.run(["shellcheck", str(script)], capture_output=True, text=True, check=False, timeout=60)
    assert said.stdout == ""


def test_no_script_removes_what_was_delivered() -> None:
    for name in ("postinst", "prerm", "postrm"):
        removing = re.findall(r"(?m)^\s*(?:rm|rmdir|find|userdel|deluser)\b.*$", (PACKAGING / name).read_text())
        assert [line for line in removing if '"$key.new"' not in line] == []


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_every_unit_is_laid_out_as_the_package(unit: Path) -> None:
    text = unit.read_text()
    assert re.search(r"(?m)^ExecStart=/usr/bin/gateway .*--config /etc/gateway$", text)
    assert re.search(r"(?m)^RequiresMountsFor=/var/lib/gateway", text)
    assert re.search(r"(?m)^ReadWritePaths=/var/lib/gateway", text)
    assert not re.search(r"/srv/|/opt/", text)


def test_what_everybody_edits_is_shipped_in_a_form_that_never_changes() -> None:
    script = (ROOT / "scripts" / "deb").read_text()
    assert "for name in gateway.yaml participants.yaml; do" in script
    for name in ("gateway.yaml", "participants.yaml"):
        assert (PACKAGING / name).stat().st_size < 1500


def test_a_handbook_has_steps_for_both_ends_and_files() -> None:
    places = {step.place for step in steps(ROOT / "docs" / "administrator" / "install.md")}
    assert {"gateway", "municipality", "/etc/gateway/rounds/2026H1.yaml", "/etc/gateway/participants.yaml"} <= places


# --- on an empty Debian 12 --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package, built."""
    folder = tmp_path_factory.mktemp("deb")
    command = [str(ROOT / "scripts" / "deb"), "--output", str(folder), "--version", "0.1.0"]
    subprocess.run(command, check=True, timeout=1200)
    return folder / "gateway_0.1.0_amd64.deb"


@pytest.fixture(scope="module")
def next_package(package: Path) -> Path:
    """The same as another version, in which a kind was changed."""
    unpacked = package.parent / "next"
    subprocess.run(["dpkg-deb", "-R", str(package), str(unpacked)], check=True, timeout=300)
    control = unpacked / "DEBIAN" / "control"
    control.write_text(control.read_text().replace("Version: 0.1.0\n", "Version: 0.1.1\n"))
    kind = unpacked / "etc" / "gateway" / "kinds" / "SBW.yaml"
    kind.write_text(kind.read_text() + "# as the next version has it\n")
    made = package.with_name("gateway_0.1.1_amd64.deb")
    command = ["dpkg-deb", "--build", "--root-owner-group", "-Znone", str(unpacked), str(made)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=300)
    shutil.rmtree(unpacked)
    return made


@pytest.fixture(scope="module")
def debian(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Debian]:
    """An empty Debian 12 that runs."""
    with Debian(tmp_path_factory.mktemp("debian") / "root").install() as machine:
        yield machine


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_the_package_is_whole_and_names_no_folder_of_its_build(package: Path) -> None:
    listed = subprocess.run(
        ["dpkg-deb", "-c", str(package)], capture_output=True, text=True, check=True, timeout=120
    ).stdout
    owners = {line.split()[1] for line in listed.splitlines()}
    assert owners == {"root/root"}
    sources = set(re.findall(r"(\S+site-packages/\S+)\.py$", listed, re.MULTILINE))
    compiled = set(re.findall(r"(\S+site-packages/\S+)\.cpython-311\.pyc$", listed, re.MULTILINE))
    assert len(sources) > 1500
    assert len(compiled) > 0.98 * len(sources)
    for wanted in ("./usr/bin/gateway", "gateway.8.gz", "bash-completion/completions/gateway", "doc/gateway/copyright"):
        assert wanted in listed
    unpacked = package.parent / "looked"
    subprocess.run(["dpkg-deb", "-R", str(package), str(unpacked)], check=True, timeout=300)
    found = subprocess.run(
        ["grep", "-rlE", "/tmp/tmp[.]", str(unpacked)], capture_output=True, text=True, check=False, timeout=300
    )
    shutil.rmtree(unpacked)
    assert found.stdout == ""


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_the_handbook_leads_from_nothing_to_an_approved_file_and_through_an_upgrade(
    debian: Debian, package: Path, next_package: Path, tmp_path: Path
) -> None:
    debian.bring(package)
    debian.bring(next_package)
    (tmp_path / "WMO_0363_2026H1.csv").write_bytes(sample())
    said = follow(debian, tmp_path)
    assert "_GOEDGEKEURD.html" in said
    assert debian.run("gateway health").stdout.startswith("GROEN")
    assert re.search(r"approved by \w+", said)
    upgrade(debian)
    broken_configuration(debian)
    remove_and_purge(debian)


def sample() -> bytes:
    """Two good records over the half-year of the handbook."""
    made = f"{TODAY:%Y%m%d}"
    rows = [
        [
            "0363",
            made,
            "999990007",
            "T-1",
            "01",
            "01",
            "20260101",
            "",
            "1",
            "20260115",
            "",
            "4",
            "04",
            "2",
            "4",
            "04",
            "2",
            "",
        ],
        ["0363", made, "999990019", "T-2", "07", "", "20260201", "", "2", *[""] * 9],
    ]
    return csv_bytes(WMO_HEADER, rows)


def follow(debian: Debian, computer: Path) -> str:
    """Do what the page says; everything that was printed."""
    said, code = "", ""
    for step in steps(ROOT / "docs" / "administrator" / "install.md"):
        text = step.text
        if step.place == "gateway":
            # The one thing that needs the world outside: what apt would bring is there already.
            told = debian.run(text.replace("apt-get update\n", "")).stdout
            code = (re.findall(r"VERIFICATIE_([0-9a-f-]+)", told) or [code])[-1]
        elif step.place == "municipality":
            told = on_her_computer(debian, computer, text.replace("VERIFICATIE_CODE", f"VERIFICATIE_{code}"))
        else:
            debian.write(step.place, as_of_today(text, computer))
            told = ""
        said += told
    return said


def on_her_computer(debian: Debian, computer: Path, text: str) -> str:
    """Her commands, on the loopback address; a listing is asked for until the report is there."""
    options = "-F none -o IdentitiesOnly=yes -o StrictHostKeyChecking=accept-new -o UserKnownHostsFile=known_hosts -b -"
    text = text.replace("sftp -P", f"sftp {options} -P").replace("gateway.example.nl", "127.0.0.1")
    told = debian.beside(text, computer).stdout
    if "ls -1 /0363/outbox" in text:
        for _ in range(30):
            if "TR_" in told:
                break
            debian.run("sleep 1")
            told = debian.beside(text, computer).stdout
    return told


def as_of_today(text: str, computer: Path) -> str:
    """A file of the handbook with Anna's own key, and with days around today."""
    opens, closes = TODAY - timedelta(days=7), TODAY + timedelta(days=25)
    text = re.sub(r"delivery: \{.*\}", f"delivery: {{opens: {opens}, closes: {closes}}}", text)
    text = re.sub(r"target: .*", f"target: {TODAY + timedelta(days=14)}", text)
    after = f"withdrawal: {{opens: {closes + timedelta(days=1)}, closes: {closes + timedelta(days=14)}}}"
    text = re.sub(r"withdrawal: \{.*\}", after, text)
    key = computer / "anna.0363.pub"
    return re.sub(r'"ssh-ed25519 \S*\.\.\. anna\.0363"', f'"{key.read_text().strip()}"', text) if key.exists() else text


def upgrade(debian: Debian) -> None:
    debian.run("sed -i 's/^# mail:/# my own remark\\n# mail:/' /etc/gateway/gateway.yaml")
    debian.run("sha256sum /etc/gateway/*.yaml /etc/gateway/rounds/* /etc/gateway/host_key_ed25519 >edited")
    before = debian.run("gateway log --from 2020-01-01 --to 2099-12-31 --format csv").stdout.splitlines()
    process = debian.run("systemctl show -p MainPID gateway").stdout
    debian.run("apt-get install -y ./gateway_0.1.1_amd64.deb")
    debian.run("sha256sum -c --quiet edited")
    assert debian.run("systemctl show -p MainPID gateway").stdout != process
    assert (
        debian.run("systemctl is-active gateway gateway-health.timer gateway-backup.timer").stdout.split()
        == ["active"] * 3
    )
    assert "as the next version has it" in debian.run("tail -1 /etc/gateway/kinds/SBW.yaml").stdout
    after = debian.run("gateway log --from 2020-01-01 --to 2099-12-31 --format csv").stdout.splitlines()
    assert after[: len(before)] == before
    assert int(debian.run("ls /var/backups/gateway/*.db | wc -l").stdout) >= 2
    assert debian.run("gateway health").stdout.startswith("GROEN")


def broken_configuration(debian: Debian) -> None:
    """What runs goes on; mended, the package is completed."""
    process = debian.run("systemctl show -p MainPID gateway").stdout
    copies = debian.run("ls /var/backups/gateway").stdout
    debian.run("echo 'nonsense: 1' >>/etc/gateway/gateway.yaml")
    refused = debian.run("dpkg -i ./gateway_0.1.1_amd64.deb", check=False)
    assert refused.returncode == 1
    assert "Nothing was restarted" in refused.stdout
    assert debian.run("systemctl show -p MainPID gateway").stdout == process
    assert debian.run("ls /var/backups/gateway").stdout == copies
    debian.run("sed -i '/^nonsense/d' /etc/gateway/gateway.yaml; dpkg --configure gateway")
    assert debian.run("systemctl show -p MainPID gateway").stdout != process
    assert debian.run("gateway health").stdout.startswith("GROEN")


def remove_and_purge(debian: Debian) -> None:
    there = "find /var/lib/gateway /var/backups/gateway -name '*.db' -o -name '*.html' | sort"
    files = debian.run(there).stdout
    assert "stays" in debian.run("apt-get remove -y gateway").stdout
    assert debian.run("systemctl is-active gateway", check=False).stdout.strip() == "inactive"
    debian.run("sha256sum -c --quiet edited")
    assert "stays" in debian.run("apt-get purge -y gateway").stdout
    assert debian.run(there).stdout == files
    left = debian.run("find /etc/gateway -type f | sort").stdout.split()
    assert "/etc/gateway/host_key_ed25519" in left
    assert "/etc/gateway/gateway.yaml" not in left
