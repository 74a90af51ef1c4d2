"""Faults of the mail server: down, 421, 451, 550, and silence after DATA.

Does: lets a real SMTP server misbehave for the first mails (or for one recipient, for ever), while files are received
and judged as always; then lets it work.
Touches: a rig.
Does not: judge (oracle).
"""

import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.channel.server import CUT, OK, SILENCE, Behaviour
from tests.faults.rig import Outcome, Rig

BAD = 3


def at_first(answer: str) -> Callable[[int], str]:
    """That answer to the first few, OK to all others."""
    return lambda number: answer if number < BAD else OK


def never(answer: str, word: str) -> Callable[[str, int], str]:
    """That answer to every recipient with a word in the address."""
    return lambda address, _number: answer if word in address else OK


BEHAVIOURS: dict[str, Behaviour] = {
    "421": Behaviour(mail=at_first("421 4.3.2 closing")),
    "451": Behaviour(data=at_first("451 4.7.1 greylisted")),
    "550": Behaviour(rcpt=never("550 5.1.1 no such user", "bloemendaal")),
    "hangs after DATA": Behaviour(data=at_first(SILENCE)),
    "cut after DATA": Behaviour(data=at_first(CUT)),
}


def closed_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def down(root: Path) -> Outcome:
    """Nobody listens; then somebody does."""
    with Rig(root) as rig:
        right = rig.server.port

        def port(number: int) -> Callable[[Any], None]:
            return lambda content: content["mail"].update(port=number)

        rig.house.edit("gateway.yaml", port(closed_port()))
        rig.start()
        rig.load(3).join()
        rig.house.wait_event("mail_delayed")
        rig.expect(not rig.server.accepted, "a mail arrived although nobody listened")
        rig.house.edit("gateway.yaml", port(right))
        rig.house.wait_event("configuration_loaded")
        return rig.outcome(1)


def misbehaving(root: Path, how: str) -> Outcome:
    """It answers so at first (550: to one municipality, always)."""
    with Rig(root, behaviour=BEHAVIOURS[how]) as rig:
        rig.house.edit("gateway.yaml", lambda content: content["mail"].update(timeout_seconds=2))
        rig.start()
        rig.load(3).join()
        rig.house.wait_event("mail_failed" if how == "550" else "mail_delayed")
        outcome = rig.outcome(1)
        offered = len(rig.server.taken) - len(rig.server.accepted)
        remark = f"{offered} mails were taken without an OK, and offered again" if offered else outcome.remark
        return replace(outcome, remark=remark)
