"""POST and GET /api/verdicts: what people or programs say of stored predictions."""

from __future__ import annotations

import re
from dataclasses import asdict
from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from second_opinion.api import asked_cases, call_counts, json_body
from second_opinion.api.asked_cases import Models
from second_opinion.api.caller import Caller, may, settings_now
from second_opinion.api.prediction_routes import as_json
from second_opinion.api.problem_json import REFUSALS, CallError, Fault, documented, unreadable
from second_opinion.api.work import in_thread
from second_opinion.errors import StorageError, UserError
from second_opinion.formatting import quoted
from second_opinion.models.card import ModelCard
from second_opinion.records.event import Event
from second_opinion.records.expert import Expert
from second_opinion.records.prediction import Prediction
from second_opinion.records.stamp import new_id
from second_opinion.records.value import same_value
from second_opinion.records.verdict import COMMENT_LIMIT, Verdict
from second_opinion.records.verdict_kinds import KINDS
from second_opinion.store import Store
from second_opinion.verdicts import right_answer

MOST_VERDICTS = 10_000
ID = r"^[A-Za-z0-9._-]{1,64}$"
# What makes two verdicts under one id the same one.
SAID = ("prediction_id", "expert", "judgement", "correct_value", "direction", "severity", "comment")
AFTER = re.compile(r"([^,]{1,40}),([^,]{1,64})")

router = APIRouter(tags=["verdicts"])


class VerdictBody(BaseModel):
    """A verdict on a stored prediction."""

    model_config = ConfigDict(extra="forbid", strict=True)

    id: str | None = Field(
        None,
        pattern=ID,
        description="Yours: the same verdict under the same id is stored once.",
    )
    prediction_id: str = Field(max_length=64)
    expert: str = Field(
        "", max_length=400, description="Who says so; with a token, its name counts instead."
    )
    judgement: str = Field(
        max_length=40, description=f"One of {', '.join(KINDS)}.", examples=["agree"]
    )
    correct_value: Any = Field(None, description="The class or number that would be right.")
    direction: Literal["too_high", "too_low"] | None = Field(
        None, description="Where the answer is a number or a risk."
    )
    severity: Literal["minor", "serious"] | None = None
    comment: str = Field("", max_length=COMMENT_LIMIT)


class StoredVerdict(BaseModel):
    """A verdict as it is stored. Nothing changes it: a later one names it in `supersedes`."""

    id: str
    prediction_id: str
    model: str
    version: str
    expert: str
    identity_source: str
    judgement: str
    correct_value: Any
    direction: str | None
    severity: str | None
    comment: str
    mode: str
    supersedes: str | None
    created_at: str


class Verdicts(BaseModel):
    """Verdicts in the order in which they were stored, those that were replaced too."""

    verdicts: list[StoredVerdict]
    next: str | None = Field(
        description="`after` of the next call; the same as `after` where nothing new is there."
    )
    waiting: int = Field(
        description="Judged cases of blind plans that are left out until the caller's own answer."
    )


@router.post(
    "/api/verdicts",
    responses=documented([*REFUSALS, HTTPStatus.CONFLICT]) | {200: {"model": StoredVerdict}},
    openapi_extra={"x-body": "VerdictBody"},
)
async def give_verdict(caller: Caller, request: Request) -> Response:
    """Store a verdict; the expert's verdict before, on the same prediction, is replaced by it."""
    async with json_body.body(request) as content:
        return await in_thread(_give, content, caller)


def _give(content: bytes, by: Expert) -> Response:
    may(by, "predict and give verdicts")
    said = json_body.read(content, VerdictBody)
    settings = settings_now()
    store = asked_cases.store_of(settings)
    prediction = store.prediction(said.prediction_id, by=by)
    if prediction is None:
        raise CallError(
            HTTPStatus.NOT_FOUND,
            f"There is no prediction {quoted(said.prediction_id)}; expected the id that "
            "/api/predict gave. Check it, and that it is the same database.",
        )
    verdict = _verdict(said, prediction, Models.now(settings, by), by)
    stored = _added(store, verdict, by)
    if any(not _same(getattr(stored, name), getattr(verdict, name)) for name in SAID):
        raise CallError(
            HTTPStatus.CONFLICT,
            f"There is a verdict {verdict.id} already, and it says something else; a verdict never "
            "changes. Send this one under another id: it replaces the one before.",
        )
    if stored.created_at == verdict.created_at:
        call_counts.VERDICTS.labels(prediction.model, stored.judgement).inc()
    return as_json(_row(stored, prediction.model, prediction.version))


def _same(one: Any, other: Any) -> bool:
    return one is other or same_value(one, other)


def _added(store: Store, verdict: Verdict, by: Expert) -> Verdict:
    try:
        return store.add_verdict(verdict, by=by)
    except StorageError:
        raise
    except UserError as error:
        raise CallError(HTTPStatus.UNPROCESSABLE_ENTITY, str(error)) from error


def _verdict(said: VerdictBody, prediction: Prediction, models: Models, by: Expert) -> Verdict:
    """The verdict as the panel would make it; a `CallError` where it says what cannot be."""
    if said.judgement not in KINDS:
        raise _wrong("judgement", said.judgement, f"one of {', '.join(KINDS)}")
    who = by if by.source == "api" else _declared(said.expert, by)
    kind, details = KINDS[said.judgement], {}
    for name, part in (
        ("correct_value", "value"),
        ("direction", "direction"),
        ("severity", "severity"),
    ):
        value = getattr(said, name)
        if value is not None and part not in kind.asks:
            raise _wrong(name, value, f"nothing beside the judgement {kind.name}")
        details[name] = value
    card = models.card(f"{prediction.model}/{prediction.version}")
    if said.correct_value is not None:
        details["correct_value"] = _right(said.correct_value, card)
    details["direction"] = _direction(details, card, prediction)
    return Verdict(
        prediction_id=prediction.id,
        expert=who.label,
        expert_key=who.expert_key,
        identity_source=who.source,
        judgement=said.judgement,
        comment=said.comment.strip(),
        id=said.id or new_id(),
        **details,
    )


def _declared(name: str, by: Expert) -> Expert:
    try:
        return Expert.declared(name)
    except UserError as error:
        raise _wrong("expert", name, "the name of who gives it, up to 80 letters") from error


def _right(value: Any, card: ModelCard) -> Any:
    """What would be right, as the card writes it."""
    if card.task == "regression":
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise _wrong("correct_value", value, "a number")
        return value
    for choice in card.class_values:
        if same_value(choice, value):
            return choice
    expected = ", ".join(quoted(choice) for choice in card.class_values[:12])
    raise _wrong("correct_value", value, f"one of {expected}")


def _direction(details: dict[str, Any], card: ModelCard, prediction: Prediction) -> Any:
    direction, right = details["direction"], details["correct_value"]
    if direction is not None and card.task != "regression" and card.answer != "probability":
        raise _wrong("direction", direction, "none: the answer is a class")
    if card.task != "regression" or right is None:
        return direction
    try:
        return right_answer.direction(right, prediction.value, direction)
    except UserError as error:
        raise _wrong("direction", direction, "the side of the right answer") from error


def _wrong(field: str, found: Any, expected: str) -> CallError:
    return unreadable([Fault(field=field, found=quoted(found), expected=expected)])


@router.get("/api/verdicts", responses=documented(REFUSALS) | {200: {"model": Verdicts}})
async def list_verdicts(
    caller: Caller,
    after: Annotated[
        str, Query(description="`created_at,id` of the last one seen; empty for the first.")
    ] = "",
    limit: Annotated[int, Query(ge=1, le=MOST_VERDICTS)] = 1000,
) -> Response:
    """Every verdict, page by page, in the order in which they were stored."""
    return await in_thread(_list, caller, after, limit)


def _list(by: Expert, after: str, limit: int) -> Response:
    may(by, "see every verdict")
    place = AFTER.fullmatch(after)
    if after and not place:
        raise _wrong("after", after, "created_at,id of the last verdict that was seen")
    created_at, last_id = place.groups() if place else ("", "")
    store = asked_cases.store_of(settings_now())
    rows = [_row(*one) for one in store.verdict_log.after(created_at, last_id, most=limit, by=by)]
    if rows:
        # A program that only asks whether there is something new does not fill the log.
        details = {"what": "verdicts", "format": "json", "by": "api", "rows": len(rows)}
        store.event_log.add(Event("export", by.label, details))
    last = f"{rows[-1]['created_at']},{rows[-1]['id']}" if rows else after or None
    waiting = store.blind_cases.waiting_cases(by=by)
    return as_json({"verdicts": rows, "next": last, "waiting": waiting})


def _row(verdict: Verdict, model: str, version: str) -> dict[str, Any]:
    fields = asdict(verdict) | {"model": model, "version": version}
    return {name: fields[name] for name in StoredVerdict.model_fields}
