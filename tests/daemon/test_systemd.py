"""What systemd hears of the daemon and hands it, with real sockets and real units.

Does: listens where systemd would; has systemd-socket-activate start the daemon; has systemd-analyze judge the units.
Touches: the folder of a test, the loopback interface.
Does not: need systemd as process 1.
"""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import paramiko
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gateway.config.secrets import handed
from gateway.config.sections import Workers
from gateway.edge.sftp.house import MOST_HELD
from gateway.edge.sftp.server import Door
from tests.house import COMMAND, MOMENT, Gateway, copy_demo

UNITS = Path(__file__).resolve().parents[2] / "systemd"
SERVICES = sorted(path.name for path in UNITS.glob("*.service"))
LIMITS = {
    "gateway.service": 1.3,
    "gateway-sftp.service": 0.6,
    "gateway-sftp@.service": 0.6,
    "gateway-worker.service": 1.3,
}
# They look or copy, and end.
ONCE = {"gateway-health.service", "gateway-backup.service"}
PATIENCE = 30.0


@dataclass
class Listener:
    """The end of systemd: what was said so far."""

    path: Path
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.path))

    def hear(self, wanted: str, timeout: float = PATIENCE) -> str:
        """The next message that begins like this; those before it are kept in `said`."""
        until = time.monotonic() + timeout
        while (left := until - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                message = self.socket.recv(4096).decode()
            except TimeoutError:
                break
            self.said.append(message)
            if message.startswith(wanted):
                return message
        raise AssertionError(f"{wanted} was not said; heard: {self.said}")

    def silent_for(self, seconds: float) -> bool:
        """Whether nothing is said for that long."""
        self.socket.settimeout(seconds)
        try:
            self.said.append(self.socket.recv(4096).decode())
        except TimeoutError:
            return True
        return False


@pytest.fixture
def listener(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Listener]:
    """Systemd, listening."""
    made = Listener(tmp_path / "notify")
    monkeypatch.setenv("NOTIFY_SOCKET", str(made.path))
    yield made
    made.socket.close()


def test_ready_reload_and_stop_are_told(demo_template: Path, tmp_path: Path, listener: Listener) -> None:
    with Gateway(copy_demo(demo_template, tmp_path / "gateway")) as gateway:
        listener.hear("READY=1")
        gateway.process.send_signal(signal.SIGHUP)
        assert re.fullmatch(r"RELOADING=1\nMONOTONIC_USEC=[0-9]+", listener.hear("RELOADING=1"))
        listener.hear("READY=1")
        assert gateway.stop() == 0
        listener.hear("STOPPING=1")
    assert not any(each.startswith("WATCHDOG") for each in listener.said)


def test_a_broken_configuration_ends_its_reload_too(demo_template: Path, tmp_path: Path, listener: Listener) -> None:
    with Gateway(copy_demo(demo_template, tmp_path / "gateway")) as gateway:
        listener.hear("READY=1")
        (gateway.config / "participants.yaml").write_text("municipalities: 7\n")
        gateway.process.send_signal(signal.SIGHUP)
        listener.hear("RELOADING=1")
        listener.hear("READY=1")
        gateway.wait_event("configuration_rejected")


def test_the_watchdog_hears_nothing_while_the_intake_hangs(
    demo_template: Path, tmp_path: Path, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "2000000")
    root = copy_demo(demo_template, tmp_path / "gateway")
    with Gateway(root, {"watch": {"rescan_seconds": 0.2}}) as gateway:
        listener.hear("WATCHDOG=1")
        # Reading this landing's facts never ends, as on a disk that does not answer.
        landing = gateway.inbox / "0363" / ".landed" / "01234567-89ab-7cde-8f01-23456789abcd"
        landing.mkdir(parents=True)
        pipe = landing / "facts.json"
        os.mkfifo(pipe)
        until = time.monotonic() + PATIENCE
        while not listener.silent_for(2.5):
            assert time.monotonic() < until, "the watchdog was pinged although the intake hangs"
        # The disk answers again: nonsense, but an answer.
        descriptor = os.open(pipe, os.O_WRONLY)
        os.close(descriptor)
        pipe.unlink()
        listener.hear("WATCHDOG=1")


def test_who_is_not_watched_by_systemd_does_not_ping(monkeypatch: pytest.MonkeyPatch) -> None:
    from gateway.daemon.systemd import watchdog_seconds

    monkeypatch.delenv("WATCHDOG_USEC", raising=False)
    assert watchdog_seconds() is None
    monkeypatch.setenv("WATCHDOG_USEC", "60000000")
    assert watchdog_seconds() == 60.0
    monkeypatch.setenv("WATCHDOG_PID", "1")
    assert watchdog_seconds() is None


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.mark.parametrize("alone", [(), ("unshare", "--net")], ids=["network", "no-network"])
def test_the_socket_of_systemd_is_served_also_without_a_network(
    demo_template: Path, tmp_path: Path, alone: tuple[str, ...]
) -> None:
    root = copy_demo(demo_template, tmp_path / "gateway")
    port = free_port()
    command = ["systemd-socket-activate", "-l", f"127.0.0.1:{port}", "--fdname=sftp", *alone, str(COMMAND)]
    command += ["serve", "--config", str(root / "config"), "--role", "sftp", "--simulate", MOMENT]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as daemon:
        try:
            connected = connect(port, daemon)
            transport = paramiko.Transport(connected)
            key = paramiko.Ed25519Key.from_private_key_file(str(root / "demo" / "keys" / "amsterdam"))
            transport.banner_timeout = PATIENCE
            transport.connect(username="amsterdam", pkey=key)
            client = paramiko.SFTPClient.from_transport(transport)
            assert client is not None
            assert "0363" in client.listdir("/")
            transport.close()
        finally:
            daemon.send_signal(signal.SIGTERM)
            _, said = daemon.communicate(timeout=PATIENCE)
    assert daemon.returncode == 0
    assert '"host": "systemd"' in said


def connect(port: int, daemon: "subprocess.Popen[str]") -> socket.socket:
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        except ConnectionRefusedError:
            assert time.monotonic() < until
            assert daemon.poll() is None


def test_a_credential_of_systemd_goes_before_the_file_beside_the_configuration(
    demo_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "credentials"
    folder.mkdir()
    secret = Ed25519PrivateKey.generate()
    given = folder / "host_key_ed25519"
    given.write_bytes(secret.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    given.chmod(0o400)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))
    wanted = paramiko.Ed25519Key.from_private_key_file(str(given)).asbytes()
    with (
        Gateway(copy_demo(demo_template, tmp_path / "gateway")) as gateway,
        gateway.transport("amsterdam") as connection,
    ):
        assert connection.get_remote_server_key().asbytes() == wanted


def test_the_whole_story_runs_where_no_memory_is_both_written_and_executed(demo_template: Path, tmp_path: Path) -> None:
    # What MemoryDenyWriteExecute= asks, asked of the kernel itself: PR_SET_MDWE, inherited by the workers.
    asked = "import ctypes, os, sys; assert ctypes.CDLL(None).prctl(65, 1, 0, 0, 0) == 0; "
    program = f"{asked}os.execv(sys.argv[1], sys.argv[1:])"
    root = copy_demo(demo_template, tmp_path / "gateway")
    with Gateway(root, {"metrics": {"listen": "127.0.0.1:0"}}, prefix=(sys.executable, "-c", program)) as gateway:
        file = gateway.root / "demo" / "files" / "WMO_0363_2017H2.csv"
        assert gateway.sftp("amsterdam", f"put {file} /0363/inbox/WMO_0363_2017H2.csv\n").returncode == 0
        gateway.wait_report("0363", "^OO_")
        assert gateway.events(level="error") == []


def test_only_a_plain_name_is_looked_for_among_credentials(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("secret")
    environment = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert handed(Path("key"), environment) == tmp_path / "key"
    assert handed(Path("secrets/key"), environment) == tmp_path / "key"
    for other in ("/etc/key", "../key", "no_key"):
        assert handed(Path(other), environment) is None
    assert handed(Path("key"), {}) is None


@pytest.mark.parametrize("role", ["daemon", "worker"])
def test_nobody_leaves_a_core_dump_or_can_be_looked_into(gateway: Gateway, role: str) -> None:
    pid = gateway.process.pid
    if role == "worker":
        # The worker limits itself once it runs; it is there when its memory is limited.
        pid = gateway.wait_until(lambda: limited(children(pid)), "a worker")
    limits = Path(f"/proc/{pid}/limits").read_text()
    assert re.search(r"Max core file size\s+0\s+0\s", limits)


def children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += map(int, (task / "children").read_text().split())
    return found


def limited(pids: list[int]) -> int:
    found = [pid for pid in pids if not re.search(r"Max address space\s+unlimited", limits_of(pid))]
    return found[0] if found else 0


def limits_of(pid: int) -> str:
    return Path(f"/proc/{pid}/limits").read_text()


def test_a_process_that_said_so_is_not_dumpable() -> None:
    program = (
        "import ctypes, resource; from gateway.examine import no_dumps; no_dumps();"
        "print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), resource.getrlimit(resource.RLIMIT_CORE))"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30)
    assert said.stdout == "0 (0, 0)\n"


# --- the units --------------------------------------------------------------------------------------------------------


def test_the_units_are_without_a_mistake(tmp_path: Path) -> None:
    copies = []
    for unit in sorted([*UNITS.glob("*.service"), *UNITS.glob("*.socket"), *UNITS.glob("*.timer")]):
        text = unit.read_text().replace("/usr/bin/gateway", str(COMMAND))
        (tmp_path / unit.name).write_text(text)
        copies.append(str(tmp_path / unit.name))
    assert len(copies) >= 6
    said = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *copies], capture_output=True, text=True, check=False, timeout=60
    )
    ours = [line for line in (said.stdout + said.stderr).splitlines() if "gateway" in line]
    assert (said.returncode, ours) == (0, [])


@pytest.mark.parametrize("unit", SERVICES)
def test_no_unit_is_exposed_more_than_it_must_be(unit: str) -> None:
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager", str(UNITS / unit)]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", said.stdout)
    assert found is not None
    assert float(found[1]) <= LIMITS.get(unit, 1.3)


@pytest.mark.parametrize("unit", [name for name in SERVICES if name not in ONCE])
def test_every_service_can_be_watched_reloaded_and_drained(unit: str) -> None:
    text = (UNITS / unit).read_text()
    drain = (Door.drain.__defaults__ or (0.0,))[0]
    assert int(setting(text, "TimeoutStopSec")) >= drain + 30
    assert setting(text, "Type") == "notify"
    assert setting(text, "ExecReload") == "/bin/kill -HUP $MAINPID"
    assert setting(text, "LimitCORE") == "0"
    assert int(setting(text, "WatchdogSec")) > 0
    assert setting(text, "LoadCredential").startswith("host_key_ed25519:")


def test_one_more_sftp_process_differs_in_its_number_alone() -> None:
    first, more = ((UNITS / f"gateway-sftp{sign}.service").read_text().split("[Unit]")[1] for sign in ("", "@"))
    more = more.replace("SFTP, process %i\n", "SFTP\n").replace(" --process %i", "")
    assert more.replace("Sockets=gateway-sftp.socket\n", "", 1) == first


def setting(text: str, name: str) -> str:
    found = re.search(rf"(?m)^{name}=(.*)$", text)
    assert found is not None, name
    return found[1]


def bytes_of(text: str) -> int:
    """What systemd reads of `1536M` or `3G`."""
    return int(text[:-1]) << {"M": 20, "G": 30}[text[-1]]


@pytest.mark.parametrize("unit", sorted(LIMITS))
def test_memory_is_bounded_with_room_for_every_worker_and_the_manual_says_so(unit: str) -> None:
    lines = dict(re.findall(r"(?m)^(MemoryHigh|MemoryMax|OOMPolicy)=(.*)$", (UNITS / unit).read_text(encoding="utf-8")))
    high, most = bytes_of(lines["MemoryHigh"]), bytes_of(lines["MemoryMax"])
    workers = Workers()
    # What the workers may take at their own limit, so that it is that limit which a hostile file meets.
    needed = workers.count * workers.memory_megabytes << 20 if "sftp" not in unit else MOST_HELD
    assert needed + (256 << 20) <= most
    # Well above the largest figure of docs/performance.md: all processes, with a quarter of the country at once.
    assert 512 << 20 <= high < most
    assert lines["OOMPolicy"] == "continue"
    manual = (UNITS.parent / "docs" / "administrator.md").read_text(encoding="utf-8")
    assert f"| `{unit}` | {lines['MemoryHigh']} | {lines['MemoryMax']} |" in manual
