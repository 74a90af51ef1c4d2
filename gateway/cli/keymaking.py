"""Identities for sealing at rest, from the command line.

Does: makes an identity; seals what lies in the ledger anew after a change of recipients.
Touches: the identity file, the ledger; the terminal.
Does not: print a secret.
"""

from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from gateway.config import load
from gateway.daemon import offline
from gateway.daemon.keys import sealing_of
from gateway.errors import GatewayError
from gateway.store.ledger import packages
from gateway.store.sealing import make_identity
from gateway.workflow import payloads


def keygen(path: Path) -> str:
    """Make an identity and say what to do with both halves."""
    public = make_identity(path)
    return "\n".join(
        (
            f"The secret identity is in {path}. Keep a copy where no ledger and no backup is: without it nobody, the",
            "maintainers included, can read what is sealed to it.",
            "Its public key, for sealing.recipients in gateway.yaml:",
            public,
        )
    )


def reseal(directory: Path, identity: Path | None) -> str:
    """Seal every upload in the ledger to the recipients in force."""
    configuration = load(directory)
    if not configuration.settings.sealing.recipients:
        raise GatewayError("sealing.recipients in gateway.yaml is empty: there is nobody to seal to")
    found = sealing_of(configuration, "worker", identity)
    ctx = replace(offline(configuration), sealing=found)
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("uploads", total=len(packages.sealed_to(ctx.engine)))
        done = payloads.reseal(ctx, lambda: progress.advance(task))
    return f"{done} uploads are sealed anew. Backups from before still hold them as they were, until their term ends."
