"""Each call is counted and logged: its route, status and time. No value of a case, no token."""

from __future__ import annotations

import logging
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from second_opinion.api import call_counts

log = logging.getLogger("second_opinion.calls")

METHODS = frozenset({"GET", "POST", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"})
OTHER = "other"


class CallLog:
    """Counts and logs what passes through it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), 500

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            _note(scope, status, time.perf_counter() - started)


def _note(scope: Scope, status: int, seconds: float) -> None:
    # As the route is written, not as it was called: anybody may call any address.
    route = getattr(scope.get("route"), "path", OTHER)
    method = scope["method"] if scope["method"] in METHODS else OTHER
    call_counts.CALLS.labels(route, method, str(status)).inc()
    if status >= 400:
        call_counts.ERRORS.labels(route, str(status)).inc()
    about = {
        "method": method,
        "route": route,
        "status": status,
        "ms": round(seconds * 1000, 1),
        "caller": scope.get("state", {}).get("caller", ""),
    }
    log.info("%(method)s %(route)s %(status)s in %(ms)s ms", about, extra={"about": about})
