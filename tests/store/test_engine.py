"""What every engine must do: the conformance suite of the seam in `store/engine.py`.

Does: transactions, savepoints, concurrent writers, errors, migration, and what the schema refuses.
Touches: a database of each engine.
Does not: know a driver. What is SQLite's own stands in test_sqlite.
"""

import threading
from collections.abc import Iterable

import pytest

from gateway.domain.lifecycle import DELIVERY_TRANSITIONS, DROP_TRANSITIONS
from gateway.domain.model import Channel, DeliveryState, DropState, Lane
from gateway.errors import Conflict
from gateway.store.engine import Engine, steps
from gateway.store.ledger import facts
from tests.forked import together
from tests.store.conftest import Opened


class Halt(Exception):
    """Ends a transaction from within."""


def fail_after(engine: Engine, *settings: str) -> None:
    """Writes settings in a transaction of its own that comes to a bad end."""
    with engine.transaction():
        for name in settings:
            facts.set_setting(engine, name, "1")
        raise Halt


def names(engine: Engine) -> set[str]:
    return {str(row["name"]) for row in engine.rows("select name from settings")}


# --- transactions -----------------------------------------------------------------------------------------------------


def test_what_is_left_without_an_error_is_there_for_others(engine: Engine, opened: Opened) -> None:
    with engine.transaction():
        facts.set_setting(engine, "one", "1")
        facts.set_setting(engine, "two", "2")
    assert names(opened()) == {"one", "two"}


def test_what_is_not_committed_yet_is_seen_by_nobody_else(engine: Engine, opened: Opened) -> None:
    other = opened()
    with engine.transaction():
        facts.set_setting(engine, "one", "1")
        assert names(other) == set()
    assert names(other) == {"one"}


def test_an_error_takes_everything_back(engine: Engine) -> None:
    with pytest.raises(Halt):
        fail_after(engine, "one", "two")
    assert names(engine) == set()


def test_an_inner_error_takes_back_the_inner_part_only(engine: Engine) -> None:
    with engine.transaction():
        facts.set_setting(engine, "before", "1")
        with pytest.raises(Halt):
            fail_after(engine, "inside")
        facts.set_setting(engine, "after", "1")
    assert names(engine) == {"before", "after"}


def test_an_outer_error_takes_back_what_was_inside_too(engine: Engine) -> None:
    def outer() -> None:
        with engine.transaction():
            with engine.transaction():
                facts.set_setting(engine, "inside", "1")
            raise Halt

    with pytest.raises(Halt):
        outer()
    assert names(engine) == set()


def test_savepoints_nest(engine: Engine) -> None:
    def third() -> None:
        with engine.transaction():
            facts.set_setting(engine, "three", "1")
            with engine.transaction():
                facts.set_setting(engine, "four", "1")
            raise Halt

    with engine.transaction(), engine.transaction():
        facts.set_setting(engine, "two", "1")
        with pytest.raises(Halt):
            third()
    assert names(engine) == {"two"}


def test_after_an_error_the_next_transaction_works(engine: Engine) -> None:
    def twice() -> None:
        with engine.transaction():
            for _ in range(2):
                engine.run("insert into settings (name, value) values ('one', '1')")

    with pytest.raises(Conflict):
        twice()
    with engine.transaction():
        facts.set_setting(engine, "two", "2")
    assert names(engine) == {"two"}


def test_a_statement_outside_a_transaction_is_its_own(engine: Engine, opened: Opened) -> None:
    assert engine.run("insert into settings (name, value) values (:name, :value)", name="one", value="1") == 1
    assert names(opened()) == {"one"}


def test_rows_and_counts_of_touched_rows(engine: Engine) -> None:
    for number in range(3):
        facts.set_setting(engine, f"n{number}", "before")
    assert engine.run("update settings set value = :value where name >= :name", value="after", name="n1") == 2
    found = engine.rows("select name, value from settings order by name")
    assert found == [
        {"name": "n0", "value": "before"},
        {"name": "n1", "value": "after"},
        {"name": "n2", "value": "after"},
    ]
    assert engine.rows("select name from settings where name = :name", name="none") == []


def test_writers_that_read_first_lose_nothing(engine: Engine) -> None:
    facts.set_setting(engine, "count", "0")
    failures: list[BaseException] = []

    def count() -> None:
        try:
            for _ in range(200):
                with engine.transaction():
                    facts.set_setting(engine, "count", str(int(facts.setting(engine, "count") or "") + 1))
        except BaseException as error:
            failures.append(error)
            raise

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert facts.setting(engine, "count") == "800"


# --- errors -----------------------------------------------------------------------------------------------------------


def drop_row(engine: Engine, drop_id: str = "d", **other: str | int) -> None:
    """A drop with the least that a row needs; `other` columns as said."""
    facts.keep_rules(engine, "r", lambda: "{}")
    values: dict[str, str | int] = {
        "id": drop_id,
        "short_id": f"short-{drop_id}",
        "municipality": "0363",
        "round_id": "2017H2",
        "lane": "inbox",
        "account": "amsterdam",
        "channel": "sftp",
        "name": "WMO_0363_2017H2.csv",
        "size": 1,
        "sha256": "00",
        "received_at": 0,
        "rules_version": "r",
        "calendar_version": "c",
        "terms_version": "1",
        "state": "received",
        **other,
    }
    insert(engine, "drops", values)


def delivery_row(engine: Engine, version: int, **other: str | int) -> None:
    """A delivery of the drop `d`."""
    values: dict[str, str | int] = {
        "id": f"v{version}",
        "drop_id": "d",
        "municipality": "0363",
        "round_id": "2017H2",
        "kind": "WMO",
        "period": "2017H2",
        "version": version,
        "state": "approved",
        "member": "WMO_0363_2017H2.csv",
        "sha256": "00",
        "records": 1,
        "decided_at": 0,
        **other,
    }
    insert(engine, "deliveries", values)


def insert(engine: Engine, table: str, values: dict[str, str | int]) -> None:
    columns = ", ".join(values)
    places = ", ".join(f":{name}" for name in values)
    engine.run(" ".join(("insert into", table, f"({columns}) values ({places})")), **values)


@pytest.mark.parametrize(
    "other",
    [
        {"short_id": "short-d"},
        {"drop_id": "d", "short_id": "other"},
        {"rules_version": "unknown"},
        {"state": "lost"},
        {"lane": "outbox"},
        {"channel": "post"},
        {"repeat_of": "nobody"},
    ],
    ids=lambda other: next(iter(other)),
)
def test_a_constraint_that_says_no_is_a_conflict(engine: Engine, other: dict[str, str]) -> None:
    drop_row(engine)
    with pytest.raises(Conflict):
        drop_row(engine, **{"drop_id": "e", **other})
    assert len(engine.rows("select * from drops")) == 1


def test_a_sound_database_has_nothing_to_say(engine: Engine) -> None:
    drop_row(engine)
    assert engine.check() == []


# --- migration --------------------------------------------------------------------------------------------------------


def test_migrating_again_changes_nothing(engine: Engine) -> None:
    facts.set_setting(engine, "kept", "1")
    engine.migrate()
    assert names(engine) == {"kept"}
    assert [row["name"] for row in engine.rows("select name from schema_steps order by name")] == [
        name for name, _ in steps({})
    ]


@pytest.mark.parametrize("attempt", range(20))
def test_two_processes_migrate_at_once(opened: Opened, attempt: int) -> None:
    def migrate() -> None:
        mine = opened()
        mine.migrate()
        facts.set_setting(mine, str(attempt), "there")
        mine.close()

    assert together(migrate, migrate) == [0, 0]
    assert names(opened()) == {str(attempt)}


# --- what the schema guards -------------------------------------------------------------------------------------------


def allowed(engine: Engine, table: str, column: str, words: Iterable[str]) -> set[str]:
    """Which of the words a CHECK lets through."""
    found = set()
    for word in words:
        try:
            with engine.transaction():
                engine.run(" ".join(("update", table, "set", column, "= :word")), word=word)
                found.add(word)
        except Conflict:
            continue
    return found


STRANGE = ("", "RECEIVED", "Approved", " received", "lost", "pending")


@pytest.mark.parametrize(
    ("table", "column", "enum"),
    [
        ("drops", "state", DropState),
        ("drops", "lane", Lane),
        ("drops", "channel", Channel),
        ("deliveries", "state", DeliveryState),
    ],
)
def test_the_schema_allows_every_word_of_the_model_and_no_other(
    engine: Engine,
    table: str,
    column: str,
    enum: type[DropState] | type[Lane] | type[Channel] | type[DeliveryState],
) -> None:
    drop_row(engine)
    delivery_row(engine, 1)
    words = {str(member) for each in (DropState, Lane, Channel, DeliveryState) for member in each}
    assert allowed(engine, table, column, (*words, *STRANGE)) == {str(member) for member in enum}


def test_every_state_is_reached_and_every_transition_starts_from_one() -> None:
    assert set(DROP_TRANSITIONS.values()) == set(DropState)
    assert set(DELIVERY_TRANSITIONS.values()) == set(DeliveryState)
    assert {state for state, _ in DROP_TRANSITIONS} <= {None, *DropState}
    assert {state for state, _ in DELIVERY_TRANSITIONS} <= {None, *DeliveryState}


@pytest.mark.parametrize("first", ["approved", "assessed"])
@pytest.mark.parametrize("second", ["approved", "assessed"])
def test_two_current_deliveries_of_one_item_cannot_be(engine: Engine, first: str, second: str) -> None:
    drop_row(engine)
    delivery_row(engine, 1, state=first)
    with pytest.raises(Conflict):
        delivery_row(engine, 2, state=second)
    assert [row["version"] for row in engine.rows("select version from deliveries")] == [1]


@pytest.mark.parametrize(
    "other", [{"municipality": "0377"}, {"round_id": "2018H1"}, {"kind": "SBW"}, {"period": "2017H1"}]
)
def test_another_item_may_be_current_beside_it(engine: Engine, other: dict[str, str]) -> None:
    drop_row(engine)
    delivery_row(engine, 1)
    delivery_row(engine, 2, **other)
    assert len(engine.rows("select * from deliveries where state = 'approved'")) == 2


def test_what_does_not_count_may_stand_beside_what_does(engine: Engine) -> None:
    drop_row(engine)
    for version, state in enumerate(("superseded", "rejected", "assessed", "rejected"), 1):
        delivery_row(engine, version, state=state)
    assert len(engine.rows("select * from deliveries")) == 4


def test_a_version_is_given_once(engine: Engine) -> None:
    drop_row(engine)
    delivery_row(engine, 1, state="rejected")
    with pytest.raises(Conflict):
        delivery_row(engine, 1, id="again", state="rejected")
    assert len(engine.rows("select * from deliveries")) == 1


# --- the steps of the schema ------------------------------------------------------------------------------------------


def test_steps_are_statements_without_comments_and_with_the_words_filled_in() -> None:
    found = steps({"serial": "SERIAL", "int": "INT8", "blob": "BYTES", "strict": ""})
    assert [name for name, _ in found] == sorted(name for name, _ in found)
    assert found[0][0] == "0001_ledger.sql"
    statements = [statement for _, part in found for statement in part]
    assert all(statement.startswith(("create ", "alter ", "insert ", "drop ")) for statement in statements)
    assert not any(sign in statement for statement in statements for sign in ("$", "--", ";"))
    assert any("arrival SERIAL" in statement for statement in statements)
    assert any("received_at INT8" in statement for statement in statements)
    assert any("body BYTES" in statement for statement in statements)
