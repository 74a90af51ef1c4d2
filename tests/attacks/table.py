"""`python -m tests.attacks.table`: writes docs/attacks.md from what every attack met just now.

Does: each attack in full against a gateway of its own; a row each. `--small` attacks in the size of the default tests.
Touches: docs/attacks.md.
Does not: hide a red line; what was wrong stands in it, and the command ends with 1.
"""

import asyncio
import logging
import os
import platform
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from tests.attacks.catalogue import ATTACKS
from tests.attacks.ground import GRACE, Attack, Measured, Outcome, complaints, ground_on, measure
from tests.house import lay_out_demo

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "attacks.md"
HEAD = f"""# Attacks that were tried

Made by `python -m tests.attacks.table`: each attack against a real gateway, over raw SSH and SFTP, while another client
(OpenSSH's sftp) logged in over and over. Do not edit the table; run the command. The caps are the defaults of
[Configuration](configuration.md), except a login grace of {GRACE} s and an idle time of 12 s, so that the command ends
sooner, and an allow-list with the other client's address alone.

A line is **green** when everything was answered as it must be, the slowest login of the other client took less than
2 s, the memory of the daemon grew by less than 32 MB (128 MB more where it compares passwords), no file was delivered
and none lies where it should not, the log has a line about it (and no more than 500, but for one per upload that was
broken off), and no secret is in the log.
Otherwise it is **red** and says why.

"""
FOOT = """
What is not here: more of certificates and passwords (tests/edge), hostile ZIP and CSV files (tests/workers,
tests/domain), a full disk and a ledger that fails (tests/faults). A flood from thousands of networks at once is a
matter for the line in front of the gateway; here the oldest connections before login make room for new ones.
"""


async def measured(attack: Attack, folder: Path, *, full: bool) -> Measured:
    """One attack, on a gateway of its own, so that its memory is its own."""
    with ground_on(lay_out_demo(folder)) as ground:
        try:
            return await measure(ground, attack, full=full)
        except ExceptionGroup as errors:
            wrong = "; ".join(f"{type(error).__name__} {error}".splitlines()[0][:200] for error in errors.exceptions)
            return Measured(attack, Outcome(0, "-"), tuple(ground.logins) or (0.0,), 0, 0, (wrong,))


def row(each: Measured) -> str:
    """A line of the table."""
    red = complaints(each)
    result = "**red**: " + "; ".join(red) if red else "green"
    cells = (
        each.attack.name,
        each.attack.what,
        f"{each.outcome.tried:,}",
        each.outcome.answer,
        f"{max(each.logins):.2f} s ({len(each.logins)})",
        f"{each.growth / 2**20:.1f} MB",
        str(each.lines),
        result,
    )
    return "| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |"


def main() -> int:
    """Attack and write the table."""
    full = "--small" not in sys.argv
    # It says of each message after the end of a connection that it is gone; that is what is wanted.
    logging.getLogger("asyncio").setLevel(logging.ERROR)
    logging.getLogger("paramiko").setLevel(logging.CRITICAL)
    rows = []
    for attack in ATTACKS:
        with tempfile.TemporaryDirectory() as name:
            rows.append(asyncio.run(measured(attack, Path(name) / "gateway", full=full)))
        print(row(rows[-1]), file=sys.stderr)
    columns = "attack", "what was tried", "times", "answer", "slowest login (of)", "memory", "log lines", "result"
    lines = ["| " + " | ".join(columns) + " |", "| --- " * len(columns) + "|", *map(row, rows)]
    made = f"Made on {datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, Python {platform.python_version()}"
    size = "at full size" if full else "at the small size of the default tests"
    DOCUMENT.write_text(HEAD + f"{made}, {size}.\n\n" + "\n".join(lines) + "\n" + FOOT, encoding="utf-8")
    return 1 if any(map(complaints, rows)) else 0


if __name__ == "__main__":
    sys.exit(main())
