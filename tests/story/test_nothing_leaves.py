"""No value of a file leaves it: not in a report, not in what `gateway check` prints, not in the log.

Does: delivers every hostile and honest upload of tests/domain/hostile that holds text to a real gateway and checks it
with the command, and looks for its values in all that comes out; every report must follow its published schema too.
Touches: a gateway of its own; a temporary folder.
Does not: hold anything against what a report says of its own: sentences, column names, places, dates in date columns.
"""

import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.cli import commands, samples
from gateway.domain.checks.masking import quotable_day
from gateway.store.ledger import reports
from tests.domain.hostile import cases
from tests.domain.uploads import COLUMNS, Case
from tests.house import Gateway
from tests.reports.judge import valid
from tests.rules import shipped_rules
from tests.world import shipped

SHORT = 4
PIECE = 8
TRIAL = "/0363/inbox/proef"
SCHEMAS = {"OB": "receipt", "TR": "technical"}
PIECES = ("HYPERLIN", "YPERLINK", "PERLINK(", "ERLINK(1", "RLINK(1)")
# What a report tells of the drop itself: checksums, ids, moments, numbers of bytes.
FACTS = re.compile(
    r"[0-9a-f]{64}|sha256-[0-9A-Za-z+/=]+|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9]{6}-[0-9a-f]{6}"
    r"|20[0-9]{2}-[01][0-9]-[0-3][0-9](?:T[0-9:.+Z-]+)?|[0-9.,]+ bytes|\"bytes\": [0-9]+"
)


def texts(case: Case) -> Iterator[str]:
    """The text in an upload, in each encoding that it may have; nothing for what holds none."""
    payload = case.payload()
    parts = [payload]
    if payload.startswith(b"PK"):
        parts = []
        with suppress(Exception), zipfile.ZipFile(io.BytesIO(payload)) as archive:
            parts = [archive.read(each)[:200_000] for each in archive.infolist() if each.file_size < 1_000_000]
    for part in parts:
        for encoding in ("utf-8", "cp1252", "utf-16", "utf-16-le", "utf-16-be"):
            with suppress(UnicodeError):
                yield part.decode(encoding)


def values(case: Case) -> set[str]:
    """The cells of an upload that no output may show."""
    cells = {cell.strip() for text in texts(case) for cell in re.split('[;,\t|\r\n" ]', text)}
    ours = {name.casefold() for name in (*COLUMNS, *(c for kind in samples.COST_HEADERS.values() for c in kind))}
    return {c for c in cells if len(c) > SHORT and not quotable_day(c) and c.casefold() not in ours}


def leaks(case: Case, said: str, own: str) -> set[str]:
    """The values of which the whole, or a piece, stands in what was said and in nothing that is said anyway."""
    found = set()
    for value in values(case):
        pieces = {value} | {value[at : at + PIECE] for at in range(min(len(value), 400) - PIECE + 1)}
        found |= {piece for piece in pieces if piece in said and piece not in own}
    return found


def own_words() -> str:
    """All that a report may say of anything: sentences, rules, the municipality, the folder's words."""
    sentences = [text for language in shipped().texts.sentences.values() for text in language.values()]
    files = [f"{kind}_0363_2017H{half}.csv" for kind in shipped_rules().kinds for half in (1, 2)]
    return "\n".join((*sentences, *files, repr(shipped_rules()), repr(shipped().participants), repr(shipped().desks)))


def printed(folder: Path, chosen: Iterable[tuple[Case, bytes]]) -> str:
    """What the command prints of all cases, for people and for programs."""
    paths = []
    for number, (case, payload) in enumerate(chosen):
        path = folder / str(number) / case.file
        path.parent.mkdir()
        path.write_bytes(payload)
        paths.append(str(path))
    asked = ["check", "--municipality", "0363", "--received", "2018-02-14", *paths]
    return "".join(CliRunner().invoke(commands, [*asked, *more]).output for more in ([], ["--json"]))


def answered(gateway: Gateway, chosen: Iterable[tuple[Case, bytes]]) -> Mapping[str, str]:
    """Everything in the reports on each case that was let in."""
    taken: list[str] = []
    with gateway.paramiko("amsterdam") as client:
        for case, payload in chosen:
            # A name that is refused makes no drop; its receipt and log line are looked at with all others.
            with suppress(OSError):
                with client.open(f"{TRIAL}/{case.file}", "wb") as remote:
                    remote.write(payload)
                taken.append(case.id)
    gateway.wait_event("decided", count=len(taken), timeout=500)
    found: dict[str, str] = {}
    for drop, name in zip(gateway.drops(), taken, strict=True):
        for report in reports.of_drop(gateway.ledger(), drop.id):
            for file in reports.files(gateway.ledger(), report.id):
                found[name] = found.get(name, "") + file.body.decode()
                if file.name.endswith(".json"):
                    valid(SCHEMAS[file.name[:2]], file.body)
    return found


def test_a_leak_would_be_noticed() -> None:
    case = next(case for case in cases() if case.id == "table-formula")
    assert leaks(case, "Gevonden: =HYPERLINK(1).", "") == {"=HYPERLINK(1)", "=HYPERLI", *PIECES}
    assert leaks(case, "Gevonden: 13 tekens.", "") == set()


@pytest.mark.parametrize("step", [6, pytest.param(1, marks=(pytest.mark.slow, pytest.mark.timeout(1800)))])
def test_no_value_of_any_hostile_upload_is_in_any_output(gateway: Gateway, tmp_path: Path, step: int) -> None:
    every = [case for case in cases() if "bomb" not in case.id and case.file[0] != "." and any(values(case))]
    chosen = [(case, case.payload()) for case in every[::step]]
    assert len(every) > 200
    own = own_words()
    reported = answered(gateway, chosen)
    assert len(reported) > 0.7 * len(chosen)
    gateway.stop()
    elsewhere = FACTS.sub("", gateway.text() + printed(tmp_path, chosen))
    assert elsewhere.count("AFGEKEURD") > 0.5 * len(chosen)
    for case, _ in chosen:
        assert leaks(case, FACTS.sub("", reported.get(case.id, "")) + elsewhere, own) == set(), case.id
