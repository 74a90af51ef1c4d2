"""What the mail server of the lifecycle test saw of each mail, and what may have come of it.

Does: answers as it is told; holds what arrived against what the ledger and the model say: offered when it was due, to
whom it is for, never after it was sent, twice only when a crash or silence came between.
Touches: a mail server on the loopback interface; reads one world.
Does not: send (lifecycle_steps).
"""

import socket
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.channel.server import CUT, OK, SILENCE, Behaviour, MailServer
from tests.story.lifecycle_look import mail_ids
from tests.story.lifecycle_model import Model, ms
from tests.world import World

LATER, NEVER = "451 4.7.1 greylisted", "550 5.1.1 unknown"
ADDRESSES = {
    "amsterdam": "anna.devries@amsterdam.example",
    "bloemendaal": "bram.jansen@bloemendaal.example",
    "zandvoort": "zoe.bakker@zandvoort.example",
    "operator": "omar.visser@servicedesk.example",
    "@desk": "servicedesk@inlichtingenbureau.nl",
}


@dataclass
class Arrivals:
    """One story's mails at the server. `uncertain`: those of which the gateway could not know that they arrived."""

    server: MailServer
    arrived: Counter[str] = field(default_factory=Counter)
    uncertain: set[str] = field(default_factory=set)
    due: set[str] = field(default_factory=set)
    known: set[str] = field(default_factory=set)

    def prepare(self, world: World, model: Model, answers: Sequence[str]) -> None:
        """Before mails are offered: what is due, and what the server will say to one after the other."""
        self.server.taken.clear()
        self.server.asked.clear()
        self.server.behaviour = Behaviour(data=lambda n: answers[n % len(answers)])
        rows = world.engine.rows("select id, state, next_try_at from notifications")
        self.known = {row["id"] for row in rows}
        self.due = {row["id"] for row in rows if row["state"] == "pending" and row["next_try_at"] <= ms(model.now)}

    def compare(self, world: World, model: Model, *, whole: bool, exact: bool) -> None:
        """After mails were offered. `whole`: the server took every mail it could get; `exact`: the gateway heard every
        answer, else its ledger tells which."""
        offered = self._offered(world)
        assert self.known & set(offered) <= self.due
        assert not whole or self.due <= set(offered)
        called = mail_ids(world)
        state = {row["id"]: row["state"] for row in world.engine.rows("select id, state from notifications")}
        for mail_id, said in offered.items():
            key = called[mail_id]
            assert model.mails[key] == "pending"
            if said == OK:
                self.arrived[mail_id] += 1
                assert self.arrived[mail_id] == 1 or mail_id in self.uncertain
                if exact or state[mail_id] == "sent":
                    model.mails[key] = "sent"
                else:
                    self.uncertain.add(mail_id)
            elif said == NEVER and (exact or state[mail_id] == "failed"):
                model.fail_mail(key)
            elif said in (CUT, SILENCE):
                self.uncertain.add(mail_id)

    def _offered(self, world: World) -> dict[str, str]:
        """By id of a mail what the server answered; none came twice, or to somebody else."""
        found: dict[str, str] = {}
        called = mail_ids(world)
        for taken in self.server.taken:
            mail_id = taken.message["Message-ID"].removeprefix("<").partition("@")[0]
            assert mail_id not in found
            assert taken.recipients == [ADDRESSES[called[mail_id][2]]]
            found[mail_id] = taken.answer
        return found

    def all_there(self, world: World, model: Model) -> None:
        """In the end nothing is pending, and everything that was not refused for ever arrived."""
        assert "pending" not in model.mails.values()
        for mail_id, key in mail_ids(world).items():
            assert model.mails[key] == "failed" or self.arrived[mail_id] >= 1, key
            assert self.arrived[mail_id] <= 1 or mail_id in self.uncertain, key


def closed_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
