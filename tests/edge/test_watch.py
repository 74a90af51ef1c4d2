"""The watch folder, by hand: every way in which a program puts a file there, and every way in which that goes wrong.

Does: puts files with cp, rsync, mv, ln and editors' habits while the watch looks; leaves them half, huge, unreadable,
foreign, oddly named; takes folders away; becomes a user without rights where rights are what is tried.
Touches: temporary folders, /dev/shm for another file system.
Does not: run the daemon (test_watch_of_a_daemon).
"""

import fcntl
import os
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.config.sections import Watch
from gateway.domain.model import Drop
from gateway.edge import watch
from gateway.edge.watch import Watcher
from gateway.store import leases
from gateway.store.claims import Claim
from gateway.store.ledger import drops
from gateway.workflow import folders, retain
from gateway.workflow.intake import Intake
from gateway.workflow.recover import differences, recover
from gateway.workflow.throttle import Throttle
from tests.samples import cost_csv, wmo_csv
from tests.world import World, shipped

NAME = "WMO_0363_2017H2.csv"
SMALL = wmo_csv(3, seed=1)
OTHER = wmo_csv(3, seed=2)
# Large enough to be seen half.
LARGE = wmo_csv(3, seed=1) * 3000
NOBODY = 65534
FOREIGN = 4242


class Bench:
    """A world, its watch and its intake. `seconds` is technical time."""

    def __init__(self, folder: Path, **settings: object) -> None:
        folder.mkdir(exist_ok=True)
        self.world = World(folder).open("amsterdam", "bloemendaal")
        self.inbox = self.world.spool.inbox / "0363"
        self.seconds = 0.0
        self.watcher = Watcher(
            self.world.ctx,
            Watch.model_validate({"accounts": shipped().settings.watch.accounts, "quiet_seconds": 2} | settings),
            monotonic=lambda: self.seconds,
            claimed=lambda: None,
            tell=self.world.tell,
        )
        self.intake = Intake(
            self.world.ctx,
            rescan_seconds=3600,
            received=lambda: None,
            tell=self.world.tell,
            monotonic=lambda: self.seconds,
        )

    def take(self) -> int:
        """The watch looks, intake receives; how many files were claimed."""
        count = self.watcher.scan()
        self.intake.scan()
        return count

    def told(self, event: str) -> list[dict[str, object]]:
        return [facts for each, facts in self.world.told if each == event]

    def drops(self) -> list[Drop]:
        return drops.recent(self.world.engine, 1000)[::-1]

    def bodies(self) -> list[bytes]:
        return [drops.payload(self.world.engine, each.id) for each in self.drops()]

    def aside(self) -> list[Path]:
        """The refused files, kept for their owner."""
        return sorted(self.inbox.glob(".geweigerd/*/*"))

    def empty_claims(self) -> list[Path]:
        return list(self.inbox.glob(".claimed/*"))


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path / "house")
    yield made
    made.world.close()


@pytest.fixture
def quiet(tmp_path: Path) -> Iterator[Bench]:
    """Without leases."""
    made = Bench(tmp_path / "house", leases="off")
    yield made
    made.world.close()


@contextmanager
def without_rights(folder: Path) -> Iterator[None]:
    """As a user for whom permissions count."""
    if os.geteuid() != 0:
        yield
        return
    os.chown(folder, NOBODY, NOBODY)
    os.setegid(NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


@pytest.fixture
def humble() -> Iterator[Bench]:
    """A gateway that is not root. Its folder lies where others may come."""
    shipped()
    with tempfile.TemporaryDirectory() as folder, without_rights(Path(folder)):
        made = Bench(Path(folder) / "house")
        yield made
        made.world.close()
        for path in Path(folder).rglob("*"):
            if path.is_dir():
                path.chmod(0o700)


@pytest.fixture
def broken_leases() -> Iterator[None]:
    """SIGIO does no harm, as in the daemon."""
    before = signal.signal(signal.SIGIO, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGIO, before)


# --- every way in -----------------------------------------------------------------------------------------------------

WAYS = {
    "cp": "cp {here} {there}",
    "cp -p": "cp -p {here} {there}",
    "cp --reflink=never --sparse=always": "cp --sparse=always {here} {there}",
    "rsync": "rsync {here} {there}",
    "rsync -a": "rsync -a {here} {there}",
    "rsync --inplace": "rsync --inplace {here} {there}",
    "rsync --partial --delay-updates": "rsync --partial --delay-updates {here} {there}",
    "mv": "mv {here} {there}",
    "mv from another file system": "mv {elsewhere} {there}",
    "ln": "ln {here} {there}",
    "install": "install -m 640 {here} {there}",
    "dd": "dd if={here} of={there} bs=4096 status=none",
    "tee": "tee {there}",
    "cp and mv": "cp {here} {there}.part && mv {there}.part {there}",
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
def test_however_a_file_is_put_there_it_is_received_once_and_whole(bench: Bench, tmp_path: Path, way: str) -> None:
    here = tmp_path / "source.csv"
    here.write_bytes(LARGE)
    with tempfile.TemporaryDirectory(dir="/dev/shm") as far:
        elsewhere = Path(far) / "source.csv"
        elsewhere.write_bytes(LARGE)
        command = way.format(here=here, there=bench.inbox / NAME, elsewhere=elsewhere)
        with (
            here.open("rb") as said,
            subprocess.Popen(["sh", "-c", command], stdin=said, stdout=subprocess.DEVNULL) as putting,
        ):
            while putting.poll() is None:
                bench.take()
        assert putting.returncode == 0
    bench.take()
    assert bench.bodies() == [LARGE]
    assert [each.file.name for each in bench.drops()] == [NAME]
    assert bench.told("refused") == []


@pytest.mark.parametrize("name", [".WMO.csv.swp", "WMO.csv~", "#WMO.csv#", ".#WMO.csv", "~$WMO.csv", "WMO.csv.tmp"])
def test_what_an_editor_keeps_beside_a_file_stays(bench: Bench, name: str) -> None:
    (bench.inbox / name).write_bytes(SMALL)
    assert bench.take() == 0
    assert (bench.inbox / name).read_bytes() == SMALL
    assert bench.world.told == []


def test_an_older_mtime_does_not_make_a_correction_the_older_file(bench: Bench) -> None:
    for name, body, mtime in ((NAME, OTHER, 2_000_000_000), ("0363_WMO_2017H2.csv", SMALL, 1)):
        path = bench.inbox / name
        path.write_bytes(body)
        os.utime(path, (mtime, mtime))
    bench.take()
    assert bench.bodies() == [OTHER, SMALL]


def test_the_same_name_again_while_the_first_is_claimed_makes_two_drops(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = bench.inbox / NAME
    path.write_bytes(SMALL)
    during(bench, monkeypatch, after=lambda: path.write_bytes(OTHER))
    assert bench.take() == 1
    monkeypatch.undo()
    bench.take()
    assert bench.bodies() == [SMALL, OTHER]


# --- half -------------------------------------------------------------------------------------------------------------


def during(
    bench: Bench,
    monkeypatch: pytest.MonkeyPatch,
    before: Callable[[], object] = lambda: None,
    after: Callable[[], object] = lambda: None,
) -> None:
    """Something happens right before or right after the watch moves a file."""
    claim = bench.world.spool.claim

    def claim_meanwhile(path: Path, municipality: str, lane: str, claim_id: str, put_at: int | None = None) -> Claim:
        before()
        made = claim(path, municipality, lane, claim_id, put_at)
        after()
        return made

    monkeypatch.setattr(bench.world.spool, "claim", claim_meanwhile)


def test_without_leases_a_file_that_changes_waits_until_it_is_quiet(quiet: Bench) -> None:
    path = quiet.inbox / NAME
    with path.open("wb", buffering=0) as writer:
        for part in (SMALL[:50], SMALL[50:90], SMALL[90:]):
            writer.write(part)
            assert quiet.take() == 0
            quiet.seconds += 1.9
            assert quiet.take() == 0
    quiet.seconds += 0.2
    assert quiet.take() == 1
    assert quiet.bodies() == [SMALL]


def test_without_leases_another_file_of_the_same_size_and_time_starts_anew(quiet: Bench) -> None:
    path, fresh = quiet.inbox / NAME, quiet.inbox / "other.part"
    for each, body in ((path, SMALL), (fresh, OTHER[: len(SMALL)].ljust(len(SMALL)))):
        each.write_bytes(body)
        os.utime(each, (1, 1))
    assert quiet.take() == 0
    quiet.seconds += 3
    fresh.rename(path)
    assert quiet.take() == 0
    quiet.seconds += 3
    assert quiet.take() == 1


@pytest.mark.usefixtures("broken_leases")
def test_a_file_that_somebody_begins_to_write_while_it_is_claimed_is_given_back(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = bench.inbox / NAME
    path.write_bytes(SMALL)

    def begin_to_write() -> None:
        with pytest.raises(BlockingIOError):
            os.open(path, os.O_WRONLY | os.O_NONBLOCK)

    during(bench, monkeypatch, before=begin_to_write)
    assert bench.take() == 0
    assert path.read_bytes() == SMALL
    assert bench.empty_claims() == []
    monkeypatch.undo()
    assert bench.take() == 1


def test_a_half_file_put_in_the_place_of_a_whole_one_is_given_back(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, fresh = bench.inbox / NAME, bench.inbox / "fresh.part"
    path.write_bytes(SMALL)
    with fresh.open("wb", buffering=0) as writer:
        writer.write(OTHER[:40])
        during(bench, monkeypatch, before=lambda: fresh.rename(path) if fresh.exists() else None)
        assert bench.take() == 0
        writer.write(OTHER[40:])
    monkeypatch.undo()
    assert bench.take() == 1
    assert bench.bodies() == [OTHER]
    assert bench.empty_claims() == []


def test_a_link_put_in_the_place_of_a_file_is_given_back(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret, path = tmp_path / "secret", bench.inbox / NAME
    secret.write_bytes(OTHER)
    path.write_bytes(SMALL)

    def swap() -> None:
        path.unlink()
        path.symlink_to(secret)

    during(bench, monkeypatch, before=swap)
    assert bench.take() == 0
    assert path.is_symlink()
    assert bench.drops() == []
    assert secret.stat().st_nlink == 1


def test_a_claimed_file_that_is_written_under_another_name_is_not_received(bench: Bench, tmp_path: Path) -> None:
    path, second = bench.inbox / NAME, tmp_path / "second"
    path.write_bytes(SMALL)
    second.hardlink_to(path)
    bench.watcher.scan()
    with second.open("ab") as writer:
        bench.intake.scan()
        bench.intake.scan()
        assert bench.drops() == []
        writer.write(b"more")
    assert len(bench.told("claim_failed")) == 1
    bench.intake.scan()
    assert bench.bodies() == [SMALL + b"more"]


def test_a_file_that_vanishes_is_nobodys_trouble(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    path = bench.inbox / NAME
    path.write_bytes(SMALL)
    during(bench, monkeypatch, before=path.unlink)
    assert bench.take() == 0
    assert bench.world.told == []
    assert bench.empty_claims() == []


# --- what is no file --------------------------------------------------------------------------------------------------


def test_what_is_no_file_stays_and_is_told_once(bench: Bench, tmp_path: Path) -> None:
    (bench.inbox / "folder.csv").mkdir()
    (bench.inbox / "link.csv").symlink_to(tmp_path / "anything")
    (bench.inbox / "loop.csv").symlink_to(bench.inbox / "loop.csv")
    os.mkfifo(bench.inbox / "fifo.csv")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(bench.inbox / "s.csv"))
        for _ in range(3):
            assert bench.take() == 0
    said = [(facts["sort"], facts["number"]) for facts in bench.told("watch_skipped")]
    assert said == [("device", 2), ("folder", 1), ("link", 2)]
    assert {each.name for each in bench.inbox.glob("[!.]*")} == {
        "proef", "folder.csv", "link.csv", "loop.csv", "fifo.csv", "s.csv"
    }  # fmt: skip


# --- refused ----------------------------------------------------------------------------------------------------------


def refused_once(bench: Bench, code: str) -> None:
    """The owner finds it back, a refusal in status.json and a receipt; the log says so once."""
    bench.take()
    assert [facts["code"] for facts in bench.told("refused")] == [code]
    assert bench.told("claim_failed") == []
    assert len(bench.aside()) == 1
    assert sum(stem.endswith("GEWEIGERD") for stem in bench.world.stems()) == 1
    assert f'"{code}"'.encode() in folders.status(bench.world.ctx, "0363")
    assert bench.empty_claims() == []
    assert bench.drops() == []


@pytest.mark.parametrize("size", [2_621_441, 1 << 42], ids=["one byte", "larger than the disk"])
def test_a_file_over_the_limit_is_set_aside_without_a_copy(bench: Bench, size: int) -> None:
    with (bench.inbox / NAME).open("wb") as sparse:
        sparse.truncate(size)
    bench.take()
    refused_once(bench, "TOO_LARGE")
    status = bench.aside()[0].stat()
    assert (status.st_size, status.st_blocks) == (size, 0)
    assert list((bench.world.spool.inbox / ".staging").iterdir()) == []


ODD = {
    "not utf-8": b"WMO_0363_\xff\xfe2017H2.csv",
    "newline": b"WMO_0363\n2017H2.csv",
    "escape": b"\x1b[2J.csv",
    "255 bytes": b"\xc3\xa9" * 125 + b".csvv",
    "backslash": b"a\\..\\x.csv",
}


@pytest.mark.parametrize("name", ODD.values(), ids=ODD.keys())
def test_a_file_with_an_odd_name_is_set_aside_under_that_name(bench: Bench, name: bytes) -> None:
    Path(os.fsdecode(os.fsencode(bench.inbox) + b"/" + name)).write_bytes(SMALL)
    bench.take()
    refused_once(bench, "NAME_CHARACTERS")
    [kept] = bench.aside()
    assert os.fsencode(kept.name) == name
    assert kept.read_bytes() == SMALL
    bench.world.clock.forward(days=36_500)
    retain.purge(bench.world.ctx, {"refused"})
    assert bench.aside() == []


def test_a_file_that_may_not_be_read_is_set_aside(humble: Bench) -> None:
    path = humble.inbox / NAME
    path.write_bytes(SMALL)
    path.chmod(0)
    assert humble.take() == 0
    humble.seconds += 3
    assert humble.take() == 1
    refused_once(humble, "UNREADABLE")
    [kept] = humble.aside()
    kept.chmod(0o600)
    assert kept.read_bytes() == SMALL


# --- no leases --------------------------------------------------------------------------------------------------------


def test_a_file_of_another_user_waits_until_it_is_quiet(humble: Bench) -> None:
    path = humble.inbox / NAME
    path.write_bytes(SMALL)
    path.chmod(0o644)
    foreign = os.getuid() == 0
    if foreign:
        os.seteuid(0)
        os.chown(path, FOREIGN, FOREIGN)
        os.seteuid(NOBODY)
    assert humble.take() == (not foreign)
    humble.seconds += 3
    humble.take()
    assert humble.bodies() == [SMALL]
    assert len(humble.told("watch_without_leases")) == foreign


def test_on_a_disk_that_others_write_quiet_time_decides(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = bench.inbox.stat().st_dev
    mounts = tmp_path / "mountinfo"
    mounts.write_text(f"36 35 {os.major(device)}:{os.minor(device)} / /x rw shared:1 - nfs4 server:/x rw\n")
    monkeypatch.setattr(watch, "MOUNTS", mounts)
    (bench.inbox / NAME).write_bytes(SMALL)
    assert bench.take() == 0
    bench.seconds += 3
    assert bench.take() == 1
    assert bench.bodies() == [SMALL]
    assert [facts["reason"] for facts in bench.told("watch_without_leases")] == ["a disk that others may write"]


def test_which_disks_others_may_write() -> None:
    mountinfo = (
        "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n"
        "30 22 0:50 / /mnt/a\\040b rw shared:2 master:1 - nfs server:/a rw,addr=10.0.0.1\n"
        "31 22 0:51 / /mnt/c rw - cifs //server/c rw\n"
        "32 22 0:52 / /mnt/d rw - fuse.sshfs host:/d rw\n"
        "33 22 0:53 / /dev/shm rw - tmpfs nfs rw\n"
        "\n"
    )
    assert leases.network_devices(mountinfo) == {(0, 50), (0, 51), (0, 52)}
    assert (0, 0) not in leases.network_devices(Path("/proc/self/mountinfo").read_text(encoding="utf-8"))


def test_a_lease_tells_a_writer_from_a_reader(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(SMALL)
    with path.open("rb") as reader, path.open("rb"):
        assert leases.take(reader.fileno()) is True
        assert leases.broken(reader.fileno()) is False
        fcntl.fcntl(reader.fileno(), fcntl.F_SETLEASE, fcntl.F_UNLCK)
        with path.open("ab"):
            assert leases.take(reader.fileno()) is False


# --- folders ----------------------------------------------------------------------------------------------------------


def test_a_folder_that_may_not_be_changed_is_told_once_and_holds_up_no_other(humble: Bench) -> None:
    other = humble.world.spool.inbox / "0473"
    for each in ("a.csv", NAME):
        (humble.inbox / each).write_bytes(SMALL)
    humble.inbox.chmod(0o555)
    for number in range(3):
        (other / f"SBW_{number}.csv").write_bytes(cost_csv("SBW", "0473"))
        assert humble.take() == 1
    assert len(humble.told("watch_folder_failed")) == 1
    assert humble.empty_claims() == []
    humble.seconds += 3601
    humble.take()
    assert len(humble.told("watch_folder_failed")) == 2
    humble.inbox.chmod(0o755)
    assert humble.take() == 2
    assert len(humble.told("watch_folder_back")) == 1


def test_a_file_that_cannot_be_moved_holds_up_no_other(humble: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    (humble.inbox / "a.csv").write_bytes(SMALL)
    (humble.inbox / NAME).write_bytes(SMALL)
    rename = Path.rename

    def move(path: Path, target: Path) -> Path:
        if path.name == "a.csv":
            raise PermissionError(1, "Operation not permitted", str(path))
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", move)
    for _ in range(3):
        humble.take()
    assert humble.bodies() == [SMALL]
    assert len(humble.told("watch_claim_failed")) == 1
    assert humble.empty_claims() == []
    assert (humble.inbox / "a.csv").read_bytes() == SMALL


@pytest.mark.parametrize("fresh", [False, True], ids=["the same", "an empty one"])
def test_a_folder_that_goes_and_returns_is_used_again(bench: Bench, tmp_path: Path, fresh: bool) -> None:
    away = tmp_path / "away"
    bench.inbox.rename(away)
    for _ in range(3):
        assert bench.take() == 0
    assert [facts["lane"] for facts in bench.told("watch_folder_failed")] == ["inbox", "proef"]
    if fresh:
        bench.inbox.mkdir()
    else:
        away.rename(bench.inbox)
    (bench.inbox / NAME).write_bytes(SMALL)
    assert bench.take() == 1
    bench.take()
    assert bench.bodies() == [SMALL]
    assert len(bench.told("watch_folder_back")) == 2
    assert (bench.inbox / ".landed").is_dir()


def test_a_folder_that_cannot_be_listed_holds_up_no_upload_and_is_named(humble: Bench) -> None:
    landing = humble.world.land(humble.world.attempt("SBW_0473_2017H2.csv", "bloemendaal", "0473"), SMALL)
    waiting = humble.world.land(humble.world.attempt("WMO_0473_2017H2.csv", "bloemendaal", "0473"), OTHER)
    (humble.inbox / ".landed").chmod(0)
    (humble.inbox / ".claimed").chmod(0)
    answer = humble.intake.submit(waiting)
    humble.intake.scan()
    assert answer.result(0).short_id
    assert not landing.folder.exists()
    said = [(each.what, each.subject, each.mends) for each in differences(humble.world.ctx) if each.subject == "0363"]
    assert said == [("folder cannot be listed: Permission denied", "0363", False)]


def test_a_disk_that_is_gone_at_the_start_keeps_nobody_else_waiting(humble: Bench) -> None:
    humble.inbox.chmod(0)
    assert humble.world.spool.prepare(["0363", "0473", "0377"]) == ["0363"]
    recover(humble.world.ctx, edge=True)
    (humble.world.spool.inbox / "0473" / "SBW_0473_2017H2.csv").write_bytes(cost_csv("SBW", "0473"))
    assert humble.take() == 1
    assert len(humble.drops()) == 1
    assert [facts["municipality"] for facts in humble.told("watch_folder_failed")] == ["0363", "0363"]
    assert ("folder cannot be listed: Permission denied", "0363") in [
        (each.what, each.subject) for each in differences(humble.world.ctx)
    ]


# --- many -------------------------------------------------------------------------------------------------------------


def test_whoever_waits_for_an_answer_does_not_wait_for_a_burst(bench: Bench) -> None:
    for number in range(70):
        (bench.inbox / f"WMO_{number}.csv").write_bytes(SMALL)
    assert bench.watcher.scan() == 70
    left: list[int] = []
    answer = bench.intake.submit(bench.world.land(bench.world.attempt(NAME), OTHER))
    answer.add_done_callback(lambda _: left.append(len(bench.world.spool.claims())))
    bench.intake.scan()
    assert left == [69]
    assert len(bench.drops()) == 71


def test_intake_begins_while_a_burst_is_claimed(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    woken: list[int] = []
    watcher = Watcher(
        bench.world.ctx,
        Watch(),
        monotonic=lambda: 0.0,
        claimed=lambda: woken.append(len(bench.world.spool.claims())),
        tell=bench.world.tell,
    )
    for number in range(130):
        (bench.inbox / f"WMO_{number}.csv").write_bytes(b"")
    assert watcher.scan() == 130
    assert woken == [64, 128]
    bench.world.close()


# --- told once --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", ["payload", "facts.json"])
def test_a_spoilt_landing_is_told_once_until_it_changes_and_explained(bench: Bench, part: str) -> None:
    landing = bench.world.land(bench.world.attempt(NAME), SMALL)
    (landing.folder / part).write_bytes(b"x" * len(SMALL))
    for _ in range(3):
        bench.intake.scan()
    lines = bench.told("landing_unreadable") + bench.told("receive_failed")
    assert len(lines) == 1
    bench.seconds += 100_000
    bench.intake.scan()
    assert len(bench.told("landing_unreadable") + bench.told("receive_failed")) == 1
    (landing.folder / part).write_bytes(b"y" * len(SMALL))
    for _ in range(3):
        bench.intake.scan()
    assert len(bench.told("landing_unreadable") + bench.told("receive_failed")) == 2
    [found] = differences(bench.world.ctx)
    assert (found.subject, found.mends) == (landing.facts.id, False)
    assert "deliver it again" in found.what
    assert f"inbox/0363/.landed/{landing.facts.id}" in found.what


def test_a_landing_cannot_speak_for_another_municipality(bench: Bench) -> None:
    landing = bench.world.land(bench.world.attempt(NAME), SMALL)
    forged = bench.world.spool.inbox / "0473" / ".landed" / landing.facts.id
    landing.folder.rename(forged)
    bench.intake.scan()
    assert bench.drops() == []
    assert [facts["reason"] for facts in bench.told("landing_unreadable")] == [
        f"landing {landing.facts.id} has the facts of another"
    ]
    assert (forged / "payload").read_bytes() == SMALL


def test_a_refused_file_with_an_old_time_is_kept_for_its_whole_term(bench: Bench) -> None:
    path = bench.inbox / "a b.csv"
    path.write_bytes(SMALL)
    os.utime(path, (0, 0))
    bench.take()
    refused_once(bench, "NAME_CHARACTERS")
    bench.world.ctx = replace(bench.world.ctx, now=lambda: datetime.now(UTC) + timedelta(days=20))
    assert retain.purge(bench.world.ctx, {"refused"}) == []
    assert [each.read_bytes() for each in bench.aside()] == [SMALL]


def test_a_trial_folder_that_was_removed_is_made_again(bench: Bench) -> None:
    (bench.inbox / "proef").rmdir()
    bench.take()
    (bench.inbox / "proef" / NAME).write_bytes(SMALL)
    assert bench.take() == 1
    assert bench.world.told[-1][0] == "received"


def test_a_throttle_forgets_the_oldest_and_what_is_over() -> None:
    throttle = Throttle(lambda: 0.0)
    assert [throttle.passes(number) for number in (1, 1, 2)] == [True, False, True]
    assert [throttle.over(1), throttle.over(1), throttle.passes(1)] == [True, False, True]
    assert all(throttle.passes(f"more {number}") for number in range(10_000))
    assert throttle.passes(2) is True
