"""Sample files for everybody's tests, from the one generator that the demo uses too.

Does: gives the names of gateway.cli.samples a short place. A test that needs a bad file takes `wmo_rows`, spoils a cell
and calls `csv_bytes`, or takes `wmo_faulty`, which knows its faults.
Touches: nothing.
Does not: hold a generator of its own.
"""

from gateway.cli.samples import (
    BSNS,
    COST_HEADERS,
    COST_KEYS,
    REASONS,
    UNITS,
    WMO_HEADER,
    Fault,
    Faulty,
    cost_csv,
    cost_faulty,
    cost_rows,
    creation_day,
    csv_bytes,
    good,
    period_days,
    wmo_csv,
    wmo_faulty,
    wmo_rows,
    zipped,
)

__all__ = [
    "BSNS",
    "COST_HEADERS",
    "COST_KEYS",
    "REASONS",
    "UNITS",
    "WMO_HEADER",
    "Fault",
    "Faulty",
    "cost_csv",
    "cost_faulty",
    "cost_rows",
    "creation_day",
    "csv_bytes",
    "good",
    "period_days",
    "wmo_csv",
    "wmo_faulty",
    "wmo_rows",
    "zipped",
]
