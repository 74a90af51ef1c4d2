"""Keeping and erasing from the command line.

Does: prints what a purge would do and did, holds, deletions and waiting mails; makes a backup and puts one back.
Touches: the ledger and what stands beside it; the terminal.
Does not: need a running gateway; `restore` needs it stopped and takes its lock.
"""

import getpass
import json
import secrets
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path

from rich.console import Console

from gateway.cli.show import local, print_rows
from gateway.config import load
from gateway.daemon import Clock, ledger_path, offline, open_ledger, take_lock
from gateway.domain.workdays import end_of_day, start_of_day
from gateway.errors import GatewayError
from gateway.store import anchors, backups
from gateway.store.ledger import log, mails, retention
from gateway.store.ledger.retention import Deletion, Erasure
from gateway.store.sqlite import SQLite
from gateway.workflow import restored, retain
from gateway.workflow.sealer import folder_of

Rows = list[dict[str, object]]


# What a line on a terminal has no room for.
WIDE = ("subject", "sha256")


def _print(title: str, rows: Rows, as_json: bool) -> None:
    if as_json:
        print(json.dumps(rows, indent=2))
    else:
        print_rows(title, [{key: row[key] for key in row if key not in WIDE} for row in rows], Console())


def _erasures(found: Sequence[Erasure]) -> Rows:
    return [
        {
            "what": each.what,
            "municipality": each.municipality,
            "subject": each.subject,
            "name": each.name,
            "bytes": each.bytes,
            "why": each.why,
        }
        for each in found
    ]


def _proofs(found: Sequence[Deletion]) -> Rows:
    return [
        {
            "at": local(each.at),
            "what": each.erasure.what,
            "municipality": each.erasure.municipality,
            "subject": each.erasure.subject,
            "name": each.erasure.name,
            "bytes": each.erasure.bytes,
            "sha256": each.erasure.sha256,
            "why": each.erasure.why,
            "backups_until": local(each.backups_until),
        }
        for each in found
    ]


# --- erasing ----------------------------------------------------------------------------------------------------------


def print_plan(directory: Path, as_json: bool) -> None:
    """What would go now, and what stays although its term is over."""
    made = retain.plan(offline(load(directory)))
    kept: Rows = [asdict(each) for each in made.kept]
    if as_json:
        print(json.dumps({"going": _erasures(made.going), "kept": kept}, indent=2))
        return
    _print("would go", _erasures(made.going), as_json)
    _print("stays", kept, as_json)


def print_purge(directory: Path, as_json: bool) -> None:
    """Purge, and print the proofs."""
    _print("erased", _proofs(retain.purge(offline(load(directory)))), as_json)


def print_holds(directory: Path, as_json: bool) -> None:
    """The holds in force."""
    found = retention.holds(offline(load(directory)).engine)
    rows: Rows = [
        {"municipality": each.municipality, "since": local(each.at), "by": each.account, "reason": each.reason}
        for each in found.values()
    ]
    _print("legal holds", rows, as_json)


def set_hold(directory: Path, code: str, reason: str, *, held: bool) -> str:
    """Set or lift a hold; Conflict when it stands so already."""
    retain.hold(offline(load(directory)), code, reason, getpass.getuser(), held=held)
    return f"Nothing of {code} is erased until the hold is lifted." if held else f"The hold on {code} is lifted."


def print_deletions(directory: Path, first: date, last: date, code: str | None, as_json: bool) -> None:
    """What was proven erased over local days, both included."""
    engine = offline(load(directory)).engine
    _print("erased", _proofs(retention.deletions(engine, start_of_day(first), end_of_day(last), code)), as_json)


# --- backups ----------------------------------------------------------------------------------------------------------


def make_backup(directory: Path, target: Path, as_json: bool) -> None:
    """Back the ledger up, as an older program left it too; GatewayError when there is none yet, Corrupt when the copy
    is not sound."""
    configuration = load(directory)
    ledger = ledger_path(configuration)
    if not _is_there(ledger) and not ledger.with_name(f"{ledger.name}.seen").exists():
        raise GatewayError(f"there is no ledger at {ledger} yet: nothing was received so far")
    # Before an upgrade the copy must be what the former program can go on with.
    ctx = offline(configuration, migrated=False)
    file = backups.target(target, ctx.now())
    made = backups.make(ctx.engine, file, ctx.now(), sandbox=ctx.sandbox, open_copy=SQLite)
    days = configuration.settings.retention.backup_days
    gone = backups.prune(target, ctx.now() - timedelta(days=days)) if target.is_dir() else []
    if as_json:
        print(json.dumps({**asdict(made), "file": str(file), "removed": [str(path) for path in gone]}, indent=2))
        return
    print(f"{file}: {made.bytes} bytes, {made.rows['drops']} drops, {made.rows['log']} lines of the log; checked.")
    print(f"SHA-256 {made.sha256}")
    for path in gone:
        print(f"removed {path}: older than {days} days")


def restore_backup(directory: Path, file: Path, confirm: Callable[[str], bool] | None, *, replace: bool) -> bool:
    """Put a backup back; False when the person said no. GatewayError over a ledger that is not to be replaced, Conflict
    while a gateway runs."""
    configuration = load(directory)
    ledger = ledger_path(configuration)
    now = Clock()
    with ExitStack() as stack:
        take_lock(configuration.settings.paths.state, "all", stack, alone=True)
        found = backups.look(file)
        aside = ledger.with_name(f"{ledger.name}.replaced-{now():%Y%m%dT%H%M%SZ}") if _is_there(ledger) else None
        if aside is not None and not replace:
            raise GatewayError(f"there is a ledger at {ledger}; --replace sets it aside as {aside.name}")
        place = ledger.with_name(f".{ledger.name}.{secrets.token_hex(4)}.new")
        stack.callback(backups.remove, place)
        backups.bring(file, found, place, SQLite)
        with closing(SQLite(place)) as engine:
            latest = log.latest_moment(engine)
            waiting = len(mails.pending(engine))
        print(f"{file} is whole: {found.rows['drops']} drops, made {local(found.moment)}, last event {local(latest)}.")
        print(f"It becomes {ledger}" + (f"; the ledger there is kept as {aside.name}." if aside else "."))
        print("What was acknowledged after that is not in it.")
        print(f"{waiting} mails in it wait; none of them leaves before you release it.")
        if confirm is not None and not confirm("Put it back?"):
            return False
        with closing(SQLite(place)) as engine:
            engine.migrate()
            at = latest if found.sandbox and latest else now()
            restored.close_gate(engine, at, found.moment)
            engine.scrub()
        backups.put(place, ledger, aside)
        anchors.set_aside(folder_of(configuration.settings.paths.state), f"{now():%Y%m%dT%H%M%SZ}")
    open_ledger(configuration).close()
    print("Done. Start the gateway, then: gateway doctor (what the outbox knows and the ledger does not) and")
    print("gateway mail list (what waits; gateway mail release lets mails go out again).")
    return True


def _is_there(ledger: Path) -> bool:
    return ledger.exists() and ledger.stat().st_size > 0


# --- mails after a restore --------------------------------------------------------------------------------------------


def print_mails(directory: Path, as_json: bool) -> None:
    """Every mail that is still to be sent."""
    engine = offline(load(directory)).engine
    since = restored.gate(engine)
    rows: Rows = [
        {
            "made": local(each.made_at),
            "occasion": each.occasion,
            "municipality": each.municipality or None,
            "account": each.account,
            "attempts": each.attempts,
            "reason": each.reason,
            "new": None if since is None else restored.is_new(engine, each, since),
        }
        for each in mails.pending(engine)
    ]
    if since is not None and not as_json:
        print(f"No mail leaves since the restore of {local(since)}: gateway mail release")
    _print("waiting mails", rows, as_json)


def open_gate(directory: Path, *, send_all: bool) -> str:
    """Let mails go out again; GatewayError when they do."""
    sent, dropped = restored.release(offline(load(directory)), getpass.getuser(), send_all=send_all)
    return f"{sent} mails go out now; {dropped} may have been sent before the restore and are given up."
