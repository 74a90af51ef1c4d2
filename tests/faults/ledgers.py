"""Faults of the ledger: locked by another, damaged, gone, put back from an old backup; and a second gateway beside it.

Does: holds the write lock, spoils or removes files, restores with the commands an administrator has, and compares what
the doctor names with what clients were told OK after the backup.
Touches: a rig.
Does not: know what is right besides that (oracle).
"""

import json
import re
import threading
import time
from pathlib import Path

from click.testing import CliRunner

from gateway.cli import commands
from gateway.store.sqlite import SQLite
from tests.faults.disks import refusal
from tests.faults.load import File, Told, send
from tests.faults.oracle import Key, key_of, number_of
from tests.faults.rig import Outcome, Rig

NAMED = re.compile(r"ask (?P<code>[0-9]{4}) to deliver (?P<name>\S+) \(SHA-256 (?P<sha256>[0-9a-f]{64})\) again")


def ask(rig: Rig, *arguments: str) -> str:
    """What a command that must succeed printed."""
    said = CliRunner().invoke(commands, [*arguments, "--config", str(rig.root / "config")])
    if said.exit_code != 0:
        raise AssertionError(f"gateway {arguments[0]}: {said.output} {said.exception!r}")
    return said.stdout


def told_by_doctor(rig: Rig) -> list[dict[str, str]]:
    """Every difference."""
    said = CliRunner().invoke(commands, ["doctor", "--json", "--config", str(rig.root / "config")])
    found: list[dict[str, str]] = json.loads(said.stdout)
    return found


# --- locked -----------------------------------------------------------------------------------------------------------


def locked(root: Path, seconds: float) -> Outcome:
    """Another program holds the ledger's write lock, while clients upload."""
    with Rig(root) as rig:
        rig.start()
        rig.load(3).join()
        # A mail may be under way, which the ledger then cannot be told of.
        rig.doubtful += 1
        other = SQLite(rig.house.ledger_path, busy_seconds=60)
        with other.transaction():
            other.run("update settings set value = value")
            load = rig.load(3)
            threading.Event().wait(seconds)
        other.close()
        begun = time.monotonic()
        load.join()
        rig.recovered(begun)
        return rig.outcome(1, f"locked for {seconds:g} s")


# --- damaged, gone, old -----------------------------------------------------------------------------------------------


def spoil(ledger: Path) -> None:
    """A stretch of it is no longer what it was."""
    size = ledger.stat().st_size
    with ledger.open("r+b") as file:
        file.seek(size // 3)
        file.write(b"\xff" * (size // 3))


def remove(ledger: Path) -> None:
    """It is gone, with all that belongs to it."""
    for ending in ("", "-wal", "-shm"):
        ledger.with_name(ledger.name + ending).unlink(missing_ok=True)


def cut(ledger: Path) -> None:
    """Half of it is gone."""
    with ledger.open("r+b") as file:
        file.truncate(ledger.stat().st_size // 2)


HARMS = {"damaged": spoil, "gone": remove, "cut": cut}


def put_back(root: Path, harm: str) -> Outcome:
    """Backed up under load, more received, the ledger harmed (`old`: not at all), put back, and files asked again."""
    with Rig(root) as rig:
        rig.start()
        rig.load(3).join()
        rig.settle()
        load = rig.load(6)
        backup = root.with_name("backup.db")
        ask(rig, "backup", str(backup))
        load.join()
        rig.again()
        rig.settle()
        rig.house.kill()
        rig.house.ledger().close()
        before = rig.sent_before = frozenset(number_of(each.message) for each in rig.server.accepted)
        if harm in HARMS:
            HARMS[harm](rig.house.ledger_path)
            code, said = refusal(rig.gateway())
            rig.expect(code == 5, f"with a {harm} ledger it ended with {code}")
            rig.expect("gateway restore" in said, f"it does not say how to restore: {said}")
        ask(rig, "restore", str(backup), "--replace", "--yes")
        rig.house = rig.gateway()
        rig.start()
        lost = classified(rig)
        deliver_again(rig, lost)
        ask(rig, "mail", "release")
        outcome = rig.outcome(1, f"{len(lost)} files acknowledged after the backup, all named by the doctor")
        return no_second_mail(rig, outcome, before)


def classified(rig: Rig) -> frozenset[Key]:
    """What was acknowledged and is not in the ledger: the doctor names it, no more and no less. What else lies in the
    outbox without a row is named too, and stays as the proof of what was told."""
    rows = rig.house.ledger().rows("select municipality, name, sha256 from drops")
    there = {(row["municipality"], row["name"], row["sha256"]) for row in rows}
    lost = {key_of(each.file) for each in rig.book.attempts if each.told is Told.OK} - there
    told = told_by_doctor(rig)
    named = {match.groups() for each in told if (match := NAMED.search(each["what"]))}
    rig.expect(named == lost, f"the doctor names {sorted(named - lost)} too much and {sorted(lost - named)} too little")
    rig.remains = frozenset(each["subject"] for each in told)
    rig.expected += [*rig.remains]
    return frozenset(lost)


def deliver_again(rig: Rig, lost: frozenset[Key]) -> None:
    """The municipalities are asked, and do."""
    files: dict[Key, File] = {key_of(each.file): each.file for each in rig.book.attempts}
    rig.forget(lost)
    for key in sorted(lost):
        file = files[key]
        with rig.house.paramiko("amsterdam" if file.municipality == "0363" else "bloemendaal") as client:
            rig.book.note(send(client, file))


def no_second_mail(rig: Rig, outcome: Outcome, before: frozenset[str]) -> Outcome:
    """No mail that was sent before the restore was sent again, under whatever Message-ID."""
    wrong = list(outcome.wrong)
    old: set[tuple[str, str, str]] = set()
    new: set[tuple[str, str, str]] = set()
    for each in rig.server.accepted:
        body = each.message.get_body(("plain",))
        same = each.recipients[0], str(each.message["Subject"]), body.get_content() if body is not None else ""
        (old if number_of(each.message) in before else new).add(same)
    wrong += [f"sent a second time after the restore: {subject}" for _, subject, _ in new & old]
    return Outcome(outcome.times, outcome.told, tuple(wrong), outcome.recovery, outcome.remark)


# --- two on one folder ------------------------------------------------------------------------------------------------


def two_gateways(root: Path, times: int) -> Outcome:
    """A second gateway is started on the same folders, in each role, while the first one takes uploads."""
    with Rig(root) as rig:
        rig.start()
        load = rig.load()
        for role in ("all", "sftp", "worker")[:times]:
            rig.role = role
            heard = rig.book.count(Told.OK)
            code, said = refusal(rig.gateway())
            rig.expect(code == 4 and "another gateway" in said, f"a second {role} ended with {code}: {said}")
            rig.book.wait_ok(heard + 1)
        load.stop()
        return rig.outcome(times, f"exit {code}: {said}")
