"""Keys: which identities a role may have, and whether they open what lies in the ledger.

Does: gives the sealing of a process, refuses what must not be; says what is out of reach.
Touches: identity files; the ledger, reading.
Does not: seal or open (store.sealing), or make an identity.

The role sftp faces the network: it seals with public keys, and nothing that it has opens what is sealed.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from gateway.config import Configuration
from gateway.domain.model import Role
from gateway.errors import Corrupt, GatewayError, Problem
from gateway.store.sealing import Sealing, sealing
from gateway.workflow import payloads
from gateway.workflow.context import Context
from gateway.workflow.recover import Difference

CURE = (
    "put the identity back from where it is kept (sealing.identity_file, old_identity_files); if it is lost, so is "
    "what was sealed to it alone, and the municipalities must deliver again"
)


def sealing_of(configuration: Configuration, role: str, identity: Path | None = None) -> Sealing:
    """What a process of a role seals and opens with. `identity` takes the place of sealing.identity_file. GatewayError
    when the role must not have an identity and has one, or needs one and has none that fits."""
    section = configuration.settings.sealing
    own = identity or section.identity_file
    files = [*([own] if own is not None else []), *section.old_identity_files]
    if role == "sftp":
        if files:
            raise GatewayError(
                "the role sftp must not be able to read what it takes in: leave sealing.identity_file and "
                "old_identity_files out of its gateway.yaml. Where both roles share one, give the worker its identity "
                "with `gateway serve --role worker --identity FILE`"
            )
        if section.recipients and configuration.settings.push is None:
            _refuse_plain_assessors(configuration)
        return Sealing(section.recipients)
    if section.recipients and not files:
        raise GatewayError(
            f"sealing.recipients is set and the role {role} has no identity to open with: name one in "
            "sealing.identity_file or with --identity (gateway keygen makes one)"
        )
    found = sealing(section.recipients, files)
    if section.recipients and found.publics.isdisjoint(section.recipients):
        raise GatewayError(
            "none of the identities belongs to sealing.recipients: what comes in could be read by nobody. The public "
            f"keys of the identities are {', '.join(sorted(found.publics))}"
        )
    return found


def _refuse_plain_assessors(configuration: Configuration) -> None:
    for login, account in configuration.participants.accounts.items():
        if Role.ASSESSOR in account.roles and not account.age_recipient:
            raise GatewayError(
                f"`{login}` fetches data files over SFTP, and the role sftp cannot open them: give the account an "
                "age_recipient, so that the worker seals them to it"
            )


def check_reach(ctx: Context) -> int:
    """How many payloads no identity here opens. Corrupt when one of them still waits for its verdict."""
    lost, waiting = payloads.out_of_reach(ctx)
    if waiting:
        raise Corrupt(f"{waiting} uploads wait for a verdict and are sealed to a key that is not here: {CURE}")
    return lost


def remarks(configuration: Configuration) -> Iterator[Problem]:
    """What is to be said of the keys besides what the configuration itself shows."""
    section = configuration.settings.sealing
    what = None
    if section.recipients and section.identity_file is None:
        what = "no identity_file: fit for the role sftp; any other role needs `gateway serve --identity FILE`"
    elif section.identity_file is not None:
        try:
            sealing_of(configuration, "worker")
        except GatewayError as error:
            what = str(error)
        else:
            if not section.recipients:
                what = "identity_file without recipients: what comes in is not sealed"
    if what is not None:
        yield Problem("gateway.yaml", 1, 1, "sealing", what)


def differences(ctx: Context, configuration: Configuration) -> list[Difference]:
    """What lies in the ledger and cannot be opened, or should be sealed and is not."""
    section = configuration.settings.sealing
    found = []
    plain = payloads.unsealed(ctx) if section.recipients else 0
    if plain:
        found.append(
            Difference("uploads not sealed, from before sealing: gateway reseal", f"{plain} files", False, "UNSEALED")
        )
    if section.identity_file is None:
        return found
    try:
        lost, _ = payloads.out_of_reach(replace(ctx, sealing=sealing_of(configuration, "worker")))
    except GatewayError as error:
        return [*found, Difference(str(error), "sealing", mends=False, code="IDENTITY")]
    if lost:
        found.append(
            Difference(f"uploads sealed to a key that is not here: {CURE}", f"{lost} files", False, "OUT_OF_REACH")
        )
    return found
