"""SQLite: the embedded engine, through sqlite-utils.

Does: implements `Engine` on one file in WAL mode with synchronous=FULL, so that a committed transaction survives a
power cut. One connection per thread. The outermost transaction is BEGIN IMMEDIATE: sqlite-utils' own `atomic()` is a
deferred BEGIN, under which two threads that read and then write lose each other's updates.
Touches: the ledger file and its -wal and -shm.
Does not: hold statements of the ledger.

Weakness: one writer at a time. A writer waits up to `busy_seconds`, then the caller gets `Temporary`. SQLite itself
lets whoever asks at the right moment go first, and a writer that asks again at once is nearly always that one: so
writers stand in line for the right to ask (turns).
"""

import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from pysqlite3 import dbapi2 as sqlite3
from sqlite_utils import Database

from gateway.errors import Conflict, Corrupt, Temporary
from gateway.store.engine import Row, Value, steps
from gateway.store.turns import Turn

WORDS = {
    "serial": "integer primary key autoincrement",
    "int": "integer",
    "blob": "blob",
    "strict": " strict",
}
# A payload of 2.4 MB costs half the processor time that it does in pages of 4 KB; a small commit costs the same.
PAGE_BYTES = 8192
# Older ones can lose a committed transaction when the WAL is reset (https://sqlite.org/wal.html#walresetbug).
OLDEST_SAFE = (3, 51, 3)


class Connection(Database):
    """A sqlite-utils database whose outermost transaction takes the write lock at once, in its `turn`. `committed`
    takes how long its commit lasted, in seconds."""

    committed: Callable[[float], None] | None = None
    turn: Turn | nullcontext[None] = nullcontext()

    @contextmanager
    def atomic(self) -> Generator[Database, None, None]:
        """BEGIN IMMEDIATE outside, a savepoint inside."""
        # One name for all, of which the innermost counts: the driver keeps statements that it knows.
        savepoint = "inner" if self.conn.in_transaction else None
        if savepoint:
            self.conn.execute(f"savepoint {savepoint}")
        else:
            with self.turn:
                self.conn.execute("begin immediate")
        try:
            yield self
            # A commit can fail like any statement (disk full): it stands inside so that its failure rolls back.
            begun = time.monotonic()
            self.conn.execute(f"release {savepoint}" if savepoint else "commit")
            if self.committed is not None and not savepoint:
                self.committed(time.monotonic() - begun)
        except BaseException:
            # An error such as a full disk may have ended the transaction already.
            if self.conn.in_transaction:
                if savepoint:
                    self.conn.execute(f"rollback to {savepoint}")
                    self.conn.execute(f"release {savepoint}")
                else:
                    self.conn.execute("rollback")
            raise


class _Translated:
    """The driver's errors in the words of `gateway.errors`. A class and not a generator, because it stands around every
    statement: a third of the time."""

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        """Raise the same in our words."""
        if isinstance(error, sqlite3.IntegrityError):
            raise Conflict(str(error)) from error
        if isinstance(error, sqlite3.OperationalError):
            raise Temporary(str(error)) from error
        if isinstance(error, sqlite3.DatabaseError):
            raise Corrupt(str(error)) from error


TRANSLATED = _Translated()


class SQLite:
    """The engine on the file `path`. `busy_seconds`: how long a writer waits for another; `committed` takes how long
    each commit lasted, in seconds."""

    def __init__(
        self, path: Path, *, busy_seconds: float = 10.0, committed: Callable[[float], None] | None = None
    ) -> None:
        if sqlite3.sqlite_version_info < OLDEST_SAFE:
            raise Corrupt(f"SQLite {sqlite3.sqlite_version} can lose data; install the wheel pysqlite3 (>= 0.6.1)")
        self._path = path
        self._committed = committed
        self._busy_ms = int(busy_seconds * 1000)
        self._local = threading.local()
        self._all: list[tuple[Connection, Turn]] = []
        self._lock = threading.Lock()

    def _connection(self) -> Connection:
        found: Connection | None = getattr(self._local, "connection", None)
        if found is None:
            with TRANSLATED:
                raw = sqlite3.connect(str(self._path), isolation_level=None, check_same_thread=False)
                found = Connection(raw)
                found.committed = self._committed
                raw.execute(f"pragma busy_timeout = {self._busy_ms}")
                # Holds for a new file only.
                raw.execute(f"pragma page_size = {PAGE_BYTES}")
                self._switch_to_wal(raw)
                for pragma in ("synchronous = full", "foreign_keys = on", "secure_delete = on"):
                    raw.execute(f"pragma {pragma}")
            turn = found.turn = Turn(self._path.parent, self._busy_ms / 1000)
            self._local.connection = found
            with self._lock:
                self._all.append((found, turn))
        return found

    def _switch_to_wal(self, raw: sqlite3.Connection) -> None:
        """The one statement that does not wait by itself: two processes that open a new ledger at once meet here."""
        until = time.monotonic() + self._busy_ms / 1000
        while True:
            try:
                raw.execute("pragma journal_mode = wal")
                return
            except sqlite3.OperationalError:
                if time.monotonic() >= until:
                    raise
                time.sleep(0.01)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """See `Engine.transaction`."""
        with TRANSLATED, self._connection().atomic():
            yield

    def rows(self, sql: str, /, **params: Value) -> list[Row]:
        """See `Engine.rows`."""
        with TRANSLATED:
            cursor = self._connection().conn.execute(sql, params)
            if cursor.description is None:
                return []
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def run(self, sql: str, /, **params: Value) -> int:
        """See `Engine.run`."""
        with TRANSLATED:
            connection = self._connection()
            if connection.conn.in_transaction:
                return int(connection.conn.execute(sql, params).rowcount)
            # A transaction of its own: a statement alone would keep the turn until it is durable.
            with connection.atomic():
                return int(connection.conn.execute(sql, params).rowcount)

    def migrate(self) -> None:
        """See `Engine.migrate`. One immediate transaction: a second process waits, then finds the steps done."""
        with self.transaction():
            self.run("create table if not exists schema_steps (name text primary key) strict")
            done = {str(row["name"]) for row in self.rows("select name from schema_steps")}
            known = steps(WORDS)
            newer = done.difference(name for name, _ in known)
            if newer:
                raise Conflict(
                    f"the ledger was used by a newer gateway (its schema has {', '.join(sorted(newer))}): install that "
                    "one again, or put back the backup from before its upgrade"
                )
            for name, statements in known:
                if name not in done:
                    for statement in statements:
                        self.run(statement)
                    self.run("insert into schema_steps (name) values (:name)", name=name)

    def check(self) -> list[str]:
        """See `Engine.check`."""
        try:
            found = [str(row["quick_check"]) for row in self.rows("pragma quick_check")]
            found += [f"foreign key broken in {row['table']}" for row in self.rows("pragma foreign_key_check")]
        except Corrupt as error:
            return [str(error)]
        return [line for line in found if line != "ok"]

    def scrub(self) -> None:
        """See `Engine.scrub`. secure_delete has zeroed the pages; the log that still holds them is written back and cut
        to nothing, for which every reader must have let go of it."""
        if self.rows("pragma wal_checkpoint(truncate)")[0]["busy"]:
            raise Temporary("a reader holds the write-ahead log")

    def counts(self) -> dict[str, int]:
        """See `Engine.counts`."""
        with TRANSLATED:
            connection = self._connection()
            names = [name for name in connection.table_names() if not name.startswith("sqlite_")]
            return {name: int(connection.table(name).count) for name in names}

    def copy(self, path: Path) -> dict[str, int]:
        """See `Engine.copy`. The backup runs inside a read transaction, so the counts are of the very same moment."""
        with TRANSLATED:
            raw = self._connection().conn
            target = sqlite3.connect(str(path), isolation_level=None)
            try:
                raw.execute("begin")
                counts = self.counts()
                raw.backup(target)
            finally:
                target.close()
                if raw.in_transaction:
                    raw.execute("rollback")
        return counts

    def close(self) -> None:
        """See `Engine.close`."""
        with self._lock:
            for connection, turn in self._all:
                connection.close()
                turn.close()
            self._all.clear()
