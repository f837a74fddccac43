"""A sentence sent to an address: a webhook (http, https), or an e-mail (smtp, smtps)."""

from __future__ import annotations

import json
import smtplib
import ssl
import time
import urllib.request
from collections.abc import Mapping
from email.message import EmailMessage
from typing import Any
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from second_opinion.errors import UserError

TIMEOUT = 10.0
# Seconds before each further try.
WAITS = (1.0, 5.0)
EXPECTED = (
    "expected https://… of a webhook, or smtp://USER:PASSWORD@HOST:587/?to=you@example.org (smtps "
    "for TLS from the start). Correct the setting NOTIFY_URL."
)


def check(address: str) -> None:
    """Raise `UserError` for an address to which nothing can be sent; it names no secret of it."""
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError as error:
        raise UserError(f"NOTIFY_URL is no address; {EXPECTED}") from error
    is_mail = parts.scheme in ("smtp", "smtps")
    if not is_mail and parts.scheme not in ("http", "https"):
        raise UserError(f"NOTIFY_URL begins with {parts.scheme or 'nothing'}:; {EXPECTED}")
    if not parts.hostname:
        raise UserError(f"NOTIFY_URL names no host; {EXPECTED}")
    if is_mail and not parse_qs(parts.query).get("to"):
        raise UserError(f"NOTIFY_URL names nobody to write to (?to=…); {EXPECTED}")


def send(address: str, text: str, about: Mapping[str, Any]) -> str:
    """Send it, trying three times; empty, or why it could not be sent, without the address."""
    fault = ""
    for wait in (0.0, *WAITS):
        time.sleep(wait)
        try:
            _send_once(address, text, about)
        except UserError as error:
            return str(error)
        except (OSError, smtplib.SMTPException) as error:
            # Its words may hold the address, which may hold a secret.
            fault = type(error).__name__
        else:
            return ""
    return fault


def _send_once(address: str, text: str, about: Mapping[str, Any]) -> None:
    check(address)
    if address.startswith("http"):
        _post(address, {"text": text, **about})
    else:
        _mail(address, text)


def _post(address: str, content: Mapping[str, Any]) -> None:
    request = urllib.request.Request(  # noqa: S310 - `check` allows http and https alone
        address, json.dumps(content).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=TIMEOUT):  # noqa: S310
        pass


def _mail(address: str, text: str) -> None:
    parts = urlsplit(address)
    query = parse_qs(parts.query)
    to = query["to"][0]
    message = EmailMessage()
    message["Subject"] = text.partition(".")[0].replace("\n", " ")[:120]
    message["To"], message["From"] = to, query.get("from", [to])[0]
    message.set_content(text)
    with _server(parts) as server:
        if parts.username:
            server.login(unquote(parts.username), unquote(parts.password or ""))
        server.send_message(message)


def _server(parts: SplitResult) -> smtplib.SMTP:
    """The mail server, over TLS where it offers that, with its certificate verified."""
    host, port, trusted = str(parts.hostname), parts.port or 0, ssl.create_default_context()
    if parts.scheme == "smtps":
        return smtplib.SMTP_SSL(host, port, timeout=TIMEOUT, context=trusted)
    server = smtplib.SMTP(host, port, timeout=TIMEOUT)
    server.ehlo()
    if server.has_extn("starttls"):
        server.starttls(context=trusted)
        server.ehlo()
    elif parts.username:
        server.close()
        raise UserError(
            "The mail server of NOTIFY_URL offers no TLS, and the password was not sent; expected "
            "a server that does. Use smtps, or an address without a password."
        )
    return server
