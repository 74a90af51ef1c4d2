"""Worker processes that die, hang, take too much and talk nonsense.

The processes, pipes and signals are real. One that misbehaves runs a program of the test's own in place of the
worker's, which reads its job as a worker does and then goes wrong.
"""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from enum import Enum
from pathlib import Path
from typing import cast

import pytest

from gateway.domain import kinds, model
from gateway.domain.checks import examine_drop
from gateway.domain.kinds import Rule
from gateway.errors import WorkerFault
from gateway.examine import FIRST_TO_GO, NOBODY
from gateway.workers import Pool, pool
from tests.domain.examining import job
from tests.samples import WMO_HEADER, csv_bytes, wmo_csv, wmo_rows

GOOD = job(wmo_csv(20))


@pytest.fixture
def workers() -> Iterator[Pool]:
    """A pool of one."""
    made = Pool(1, seconds=30)
    yield made
    made.close()


def wait_for_end_of(pid: int) -> None:
    """Returns when the process has ended; fails when it does not."""
    with suppress(ProcessLookupError):
        watched = os.pidfd_open(pid)
        ended, _, _ = select.select([watched], [], [], 20)
        os.close(watched)
        assert ended == [watched]


def test_a_worker_says_what_the_checks_say(workers: Pool) -> None:
    rows = wmo_rows(30)
    rows[3][2] = "1"
    asked = job(csv_bytes(WMO_HEADER, rows))
    assert workers.examine(asked) == examine_drop(asked)
    assert workers.examine(GOOD).members[0].approved


def test_who_reads_hostile_bytes_is_never_root(workers: Pool) -> None:
    workers.examine(GOOD)
    (pid,) = workers.processes()
    status = dict(
        line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line
    )
    own = os.geteuid() or NOBODY
    assert status["Uid"].split() == [str(own)] * 4
    assert status["Gid"].split() == [str(os.getegid() if os.geteuid() else NOBODY)] * 4
    assert (status["NoNewPrivs"], int(status["CapEff"], 16), int(status["CapPrm"], 16)) == ("1", 0, 0)
    if os.geteuid() == 0:
        assert status["Groups"].strip() == ""
    # As before: nobody of the same user looks into its memory.
    assert (Path(f"/proc/{pid}/mem").stat().st_uid, Path(f"/proc/{pid}/limits").stat().st_uid) == (0, 0)


def test_a_worker_is_the_first_to_go_when_the_machine_has_no_memory_left(workers: Pool) -> None:
    workers.examine(GOOD)
    (pid,) = workers.processes()
    assert int(Path(f"/proc/{pid}/oom_score_adj").read_text()) == FIRST_TO_GO


def test_a_job_is_read_whatever_this_python_writes_of_enums(workers: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    # As Python 3.11.0 to 3.11.3 have it; Debian 12 has 3.11.2.
    def older(member: Enum, _protocol: object) -> object:
        return getattr, (type(member), member.name)

    for module in (kinds, model):
        for found in vars(module).values():
            if isinstance(found, type) and issubclass(found, Enum):
                monkeypatch.setattr(found, "__reduce_ex__", older)
    assert workers.examine(GOOD) == examine_drop(GOOD)


def test_a_worker_stays_and_is_replaced_after_its_last_job() -> None:
    workers = Pool(1, jobs=2)
    seen: list[set[int]] = []
    for _ in range(4):
        workers.examine(GOOD)
        seen.append(set(workers.processes()))
    workers.close()
    # Before the last job of one the next is started, so that no file waits for a start.
    assert [len(each) for each in seen] == [2, 1, 2, 1]
    assert [seen[1] < seen[0], seen[1] < seen[2], seen[3] < seen[2]] == [True, True, True]
    assert seen[1] != seen[3]
    assert workers.processes() == []


def test_a_warm_pool_has_the_worker_that_does_the_first_job() -> None:
    workers = Pool(2)
    workers.warm()
    [pid] = workers.processes()
    workers.examine(GOOD)
    assert workers.processes() == [pid]
    workers.close()


def test_one_that_was_killed_while_idle_is_replaced_unnoticed(workers: Pool) -> None:
    workers.examine(GOOD)
    (pid,) = workers.processes()
    os.kill(pid, signal.SIGKILL)
    wait_for_end_of(pid)
    assert workers.examine(GOOD).members[0].approved
    assert workers.processes() != [pid]


def test_two_workers_serve_many_threads() -> None:
    workers = Pool(2)
    asked = [job(wmo_csv(5 + n)) for n in range(12)]
    with ThreadPoolExecutor(6) as threads:
        found = list(threads.map(workers.examine, asked))
    running = workers.processes()
    workers.close()
    assert [examination.members[0].records for examination in found] == [5 + n for n in range(12)]
    assert len(running) == 2


def test_after_close_nothing_runs_and_nothing_is_examined() -> None:
    workers = Pool(2)
    workers.examine(GOOD)
    (pid,) = workers.processes()
    workers.close()
    assert workers.processes() == []
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    with pytest.raises(WorkerFault, match="closed"):
        workers.examine(GOOD)
    workers.close()


def test_the_parent_stays_without_polars() -> None:
    code = "import sys, gateway.workers; print('polars' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "False"


def test_a_worker_is_limited_and_knows_nothing_of_us(workers: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_SECRET", "x")
    workers.examine(GOOD)
    process = Path("/proc", str(workers.processes()[0]))
    limits = {line[:26].strip(): line[26:].split()[:2] for line in (process / "limits").read_text().splitlines()}
    assert limits["Max address space"] == [str(pool.ADDRESS_SPACE)] * 2
    assert limits["Max core file size"] == ["0", "0"]
    assert int(limits["Max open files"][1]) < 100
    names = {each.partition(b"=")[0].decode() for each in (process / "environ").read_bytes().split(b"\0")}
    memory = {"MALLOC_ARENA_MAX", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "_RJEM_MALLOC_CONF"}
    assert names - {""} == {"PYTHONPATH", "POLARS_MAX_THREADS", "POLARS_SKIP_CPU_CHECK", *memory}
    assert (process / "cwd").readlink() == Path("/")


def test_a_fault_of_the_checks_is_told_by_its_place_alone(workers: Pool) -> None:
    kind = GOOD.rules.kinds["WMO"]
    broken = replace(kind, rules=(Rule("Jansen"),))
    asked = replace(GOOD, rules=replace(GOOD.rules, kinds={"WMO": broken}))
    with pytest.raises(WorkerFault, match=r"died: exit 70, KeyError at domain/checks/drop\.py:[0-9]+$"):
        workers.examine(asked)


def test_a_worker_unpickles_jobs_alone(workers: Pool) -> None:
    asked = replace(GOOD, known=cast("frozenset[str]", os.getcwd))
    with pytest.raises(WorkerFault, match="died: exit 70, UnpicklingError"):
        workers.examine(asked)


# --- misbehaviour -------------------------------------------------------------------------------------------

READ = (
    "import os, signal, sys\nfrom gateway.examine import limit, read_frame\n"
    + "read_frame(sys.stdin.buffer, 1 << 40)\n" * 2
)


@pytest.fixture
def bad(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator["Bad"]:
    """Pools whose workers run a program of the test's own."""
    made = Bad(tmp_path, monkeypatch)
    yield made
    made.pool.close()


class Bad:
    """A pool of one whose worker runs `program` in place of its own."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pool = Pool(1, seconds=30)
        self._folder = folder
        self._monkeypatch = monkeypatch

    def runs(self, program: str, seconds: float = 30, start: str = READ) -> Pool:
        """The pool, its next workers running `program` after they have read the job."""
        script = self._folder / "worker.py"
        script.write_text(start + program)
        self._monkeypatch.setattr(pool, "COMMAND", (sys.executable, str(script)))
        self.pool = Pool(1, seconds=seconds)
        return self.pool

    def mends(self) -> None:
        """The next workers are real ones again."""
        self._monkeypatch.undo()


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("os.kill(os.getpid(), signal.SIGKILL)", "died: signal 9"),
        ("os.abort()", "died: signal 6"),
        ("sys.exit(3)", "died: exit 3"),
        ("os.close(1); signal.pause()", "died: signal 9"),
        ("os.write(2, b'x' * 100_000); sys.exit(4)", "died: exit 4"),
        ("os.write(2, b'999990007 Jansen'); sys.exit(4)", "died: exit 4"),
        (
            "os.write(2, b'fault: ValueError at domain/x.py:1\\n'); sys.exit(70)",
            "died: exit 70, ValueError at domain/x.py:1",
        ),
        ("sys.exit(77)", "memory: more than its limit"),
        (
            "limit(200 << 20); import gateway.examine as e; sys.excepthook = e.tell_and_die; x = bytearray(1 << 30)",
            "memory",
        ),
        ("limit(700 << 20); import polars; polars.zeros(1 << 30, eager=True)", "memory"),
        ("os.write(1, b'Hello world, this is no frame')", "garbage: answer too long"),
        ("os.write(1, (2).to_bytes(8, 'big') + b'{}')", "garbage: answer"),
        ("os.write(1, (200).to_bytes(8, 'big') + b'{}'); sys.exit(0)", "died: exit 0"),
        ("os.write(1, b'abc'); sys.exit(0)", "died: exit 0"),
        ("os.write(1, (1 << 60).to_bytes(8, 'big')); signal.pause()", "garbage: answer too long"),
    ],
)
def test_a_worker_that_misbehaves_is_a_fault(bad: Bad, program: str, reason: str) -> None:
    workers = bad.runs(program)
    with pytest.raises(WorkerFault) as caught:
        workers.examine(GOOD)
    assert caught.value.reason.startswith(reason)
    assert "Jansen" not in caught.value.reason
    assert workers.processes() == []


def test_after_a_fault_the_next_job_gets_a_fresh_worker(bad: Bad) -> None:
    workers = bad.runs("os.abort()")
    with pytest.raises(WorkerFault):
        workers.examine(GOOD)
    bad.mends()
    assert workers.examine(GOOD).members[0].approved


@pytest.mark.parametrize("program", ["signal.pause()", "while True: pass", "while True: os.write(2, b'x' * 1000)"])
def test_a_worker_that_hangs_is_killed_in_time(bad: Bad, program: str) -> None:
    workers = bad.runs(program, seconds=0.5)
    with pytest.raises(WorkerFault, match="hung"):
        workers.examine(GOOD)
    assert workers.processes() == []


def test_a_worker_that_never_reads_its_job_is_killed_in_time(bad: Bad) -> None:
    workers = bad.runs("", seconds=0.5, start="import signal; signal.pause()")
    with pytest.raises(WorkerFault, match="hung"):
        workers.examine(job(b"x" * 2_000_000))


def test_closing_interrupts_a_job_at_work(bad: Bad, tmp_path: Path) -> None:
    fifo = tmp_path / "at-work"
    os.mkfifo(fifo)
    workers = bad.runs(f"open({str(fifo)!r}, 'w').write('now'); signal.pause()")
    with ThreadPoolExecutor(1) as threads:
        asked = threads.submit(workers.examine, GOOD)
        assert fifo.read_text() == "now"
        workers.close()
        with pytest.raises(WorkerFault, match="died: signal 9"):
            asked.result()
    assert workers.processes() == []


def test_a_worker_ends_when_its_parent_is_gone(tmp_path: Path) -> None:
    """The parent is killed without a chance to close anything; the worker's standard error, which it shares with this
    test's pipe, ends when the worker does."""
    code = (
        "import os, signal, sys\n"
        "from gateway.workers import Pool\n"
        "from tests.workers.test_pool import GOOD\n"
        "workers = Pool(1)\n"
        "workers.examine(GOOD)\n"
        "print(*workers.processes(), flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    root = Path(__file__).resolve().parents[2]
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=root)
    wait_for_end_of(int(said.stdout))
    assert said.returncode == -signal.SIGKILL
