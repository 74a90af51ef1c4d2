"""The Rules of the shipped configuration, for tests.

Does: loads config/ once and hands out the rules of the pilot, with other settings of the round where a test asks.
Touches: the files of config/, reading.
Does not: describe a kind; that is what is being tested.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

from gateway.config import load
from gateway.domain.kinds import Rules

CONFIG = Path(__file__).resolve().parents[1] / "config"


@cache
def shipped_rules() -> Rules:
    """The rules of the round 2017H2 as shipped."""
    return load(CONFIG).rules["2017H2"]


def rules(
    successors: Mapping[str, str] | None = None, max_error_records: int = 0, findings_per_code: int = 100
) -> Rules:
    """The shipped rules, changed."""
    shipped = shipped_rules()
    limits = replace(shipped.round.limits, findings_per_code=findings_per_code)
    changed = replace(shipped.round, max_error_records=max_error_records, limits=limits)
    return replace(shipped, round=changed, successors=dict(successors or {}))
