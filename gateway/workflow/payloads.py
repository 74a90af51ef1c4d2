"""Payloads: what was uploaded, kept sealed and opened again.

Does: seals an upload on its way into the ledger and opens it on its way out; says which lie out of reach; seals
everything anew after a change of recipients.
Touches: table payloads.
Does not: keep anything that it opened.
"""

from collections.abc import Callable
from hashlib import sha256

from gateway.domain.members import data_file
from gateway.domain.model import Drop, DropState
from gateway.errors import Corrupt
from gateway.store.ledger import drops, packages
from gateway.store.ledger.assessor import DataFile
from gateway.store.sealing import seal
from gateway.workflow.context import Context

NEVER_LARGER = 2**40


def insert(ctx: Context, drop: Drop, payload: bytes) -> None:
    """Add a drop with its payload. A repeat has none, and nothing is sealed of it."""
    to = ctx.sealing.recipients
    if to and payload:
        drops.insert(ctx.engine, drop, seal(payload, to), sealed_to=" ".join(to))
    else:
        drops.insert(ctx.engine, drop, payload)


def payload(ctx: Context, drop_id: str) -> bytes:
    """The bytes as uploaded; Corrupt when they are gone, cannot be opened, or are not what was received."""
    kept = drops.kept(ctx.engine, drop_id)
    if kept.sealed_to is None:
        return kept.body
    body = ctx.sealing.open(kept.body, f"the payload of drop {drop_id}")
    # Anybody can seal something to a public key.
    if sha256(body).hexdigest() != drops.get(ctx.engine, drop_id).file.sha256:
        raise Corrupt(f"the payload of drop {drop_id} is not what was received")
    return body


def data(ctx: Context, file: DataFile) -> bytes:
    """The bytes of one data file; Corrupt when they are not those that were approved."""
    return data_file(payload(ctx, file.drop_id), file.sha256, NEVER_LARGER if file.size is None else file.size)


def can_open(ctx: Context, drop_id: str) -> bool:
    """Whether this process can read a payload."""
    to = drops.sealed_to(ctx.engine, drop_id)
    return to is None or ctx.sealing.opens(to)


def out_of_reach(ctx: Context) -> tuple[int, int]:
    """How many payloads none of the identities opens, and how many of those still wait for a verdict."""
    found = [state for _, to, state in packages.sealed_to(ctx.engine) if to is not None and not ctx.sealing.opens(to)]
    return len(found), sum(state != DropState.DECIDED for state in found)


def unsealed(ctx: Context) -> int:
    """How many payloads lie plain in the ledger."""
    return sum(to is None for _, to, _ in packages.sealed_to(ctx.engine))


def reseal(ctx: Context, step: Callable[[], None]) -> int:
    """Seal every payload to the recipients in force that is not sealed to just those; how many. `step` is called after
    each that was looked at. Corrupt at the first that cannot be opened. What lay there before is in no file of the
    ledger any more when this returns; Temporary when a reader stands in the way of that."""
    to = " ".join(ctx.sealing.recipients)
    done = 0
    for drop_id, before, _ in packages.sealed_to(ctx.engine):
        if before != to:
            body = payload(ctx, drop_id)
            done += drops.replace_payload(ctx.engine, drop_id, seal(body, ctx.sealing.recipients), to)
        step()
    ctx.engine.scrub()
    return done
