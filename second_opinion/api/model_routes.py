"""GET /api/models: which models there are, what each takes, and what its aliases mean."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.responses import Response

from second_opinion.api.asked_cases import Models
from second_opinion.api.caller import Caller, may, settings_now
from second_opinion.api.prediction_routes import as_json
from second_opinion.api.problem_json import REFUSALS, CallError, documented
from second_opinion.api.work import in_thread
from second_opinion.models.card import ModelCard
from second_opinion.models.catalog import Entry
from second_opinion.records.expert import Expert

router = APIRouter(tags=["models"])


class ListedModel(BaseModel):
    """One version of one model."""

    name: str
    version: str
    title: str | None
    task: str | None
    aliases: list[str] = Field(description="Those that mean this version alone.")
    shares: dict[str, float] = Field(description="A/B aliases, with the share of new cases.")
    is_default: bool = Field(description="Whether it answers a call that names no model.")
    fault: str = Field(description="What is wrong with its card; empty if nothing.")


class ListedModels(BaseModel):
    """What is in the model folder."""

    models: list[ListedModel]


@router.get("/api/models", responses=documented(REFUSALS) | {200: {"model": ListedModels}})
async def list_models(caller: Caller) -> Response:
    """Every version of every model."""
    return await in_thread(_list, caller)


def _list(by: Expert) -> Response:
    may(by, "predict and give verdicts")
    models = Models.now(settings_now(), by)
    entries = models.catalog.entries()
    default = _default(models)
    return as_json({"models": [_listed(entry, default) for entry in entries]})


def _default(models: Models) -> tuple[str, str] | None:
    """The version that answers a call without a model; None while there is none."""
    try:
        return models.named("")
    except CallError:
        return None


def _listed(entry: Entry, default: tuple[str, str] | None) -> dict[str, Any]:
    return {
        "name": entry.name,
        "version": entry.version,
        "title": entry.card and entry.card.title,
        "task": entry.card and entry.card.task,
        "aliases": entry.aliases,
        "shares": dict(entry.shares),
        "is_default": (entry.name, entry.version) == default,
        "fault": entry.fault,
    }


@router.get("/api/models/{name}/{version}", responses=documented(REFUSALS) | {200: {}})
async def show_model(caller: Caller, name: str, version: str) -> Response:
    """The card of a version: its fields with units, ranges and choices, its classes, its limits."""
    return await in_thread(_show, caller, name, version)


def _show(by: Expert, name: str, version: str) -> Response:
    may(by, "predict and give verdicts")
    return as_json(_facts(Models.now(settings_now(), by).card(f"{name}/{version}")))


def _facts(card: ModelCard) -> dict[str, Any]:
    facts: dict[str, Any] = card.model_dump(mode="json")
    return facts
