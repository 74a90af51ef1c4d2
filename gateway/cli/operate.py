"""What an operator changes from the command line.

Does: releases a held drop.
Touches: the ledger; the running daemon finds the change by itself.
Does not: need the daemon's lock.
"""

import getpass
from pathlib import Path

from gateway.config import load
from gateway.daemon import offline
from gateway.errors import GatewayError
from gateway.store.ledger import drops
from gateway.workflow import judge


def release_drop(directory: Path, short_id: str, reason: str) -> None:
    """Put a held drop back in the row; GatewayError when there is none, Conflict when it is not held."""
    ctx = offline(load(directory))
    drop = drops.find_short(ctx.engine, short_id)
    if drop is None:
        raise GatewayError(f"there is no drop {short_id}")
    judge.release(ctx, drop, reason, getpass.getuser())
