"""A loop outlives what its step raises."""

import threading

import pytest

from gateway.errors import SURPRISES, Temporary
from gateway.workflow.loops import Loop


@pytest.mark.parametrize("error", [Temporary("locked"), OSError("disk"), *(kind("999990019") for kind in SURPRISES)])
def test_a_step_that_raises_is_told_and_tried_again_and_its_words_stay_inside(error: Exception) -> None:
    told: list[dict[str, object]] = []
    again = threading.Event()
    calls = iter([error])

    def step() -> None:
        failure = next(calls, None)
        if failure is not None:
            raise failure
        again.set()

    loop = Loop("test", 0.01, step, lambda event, **said: told.append({"event": event, **said}))
    loop.start()
    assert again.wait(10)
    loop.stop()
    assert [line["event"] for line in told] == ["step_failed"]
    assert "999990019" not in str(told)
