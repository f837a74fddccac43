"""How long a model takes: for one case, and for each further one in the same call."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# A model that takes longer for one case is not asked for more to find out how it goes on.
SLOW = 0.5
# Seconds: a time under the first is not measured again, nor is a model for more than the second.
WORTH_REPEATING, ENOUGH = 0.01, 1.0
REPEATS = 5
# What an answer took is believed beyond this: below, code may have been loaded meanwhile.
BELIEVED = 3.0
MOST_TRIED = 32
# So many cases at once that take less than this times as long as one tell nothing of a case's cost.
HARDLY_LONGER = 1.5


@dataclass(frozen=True)
class Pace:
    """Seconds for a single case, and for each further one; ``first`` is what an answer takes."""

    first: float
    further: float

    def seconds_for(self, cases: int) -> float:
        """How long so many cases in one call will take, in seconds."""
        return self.first + self.further * max(cases - 1, 0)


def pace_of(ask: Callable[[Sequence[Mapping[str, Any]]], Any], case: Mapping[str, Any]) -> Pace:
    """Time one case, then as many as fit into half a second at that rate, 32 at most.

    A model that computes many cases at once takes little longer for 32 than for one; one that goes
    case by case takes 32 times as long.
    """
    first = _seconds(ask, [case])
    if first > SLOW:
        return Pace(first, first)
    further = max(1, min(MOST_TRIED, int(SLOW / max(first, 1e-6))))
    longer = _seconds(ask, [case] * (1 + further))
    # Hardly longer: what a few more cases cost is lost in the noise, and many more are no risk.
    if further < MOST_TRIED and longer < HARDLY_LONGER * first:
        further = MOST_TRIED
        longer = _seconds(ask, [case] * (1 + further))
    return Pace(first, max(longer - first, 0.0) / further)


def _seconds(ask: Callable[[Sequence[Mapping[str, Any]]], Any], cases: Any) -> float:
    """The shortest of up to five times, of about a second together: a machine may be busy."""
    times = [_seconds_once(ask, cases)]
    while len(times) < REPEATS and times[-1] > WORTH_REPEATING and sum(times) < ENOUGH:
        times.append(_seconds_once(ask, cases))
    return min(times)


def _seconds_once(ask: Callable[[Sequence[Mapping[str, Any]]], Any], cases: Any) -> float:
    started = time.perf_counter()
    ask(cases)
    return time.perf_counter() - started
