"""MLflow's protocol: `POST /invocations` and `GET /ping`, so that its clients need only another
address. Answers are those of MLflow's own server; each is stored as any other."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from second_opinion.api import json_body
from second_opinion.api.asked_cases import Models
from second_opinion.api.caller import Caller, may, settings_now
from second_opinion.api.health_routes import ready
from second_opinion.api.prediction_routes import as_json, check_count, stored
from second_opinion.api.problem_json import REFUSALS, CallError, Fault, unreadable
from second_opinion.api.work import in_thread
from second_opinion.formatting import plural
from second_opinion.records.expert import Expert
from second_opinion.schema import Schema

FORMS = ("dataframe_split", "dataframe_records", "instances", "inputs")
BESIDE = {"params", "signature_name"}


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
    settings = settings_now()
    try:
        models = Models.now(settings, by)
        schema = models.card(ref).case_schema
        cases = from_csv(content) if kind == "text/csv" else cases_of(json_body.parsed(content))
        check_count(len(cases))
        if not cases:
            raise _no_form("empty", "at least one case")
        made = stored(settings, models, ref, [in_order(one, schema) for one in cases], by)
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


def cases_of(body: Mapping[str, Any]) -> list[Any]:
    """The cases in one of MLflow's forms: each an object by name, or a list in the model's order;
    a `CallError` where it is none of them."""
    given = [form for form in FORMS if form in body]
    strange = sorted(set(body) - set(FORMS) - BESIDE)
    if len(given) != 1 or strange:
        raise _no_form(", ".join([*given, *strange]) or "none", f"one of {', '.join(FORMS)}")
    value = body[given[0]]
    if given[0] == "dataframe_split":
        return _split(value)
    if isinstance(value, list):
        return [row if isinstance(row, (dict, list)) else [row] for row in value]
    if isinstance(value, dict) and given[0] != "dataframe_records":
        return _columns(given[0], value)
    raise _no_form(given[0], "a list of cases")


def _split(value: Any) -> list[Any]:
    rows = value.get("data") if isinstance(value, dict) else None
    names = value.get("columns") if isinstance(value, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise _no_form("dataframe_split", "columns, and data as a list of lists")
    if names is None:
        return rows
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise _no_form("columns", "a list of names")
    for at, row in enumerate(rows, 1):
        if len(row) != len(names):
            raise unreadable(
                [
                    Fault(
                        row=at,
                        field="data",
                        found=f"a list of {len(row)}",
                        expected=f"a value for each of {plural(len(names), 'column')}",
                    )
                ]
            )
    return [dict(zip(names, row, strict=True)) for row in rows]


def _columns(form: str, value: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Columns by name, or a single case by name."""
    if not any(isinstance(column, list) for column in value.values()):
        return [dict(value)]
    lengths = {len(column) if isinstance(column, list) else -1 for column in value.values()}
    if len(lengths) != 1:
        raise _no_form(form, "columns of one length")
    rows = zip(*value.values(), strict=True)
    return [dict(zip(value, map(_scalar, row), strict=True)) for row in rows]


def _scalar(cell: Any) -> Any:
    """A cell that stands in a list of its own, as of an array of one column."""
    return cell[0] if isinstance(cell, list) and len(cell) == 1 else cell


def in_order(case: Any, schema: Schema) -> dict[str, Any]:
    """A case by name: values without names are in the model's order, and columns that the model
    does not have are left out, as MLflow leaves them out."""
    if isinstance(case, dict):
        taken = schema.taken_from(list(case))
        return {name: value for name, value in case.items() if name in taken}
    if len(case) != len(schema):
        raise unreadable(
            [
                Fault(
                    field="a case",
                    found=f"a list of {len(case)}",
                    expected=f"{plural(len(schema), 'value')} in the order of the model",
                )
            ]
        )
    return dict(zip(schema.names, case, strict=True))


def from_csv(content: bytes) -> list[dict[str, Any]]:
    """Cases in CSV with a line of names: cells that are numbers as numbers, empty ones as null."""
    try:
        text = content.decode("utf-8-sig")
        rows = list(csv.DictReader(io.StringIO(text), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise _no_form("text/csv", "CSV in UTF-8 with a line of names") from error
    if any(None in row or None in row.values() for row in rows):
        raise _no_form("text/csv", "as many cells in each row as there are names")
    return [{name: _cell(cell) for name, cell in row.items()} for row in rows]


def _cell(cell: str) -> Any:
    words = {"": None, "true": True, "false": False, "True": True, "False": False}
    if cell in words:
        return words[cell]
    for number in (int, float):
        try:
            return number(cell)
        except ValueError:
            continue
    return cell


def _no_form(found: str, expected: str) -> CallError:
    return unreadable([Fault(field="The form of the cases", found=found, expected=expected)])
