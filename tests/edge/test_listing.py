"""Which months of the message log a municipality sees.

Does: writes lines at chosen moments and lists.
Touches: a temporary directory.
Does not: speak SFTP (test_pickup does).
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.edge.sftp.listing import log_months
from gateway.store.ledger import log
from tests.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path).open("amsterdam", "bloemendaal")
    made.clock.moment = datetime(2018, 6, 5, 9, tzinfo=UTC)
    yield made
    made.close()


def happened(world: World, *moments: datetime, code: str = "0363") -> None:
    for moment in moments:
        log.append(world.engine, log.Line(moment, "login", code, "amsterdam"))


def months(world: World, code: str = "0363") -> list[str]:
    return [name.removeprefix("berichtenlog-").removesuffix(".csv") for name in log_months(world.ctx, code)]


def test_this_month_is_there_before_anything_happened(world: World) -> None:
    assert months(world) == ["2018-06"]


def test_months_in_which_nothing_happened_are_left_out(world: World) -> None:
    happened(world, datetime(2018, 2, 12, 9, tzinfo=UTC), datetime(2018, 4, 20, 9, tzinfo=UTC))
    happened(world, datetime(2018, 3, 1, 9, tzinfo=UTC), code="0377")
    assert months(world) == ["2018-02", "2018-04", "2018-06"]
    assert months(world, "0377") == ["2018-03", "2018-06"]


def test_a_month_begins_and_ends_by_the_clocks_of_amsterdam(world: World) -> None:
    happened(world, datetime(2018, 2, 28, 22, 59, 59, 999000, tzinfo=UTC), datetime(2018, 4, 30, 22, 0, tzinfo=UTC))
    assert months(world) == ["2018-02", "2018-05", "2018-06"]


def test_what_is_over_a_year_ago_is_only_there_by_name(world: World) -> None:
    happened(world, datetime(2017, 6, 30, 9, tzinfo=UTC), datetime(2017, 7, 1, 9, tzinfo=UTC))
    assert months(world) == ["2017-07", "2018-06"]
