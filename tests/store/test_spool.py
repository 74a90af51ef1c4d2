"""Every file move of the spool: done twice it is as good as done once, and nobody ever sees half a file.

Does: lands, claims, places, keeps working files; watches a folder from another thread while files appear in it; looks
at links and permissions.
Touches: an inbox and an outbox in a temporary directory.
Does not: kill anything; that is tests/crash.
"""

import os
import stat
import threading
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from gateway.errors import Corrupt, Temporary
from gateway.store.durable import write_durably
from gateway.store.spool import Landing, LandingFacts, Spool
from tests.world import tree

CODE = "0363"
MOST = 1 << 20
BODY = b"0363;20180131;999990019\r\n"


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    made = Spool(tmp_path / "inbox", tmp_path / "outbox")
    made.prepare([CODE, "0377"])
    return made


def facts(landing_id: str = "id-1", body: bytes = BODY, name: str = "WMO_0363_2017H2.csv") -> LandingFacts:
    return LandingFacts(
        id=landing_id,
        municipality=CODE,
        lane="inbox",
        account="amsterdam",
        channel="sftp",
        name=name,
        size=len(body),
        sha256=sha256(body).hexdigest(),
        opened_at=1,
        received_at=2,
    )


def staged(spool: Spool, landing_id: str = "id-1", body: bytes = BODY) -> None:
    with os.fdopen(spool.stage(landing_id), "wb") as target:
        target.write(body)


def landed(spool: Spool, landing_id: str = "id-1", body: bytes = BODY) -> Landing:
    staged(spool, landing_id, body)
    return spool.land(facts(landing_id, body))


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


# --- folders ----------------------------------------------------------------------------------------------------------


def test_preparing_twice_is_harmless_and_keeps_what_is_there(spool: Spool) -> None:
    landed(spool)
    before = tree(spool.inbox)
    spool.prepare([CODE, "0377", "0473"])
    assert tree(spool.inbox) == before
    assert (spool.outbox / "0473" / "opgehaald").is_dir()


@pytest.mark.parametrize(
    "folder", [".staging", ".working", "0363/.claimed", "0363/.landed", "0363/.geweigerd"], ids=lambda name: name[-9:]
)
def test_what_holds_payloads_is_for_the_gateway_alone(spool: Spool, folder: str) -> None:
    assert mode(spool.inbox / folder) == 0o700


def test_payloads_are_for_the_gateway_alone_and_reports_for_its_group(spool: Spool) -> None:
    landing = landed(spool)
    spool.place(CODE, "OB.json", b"{}")
    item = spool.working("amsterdam", CODE, "inbox") / "WMO.part"
    os.close(spool.open_working(item, truncate=True))
    assert mode(landing.folder) == 0o700
    assert mode(landing.folder / "payload") == 0o600
    assert mode(landing.folder / "facts.json") == 0o600
    assert mode(item / "payload") == 0o600
    assert mode(spool.outbox / CODE / "OB.json") & 0o007 == 0


# --- staging and landing ----------------------------------------------------------------------------------------------


def test_a_staged_upload_is_seen_by_nobody_until_it_lands_whole(spool: Spool) -> None:
    staged(spool)
    assert spool.landed_folders() == []
    landing = spool.land(facts())
    assert spool.landed_folders() == [landing.folder]
    assert Spool.read_facts(landing.folder) == landing
    assert spool.payload(landing) == BODY
    assert tree(spool.inbox / ".staging") == {}


def test_landings_come_oldest_first_over_all_municipalities(spool: Spool) -> None:
    for landing_id, code in (("b", "0377"), ("a", CODE), ("c", CODE)):
        staged(spool, landing_id)
        spool.land(replace(facts(landing_id), municipality=code))
    assert [folder.name for folder in spool.landed_folders()] == ["a", "b", "c"]


def test_landing_what_was_never_staged_is_refused(spool: Spool) -> None:
    with pytest.raises(Temporary):
        spool.land(facts())
    assert spool.landed_folders() == []


def test_clearing_twice_is_harmless(spool: Spool) -> None:
    landing = landed(spool)
    spool.clear(landing.folder)
    spool.clear(landing.folder)
    assert spool.landed_folders() == []


def summed(spool: Spool, landing_id: str, sum_of: bytes) -> Landing:
    """A landing whose bytes this process says it summed as it wrote them: as the SFTP door does."""
    with os.fdopen(spool.stage(landing_id), "wb") as target:
        target.write(BODY)
        target.flush()
        return spool.land(replace(facts(landing_id), sha256=sha256(sum_of).hexdigest()), summed=target.fileno())


def test_what_this_process_summed_is_summed_again_only_when_somebody_touched_it(spool: Spool) -> None:
    landing = summed(spool, "a", b"another")
    assert spool.payload(landing) == BODY
    # Found after a crash, it is summed.
    with pytest.raises(Corrupt, match="checksum"):
        spool.payload(Spool.read_facts(landing.folder))
    for number, touch in enumerate((same_bytes_again, other_bytes, another_file)):
        landing = summed(spool, f"b{number}", b"another")
        touch(landing.folder / "payload")
        with pytest.raises(Corrupt, match="checksum"):
            spool.payload(landing)


def same_bytes_again(payload: Path) -> None:
    payload.write_bytes(BODY)


def other_bytes(payload: Path) -> None:
    with payload.open("r+b") as target:
        target.write(b"x")


def another_file(payload: Path) -> None:
    status = payload.stat()
    payload.unlink()
    payload.write_bytes(BODY)
    os.utime(payload, ns=(status.st_atime_ns, status.st_mtime_ns))


def test_what_was_summed_and_is_not_there_any_more_does_not_land(spool: Spool) -> None:
    with os.fdopen(spool.stage("a"), "wb") as target:
        another_file(spool.inbox / ".staging" / "a" / "payload")
        with pytest.raises(Temporary):
            spool.land(facts("a"), summed=target.fileno())
    assert spool.landed_folders() == []


def test_a_payload_that_changed_its_length_is_corrupt(spool: Spool) -> None:
    landing = landed(spool)
    with (landing.folder / "payload").open("ab") as payload:
        payload.write(b"more")
    with pytest.raises(Corrupt, match="29 bytes"):
        spool.payload(landing)


@pytest.mark.parametrize("content", [None, b"", b"{", b"[]", b'{"id": "id-1"}', b'{"surprise": 1}'], ids=str)
def test_facts_that_cannot_be_read_are_corrupt(spool: Spool, content: bytes | None) -> None:
    landing = landed(spool)
    (landing.folder / "facts.json").unlink()
    if content is not None:
        (landing.folder / "facts.json").write_bytes(content)
    with pytest.raises(Corrupt, match="id-1"):
        Spool.read_facts(landing.folder)


def test_broken_off_uploads_are_swept_and_nothing_else(spool: Spool) -> None:
    landing = landed(spool, "id-0")
    item = spool.working("amsterdam", CODE, "inbox") / "WMO.part"
    os.close(spool.open_working(item, truncate=True))
    staged(spool, "id-1")
    staged(spool, "id-2")
    assert spool.sweep_staging() == 2
    assert spool.sweep_staging() == 0
    assert tree(spool.inbox / ".staging") == {}
    assert landing.folder.is_dir()
    assert item.is_dir()


def test_discarding_twice_is_harmless(spool: Spool) -> None:
    staged(spool)
    spool.discard("id-1")
    spool.discard("id-1")
    assert tree(spool.inbox / ".staging") == {}


# --- links ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_bytes(b"of another municipality")
    return path


def test_a_link_in_place_of_a_payload_is_not_landed(spool: Spool, secret: Path) -> None:
    staged(spool)
    payload = spool.inbox / ".staging" / "id-1" / "payload"
    payload.unlink()
    payload.symlink_to(secret)
    with pytest.raises(Temporary):
        spool.land(facts())
    assert spool.landed_folders() == []


def test_a_link_in_place_of_a_working_file_is_not_written(spool: Spool, secret: Path) -> None:
    item = spool.working("amsterdam", CODE, "inbox") / "WMO.part"
    item.mkdir(parents=True)
    (item / "payload").symlink_to(secret)
    with pytest.raises(Temporary):
        spool.open_working(item, truncate=False)
    os.close(spool.open_working(item, truncate=True))
    assert not (item / "payload").is_symlink()
    assert (item / "payload").read_bytes() == b""
    assert secret.read_bytes() == b"of another municipality"


def test_a_link_that_was_swapped_in_before_the_claim_is_not_read(spool: Spool, secret: Path) -> None:
    path = spool.inbox / CODE / "WMO_0363_2017H2.csv"
    path.symlink_to(secret)
    claim = spool.claim(path, CODE, "inbox", "id-1")
    with pytest.raises(Temporary):
        spool.copy_claim(claim, MOST)
    assert b"of another municipality" not in tree(spool.inbox / ".staging").values()
    assert claim.path.is_symlink()


def test_a_link_under_the_name_of_a_report_is_replaced_and_not_followed(spool: Spool, secret: Path) -> None:
    (spool.outbox / CODE / "OB.json").symlink_to(secret)
    spool.place(CODE, "OB.json", b"{}")
    assert secret.read_bytes() == b"of another municipality"
    assert not (spool.outbox / CODE / "OB.json").is_symlink()
    assert (spool.outbox / CODE / "OB.json").read_bytes() == b"{}"


# --- working files ----------------------------------------------------------------------------------------------------


def test_a_working_file_is_whole_after_a_close_and_not_while_it_is_written(spool: Spool) -> None:
    item = spool.working("amsterdam", CODE, "inbox") / "WMO.part"
    descriptor = spool.open_working(item, truncate=True)
    os.write(descriptor, BODY[:5])
    assert Spool.whole_since(item) is None
    Spool.close_working(item, descriptor, 42)
    os.close(descriptor)
    assert Spool.whole_since(item) == 42
    again = spool.open_working(item, truncate=False)
    assert Spool.whole_since(item) is None
    os.pwrite(again, BODY[5:], 5)
    Spool.close_working(item, again, 43)
    os.close(again)
    assert spool.working_files(item.parent)[0][:2] == ("WMO.part", len(BODY))
    landing = spool.land(facts(), item)
    assert spool.payload(landing) == BODY
    assert not item.exists()


def test_a_working_file_that_is_opened_anew_begins_empty(spool: Spool) -> None:
    item = spool.working("amsterdam", CODE, "inbox") / "WMO.part"
    for body in (b"longer than the next", b"short"):
        descriptor = spool.open_working(item, truncate=True)
        os.write(descriptor, body)
        os.close(descriptor)
    assert (item / "payload").read_bytes() == b"short"


def test_renaming_and_removing_working_files(spool: Spool) -> None:
    folder = spool.working("amsterdam", CODE, "inbox")
    for name in ("one.part", "two.part"):
        descriptor = spool.open_working(folder / name, truncate=True)
        os.write(descriptor, name.encode())
        os.close(descriptor)
    Spool.rename_working(folder / "one.part", "two.part")
    assert [name for name, _, _ in spool.working_files(folder)] == ["two.part"]
    assert (folder / "two.part" / "payload").read_bytes() == b"one.part"
    assert Spool.remove_working(folder / "two.part") is True
    assert Spool.remove_working(folder / "two.part") is False
    assert spool.working_files(folder) == []
    assert spool.working_files(folder / "nowhere") == []


# --- the watch folder -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lane", ["inbox", "proef"])
def test_a_claim_is_found_again_until_it_is_forgotten(spool: Spool, lane: str) -> None:
    folder = spool.inbox / CODE if lane == "inbox" else spool.inbox / CODE / "proef"
    path = folder / "WMO_0363_2017H2.csv"
    path.write_bytes(BODY)
    claim = spool.claim(path, CODE, lane, "id-1")
    assert not path.exists()
    assert spool.claims() == [claim]
    assert spool.claims() == [claim]
    assert spool.copy_claim(claim, MOST) == spool.copy_claim(claim, MOST) == len(BODY)
    landing = spool.land(facts())
    assert spool.payload(landing) == BODY
    spool.drop_claim(claim)
    spool.drop_claim(claim)
    assert spool.claims() == []


def test_claims_come_oldest_first(spool: Spool) -> None:
    for claim_id in ("c", "a", "b"):
        path = spool.inbox / CODE / "WMO_0363_2017H2.csv"
        path.write_bytes(claim_id.encode())
        spool.claim(path, CODE, "inbox", claim_id)
    assert [claim.id for claim in spool.claims()] == ["a", "b", "c"]


def test_a_file_that_vanished_before_the_claim_is_temporary(spool: Spool) -> None:
    with pytest.raises(Temporary):
        spool.claim(spool.inbox / CODE / "nothing.csv", CODE, "inbox", "id-1")
    assert spool.claims() == []


def test_a_claim_is_given_back_under_its_name(spool: Spool) -> None:
    path = spool.inbox / CODE / "WMO_0363_2017H2.csv"
    path.write_bytes(BODY)
    claim = spool.claim(path, CODE, "inbox", "id-1")
    spool.give_back(claim, path)
    assert path.read_bytes() == BODY
    assert spool.claims() == []


def test_a_claim_of_which_the_name_was_taken_again_stands(spool: Spool) -> None:
    path = spool.inbox / CODE / "WMO_0363_2017H2.csv"
    path.write_bytes(BODY)
    claim = spool.claim(path, CODE, "inbox", "id-1")
    path.write_bytes(b"another")
    spool.give_back(claim, path)
    assert path.read_bytes() == b"another"
    assert [each.path.read_bytes() for each in spool.claims()] == [BODY]


def test_a_refused_claim_is_set_aside_for_its_owner(spool: Spool) -> None:
    path = spool.inbox / CODE / "WMO_0363_2017H2.csv"
    path.write_bytes(BODY)
    spool.refuse_claim(spool.claim(path, CODE, "inbox", "id-1"))
    assert spool.claims() == []
    assert tree(spool.inbox / CODE) == {".geweigerd/id-1/WMO_0363_2017H2.csv": BODY}


def test_a_file_that_changes_while_it_is_copied_is_left_for_later(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = spool.inbox / CODE / "WMO_0363_2017H2.csv"
    path.write_bytes(BODY)
    claim = spool.claim(path, CODE, "inbox", "id-1")
    read = os.read

    def read_while_somebody_writes(descriptor: int, length: int) -> bytes:
        part = read(descriptor, length)
        if part == BODY:
            with claim.path.open("ab") as writer:
                writer.write(b"more")
        return part

    with monkeypatch.context() as patch:
        patch.setattr(os, "read", read_while_somebody_writes)
        with pytest.raises(Temporary, match="changed while it was read"):
            spool.copy_claim(claim, MOST)
    assert spool.claims() == [claim]
    assert spool.copy_claim(claim, MOST) == len(BODY) + 4


def test_a_claim_that_is_no_regular_file_is_not_opened_for_ever(spool: Spool) -> None:
    path = spool.inbox / CODE / "WMO_0363_2017H2.csv"
    os.mkfifo(path)
    claim = spool.claim(path, CODE, "inbox", "id-1")
    with pytest.raises(Temporary, match="no regular file"):
        spool.copy_claim(claim, MOST)
    assert spool.claims() == [claim]


@pytest.mark.parametrize("name", ["put=1", "proef", "WMO_0363_2017H2.csv"])
def test_a_folder_in_the_place_of_a_file_is_one_claim_and_nothing_in_it_is_read(spool: Spool, name: str) -> None:
    place = spool.inbox / CODE / name
    if place.is_dir():
        place.rmdir()
    (place / "put=99").mkdir(parents=True)
    (place / "put=99" / "WMO_0363_2017H2.csv").write_bytes(BODY)
    # It took the place of a file between the look and the move; its owner can still write in it.
    claim = spool.claim(place, CODE, "inbox", "id-1", put_at=5)
    assert spool.claims() == [claim]
    assert claim.put_at == 5
    with pytest.raises(Temporary):
        spool.copy_claim(claim, MOST)


def test_a_link_to_another_municipalitys_folder_makes_nobodys_file_theirs(spool: Spool) -> None:
    spool.prepare(["0377"])
    mine, theirs = spool.inbox / CODE, spool.inbox / "0377"
    for name in (".claimed", ".landed", ".geweigerd"):
        (mine / name).rmdir()
        (mine / name).symlink_to(theirs / name)
    (mine / "WMO_0377_2017H2.csv").write_bytes(BODY)
    with pytest.raises(Temporary):
        spool.claim(mine / "WMO_0377_2017H2.csv", CODE, "inbox", "id-1")
    staged(spool)
    with pytest.raises(Temporary):
        spool.land(facts())
    assert tree(theirs) == {}
    assert (mine / "WMO_0377_2017H2.csv").read_bytes() == BODY
    (theirs / "WMO.csv").write_bytes(BODY)
    spool.claim(theirs / "WMO.csv", "0377", "inbox", "id-2")
    assert [(claim.id, claim.municipality) for claim in spool.claims()] == [("id-2", "0377")]
    assert [code for code, _ in spool.unreachable()] == [CODE]


def test_folders_of_claims_that_were_broken_off_are_swept(spool: Spool) -> None:
    path = spool.inbox / CODE / "WMO_0363_2017H2.csv"
    path.write_bytes(BODY)
    claim = spool.claim(path, CODE, "inbox", "id-2")
    (spool.inbox / CODE / ".claimed" / "id-1").mkdir()
    (spool.inbox / CODE / ".claimed" / "id-3" / "proef").mkdir(parents=True)
    assert spool.sweep_claims() == 2
    assert spool.sweep_claims() == 0
    assert [folder.name for folder in (spool.inbox / CODE / ".claimed").iterdir()] == ["id-2"]
    assert spool.claims() == [claim]


# --- reports ----------------------------------------------------------------------------------------------------------


def test_placing_again_changes_nothing(spool: Spool) -> None:
    for _ in range(2):
        spool.place(CODE, "OB.json", b"{}")
    spool.place(CODE, "OB.json", b"[]", confirmed=True)
    assert tree(spool.outbox) == {f"{CODE}/OB.json": b"{}", f"{CODE}/opgehaald/OB.json": b"[]"}
    assert spool.report_names(CODE, confirmed=False) == {"OB.json"}


def test_filing_away_again_changes_nothing(spool: Spool) -> None:
    spool.place(CODE, "OB.json", b"{}")
    for _ in range(2):
        spool.file_away(CODE, "OB.json")
    assert tree(spool.outbox) == {f"{CODE}/opgehaald/OB.json": b"{}"}
    assert spool.report_names(CODE, confirmed=False) == frozenset()
    assert spool.report_names(CODE, confirmed=True) == {"OB.json"}


def test_what_a_crash_left_of_a_report_is_swept_and_reports_are_not(spool: Spool) -> None:
    spool.place(CODE, "OB.json", b"{}")
    for folder in (spool.outbox / CODE, spool.outbox / CODE / "opgehaald"):
        (folder / ".TR.json.4711.new").write_bytes(b"half")
    assert spool.sweep_hidden([CODE, "0377"]) == 2
    assert spool.sweep_hidden([CODE, "0377"]) == 0
    assert tree(spool.outbox) == {f"{CODE}/OB.json": b"{}"}


def seen_while(folder: Path, work: Callable[[], object]) -> set[tuple[str, bytes]]:
    """Every visible file in a folder, and what was in it, at every moment that a thread could look during `work`."""
    seen: set[tuple[str, bytes]] = set()
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            for path in folder.iterdir():
                if not path.name.startswith(".") and path.is_file():
                    seen.add((path.name, path.read_bytes()))

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        work()
    finally:
        done.set()
        watcher.join()
    return seen


def test_a_report_never_appears_half(spool: Spool) -> None:
    bodies = {f"TR_{number}.json": bytes([number]) * 100_000 for number in range(30)}

    def place() -> None:
        for name, body in bodies.items():
            spool.place(CODE, name, body)

    seen = seen_while(spool.outbox / CODE, place)
    assert len(seen) > 1
    assert all(body == bodies[name] for name, body in seen)


def test_a_file_that_two_threads_write_again_and_again_is_never_half(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "status"
    path.parent.mkdir()
    bodies = [bytes([number]) * 100_000 for number in range(30)]
    write_durably(path, bodies[0])

    def write() -> None:
        for body in bodies:
            write_durably(path, body)

    def write_twice_at_once() -> None:
        other = threading.Thread(target=write)
        other.start()
        write()
        other.join()

    seen = seen_while(path.parent, write_twice_at_once)
    assert len(seen) > 1
    assert {body for _, body in seen} <= set(bodies)


def test_a_landing_never_appears_half(spool: Spool) -> None:
    body = b"x" * 200_000
    wrong: list[str] = []
    seen = 0
    done = threading.Event()

    def look() -> None:
        nonlocal seen
        while not done.is_set():
            for folder in spool.landed_folders():
                seen += 1
                if spool.payload(Spool.read_facts(folder)) != body:
                    wrong.append(folder.name)

    watcher = threading.Thread(target=look)
    watcher.start()
    for number in range(30):
        landed(spool, f"id-{number:02d}", body)
    done.set()
    watcher.join()
    assert wrong == []
    assert seen > 0
    assert len(spool.landed_folders()) == 30


def test_a_working_file_that_is_dropped_while_it_is_listed_hinders_nobody(
    spool: Spool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = spool.working("amsterdam", "0363", "inbox")
    for name in ("goes.part", "stays.part"):
        os.close(spool.open_working(folder / name, truncate=True))
    look = Path.stat

    def and_drop(path: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        seen = look(path, follow_symlinks=follow_symlinks)
        if path.parent.name == "goes.part":
            path.parent.rename(tmp_path / "landed")
        return seen

    monkeypatch.setattr(Path, "stat", and_drop)
    assert "stays.part" in [name for name, _, _ in spool.working_files(folder)]
    assert [name for name, _, _ in spool.working_files(folder)] == ["stays.part"]
