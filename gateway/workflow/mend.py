"""Mend: what `gateway doctor --repair` does about what it found.

Does: makes missing folders, closes those that are open to others, receives what lies landed or claimed, places and
files reports, ends erasures: the steps by which the gateway mends itself when it starts and as it runs, once and now.
Touches: inbox/, outbox/, the ledger.
Does not: throw anything away, or decide what needs a person. Into a damaged ledger nothing is written.
"""

from collections.abc import Callable

from gateway.workflow import retain
from gateway.workflow.context import Context
from gateway.workflow.intake import Intake
from gateway.workflow.recover import mirror, recover


def mend(ctx: Context, tell: Callable[..., None], *, edge: bool, publisher: bool) -> None:
    """Mend what can be mended. `edge`: nobody takes uploads, so what is on its way in is received here, else it is left
    to whoever does, within seconds; `publisher`: nobody places reports at this moment."""
    ctx.spool.close(sorted(ctx.configuration().participants.municipalities))
    recover(ctx, edge=edge, publisher=publisher)
    if edge:
        Intake(ctx, rescan_seconds=1.0, received=_nobody, tell=tell).scan()
    mirror(ctx)
    retain.purge(ctx, ())


def _nobody() -> None:
    """Nobody judges here; the gateway does when it starts."""
