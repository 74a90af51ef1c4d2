"""What a tick and a night of the gateway must do, worked out from the model.

Does: the mails that a round, a day and overdue reports make due; what retention erases in a night.
Touches: nothing.
Does not: use a function, table or setting of the gateway.
"""

from datetime import date, datetime, timedelta

from tests.story import lifecycle_days as days
from tests.story.lifecycle_model import CODES, DESK, HEARS, KINDS, OWN, SEES, Dropped, Model, ms

STAGES = ("pickup", "pickup_manager", "pickup_desk")
PAYLOAD, REPORT = timedelta(days=21), timedelta(days=90)
# Who may deliver, and for whom: the member's own people may not.
DELIVERS = {login: sorted(codes) for login, codes in SEES.items() if login != "zandvoort"}


def tick(model: Model) -> None:
    """Everything that is due now is done, once."""
    _round(model)
    today = days.day_of(model.now)
    if model.now >= days.eight(today) and _first(model, "overview", today.isoformat()):
        _mail(model, "overview", today.isoformat(), DESK)
    _chase(model)
    _warn(model)


def _first(model: Model, name: str, subject: str) -> bool:
    if (name, subject) in model.duties:
        return False
    model.duties[name, subject] = model.now
    return True


def _mail(model: Model, occasion: str, subject: str, to: tuple[str, ...]) -> None:
    for login in to:
        model.mails.setdefault((occasion, subject, login), "pending")


def _round(model: Model) -> None:
    """Moments of the round: since when, until when, which, about what. Who comes too late for one lets it go."""
    closings = {days.CLOSES, *map(model.closes, CODES)}
    calls = [(days.eight(days.shifted(day, -3)), days.end(day), "reminder_close", f"2017H2:{day}") for day in closings]
    moments = [
        (days.eight(days.OPENS), days.end(days.CLOSES), "opening", "2017H2"),
        (days.eight(days.shifted(days.TARGET, -3)), min(at for at, *_ in calls), "reminder_target", "2017H2"),
        (days.eight(days.WITHDRAWAL[0]), days.end(days.WITHDRAWAL[1]), "withdrawal", "2017H2"),
        *calls,
    ]
    for at, until, name, subject in moments:
        if at <= model.now and _first(model, name, subject) and model.now <= until:
            if name == "opening":
                _mail(model, name, subject, tuple(DELIVERS))
            elif name == "withdrawal":
                _withdrawal(model, subject)
            else:
                _remind(model, name, subject, until)


def _withdrawal(model: Model, subject: str) -> None:
    for login, code in OWN.items():
        if any(made.counts and made.drop.upload.code == code for made in model.made.values()):
            _mail(model, "withdrawal_form" if code == "0473" else "withdrawal", subject, (login,))


def _remind(model: Model, name: str, subject: str, until: datetime) -> None:
    for login, codes in DELIVERS.items():
        ends = {code: days.end(model.closes(code)) for code in codes if _lacks(model, code)}
        if any(model.now <= closes and (name != "reminder_close" or closes == until) for closes in ends.values()):
            _mail(model, name, subject, (login,))


def _lacks(model: Model, code: str) -> bool:
    """Whether somebody has to do something for an item: none counts, nothing was stated or is being checked."""
    checked = [
        drop.upload.items
        for drop in model.drops.values()
        if drop.state != "decided" and not drop.upload.trial and drop.upload.code == code
    ]
    if None in checked:
        return False
    asked = {(kind, "2017H2") for kind in KINDS}
    counting = {made.item for made in model.made.values() if made.counts and made.drop.upload.code == code}
    return bool(asked - counting - model.stated(code) - {item for items in checked if items for item in items})


def _chase(model: Model) -> None:
    """A report that nobody fetched: three steps, a working day apart."""
    due: dict[str, list[str]] = {}
    for (kind, report_id), term in model.owed.items():
        if kind != "pickup" or term.met is not None or term.due >= model.now:
            continue
        since = days.day_of(term.due)
        for stage in STAGES:
            done = model.duties.get((stage, report_id))
            if done is None:
                if days.eight(days.shifted(since, 1)) <= model.now:
                    due.setdefault(stage, []).append(report_id)
                break
            since = days.day_of(done)
    for stage, late in due.items():
        codes = {model.papers[report_id].code for report_id in late}
        for report_id in late:
            _first(model, stage, report_id)
        for code in codes:
            if stage == "pickup":
                model.reports[code, "HB", "HERINNERING", None, None, None] += 1
            _mail(model, stage, f"{ms(model.now)}", DESK if stage == "pickup_desk" else HEARS[code])


def _warn(model: Model) -> None:
    """Terms of ours: told on the working day before, and when they passed, if only for a while."""
    for (kind, subject), term in model.owed.items():
        if kind == "pickup":
            continue
        eve = days.eight(days.shifted(days.day_of(term.due), -1))
        if term.met is None and term.warned is None and eve <= model.now <= term.due:
            term.warned = model.now
            _mail(model, "deadline_risk", f"{ms(model.now)}", DESK)
        if term.due < (term.met or model.now) and _first(model, "breached", f"{kind}:{subject}"):
            if term.met is None:
                term.warned = term.warned or model.now
            _mail(model, "deadline_breached", f"{ms(model.now)}", DESK)


def night(model: Model) -> None:
    """Retention, once a night."""
    today = days.day_of(model.now)
    of = today if days.wall(model.now).hour >= 3 else today - days.DAY
    if not _first(model, "purge", of.isoformat()):
        return
    for drop in model.drops.values():
        if drop.payload == "kept" and _may_go(model, drop):
            drop.payload = "erased"
    for report_id, paper in model.papers.items():
        if paper.placed is not None and model.now - (paper.confirmed or paper.made) > REPORT:
            paper.erased = True
            term = model.owed.get(("pickup", report_id))
            if term is not None and term.met is None:
                del model.owed["pickup", report_id]


def _may_go(model: Model, drop: Dropped) -> bool:
    """Three weeks after the round, if it was judged, nothing is owed on it, and none of it waits for the hand-over."""
    last: date = max(model.closes(drop.upload.code), days.WITHDRAWAL[1])
    if drop.state != "decided" or model.now <= days.end(last + PAYLOAD):
        return False
    terms = [model.owed.get(("technical", drop.id))]
    terms += [term for (kind, what), term in model.owed.items() if kind == "quality" and what.startswith(drop.id)]
    withdrawn = model.selection(drop.upload.code, model.now)
    counting = {made.item for made in model.made.values() if made.drop is drop and made.counts}
    return all(term is None or term.met is not None for term in terms) and counting <= withdrawn
