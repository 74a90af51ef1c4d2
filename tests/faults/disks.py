"""Faults of the disk: full and read-only, for the data folders and for the ledger, while clients upload.

Does: gives a gateway small file systems (tmpfs) of its own, fills them, makes them read-only, and takes that back;
where a kernel lets nobody mount, forbids the process to write another byte (RLIMIT_FSIZE).
Touches: mounts in a user namespace of its own, which no other process sees; no root is needed.
Does not: judge (oracle).

A file system cannot be made read-only while a file on it is open for writing, as the ledger of a running gateway is.
For that one the limit stands in, and the mount is made read-only between two starts.

Run as a program it is the child that `inside` starts in that namespace, so that all of a scene sees the mounts:
gateway, clients and oracle.
"""

import json
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from tests.faults.load import Told
from tests.faults.rig import PATIENCE, Outcome, Rig
from tests.house import Gateway

TMPFS = "tmpfs in a user namespace"
LIMIT = "RLIMIT_FSIZE 0"
# Less than a page of the ledger; Python itself writes a few bytes when it starts.
SMALL = "RLIMIT_FSIZE 1024"
SIZES = {"inbox": "24m", "outbox": "48m", "var": "24m"}
ROOT = Path(__file__).resolve().parents[2]


@cache
def may_mount() -> bool:
    """Whether this kernel lets a process have mounts of its own."""
    command = ["unshare", "-rm", "sh", "-c", "mount -t tmpfs -o size=1m tmpfs /mnt"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def inside(root: Path, fault: str, name: str, times: int) -> Outcome:
    """Play a scene in a process that may mount, where that is possible."""
    answer = root.with_name("outcome.json")
    command = [sys.executable, "-m", "tests.faults.disks", str(root), str(answer), fault, name, str(times)]
    ended = subprocess.run(
        [*(("unshare", "-rm") if may_mount() else ()), *command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if ended.returncode != 0:
        raise AssertionError(ended.stderr)
    said = json.loads(answer.read_bytes())
    told = Counter({Told(word): number for word, number in said["told"].items()})
    return Outcome(said["times"], told, tuple(said["wrong"]), said["recovery"], said["remark"])


def mount(folder: Path, options: str) -> bool:
    """Mount a tmpfs, or mount it otherwise; False when that cannot be."""
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def on_small_disks(root: Path) -> None:
    """What is in the folders of a demo moves onto file systems of their own."""
    for name, size in SIZES.items():
        folder, kept = root / name, root / f"{name}.kept"
        folder.rename(kept)
        folder.mkdir()
        if not mount(folder, f"size={size},mode=750"):
            raise AssertionError(f"no tmpfs on {folder}")
        subprocess.run(["cp", "-a", f"{kept}/.", str(folder)], check=True)


# --- the faults: each is done to a running gateway and taken back -----------------------------------------------------


@contextmanager
def no_more_bytes(rig: Rig) -> Iterator[str]:
    """The process may not write to a file any more, from one moment to the next."""
    _, hard = resource.prlimit(rig.house.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(rig.house.process.pid, resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield LIMIT
    finally:
        resource.prlimit(rig.house.process.pid, resource.RLIMIT_FSIZE, (hard, hard))


@contextmanager
def full(rig: Rig, folder: Path) -> Iterator[str]:
    """Not a byte is free on the file system of a folder."""
    filler = folder / ".filler"
    for step in (1 << 20, 4096, 1):
        with filler.open("ab", buffering=0) as file, suppress(OSError):
            while file.write(bytes(step)):
                pass
    try:
        yield TMPFS
    finally:
        filler.unlink()


@contextmanager
def read_only(rig: Rig, folder: Path) -> Iterator[str]:
    """The file system of a folder is mounted read-only."""
    rig.house.wait_until(lambda: mount(folder, "remount,ro"), f"{folder.name} read-only")
    try:
        yield TMPFS
    finally:
        mount(folder, "remount,rw")


FAULTS = {"full": full, "read-only": read_only}


# --- the scenes -------------------------------------------------------------------------------------------------------


def hurt(root: Path, fault: str, name: str, times: int) -> Outcome:
    """Clients upload before, during and after a fault of one folder, so many times; the gateway lives on."""
    means = ""
    with Rig(root) as rig:
        rig.start()
        for _ in range(times):
            rig.load(3).join()
            hurting = FAULTS[fault](rig, root / name) if may_mount() and fault in FAULTS else no_more_bytes(rig)
            # A mail may be under way when the ledger can note nothing any more.
            rig.doubtful += name == "var"
            with hurting as means:
                rig.load(4).join()
            rig.recovered(time.monotonic())
            rig.again()
        return rig.outcome(times, means)


def started_read_only(root: Path) -> Outcome:
    """The ledger's file system is read-only when the gateway starts: it refuses, and serves when that is over."""
    with Rig(root) as rig:
        rig.start()
        rig.load(3).join()
        rig.house.stop()
        rig.house.ledger().close()
        mounts = may_mount()
        if mounts:
            rig.expect(mount(root / "var", "remount,ro"), "it could not be made read-only")
        refused = rig.gateway() if mounts else rig.gateway("prlimit", "--fsize=1024")
        code, said = refusal(refused)
        rig.expect(code == 4, f"on a read-only ledger it ended with {code}: {said}")
        if mounts:
            mount(root / "var", "remount,rw")
        rig.house = rig.gateway()
        rig.start()
        return rig.outcome(1, f"{TMPFS if mounts else SMALL}; exit {code}: {said}")


def refusal(house: Gateway) -> tuple[int, str]:
    """How a gateway that must not start ended: exit code and last line."""
    try:
        house.start()
    except AssertionError:
        return house.wait_end(PATIENCE), house.text().strip().rpartition("\n")[2]
    house.stop()
    return 0, "it serves"


def main(root: Path, answer: Path, fault: str, name: str, times: int) -> None:
    """Play a scene; its outcome is written to a file."""
    if may_mount():
        on_small_disks(root)
    outcome = started_read_only(root) if fault == "start" else hurt(root, fault, name, times)
    said = {name: getattr(outcome, name) for name in Outcome.__slots__}
    answer.write_text(json.dumps(said), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], sys.argv[4], int(sys.argv[5]))
