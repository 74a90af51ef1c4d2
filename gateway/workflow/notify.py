"""Notify: mails, owed in the transaction of what they tell of, sent by a loop of their own.

Does: says who hears of a municipality; adds notifications (`owe`), one per occasion, subject and account; sends what is
due (`send_due`), again and again over two days, with one Message-ID; gives up after that, or at once when the mail
server says never, and tells the desk and the operators.
Touches: tables notifications, log; a `Post`.
Does not: hold anything up. A dead mail server costs the loop that sends, and nobody else, their time.

A mail says *that* something is ready: a notification holds keys of the catalogue, ids and dates, nothing from a file.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

from gateway.channel.mail import Letter, Post
from gateway.config import Configuration
from gateway.domain.model import Account, Desk, Drop, Lane, Param, Phrase, Role, phrase, to_ms
from gateway.domain.workdays import due, local_day, window
from gateway.errors import GatewayError, Undeliverable
from gateway.reports.facts import MailFacts
from gateway.reports.mail import mail
from gateway.store.ledger import deadlines, log, mails
from gateway.store.ledger.mails import Notification
from gateway.workflow.context import Context, municipality, round_of
from gateway.workflow.restored import gate

# After each failed attempt; together 48 hours of legal time.
BACK_OFF = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 120, *[240] * 11, 39))
BATCH = 50
# The desk is no account: its address is in the settings. No login looks like this.
DESK = "@desk"
# A mail that fails on these occasions is not told by mail again.
SILENT = frozenset({"mail_failed"})


@dataclass(frozen=True, slots=True)
class Notice:
    """What a mail is about. `subject` is the id of that moment or thing: nobody hears of it twice on one occasion.
    `says` are names of sentences below `mails.<occasion>` of the catalogue, filled by `params`; `items` a list."""

    occasion: str
    subject: str
    municipalities: tuple[str, ...]
    says: tuple[str, ...]
    params: Mapping[str, Param] = field(default_factory=dict)
    items: tuple[Phrase, ...] = ()
    desk: Desk = Desk.ACCESS
    drop_id: str | None = None


# --- to whom ----------------------------------------------------------------------------------------------------------


def with_role(ctx: Context, code: str, role: Role) -> tuple[str, ...]:
    """The logins with a role at a municipality, or at the lead of its partnership today."""
    people, today = ctx.configuration().participants, local_day(ctx.now())
    leads = {each.lead for each in people.partnerships.values() if code in each.members and each.in_force(today)}
    places = {code, *leads}
    return tuple(a.login for a in people.accounts.values() if role in a.roles and places.intersection(a.municipalities))


def deliverers(ctx: Context, code: str) -> tuple[str, ...]:
    """The productbeheerders who hear of a municipality."""
    return with_role(ctx, code, Role.PRODUCTBEHEERDER)


def managers(ctx: Context, code: str) -> tuple[str, ...]:
    """The gebruikersbeheerders to whom silence about a municipality goes."""
    return with_role(ctx, code, Role.GEBRUIKERSBEHEERDER)


def desk(ctx: Context) -> tuple[str, ...]:
    """The service desk and every operator with another address than the desk's."""
    configuration = ctx.configuration()
    address = configuration.settings.desks.access.mail
    operators = (a for a in configuration.participants.accounts.values() if Role.OPERATOR in a.roles)
    return (DESK, *(account.login for account in operators if account.email != address))


# --- what is owed -----------------------------------------------------------------------------------------------------


def owe(ctx: Context, notice: Notice, to: Iterable[str]) -> int:
    """Add a notification for each login that has none yet; how many. Inside the transaction of what it tells of."""
    now = ctx.now()
    content = {
        "says": list(notice.says),
        "params": dict(notice.params),
        "items": [[item.key, dict(item.params)] for item in notice.items],
        "municipalities": list(notice.municipalities),
        "desk": str(notice.desk),
    }
    made = Notification(
        id="",
        occasion=notice.occasion,
        subject=notice.subject,
        account="",
        municipality=notice.municipalities[0] if len(notice.municipalities) == 1 else "",
        content=content,
        made_at=now,
        next_try_at=now,
        drop_id=notice.drop_id,
    )
    return sum(mails.add(ctx.engine, replace(made, id=ctx.new_id(), account=login)) for login in to)


def owe_receipt(ctx: Context, drop: Drop) -> int:
    """A file was received; only when the round asks for such mails."""
    if drop.lane is Lane.TRIAL or not round_of(ctx, drop).mail_receipts:
        return 0
    owed = deadlines.find(ctx.engine, "technical", drop.id)
    params: dict[str, Param] = {"due": owed.due_at.isoformat()} if owed else {}
    return _owe_about(ctx, drop, "receipt", ("ready", *(("technical",) if owed else ())), params)


def owe_technical(ctx: Context, drop: Drop) -> int:
    """The technical reports of a drop are ready: one mail, however many files it held."""
    return _owe_report(ctx, drop, "technical", drop.id, Desk.CONTENT)


def owe_precheck(ctx: Context, drop: Drop) -> int:
    """The own check of a drop that somebody else judges is reported: who sent it can mend it now."""
    return _owe_report(ctx, drop, "precheck", drop.id, Desk.CONTENT)


def owe_quality(ctx: Context, drop: Drop, delivery_id: str) -> int:
    """The op-orde report of a delivery is ready. Those that we make come together: one mail for the drop; an assessor's
    come one by one."""
    together = ctx.configuration().settings.quality == "builtin"
    return _owe_report(ctx, drop, "quality", drop.id if together else delivery_id, Desk.CONTENT)


def owe_held(ctx: Context, drop: Drop, reason: str) -> int:
    """A drop could not be checked: its senders hear once that it is safe, the desk each time that it must look, and
    for what reason."""
    if drop.lane is Lane.TRIAL:
        return 0
    owed = deadlines.find(ctx.engine, "technical", drop.id)
    params: dict[str, Param] = {"due": owed.due_at.isoformat()} if owed else {}
    late = ("due",) if owed else ()
    told = _owe_about(ctx, drop, "held", ("safe", "nothing", *late), params)
    subject = f"{drop.id}:{to_ms(ctx.now())}"
    notice = _about(drop, "held_desk", subject, ("what", "why", *late, "look"), {**params, "reason": reason})
    return told + owe(ctx, notice, desk(ctx))


def owe_infected(ctx: Context, drop: Drop, signature: str) -> int:
    """The scanner found something in a drop: the desk hears of it, because the municipality may need help."""
    where = "trial" if drop.lane is Lane.TRIAL else "what"
    return owe(ctx, _about(drop, "infected", drop.id, (where, "look"), {"signature": signature}), desk(ctx))


def owe_confirmation(ctx: Context, code: str, report_id: str, last: str) -> int:
    """The confirmation of a withdrawal is ready; `last` is the ISO day on which the choice can be changed last."""
    return owe(
        ctx, Notice("confirmation", report_id, (code,), ("ready", "fetch"), {"last": last}), deliverers(ctx, code)
    )


def owe_extension(ctx: Context, code: str, subject: str, until: str) -> int:
    """The delivery window of a municipality was extended until an ISO day; `subject` names that decision."""
    return owe(ctx, Notice("extension", subject, (code,), ("until",), {"until": until}), deliverers(ctx, code))


def _owe_report(ctx: Context, drop: Drop, occasion: str, subject: str, about: Desk) -> int:
    configuration = ctx.configuration()
    round_ = round_of(ctx, drop)
    now, closes = ctx.now(), window(round_.delivery).closes
    by = due(now, round_.service.pickup, configuration.calendar)
    params: dict[str, Param] = {"by": by.isoformat(), "closes": closes.isoformat()}
    late = ("closed",) if occasion == "quality" else ()
    says = ("ready", "fetch", *(("closes",) if now <= closes else late))
    notice = replace(_about(drop, occasion, subject, says, params), desk=about)
    return owe(ctx, notice, deliverers(ctx, drop.municipality))


def _owe_about(ctx: Context, drop: Drop, occasion: str, says: tuple[str, ...], params: Mapping[str, Param]) -> int:
    return owe(ctx, _about(drop, occasion, drop.id, says, params), deliverers(ctx, drop.municipality))


def _about(drop: Drop, occasion: str, subject: str, says: tuple[str, ...], params: Mapping[str, Param]) -> Notice:
    return Notice(occasion, subject, (drop.municipality,), says, {**params, "id": drop.short_id}, drop_id=drop.id)


# --- sending ----------------------------------------------------------------------------------------------------------


def send_due(ctx: Context, post: Post, tell: Callable[..., None], only: str = "") -> int:
    """Offer every mail whose time has come, once; how many were taken. None while the gate of a restore is closed.
    `only`: of this occasion alone."""
    taken = 0
    if gate(ctx.engine) is not None:
        return taken

    def done(letter: Letter, fate: GatewayError | None) -> None:
        nonlocal taken
        owed = under_way.pop(letter.id)
        if fate is None:
            _sent(ctx, owed)
            taken += 1
            tell("mailed", mail=owed.id, drop=owed.drop_id, occasion=owed.occasion, account=owed.account)
        elif isinstance(fate, Undeliverable) or owed.attempts >= len(BACK_OFF):
            _give_up(ctx, owed, str(fate), tell)
        else:
            mails.note_reason(ctx.engine, owed.id, str(fate))
            tell(
                "mail_delayed",
                mail=owed.id,
                drop=owed.drop_id,
                occasion=owed.occasion,
                attempt=owed.attempts + 1,
                reason=str(fate),
            )

    while batch := mails.due(ctx.engine, to_ms(ctx.now()), BATCH, only):
        under_way: dict[str, Notification] = {}
        before = taken
        post.send(_letters(ctx, batch, under_way, tell), done)
        if len(batch) < BATCH or taken == before:
            break
    return taken


def _letters(
    ctx: Context, batch: list[Notification], under_way: dict[str, Notification], tell: Callable[..., None]
) -> Iterator[Letter]:
    """The letters of a batch, each claimed at the moment it is asked for."""
    for owed in batch:
        wait = BACK_OFF[min(owed.attempts, len(BACK_OFF) - 1)]
        if not mails.claim(ctx.engine, owed, to_ms(ctx.now() + wait)):
            continue
        if owed.attempts > len(BACK_OFF):
            # Attempts that never came to an end: this mail breaks what sends it.
            _give_up(ctx, owed, owed.reason or "no attempt came to an end", tell)
            continue
        try:
            letter = _letter(ctx, owed)
        except (Undeliverable, KeyError) as error:
            _give_up(ctx, owed, str(error) if isinstance(error, Undeliverable) else f"no sentence {error}", tell)
            continue
        under_way[owed.id] = owed
        yield letter


def _letter(ctx: Context, owed: Notification) -> Letter:
    """The mail as it would be sent now: the words of when it was owed, to the address of today."""
    configuration = ctx.configuration()
    recipient, name = _address(configuration, owed.account)
    content: Mapping[str, object] = owed.content
    codes, says, items, params = (content.get(key) for key in ("municipalities", "says", "items", "params"))
    settings = configuration.settings
    made = mail(
        MailFacts(
            occasion=owed.occasion,
            to=name,
            municipalities=tuple(municipality(configuration, str(code)) for code in _list(codes)),
            says=tuple(str(key) for key in _list(says)),
            params=_params(params),
            items=tuple(phrase(str(key), **_params(filled)) for key, filled in map(_list, _list(items))),
            desk=configuration.desks[Desk(str(content.get("desk", Desk.ACCESS)))],
            route=settings.regular_route,
            primary=settings.language,
            sandbox=ctx.sandbox,
        ),
        configuration.texts,
    )
    return Letter(owed.id, recipient, made.subject, made.text, made.html, owed.made_at)


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _params(value: object) -> dict[str, Param]:
    pairs = value.items() if isinstance(value, dict) else ()
    return {str(name): filled for name, filled in pairs if isinstance(filled, str | int)}


def _address(configuration: Configuration, login: str) -> tuple[str, str]:
    """Address and name of whom a notification is for; Undeliverable when the account is gone."""
    if login == DESK:
        return configuration.settings.desks.access.mail, ""
    account: Account | None = configuration.participants.accounts.get(login)
    if account is None:
        raise Undeliverable("the account is not in participants.yaml any more")
    return account.email, "" if Role.OPERATOR in account.roles else account.name


def _sent(ctx: Context, owed: Notification) -> None:
    with ctx.engine.transaction():
        now = ctx.now()
        if mails.mark_sent(ctx.engine, owed.id, to_ms(now)):
            _log(ctx, owed, "mailed")


def _give_up(ctx: Context, owed: Notification, reason: str, tell: Callable[..., None]) -> None:
    """Note that a mail will never arrive; the desk and the operators hear of it once a day."""
    with ctx.engine.transaction():
        if mails.mark_failed(ctx.engine, owed.id, reason):
            _log(ctx, owed, "mail_failed")
            if owed.occasion not in SILENT:
                owe(ctx, Notice("mail_failed", f"{local_day(ctx.now())}", (), ("what", "look")), desk(ctx))
    tell(
        "mail_failed",
        mail=owed.id,
        drop=owed.drop_id,
        occasion=owed.occasion,
        account=owed.account,
        reason=reason,
        error=True,
    )


def _log(ctx: Context, owed: Notification, event: str) -> None:
    """A line for each municipality that the mail was about; one without, when it was about none."""
    for code in _list(owed.content.get("municipalities")) or [None]:
        log.append(
            ctx.engine,
            log.Line(
                at=ctx.now(),
                event=event,
                municipality=None if code is None else str(code),
                account=None if owed.account == DESK else owed.account,
                drop_id=owed.drop_id,
                detail={"occasion": owed.occasion, "mail": owed.id},
            ),
        )
