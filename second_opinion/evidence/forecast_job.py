"""The planner at work in a thread, which knows no page; one study at a time in a process."""

from __future__ import annotations

from concurrent.futures import CancelledError, Future, ThreadPoolExecutor

from second_opinion.statistics import planner
from second_opinion.statistics.planner import Forecast, PlannedStudy

# It takes all of a core for some seconds.
_workers = ThreadPoolExecutor(1, thread_name_prefix="forecast")


class ForecastJob:
    """What is foreseen of a study: the ``share`` of the work that is done, then the result."""

    def __init__(self, study: PlannedStudy) -> None:
        self.share = 0.0
        self._is_cancelled = False
        self._future: Future[Forecast] = _workers.submit(planner.forecast, study, self._heard)

    @property
    def is_running(self) -> bool:
        return not self._future.done()

    def cancel(self) -> None:
        """Give it up; nothing of it is kept."""
        self._is_cancelled = True
        self._future.cancel()

    def result(self, seconds: float | None = None) -> Forecast | None:
        """What is foreseen, None where it was given up; waits until then, or so long."""
        try:
            return self._future.result(seconds)
        except CancelledError:
            return None

    def _heard(self, share: float) -> None:
        if self._is_cancelled:
            raise CancelledError
        self.share = share
