"""Canaries through the real daemon: numbers of citizens in every place where a stranger can put one, and texts that
hurt whoever opens them in a spreadsheet, a browser, a mail program or a terminal. Afterwards everything that was
written is searched, and again after the purge.

Does: serves a demo, sealed at rest and not; sends, asks, reports and fails with canaries; looks into every file, the
ledger with and without its payloads, its -wal and -shm, the log, the mails, the metrics.
Touches: a gateway of its own, the loopback interface.
Does not: look at values inside files that are approved and reported on one by one (test_nothing_leaves).
"""

import csv
import email
import email.policy
import io
import json
import os
import re
import urllib.request
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from html.parser import HTMLParser
from pathlib import Path

import paramiko
import pytest
from click.testing import CliRunner

from gateway.cli import commands
from gateway.store.sealing import make_identity
from gateway.store.sqlite import SQLite
from tests.house import Gateway, copy_demo
from tests.samples import WMO_HEADER, csv_bytes, wmo_rows

# Nobody's numbers, that pass the eleven-test; each in a place of its own.
BSNS = [f"{number:09}" for number in range(999990000, 999999999)]
BSNS = [
    bsn
    for bsn in BSNS
    if (sum(int(digit) * weight for digit, weight in zip(bsn, (9, 8, 7, 6, 5, 4, 3, 2, -1), strict=True)) % 11) == 0
]
PLACES = (
    "cell",
    "text",
    "name",
    "member",
    "path",
    "login",
    "banner",
    "command",
    "report",
    "verdict",
    "watched",
    "working",
)
CANARY = dict(zip(PLACES, BSNS[::37], strict=False))
HARM = (
    "=cmd|'/C calc'!A0",
    "@SUM(1+1)*cmd",
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "a\r\nX-Injected: yes",
    "a\r\n\r\n<marquee>body</marquee>",
    "\x1b]0;pwned\x07\x1b[2J\x1b[31m",
    "{{7*7}}${7*7}%s%n",
    "\u202egnp.exe",
)
FOLDERS = ("inbox", "outbox", "var")
# A name that is no name for the gateway, and the file of a stranger, stay where they were put until their term.
KEPT = (".working/", "/.geweigerd/")


def cells(number: int, harm: str) -> list[str]:
    row = wmo_rows(1, seed=number)[0]
    row[2], row[3] = CANARY["cell"], harm
    row[8] = CANARY["text"] + "; de heer Jansen"
    return row


def hostile_csv() -> bytes:
    """Every canary and every harm in a cell of its own."""
    rows = [*wmo_rows(3), *(cells(number, harm) for number, harm in enumerate(HARM))]
    out = io.StringIO()
    csv.writer(out, delimiter=";", lineterminator="\r\n").writerows([WMO_HEADER, *rows])
    return out.getvalue().encode()


def sound_csv(period: str = "2017H2") -> bytes:
    """A file that is approved, with the canary as somebody's number."""
    rows = wmo_rows(20, period=period)
    for row in rows:
        row[2] = CANARY["cell"]
    return csv_bytes(WMO_HEADER, rows)


def hostile_zip() -> bytes:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        for name in (
            f"WMO_{CANARY['member']}_2017H2.csv",
            *(f"{harm}.csv" for harm in HARM),
            f"{CANARY['member']}/x.csv",
        ):
            archive.writestr(name, hostile_csv())
    return body.getvalue()


def hostile_header() -> bytes:
    return (";".join((*WMO_HEADER[:10], *HARM[:4], CANARY["cell"])) + "\r\n").encode() + b"1;2\r\n"


# --- everything that a stranger can do --------------------------------------------------------------------------------


def upload(client: paramiko.SFTPClient, path: str, body: bytes) -> None:
    with suppress(OSError), client.open(path, "wb") as remote:
        remote.write(body)


def deliver(gateway: Gateway) -> None:
    """Files, names and paths by which nothing is to be known afterwards."""
    with gateway.paramiko("amsterdam") as client:
        for lane in ("inbox", "inbox/proef"):
            upload(client, f"/0363/{lane}/WMO_0363_2017H2.csv", hostile_csv())
            upload(client, f"/0363/{lane}/MSD.zip", hostile_zip())
            upload(client, f"/0363/{lane}/SBW_0363_2017H2.csv", hostile_header())
            upload(client, f"/0363/{lane}/JEUGD_0363_2017H2.csv", HARM[2].encode() + CANARY["text"].encode())
            upload(client, f"/0363/{lane}/WMO_{CANARY['name']}_2017H2.csv", sound_csv())
            for harm in HARM:
                upload(client, f"/0363/{lane}/{harm}", sound_csv())
                upload(client, f"/0363/{lane}/{harm}.csv", sound_csv())
        upload(client, "/0363/inbox/WMO_0363_2017H1.csv", sound_csv("2017H1"))
        for path in (f"/{CANARY['path']}", f"/0363/{CANARY['path']}", *(f"/0363/inbox/{harm}" for harm in HARM)):
            for act in (client.stat, client.listdir, client.mkdir, client.remove, client.rmdir, client.readlink):
                with suppress(OSError):
                    act(path)
            for target in (f"/0363/inbox/{CANARY['path']}.csv", "/0363/inbox/WMO_0363_2017H2.csv"):
                with suppress(OSError):
                    client.rename(path, target)
        with client.open("/0363/inbox/rest.csv.part", "wb") as remote:
            remote.write(CANARY["working"].encode())


def knock(gateway: Gateway) -> None:
    """Logins, greetings and commands."""
    for login in (CANARY["login"], f"jan\r\n{CANARY['login']}", *HARM):
        with suppress(paramiko.SSHException, EOFError, OSError, UnicodeError):
            line = paramiko.Transport(("127.0.0.1", gateway.port))
            line.local_version = f"SSH-2.0-{CANARY['banner']}\x1b[31m<marquee>"
            try:
                line.connect(
                    username=login, pkey=paramiko.Ed25519Key.from_private_key_file(str(gateway.key("amsterdam")))
                )
            finally:
                line.close()
    for command in (f"cat /0363/{CANARY['command']}", "=cmd|' /C calc'!A0\x1b[2J"):
        gateway.ssh("amsterdam", command)


def report(gateway: Gateway) -> None:
    """What an assessor drops: last of all the report that is awaited."""
    with gateway.paramiko("cbs") as client:
        folder = "/cbs/2017H2/rapporten"
        (data,) = [name for name in client.listdir("/cbs/2017H2/te-beoordelen") if not name.startswith("overzicht")]
        stem = data.split(".")[0]
        number = CANARY["cell"].encode()
        for name in (f"{stem}.csv", f"{stem}.html", f"{CANARY['report']}.csv", *HARM):
            upload(client, f"{folder}/{name}", b"<html>bsn;" + number + b"\r\n" if "html" in name else b"bsn;" + number)
        verdict = {"verdict": "rejected", "reason": f"zie {CANARY['verdict']}"}
        upload(client, f"/cbs/2017H2/oordelen/{CANARY['verdict']}.json", json.dumps(verdict).encode())
        upload(client, f"{folder}/{stem}.csv", b"aantal;12\r\n")
        for name in client.listdir("/cbs/2017H2/overdracht"):
            client.getfo(f"/cbs/2017H2/overdracht/{name}", io.BytesIO())
    gateway.wait_report("0363", "OO_.*2017H1")


def watch(gateway: Gateway) -> None:
    """What a local program puts into the watch folder."""
    for name in (
        "KOSTENWMO_0363_2017H2.csv",
        f"WMO_{CANARY['watched']}_2017H2.csv",
        "=1+1<script>.csv",
        "a\x1b[31m\nb.csv",
    ):
        hidden = gateway.inbox / "0363" / f".{len(name)}.tmp"
        hidden.write_bytes(sound_csv().replace(CANARY["cell"].encode(), CANARY["watched"].encode()))
        hidden.rename(gateway.inbox / "0363" / name)


def operate(gateway: Gateway) -> str:
    """Everything that an operator can have printed."""
    said = []
    listings = (
        ["status"], ["status", "--json"], ["status", "0363"], ["doctor"], ["missing"], ["deadlines"], ["verify"],
        ["log", "--from", "2018-01-01", "--to", "2019-01-01", "--format", "csv"],
        ["log", "--from", "2018-01-01", "--to", "2019-01-01", "--format", "json"],
        ["log", "--from", "2018-01-01", "--to", "2019-01-01"], ["mail", "list"], ["purge", "--dry-run"], ["deletions"],
    )  # fmt: skip
    for command in [*listings, *(["show", drop.short_id] for drop in gateway.drops())]:
        result = CliRunner().invoke(commands, [*command, "--config", str(gateway.config)])
        assert result.exception is None or isinstance(result.exception, SystemExit), command
        said.append(result.output)
    return "\n".join(said)


def fetched(gateway: Gateway) -> dict[str, bytes]:
    """Everything that the municipality and the assessor can read, data files left out."""
    found: dict[str, bytes] = {}
    for login in ("amsterdam", "cbs"):
        with gateway.paramiko(login) as client:
            folders = ["/"]
            while folders:
                folder = folders.pop()
                for entry in client.listdir_attr(folder):
                    path = f"{folder.rstrip('/')}/{entry.filename}"
                    if entry.st_mode is not None and entry.st_mode & 0o040000:
                        folders.append(path)
                    elif "/inbox/" not in path and not re.search(r"overdracht/.*\.(csv|txt|age)$", path):
                        with suppress(OSError):
                            out = io.BytesIO()
                            client.getfo(path, out)
                            found[path] = out.getvalue()
    return found


# --- looking ----------------------------------------------------------------------------------------------------------


def spellings(text: str) -> Iterator[bytes]:
    """How a canary may be written down."""
    for encoding in ("ascii", "utf-16-le", "utf-16-be"):
        yield text.encode(encoding)


def canaries_in(body: bytes) -> set[str]:
    return {place for place, bsn in CANARY.items() for spelled in spellings(bsn) if spelled in body}


def written(root: Path) -> dict[str, bytes]:
    """Every file of the gateway; the bodies and heads of mails as they are read."""
    found = {}
    for folder in FOLDERS:
        for path in (root / folder).rglob("*"):
            if path.is_file():
                body = path.read_bytes()
                found[str(path.relative_to(root))] = body + _as_read(body) if path.suffix == ".eml" else body
    return found


def found_in(files: Mapping[str, bytes]) -> dict[str, set[str]]:
    """The canaries in files and in their names."""
    found = {name: canaries_in(body) | canaries_in(name.encode(errors="replace")) for name, body in files.items()}
    return {name: places for name, places in found.items() if places}


def _as_read(body: bytes) -> bytes:
    message = email.message_from_bytes(body, policy=email.policy.default)
    parts = [part.get_content() for part in message.walk() if part.get_content_maintype() == "text"]
    return "\n".join((*(f"{name}: {value}" for name, value in message.items()), *parts)).encode()


def without_payloads(ledger: Path, copy: Path) -> bytes:
    """The ledger as it would be with no upload in it."""
    source = SQLite(ledger)
    source.copy(copy)
    source.close()
    engine = SQLite(copy)
    engine.run("update payloads set body = null")
    engine.run("delete from packages")
    engine.scrub()
    engine.rows("vacuum")
    engine.scrub()
    engine.close()
    return copy.read_bytes()


class Page(HTMLParser):
    """Finds what a stranger's text would have made of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """One element."""
        if tag in ("script", "marquee", "iframe", "object") or (tag == "img" and ("src", "x") in attrs):
            self.found.append(tag)
        self.found += [name for name, _ in attrs if name.startswith("on")]


def harm_in(name: str, body: bytes) -> list[str]:
    """What in a file would run, be computed, or pass for something else."""
    text = body.decode("utf-8-sig", errors="replace")
    found = [c for c in ("\x1b", "\x07", "\u202e") if c in text]
    if "\nX-Injected:" in text:
        found.append("header")
    if name.endswith(".html"):
        page = Page()
        page.feed(text)
        found += page.found
    if name.endswith(".csv"):
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=";"):
            found += [
                cell
                for cell in row
                if cell[:1] in ("=", "@", "+", "-", "\t", "\r") and not re.fullmatch(r"-?\d+", cell)
            ]
    if name.endswith(".json"):
        json.loads(text)
    return found


# --- the test ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sealed", [True, False], ids=["sealed", "plain"])
def test_no_canary_is_anywhere_and_nothing_harms_who_reads(demo_template: Path, tmp_path: Path, sealed: bool) -> None:
    root = copy_demo(demo_template, tmp_path / "gateway")
    settings: dict[str, object] = {
        "metrics": {"listen": "127.0.0.1:0"},
        "watch": {"accounts": {"0363": "amsterdam"}},
        "quality": "external",
    }
    if sealed:
        public = make_identity(root / "config" / "sealing.key")
        settings["sealing"] = {"recipients": [public], "identity_file": "sealing.key"}
    with Gateway(root, settings) as gateway:
        deliver(gateway)
        knock(gateway)
        watch(gateway)
        gateway.wait_report("0363", "TR_.*2017H1.*GOEDGEKEURD")
        gateway.wait_until(
            lambda: len([each for each in gateway.events("refused") if "claim" in each]) >= 3, "refusals"
        )
        gateway.wait_until(
            lambda: not gateway.ledger().rows("select 1 from drops where state = 'received'"), "verdicts"
        )
        report(gateway)
        read = fetched(gateway)
        printed = operate(gateway)
        at = gateway.wait_event("metrics")
        with urllib.request.urlopen(f"http://127.0.0.1:{at['port']}/metrics", timeout=10) as answer:
            read["metrics"] = answer.read()
        read["printed"] = printed.encode()
        gateway.stop()
        read["log"] = gateway.text().encode()
        gateway.ledger().close()
    assert len(read) > 20
    now = written(root)
    waiting = {name: now.pop(name) for name in list(now) if any(kept in f"/{name}" for kept in KEPT)}
    assert {place for places in found_in(waiting).values() for place in places} == {"watched", "working"}
    ledgers = {name: now.pop(name) for name in list(now) if "ledger.db" in name}
    assert len(ledgers) >= 1
    ledgers["without payloads"] = without_payloads(root / "var" / "ledger.db", tmp_path / "copy.db")
    searched = {**read, **now, **(ledgers if sealed else {"without payloads": ledgers["without payloads"]})}
    assert found_in(searched) == {}
    if not sealed:
        assert {place for places in found_in(ledgers).values() for place in places} >= {"cell", "text", "watched"}
    tried(gateway, printed)
    assert {name: harm_in(name, body) for name, body in {**read, **now}.items() if harm_in(name, body)} == {}
    assert all(json.loads(line) for line in read["log"].splitlines())
    purge(root)
    assert found_in(written(root)) == {}


def tried(gateway: Gateway, printed: str) -> None:
    """Each way was really gone: the log tells of every one, without the number."""
    said = gateway.text()
    assert said.count("*********") >= 2
    refused = Counter(event.get("code") for event in gateway.events("refused"))
    assert refused.keys() >= {"NAME_BSN", "NAME_CHARACTERS"}, refused
    assert "ASSESSOR_BSN" in printed
    assert len(gateway.events("login_failed")) >= 3
    assert len(gateway.events("request_refused")) >= 2
    assert len(gateway.events("decided")) >= 8


def purge(root: Path) -> None:
    """The same gateway, three weeks after the round, until its night's work is done. What lies in the inbox has the
    machine's own time: an hour of that is two hundred days in this sandbox."""
    for path in (root / "inbox").rglob("*"):
        os.utime(path, (path.stat().st_mtime - 3600,) * 2)
    with Gateway(root, simulate="2018-04-14T03:00", speed=5000.0) as gateway:
        gateway.wait_event("purged")
        gateway.stop()
        rows = gateway.ledger().rows("select count(*) as n from payloads where body is not null and length(body) > 0")
        assert rows[0]["n"] == 0
        gateway.ledger().close()
