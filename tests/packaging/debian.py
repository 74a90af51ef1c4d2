"""An empty Debian 12 that runs: made with debootstrap, booted by systemd-nspawn, without a network.

Does: makes the machine, runs commands in it, and beside it (in its network, outside its files) as a stranger's
computer; reads the steps of the handbook.
Touches: the folder it is given; needs root.
Does not: assert.
"""

import os
import re
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

# What the package asks for, so that installing it needs no network.
BASE = "systemd,systemd-sysv,python3,openssh-client,procps,ca-certificates"
PATIENCE = 60.0
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8", "TERM": "xterm"}


@dataclass(frozen=True, slots=True)
class Step:
    """A block of the handbook: commands for root, commands for the municipality's computer, or a file."""

    place: str
    text: str


def steps(page: Path) -> list[Step]:
    """The blocks of a page in their order; what is only shown is left out."""
    found = []
    for language, text in re.findall(r"(?ms)^```(\w+)\n(.*?)^```$", page.read_text(encoding="utf-8")):
        file = re.match(r"# (/etc/gateway/\S+)\n", text)
        if language == "sh":
            found.append(Step("municipality" if text.startswith("# on ") else "gateway", text))
        elif language == "yaml" and file:
            found.append(Step(file[1], text))
    return found


class Debian:
    """A machine in `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._machine: subprocess.Popen[bytes] | None = None
        self._init = 0

    def install(self) -> Self:
        """Debian and nothing else."""
        command = ["debootstrap", "--variant=minbase", f"--include={BASE}", "bookworm", str(self.root)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=900)
        return self

    def __enter__(self) -> Self:
        command = ["systemd-nspawn", "--quiet", "-D", str(self.root), "--boot", "--private-network"]
        command += ["--register=no", "--keep-unit", "--hostname=gateway"]
        with (self.root.parent / "console").open("wb") as console:
            self._machine = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=console, stderr=console, start_new_session=True
            )
        children = Path(f"/proc/{self._machine.pid}/task/{self._machine.pid}/children")
        until = time.monotonic() + PATIENCE
        while not self._booted(children):
            if time.monotonic() > until or self._machine.poll() is not None:
                self._machine.kill()
                self._machine.wait(PATIENCE)
                raise AssertionError((self.root.parent / "console").read_text(errors="replace")[-4000:])
            # Nobody tells when a machine without a bus to the outside is up.
            subprocess.run(["sleep", "0.5"], check=True)
        return self

    def _booted(self, children: Path) -> bool:
        try:
            self._init = int((children.read_text().split() or ["0"])[0])
        except FileNotFoundError:
            return False
        return bool(self._init) and self.run("systemctl is-system-running", check=False).stdout.strip() in (
            "running",
            "degraded",
        )

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._machine is not None:
            # systemd in the machine powers off at this signal (RTMIN+4).
            os.kill(self._init, 38)
            self._machine.wait(PATIENCE)

    def run(self, script: str, *, check: bool = True, timeout: float = 300.0) -> "subprocess.CompletedProcess[str]":
        """Run a script as root; both streams in `stdout`."""
        command = ["nsenter", "-t", str(self._init), "-m", "-u", "-i", "-n", "-p"]
        return self._run([*command, "sh", "-eu", "-c", f"cd /root\n{script}"], check, timeout, ENVIRONMENT)

    def beside(self, script: str, folder: Path, *, check: bool = True) -> "subprocess.CompletedProcess[str]":
        """Run a script on a computer that reaches the machine over the network and has nothing else of it."""
        command = ["nsenter", "-t", str(self._init), "-n", "sh", "-eu", "-c", f"cd {folder}\n{script}"]
        return self._run(command, check, 120.0, dict(os.environ))

    @staticmethod
    def _run(
        command: list[str], check: bool, timeout: float, environment: dict[str, str]
    ) -> "subprocess.CompletedProcess[str]":
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            check=False, timeout=timeout, env=environment, cwd="/",
        )  # fmt: skip
        if check and done.returncode:
            raise AssertionError(f"{command[-1]}\nended with {done.returncode}:\n{done.stdout[-6000:]}")
        return done

    def write(self, path: str, text: str) -> None:
        """A file in the machine, as an administrator's editor leaves it."""
        file = self.root / path.lstrip("/")
        file.write_text(text, encoding="utf-8")
        file.chmod(0o644)

    def bring(self, file: Path) -> None:
        """Copy a file to /root."""
        shutil.copy(file, self.root / "root" / file.name)
