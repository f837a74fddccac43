"""A file fetched by https, also from the Hugging Face Hub, within a time and a size."""

from __future__ import annotations

import http.client
import os
import time
from email.message import Message
from typing import IO, Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from second_opinion.errors import UserError, first_line
from second_opinion.models.remote.model_address import HUB, SHA256, THIS_MACHINE, shown

# How long the other side may be silent, and how long the whole may take.
SILENCE_SECONDS = 20
FETCH_SECONDS = 300
MOST_BYTES = 2_000_000_000
PIECE = 1_000_000


def read_web(url: str, where: str = "", token: str = "") -> tuple[bytes, str]:
    """What lies at an address, and the SHA-256 that a Hub says it has; empty where it says none.

    ``where`` is what messages call it. ``token`` goes to that host alone, not where it sends on to.
    `UserError` where nothing comes, or not in time.
    """
    where, redirects = where or url, _Redirects()
    # Only https, and http to this machine, come here: `ModelAddress` has seen to it.
    request = Request(url, headers={"User-Agent": "second-opinion"})  # noqa: S310
    if token:
        request.add_unredirected_header("Authorization", f"Bearer {token}")
    try:
        with build_opener(redirects).open(request, timeout=SILENCE_SECONDS) as response:
            content = _body(response, where)
            linked = redirects.linked or response.headers.get("X-Linked-Etag") or ""
    except HTTPError as error:
        raise UserError(_refused(error.code, where)) from error
    except (TimeoutError, URLError, http.client.HTTPException, OSError) as error:
        reason = getattr(error, "reason", None) or error
        if isinstance(reason, TimeoutError):
            raise UserError(too_late(where, SILENCE_SECONDS)) from error
        raise UserError(
            f"{where} could not be fetched ({first_line(_as_error(reason))}). Check the address, "
            "and that this machine reaches it."
        ) from error
    linked = linked.removeprefix("W/").strip('"').lower()
    return content, linked if SHA256.fullmatch(linked) else ""


def read_hub(text: str) -> tuple[bytes, str]:
    """The file of ``hf://OWNER/REPO[@REVISION]/FILE``; the revision is main unless it is named.

    HF_ENDPOINT is the Hub, HF_TOKEN what opens a private repository. `UserError` where that one
    would go in the open.
    """
    named = HUB.fullmatch(text)
    assert named  # noqa: S101  # `ModelAddress` has seen to it
    hub, token = _hub(), os.environ.get("HF_TOKEN", "")
    revision = quote(named["revision"] or "main", safe="")
    url = f"{hub}/{named['owner']}/{named['repo']}/resolve/{revision}/{quote(named['file'])}"
    return read_web(url, text, token)


def _hub() -> str:
    hub = os.environ.get("HF_ENDPOINT", "").strip().rstrip("/") or "https://huggingface.co"
    parts = urlsplit(hub)
    if parts.scheme == "https" and parts.hostname:
        return hub
    if parts.scheme != "http" or parts.hostname not in THIS_MACHINE:
        raise UserError(
            f"HF_ENDPOINT is {shown(hub)}; expected an address with https://. Correct it, or take "
            "it out."
        )
    if os.environ.get("HF_TOKEN"):
        raise UserError(
            f"HF_ENDPOINT is {shown(hub)}, and HF_TOKEN would be sent there in the open; expected "
            "https://. Correct it, or take out one of the two."
        )
    return hub


def too_late(where: str, seconds: float) -> str:
    """What to say of an address from which nothing came in time."""
    return (
        f"{where} did not come within {seconds:.0f} seconds. Check that this machine reaches it; "
        "it is tried again by itself."
    )


class _Redirects(HTTPRedirectHandler):
    """Follows where a Hub sends on to, never from https to http; keeps what it says of the file."""

    linked = ""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> Request | None:
        self.linked = self.linked or headers.get("X-Linked-Etag", "")
        if req.type == "https" and not newurl.startswith("https:"):
            raise URLError(f"it sends on to {newurl.partition('?')[0]}, which is not https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]


def read_bounded(stream: Any, where: str) -> bytes:
    """What a stream has to its end; `UserError` where that is too large, or comes too slowly.

    ``read`` of the stream takes the most bytes that it gives at a time.
    """
    parts, size, begun = [], 0, time.monotonic()
    while part := stream.read(PIECE):
        parts.append(part)
        size += len(part)
        if size > MOST_BYTES:
            raise UserError(
                f"{where} has more than {MOST_BYTES // 1_000_000:,} MB; expected a model file. "
                "Check the address, or make the model smaller."
            )
        if time.monotonic() - begun > FETCH_SECONDS:
            raise UserError(too_late(where, FETCH_SECONDS))
    return b"".join(parts)


def _body(response: Any, where: str) -> bytes:
    content = read_bounded(response, where)
    expected = response.headers.get("Content-Length")
    if expected and expected.isdigit() and len(content) < int(expected):
        raise UserError(
            f"{where} broke off after {len(content):,} of {int(expected):,} bytes. It is tried "
            "again by itself."
        )
    return content


def _refused(code: int, where: str) -> str:
    if code in (401, 403):
        return (
            f"{where} may not be read by this app (status {code}). Let whoever keeps it allow "
            "that; for a private repository of the Hub, set HF_TOKEN."
        )
    if code in (404, 410):
        return f"{where} is not there (status {code}). Check its spelling, then correct MODEL."
    return f"{where} could not be fetched (status {code}). It is tried again by itself."


def _as_error(reason: object) -> BaseException:
    return reason if isinstance(reason, BaseException) else OSError(str(reason))
