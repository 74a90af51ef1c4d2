"""Working days, windows and due dates.

Does: from a moment to a local day, from a local day to the moment it ends, n working days further, the last safe day.
Touches: nothing; the holidays come in as values from `config`.
Does not: know which country or which round.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date


@dataclass(frozen=True, slots=True)
class WorkCalendar:
    """Closed days by local day with the name of the day, and the version that a due date is stamped with."""

    version: str
    closed: Mapping[date, str] = field(default_factory=dict)
    first_year: int = 2015
    last_year: int = 2040
