"""Named points: between which two steps of the gateway its process is killed.

Does: `POINTS`: each a function of the gateway and a place in it (before, after, or at the n-th step of a sort inside).
Touches: nothing.
Does not: kill (doomed).
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Point:
    """`place` is module:function. `step` is before, after, or a name of the killer's with a number (`rename 2`), which
    counts inside the function; `when` is then before, after or torn. `nth`: at which call of the function;
    `shared`: also with the default tests."""

    name: str
    place: str
    step: str
    when: str = "before"
    nth: int = 1
    shared: bool = False


LAND = "gateway.store.spool:Spool.land"
RECEIVE = "gateway.workflow.receive:receive"
PLACE = "gateway.store.spool:Spool.place_all"
DECIDE = "gateway.workflow.judge:decide"
SENT = "gateway.workflow.notify:_sent"

POINTS = (
    Point("an upload is opened", "gateway.store.spool:Spool.stage", "after", nth=3),
    Point("CLOSE came, payload not yet fsynced", LAND, "fsync 1", nth=3),
    Point("payload fsynced, facts not yet written", LAND, "fsync 1", "after", nth=2),
    Point("facts half written", LAND, "write 1", "torn", nth=4),
    Point("before the landing's rename", LAND, "rename 2", nth=3),
    Point("after the landing's rename, folder not fsynced", LAND, "rename 2", "after", nth=2, shared=True),
    Point("landed, nobody told yet", LAND, "after", nth=5),
    Point("in the receiving transaction", RECEIVE, "insert 2", "after", nth=2),
    Point("before the receiving COMMIT", RECEIVE, "commit 1", nth=3),
    Point("the receiving COMMIT half written", RECEIVE, "commit 1", "torn", nth=3, shared=True),
    Point("after the receiving COMMIT, nobody answered", RECEIVE, "commit 1", "after", nth=4, shared=True),
    Point("answered, landing half removed", "gateway.store.spool:Spool.clear", "unlink 1", "after", nth=3),
    Point("a working file closed, not yet renamed", "gateway.store.spool:Spool.close_working", "after", nth=2),
    Point("reports half placed", PLACE, "rename 2", "after", nth=2, shared=True),
    Point("reports placed, not yet noted", PLACE, "after", nth=2),
    Point("before the COMMIT of a verdict", DECIDE, "commit 1", nth=2),
    Point("after the COMMIT of a verdict", DECIDE, "commit 1", "after", nth=2),
    Point("a mail claimed, not yet sent", "gateway.store.ledger.mails:claim", "after", nth=2),
    Point("a mail accepted by the server, not yet noted", SENT, "before", nth=2),
    Point("a file claimed from the watch folder", "gateway.store.spool:Spool.claim", "after"),
    Point("a claimed file half copied", "gateway.store.spool:Spool.copy_claim", "write 1", "torn", shared=True),
    Point("a seal of the log half made", "gateway.store.ledger.seals:add", "before"),
    Point("in the recovery of the former death", "gateway.workflow.recover:recover", "after"),
)
