"""GET /api/health and /api/ready: whether the models load and the store answers."""

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
from second_opinion.api.work import in_thread
from second_opinion.errors import UserError
from second_opinion.records.expert import Expert
from second_opinion.settings import Settings
from second_opinion.store import Store

State = Literal["ok", "problem"]

router = APIRouter(tags=["health"])


class ModelHealth(BaseModel):
    """Whether a version loads here."""

    name: str
    version: str
    loaded: bool
    problem: str = ""


class Health(BaseModel):
    """What works. Models and reasons are told only to who may call."""

    status: State
    store: State
    store_problem: str = ""
    models: list[ModelHealth] = Field(default_factory=list)


@router.get("/api/health", responses={200: {"model": Health}, 503: {"model": Health}})
async def health(request: Request, credentials: Credentials) -> Response:
    """Which models load, and whether the store answers; 503 where it does not."""
    return await in_thread(_health, _known_caller(request, credentials))


def _known_caller(request: Request, credentials: Credentials) -> Expert | None:
    try:
        return caller(request, credentials)
    except CallError:
        return None


def _health(by: Expert | None) -> Response:
    store_problem, models = "", []
    try:
        settings = Settings.read()
        store_problem = _store_problem(settings)
        models = _models(settings, by or roles.PROGRAM)
    except UserError as error:
        store_problem = store_problem or str(error)
    is_well = not store_problem and all(model.loaded for model in models)
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
    models, states = Models.now(settings, by), []
    for entry in models.catalog.entries():
        problem = entry.fault
        if entry.card:
            try:
                models.registry.load(entry.card)
            except UserError as error:
                problem = str(error)
        states.append(
            ModelHealth(name=entry.name, version=entry.version, loaded=not problem, problem=problem)
        )
    return states


@router.get("/api/ready", responses={200: {"model": Health}, 503: {"model": Health}})
async def ready() -> Response:
    """Whether traffic may come: the store answers, and the model that is shown first loads."""
    return await in_thread(_ready)


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
