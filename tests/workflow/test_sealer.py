"""The sealed log: untouched it is clean, also after names went on their term; whatever is changed is found."""

import json
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain import chain
from gateway.errors import Conflict
from gateway.store import anchors
from gateway.store.ledger import log, seals
from gateway.store.sqlite import SQLite
from gateway.workflow import retain
from gateway.workflow.context import current_round
from gateway.workflow.duties import overview
from gateway.workflow.sealer import Proof, Sealer, newest_anchor, prove
from tests.world import World

LINES = 24


def fill(world: World, lines: int = LINES, minutes: int = 15) -> None:
    """Lines of all sorts, a quarter hour apart."""
    for number in range(lines):
        world.clock.forward(minutes=minutes)
        log.append(
            world.engine,
            log.Line(
                at=world.clock(),
                event=("received", "decided", "mailed")[number % 3],
                municipality=(None, "0363", "0377")[number % 3],
                account="amsterdam" if number % 2 else None,
                drop_id=f"drop {number}" if number % 4 else None,
                report_id="report" if number % 5 else None,
                detail={"number": number, "naïef": "é\n\x1b[0m"},
            ),
        )


def sealer(world: World) -> Sealer:
    return Sealer(world.ctx, world.folder / "anchors")


def proof(world: World, *, anchored: bool = True) -> Proof:
    """A walk in pages of five, so that pages matter."""
    known = anchors.known(world.folder / "anchors") if anchored else []
    return prove(world.ctx, known, lambda _passed: None, page=5)


def found(world: World, *, anchored: bool = True) -> list[str]:
    return [trouble.what for trouble in proof(world, anchored=anchored).troubles]


def test_an_untouched_log_is_clean_and_anchored(world: World) -> None:
    assert (proof(world).sealed, newest_anchor(world.ctx)) == (0, None)
    seal = sealer(world)
    for _ in range(3):
        fill(world)
        assert proof(world).waiting == LINES
        assert seal() == LINES
        assert seal() == 0
    result = proof(world)
    assert (result.sealed, result.waiting, result.anchored, result.troubles) == (3 * LINES, 0, 3, ())
    assert result.newest == newest_anchor(world.ctx)
    written = (world.folder / "anchors" / "2018-02.txt").read_text()
    assert written.count("\n") == 3
    assert written.endswith(f"{result.newest}\n")


def test_many_lines_are_sealed_in_several_transactions(world: World) -> None:
    fill(world, 1203)
    assert sealer(world)() == 1203
    assert found(world) == []


def test_two_processes_never_make_two_links_of_one(world: World, tmp_path: Path) -> None:
    fill(world, 60)
    second = SQLite(tmp_path / "ledger.db")
    with closing(second):
        other = Sealer(replace(world.ctx, engine=second), tmp_path / "anchors")
        made: list[int] = []
        threads = [threading.Thread(target=lambda each=each: made.append(each())) for each in (sealer(world), other)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sum(made) == 60
    assert found(world) == []


def test_a_lease_keeps_others_out_until_it_ends(world: World) -> None:
    fill(world, 3)
    now = world.clock()
    assert seals.lease(world.engine, "sealer", "another", now, now + timedelta(minutes=5))
    assert sealer(world)() == 0
    world.clock.forward(minutes=5)
    assert sealer(world)() == 3
    assert found(world) == []


def test_a_lease_is_let_go_of_when_all_is_sealed(world: World) -> None:
    for _ in range(3):
        fill(world, 2, minutes=0)
        assert sealer(world)() == 2
    assert found(world) == []


def test_an_anchor_that_a_crash_left_out_is_noted_by_the_next_call(world: World) -> None:
    fill(world)
    seal = sealer(world)
    seal()
    (world.folder / "anchors" / "2018-02.txt").unlink()
    assert seal() == 0
    assert anchors.last(world.folder / "anchors") == chain.anchors_in(newest_anchor(world.ctx) or "")[0]


# --- names that go on their term --------------------------------------------------------------------------------------


def purged(world: World) -> None:
    """Lines sealed, three years passed, more lines, names of the first erased, all of it sealed."""
    fill(world)
    seal = sealer(world)
    seal()
    world.clock.forward(days=1100)
    fill(world)
    seal()
    assert {proof.erasure.what for proof in retain.purge(world.ctx)} >= {"log"}
    world.clock.forward(minutes=6)
    seal()


def test_lines_without_names_stay_proven(world: World) -> None:
    purged(world)
    result = proof(world)
    assert (result.troubles, result.erased) == ((), LINES)
    kept = [row["salt"] for row in world.engine.rows("select salt from seals order by seal_no")]
    assert [salt is None for salt in kept[: LINES + 1]] == [True] * LINES + [False]


def test_an_erasure_under_way_is_accounted_for(world: World) -> None:
    fill(world)
    sealer(world)()
    world.clock.forward(days=1100)
    with world.engine.transaction():
        (erasure,) = retain.plan(world.ctx, {"log"}).going
        assert erasure.why == "log_days 1096"
    retain._begin(world.ctx, erasure, {})
    assert found(world) == []


@pytest.mark.parametrize(
    "forgery",
    [
        "delete from deletions",
        "update deletions set why = 'log_days 1'",
        "update deletions set subject = '1-20'",
        "update deletions set at = at + 60000",
        "update log set erased_at = at where erased_at is not null",
        "update log set account = 'jan' where id = 3",
        "update log set detail = '{\"a\":1}' where id = 3",
        "update log set event = 'approved' where id = 3",
        "update log set municipality = '0392' where id = 3",
        "update log set at = at - 1 where id = 3",
        "update log set erased_at = null where id = 3",
        "delete from log where event = 'log_erased'",
    ],
)
def test_a_forged_erasure_is_found(world: World, forgery: str) -> None:
    purged(world)
    assert world.engine.run(forgery) > 0
    assert found(world) != []


def test_a_line_that_was_blank_when_it_was_sealed_is_clean(world: World) -> None:
    fill(world)
    world.clock.forward(days=1100)
    retain.purge(world.ctx)
    sealer(world)()
    assert found(world) == []
    world.engine.run("update log set erased_at = null where id = 3")
    assert found(world) == ["edited"]


# --- tampering --------------------------------------------------------------------------------------------------------


@contextmanager
def undone(world: World) -> Iterator[None]:
    """What is done inside never happened."""
    try:
        with world.engine.transaction():
            yield
            raise LookupError("undo")
    except LookupError:
        return


TEXTS = ("event", "municipality", "account", "drop_id", "delivery_id", "report_id", "detail")
LINE_TEXT = "update log set FIELD = coalesce(FIELD, '') || ' ' where id = :a"
LINE_NUMBER = "update log set FIELD = coalesce(FIELD, 0) + 1 where id = :a"
SEAL_TEXT = "update seals set FIELD = replace(FIELD, substr(FIELD, 1, 1), 'g') where seal_no = :a"
SEAL_NUMBER = "update seals set FIELD = FIELD + :b where seal_no = :a"
# Each a row of statements about two places in the log, :a and :b.
TAMPERINGS = (
    *((LINE_TEXT.replace("FIELD", each),) for each in TEXTS),
    *((LINE_NUMBER.replace("FIELD", each),) for each in ("at", "erased_at")),
    *((SEAL_TEXT.replace("FIELD", each),) for each in ("salt", "content_hash", "chain_hash")),
    *((SEAL_NUMBER.replace("FIELD", each),) for each in ("log_id", "sealed_at", "seal_no")),
    ("update seals set salt = null where seal_no = :a",),
    ("delete from log where id = :a",),
    ("delete from seals where seal_no = :a",),
    ("delete from log where id = :a", "delete from seals where log_id = :a"),
    (
        "update log set id = -id where id in (:a, :b)",
        "update log set id = :b where id = -:a",
        "update log set id = :a where id = -:b and :a <> :b",
    ),
    (
        "update seals set log_id = -log_id where seal_no in (:a, :b)",
        "update seals set log_id = :b where seal_no = :a",
        "update seals set log_id = :a where seal_no = :b",
    ),
    (
        "delete from log where id = :a",
        "update log set id = -id where id > :a",
        "update log set id = -id - 1 where id < 0",
    ),
    ("insert into log (id, at, event, detail) values (-:a, 1518422400000, 'received', '{}')",),
    ("insert into log (id, at, event, detail) select 0, at, event, detail from log where id = :a",),
    ("delete from seals where seal_no >= :a", "delete from log where id >= :a"),
    ("delete from seals where seal_no <= :a", "delete from log where id <= :a"),
    ("delete from seals where seal_no between :a and :b", "delete from log where id between :a and :b"),
)
PLACE = st.integers(1, 2 * LINES)


def test_any_tampering_with_sealed_rows_is_found(tmp_path: Path) -> None:
    world = World(tmp_path).open()
    seal = sealer(world)
    for _ in range(2):
        fill(world)
        seal()

    @settings(max_examples=150)
    @given(st.lists(st.tuples(st.sampled_from(TAMPERINGS), PLACE, PLACE), min_size=1, max_size=2))
    def tampered(done: list[tuple[tuple[str, ...], int, int]]) -> None:
        before = contents(world)
        with undone(world):
            for statements, a, b in done:
                for statement in statements:
                    with suppress(Conflict):  # the schema itself said no
                        world.engine.run(statement, a=a, b=b)
            if contents(world) != before:
                assert found(world) != []
        assert found(world) == []

    tampered()
    world.close()


def contents(world: World) -> object:
    return world.engine.rows("select * from log order by id"), world.engine.rows("select * from seals order by seal_no")


def rebuilt(world: World) -> None:
    """The chain made anew over the lines as they are, as whoever can write the ledger and knows how could."""
    world.engine.run("delete from seals")
    world.engine.run("delete from leases")
    Sealer(world.ctx, world.folder / "elsewhere")()


@pytest.mark.parametrize(
    "forgery",
    ["update log set account = 'x' where id = 7", "delete from log where id = 7", "delete from log where id > 9"],
)
def test_a_chain_made_anew_is_found_by_an_anchor_alone(world: World, forgery: str) -> None:
    fill(world)
    sealer(world)()
    world.engine.run(forgery)
    rebuilt(world)
    assert found(world, anchored=False) == []
    assert set(found(world)) <= {"anchor", "cut"}
    assert found(world) != []


def test_an_anchor_survives_a_mail(world: World) -> None:
    fill(world)
    sealer(world)()
    anchor = newest_anchor(world.ctx) or ""
    ours = chain.anchors_in(anchor)
    assert len(ours) == 1
    for text in (
        f"> {anchor}\r\n",
        anchor[:40] + "=\r\n" + anchor[40:],
        anchor.replace("-", "-\n", 5),
        f"x: {anchor}.",
    ):
        assert chain.anchors_in(text) == ours
    for text in ("", "17", anchor[:-1], anchor + "0", "a" + anchor):
        assert chain.anchors_in(text) == []


def test_every_field_is_in_the_hashes() -> None:
    line = chain.LoggedLine(1, 2, "e", None, None, None, None, None, "{}", None)
    other = chain.LoggedLine(9, 9, "9", "9", "9", "9", "9", "9", "9", 9)
    names = chain.LoggedLine.__dataclass_fields__
    changed = [chain.LoggedLine(**{**asdict(line), name: getattr(other, name)}) for name in names]
    hashes = {chain.content_hash(each, "salt") for each in (line, *changed)}
    assert len(hashes) == len(names) + 1
    assert chain.content_hash(line, "salt") != chain.content_hash(line, "other")


def test_the_hashes_are_those_of_the_first_day() -> None:
    """A chain outlives the program that made it: these values never change."""
    line = chain.LoggedLine(1, 1518422400000, "received", "0363", "anna", "d", None, "r", json.dumps({"é": 1}), None)
    first = chain.seal(None, line, "00" * 16, 1518422460000)
    second = chain.seal(first, replace(line, id=2), "11" * 16, 1518422460000)
    assert chain.anchor(second) == "2-6c7d799b-5a743cd8-debc1182-c463d2f0-c1784c7f-33b9a1ef-c62d6f85-4884f62f"


def test_the_overview_of_the_desk_carries_the_anchor(world: World) -> None:
    fill(world)
    sealer(world)()
    said = [each for each in overview(world.ctx, current_round(world.ctx)) if each.key == "mails.count.sealed"]
    assert [dict(each.params)["anchor"] for each in said] == [newest_anchor(world.ctx)]
    assert seals.waiting(world.engine) == 0
