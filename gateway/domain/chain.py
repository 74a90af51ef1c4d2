"""The chain of the message log: what a seal is made of, and what a walk along the seals finds.

Does: gives the hashes of a line and of a seal; walks seals and lines side by side and names every edit, deletion,
insertion, change of order and cut tail.
Touches: nothing.
Does not: read or write the ledger (store.ledger.seals), or know when to seal (workflow.sealer).

A seal holds two hashes. `content_hash` covers every field of the line and a salt; when the line's names are erased on
their term the salt goes with them, so that nobody can guess a name by its hash. `chain_hash` covers the former seal,
this one's number, the line's id, the fields that are never erased, and `content_hash`: it can be computed for ever.

What a chain cannot show by itself: that its end was cut off with the lines, or that all of it was made anew from some
line on. For that an anchor (number and chain hash of the last seal at some moment) must be kept elsewhere.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256

START = "0" * 64
# In groups of eight, so that nothing in it looks like a citizen service number, which every output stars out.
ANCHOR = re.compile(r"(?<![0-9A-Za-z-])([0-9]{1,15})((?:-\s*[0-9a-f]{8}){8})(?![0-9A-Za-z])")
ERASED_DETAIL = "{}"


@dataclass(frozen=True, slots=True)
class LoggedLine:
    """A line of the log exactly as the ledger has it; moments in milliseconds, `detail` as JSON text."""

    id: int
    at: int
    event: str
    municipality: str | None
    account: str | None
    drop_id: str | None
    delivery_id: str | None
    report_id: str | None
    detail: str
    erased_at: int | None


@dataclass(frozen=True, slots=True)
class Seal:
    """One link. `salt` is None once the names in its line are erased."""

    seal_no: int
    log_id: int
    salt: str | None
    content_hash: str
    chain_hash: str
    sealed_at: int


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that was tampered with. `what`: edited, deleted, inserted, reordered, erased, cut, or anchor (an anchor
    names another seal); of which seal and line, as far as known."""

    what: str
    seal_no: int | None
    log_id: int | None


def _hash(*parts: str | int | None) -> str:
    return sha256(json.dumps(parts, ensure_ascii=True, separators=(",", ":")).encode()).hexdigest()


def _stub(line: LoggedLine) -> tuple[str | int | None, ...]:
    """The fields that stay when a line's names are erased."""
    return (line.id, line.at, line.event, line.municipality, line.drop_id, line.delivery_id, line.report_id)


def content_hash(line: LoggedLine, salt: str) -> str:
    """The hash of every field of a line."""
    return _hash("gateway log line 1", salt, *_stub(line), line.account, line.detail, line.erased_at)


def chain_hash(former: str, seal_no: int, line: LoggedLine, content: str, sealed_at: int) -> str:
    """The hash of a seal, over the former one's."""
    return _hash("gateway log seal 1", former, seal_no, sealed_at, content, *_stub(line))


def seal(former: Seal | None, line: LoggedLine, salt: str, sealed_at: int) -> Seal:
    """The seal on a line, next after `former`."""
    number = former.seal_no + 1 if former else 1
    content = content_hash(line, salt)
    chained = chain_hash(former.chain_hash if former else START, number, line, content, sealed_at)
    return Seal(number, line.id, salt, content, chained, sealed_at)


def anchor(last: Seal) -> str:
    """A seal as it is kept elsewhere: its number and its chain hash in eight groups."""
    return "-".join((str(last.seal_no), *(last.chain_hash[at : at + 8] for at in range(0, 64, 8))))


def anchors_in(text: str) -> list[tuple[int, str]]:
    """Every anchor in a text, such as a saved mail (whose lines may be folded)."""
    unfolded = re.sub(r"=\r?\n", "", text)
    return [(int(number), re.sub(r"[-\s]", "", chained)) for number, chained in ANCHOR.findall(unfolded)]


def walk(
    pairs: Iterable[tuple[Seal, LoggedLine | None]],
    anchors: Mapping[int, frozenset[str]],
    erased: Callable[[LoggedLine], bool],
) -> Iterator[Trouble]:
    """What is wrong along the seals, in their order, each with its line (None: gone). `erased`: whether the erasure of
    a line's names is accounted for. Anchors beyond the last seal are a cut tail."""
    former: Seal | None = None
    for each, line in pairs:
        expected = former.seal_no + 1 if former else 1
        if each.seal_no != expected:
            yield Trouble("deleted", expected, None)
        if former is not None and each.log_id <= former.log_id:
            yield Trouble("reordered", each.seal_no, each.log_id)
        yield from _one(former, each, line, erased)
        if anchors.get(each.seal_no, frozenset((each.chain_hash,))) != {each.chain_hash}:
            yield Trouble("anchor", each.seal_no, each.log_id)
        former = each
    last = former.seal_no if former else 0
    for number in sorted(anchors):
        if number > last:
            yield Trouble("cut", number, None)


def _one(
    former: Seal | None, each: Seal, line: LoggedLine | None, erased: Callable[[LoggedLine], bool]
) -> Iterator[Trouble]:
    """What is wrong with one seal and its line; the next is held against this one as it is stored, so that one edit is
    one trouble."""
    if line is None:
        yield Trouble("deleted", each.seal_no, each.log_id)
        return
    start = former.chain_hash if former else START
    if chain_hash(start, each.seal_no, line, each.content_hash, each.sealed_at) != each.chain_hash:
        yield Trouble("edited", each.seal_no, each.log_id)
    elif each.salt is not None:
        if content_hash(line, each.salt) != each.content_hash:
            yield Trouble("edited", each.seal_no, each.log_id)
    elif line.erased_at is None or line.account is not None or line.detail != ERASED_DETAIL:
        yield Trouble("edited", each.seal_no, each.log_id)
    elif not erased(line):
        yield Trouble("erased", each.seal_no, each.log_id)
