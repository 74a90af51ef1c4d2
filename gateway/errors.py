"""What can go wrong, in a few words that the whole house shares.

Does: defines the exceptions that cross rooms. A function that meets trouble it cannot answer raises one of these; the
edge turns a `Refusal` into an SFTP status, the cli turns each into an exit code, the intake loop retries `Temporary`.
Touches: nothing.
Does not: hold texts. A refusal carries a code and parameters; `gateway/texts` holds the sentence.
"""

from collections.abc import Sequence
from dataclasses import dataclass

# What a mistake in the code shows itself as. Whoever keeps a thread of the daemon running catches these beside the
# errors below, tells type and place, and goes on: a thread that ended unseen would be an outage.
SURPRISES = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    MemoryError,
    NameError,
    RuntimeError,
    TypeError,
    ValueError,
)


class GatewayError(Exception):
    """Base of everything that is raised on purpose."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in the configuration: `file:line:column: path: what`."""

    file: str
    line: int
    column: int
    path: str
    what: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.path}: {self.what}"


class ConfigError(GatewayError):
    """The configuration cannot be used. Holds every problem at once, so that one look mends all."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


class Refusal(GatewayError):
    """A user asked for what may not be done now. `code` is a key of `texts/*/refusals.yaml`; `params` fill its
    sentence and never hold a value from a payload."""

    def __init__(self, code: str, **params: str | int) -> None:
        self.code = code
        self.params = params
        super().__init__(code)


class Conflict(GatewayError):
    """Another writer was first, or a constraint of the ledger said no. Look again, then decide again."""


class Temporary(GatewayError):
    """The world does not cooperate at this moment (ledger locked, disk full). The same call may succeed later."""


class Undeliverable(GatewayError):
    """The other side took a look and will never take this (a mail server's 5xx). The same again has the same answer."""


class Corrupt(GatewayError):
    """Ledger and folders contradict each other, or stored bytes do not have their checksum. A person must look."""


class WorkerFault(GatewayError):
    """The worker process gave no examination: it died, hung, ran out of memory or answered what is no examination.
    `reason` is a short text for the operator that holds nothing of the payload."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)
