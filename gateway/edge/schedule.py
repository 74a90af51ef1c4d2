"""Schedule: ticks, and nothing but ticks.

Does: calls each given function every so many seconds, in a thread.
Touches: threads of APScheduler.
Does not: know a deadline. What is due is a query of the ledger; a tick that was missed is made up by the next.
"""

from collections.abc import Callable, Mapping

from apscheduler.events import EVENT_JOB_ERROR, JobExecutionEvent
from apscheduler.schedulers.background import BackgroundScheduler


class Ticks:
    """`steps`: name -> (seconds between calls, function). One call at a time per name; late ones are never dropped.

    A step that raises is told as `tick_failed` and called again at its next time.
    """

    def __init__(self, steps: Mapping[str, tuple[float, Callable[[], None]]], tell: Callable[..., None]) -> None:
        self._tell = tell
        self._scheduler = BackgroundScheduler(
            timezone="UTC", job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
        )
        for name, (seconds, step) in steps.items():
            self._scheduler.add_job(step, "interval", seconds=seconds, id=name)

        self._scheduler.add_listener(self._failed, EVENT_JOB_ERROR)

    def _failed(self, event: JobExecutionEvent) -> None:
        self._tell("tick_failed", tick=event.job_id, reason=repr(event.exception), error=True)

    def start(self) -> None:
        """Begin ticking."""
        self._scheduler.start()

    def stop(self) -> None:
        """Stop after the calls at hand."""
        self._scheduler.shutdown(wait=True)
