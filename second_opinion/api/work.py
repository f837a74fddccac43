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

_limiter: list[CapacityLimiter] = []


async def in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What the work returns; a `CallError` while too many calls wait for their turn."""
    if not _limiter:
        # It belongs to the event loop, which is not there yet when this module is imported.
        _limiter.append(CapacityLimiter(THREADS))
    if _limiter[0].statistics().tasks_waiting >= MOST_WAITING:
        raise CallError(
            HTTPStatus.TOO_MANY_REQUESTS,
            f"{MOST_WAITING} calls wait already. Wait a second, then send it again; several cases "
            "in one call cost little more than one.",
            headers={"Retry-After": "1"},
        )
    return await to_thread.run_sync(lambda: work(*args, **kwargs), limiter=_limiter[0])
