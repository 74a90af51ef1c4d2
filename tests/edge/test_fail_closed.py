"""The session fails closed: what it does not answer itself never reaches the disk.

asyncssh's own SFTPServer serves the real file system. A request that the session forgets, or a handler that does not
know the session, must end in a refusal there and not in a listing of `/`.
"""

import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import asyncssh
import pytest
from asyncssh.sftp import SFTPAttrs

from gateway.edge.sftp import wire
from gateway.edge.sftp.house import House
from gateway.edge.sftp.listing import Recent
from gateway.edge.sftp.session import Session
from gateway.workflow.intake import Intake
from tests.world import MONDAY, World, silent


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    world = World(tmp_path).open("amsterdam")
    ctx = world.ctx
    intake = Intake(ctx, rescan_seconds=60, received=lambda: None, tell=silent)
    house = House(ctx, intake, Recent(lambda: 0.0), silent, lambda: 0.0, (), lambda: MONDAY)
    yield Session(cast(Any, None), house, ctx.configuration().participants.accounts["amsterdam"], "127.0.0.1")
    world.close()


def test_the_handlers_know_the_session(session: Session) -> None:
    told: wire.Told = session
    assert isinstance(told, wire.Told)


ARGUMENTS: dict[str, tuple[object, ...]] = {
    "open": (b"/etc/hostname", asyncssh.FXF_READ, SFTPAttrs()),
    "open56": (b"/etc/hostname", 1, 0, SFTPAttrs()),
    "lstat": (b"/etc/hostname",),
    "stat": (b"/etc/hostname",),
    "setstat": (b"/etc/hostname", SFTPAttrs()),
    "lsetstat": (b"/etc/hostname", SFTPAttrs()),
    "scandir": (b"/etc",),
    "remove": (b"/nowhere/at/all",),
    "mkdir": (b"/nowhere/at/all", SFTPAttrs()),
    "rmdir": (b"/nowhere/at/all",),
    "realpath": (b"/etc/../etc",),
    "rename": (b"/nowhere/at/all", b"/nowhere/else"),
    "posix_rename": (b"/nowhere/at/all", b"/nowhere/else"),
    "readlink": (b"/proc/self/exe",),
    "symlink": (b"/etc/hostname", b"/nowhere/at/all"),
    "link": (b"/etc/hostname", b"/nowhere/at/all"),
    "statvfs": (b"/",),
}


async def ask(method: Callable[..., Any], *arguments: object) -> None:
    """Call an inherited method to its end, whether it is a function, a coroutine or a generator."""
    result = method(*arguments)
    if inspect.isasyncgen(result):
        async for _ in result:
            pass
    elif inspect.isawaitable(result):
        await result


@pytest.mark.parametrize("name", ARGUMENTS)
async def test_the_inherited_answer_to_a_path_is_a_refusal(session: Session, name: str) -> None:
    with pytest.raises(asyncssh.SFTPError):
        await ask(getattr(asyncssh.SFTPServer, name), session, *ARGUMENTS[name])


def test_no_request_with_a_path_is_forgotten() -> None:
    taking_a_path = {
        name
        for name, method in inspect.getmembers(asyncssh.SFTPServer, inspect.isfunction)
        if {"path", "oldpath"} & set(inspect.signature(method).parameters)
    }
    assert taking_a_path - set(ARGUMENTS) == {"map_path", "reverse_map_path"}
