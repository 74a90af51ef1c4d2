"""Hostile and honest uploads by the hundred, each with what must be said of it.

Does: gathers the cases of archives and of tables from a seed.
Touches: nothing.
Does not: examine; see test_reader_hostile.
"""

from tests.domain import hostile_tables, hostile_zips
from tests.domain.uploads import Case


def cases(seed: int = 20180212) -> tuple[Case, ...]:
    """All cases of routine size, in a fixed order."""
    return (*hostile_zips.cases(seed), *hostile_tables.cases(seed))


def large_cases(size: int) -> tuple[Case, ...]:
    """Tables of about `size` bytes, each made to be slow or large in some way."""
    return hostile_tables.large_cases(size)
