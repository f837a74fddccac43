"""The routes that `serve.py` adds to the pages. What they need is imported at the first call."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from anyio import to_thread
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from second_opinion.api import json_log, packet_delay
from second_opinion.api.security_headers import SecurityHeaders
from second_opinion.errors import UserError
from second_opinion.settings import Settings


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


@asynccontextmanager
async def lifespan(app: object) -> AsyncIterator[None]:
    """What is set up before the first visitor: the form of the log, answers without delay."""
    json_log.begin(_settings())
    packet_delay.end()
    yield


def middleware() -> list[Middleware]:
    """What every answer passes, of pages and API."""
    return [Middleware(SecurityHeaders, framed_by=_settings().frame_ancestors)]


def _settings() -> Settings:
    try:
        return Settings.read()
    except UserError:
        # The pages say what is wrong with the secrets; the environment counts until then.
        return Settings.without_secrets()


def routes() -> list[BaseRoute]:
    """All that programs may call, beside the pages."""
    api = FirstCall()
    return [Mount("/api", app=api), Route("/invocations", api), Route("/ping", api)]
