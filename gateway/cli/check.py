"""`gateway check FILE...`: the gateway's own judgement, before anything is sent.

Does: examines files in a worker process, as the daemon does, and prints verdict and findings grouped by cause.
Touches: the files, read only; the terminal.
Does not: deliver, log or keep anything.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from gateway.config import Configuration, load
from gateway.domain.kinds import Job, ParsedName, parse_name
from gateway.domain.model import Examination, Finding, MemberResult, Severity
from gateway.errors import GatewayError, WorkerFault
from gateway.reports.wording import Texts
from gateway.workers import Pool
from gateway.workflow.context import round_at

SHOWN = 10


def check_files(directory: Path, files: tuple[Path, ...], municipality: str | None, as_json: bool) -> bool:
    """Whether every file would be approved; prints why not."""
    configuration = load(directory)
    pool = Pool(
        1,
        seconds=configuration.settings.workers.seconds,
        jobs=configuration.settings.workers.jobs,
        address_space=configuration.settings.workers.memory_megabytes * 1024 * 1024,
    )
    console = Console(stderr=as_json)
    results: dict[Path, Examination] = {}
    try:
        with Progress(
            SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=console, transient=True
        ) as progress:
            for path in files:
                task = progress.add_task(path.name, total=None)
                results[path] = _examine(configuration, pool, path, municipality)
                progress.remove_task(task)
    finally:
        pool.close()
    if as_json:
        print(json.dumps([_document(path, result, configuration.texts) for path, result in results.items()], indent=2))
    else:
        for path, result in results.items():
            _print(console, path, result, configuration.texts)
    return all(_approved(result) for result in results.values())


def _examine(configuration: Configuration, pool: Pool, path: Path, municipality: str | None) -> Examination:
    from datetime import UTC, datetime

    now = datetime.now(UTC)
    round_ = round_at(dict(configuration.rounds), now)
    rules = configuration.rules[round_.id]
    if municipality is None:
        parsed = parse_name(path.name, rules.kinds)
        municipality = parsed.municipality if isinstance(parsed, ParsedName) else None
    if municipality is None:
        raise GatewayError(f"{path.name}: say whose file it is with --municipality CODE")
    job = Job(
        name=path.name,
        payload=path.read_bytes(),
        municipality=municipality,
        known=frozenset(configuration.participants.municipalities) | {municipality},
        received_on=now.date(),
        rules=rules,
    )
    try:
        return pool.examine(job)
    except WorkerFault as fault:
        raise GatewayError(f"{path.name}: could not be examined ({fault})") from fault


def _approved(result: Examination) -> bool:
    faults = any(finding.severity is not Severity.WARNING for finding in result.findings)
    return not faults and all(member.approved for member in result.members)


def _document(path: Path, result: Examination, texts: Texts) -> Mapping[str, object]:
    def finding(found: Finding) -> Mapping[str, object]:
        return {
            "code": found.code,
            "severity": found.severity,
            "member": found.member,
            "line": found.line,
            "record": found.record,
            "column": found.column,
            "nl": texts.tell("nl", found.message),
            "en": texts.tell("en", found.message),
        }

    def member(each: MemberResult) -> Mapping[str, object]:
        return {
            "name": each.name,
            "kind": each.kind,
            "period": each.period,
            "approved": each.approved,
            "records": each.records,
            "counts": dict(each.counts),
            "findings": [finding(found) for found in each.findings],
        }

    return {
        "file": path.name,
        "approved": _approved(result),
        "findings": [finding(found) for found in result.findings],
        "members": [member(each) for each in result.members],
    }


def _print(console: Console, path: Path, result: Examination, texts: Texts) -> None:
    verdict = Text("GOEDGEKEURD", "bold green") if _approved(result) else Text("AFGEKEURD", "bold red")
    console.print(Text.assemble(path.name, "  ", verdict))
    for member in result.members:
        console.print(f"  {member.kind} {member.period}: {member.records} records")
    findings = [*result.findings, *(found for member in result.members for found in member.findings)]
    if not findings:
        return
    table = Table(show_edge=False)
    for heading in ("code", "regel", "kolom", "bevinding"):
        table.add_column(heading)
    shown: dict[str, int] = {}
    for found in findings:
        shown[found.code] = shown.get(found.code, 0) + 1
        if shown[found.code] <= SHOWN:
            table.add_row(found.code, str(found.line or ""), found.column or "", Text(texts.tell("nl", found.message)))
    console.print(table)
    totals = dict(result.counts)
    for member in result.members:
        for code, count in member.counts.items():
            totals[code] = totals.get(code, 0) + count
    for code, count in sorted(totals.items()):
        if count > SHOWN:
            console.print(f"  {code}: {count} in totaal; {min(SHOWN, shown.get(code, 0))} getoond")
