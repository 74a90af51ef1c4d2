"""What the desk looks at during a round: who is missing, what is owed, what happened.

Does: prints missing deliveries, deadlines and the message log, as tables on a terminal, JSON or CSV for programs.
Touches: reads configuration and ledger; the terminal.
Does not: change anything.
"""

import json
import sys
from datetime import date
from pathlib import Path

from rich.console import Console

from gateway.cli.show import local, log_rows, owed_rows, print_rows
from gateway.config import load
from gateway.daemon import offline
from gateway.domain.workdays import AMSTERDAM, end_of_day, local_day, start_of_day
from gateway.errors import GatewayError
from gateway.reports import folder
from gateway.reports.plain import masked
from gateway.store.ledger import log
from gateway.workflow import chase
from gateway.workflow.context import current_round
from gateway.workflow.folders import log_lines, status, status_facts
from gateway.workflow.missing import missing

SHOWN = ("kind", "municipality", "about", "due", "state", "warned")


def print_missing(directory: Path, as_json: bool) -> bool:
    """Who is not complete in the current round; whether nobody is."""
    ctx = offline(load(directory))
    round_ = current_round(ctx)
    found = missing(ctx, round_)
    rows = [
        {
            "municipality": each.municipality.code,
            "name": each.municipality.name,
            "standing": each.standing,
            "items": [{"kind": item.kind, "period": item.period, "lack": item.lack} for item in each.items],
            "lead": each.lead.code if each.lead else None,
            "closes": local(each.closes),
        }
        for each in found
    ]
    if as_json:
        print(json.dumps({"round": round_.id, "missing": rows}, indent=2))
        return not rows
    shown = []
    for each, row in zip(found, rows, strict=True):
        items = "\n".join(f"{item.kind} {item.period}: {item.lack}" for item in each.items)
        shown.append({**row, "items": items})
    print_rows(f"missing in round {round_.id}", shown, Console())
    return not rows


def print_municipality(directory: Path, code: str, as_json: bool) -> None:
    """How one municipality stands, for who has it on the phone; as JSON its status.json."""
    ctx = offline(load(directory))
    if code not in ctx.configuration().participants.municipalities:
        raise GatewayError(f"municipality {code} is not in participants.yaml")
    if as_json:
        print(status(ctx, code).decode())
        return
    stands, console = status_facts(ctx, code), Console()
    last = f", last safe day {stands.last_safe_day}" if stands.last_safe_day else ""
    more = " (extended)" if stands.extended else ""
    console.print(f"{code} {stands.municipality.name} at {stands.at.astimezone(AMSTERDAM):%Y-%m-%d %H:%M}")
    console.print(f"round {stands.round_id}, open until {local_day(stands.closes)}{more}{last}", soft_wrap=True)
    items = [
        {
            "item": f"{each.kind} {each.period}",
            "state": each.state,
            "came": f"v{each.version} {each.drop_id} {local(each.received)}" if each.version else None,
            "counts": f"v{each.approved_version}" if each.approved_version else None,
            "technical due": local(each.technical_due),
            "op-orde due": local(each.quality_due),
            "collect by": local(each.pickup_due),
            "withdrawn": each.withdrawn,
        }
        for each in stands.items
    ]
    print_rows("items", items, console)
    waiting = [{"file": masked(each.file.name), "id": each.drop_id, "received": local(each.received)}
               for each in stands.pending]  # fmt: skip
    print_rows("being checked", waiting, console)
    texts, language = ctx.configuration().texts, ctx.configuration().settings.language
    refusals = [
        {"at": local(each.at), "file": masked(each.file), "why": texts.tell(language, each.refusal)}
        for each in stands.refusals
    ]
    print_rows("refusals", refusals, console)
    lying = [{"report": each.stem, "collect by": local(each.due)} for each in stands.uncollected]
    print_rows("to collect", lying, console)


def print_deadlines(directory: Path, as_json: bool) -> bool:
    """What is still owed, first due first; whether no report of ours is late."""
    ctx = offline(load(directory))
    rows = list(owed_rows(ctx))
    if as_json:
        print(json.dumps({"at": local(ctx.now()), "deadlines": rows}, indent=2))
    else:
        shown = [{name: row[name] for name in SHOWN} for row in rows]
        print_rows(f"owed at {local(ctx.now())}", shown, Console())
    return not any(row["state"] == "late" and row["kind"] in chase.OURS for row in rows)


def print_log(directory: Path, first: date, last: date, code: str | None, form: str) -> None:
    """The message log over local days, both included."""
    ctx = offline(load(directory))
    if last < first:
        raise GatewayError(f"the log cannot end on {last}, before it begins on {first}")
    if code is not None and code not in ctx.configuration().participants.municipalities:
        raise GatewayError(f"municipality {code} is not in participants.yaml")
    lines = log.between(ctx.engine, start_of_day(first), end_of_day(last), code)
    if form == "csv":
        codes = None if code else [line.municipality for line in lines]
        sys.stdout.buffer.write(folder.message_log(log_lines(ctx, lines), ctx.configuration().texts, codes))
    elif form == "json":
        print(json.dumps([_document(line) for line in lines], indent=2, ensure_ascii=False))
    else:
        print_rows(f"message log {first} - {last}", log_rows(ctx, lines), Console())


def _document(line: log.Line) -> dict[str, object]:
    return {
        "at": local(line.at),
        "municipality": line.municipality,
        "event": line.event,
        "account": line.account,
        "drop": line.drop_id,
        "detail": {key: value for key, value in line.detail.items() if value is not None},
    }
