"""Every real client makes the whole journey.

Does: one gateway for all; each client is a test. Marked `clients`: the programs must be installed, as .ci/run
does.
Touches: loopback, a temporary folder.
Does not: write the table; that is `python -m tests.clients.table`.
"""

import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from tests.clients.clients import CLIENTS, Client
from tests.clients.journey import Journey
from tests.clients.stage import Stage, stage

pytestmark = [pytest.mark.clients, pytest.mark.xdist_group("clients"), pytest.mark.timeout(600)]
# Clients that end with status 0 although the gateway refused the file at CLOSE: the table names them.
HIDES_A_FAILED_CLOSE = frozenset({"PuTTY pscp", "curl"})
# The others need compilers or a language of their own: they travel when asked for (-m slow).
SHARE = (
    "OpenSSH sftp",
    "OpenSSH scp",
    "PuTTY psftp",
    "lftp, temporary names",
    "rclone",
    "curl",
    "paramiko",
    "asyncssh",
)
numbers = itertools.count(1)


@pytest.fixture(scope="module")
def share(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A stage for clients that are installed."""
    with stage(tmp_path_factory.mktemp("clients"), compiled=False) as made:
        yield made


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A stage for clients that must be built as well."""
    with stage(tmp_path_factory.mktemp("clients"), compiled=True) as made:
        yield made


def named(names: Iterable[str]) -> list[object]:
    """The clients of these names, as parameters."""
    return [pytest.param(client, id=client.name) for client in CLIENTS if client.name in names]


def travel(client: Client, on: Stage, folder: Path) -> None:
    """The whole journey, every step true, every failure told."""
    steps = Journey(client, on.place(client), on.gateway, folder, next(numbers)).travel()
    wrong = [step for step in steps if not step.true]
    if client.name in HIDES_A_FAILED_CLOSE:
        assert [step.name for step in wrong] == ["refused at CLOSE"]
    else:
        assert not wrong
    refused = ("missing file", "refused at CLOSE")
    assert all(step.ended.ok for step in steps if step.true and step.name not in refused)


@pytest.mark.parametrize("client", named(SHARE))
def test_the_whole_journey_is_checked(client: Client, share: Stage, tmp_path: Path) -> None:
    travel(client, share, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("client", named({client.name for client in CLIENTS} - set(SHARE)))
def test_the_whole_journey_of_others_is_checked(client: Client, everything: Stage, tmp_path: Path) -> None:
    travel(client, everything, tmp_path)
