"""`python -m tests.faults.table`: writes docs/reliability.md from what every fault did just now.

Does: each fault on a gateway of its own; a row each. `--long` kills 500 times, `--small` does what the default tests
do. Other words choose faults by a part of their name, and change their rows alone.
Touches: docs/reliability.md.
Does not: hide a red line; what was wrong stands in it, and the command ends with 1.
"""

import logging
import os
import platform
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from subprocess import TimeoutExpired

from tests.faults.catalogue import SCENES, Play, Scene
from tests.faults.load import Told
from tests.faults.rig import Outcome
from tests.house import lay_out_demo

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"
COLUMNS = ("fault", "times", *Told, "wrong", "slowest recovery", "remarks")
HEAD = """# Faults that were tried

Made by `python -m tests.faults.table`: each fault was done to a real `gateway serve` with real clients (paramiko, three
at a time, under final and under working names, some broken off on purpose) and a real mail server. The 500 deaths at
random moments: `python -m tests.faults.table --long random`. Do not edit the table; run the command.

The four columns after *times* are what clients were told. **OK**: received. **refused** and **failure**: an answer
that says no, or try again. **no answer**: the line was cut first, or the client never closed the file (every ninth
upload, on purpose). Clients sent again what got no certain answer.

Then an oracle compared all of it with ledger, folders, outbox and mailbox:

- what was answered OK is in the ledger exactly once, with the same SHA-256, and a repeat for each further OK;
- what was whole and got no certain answer is there at most once; what was not whole is not there; nothing is there that
  nobody sent;
- the bytes kept are the bytes sent; every file received has one receipt in the outbox, about those bytes;
- the files in the outbox are the report rows, byte for byte; nothing is left on the way in;
- every mail that was owed arrived, and nothing else; once, unless the gateway was killed, or the server fell silent,
  between the mail and its answer;
- the ledger's own check finds nothing, the log gives the stored states, and `gateway doctor` says nothing.

A line is **green** when the oracle found nothing. *Slowest recovery* is the longest time from the start of the gateway,
or the end of the fault, until a client heard OK again (workers: until everything was judged).

"""
FOOT = """
What else is tried of this sort, with every change: a crash before, in and after every single operation on files and
ledger that a day of a gateway makes, and a power cut that loses what was not fsynced (`tests/crash`); uploads cut at
any moment, a hundred times each way (`tests/edge/test_closing.py`); one of two SFTP processes on one port killed,
drained and started again under load (`tests/daemon/test_several.py`); attacks ([Attacks](attacks.md)).
"""


def row(name: str, found: Outcome) -> str:
    """A line of the table."""
    wrong = "**red**: " + "; ".join(found.wrong[:5]) if found.wrong else "green"
    recovery = "-" if found.recovery is None else f"{found.recovery:.1f} s"
    cells = (name, f"{found.times:,}", *(f"{found.told[told]:,}" for told in Told), wrong, recovery, found.remark)
    return "| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |"


def chosen(scene: Scene) -> Play | None:
    """What of a scene is asked for."""
    if "--small" in sys.argv:
        return scene.share
    return (scene.long if "--long" in sys.argv else None) or scene.full


def main() -> int:
    """Play every scene and write the table."""
    # It tells of each line that is cut; that is what is wanted.
    logging.getLogger("paramiko").setLevel(logging.CRITICAL)
    words = [word for word in sys.argv[1:] if not word.startswith("--")]
    rows: dict[str, str] = {}
    red = 0
    for scene in SCENES:
        play = chosen(scene)
        if play is None or (words and not any(word in scene.name for word in words)):
            continue
        begun = time.monotonic()
        with tempfile.TemporaryDirectory() as name:
            found = played(play, lay_out_demo(Path(name) / "gateway"))
            rows[scene.name] = row(scene.name, found).replace(name, "")
        red += bool(found.wrong)
        print(f"{time.monotonic() - begun:5.0f} s {rows[scene.name]}", file=sys.stderr, flush=True)
        # Each is kept at once: another command may be at work on other rows.
        write({**former(), **rows})
    return 1 if red else 0


def played(play: Play, demo: Path) -> Outcome:
    """How it ended; what did not come at all is wrong."""
    try:
        return play(demo)
    except (AssertionError, TimeoutExpired) as error:
        return Outcome(0, Counter(), (str(error).partition("\n")[0][:300] or "a step failed",), None)


def former() -> dict[str, str]:
    """The rows of the document as it is."""
    lines = DOCUMENT.read_text(encoding="utf-8").splitlines() if DOCUMENT.exists() else []
    return {line.split("|")[1].strip(): line for line in lines if line.startswith("| ") and line.endswith(" |")}


def write(rows: dict[str, str]) -> None:
    """The document, its rows in the order of the catalogue."""
    lines = ["| " + " | ".join(COLUMNS) + " |", "| --- " * len(COLUMNS) + "|"]
    lines += [rows[scene.name] for scene in SCENES if scene.name in rows]
    made = f"Made on {datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, Python {platform.python_version()}."
    DOCUMENT.write_text(HEAD + f"{made}\n\n" + "\n".join(lines) + "\n" + FOOT, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
