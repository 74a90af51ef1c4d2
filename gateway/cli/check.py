"""`gateway check FILE...`: the gateway's own judgement, before anything is sent.

Does: examines files in a worker process under the rules of a round, as the daemon does, and says for each report that
the gateway would make its verdict and its findings by cause, or prints them as the report's JSON does.
Touches: the files and the configuration, reading.
Does not: deliver, log or keep anything; lay out (print_check does).

The round is the one that is open, else the next to open, else the last. The folder is the municipality in the file's
name, or in the names inside a ZIP.
"""

import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib.resources import as_file, files
from pathlib import Path

from gateway.config import Configuration, load
from gateway.domain.kinds import Job, ParsedName, Rules, parse_name, safe_name
from gateway.domain.model import Examination, Finding, Severity, phrase
from gateway.domain.workdays import local_day
from gateway.errors import GatewayError, Temporary, WorkerFault
from gateway.reports.causes import causes, totals
from gateway.reports.findings import member_of, told
from gateway.reports.sections import remembering
from gateway.reports.verdicts import Verdict, verdicts
from gateway.workers import Pool
from gateway.workflow.context import round_at

SCHEMA = "gateway/check/1"
OWN_CONFIG = Path("config")


@dataclass(frozen=True, slots=True)
class Asked:
    """What the user asked. `directory` None: the folder `config` here, or else the rules that the package brings."""

    files: tuple[Path, ...]
    directory: Path | None = None
    municipality: str | None = None
    round_id: str | None = None
    received_on: date | None = None


@dataclass(frozen=True, slots=True)
class Checked:
    """A file and the verdicts on it."""

    path: Path
    municipality: str
    verdicts: tuple[Verdict, ...]

    @property
    def approved(self) -> bool:
        """Whether every report would say so."""
        return all(verdict.approved for verdict in self.verdicts)


@dataclass(frozen=True, slots=True)
class Under:
    """What was checked with: configuration, rules of the round, day of receipt."""

    configuration: Configuration
    rules: Rules
    received_on: date


def under(asked: Asked) -> Under:
    """The rules that were asked for; GatewayError when there is no such round."""
    directory = asked.directory or (OWN_CONFIG if OWN_CONFIG.is_dir() else None)
    if directory is None:
        with as_file(files("gateway") / "defaults") as shipped:
            configuration = load(shipped)
    else:
        configuration = load(directory)
    now = datetime.now(UTC)
    name = asked.round_id or round_at(dict(configuration.rounds), now).id
    if name not in configuration.rules:
        known = ", ".join(configuration.rounds)
        raise GatewayError(configuration.texts.say(_language(configuration), "check.no_round", name=name, known=known))
    return Under(configuration, configuration.rules[name], asked.received_on or local_day(now))


def check(asked: Asked, rules: Under) -> Iterator[Checked]:
    """Each file, examined in turn by one worker."""
    workers = rules.configuration.settings.workers
    pool = Pool(1, seconds=workers.seconds, jobs=workers.jobs, address_space=workers.memory_megabytes << 20)
    with closing(pool):
        for path in asked.files:
            municipality = asked.municipality or _municipality(path, rules)
            yield Checked(path, municipality, verdicts(_examine(path, municipality, rules, pool)))


def document(checked: Checked, rules: Under) -> Mapping[str, object]:
    """A file as JSON; each of its reports has the fields that the technical report has under the same names."""
    return {
        "schema": SCHEMA,
        "file": checked.path.name,
        "municipality": checked.municipality,
        "round": rules.rules.round.id,
        "received_on": rules.received_on.isoformat(),
        "approved": checked.approved,
        "reports": [_report(verdict, rules.configuration) for verdict in checked.verdicts],
    }


def _report(verdict: Verdict, configuration: Configuration) -> Mapping[str, object]:
    member, sums = verdict.member, totals(verdict.findings, verdict.counts)
    ordered = [finding for cause in causes(verdict.findings, verdict.counts) for finding in cause.findings]
    return {
        "outcome": "GOEDGEKEURD" if verdict.approved else "AFGEKEURD",
        "kind": None if member is None else member.kind,
        "period": None if member is None else member.period,
        "member": None if member is None else member_of(member),
        **told(ordered, verdict.counts, member, sums, remembering(configuration.texts)),
    }


# --- one file -----------------------------------------------------------------------------------------------


def _examine(path: Path, municipality: str, rules: Under, pool: Pool) -> Examination:
    limit, size = rules.rules.round.limits.upload_bytes, path.stat().st_size
    if size > limit:
        return _too_large(path, size, limit)
    job = Job(
        name=path.name,
        payload=path.read_bytes(),
        municipality=municipality,
        known=frozenset(rules.configuration.participants.municipalities) | {municipality},
        received_on=rules.received_on,
        rules=rules.rules,
    )
    try:
        return pool.examine(job)
    except WorkerFault as fault:
        raise Temporary(_say(rules, "check.not_examined", file=path.name, reason=fault.reason)) from fault


def _too_large(path: Path, size: int, limit: int) -> Examination:
    """What is said of an upload beyond the limit, without reading it: it may be a disk."""
    expected = phrase("findings.reading.bytes_at_most", n=limit)
    found = phrase("findings.reading.bytes", n=size)
    message = phrase("findings.F03.upload")
    finding = Finding("F03", Severity.FILE, message, safe_name(path.name), expected=expected, found=found)
    return Examination((finding,), {"F03": 1}, ())


def _municipality(path: Path, rules: Under) -> str:
    """The folder that the file is meant for, by its name. Without any the name is wrong, and the check says so."""
    names = [path.name]
    # Beyond the limit it is refused unread, and the list of names in it may be as large as it likes.
    if path.suffix.lower() == ".zip" and path.stat().st_size <= rules.rules.round.limits.upload_bytes:
        names += _names_inside(path)
    codes = sorted(set(_codes(names, rules.rules)))
    if len(codes) > 1:
        raise GatewayError(_say(rules, "check.which_municipality", file=path.name, codes=", ".join(codes)))
    return codes[0] if codes else ""


def _codes(names: Iterable[str], rules: Rules) -> Iterator[str]:
    for name in names:
        parsed = parse_name(name, rules.kinds)
        if isinstance(parsed, ParsedName):
            yield parsed.municipality


def _names_inside(path: Path) -> list[str]:
    """The names in a ZIP of one's own, to guess the folder; whether it is sound is for the examination to say. Nothing
    is unpacked here."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    except (OSError, ValueError, NotImplementedError, zipfile.BadZipFile):
        return []


def _language(configuration: Configuration) -> str:
    return configuration.settings.language


def _say(rules: Under, key: str, **params: str | int) -> str:
    return rules.configuration.texts.say(_language(rules.configuration), key, **params)
