"""The demo as a person lives it: init, serve, and what PASTE.txt says, typed into a real OpenSSH client.

Does: starts `gateway serve` in a sandbox on a free port, runs the blocks of PASTE.txt in a shell, looks at what was
fetched.
Touches: a temporary folder, a port on the loopback address, processes that it ends.
Does not: wait a fixed time; where a person waits three seconds the test waits until the report lies in the outbox.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

GATEWAY = Path(sys.executable).with_name("gateway")
# What each block of PASTE.txt waits for.
REPORTS = (
    ("TR_0363_2017H2_WMO_v001",),
    ("OO_0363_2017H2_WMO_v002",),
    tuple(f"OO_0363_2017H2_{item}" for item in ("WMO_v003", "KOSTENWMO_v001", "SBW_v001", "JEUGD_v001")),
    ("OB_0377_2017H2_JEUGD",),
    ("IB_0363_2017H2_WMO",),
)


@dataclass(frozen=True)
class Demo:
    """A served demo: its folder and the port it listens on."""

    root: Path
    port: int


@pytest.fixture(scope="module")
def laid_out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A demo that nobody serves yet."""
    root = tmp_path_factory.mktemp("demo") / "gateway"
    subprocess.run([GATEWAY, "init", root, "--demo"], check=True, capture_output=True, timeout=60)
    return root


@contextmanager
def serving(root: Path, moment: str) -> Iterator[Demo]:
    """The demo served from a moment on, ended in order afterwards."""
    serve = [str(GATEWAY), "serve", "--config", str(root / "config")]
    sandbox = ["--listen", "127.0.0.1:0", "--simulate", moment]
    with subprocess.Popen([*serve, *sandbox], stderr=subprocess.PIPE, text=True) as daemon:
        try:
            assert daemon.stderr is not None
            port = next(event["port"] for line in daemon.stderr if (event := json.loads(line)).get("port"))
            yield Demo(root, port)
        finally:
            daemon.terminate()
            daemon.communicate(timeout=60)
    assert daemon.returncode == 0


def blocks(demo: Demo) -> list[str]:
    """The numbered blocks of PASTE.txt, for this port, waiting for a report where a person waits."""
    paste = (demo.root / "demo" / "PASTE.txt").read_text().replace("-P 2222", f"-P {demo.port}")
    known = demo.root / "demo" / "known_hosts"
    known.write_text(re.sub(r"\]:[0-9]+", f"]:{demo.port}", known.read_text()))
    found = re.findall(r"^sftp .*?^END$", paste, re.DOTALL | re.MULTILINE)
    assert len(found) == len(REPORTS)
    outbox = demo.root / "outbox"
    looks = [" ".join(f"'{outbox}'/{report[3:7]}/{report}_*.json" for report in reports) for reports in REPORTS]
    # Bounded: when the test gives up, the shell that waits must not go on for ever.
    more = "[ $n -ge 500 ]; do n=$((n+1)); sleep 0.1; done"
    waits = [f"!n=0; until ls {look} >/dev/null 2>&1 || {more}" for look in looks]
    return [block.replace("!sleep 3", wait) for block, wait in zip(found, waits, strict=True)]


@pytest.mark.clients
def test_what_is_pasted_works(laid_out: Path) -> None:
    folder = laid_out / "demo"

    def paste(block: str) -> str:
        command = ["sh", "-c", block]
        return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, timeout=60).stdout

    with serving(laid_out, "2018-02-12T09:00") as demo:
        for block in blocks(demo)[:4]:
            paste(block)
    _delivered(laid_out)
    [restart] = [line for line in (folder / "PASTE.txt").read_text().splitlines() if "gateway serve" in line]
    with serving(laid_out, restart.rpartition(" ")[2]) as demo:
        said = paste(blocks(demo)[4])
    assert "/0363/intrekken/WMO_2017H2.ingetrokken" in said
    fetched = {path.name.rpartition("_")[2] for path in (folder / "reports").glob("IB_0363_2017H2_WMO_*")}
    assert fetched == {"INGETROKKEN.html", "INGETROKKEN.json"}


def _delivered(root: Path) -> None:
    """What the first blocks brought home."""
    folder = root / "demo"
    fetched = sorted(path.name for path in (folder / "reports").iterdir())
    (rejected,) = [name for name in fetched if re.fullmatch(r"TR_0363_2017H2_WMO_v001_.*\.json", name)]
    report = json.loads((folder / "reports" / rejected).read_text())
    assert report["outcome"] == "AFGEKEURD"
    assert {finding["code"] for finding in report["findings"]} == {
        *(f"R0{number}" for number in range(1, 9)),
        "W02",
        "W06",
    }
    status = json.loads((folder / "reports" / "status.json").read_text())
    assert status["sandbox"] is True
    states = {(item["kind"], item["period"]): item["state"] for item in status["items"]}
    assert states["WMO", "2017H2"] == "assessed"
    for kind in ("WMO_v003", "KOSTENWMO_v001", "SBW_v001", "JEUGD_v001"):
        assert any(name.startswith(f"TR_0363_2017H2_{kind}_") and "GOEDGEKEURD" in name for name in fetched)
        assert any(name.startswith(f"OO_0363_2017H2_{kind}_") and name.endswith(".html") for name in fetched)
    listed = [path.name for path in (root / "outbox" / "0363").iterdir() if path.is_file()]
    assert listed == []
    assert any(re.fullmatch(r"OB_0377_2017H2_JEUGD_.*_GEEN-LEVERING\.json", name) for name in fetched)
    status = json.loads((folder / "reports" / "status-0377.json").read_text())
    states = {(item["kind"], item["period"]): item["state"] for item in status["items"]}
    assert states["JEUGD", "2017H2"] == "nothing"


@pytest.mark.clients
def test_a_delegating_municipality_is_refused(laid_out: Path) -> None:
    with serving(laid_out, "2018-02-12T09:00") as served:
        _refused(served)


def _refused(served: Demo) -> None:
    blocks(served)
    command = ["sftp", "-q", "-P", str(served.port), "-i", "keys/zandvoort", "-b", "-"]
    options = ["-o", "IdentitiesOnly=yes", "-o", "UserKnownHostsFile=known_hosts", "zandvoort@127.0.0.1"]
    said = subprocess.run(
        [*command, *options],
        input="put files/WMO_0473_2017H2.csv /0473/inbox/\n",
        cwd=served.root / "demo",
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert said.returncode == 1
    assert not any((served.root / "inbox" / "0473").glob("*/*/payload"))
