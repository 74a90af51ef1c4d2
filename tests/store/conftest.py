"""Every engine there is, for one suite that all pass alike.

Does: gives `engine` (opened, migrated) and `opened` (another one on the same database), once per engine.
Touches: the temporary directory of a test.
Does not: replace an engine.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.store.engine import Engine
from gateway.store.sqlite import SQLite

Opened = Callable[[], Engine]


def sqlite(folder: Path) -> Engine:
    """SQLite on a file in `folder`; a busy database is waited for as long as in service."""
    return SQLite(folder / "ledger.db")


ENGINES: dict[str, Callable[[Path], Engine]] = {"sqlite": sqlite}


@pytest.fixture(params=ENGINES)
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opened]:
    """A function that opens the database once more, as another process would."""
    made: list[Engine] = []

    def open_one() -> Engine:
        made.append(ENGINES[request.param](tmp_path))
        return made[-1]

    yield open_one
    for engine in made:
        engine.close()


@pytest.fixture
def engine(opened: Opened) -> Engine:
    """An engine with the schema in place."""
    found = opened()
    found.migrate()
    return found
