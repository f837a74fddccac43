"""SageMaker's door: `/ping` and `/invocations` alone, without a token.

SageMaker hands on no token: who may call is what its own gate (IAM) says, and nobody else reaches
the port. So each call counts as one of this machine. Never start this where others reach the port.
"""

from __future__ import annotations

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from second_opinion.api.mounting import FirstCall
from second_opinion.models.remote import model_watch
from second_opinion.settings import Settings

PATHS = ("/ping", "/invocations")
# What SageMaker adds would look like a proxy's; these say what the body is.
PASSED = (b"content-type", b"content-length", b"accept")


class SageMakerDoor:
    """Lets calls of two paths through as calls of this machine, and nothing else."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "http" and scope["path"] in PATHS:
            headers = [pair for pair in scope["headers"] if pair[0] in PASSED]
            near = {"client": ("127.0.0.1", 0), "headers": [*headers, (b"host", b"localhost")]}
            await self._app({**scope, **near}, receive, send)
        else:
            refusal = PlainTextResponse("Here are /ping and /invocations alone.", 404)
            await refusal(scope, receive, send)


async def _live(receive: Receive, send: Send) -> None:
    """Begin to fetch the model that MODEL names, if it is an address."""
    await receive()
    model_watch.started(Settings.read())
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


app = SageMakerDoor(FirstCall())
