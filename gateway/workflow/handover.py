"""Hand-over: the data files that count, to the assessor.

Does: says which files are handed over now (approved, not withdrawn, current), takes their bytes out of the uploads,
writes the manifest of the moment, and after the withdrawal window the final one, once.
Touches: tables manifests, log; payloads, reading.
Does not: send anything: the assessor fetches from /cbs/<round>/overdracht/ (edge), or `sending` pushes.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from hashlib import sha256

from gateway.domain.lifecycle import withdrawn_by_default
from gateway.domain.model import DeliveryRound, DeliveryState, to_ms
from gateway.domain.workdays import window
from gateway.errors import Conflict
from gateway.reports.manifest import Handed, Sealed, manifest
from gateway.store.ledger import assessor, deadlines, handovers, log, withdrawals
from gateway.store.ledger import packages as kept
from gateway.store.ledger.assessor import DataFile
from gateway.store.ledger.handovers import Manifest
from gateway.workflow import packages, payloads
from gateway.workflow.context import Context

FINAL_NAME = "manifest-definitief.json"


def file_name(file: DataFile) -> str:
    """`<delivery id>.csv`, or .txt as it was delivered."""
    return f"{file.delivery_id}{'.txt' if file.member.lower().endswith('.txt') else '.csv'}"


def standing(ctx: Context, round_: DeliveryRound, at: datetime | None = None) -> tuple[DataFile, ...]:
    """The current data files of a round that were not withdrawn, now or as the selection was at a past moment."""
    moment, default = to_ms(at or ctx.now()), withdrawn_by_default(round_)
    return tuple(
        file
        for file in assessor.current_files(ctx.engine, round_.id)
        if not withdrawals.withdrawn(
            ctx.engine, file.municipality, round_.id, file.kind, file.period, moment, default=default
        )
    )


def stands(ctx: Context, round_: DeliveryRound, file: DataFile) -> bool:
    """Whether one data file is to be handed over now."""
    item = file.municipality, round_.id, file.kind, file.period
    default = withdrawn_by_default(round_)
    return file.state in (DeliveryState.APPROVED, DeliveryState.ASSESSED) and not withdrawals.withdrawn(
        ctx.engine, *item, to_ms(ctx.now()), default=default
    )


def body(ctx: Context, file: DataFile) -> bytes:
    """The bytes of a data file; Corrupt when they are not those that were approved."""
    return payloads.data(ctx, file)


def handed(ctx: Context, files: Sequence[DataFile]) -> list[Handed]:
    """Data files as a manifest names them."""
    found = []
    recipients = packages.recipients(ctx)
    for file in files:
        sealed = kept.of(ctx.engine, "delivery", file.delivery_id) if recipients else {}
        owed = deadlines.find(ctx.engine, "quality", file.delivery_id)
        size = len(body(ctx, file)) if file.size is None else file.size
        found.append(
            Handed(
                name=file_name(file),
                size=size,
                sha256=file.sha256,
                delivery_id=file.delivery_id,
                drop_id=file.short_id,
                municipality=file.municipality,
                kind=file.kind,
                period=file.period,
                version=file.version,
                approved=file.approved_at,
                due=owed.due_at if owed is not None and owed.met_at is None else None,
                sealed=tuple(
                    Sealed(f"{file_name(file)}{packages.ENDING}", each.size, each.sha256, each.recipient)
                    for each in sealed.values()
                    if each.recipient in recipients
                ),
            )
        )
    return found


def closes(round_: DeliveryRound) -> datetime:
    """The moment after which the selection of a round changes no more: the end of its withdrawal window, else of its
    delivery window."""
    return window(round_.withdrawal or round_.delivery).closes


def finish(ctx: Context, tell: Callable[..., None]) -> int:
    """Make the final manifest of every round whose selection is closed and that has none; how many. While a file of it
    is still being judged, or not yet sealed to its assessor, it waits."""
    made = 0
    for round_ in ctx.configuration().rounds.values():
        if ctx.now() <= closes(round_) or handovers.final(ctx.engine, round_.id) is not None:
            continue
        if handovers.is_undecided(ctx.engine, round_.id):
            continue
        if not packages.complete(ctx, standing(ctx, round_, closes(round_))):
            continue
        try:
            with ctx.engine.transaction():
                final = add_manifest(ctx, round_, standing(ctx, round_, closes(round_)), final=True)
                detail: dict[str, str | int | None] = {"round": round_.id, "manifest": final.name}
                log.append(ctx.engine, log.Line(ctx.now(), "manifest_final", detail=detail))
        except Conflict:
            continue
        tell("manifest_final", round=round_.id)
        made += 1
    return made


def add_manifest(ctx: Context, round_: DeliveryRound, files: Sequence[DataFile], *, final: bool) -> Manifest:
    """Keep a manifest of these files, numbered on. Inside a transaction; Conflict when there is a final one."""
    number = handovers.last_number(ctx.engine, round_.id) + 1
    sort = "final" if final else "standing"
    text = manifest(round_.id, sort, handed(ctx, files), ctx.now(), number=number, sandbox=ctx.sandbox)
    made = Manifest(
        id=ctx.new_id(),
        round_id=round_.id,
        number=number,
        final=final,
        name=FINAL_NAME if final else f"manifest-{number:04d}.json",
        body=text,
        sha256=sha256(text).hexdigest(),
        at=ctx.now(),
    )
    handovers.insert_manifest(ctx.engine, made)
    return made
