"""Anchors: where the chain over the message log ended, kept beside the ledger and not in it.

Does: adds a line for a seal to the file of its month, durably; reads every anchor back; sets the folder aside whole.
Touches: the folder state/anchors/ and in it YYYY-MM.txt.
Does not: ever change a line. Who can write the ledger may be able to write here: the daily overview carries the same
anchor away by mail.
"""

import os
from datetime import datetime
from pathlib import Path

from gateway.domain.chain import Seal, anchor, anchors_in
from gateway.domain.workdays import local_day
from gateway.store.durable import PRIVATE_FILE, fsync_folder, world
from gateway.store.owned import PRIVATE_FOLDER

PATTERN = "*.txt"


def note(folder: Path, last: Seal, at: datetime) -> None:
    """Add an anchor. Temporary when the disk says no."""
    with world():
        folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        path = folder / f"{local_day(at):%Y-%m}.txt"
        fresh = not path.exists()
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, PRIVATE_FILE)
        try:
            os.write(descriptor, f"{at.isoformat(timespec='seconds')} {anchor(last)}\n".encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if fresh:
            fsync_folder(folder)


def known(folder: Path) -> list[tuple[int, str]]:
    """Every anchor in a folder, number and chain hash."""
    with world():
        texts = [path.read_text(encoding="utf-8", errors="replace") for path in sorted(folder.glob(PATTERN))]
    return [each for text in texts for each in anchors_in(text)]


def last(folder: Path) -> tuple[int, str] | None:
    """The newest anchor in a folder; None when there is none."""
    with world():
        paths = sorted(folder.glob(PATTERN))
    found = anchors_in(paths[-1].read_text(encoding="utf-8", errors="replace")) if paths else []
    return found[-1] if found else None


def set_aside(folder: Path, stamp: str) -> None:
    """Give the folder another name: another ledger begins, whose chain it does not know. Nothing when there is none."""
    with world():
        if folder.exists():
            folder.rename(folder.with_name(f"{folder.name}.replaced-{stamp}"))
            fsync_folder(folder.parent)
