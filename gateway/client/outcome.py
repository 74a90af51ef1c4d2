"""Outcomes: how a delivery or a fetch can end, in words and in exit codes.

Does: names the endings and their exit codes, which are published (docs/scripts.md); carries what is told on the way.
Touches: nothing.
Does not: hold sentences; a key here is a key of texts/*/client.yaml.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from gateway.domain.model import Param
from gateway.errors import GatewayError


class Outcome(StrEnum):
    """How it ended. DONE is a fetch with which nothing is wrong; WRONG one whose reports do not agree."""

    DONE = "done"
    RECEIVED = "received"
    REPEATED = "repeated"
    APPROVED = "approved"
    REJECTED = "rejected"
    WRONG = "wrong"
    USAGE = "usage"
    REFUSED = "refused"
    LATER = "later"
    DENIED = "denied"


EXIT_CODES: dict[Outcome, int] = {
    Outcome.DONE: 0,
    Outcome.RECEIVED: 0,
    Outcome.REPEATED: 0,
    Outcome.APPROVED: 0,
    Outcome.REJECTED: 1,
    Outcome.WRONG: 1,
    Outcome.USAGE: 2,
    Outcome.REFUSED: 3,
    Outcome.LATER: 4,
    Outcome.DENIED: 5,
}
# Of several files the one that needs another run comes first: after that run only what a person must see is left.
WEIGHT = (5, 2, 4, 3, 1, 0)


def exit_code(outcomes: Iterable[Outcome]) -> int:
    """The exit code of a command that ended in all of these."""
    return min((EXIT_CODES[outcome] for outcome in outcomes), key=WEIGHT.index, default=0)


class Stopped(GatewayError):
    """No use to go on: `key` of the texts, what fills its places, and how the command ends."""

    def __init__(self, outcome: Outcome, key: str, **params: Param) -> None:
        self.outcome = outcome
        self.key = key
        self.params = params
        super().__init__(f"{key} {params}")


class Refused(GatewayError):
    """The gateway said no: the code of the refusal, its sentence in both languages, and whether the same request may
    succeed at once (`passing`: the SFTP status was FAILURE, not PERMISSION_DENIED)."""

    def __init__(self, code: str, nl: str, en: str, *, passing: bool) -> None:
        self.code = code
        self.nl = nl
        self.en = en
        self.passing = passing
        super().__init__(code)


Tell = Callable[..., None]


@dataclass(frozen=True, slots=True)
class Watcher:
    """Who looks on. `tell(key, **params)`: a sentence of texts/*/client.yaml; `progress(done, total)`: bytes."""

    tell: Tell
    progress: Callable[[int, int], None]
