"""Extend: the delivery window of one municipality closes later.

Does: checks that the day makes sense, records it, logs it in the municipality's own log and owes it a mail.
Touches: tables extensions, log, notifications.
Does not: change the round for anybody else, or the configuration. What asks for the window of a municipality
(`context.rounds_for`) sees the extension at once.
"""

from datetime import date

from gateway.domain.model import DeliveryRound, to_ms
from gateway.domain.workdays import local_day
from gateway.errors import GatewayError
from gateway.store.ledger import extensions, log
from gateway.store.ledger.extensions import Extension
from gateway.workflow.context import Context, round_at
from gateway.workflow.notify import owe_extension


def extend(ctx: Context, code: str, until: date, reason: str, who: str) -> Extension:
    """Let a municipality deliver until the end of a local day; the last extension counts. GatewayError says why not."""
    configuration = ctx.configuration()
    if code not in configuration.participants.municipalities:
        raise GatewayError(f"municipality {code} is not in participants.yaml")
    now = ctx.now()
    round_ = _last_opened(dict(configuration.rounds), local_day(now)) or round_at(dict(configuration.rounds), now)
    if until <= round_.delivery.closes:
        raise GatewayError(f"round {round_.id} is open until {round_.delivery.closes} for everybody")
    if until < local_day(now):
        raise GatewayError(f"{until} is over")
    for other in configuration.rounds.values():
        if round_.delivery.closes < other.delivery.opens <= until:
            raise GatewayError(f"round {other.id} opens on {other.delivery.opens}; extend until a day before that")
    extension = Extension(code, round_.id, until, reason, who, now)
    with ctx.engine.transaction():
        extensions.add(ctx.engine, extension)
        detail: dict[str, str | int | None] = {"round": round_.id, "until": until.isoformat(), "reason": reason}
        log.append(ctx.engine, log.Line(now, "extended", code, who, detail=detail))
        owe_extension(ctx, code, f"{round_.id}:{code}:{to_ms(now)}", until.isoformat())
    return extension


def _last_opened(rounds: dict[str, DeliveryRound], today: date) -> DeliveryRound | None:
    """The round that opened last: also when it is closed by now and the next one is configured already."""
    opened = [each for each in rounds.values() if each.delivery.opens <= today]
    return max(opened, key=lambda each: each.delivery.opens, default=None)
