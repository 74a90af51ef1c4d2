"""What stands in the ledger and lies in the folders, held against the model.

Does: reads tables and files of a world as they are, and names every difference from what the model says; looks at what
no model is needed for as well (one current version, states that follow from the log, names that never change).
Touches: one world, reading.
Does not: ask the workflow; statements and the table of states are its own.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from tests.story.lifecycle_model import CODES, Model, ms, subject
from tests.world import World

STEPS = {
    ("drop", "", "received"): "received",
    ("drop", "", "repeated"): "decided",
    ("drop", "received", "decided"): "decided",
    ("drop", "received", "held"): "held",
    ("drop", "held", "released"): "received",
    ("delivery", "", "approved"): "approved",
    ("delivery", "", "rejected"): "rejected",
    ("delivery", "", "overtaken"): "superseded",
    ("delivery", "approved", "assessed"): "assessed",
    ("delivery", "approved", "superseded"): "superseded",
    ("delivery", "assessed", "superseded"): "superseded",
}
DELIVERY_EVENTS = {event for sort, _, event in STEPS if sort == "delivery"}
EVENTS = {event for _, _, event in STEPS}
DROPS = "select * from drops order by arrival"
DELIVERIES = "select * from deliveries order by municipality, kind, period, version"
REPORTS = """select r.*, d.kind as item_kind, d.period, d.version from reports as r
    left join deliveries as d on d.id = r.delivery_id order by r.arrival"""
FILES = """select f.municipality, f.name, f.sha256, f.body is null as blank, r.id, r.placed_at, r.confirmed_at
    from report_files as f join reports as r on r.id = f.report_id"""
MAILS = "select * from notifications order by id"
LOG = "select event, drop_id, delivery_id, report_id from log order by id"
CURRENT = """select municipality, kind, period, count(*) as n from deliveries where state in ('approved', 'assessed')
    group by municipality, kind, period having count(*) > 1"""

Said = Mapping[Any, Any]


@dataclass
class Eyes:
    """Looks at one gateway from its first day on, and remembers what it saw of the outbox: by name checksum and file
    number (None once the file may have been written again)."""

    seen: dict[str, tuple[str, int | None]] = field(default_factory=dict)
    known: dict[tuple[int, int, int], str] = field(default_factory=dict)

    def wrongs(self, world: World, model: Model) -> list[str]:
        """Everything that is not as it must be."""
        is_so, must_be = _is_so(world), _must_be(model)
        found = [
            f"{name}: {key}: is {is_so[name].get(key)}, must be {must_be[name].get(key)}"
            for name in must_be
            for key in sorted({*is_so[name], *must_be[name]}, key=str)
            if is_so[name].get(key) != must_be[name].get(key)
        ]
        found += [f"two current versions: {row}" for row in world.engine.rows(CURRENT)]
        found += _log(world) + _selections(world, model) + _told(world)
        return found + self._outbox(world)

    def written_again(self, lost: str | None = None) -> None:
        """After a crash the same bytes may have been laid there anew; when one file was lost, that one alone."""
        again = self.seen if lost is None else {lost}
        self.seen = {name: (was[0], None if name in again else was[1]) for name, was in self.seen.items()}

    def _outbox(self, world: World) -> list[str]:
        wanted = {
            str(Path(row["municipality"], "opgehaald" if row["confirmed_at"] is not None else "", row["name"])): (
                row["sha256"]
            )
            for row in world.engine.rows(FILES)
            if row["placed_at"] is not None and not row["blank"]
        }
        here = {}
        found = []
        for path in world.spool.outbox.rglob("*"):
            if path.is_file():
                here[str(path.relative_to(world.spool.outbox))] = checksum = self._checksum(path)
                number = path.stat().st_ino
                before, former = self.seen.get(path.name, (checksum, number))
                if before != checksum or former not in (None, number):
                    found.append(f"published again: {path.name}")
                self.seen[path.name] = checksum, number
        if here != wanted:
            found += [f"outbox: {path}" for path, _ in sorted(set(here.items()) ^ set(wanted.items()))]
        return found

    def _checksum(self, path: Path) -> str:
        status = path.stat()
        key = status.st_ino, status.st_mtime_ns, status.st_size
        if key not in self.known:
            self.known[key] = sha256(path.read_bytes()).hexdigest()
        return self.known[key]


def adopt(world: World, model: Model) -> None:
    """Tell the model the ids of the reports that were made since."""
    for row in world.engine.rows("select id, municipality, kind, outcome from reports order by arrival"):
        model.adopt(row["id"], row["municipality"], row["kind"], row["outcome"])


def names(world: World) -> dict[str, str]:
    """By id of a delivery or confirmation what the model calls it."""
    found = {row["id"]: f"{row['drop_id']}/{row['kind']}_{row['period']}" for row in world.engine.rows(DELIVERIES)}
    number: Counter[str] = Counter()
    for row in world.engine.rows("select id, municipality from reports where kind = 'IB' order by arrival"):
        number[row["municipality"]] += 1
        found[row["id"]] = f"IB {row['municipality']} {number[row['municipality']]}"
    return found


def mail_ids(world: World) -> dict[str, tuple[str, str, str]]:
    """By id of a mail what the model calls it."""
    called = names(world)
    return {
        row["id"]: (row["occasion"], str(called.get(row["subject"], row["subject"])), row["account"])
        for row in world.engine.rows(MAILS)
    }


def _is_so(world: World) -> dict[str, Said]:
    rows, called = world.engine.rows, names(world)
    papers = rows(REPORTS)
    kept = {row["drop_id"]: row for row in rows("select drop_id, body, erased_at from payloads")}
    blank = {row["id"] for row in rows(FILES) if row["blank"]}
    drops, deliveries = rows(DROPS), rows(DELIVERIES)
    by_id = {row["id"]: row["drop_id"] for row in deliveries}
    return {
        "drop": {row["id"]: _drop(row) for row in drops},
        "payload": {
            drop_id: "erased"
            if row["body"] is None and row["erased_at"] is not None
            else sha256(row["body"]).hexdigest()
            if row["body"]
            else "empty"
            for drop_id, row in kept.items()
        },
        "delivery": {
            called[row["id"]]: (row["version"], row["state"], by_id.get(row["supersedes"])) for row in deliveries
        },
        "term": {
            (row["kind"], called.get(row["subject"], row["subject"])): (
                row["municipality"],
                row["due_at"],
                row["met_at"],
                row["warned_at"],
            )
            for row in rows("select * from deadlines")
        },
        "reports": Counter(
            (
                row["municipality"],
                row["kind"],
                row["outcome"],
                row["drop_id"],
                (row["item_kind"], row["period"]) if row["item_kind"] else None,
                row["version"],
            )
            for row in papers
        ),
        "report": {
            row["id"]: (row["made_at"], row["placed_at"], row["collected_at"], row["confirmed_at"], row["id"] in blank)
            for row in papers
        },
        "mail": {mail_ids(world)[row["id"]]: row["state"] for row in rows(MAILS)},
        "extension": dict(
            enumerate((row["municipality"], row["until"]) for row in rows("select * from extensions order by id"))
        ),
        "statement": Counter(
            (row["municipality"], (row["kind"], row["period"])) for row in rows("select * from statements")
        ),
    }


def _drop(row: Said) -> tuple[object, ...]:
    trial = row["lane"] == "proef"
    return (
        row["municipality"],
        trial,
        row["name"],
        row["sha256"],
        row["size"],
        row["account"],
        row["received_at"],
        row["state"],
        row["repeat_of"],
    )


def _must_be(model: Model) -> dict[str, Said]:
    return {
        "drop": {
            each.id: (
                each.upload.code,
                each.upload.trial,
                each.upload.name,
                each.upload.sha256,
                len(each.upload.body),
                each.account,
                ms(each.at),
                each.state,
                each.repeat_of,
            )
            for each in model.drops.values()
        },
        "payload": {
            each.id: each.upload.sha256 if each.payload == "kept" else each.payload for each in model.drops.values()
        },
        "delivery": {subject(each): (each.version, each.state, each.replaces) for each in model.made.values()},
        "term": {
            key: (
                each.code,
                ms(each.due),
                None if each.met is None else ms(each.met),
                None if each.warned is None else ms(each.warned),
            )
            for key, each in model.owed.items()
        },
        "reports": model.reports,
        "report": {
            report_id: (
                ms(each.made),
                *(None if at is None else ms(at) for at in (each.placed, each.collected, each.confirmed)),
                each.erased,
            )
            for report_id, each in model.papers.items()
        },
        "mail": model.mails,
        "extension": dict(enumerate((code, until.isoformat()) for code, until in model.extensions)),
        "statement": Counter(model.statements),
    }


def _log(world: World) -> list[str]:
    """The log run through the table of states gives the stored states; each report was placed once."""
    states: dict[tuple[str, str], str] = {}
    placed: Counter[str] = Counter()
    found = []
    for line in world.engine.rows(LOG):
        if line["event"] == "placed":
            placed[line["report_id"]] += 1
        elif line["event"] in EVENTS:
            sort = "delivery" if line["event"] in DELIVERY_EVENTS else "drop"
            key = sort, line[f"{sort}_id"]
            after = STEPS.get((sort, states.get(key, ""), line["event"]))
            if after is None:
                found.append(f"log: {key} cannot be {line['event']} after {states.get(key)}")
            else:
                states[key] = after
    stored = {("drop", row["id"]): row["state"] for row in world.engine.rows(DROPS)}
    stored |= {("delivery", row["id"]): row["state"] for row in world.engine.rows(DELIVERIES)}
    if stored != states:
        found.append(f"log and states differ: {sorted(set(stored.items()) ^ set(states.items()))}")
    return found + [f"placed {n} times: {report}" for report, n in placed.items() if n > 1]


def _selections(world: World, model: Model) -> list[str]:
    """The rows, replayed up to any moment of a change or right before it, give the selection of then."""
    rows = world.engine.rows("select * from withdrawals order by id")
    said = [(row["at"], row["municipality"], (row["kind"], row["period"]), bool(row["withdrawn"])) for row in rows]
    wanted = [(ms(at), code, item, withdrawn) for at, code, item, withdrawn, _ in model.changes]
    found = [] if said == wanted else [f"withdrawals: are {said}, must be {wanted}"]
    for at in {at for at, *_ in model.changes}:
        for code in CODES:
            then = {item: withdrawn for moment, whose, item, withdrawn in said if whose == code and moment <= ms(at)}
            if {item for item, withdrawn in then.items() if withdrawn} != model.selection(code, at):
                found.append(f"selection of {code} at {at}")
    return found


def _told(world: World) -> list[str]:
    """Trouble in the daemon's log that no test made."""
    made = {"examination_failed", "mail_failed"}
    return [f"told: {event} {facts}" for event, facts in world.told if "failed" in event and event not in made]
