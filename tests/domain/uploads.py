"""What hostile and honest uploads are made of: the shape of a case, column names, and faultless rows.

Does: Case, and data files of test numbers (99999xxxx only).
Touches: nothing.
Does not: hold cases; see hostile_zips and hostile_tables.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass

from gateway.domain.model import Limits
from tests.samples import WMO_HEADER

COLUMNS = WMO_HEADER
HEADER = ";".join(COLUMNS)
LIMITS = Limits()


@dataclass(frozen=True)
class Case:
    """One upload: its name, how to make its bytes, `says` the sentences (keys without `findings.`) that unpack and read
    together must give, no more and no less, and (when it can be read) its number of well-formed rows."""

    id: str
    file: str
    payload: Callable[[], bytes]
    says: frozenset[str] = frozenset()
    rows: int | None = None
    limits: Limits = LIMITS


def bsns() -> list[str]:
    """Every test number from 99999xxxx that passes the eleven-test."""
    weights = (9, 8, 7, 6, 5, 4, 3, 2, -1)
    numbers = [f"99999{tail:04d}" for tail in range(10_000)]
    return [n for n in numbers if sum(int(d) * w for d, w in zip(n, weights, strict=True)) % 11 == 0]


def row(rng: random.Random) -> str:
    """A record as municipalities deliver it."""
    kind = f"{rng.randrange(1, 19):02d}"
    number = f"T{rng.randrange(10**8):08d}"
    start, stop = f"201707{rng.randrange(1, 29):02d}", rng.choice(("", "20171115"))
    volume = str(rng.randrange(1, 400))
    values = ("0363", "20180214", rng.choice(TEST_BSNS), number, kind, kind, start, stop, rng.choice("12"), start, stop)
    return ";".join((*values, volume, "04", "2", volume, "04", "2", "19" if stop else ""))


TEST_BSNS = bsns()


def table(rows: int, seed: int = 1) -> bytes:
    """A faultless data file with LF line ends."""
    rng = random.Random(seed)
    return "\n".join((HEADER, *(row(rng) for _ in range(rows)), "")).encode()
