"""Senders: two parties that deliver for one municipality are seen, not guessed at.

Does: when a municipality's files of a round come from it and from a lead as well (or a member goes on delivering under
a mandate, and is refused), leaves one log line `two_senders` for the pair, naming whom the mandate allows.
Touches: table log; reads drops.
Does not: refuse (lifecycle's mandate does), or take colleagues of one municipality for two senders.
"""

from gateway.domain.lifecycle import sender_party
from gateway.domain.model import Account
from gateway.domain.workdays import local_day
from gateway.store.ledger import drops, log
from gateway.workflow.context import Context

EVENT = "two_senders"
PAIRS_LOOKED_AT = 50


def note_sender(ctx: Context, account: Account, code: str, round_id: str) -> None:
    """`account` delivers, or tries to: leave the line, once a pair, when another party did so for the municipality."""
    people = ctx.configuration().participants
    today = local_day(ctx.now())

    def party(login: str) -> str:
        known = people.accounts.get(login)
        return login if known is None else sender_party(known, code, people, today)

    mine = sender_party(account, code, people, today)
    others = {party(login) for login in drops.senders(ctx.engine, code, round_id)} - {mine}
    if not others:
        return
    told = {
        line.detail.get("senders")
        for line in log.last_of_event(ctx.engine, EVENT, code, PAIRS_LOOKED_AT)
        if line.detail.get("round") == round_id
    }
    leads = [each.lead for each in people.partnerships.values() if each.in_force(today) and code in each.members]
    for other in sorted(others):
        pair = ", ".join(sorted((mine, other)))
        if pair not in told:
            detail: dict[str, str | int | None] = {"round": round_id, "senders": pair, "mandate": [*leads, code][0]}
            log.append(ctx.engine, log.Line(ctx.now(), EVENT, code, account.login, detail=detail))
