"""Engine: the seam between the statements of the ledger and a database.

Does: names the few things a database must do for the ledger, so that each statement is written once.
Touches: nothing itself.
Does not: hold SQL. Statements stand in `ledger/`, tables in `schema/`, in the subset that SQLite and PostgreSQL share:
`:name` parameters, times passed in as integers, no `datetime('now')`, no scalar max, no LIKE on mixed case.

Errors: an engine raises `Conflict` for a constraint that said no, `Temporary` for a locked or full database and
`Corrupt` for a damaged one, and nothing of its own driver.
"""

from contextlib import AbstractContextManager
from importlib.resources import files
from pathlib import Path
from typing import Any, Protocol

Row = dict[str, Any]
Value = str | int | bytes | None


class Engine(Protocol):
    """One connection per thread behind the scenes; safe to share between threads."""

    def transaction(self) -> AbstractContextManager[None]:
        """All or nothing, durable when left without an exception. Nested: a savepoint."""

    def rows(self, sql: str, /, **params: Value) -> list[Row]:
        """The rows of one statement."""

    def run(self, sql: str, /, **params: Value) -> int:
        """Run one statement; the number of rows it touched. Outside a transaction it is its own."""

    def migrate(self) -> None:
        """Bring the schema up to date; safe when two processes do it at once. Conflict when a newer program did."""

    def check(self) -> list[str]:
        """What is wrong with the database itself, in words; empty when sound."""

    def scrub(self) -> None:
        """When this returns, what was blanked or deleted before is in no file of the database any more. Temporary when
        a reader stands in the way; never inside a transaction."""

    def counts(self) -> dict[str, int]:
        """How many rows each table has."""

    def copy(self, path: Path) -> dict[str, int]:
        """Write the whole database, as it is at one moment, to a new file that this engine can open; how many rows each
        table has in it. Others read and write meanwhile."""

    def close(self) -> None:
        """Close the connections of all threads. The engine is not used afterwards."""


def steps(words: dict[str, str]) -> list[tuple[str, list[str]]]:
    """The schema's steps in order, each a name and its statements, with the database's own type words filled in."""
    found = []
    folder = files("gateway.store") / "schema"
    for item in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if item.name.endswith(".sql"):
            text = item.read_text(encoding="utf-8")
            lines = [line for line in text.splitlines() if not line.lstrip().startswith("--")]
            sql = "\n".join(lines)
            for word, meaning in words.items():
                sql = sql.replace(f"${word}", meaning)
            found.append((item.name, [part.strip() for part in sql.split(";") if part.strip()]))
    return found
