"""The routes that `serve.py` adds to the pages. What they need is imported at the first call."""

from __future__ import annotations

import threading

from anyio import to_thread
from starlette.routing import BaseRoute, Mount
from starlette.types import ASGIApp, Receive, Scope, Send


class FirstCall:
    """An application that is made when it is first called: a visitor of the pages, who may be the
    only one, does not wait for what they do not use."""

    def __init__(self) -> None:
        self._made: ASGIApp | None = None
        self._lock = threading.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # A mount takes its prefix away; the routes have their full paths.
        scope = {**scope, "root_path": scope.get("app_root_path", "")}
        app = self._made
        if app is None:
            app = await to_thread.run_sync(self._application)
        await app(scope, receive, send)

    def _application(self) -> ASGIApp:
        with self._lock:
            if self._made is None:
                from second_opinion.api.application import application

                self._made = application()
            return self._made


def routes() -> list[BaseRoute]:
    """All that programs may call, beside the pages."""
    return [Mount("/api", app=FirstCall())]
