"""`python -m tests.clients.table`: writes docs/clients.md from what every real client did just now.

Does: the journey of each client, a row each: its version, the tier it needs, how each step ended.
Touches: docs/clients.md.
Does not: hide a failure; a step that was not true is shown as such.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from tests.clients.clients import CLIENTS, Client
from tests.clients.journey import Journey, Step
from tests.clients.stage import stage

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "clients.md"
HEAD = """# SFTP clients that were tried

Made by `python -m tests.clients.table`: every client below made the same journey against a real gateway, and the
gateway's ledger was asked what had arrived. Do not edit this table; run the command.

`ok` means: the gateway has what it should and the client ended with exit status 0. A number is the exit status of a
step that must fail: a missing file, and a file that the gateway refuses when it is closed (an empty one). **hidden**
means that the client ended with 0 although the file was refused: with such a client, look for the receipt
(`OB_..._GEWEIGERD`) or read `status.json`. A dash: the client cannot do this.

"""
FOOT = """
Tier `compat` is a second listener (`sftp.compat_listen`) for clients without current algorithms. JSch 0.1.54 needs an
ECDSA host key and an ECDSA key of its own, phpseclib 2 RSA ones (they sign with SHA-2).

Not tried here: WinSCP and FileZilla, which run on Windows or a desktop. WinSCP uploads under `NAME.filepart` and
renames; lftp with temporary names does the same and is tried.
"""


def version(client: Client) -> str:
    """The client's version."""
    return subprocess.run(client.version, capture_output=True, text=True, check=True).stdout.strip()


def cell(steps: dict[str, Step], name: str) -> str:
    """How a step ended."""
    step = steps.get(name)
    if step is None:
        return "-"
    if name in ("missing file", "refused at CLOSE"):
        return str(step.ended.status) if step.true else "**hidden**"
    return "ok" if step.true and step.ended.ok else f"**wrong** ({step.ended.status})"


def main() -> None:
    """Travel with every client and write the table."""
    journeys: dict[str, dict[str, Step]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with stage(folder, compiled=True) as made:
            for number, client in enumerate(CLIENTS, start=1):
                place = folder / f"journey{number}"
                place.mkdir()
                steps = Journey(client, made.place(client), made.gateway, place, number).travel()
                journeys[client.name] = {step.name: step for step in steps}
                print(client.name, file=sys.stderr)
    most = max(len(steps_of) for steps_of in journeys.values())
    columns = next(list(steps_of) for steps_of in journeys.values() if len(steps_of) == most)
    lines = ["| client | version | tier | " + " | ".join(columns) + " |", "| --- " * (len(columns) + 3) + "|"]
    for client in CLIENTS:
        cells = [cell(journeys[client.name], column) for column in columns]
        lines.append("| " + " | ".join([client.name, version(client), client.tier, *cells]) + " |")
    DOCUMENT.write_text(HEAD + "\n".join(lines) + "\n" + FOOT, encoding="utf-8")


if __name__ == "__main__":
    main()
