"""What an operator looks at: tables on a terminal, JSON for programs.

Does: prints the configuration's problems, the state of the gateway, one drop and due dates.
Touches: reads configuration and ledger; the terminal.
Does not: change anything.
"""

import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from gateway.config import Configuration, load
from gateway.daemon import offline
from gateway.domain.model import Drop, DropState
from gateway.domain.workdays import AMSTERDAM, Count, DaySort, explain, local_day
from gateway.errors import GatewayError, Problem
from gateway.reports import folder
from gateway.reports.plain import masked
from gateway.store import bans
from gateway.store.ledger import deadlines, deliveries, drops, facts, handovers, log, mails, reports, retention
from gateway.workflow import chase, folders, logins, restored
from gateway.workflow.context import Context, current_round
from gateway.workflow.recover import spoilt_landing
from gateway.workflow.scan import scanner

WAITING = (DropState.RECEIVED, DropState.HELD)
COLUMNS = {
    "log": ("at", "event", "account", "detail"),
    "deliveries": ("kind", "period", "version", "state", "id"),
    "owed": ("kind", "municipality", "about", "due", "state"),
}
Rows = Sequence[Mapping[str, object]]
NARROW = 20
# What most tables need; a file or a pager has no width of its own.
WIDE = 160
# What `local` gives; in a table the day and the time are enough.
MOMENT = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})T([0-9]{2}:[0-9]{2}):[0-9]{2}[+-][0-9]{2}:[0-9]{2}")


def print_rows(title: str, rows: Rows, console: Console) -> None:
    """A table under its title with the number of its rows; as wide as the terminal when there is one."""
    if not console.is_terminal:
        console.width = max(console.width, WIDE)
    console.print(Text(f"{title}: {len(rows) or 'none'}", "bold"))
    if rows:
        cells = [[_cell(value) for value in row.values()] for row in rows]
        widths = [max(len(line) for cell in column for line in cell.split("\n")) for column in zip(*cells, strict=True)]
        # A moment in two lines is hard to read; but a name that is cut short is of no use to anybody.
        least = sum(max(len(head), min(width, NARROW)) + 3 for head, width in zip(rows[0], widths, strict=True))
        table = Table(show_edge=False)
        for heading, width in zip(rows[0], widths, strict=True):
            table.add_column(heading, overflow="fold", no_wrap=width <= NARROW and least <= console.width)
        for row in cells:
            table.add_row(*map(Text, row))
        console.print(table)


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return MOMENT.sub(r"\1 \2", "" if value is None else str(value))


def local(moment: datetime | None) -> str | None:
    """A moment on the clocks of Amsterdam, ISO 8601."""
    return moment.astimezone(AMSTERDAM).isoformat(timespec="seconds") if moment else None


def print_problems(problems: Sequence[Problem], warnings: Sequence[Problem], as_json: bool) -> None:
    """Every problem and warning as `file:line:column: path: what`."""
    if as_json:
        print(json.dumps({"problems": [asdict(p) for p in problems], "warnings": [asdict(w) for w in warnings]}))
        return
    for problem in problems:
        print(problem)
    for warning in warnings:
        print(f"{warning} (warning)")
    print(
        f"{len(problems)} problem{'s' if len(problems) > 1 else ''}" if problems else "The configuration can be used."
    )


def _at_a_glance(ctx: Context) -> dict[str, object]:
    names = {drop.id: drop for state in WAITING for drop in drops.in_state(ctx.engine, state)}
    return {
        "at": local(ctx.now()),
        "sandbox": ctx.sandbox,
        "round": current_round(ctx).id,
        "configuration": ctx.configuration().version,
        "configuration_error": facts.setting(ctx.engine, "configuration_error") or None,
        "drops": drops.counts(ctx.engine),
        "waiting": [
            {
                "id": drop.short_id,
                "municipality": drop.municipality,
                "file": drop.file.name,
                "state": drop.state,
                "received": local(drop.received_at),
                "reason": _why_held(ctx, drop),
            }
            for drop in names.values()
        ],
        "owed": [{**row, "late": row["state"] == "late"} for row in owed_rows(ctx)],
        "uncollected": [
            {"municipality": report.municipality, "report": report.stem, "placed": local(report.placed_at)}
            for report in reports.uncollected(ctx.engine)
        ],
        "keys": list(key_rows(ctx)),
        "mails": mails.counts(ctx.engine),
        "mail_troubles": [
            {
                "occasion": owed.occasion,
                "account": owed.account,
                "state": owed.state,
                "attempts": owed.attempts,
                "next_try": local(owed.next_try_at) if owed.state == "pending" else None,
                "reason": owed.reason,
            }
            for owed in mails.troubled(ctx.engine)
        ],
        "mail_gate": _gate(ctx),
        "scan": _scan(ctx),
        "banned": _banned(ctx),
        "pushes": handovers.push_counts(ctx.engine),
        "push_troubles": [
            {
                "file": push.name,
                "round": push.round_id,
                "since": local(push.made_at),
                "attempts": push.attempts,
                "next_try": local(push.next_try_at),
                "reason": push.reason,
            }
            for push in handovers.troubled(ctx.engine)
        ],
        "spoilt": list(_spoilt(ctx)),
        "legal_holds": [
            {"municipality": hold.municipality, "since": local(hold.at), "by": hold.account, "reason": hold.reason}
            for hold in retention.holds(ctx.engine).values()
        ],
    }


def _banned(ctx: Context) -> dict[str, object]:
    """Which networks the processes that take uploads keep out now, and until when (real time)."""
    found, now = bans.read(ctx.configuration().settings.paths.state, time.monotonic()), datetime.now(UTC)
    return {
        "total": found.total,
        "networks": [
            {"network": each.network, "until": local(now + timedelta(seconds=each.seconds))} for each in found.named
        ],
    }


def _why_held(ctx: Context, drop: Drop) -> str | None:
    """Why a drop waits for a person; None when it does not."""
    if drop.state is not DropState.HELD:
        return None
    told = [line for line in log.of_drop(ctx.engine, drop.id) if line.event == "held"]
    return str(told[-1].detail["reason"]) if told else None


def _spoilt(ctx: Context) -> Iterator[dict[str, object]]:
    """What landed and can never be received; a person must look."""
    for place in ctx.spool.landed_folders() if ctx.spool.inbox.is_dir() else ():
        if what := spoilt_landing(ctx, place):
            yield {"municipality": place.parent.parent.name, "landing": place.name, "what": what}


def key_rows(ctx: Context) -> Iterator[dict[str, object]]:
    """Every key of every account as it stands today, and when it was used last."""
    today, days = local_day(ctx.now()), ctx.configuration().settings.sftp.key_warning_days
    for each in logins.keys(ctx):
        yield {
            "login": each.login,
            "comment": each.comment,
            "state": each.state(today, days),
            "expires": each.expires.isoformat() if each.expires else None,
            "last_used": local(each.last_used),
            "key": each.key,
        }


def _gate(ctx: Context) -> dict[str, object] | None:
    """Since when, after a restore, no mail leaves, and how many wait; None when mails go out."""
    closed = restored.gate(ctx.engine)
    if closed is None:
        return None
    held = mails.counts(ctx.engine).get("pending", 0)
    return {"closed_since": local(closed), "held": held, "open_with": "gateway mail release"}


def _scan(ctx: Context) -> dict[str, object] | None:
    """The virus scanner as a worker saw it last; None when there is none."""
    section = ctx.configuration().settings.scan
    if section.clamd is None:
        return None
    seen = scanner(ctx.engine)
    said = seen.version if seen else None
    return {
        "clamd": section.clamd,
        "overlooks": (seen.overlooks or None) if seen else None,
        "trouble": (seen.reason or None) if seen else "no worker has asked it yet",
        "since": local(seen.since) if seen else None,
        "engine": said.engine if said else None,
        "signatures": said.number if said else None,
        "signatures_made": local(said.made) if said else None,
    }


def owed_rows(ctx: Context) -> Iterator[dict[str, object]]:
    """What is still owed, first due first; `state` open, at risk or late."""
    now, calendar = ctx.now(), ctx.configuration().calendar
    for owed in deadlines.unmet(ctx.engine):
        # Who collects has one working day: at risk from the first hour would say nothing.
        risky = owed.kind in chase.OURS and chase.is_at_risk(owed, now, calendar)
        state = "late" if owed.due_at < now else "at risk" if risky else "open"
        yield {
            "kind": owed.kind,
            "municipality": owed.municipality,
            "id": chase.drop_of(ctx, owed)[1] or None,
            "about": _about(ctx, owed),
            "due": local(owed.due_at),
            "state": state,
            "warned": local(owed.warned_at),
            "calendar": owed.calendar_version,
        }


def _about(ctx: Context, owed: deadlines.Deadline) -> str | None:
    """What is owed something: the report to be collected, the delivery to be assessed, the upload to be judged."""
    if owed.kind == chase.PICKUP:
        return reports.get(ctx.engine, owed.subject).stem
    short_id = chase.drop_of(ctx, owed)[1]
    delivery = deliveries.find(ctx.engine, owed.subject) if owed.kind == "quality" else None
    if delivery is not None:
        return f"{delivery.kind} {delivery.period} v{delivery.version} {short_id}"
    drop = drops.find(ctx.engine, owed.subject)
    return f"{masked(drop.file.name)} {short_id}" if drop else None


def log_rows(ctx: Context, lines: Sequence[log.Line]) -> Rows:
    """Lines of the message log in the words in which the municipality reads them."""
    texts, language = ctx.configuration().texts, ctx.configuration().settings.language
    told = folders.log_lines(ctx, lines)
    return [
        {
            "at": local(at),
            "municipality": line.municipality,
            "event": folder.event_words(event, texts, language),
            "account": account,
            "detail": folder.particulars({key: said[key] for key in said if key != "sha256"}, texts),
        }
        for line, (at, event, account, said) in zip(lines, told, strict=True)
    ]


def print_status(directory: Path, as_json: bool) -> None:
    """The gateway at a glance."""
    ctx = offline(load(directory))
    document = _at_a_glance(ctx)
    if as_json:
        print(json.dumps(document, indent=2))
        return
    console = Console()
    for key in ("at", "sandbox", "round", "configuration", "configuration_error"):
        console.print(f"{key:20} {document[key]}")
    for key in ("drops", "mails", "pushes"):
        counts = document[key]
        said = ", ".join(f"{count} {state}" for state, count in counts.items()) if isinstance(counts, dict) else ""
        console.print(Text(f"{key:20} {said or 'none'}"))
    gate = document["mail_gate"]
    if isinstance(gate, dict):
        held = f"closed since {gate['closed_since']}, {gate['held']} mails held: {gate['open_with']}"
        console.print(Text(f"{'mail_gate':20} {held}", "bold"), soft_wrap=True)
    else:
        console.print(f"{'mail_gate':20} open")
    scan = document["scan"]
    if isinstance(scan, dict):
        facts_of = ", ".join(f"{name} {value}" for name, value in scan.items() if value is not None)
        console.print(Text(f"{'scan':20} {facts_of}", "bold" if scan["trouble"] else ""), soft_wrap=True)
    else:
        console.print(f"{'scan':20} off")
    banned = document["banned"]
    if isinstance(banned, dict):
        shown = banned["networks"]
        more = f", with {banned['total'] - len(shown)} more" if banned["total"] > len(shown) else ""
        print_rows(f"banned networks{more}", shown, console)
    for key in ("waiting", "owed", "uncollected", "mail_troubles", "push_troubles", "spoilt", "legal_holds"):
        rows = document[key]
        if isinstance(rows, list):
            shown = COLUMNS.get(key, tuple(rows[0])) if rows else ()
            print_rows(key, [{name: row[name] for name in shown} for row in rows], console)
    ending = [row for row in key_rows(ctx) if row["expires"] and row["state"] != "in force"]
    print_rows("keys that end (all: gateway account keys)", ending, console)


def print_drop(directory: Path, short_id: str, as_json: bool) -> None:
    """One drop, whole."""
    ctx = offline(load(directory))
    drop = drops.find_short(ctx.engine, short_id)
    if drop is None:
        raise GatewayError(f"there is no drop {short_id}")
    made = deliveries.of_drop(ctx.engine, drop.id)
    lines = log.of_drop(ctx.engine, drop.id)
    document: dict[str, object] = {
        "id": drop.short_id,
        "drop": drop.id,
        "municipality": drop.municipality,
        "account": drop.account,
        "channel": drop.channel,
        "lane": drop.lane,
        "file": asdict(drop.file),
        "received": local(drop.received_at),
        "state": drop.state,
        "repeat_of": drop.repeat_of,
        "rules": drop.rules_version,
        "calendar": drop.calendar_version,
        "terms": drop.terms_version,
        "deliveries": [asdict(delivery) for delivery in made],
        "chain": list(chain(ctx, drop, {(each.kind, each.period) for each in made})),
        "reports": [
            {
                "report": report.stem,
                "placed": local(report.placed_at),
                "collected": local(report.collected_at),
                "confirmed": local(report.confirmed_at),
            }
            for report in reports.of_drop(ctx.engine, drop.id)
        ],
        "mails": [
            {"occasion": owed.occasion, "account": owed.account, "state": owed.state, "sent": local(owed.sent_at)}
            for owed in mails.of_drop(ctx.engine, drop.id)
        ],
        "log": [{"at": local(line.at), "event": line.event, "account": line.account, **line.detail} for line in lines],
    }
    if as_json:
        print(json.dumps(document, indent=2))
        return
    console = Console()
    document["file"] = f"{masked(drop.file.name)}, {drop.file.size} bytes, SHA-256 {drop.file.sha256}"
    document["log"] = log_rows(ctx, lines)
    for key, value in document.items():
        if isinstance(value, list):
            rows: Rows = value
            print_rows(key, [{name: row.get(name) for name in COLUMNS.get(key, tuple(row))} for row in rows], console)
        else:
            console.print(Text(f"{key:14} {'' if value is None else _cell(value)}"), soft_wrap=True)


def chain(ctx: Context, drop: Drop, items: set[tuple[str, str]]) -> Iterator[dict[str, object]]:
    """Every version of the items of a drop, the oldest first: which replaced which, and which counts."""
    for each in deliveries.of_municipality(ctx.engine, drop.municipality, drop.round_id):
        if (each.kind, each.period) in items:
            came = drops.get(ctx.engine, each.drop_id)
            yield {
                "kind": each.kind,
                "period": each.period,
                "version": each.version,
                "state": each.state,
                "id": came.short_id,
                "received": local(came.received_at),
                "this": came.id == drop.id,
            }


def print_calendar(directory: Path, day: date) -> None:
    """The due dates of a file delivered on a day, day by day."""
    configuration = load(directory)
    round_ = _round_of(configuration, day)
    explained = explain(day, configuration.rounds[round_], configuration.calendar)
    print(f"delivered {day:%a %d %b %Y} in round {round_} ({'open' if explained.in_window else 'not open'})")
    for name, count in (("technical report", explained.technical), ("op-orde report", explained.quality)):
        _print_count(name, count)
    print(f"last safe day: {explained.last_safe_day}; calendar {explained.calendar_version}")


def _print_count(name: str, count: Count) -> None:
    for step in count.steps:
        why = f"working day {step.number}" if step.sort is DaySort.WORKDAY else step.name or step.sort
        print(f"  {step.day:%a %d %b %Y}  {why}")
    print(f"{name} by {count.ends:%a %d %b %Y}")


def _round_of(configuration: Configuration, day: date) -> str:
    for round_ in configuration.rounds.values():
        if day <= round_.delivery.closes:
            return round_.id
    return max(configuration.rounds.values(), key=lambda each: each.delivery.closes).id
