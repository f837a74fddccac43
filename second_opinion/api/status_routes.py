"""GET /api/status: how far the review of each model is, as the command `status --json` says it."""

from __future__ import annotations

import math
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from second_opinion.api import asked_cases
from second_opinion.api.asked_cases import Models
from second_opinion.api.caller import Caller, may, settings_now
from second_opinion.api.prediction_routes import as_json
from second_opinion.api.problem_json import REFUSALS, documented
from second_opinion.api.work import in_thread
from second_opinion.evidence import decision
from second_opinion.evidence.decision_facts import newest_facts
from second_opinion.models.catalog import versions_in_use
from second_opinion.records.expert import Expert
from second_opinion.review.model_status import status_facts, status_of
from second_opinion.store import Store

router = APIRouter(tags=["verdicts"])


class ReviewStatus(BaseModel):
    """What the verdicts on a model add up to, and what its newest plan has established."""

    model_config = ConfigDict(extra="allow")

    model: str
    state: str = Field(description="Of the newest plan: established, refuted, open; or that none.")
    verdicts: int
    cases: int
    experts: int


class Statuses(BaseModel):
    """One for each model."""

    models: list[ReviewStatus]


@router.get("/api/status", responses=documented(REFUSALS) | {200: {"model": Statuses}})
async def review_status(caller: Caller) -> Response:
    """How far the review of each model is, over all of its versions."""
    return await in_thread(_status, caller)


def _status(by: Expert) -> Response:
    may(by, "see every verdict")
    settings = settings_now()
    store, models = asked_cases.store_of(settings), Models.now(settings, by)
    names = dict.fromkeys(entry.name for entry in models.catalog.entries())
    return as_json(_finite({"models": [_of_model(store, models, name, by) for name in names]}))


def _finite(value: Any) -> Any:
    """The same with null for a number that is none, such as the bound of an untested plan."""
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _of_model(store: Store, models: Models, name: str, by: Expert) -> dict[str, Any]:
    status = status_of(store.review(by=by), name)
    newest = [
        (plan, decision.assess(store, plan, by=by), store.plans.closing(plan.id, by=by))
        for plan in store.plans.listed(name, None, by=by)[:1]
    ]
    return status_facts(status, versions_in_use(models.catalog, name)) | newest_facts(newest)
