"""Where the work of a call is done: in threads, few at a time, so that pages go on meanwhile."""

from __future__ import annotations

import os
from collections.abc import Callable
from http import HTTPStatus
from typing import ParamSpec, TypeVar

from anyio import CapacityLimiter, to_thread

from second_opinion.api.problem_json import CallError

P = ParamSpec("P")
T = TypeVar("T")

THREADS = 4 + (os.cpu_count() or 1)
MOST_WAITING = 200

# Probes have threads of their own: who asks whether the app lives must not wait behind its work.
PROBES = 2

# They belong to the event loop, which is not there yet when this module is imported.
_limiters: dict[str, CapacityLimiter] = {}


def _limiter(name: str, threads: int) -> CapacityLimiter:
    if name not in _limiters:
        _limiters[name] = CapacityLimiter(threads)
    return _limiters[name]


async def in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What the work returns; a `CallError` while too many calls wait for their turn."""
    limiter = _limiter("calls", THREADS)
    if limiter.statistics().tasks_waiting >= MOST_WAITING:
        raise CallError(
            HTTPStatus.TOO_MANY_REQUESTS,
            f"{MOST_WAITING} calls wait already. Wait a second, then send it again; several cases "
            "in one call cost little more than one.",
            headers={"Retry-After": "1"},
        )
    return await to_thread.run_sync(lambda: work(*args, **kwargs), limiter=limiter)


async def probed(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What a probe returns, in a thread that no call and no probe of another kind takes."""
    limiter = _limiter(work.__name__, PROBES)
    return await to_thread.run_sync(lambda: work(*args, **kwargs), limiter=limiter)
