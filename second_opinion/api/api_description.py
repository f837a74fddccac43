"""The OpenAPI description: the routes, and the cases of the models that are there at the moment."""

from __future__ import annotations

import json
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles

from second_opinion.access import roles
from second_opinion.api import case_models
from second_opinion.api.asked_cases import Models
from second_opinion.api.caller import Credentials, caller, rules_now, settings_now
from second_opinion.api.elsewhere_routes import GivenAnswers
from second_opinion.api.mlflow_routes import Invocation
from second_opinion.api.prediction_routes import PredictBody
from second_opinion.api.problem_json import CallError
from second_opinion.api.verdict_routes import VerdictBody
from second_opinion.api.work import in_thread
from second_opinion.errors import UserError
from second_opinion.models.card import ModelCard
from second_opinion.records.expert import Expert

TITLE = "Second Opinion"
ABOUT = """\
Predictions of the models that experts validate, and what is said of them. Every prediction is
stored, with the exact inputs, before it is returned; a verdict names its `id`. Rows are counted
from 1. A refused call says in `errors` where, what was found, and what was expected.
"""
BODIES: dict[str, type[BaseModel]] = {
    "PredictBody": PredictBody,
    "VerdictBody": VerdictBody,
    "GivenAnswers": GivenAnswers,
    "Invocation": Invocation,
}
SCHEMAS = "#/components/schemas/"

router = APIRouter(include_in_schema=False)


@router.get("/api/openapi.json")
async def openapi(request: Request, credentials: Credentials) -> Response:
    """The description, with the fields of the models as they are now."""
    return await in_thread(_openapi, request, credentials)


def _openapi(request: Request, credentials: Credentials) -> Response:
    settings = settings_now()
    # What the pages show to whoever comes in is no secret here.
    rules = rules_now()
    by = Expert("Somebody", hidden_models=rules.hidden_from(frozenset()))
    if rules.has_login or roles.without_code(local=False, settings=settings) is None:
        by = caller(request, credentials)
    cards = _cards(Models.now(settings, by))
    return Response(json.dumps(described(request.app, cards)), media_type="application/json")


def _cards(models: Models) -> list[ModelCard]:
    """The cards of all versions; first the one that answers where a call names none."""
    try:
        cards = [entry.card for entry in models.catalog.entries() if entry.card]
        first = models.card("")
    except (UserError, CallError):
        return []
    return sorted(cards, key=lambda card: card.ref != first.ref)


def described(app: FastAPI, cards: list[ModelCard]) -> dict[str, Any]:
    """The whole description."""
    document = get_openapi(title=TITLE, version="1", description=ABOUT, routes=app.routes)
    schemas = document["components"]["schemas"]
    for name, model in BODIES.items():
        schemas[name] = _schema(model, schemas)
    for card in cards:
        schemas[_name(card)] = _schema(case_models.case_model(card), schemas)
    if cards:
        known = [{"$ref": SCHEMAS + _name(card)} for card in cards]
        schemas["PredictBody"]["properties"]["cases"]["items"] = {"anyOf": known}
        schemas["PredictBody"]["examples"] = [_example(card) for card in cards]
    for path in document["paths"].values():
        for operation in path.values():
            _give_body(operation, schemas)
    return document


def _name(card: ModelCard) -> str:
    return case_models.model_name(card).replace(" ", "_").replace("/", ".")


def _schema(model: type[BaseModel], schemas: dict[str, Any]) -> dict[str, Any]:
    schema = model.model_json_schema(ref_template=SCHEMAS + "{model}")
    schemas |= schema.pop("$defs", {})
    return schema


def _example(card: ModelCard) -> dict[str, Any]:
    return {"model": card.ref, "cases": [card.case_schema.typical]}


def _give_body(operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    """The body of a route that reads it itself, so that it is bounded before it is parsed."""
    name = operation.pop("x-body", None)
    if name is None:
        return
    content: dict[str, Any] = {"schema": {"$ref": SCHEMAS + name}}
    if examples := schemas[name].get("examples"):
        named = {str(each.get("model") or at): {"value": each} for at, each in enumerate(examples)}
        content["examples"] = named
    operation["requestBody"] = {"required": True, "content": {"application/json": content}}


@router.get("/api/docs")
async def docs() -> HTMLResponse:
    """The description as a page, to read and to try. All of it comes from this server."""
    return get_swagger_ui_html(
        openapi_url="openapi.json",
        title=f"{TITLE}: API",
        swagger_js_url="docs/swagger-ui-bundle.js",
        swagger_css_url="docs/swagger-ui.css",
        swagger_favicon_url="docs/favicon.png",
    )


def add_to(app: FastAPI) -> None:
    """Add the description, its page, and the files that the page needs."""
    app.include_router(router)
    app.mount("/api/docs", StaticFiles(packages=[("fastapi_offline", "static")]))
