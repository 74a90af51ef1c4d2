"""Acts by file: what a name says when the file itself does not matter.

Does: makes and reads the names by which a municipality withdraws an item, states that there is nothing to deliver,
accepts the terms and enters its verification code.
Touches: nothing.
Does not: decide who may do it and when (lifecycle), or do it (workflow).

    VOORWAARDEN_2017H2.akkoord      root: accept the terms of a round; their text is VOORWAARDEN_2017H2.txt
    VERIFICATIE_<code>              root: the first login, with the code that the desk gave
    WMO_2017H2.ingetrokken          intrekken/: an item is withdrawn; WMO_2017H2.actief: it is not
    GEEN_WMO_0363_2017H2.txt        inbox/: there is nothing to deliver for an item

Any mix of capitals, and with .txt behind it, as Windows likes to add. Only .txt states that there is nothing: a data
file that somebody named GEEN_... by mistake ends in .csv, and is examined like any other.
"""

import re
from collections.abc import Iterator, Mapping

from gateway.domain.kinds import FileKind, ParsedName, parse_name
from gateway.domain.model import DeliveryRound
from gateway.errors import Refusal

Item = tuple[str, str]

ACTIVE, WITHDRAWN = "actief", "ingetrokken"
SELECTION = re.compile(rf"(?i)(?P<item>[0-9A-Z_-]+)\.(?P<state>{ACTIVE}|{WITHDRAWN})(?:\.txt)?", re.ASCII)
VERIFICATION = re.compile(r"(?i)VERIFICATIE_(?P<code>[0-9A-Z-]*)(?:\.txt)?", re.ASCII)
NOTHING = re.compile(r"(?i)GEEN[_-](?P<rest>.+\.txt)", re.ASCII)


def items(round_: DeliveryRound) -> Iterator[Item]:
    """Every kind and period of a round, in the order of its configuration."""
    for period in round_.periods:
        for kind in round_.kinds:
            yield kind, period.code


def terms_text_name(round_id: str) -> str:
    """The file in the root that holds the terms."""
    return f"VOORWAARDEN_{round_id}.txt"


def terms_name(round_id: str) -> str:
    """The file to put in the root to accept them."""
    return f"VOORWAARDEN_{round_id}.akkoord"


def accepts_terms(name: str, round_id: str) -> bool:
    """Whether a file of this name in the root accepts the terms of a round."""
    accepting = terms_name(round_id).lower()
    return name.lower() in (accepting, f"{accepting}.txt")


def verification_code(name: str) -> str | None:
    """The code that the name of a file in the root enters, without hyphens and in lower case; None for another name."""
    found = VERIFICATION.fullmatch(name)
    return found["code"].replace("-", "").lower() if found else None


def selection_name(item: Item, withdrawn: bool) -> str:
    """How an item stands in intrekken/."""
    kind, period = item
    return f"{kind}_{period}.{WITHDRAWN if withdrawn else ACTIVE}"


def parse_selection(name: str, round_: DeliveryRound) -> tuple[Item, bool]:
    """Which item a name in intrekken/ is about, and whether it says withdrawn; `Refusal` for anything else."""
    found = SELECTION.fullmatch(name)
    if found:
        for kind, period in items(round_):
            if found["item"].upper() == f"{kind}_{period}":
                return (kind, period), found["state"].lower() == WITHDRAWN
    raise Refusal("WITHDRAWAL_NAME", example=selection_name(next(items(round_)), True))


def is_statement(name: str) -> bool:
    """Whether a name in the inbox states that there is nothing to deliver, well or badly formed."""
    return NOTHING.fullmatch(name) is not None


def parse_statement(name: str, municipality: str, kinds: Mapping[str, FileKind], round_: DeliveryRound) -> Item:
    """Which item there is nothing to deliver for; `Refusal` when the rest is no name of a data file, names another
    municipality than the folder's, or an item that the round does not ask."""
    found = NOTHING.fullmatch(name)
    parsed = parse_name(found["rest"], kinds) if found else None
    if isinstance(parsed, ParsedName) and parsed.municipality == municipality:
        item = (parsed.kind, parsed.period)
        if item in set(items(round_)):
            return item
    kind, period = next(items(round_))
    raise Refusal("NOTHING_NAME", example=f"GEEN_{kind}_{municipality}_{period}.txt")
