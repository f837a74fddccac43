"""The gate of `serve.py`: uploads are refused before their bytes are read."""

from __future__ import annotations

import re
from typing import Final

from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit import config

from second_opinion.ui import uploads

UPLOAD: Final = re.compile(r".*/_stcore/upload_file/([^/]+)/[^/]+")
# Bytes that a form has around its file, at most.
AROUND: Final = 10_000


class UploadGate:
    """Lets an upload pass that comes from a session with a role, as far as there is room for it.

    Everything else passes untouched. A request that does not say how long it is counts as the
    largest.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not _brings_a_file(scope):
            await self._app(scope, receive, send)
            return
        try:
            session, size = _session(scope), _size(scope)
            kept = uploads.of_this_process()
            if kept is None:
                raise HTTPException(403, uploads.NO_ROLE)
            with kept.coming(session, size):
                await self._app(scope, receive, send)
        except HTTPException as refusal:
            response = PlainTextResponse(
                refusal.detail, refusal.status_code, headers={"Connection": "close"}
            )
            await response(scope, receive, send)


def _brings_a_file(scope: Scope) -> bool:
    if scope["type"] != "http" or scope["method"] in ("GET", "HEAD", "OPTIONS", "DELETE"):
        return False
    return "/upload_file" in scope["path"]


def _session(scope: Scope) -> str:
    match = UPLOAD.fullmatch(scope["path"])
    if match is None:
        raise HTTPException(404, "There is nothing here that takes a file.")
    return match[1]


def _size(scope: Scope) -> int:
    lengths = [value for name, value in scope["headers"] if name == b"content-length"]
    if lengths and lengths[0].isdigit():
        return max(int(lengths[0]) - AROUND, 0)
    most: int = config.get_option("server.maxUploadSize")
    return most * 2**20
