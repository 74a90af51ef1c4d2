"""Admit: may this account drop this name here now? And if not: say so where a person finds it.

Does: asks the policy in its order (sender, name, terms, window); turns a refusal into a log line and, once per name and
hour, a receipt GEWEIGERD in the outbox, because most clients hide the text of an SFTP status.
Touches: tables log, reports.
Does not: see a byte of the file.

A refusal about a municipality that is not the sender's leaves its line without that municipality and no receipt; nobody
may write into another's outbox by trying.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.domain.acts import verification_code
from gateway.domain.lifecycle import check_name, check_sender, check_window, intended_name, rights
from gateway.domain.model import Account, DeliveryRound, Lane, Phrase, phrase, to_ms
from gateway.domain.workdays import local_day
from gateway.errors import Refusal
from gateway.reports.facts import ReceiptFacts
from gateway.reports.plain import masked
from gateway.reports.receipt import receipt
from gateway.reports.wording import refusal_line
from gateway.store.ledger import facts, log, reports
from gateway.workflow.accounts import verified
from gateway.workflow.context import Context, act_envelope, current_round, round_at, rounds_for
from gateway.workflow.senders import note_sender

ONE_RECEIPT_PER = timedelta(hours=1)
# What the gateway could not do for its own reasons: a user is told of the regular route, if there is one.
CANNOT_SERVE = frozenset({"NOT_DURABLE", "BUSY", "INTERNAL"})


@dataclass(frozen=True, slots=True)
class Attempt:
    """Somebody dropping something: who, for whom, in which lane, under which final name."""

    account: Account
    municipality: str
    lane: Lane
    name: str


def admit(ctx: Context, attempt: Attempt, *, started: datetime | None = None, whole: datetime | None = None) -> None:
    """Raise `Refusal` when the drop may not be made now. `started`: when the upload was opened, asked at its close;
    `whole`: when it was all there, if that is not now."""
    configuration = ctx.configuration()
    now = ctx.now()
    moment = started or now
    round_ = round_of_upload(ctx, attempt.municipality, moment)
    if not verified(ctx, attempt.account):
        raise Refusal("NOT_VERIFIED")
    check_sender(attempt.account, attempt.municipality, configuration.participants, now)
    check_name(attempt.name, round_)
    if not facts.terms_accepted(ctx.engine, attempt.account.login, round_.id, round_.terms_version):
        raise Refusal("TERMS", file=f"VOORWAARDEN_{round_.id}.akkoord")
    check_window(round_, attempt.lane, whole or now, started)


def round_of_upload(ctx: Context, code: str, opened: datetime) -> DeliveryRound:
    """The round of an upload for a municipality, by when it was opened: its grace may run past the close."""
    return round_at(rounds_for(ctx, code), opened)


def refusal_phrase(refusal: Refusal) -> Phrase:
    """What a refusal says, as a phrase of the catalogue."""
    return phrase(f"refusals.{refusal.code}.text", **refusal.params)


def record_refusal(ctx: Context, attempt: Attempt, refusal: Refusal, *, with_receipt: bool = True) -> None:
    """Leave the log line and, when due (and wanted), the receipt. Never raises `Refusal`."""
    now = ctx.now()
    configuration = ctx.configuration()
    theirs = attempt.municipality in rights(attempt.account, configuration.participants, local_day(now)).sees
    # A code that was put in the wrong folder is still somebody's secret.
    name = "VERIFICATIE_" if verification_code(attempt.name) is not None else masked(intended_name(attempt.name))[:255]
    with ctx.engine.transaction():
        since = now - ONE_RECEIPT_PER
        give = with_receipt and theirs and not log.is_refusal_told(ctx.engine, attempt.municipality, name, since)
        report_id = _receipt(ctx, attempt, refusal, name) if give else None
        if refusal.code == "LEAD_ONLY":
            note_sender(ctx, attempt.account, attempt.municipality, current_round(ctx, attempt.municipality).id)
        log.append(
            ctx.engine,
            log.Line(
                at=now,
                event="refused",
                municipality=attempt.municipality if theirs else None,
                account=attempt.account.login,
                report_id=report_id,
                detail={"code": refusal.code, "name": name, "receipt": int(give), **_plain(refusal)},
            ),
        )


def _plain(refusal: Refusal) -> dict[str, str | int | None]:
    return {f"param_{key}": value for key, value in refusal.params.items()}


def _receipt(ctx: Context, attempt: Attempt, refusal: Refusal, name: str) -> str:
    configuration = ctx.configuration()
    round_ = current_round(ctx, attempt.municipality)
    retry = configuration.texts.say("nl", f"refusals.{refusal.code}.retry") == "yes"
    made = receipt(
        ReceiptFacts(
            envelope=act_envelope(ctx, round_, attempt.account.login, attempt.municipality, name, attempt.lane),
            outcome="GEWEIGERD",
            refusal=refusal_phrase(refusal),
            retry=retry,
            route=configuration.settings.regular_route if refusal.code in CANNOT_SERVE else None,
        ),
        configuration.texts,
    )
    report_id = ctx.new_id()
    reports.insert(ctx.engine, report_id, attempt.municipality, made, to_ms(ctx.now()))
    return report_id


def status_line(ctx: Context, refusal: Refusal) -> str:
    """What an SFTP status says of a refusal; with the regular route when the gateway cannot serve."""
    configuration = ctx.configuration()
    line = refusal_line(configuration.texts, refusal.code, refusal.params)
    route = configuration.settings.regular_route
    if route is None or refusal.code not in CANNOT_SERVE:
        return line
    return f"{line} | {configuration.texts.say('nl', 'reports.next.route', route=route)}"
