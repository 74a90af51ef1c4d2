"""Restored: an old ledger in a world that went on.

Does: closes the gate for mails in a ledger that is put back, says what is waiting behind it and opens it by a person's
decision; names what lies in the outbox and the ledger does not know.
Touches: tables settings, notifications, log; reads outbox/.
Does not: move files (store.backups), or guess that a mail was not sent: what may have been sent before is not sent
again unless a person says so.

After an old backup was put back, everything is one of these: known and unchanged; done again by the running gateway
(verdicts, reports, pick-ups that moved a file); gone, and named by `unknown_reports` from the files in the outbox.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from gateway.domain.model import from_ms, to_ms
from gateway.errors import GatewayError
from gateway.store import disposal
from gateway.store.engine import Engine
from gateway.store.ledger import drops, duties, facts, log, mails, reports
from gateway.store.ledger.mails import Notification
from gateway.workflow.context import Context

GATE = "mail_gate"
REASON = "not sent after a restore: it may have been sent before"
STEM = re.compile(r"(?P<kind>OB|TR|OO|IB|HB)_(?P<code>[0-9]{4})_.*?(?P<id>[0-9]{6}-[0-9a-f]{6})_(?P<outcome>[A-Z-]+)\Z")


@dataclass(frozen=True, slots=True)
class Unknown:
    """A report in the outbox that the ledger does not know. `what` says what that means; `mends`: whether the gateway
    makes it good by itself; `code` as that of `recover.Difference`."""

    what: str
    stem: str
    mends: bool
    code: str


def close_gate(engine: Engine, at: datetime, backup_at: datetime) -> None:
    """Mark a ledger that is being put back: no mail leaves before a person released them."""
    with engine.transaction():
        facts.set_setting(engine, GATE, str(to_ms(at)))
        log.append(engine, log.Line(at, "restored", detail={"backup": backup_at.isoformat(timespec="seconds")}))


def gate(engine: Engine) -> datetime | None:
    """When the gate was closed; None when mails go out."""
    value = facts.setting(engine, GATE)
    return from_ms(int(value)) if value else None


def is_new(engine: Engine, owed: Notification, since: datetime) -> bool:
    """Whether a mail is surely about something that happened after a restore."""
    if owed.made_at <= since:
        return False
    if owed.drop_id is not None:
        drop = drops.find(engine, owed.drop_id)
        return drop is not None and drop.received_at > since
    due = duties.due_at(engine, owed.occasion, owed.subject)
    return due is not None and due > since


def release(ctx: Context, who: str, *, send_all: bool) -> tuple[int, int]:
    """Open the gate: mails about what happened after the restore are sent, the others given up, or (`send_all`) sent as
    well; how many of each. GatewayError when the gate is open."""
    with ctx.engine.transaction():
        since = gate(ctx.engine)
        if since is None:
            raise GatewayError("no mail waits for a release")
        waiting = mails.pending(ctx.engine)
        dropped = [] if send_all else [owed for owed in waiting if not is_new(ctx.engine, owed, since)]
        for owed in dropped:
            mails.mark_failed(ctx.engine, owed.id, REASON)
        facts.set_setting(ctx.engine, GATE, "")
        sent = len(waiting) - len(dropped)
        detail: dict[str, str | int | None] = {"by": who, "sent": sent, "dropped": len(dropped)}
        log.append(ctx.engine, log.Line(ctx.now(), "mail_released", account=who, detail=detail))
    return sent, len(dropped)


# --- what the outbox knows and the ledger does not --------------------------------------------------------------------


def unknown_reports(ctx: Context, codes: Iterable[str]) -> list[Unknown]:
    """The reports that lie in the outbox of these municipalities and that the ledger never made, or not any more."""
    found: dict[str, Unknown] = {}
    for code in codes:
        for name in disposal.outbox_names(ctx.spool, code):
            stem = name.rpartition(".")[0]
            if stem not in found and not reports.is_known(ctx.engine, code, name):
                found[stem] = _classified(ctx, code, stem)
    return list(found.values())


def _classified(ctx: Context, code: str, stem: str) -> Unknown:
    parts = STEM.fullmatch(stem)
    if parts is None:
        return Unknown("file in the outbox that is no report of the gateway", stem, mends=False, code="FOREIGN")
    known = drops.find_short(ctx.engine, parts["id"]) is not None
    if known:
        sort, what = "MADE_AGAIN", "report of a drop that the ledger knows, which is made again"
    elif parts["outcome"] == "ONTVANGEN":
        sort = "DELIVER_AGAIN"
        what = f"acknowledged and not in the ledger: ask {code} to deliver {_file(ctx, code, stem)} again"
    elif parts["kind"] == "IB":
        sort, what = "CONFIRM_AGAIN", f"confirmed and not in the ledger: ask {code} how the item must stand"
    elif parts["outcome"] == "GEEN-LEVERING":
        sort, what = "STATE_AGAIN", f"stated and not in the ledger: ask {code} to state it again"
    else:
        sort, what = "UNKNOWN", "report about something that the ledger does not know"
    return Unknown(what, stem, known, sort)


def _file(ctx: Context, code: str, stem: str) -> str:
    """Name and checksum of the file that a receipt is about, as far as the receipt can be read."""
    for folder in (ctx.spool.outbox / code, ctx.spool.outbox / code / "opgehaald"):
        try:
            said = json.loads((folder / f"{stem}.json").read_bytes())["file"]
            return f"{said['name']} (SHA-256 {said['sha256']})"
        except (OSError, ValueError, LookupError, TypeError):
            continue
    return "the file"
