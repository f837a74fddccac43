"""GET /api/health and /api/ready: which models loaded, and whether the store answers."""

from __future__ import annotations

from http import HTTPStatus
from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from second_opinion.access import roles
from second_opinion.api.asked_cases import Models
from second_opinion.api.caller import Credentials, caller
from second_opinion.api.problem_json import CallError
from second_opinion.api.work import probed
from second_opinion.errors import UserError
from second_opinion.models.catalog import Entry
from second_opinion.records.expert import Expert
from second_opinion.settings import Settings
from second_opinion.store import Store

State = Literal["ok", "problem"]

router = APIRouter(tags=["health"])


class ModelHealth(BaseModel):
    """Whether a version was loaded here."""

    name: str
    version: str
    loaded: bool = Field(description="Whether it is in memory; the first case loads it.")
    problem: str = Field("", description="Why it did not load, or what is wrong with its card.")


class Health(BaseModel):
    """What works. Models and reasons are told only to who may call."""

    status: State
    store: State
    store_problem: str = ""
    models: list[ModelHealth] = Field(default_factory=list)


@router.get("/api/health", responses={200: {"model": Health}, 503: {"model": Health}})
async def health(request: Request, credentials: Credentials) -> Response:
    """Which models loaded, and whether the store answers; 503 where it does not.

    Nothing is loaded for it.
    """
    return await probed(_health, request, credentials)


def _known_caller(request: Request, credentials: Credentials) -> Expert | None:
    try:
        return caller(request, credentials)
    except CallError:
        return None


def _health(request: Request, credentials: Credentials) -> Response:
    store_problem, models = "", []
    by = _known_caller(request, credentials)
    try:
        settings = Settings.read()
        store_problem = _store_problem(settings)
        models = _models(settings, by or roles.PROGRAM)
    except UserError as error:
        store_problem = store_problem or str(error)
    is_well = not store_problem and not any(model.problem for model in models)
    content = Health(
        status="ok" if is_well else "problem",
        store="problem" if store_problem else "ok",
        store_problem=store_problem if by else "",
        models=models if by else [],
    )
    # A model that does not load is no reason to start the others again.
    status = HTTPStatus.SERVICE_UNAVAILABLE if store_problem else HTTPStatus.OK
    return Response(content.model_dump_json(), status, media_type="application/json")


def _store_problem(settings: Settings) -> str:
    try:
        Store.open(settings.feedback_db).effort("")
    except UserError as error:
        return str(error)
    return ""


def _models(settings: Settings, by: Expert) -> list[ModelHealth]:
    models = Models.now(settings, by)
    return [_model_health(models, entry) for entry in models.catalog.entries()]


def _model_health(models: Models, entry: Entry) -> ModelHealth:
    outcome = models.registry.load_outcome(entry.card) if entry.card else None
    return ModelHealth(
        name=entry.name,
        version=entry.version,
        loaded=outcome == "",
        problem=entry.fault or outcome or "",
    )


@router.get("/api/ready", responses={200: {"model": Health}, 503: {"model": Health}})
async def ready() -> Response:
    """Whether traffic may come: the store answers, and the model that is shown first loads."""
    return await probed(_ready)


def _ready() -> Response:
    problem = ""
    try:
        settings = Settings.read()
        problem = _store_problem(settings)
        models = Models.now(settings, roles.PROGRAM)
        models.load(models.card(""))
    except (UserError, CallError) as error:
        problem = problem or str(error)
    status = HTTPStatus.SERVICE_UNAVAILABLE if problem else HTTPStatus.OK
    content = Health(status="problem" if problem else "ok", store="problem" if problem else "ok")
    return Response(content.model_dump_json(), status, media_type="application/json")
