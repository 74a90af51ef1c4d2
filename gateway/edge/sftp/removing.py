"""Removing: what it does to remove a name that is seen over SFTP.

Does: takes the removal of a report as its acknowledgement; throws away working files; leaves a log line of what was
received and stays.
Touches: the ledger through collect and admit, working files through the spool.
Does not: withdraw anything. In the inbox removing a received name answers OK and does nothing.
"""

from gateway.domain.lifecycle import is_working_name
from gateway.domain.model import Account
from gateway.edge.sftp.house import House
from gateway.edge.sftp.tree import Place, Sort
from gateway.edge.sftp.upload import working_item
from gateway.edge.sftp.view import View
from gateway.errors import Refusal
from gateway.store.ledger import log, reports
from gateway.store.working import held
from gateway.workflow import collect
from gateway.workflow.admit import Attempt, record_refusal
from gateway.workflow.context import Context


def confirm(ctx: Context, account: Account, place: Place) -> None:
    """The report at this place was fetched, says who removes or moves it."""
    found = reports.entry(ctx.engine, place.code, place.name)
    if found is None:
        raise Refusal("NO_SUCH_FILE")
    if account.roles & collect.ONLOOKERS:
        raise Refusal("NO_REMOVE")
    # `rm *` names every file of a set that the first one confirmed: the others are as done as that one.
    if not found.confirmed:
        collect.confirm(ctx, account, found.report_id)


def _removed(ctx: Context, attempt: Attempt) -> bool:
    """Throw a working file away; False when there is none. Not while somebody drops it: it would go on disappearing
    where it landed."""
    item = working_item(ctx, attempt)
    try:
        with held(item):
            return ctx.spool.remove_working(item)
    except Refusal as refusal:
        if refusal.code != "NO_SUCH_FILE":
            raise
        return False


def remove(house: House, view: View, account: Account, path: bytes) -> None:
    """Remove what `account` sees at this path; `Refusal` when that is nothing, or stays."""
    ctx, place = house.ctx, view.place(path)
    if place.sort is Sort.REPORT:
        confirm(ctx, account, place)
    elif place.sort is Sort.ASSESSOR_FILE and is_working_name(place.name):
        house.drafts.drop(account.login, place)
    elif place.sort is Sort.UPLOAD:
        attempt = Attempt(account, place.code, place.lane, place.name)
        if is_working_name(place.name) and _removed(ctx, attempt):
            return
        view.entry(path)  # what was never there cannot be removed
        log.append(
            ctx.engine, log.Line(ctx.now(), "remove_ignored", place.code, account.login, detail={"name": place.name})
        )
    elif place.sort is Sort.SELECTION:
        view.entry(path)
        refusal = Refusal("WITHDRAWAL_REMOVE")
        record_refusal(ctx, Attempt(account, place.code, place.lane, place.name), refusal, with_receipt=False)
        raise refusal
    else:
        raise Refusal("NO_REMOVE")
