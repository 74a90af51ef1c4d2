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

from gateway.domain.lifecycle import check_name, check_sender, check_window, rights
from gateway.domain.model import Account, DeliveryRound, FileFacts, Lane, Phrase, phrase, to_ms
from gateway.domain.workdays import last_safe_day, local_day, window
from gateway.errors import Refusal
from gateway.reports.facts import Envelope, ReceiptFacts, Times
from gateway.reports.plain import masked
from gateway.reports.receipt import receipt
from gateway.store.ledger import facts, log, reports
from gateway.workflow.context import Context, current_round, municipality, round_at

ONE_RECEIPT_PER = timedelta(hours=1)
EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@dataclass(frozen=True, slots=True)
class Attempt:
    """Somebody dropping something: who, for whom, in which lane, under which final name."""

    account: Account
    municipality: str
    lane: Lane
    name: str


def admit(ctx: Context, attempt: Attempt, *, started: datetime | None = None) -> None:
    """Raise `Refusal` when the drop may not be made now. `started`: when the upload was opened, asked at its close."""
    configuration = ctx.configuration()
    now = ctx.now()
    round_ = current_round(ctx) if started is None else current_round_of(ctx, started)
    check_sender(attempt.account, attempt.municipality, configuration.participants, now)
    check_name(attempt.name, round_)
    if not facts.terms_accepted(ctx.engine, attempt.account.login, round_.id, round_.terms_version):
        raise Refusal("TERMS", file=f"VOORWAARDEN_{round_.id}.akkoord")
    check_window(round_, attempt.lane, now, started)


def current_round_of(ctx: Context, started: datetime) -> DeliveryRound:
    """The round that was in force when an upload was opened: its grace may run past the close."""
    return round_at(dict(ctx.configuration().rounds), started)


def refusal_phrase(refusal: Refusal) -> Phrase:
    """What a refusal says, as a phrase of the catalogue."""
    return phrase(f"refusals.{refusal.code}.text", **refusal.params)


def record_refusal(ctx: Context, attempt: Attempt, refusal: Refusal) -> None:
    """Leave the log line and, when due, the receipt. Never raises `Refusal`."""
    now = ctx.now()
    configuration = ctx.configuration()
    theirs = attempt.municipality in rights(attempt.account, configuration.participants, local_day(now)).sees
    name = masked(attempt.name)[:255]
    with ctx.engine.transaction():
        recent = log.last_of_event(ctx.engine, "refused", attempt.municipality, limit=200) if theirs else []
        told = any(
            line.detail.get("name") == name and line.detail.get("receipt") and now - line.at < ONE_RECEIPT_PER
            for line in recent
        )
        give = theirs and not told
        report_id = _receipt(ctx, attempt, refusal, name, now) if give else None
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


def _receipt(ctx: Context, attempt: Attempt, refusal: Refusal, name: str, now: datetime) -> str:
    configuration = ctx.configuration()
    round_ = current_round(ctx)
    retry = configuration.texts.say("nl", f"refusals.{refusal.code}.retry") == "yes"
    own = attempt.municipality in attempt.account.municipalities
    made = receipt(
        ReceiptFacts(
            envelope=Envelope(
                drop_id=f"{local_day(now):%y%m%d}-{ctx.random_hex(3)}",
                municipality=municipality(configuration, attempt.municipality),
                round_name=round_.name,
                submitted_by=attempt.account.login,
                on_behalf_of=None if own else attempt.municipality,
                file=FileFacts(name, 0, EMPTY_SHA256),
                times=Times(
                    received=now,
                    ready=now,
                    window_opens=window(round_.delivery).opens,
                    window_closes=window(round_.delivery).closes,
                    last_safe_day=last_safe_day(round_, configuration.calendar),
                    calendar=configuration.calendar.version,
                ),
                desks=configuration.desks,
                sandbox=ctx.sandbox,
                trial=attempt.lane is Lane.TRIAL,
            ),
            outcome="GEWEIGERD",
            refusal=refusal_phrase(refusal),
            retry=retry,
        ),
        configuration.texts,
    )
    report_id = ctx.new_id()
    reports.insert(ctx.engine, report_id, attempt.municipality, made, to_ms(now))
    return report_id
