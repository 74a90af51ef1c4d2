"""What waits in the folders has an age, and goes for good with the folder that is its own.

Does: working files, refused files, report files.
Touches: the temporary directory of a test.
Does not: decide when (tests/workflow/test_retain).
"""

import os
from hashlib import sha256
from pathlib import Path

import pytest

from gateway.errors import Temporary
from gateway.store import working
from gateway.store.disposal import Aging, aging, digest, erase, outbox_names, remove_report
from gateway.store.spool import Spool
from tests.world import tree

CODE = "0363"


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    """The folders of two municipalities."""
    made = Spool(tmp_path / "inbox", tmp_path / "outbox")
    made.prepare([CODE, "0377"])
    return made


def working_file(spool: Spool, name: str, written: float) -> Path:
    """A working file with `name` as its bytes."""
    item = spool.working("amsterdam", CODE, "inbox") / name
    descriptor = spool.open_working(item, truncate=True)
    os.write(descriptor, name.encode())
    spool.close_working(item, descriptor, 1)
    os.close(descriptor)
    os.utime(item / "payload", (written, written))
    return item


def refused_file(spool: Spool, name: str) -> Path:
    """A file of the watch folder that was refused."""
    (spool.inbox / CODE / name).write_bytes(b"no")
    claim = spool.claim(spool.inbox / CODE / name, CODE, "inbox", "c1")
    spool.refuse_claim(claim)
    return spool.inbox / CODE / ".geweigerd" / "c1" / name


def test_what_waits_is_listed_with_its_age(spool: Spool) -> None:
    working_file(spool, "new.part", 2_000)
    working_file(spool, "old.part", 1_000)
    refused = refused_file(spool, "WMO.csv")
    os.utime(refused, (1_000, 1_000))
    os.utime(refused.parent, (3_000, 3_000))
    assert aging(spool) == [
        Aging("working", CODE, "new.part", ".working/amsterdam/0363/inbox/new.part/payload", 2_000),
        Aging("working", CODE, "old.part", ".working/amsterdam/0363/inbox/old.part/payload", 1_000),
        Aging("refused", CODE, "WMO.csv", "0363/.geweigerd/c1/*", 3_000),
    ]


def test_what_is_on_its_way_in_does_not_wait(spool: Spool) -> None:
    os.close(spool.stage("l1"))
    (spool.inbox / CODE / "WMO.csv").write_bytes(b"1")
    assert aging(spool) == []
    spool.claim(spool.inbox / CODE / "WMO.csv", CODE, "inbox", "c1")
    assert aging(spool) == []


def test_erasing_takes_the_files_own_folder_and_nothing_beside_it(spool: Spool) -> None:
    gone, stays = working_file(spool, "one.part", 1), working_file(spool, "two.part", 1)
    refused = refused_file(spool, "WMO.csv")
    for path in (gone / "payload", refused):
        erase(spool, str(path.relative_to(spool.inbox)))
        erase(spool, str(path.relative_to(spool.inbox)))
    assert not gone.exists()
    assert not refused.parent.exists()
    assert [each.path for each in aging(spool)] == [str((stays / "payload").relative_to(spool.inbox))]


def test_a_digest_of_what_is_there_and_of_what_is_gone(spool: Spool) -> None:
    item = working_file(spool, "one.part", 1)
    path = str((item / "payload").relative_to(spool.inbox))
    assert digest(spool, path) == (sha256(b"one.part").hexdigest(), 8)
    erase(spool, path)
    assert digest(spool, path) is None


@pytest.mark.parametrize("sort", ["pipe", "link", "folder"])
def test_what_is_no_file_holds_up_no_erasure(spool: Spool, sort: str, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    refused = refused_file(spool, "WMO.csv")
    refused.unlink()
    if sort == "pipe":
        os.mkfifo(refused)
    elif sort == "link":
        refused.symlink_to(tmp_path / "secret")
    else:
        refused.mkdir()
    (waits,) = aging(spool)
    assert digest(spool, waits.path) == (sha256(b"").hexdigest(), 0)
    erase(spool, waits.path)
    assert aging(spool) == []
    assert (tmp_path / "secret").read_bytes() == b"secret"


def test_a_file_that_may_not_be_read_holds_up_no_erasure(spool: Spool) -> None:
    refused = refused_file(spool, "WMO.csv")
    refused.chmod(0)
    (waits,) = aging(spool)
    # For root every file may be read.
    content = b"no" if os.access(refused, os.R_OK) else b""
    assert digest(spool, waits.path) == (sha256(content).hexdigest(), 2)
    erase(spool, waits.path)
    assert aging(spool) == []


def test_a_report_goes_wherever_it_lies(spool: Spool) -> None:
    spool.place(CODE, "a.json", b"1")
    spool.place(CODE, "b.json", b"1", confirmed=True)
    spool.place("0377", "a.json", b"1")
    assert outbox_names(spool, CODE) == ["a.json", "b.json"]
    for name in ("a.json", "b.json", "c.json", "a.json"):
        remove_report(spool, CODE, name)
    assert outbox_names(spool, CODE) == []
    assert list(tree(spool.outbox)) == ["0377/a.json"]


def test_hidden_files_and_folders_are_no_reports(spool: Spool) -> None:
    (spool.outbox / CODE / ".a.json.1.new").write_bytes(b"1")
    assert outbox_names(spool, CODE) == []
    assert outbox_names(spool, "9999") == []


def test_a_working_file_that_its_owner_drops_at_that_moment_is_not_erased(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(working, "PATIENCE", 0.05)
    item = working_file(spool, "one.part", 1)
    path = str((item / "payload").relative_to(spool.inbox))
    with working.held(item), pytest.raises(Temporary, match="at hand"):
        erase(spool, path)
    assert (item / "payload").read_bytes() == b"one.part"
    erase(spool, path)
    assert not item.exists()
