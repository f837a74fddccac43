"""Who calls, and what that program may do: by its token, or because it runs on this machine."""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from second_opinion.access import api_tokens, direct_call, roles
from second_opinion.access.access_rules import AccessRules, folded_name
from second_opinion.access.api_tokens import ApiToken
from second_opinion.api.problem_json import CallError
from second_opinion.errors import UserError, log
from second_opinion.records.expert import Expert
from second_opinion.settings import Settings
from second_opinion.store import Store

NAMELESS = "A program on this machine"
CLOSED = (
    "This app is closed until its secrets file is mended. Whoever runs it reads where in its log, "
    "or with `python -m second_opinion doctor`."
)
HOW = "Send it as the header `Authorization: Bearer TOKEN`."

bearer = HTTPBearer(
    auto_error=False,
    description="A token of the setting `API_TOKENS`. Without any token set, the programs of this "
    "machine call without one.",
)
Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]


def settings_now() -> Settings:
    """The settings of this moment; a `CallError` where they cannot be read."""
    try:
        return Settings.read()
    except UserError as error:
        raise _closed(error) from error


def caller(request: Request, credentials: Credentials) -> Expert:
    """Who calls; a `CallError` for who may not."""
    settings = settings_now()
    try:
        tokens = [*api_tokens.of_settings(settings), *_made(settings)]
    except UserError as error:
        raise CallError(HTTPStatus.SERVICE_UNAVAILABLE, str(error)) from error
    if not tokens:
        return _neighbour(request, settings)
    if credentials is None:
        raise _unknown(
            f"This call has no token; expected one of API_TOKENS, or one that the owner made. {HOW}"
        )
    person = api_tokens.holder(credentials.credentials, tokens)
    if person is None:
        raise _unknown("The token is not right; expected one of API_TOKENS. Check it.")
    request.state.caller = person.label
    names = frozenset({folded_name(person.expert_key)})
    return replace(person, hidden_models=rules_now().hidden_from(names))


def rules_now() -> AccessRules:
    """Who may sign in and use which model; a `CallError` where that cannot be meant."""
    try:
        return AccessRules.read()
    except UserError as error:
        raise _closed(error) from error


def _closed(error: UserError) -> CallError:
    """What whoever calls may read of a fault of the secrets: it names paths and people."""
    log.error("%s", error)
    return CallError(HTTPStatus.SERVICE_UNAVAILABLE, CLOSED)


def _made(settings: Settings) -> list[ApiToken]:
    """The tokens that an owner made; none while there is no database yet."""
    if not Path(settings.feedback_db).exists():
        return []
    return Store.open(settings.feedback_db).made_tokens.in_use()


def _neighbour(request: Request, settings: Settings) -> Expert:
    """The program of this machine that calls while no token is set."""
    address = request.client.host if request.client else None
    if settings.is_shared or not direct_call.is_direct(address, request.headers.items()):
        raise CallError(
            HTTPStatus.FORBIDDEN,
            "No token is set, so that only programs on the machine of this app may call, directly, "
            "and while no code, login or PUBLIC says that others reach it. Set API_TOKENS to "
            "name:token, then send that token.",
        )
    return Expert(NAMELESS, role="owner")


def _unknown(detail: str) -> CallError:
    return CallError(HTTPStatus.UNAUTHORIZED, detail, headers={"WWW-Authenticate": "Bearer"})


def may(person: Expert, what: str) -> None:
    """A `CallError` unless the program may do this, by the table of the pages."""
    try:
        roles.check(person, what)
    except UserError as error:
        raise CallError(HTTPStatus.FORBIDDEN, str(error)) from error


Caller = Annotated[Expert, Depends(caller)]
