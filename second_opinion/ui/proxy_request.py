"""What the proxy in front says of this connection: who is here, and the token of that person.

The token is read where it is used: it is in no state, log or message.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import streamlit as st
from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from second_opinion.access.execute_right import may_execute
from second_opinion.access.trusted_header import TrustedHeader
from second_opinion.errors import UserError
from second_opinion.models.remote.model_address import ModelAddress, is_address
from second_opinion.settings import Settings

# Of Databricks Apps, once user authorization is on for the app.
TOKEN = "x-forwarded-access-token"  # noqa: S105 - the name of a header


def claims(header: TrustedHeader) -> dict[str, Any]:
    """What the header says of who is here; `UserError` where it is not to be believed."""
    return header.claims(_peer(), headers())


def closed_models(settings: Settings) -> frozenset[str]:
    """The names here of the models that Unity Catalog closes to who is here."""
    closed = _closed_model(settings)
    return frozenset({closed.name} if closed else ())


def model_refusal(settings: Settings) -> str:
    """What opens the model of MODEL, where Unity Catalog closes it to who is here; empty if not."""
    closed = _closed_model(settings)
    if closed is None:
        return ""
    return (
        "Unity Catalog does not say that you may use the model of this app: ask for EXECUTE on "
        f"{closed.in_unity_catalog}."
    )


def _closed_model(settings: Settings) -> ModelAddress | None:
    """The model of MODEL, where Unity Catalog does not say that who is here may EXECUTE it.

    For people whom a trusted header names alone. None where it may be used, or is from elsewhere.
    """
    host = os.environ.get("DATABRICKS_HOST", "")
    if not host or not settings.trusted_header or not is_address(settings.model):
        return None
    try:
        address = ModelAddress.read(settings.model)
    except UserError:
        # The page says what is wrong with it.
        return None
    full_name = address.in_unity_catalog
    if not full_name or may_execute(host, full_name, _token()):
        return None
    return address


def _token() -> str:
    sent = [value for name, value in headers() if name.lower() == TOKEN]
    return sent[0].strip() if len(sent) == 1 else ""


def headers() -> Iterator[tuple[str, str]]:
    """Every header of this connection with its value; one that came twice stands there twice."""
    sent = st.context.headers
    return ((name, value) for name in sent for value in sent.get_all(name))


def _peer() -> str | None:
    """The peer's address. That of `st.context` is None for this machine and for none at all."""
    run = get_script_run_ctx()
    client = runtime.get_instance().get_client(run.session_id) if run else None
    context = client.client_context if client else None
    return context.remote_ip if context else None
