"""The daemon: composition root, the only room that names concrete engines and asks the time.

Does: loads the configuration, takes the lock of its role, opens the ledger, recovers, starts the loops, the workers,
the watch and the SFTP door, reloads on SIGHUP or a changed file, and ends in order on SIGTERM or SIGINT.
Touches: everything, once.
Does not: hold policy. A role `sftp` takes files in; `worker` judges and publishes; `all` does both.

The rooms inside: `clock` is legal time; `keys` which identities a role may have; `foundations` what every command
stands on (ledger, context); `locks` who may serve what; `work` the loops, `door` the way in, `systemd` the words spoken
with it; `serve` puts them together.
"""

from gateway.daemon.clock import Clock, Options, sandbox_clock
from gateway.daemon.door import open_door
from gateway.daemon.foundations import (
    InForce,
    ledger_path,
    make_context,
    new_id,
    offline,
    open_ledger,
)
from gateway.daemon.locks import take_lock
from gateway.daemon.serve import serve

__all__ = [
    "Clock",
    "InForce",
    "Options",
    "ledger_path",
    "make_context",
    "new_id",
    "offline",
    "open_door",
    "open_ledger",
    "sandbox_clock",
    "serve",
    "take_lock",
]
