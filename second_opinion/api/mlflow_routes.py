"""MLflow's protocol: `POST /invocations` and `GET /ping`, so that its clients need only another
address. Answers are those of MLflow's own server; each is stored as any other."""

from __future__ import annotations

import json
import time
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from second_opinion.api import json_body
from second_opinion.api.asked_cases import Models, store_of
from second_opinion.api.caller import Caller, may, settings_now
from second_opinion.api.csv_body import csv_cases
from second_opinion.api.health_routes import ready
from second_opinion.api.mlflow_forms import json_cases
from second_opinion.api.prediction_routes import accepted, as_json, stored
from second_opinion.api.problem_json import REFUSALS, CallError
from second_opinion.api.work import in_thread
from second_opinion.records.expert import Expert

STATUSES = (HTTPStatus.OK, HTTPStatus.BAD_REQUEST, *REFUSALS)
RESPONSES: dict[int | str, dict[str, Any]] = {int(status): {} for status in STATUSES}


class Invocation(BaseModel):
    """Cases in one of MLflow's forms."""

    dataframe_split: dict[str, Any] | None = Field(None, description="`columns` and `data`.")
    dataframe_records: list[dict[str, Any]] | None = None
    instances: list[Any] | None = None
    inputs: list[Any] | dict[str, Any] | None = None


router = APIRouter(tags=["MLflow"])


# Not described: a body that is called JSON and holds none is MLflow's way.
@router.get("/ping", include_in_schema=False)
async def ping() -> Response:
    """Empty and 200 while the model that is shown first loads and the store answers."""
    answer = await ready()
    return Response("\n", answer.status_code, media_type="application/json")


@router.post(
    "/invocations",
    responses=RESPONSES,
    openapi_extra={"x-body": "Invocation"},
)
async def invoke(caller: Caller, request: Request, model: str = "") -> Response:
    """Predict cases in one of MLflow's forms; `model` in the address chooses another model."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    async with json_body.body(request) as content:
        return await in_thread(_invoke, content, kind, model, caller)


def _invoke(content: bytes, kind: str, ref: str, by: Expert) -> Response:
    may(by, "predict and give verdicts")
    started = time.perf_counter()
    settings = settings_now()
    try:
        store = store_of(settings)
        with store.one_moment():
            models = Models.now(settings, by)
            schema = models.card(ref).case_schema
            if kind == "text/csv":
                cases = csv_cases(content, schema)
            else:
                cases = json_cases(json_body.parsed(content), schema)
            call = accepted(store, models, ref, cases, by)
        made = stored(store, call, started)
    except CallError as error:
        return _as_mlflow_says(error)
    return as_json({"predictions": [one.value for one in made]})


def _as_mlflow_says(error: CallError) -> Response:
    """A refusal as its clients read one; what the caller sent is a 400 there."""
    is_input = error.status == HTTPStatus.UNPROCESSABLE_ENTITY
    content = {
        "error_code": "BAD_REQUEST" if is_input else error.status.name,
        "message": error.detail,
        "errors": [fault.model_dump(exclude_none=True) for fault in error.faults[:100]],
    }
    status = HTTPStatus.BAD_REQUEST if is_input else error.status
    return Response(json.dumps(content), status, error.headers, "application/json")
