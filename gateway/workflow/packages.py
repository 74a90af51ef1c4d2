"""Packages: data files and uploads sealed to the assessors that have a recipient of their own.

Does: makes what is missing, once per file and recipient; says what there is.
Touches: table packages; payloads, reading.
Does not: hand out plain bytes to an account that has a recipient, or need an identity but to make a package: a process
of the role sftp hands out what one of the role worker made.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from hashlib import sha256

from gateway.domain.model import Role, to_ms
from gateway.errors import Corrupt
from gateway.store.ledger import assessor, packages
from gateway.store.ledger.assessor import DataFile
from gateway.store.ledger.packages import Package
from gateway.store.sealing import seal
from gateway.workflow import payloads
from gateway.workflow.context import Context

ENDING = ".age"
Wanted = tuple[str, str, str, Callable[[], bytes]]


def recipients(ctx: Context) -> frozenset[str]:
    """Every recipient that something is to be sealed to for an assessor."""
    configuration = ctx.configuration()
    found = {
        account.age_recipient
        for account in configuration.participants.accounts.values()
        if Role.ASSESSOR in account.roles and account.age_recipient
    }
    push = configuration.settings.push
    return frozenset(found | ({push.age_recipient} if push is not None and push.age_recipient else set()))


def make_all(ctx: Context, tell: Callable[..., None]) -> int:
    """Make every package that is missing; how many. One that cannot be made holds up no other. Repeatable."""
    to = recipients(ctx)
    packages.forget_others(ctx.engine, to)
    made = 0
    for what, subject, drop_id, read in _wanted(ctx) if to else ():
        missing = sorted(to - set(packages.of(ctx.engine, what, subject)))
        if not missing:
            continue
        try:
            body = read()
        except Corrupt as error:
            tell("package_failed", what=what, subject=subject, reason=repr(error), error=True)
            continue
        for recipient in missing:
            sealed = seal(body, (recipient,))
            package = Package(what, subject, recipient, len(sealed), sha256(sealed).hexdigest())
            packages.add(ctx.engine, package, drop_id, sealed, to_ms(ctx.now()))
            made += 1
    if made:
        tell("packages_made", files=made)
    return made


def _wanted(ctx: Context) -> Iterator[Wanted]:
    """What an assessor may fetch now: kind, id, drop, and how to read it."""
    for round_ in ctx.configuration().rounds:
        for file in assessor.current_files(ctx.engine, round_):
            yield "delivery", file.delivery_id, file.drop_id, partial(payloads.data, ctx, file)
        for upload in assessor.unjudged(ctx.engine, round_):
            yield "drop", upload.drop_id, upload.drop_id, partial(payloads.payload, ctx, upload.drop_id)


def complete(ctx: Context, files: Sequence[DataFile]) -> bool:
    """Whether every recipient has a package of each of these files."""
    to = recipients(ctx)
    return all(to <= set(packages.of(ctx.engine, "delivery", file.delivery_id)) for file in files) if to else True
