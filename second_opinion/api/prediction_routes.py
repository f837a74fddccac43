"""POST /api/predict: cases in, answers out, each stored before it is returned."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Literal, NamedTuple

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from second_opinion.api import asked_cases, call_counts, json_body
from second_opinion.api.asked_cases import Case, CasesOfVersion, Models
from second_opinion.api.caller import Caller, may, settings_now
from second_opinion.api.problem_json import REFUSALS, CallError, Fault, documented
from second_opinion.api.work import in_thread
from second_opinion.evidence import alone_limit, queued_case
from second_opinion.formatting import plural
from second_opinion.records.alone import ALONE, alone
from second_opinion.records.expert import Expert
from second_opinion.records.prediction import Prediction
from second_opinion.store import Store
from second_opinion.store.blind_cases import IN_QUEUE

MODEL = "`NAME` (its champion), `NAME@ALIAS` or `NAME/VERSION`; left out, the model shown first."

Output = Literal["answers", "values"]

router = APIRouter(tags=["predictions"])


class PredictBody(BaseModel):
    """Cases to predict."""

    model_config = ConfigDict(extra="forbid", strict=True)

    model: str = Field("", description=MODEL, max_length=300)
    cases: list[dict[str, Any]] = Field(min_length=1, description="1 to 10,000 cases.")


class Answer(BaseModel):
    """What the model says of one case. It is stored, with the exact inputs, under its id."""

    id: str = Field(description="What a verdict names.")
    value: Any = Field(description="A class value or a number.")
    confidence: float | None = Field(
        description="The probability of the predicted class, 0 to 1; null for numbers."
    )
    probabilities: list[float] | None = Field(description="In the order of the card's classes.")
    flags: list[str] = Field(description="Such as `out_of_range:age` or `low_confidence`.")
    version: str = Field(description="The version that answered: an A/B alias draws it by id.")
    alone: Literal["yes", "no"] | None = Field(
        None, description="Whether it may answer alone; only once a study has established that."
    )


class Answers(BaseModel):
    """The answers, in the order of the cases."""

    model: str
    version: str | None = Field(description="Null where several versions answered.")
    predictions: list[Answer]
    input_rows: int = Field(description="How many cases were answered.")
    latency_ms: float = Field(description="From the parsed call to the stored answers.")


class Values(BaseModel):
    """The bare answers, as `?output=values` asks for them. They are stored as any other."""

    predictions: list[Any] = Field(description="Class values or numbers, in the order of cases.")
    input_rows: int
    model: str
    version: str | None


@router.post(
    "/api/predict",
    responses=documented(REFUSALS) | {200: {"model": Answers | Values}},
    openapi_extra={"x-body": "PredictBody"},
)
async def predict(caller: Caller, request: Request, output: Output = "answers") -> Response:
    """Predict cases, store the answers, and return them, with `output=values` the bare values."""
    async with json_body.body(request) as content:
        return await in_thread(_predict, content, caller, output)


def _predict(content: bytes, by: Expert, output: Output = "answers") -> Response:
    may(by, "predict and give verdicts")
    asked = json_body.read(content, PredictBody)
    started = time.perf_counter()
    check_count(len(asked.cases))
    settings = settings_now()
    store = asked_cases.store_of(settings)
    with store.one_moment():
        call = accepted(store, Models.now(settings, by), asked.model, asked.cases, by)
        limits = {} if output == "values" else _alone_limits(store, call.versions)
    made = stored(store, call, started)
    milliseconds = (time.perf_counter() - started) * 1000
    versions = {one.version for one in made}
    facts = {
        "model": made[0].model,
        "version": versions.pop() if len(versions) == 1 else None,
        "input_rows": len(made),
    }
    if output == "values":
        return as_json({"predictions": [one.value for one in made], **facts})
    answers = [_answer(one, limits[one.version]) for one in made]
    return as_json({**facts, "predictions": answers, "latency_ms": round(milliseconds, 3)})


class AcceptedCall(NamedTuple):
    """What is put to the models: cases that they can read, none of which is in the queue of who
    calls. ``ref`` is the model as the call names it."""

    models: Models
    ref: str
    versions: list[CasesOfVersion]
    by: Expert


def accepted(
    store: Store, models: Models, ref: str, cases: Sequence[Case], by: Expert
) -> AcceptedCall:
    """The call, read; a `CallError` where a case cannot be read, or waits for the caller's own
    answer in a blind plan."""
    versions = asked_cases.by_version(models, ref, cases)
    _check_queue(store, versions, by)
    return AcceptedCall(models, ref, versions, by)


def stored(store: Store, call: AcceptedCall, started: float) -> list[Prediction]:
    """The answers, stored, and counted from ``started`` on (of `time.perf_counter`)."""
    made = asked_cases.predicted(*call)
    store.add_predictions(made)
    count(made, time.perf_counter() - started)
    return made


def _check_queue(store: Store, versions: Sequence[CasesOfVersion], by: Expert) -> None:
    waiting = [
        some.places[at]
        for some in versions
        if (at := queued_case.first_of(store, some.card, some.inputs, by=by)) is not None
    ]
    if not waiting:
        return
    row, cases = min(waiting) + 1, sum(len(some.places) for some in versions)
    wanted = "your own answer to it first"
    fault = Fault(row=row, field="The case", found="in your queue", expected=wanted)
    detail = IN_QUEUE if cases == 1 else f"Row {row}: {IN_QUEUE}"
    raise CallError(HTTPStatus.UNPROCESSABLE_ENTITY, detail, [fault])


def count(made: Sequence[Prediction], seconds: float) -> None:
    """Note stored answers; those of several versions in one call share its time."""
    for (model, version), answers in Counter((one.model, one.version) for one in made).items():
        call_counts.PREDICTIONS.labels(model, version).inc(answers)
        call_counts.LATENCY.labels(model, version).observe(seconds * answers / len(made))


def check_count(cases: int, least: str = "") -> None:
    """A `CallError` of more cases than one call may bring; ``least`` stands before a count that is
    not at its end."""
    if cases > asked_cases.MOST_CASES:
        raise CallError(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"The call brings {least}{plural(cases, 'case')}; expected up to "
            f"{asked_cases.MOST_CASES:,}. Send them in several calls, or score a file: "
            "`python -m second_opinion score`.",
        )


def _alone_limits(store: Store, versions: Sequence[CasesOfVersion]) -> dict[str, float | None]:
    """By version the confidence from which on it may answer alone."""
    return {some.card.version: alone_limit.limit_of(store, some.card) for some in versions}


def _answer(one: Prediction, alone_from: float | None) -> dict[str, Any]:
    may = {} if alone_from is None else {ALONE: alone(one.confidence, alone_from)}
    return may | {
        "id": one.id,
        "value": one.value,
        "confidence": one.confidence,
        "probabilities": one.probabilities,
        "flags": one.flags,
        "version": one.version,
    }


def as_json(content: Any) -> Response:
    """An answer as JSON: numbers in their shortest exact form, never NaN."""
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Response(text.encode(), media_type="application/json")
