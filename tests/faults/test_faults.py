"""Every fault ends as it must: nothing lost, nothing doubled, nothing invented, everybody told.

Does: a share of the faults with the default tests, all of them with `-m faults`; the oracle itself, held against
wrongs that it must see.
Touches: temporary folders, the loopback interface.
Does not: write the table; that is `python -m tests.faults.table`.
"""

from pathlib import Path

import pytest

from tests.faults.catalogue import SCENES, Scene
from tests.faults.order import STEPS, landings
from tests.house import copy_demo

SHARE = [scene for scene in SCENES if scene.share]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("scene", SHARE, ids=lambda scene: scene.name)
def test_a_share_of_each_fault(scene: Scene, demo_template: Path, tmp_path: Path) -> None:
    assert scene.share is not None
    assert scene.share(copy_demo(demo_template, tmp_path / "gateway")).wrong == ()


@pytest.mark.faults
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_each_fault_in_full(scene: Scene, demo_template: Path, tmp_path: Path) -> None:
    assert scene.full(copy_demo(demo_template, tmp_path / "gateway")).wrong == ()


# --- the judges, judged -----------------------------------------------------------------------------------------------

ID = "01a200f5-9b86-79d1-8a48-d36f210153fb"
TRACE = f"""\
7  fsync(14</g/inbox/.staging/{ID}/payload>) = 0
7  rename("/g/inbox/.staging/{ID}", "/g/inbox/0363/.landed/{ID}") = 0
7  fsync(14</g/inbox/0363/.landed>) = 0
8  pwrite64(18</g/var/ledger.db-wal>, ""..., 8192, 344120) = 8192
8  fsync(18</g/var/ledger.db-wal> <unfinished ...>
7  sendto(9<socket:[834824]>, ""..., 1, 0, NULL, 0) = 1
8  <... fsync resumed>) = 0
6  sendto(19<socket:[834850]>, ""..., 68, 0, NULL, 0) = 68
""".splitlines()


def test_a_trace_in_order_is_right() -> None:
    [landing] = landings(TRACE)
    assert landing.id == ID
    assert list(landing.steps) == [STEPS[1], STEPS[0], *STEPS[2:]]
    assert landing.wrong() is None


def test_a_rename_into_an_open_folder_is_one() -> None:
    named = f'7  renameat(AT_FDCWD</g>, "/g/inbox/.staging/{ID}", 14</g/inbox/0363/.landed>, "{ID}") = 0'
    [landing] = landings([TRACE[0], named, *TRACE[2:]])
    assert landing.wrong() is None


@pytest.mark.parametrize(
    ("moved", "to"),
    [(7, 6), (7, 3), (0, 8), (2, 8), (1, 0)],
    ids=["answered before the commit", "answered before the write", "late payload", "late folder", "early rename"],
)
def test_a_trace_out_of_order_is_wrong(moved: int, to: int) -> None:
    lines = list(TRACE)
    line = lines.pop(moved)
    lines.insert(to, line)
    assert [landing.wrong() is None for landing in landings(lines)] == [False]
