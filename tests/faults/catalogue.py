"""Every fault of the rig, and how often it is done.

Does: names the scenes; each takes a folder with a laid-out demo and gives an Outcome.
Touches: nothing.
Does not: run one (table, test_faults).

Sizes: `share` runs with the default tests, `full` with `-m faults` and in the table; `--long` kills 500 times. A scene
without a share is too slow for it, or shows what another of its family shows.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.faults import disks, kills, ledgers, mails, order, workers, worlds
from tests.faults.points import POINTS
from tests.faults.rig import Outcome

Play = Callable[[Path], Outcome]


@dataclass(frozen=True, slots=True)
class Scene:
    """A fault by name, with what is done in which size."""

    name: str
    full: Play
    share: Play | None = None
    long: Play | None = None


# One of each kind: before and in the commit, before the answer, in the outbox, in the mail.
SHARED_POINTS = tuple(point for point in POINTS if point.shared)

HURT: Mapping[str, tuple[str, str]] = {
    "disk full: uploads": ("full", "inbox"),
    "disk full: ledger": ("full", "var"),
    "disk full: reports": ("full", "outbox"),
    "read-only: uploads": ("read-only", "inbox"),
    "read-only: reports": ("read-only", "outbox"),
    "nothing can be written, ledger included": ("nothing", "var"),
}
SHARED_HURT = ("disk full: uploads",)


def _hurt(name: str, times: int) -> Play:
    fault, folder = HURT[name]
    return partial(_play, disks.inside, fault, folder, times)


def _play(scene: Callable[..., Outcome], *arguments: object, **named: object) -> Outcome:
    """Arguments before the folder, which comes last to a Scene and first to its function."""
    *before, root = arguments
    return scene(root, *before, **named)


def _with(scene: Callable[..., Outcome], *arguments: object, **named: object) -> Play:
    return partial(_play, scene, *arguments, **named)


SCENES = (
    Scene(
        "kill -9 at named points",
        _with(kills.named_points, POINTS),
        _with(kills.named_points, SHARED_POINTS),
    ),
    Scene(
        "kill -9 at random moments",
        _with(kills.random_moments, 50),
        _with(kills.random_moments, 3),
        _with(kills.random_moments, 500),
    ),
    Scene("SIGTERM while uploads run", _with(kills.drained, 3), _with(kills.drained, 1)),
    Scene("SIGTERM, an upload never ends", _with(kills.drained, 1, stubborn=True)),
    *(Scene(name, _hurt(name, 3), _hurt(name, 1) if name in SHARED_HURT else None) for name in HURT),
    Scene("ledger read-only at the start", _with(disks.inside, "start", "var", 1)),
    Scene("ledger locked for 30 s", _with(ledgers.locked, 30.0)),
    Scene("ledger damaged, then restored", _with(ledgers.put_back, "damaged"), _with(ledgers.put_back, "damaged")),
    Scene("ledger cut in half, then restored", _with(ledgers.put_back, "cut")),
    Scene("ledger gone, then restored", _with(ledgers.put_back, "gone")),
    Scene("old backup restored", _with(ledgers.put_back, "old")),
    Scene("two gateways on one folder", _with(ledgers.two_gateways, 3)),
    Scene("watch events lost", _with(worlds.lost_events, 200)),
    Scene("the clock jumps", _with(worlds.jumps, 5), _with(worlds.jumps, 2)),
    *(Scene(f"the night of {day}", _with(worlds.night, day)) for day in worlds.NIGHTS),
    Scene("configuration broken and mended", _with(worlds.broken_configuration, 5)),
    Scene("mail server down", _with(mails.down)),
    *(Scene(f"mail server: {how}", _with(mails.misbehaving, how)) for how in mails.BEHAVIOURS),
    *(Scene(f"worker {how}", _with(workers.harmed, how, 5)) for how in workers.HARMS),
    Scene("worker dies of one file, always", _with(workers.held)),
    Scene("order of fsync, rename, commit, reply", _with(order.traced, 200), _with(order.traced, 20)),
)
