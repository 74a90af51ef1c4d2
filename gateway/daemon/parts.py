"""Parts: what runs beside the event loop.

Does: starts a part now and stops it when the stack unwinds.
Touches: nothing by itself.
Does not: know what a part does.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar

Tell = Callable[..., None]


class Part(Protocol):
    """Something that runs beside the event loop."""

    def start(self) -> None:
        """Begin."""

    def stop(self) -> None:
        """End in order."""


PartT = TypeVar("PartT", bound=Part)


@contextmanager
def running(part: PartT) -> Iterator[PartT]:
    """Start something now, stop it when the stack unwinds."""
    part.start()
    try:
        yield part
    finally:
        part.stop()
