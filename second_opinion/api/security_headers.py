"""What every answer of `serve.py` tells a browser not to do."""

from __future__ import annotations

from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Where an app like this is shown in a frame: Spaces, notebooks (also those of an editor), hosts.
FRAMED_BY: Final = (
    *("'self'", "http://localhost:*", "http://127.0.0.1:*", "vscode-webview:"),
    *("https://huggingface.co", "https://*.huggingface.co", "https://*.hf.space"),
    *("https://colab.research.google.com", "https://*.googleusercontent.com"),
    *("https://*.kaggle.com", "https://*.databricks.com", "https://*.azuredatabricks.net"),
    *("https://*.databricksapps.com", "https://*.sagemaker.aws", "https://*.streamlit.app"),
)
# Streamlit makes code and styles while it runs, charts among them; nothing comes from elsewhere but
# the pictures that who uploaded a file has allowed.
POLICY: Final = {
    "default-src": "'self'",
    "script-src": "'self' 'unsafe-inline' 'unsafe-eval' 'wasm-unsafe-eval' blob: data:",
    "style-src": "'self' 'unsafe-inline' blob: data:",
    "img-src": "'self' data: blob: https:",
    "font-src": "'self' data:",
    "media-src": "'self' data: blob:",
    "connect-src": "'self' ws: wss: data: blob:",
    "worker-src": "'self' blob:",
    "frame-src": "'self' data: blob:",
    "object-src": "'none'",
    "base-uri": "'self'",
    "form-action": "'self'",
}


class SecurityHeaders:
    """Adds them to each answer; ``framed_by`` are further addresses that may show it in a frame."""

    def __init__(self, app: ASGIApp, framed_by: str = "") -> None:
        self._app = app
        ancestors = " ".join([*FRAMED_BY, *framed_by.replace(",", " ").split()])
        policy = "; ".join(f"{name} {value}" for name, value in POLICY.items())
        self._headers = {
            "X-Content-Type-Options": "nosniff",
            # The address of a page may name a case.
            "Referrer-Policy": "same-origin",
            "Content-Security-Policy": f"{policy}; frame-ancestors {ancestors}",
            "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=()",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, with_headers)
