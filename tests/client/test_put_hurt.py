"""`gateway put` over a line that breaks and to a gateway that dies: exactly one drop, and the sender knows it.

Does: cuts, mutes and kills at chosen moments, through a relay that keeps the gateway's address while it moves.
Touches: a gateway in a sandbox.
Does not: sleep; a cut follows an event.
"""

import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.client.outcome import Outcome, Stopped, Watcher
from gateway.client.patience import Clock, Patience
from gateway.client.put import deliver, parcel
from gateway.client.session import Line, Server
from gateway.domain.model import Param
from gateway.errors import Temporary
from tests.client.municipality import CODE, Municipality, told
from tests.client.relay import Relay
from tests.house import COMMAND
from tests.samples import wmo_csv

SHORT = Clock(time.monotonic, lambda seconds: time.sleep(min(seconds, 0.05)), lambda: 0.0)


@pytest.fixture
def relay(own_town: Municipality) -> Iterator[Relay]:
    """Between the municipality and its gateway, which may be restarted at another port."""
    with Relay(lambda: own_town.gateway.port if own_town.gateway.process.poll() is None else None) as between:
        own_town.port = between.port
        yield between


def server(town: Municipality) -> Server:
    """Where this municipality goes."""
    return Server("127.0.0.1", town.port, town.login, town.known_hosts, town.gateway.key(town.login))


def large(town: Municipality) -> Path:
    """A file of many writes."""
    return town.file(body=wmo_csv(6000, CODE))


def test_a_gateway_killed_during_the_upload_and_restarted_gets_exactly_one_drop(
    own_town: Municipality, relay: Relay
) -> None:
    gateway, path = own_town.gateway, large(own_town)
    reached = threading.Event()
    relay.watch = lambda passed: reached.set() if passed > 100_000 else None
    putting = subprocess.Popen(
        [str(COMMAND), "put", "--json", "--timeout", "60", str(path)],
        env=own_town.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert reached.wait(30)
    gateway.kill()
    assert gateway.drops() == []
    gateway.start()
    said, errors = putting.communicate(timeout=60)
    assert putting.returncode == 0, errors
    (drop,) = gateway.drops()
    assert drop.short_id in said
    assert drop.file.size == path.stat().st_size
    assert "Trying again" in errors


def test_an_answer_lost_during_the_rename_is_found_as_a_receipt_and_not_sent_again(
    own_town: Municipality, relay: Relay
) -> None:
    gateway, path = own_town.gateway, own_town.file()
    requests: list[int] = []

    def cut_when_received() -> None:
        gateway.wait_event("received")
        relay.cut()

    cutter = threading.Thread(target=cut_when_received)

    def watch(passed: int) -> None:
        requests.append(passed)
        # After the last write come the CLOSE of the working file and the rename; the rename's answer is kept away.
        if len(requests) == 2:
            relay.mute()
            cutter.start()

    def progress(done: int, total: int) -> None:
        if done == total:
            relay.watch = watch

    keys: list[str] = []

    def tell(key: str, **_params: Param) -> None:
        keys.append(key)

    with Line(server(own_town), tell) as line:
        sent = parcel(path, None)
        patience = Patience(SHORT, time.monotonic() + 30)
        _, receipt = deliver(line, sent, patience, Watcher(tell, progress))
    cutter.join()
    (drop,) = gateway.drops()
    assert (receipt.drop_id, receipt.outcome) == (drop.short_id, Outcome.RECEIVED)
    assert keys.count("client.sending") == 1
    assert relay.connections == 2


def test_a_cut_in_the_middle_leaves_no_drop_and_no_half_file(own_town: Municipality, relay: Relay) -> None:
    gateway, path = own_town.gateway, large(own_town)
    cuts = iter((60_000, 200_000))
    next_cut = [next(cuts)]

    def watch(passed: int) -> None:
        if next_cut and passed > next_cut[0]:
            next_cut[:] = list(cuts)[:1]
            relay.cut()

    relay.watch = watch
    answer = told(own_town.put("--json", path))
    (drop,) = gateway.drops()
    assert (answer["exit_code"], answer["files"][0]["drop_id"]) == (0, drop.short_id)
    assert relay.connections == 3
    with gateway.paramiko("amsterdam") as sftp:
        left = [name for name in sftp.listdir(f"/{CODE}/inbox") if name.endswith(".filepart")]
    assert left == []


def test_nobody_there_ends_as_try_again_later(own_town: Municipality) -> None:
    own_town.gateway.stop()
    answer = own_town.run(COMMAND, "put", "--timeout", "0.5", own_town.file())
    assert answer.returncode == 4
    assert "Probeer het later opnieuw" in answer.stderr


def test_a_silent_gateway_ends_when_time_is_up(own_town: Municipality) -> None:
    with Relay(lambda: None) as dead:
        own_town.port = dead.port
        with Line(server(own_town), lambda *_a, **_k: None) as line:
            patience = Patience(SHORT, time.monotonic() + 0.3)
            watcher = Watcher(lambda *_a, **_k: None, lambda _d, _t: None)
            with pytest.raises(Temporary):
                deliver(line, parcel(own_town.file(), None), patience, watcher)
    assert own_town.gateway.drops() == []


def test_a_file_that_changes_while_it_is_sent_is_not_delivered(own_town: Municipality) -> None:
    own_town.port = own_town.gateway.port
    path = own_town.file()
    with Line(server(own_town), lambda *_a, **_k: None) as line:
        wanted = parcel(path, None)
        path.write_bytes(path.read_bytes() + b"more\n")
        watcher = Watcher(lambda *_a, **_k: None, lambda _d, _t: None)
        with pytest.raises(Stopped) as stopped:
            deliver(line, wanted, Patience(SHORT, time.monotonic() + 10), watcher)
    assert stopped.value.outcome is Outcome.LATER
    assert own_town.gateway.drops() == []
    with own_town.gateway.paramiko("amsterdam") as sftp:
        assert sftp.listdir(f"/{CODE}/inbox") == ["proef"]
