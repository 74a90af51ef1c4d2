"""`python -m tests.faults.jumpy FILE gateway serve ...`: a gateway whose machine's clock is as far off as FILE says.

Does: adds the seconds in FILE to what the clock of the machine says, each time that it is asked.
Touches: this process alone.
Does not: move technical time, which no jump of the clock moves either.
"""

import sys
from datetime import datetime, timedelta, tzinfo
from pathlib import Path

from gateway.daemon import clock, foundations


def shifted(file: Path) -> type[datetime]:
    """A datetime whose `now` is off."""

    class Shifted(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> "Shifted":
            return super().now(tz) + timedelta(seconds=float(file.read_text()))

    return Shifted


if __name__ == "__main__":
    off = shifted(Path(sys.argv[1]))
    vars(clock)["datetime"] = vars(foundations)["datetime"] = off
    from gateway.cli import main

    sys.argv = sys.argv[2:]
    main()
