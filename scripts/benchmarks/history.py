"""A ledger with years behind it, for `scripts/bench server growth`.

Does: multiplies every drop of a ledger with all that belongs to it, as closed history: superseded, collected, erased.
Touches: the ledger file it is given, while nobody serves it.
Does not: make anything current; what stood before still counts.
"""

from pathlib import Path

from gateway.store.sqlite import SQLite

# Per table: the columns that differ in a copy (number :n of it); the others are copied, growing keys are left out.
COPIES = {
    "drops": {"id": "id || :n", "short_id": "short_id || :n", "state": "'decided'", "repeat_of": "null"},
    "payloads": {"drop_id": "drop_id || :n", "body": "null", "erased_at": "1"},
    "deliveries": {
        "id": "id || :n",
        "drop_id": "drop_id || :n",
        "version": "version + 10 * :number",
        "state": "'superseded'",
        "supersedes": "null",
    },
    "reports": {
        "id": "id || :n",
        "drop_id": "drop_id || :n",
        "delivery_id": "delivery_id || :n",
        "stem": "stem || :n",
        "placed_at": "made_at",
        "collected_at": "made_at",
        "confirmed_at": "made_at",
        "erased_at": "made_at",
    },
    "report_files": {"report_id": "report_id || :n", "name": "name || :n", "body": "null"},
    "deadlines": {"subject": "subject || :n", "met_at": "due_at"},
    "notifications": {"id": "id || :n", "subject": "subject || :n", "state": "'sent'", "sent_at": "made_at"},
    "log": {"drop_id": "drop_id || :n", "delivery_id": "delivery_id || :n", "report_id": "report_id || :n"},
}


def multiply(ledger: Path, wanted: int) -> int:
    """Copy all drops until there are at least `wanted` deliveries; how many there are."""
    engine = SQLite(ledger)
    try:
        before = _count(engine)
        ends = {table: _last(engine, table) for table in COPIES}
        for number in range(1, -(-wanted // before)):
            with engine.transaction():
                for table, differing in COPIES.items():
                    engine.run(_statement(engine, table, differing, ends[table]), n=f"-{number}", number=number)
        return _count(engine)
    finally:
        engine.close()


def unsealed(ledger: Path) -> int:
    """Lines of the message log that have no seal yet."""
    engine = SQLite(ledger)
    try:
        return int(engine.rows("select (select count(*) from log) - (select count(*) from seals) as n")[0]["n"])
    finally:
        engine.close()


def _count(engine: SQLite) -> int:
    return int(engine.rows("select count(*) as n from deliveries")[0]["n"])


def _last(engine: SQLite, table: str) -> int:
    return int(engine.rows(" ".join(("select max(rowid) as n from", table)))[0]["n"])


def _statement(engine: SQLite, table: str, differing: dict[str, str], last: int) -> str:
    growing = {"drops": "arrival", "reports": "arrival", "log": "id"}.get(table)
    columns = [row["name"] for row in engine.rows(f"pragma table_info({table})") if row["name"] != growing]
    values = ", ".join(differing.get(name, name) for name in columns)
    # Only the first ones are copied, not the copies. Each statement names both parameters.
    these = f"rowid <= {last} and :number > 0 and :n <> ''"
    return " ".join(("insert into", table, f"({', '.join(columns)})", "select", values, "from", table, "where", these))
