"""POST /api/predictions: answers that a program in production gave, to be judged here."""

from __future__ import annotations

import math
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import numpy as np
from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from second_opinion.api import asked_cases, json_body
from second_opinion.api.asked_cases import Models
from second_opinion.api.caller import Caller, may, settings_now
from second_opinion.api.prediction_routes import MODEL, as_json, check_count
from second_opinion.api.problem_json import (
    REFUSALS,
    CallError,
    Fault,
    documented,
    unreadable,
)
from second_opinion.api.verdict_routes import ID
from second_opinion.api.work import in_thread
from second_opinion.formatting import plural, quoted
from second_opinion.models import card_flags
from second_opinion.models.card import ModelCard
from second_opinion.models.model import Answers
from second_opinion.records.expert import Expert
from second_opinion.records.prediction import Prediction
from second_opinion.records.stamp import new_id
from second_opinion.records.value import same_value
from second_opinion.store import Store

# No hash of ours is claimed for an answer that no model gave here.
NO_HASH = ""
# How far a sum of probabilities may be from 1: programs round.
ROUNDING = 0.01

router = APIRouter(tags=["predictions"])


class GivenAnswer(BaseModel):
    """What was answered elsewhere to one case."""

    model_config = ConfigDict(extra="forbid", strict=True)

    id: str | None = Field(
        None, pattern=ID, description="Yours: the same answer under the same id is stored once."
    )
    inputs: dict[str, Any] = Field(description="The case, as in /api/predict.")
    value: Any = Field(description="One of the card's classes, or a number.")
    confidence: float | None = Field(None, ge=0, le=1)
    probabilities: list[float] | None = Field(
        None, description="In the order of the card's classes; needed where the answer is a risk."
    )


class GivenAnswers(BaseModel):
    """Answers of a program in production."""

    model_config = ConfigDict(extra="forbid", strict=True)

    model: str = Field("", description=f"{MODEL} Not an alias shared between versions.")
    predictions: list[GivenAnswer] = Field(min_length=1, description="1 to 10,000 answers.")


class StoredAnswer(BaseModel):
    """A stored answer."""

    id: str = Field(description="What a verdict names.")
    flags: list[str]


class StoredAnswers(BaseModel):
    """What was stored, in the order in which it was sent."""

    model: str
    version: str
    predictions: list[StoredAnswer]


@router.post(
    "/api/predictions",
    responses=documented([*REFUSALS, HTTPStatus.CONFLICT]) | {200: {"model": StoredAnswers}},
    openapi_extra={"x-body": "GivenAnswers"},
)
async def store_given_answers(caller: Caller, request: Request) -> Response:
    """Store answers that were given elsewhere, so that experts can judge them."""
    async with json_body.body(request) as content:
        return await in_thread(_store, content, caller)


def _store(content: bytes, by: Expert) -> Response:
    may(by, "predict and give verdicts")
    given = json_body.read(content, GivenAnswers)
    check_count(len(given.predictions))
    settings = settings_now()
    store, models = asked_cases.store_of(settings), Models.now(settings, by)
    card = _one_version(models, given.model)
    made = _predictions(
        given.predictions, card, by, models.catalog.alias(given.model or models.first)
    )
    _store_all(store, made)
    return as_json(
        {
            "model": card.name,
            "version": card.version,
            "predictions": [{"id": one.id, "flags": one.flags} for one in made],
        }
    )


def _one_version(models: Models, ref: str) -> ModelCard:
    card = models.card(ref)
    versions = models.catalog.arms(ref or models.first)
    if len(versions) > 1:
        expected = " or ".join(f"{card.name}/{version}" for version in versions)
        raise unreadable(
            [Fault(field="model", found=quoted(ref or models.first), expected=expected)]
        )
    return card


def _predictions(
    given: Sequence[GivenAnswer], card: ModelCard, by: Expert, alias: str | None
) -> list[Prediction]:
    """The answers as predictions; a `CallError` that names what the card does not know."""
    faults = [fault for at, one in enumerate(given, 1) for fault in _faults(one, card, at)]
    faults += _equal_ids(given)
    if faults:
        raise unreadable(faults)
    schema = card.case_schema
    inputs = asked_cases.read(
        [one.inputs for one in given], dict.fromkeys(range(len(given)), schema)
    )
    values = [_value(one.value, card) for one in given]
    confidences = [_confidence(one, value, card) for one, value in zip(given, values, strict=True)]
    flags = _flags(inputs, confidences, card)
    return [
        Prediction(
            id=one.id or new_id(),
            model=card.name,
            version=card.version,
            model_sha256=NO_HASH,
            card_sha256=card.question_sha256,
            inputs=case,
            value=value,
            confidence=confidence,
            probabilities=None if one.probabilities is None else tuple(one.probabilities),
            flags=raised,
            source="api",
            asked_by=by.label,
            expert_key=by.expert_key,
            alias=alias,
            scale=card.answer_scale,
            latency_ms=0.0,
        )
        for one, case, value, confidence, raised in zip(
            given, inputs, values, confidences, flags, strict=True
        )
    ]


def _equal_ids(given: Sequence[GivenAnswer]) -> list[Fault]:
    """The answers whose id an earlier one of the same call has."""
    first: dict[str, int] = {}
    for row, one in enumerate(given, 1):
        if one.id is not None:
            first.setdefault(one.id, row)
    return [
        Fault(
            row=row,
            field="id",
            found=f"{quoted(one.id)}, as in row {first[one.id]}",
            expected="another one for each answer",
        )
        for row, one in enumerate(given, 1)
        if one.id is not None and first[one.id] != row
    ]


def _faults(one: GivenAnswer, card: ModelCard, row: int) -> list[Fault]:
    """What of an answer the card does not know, or what contradicts itself."""
    faults = []
    if _value(one.value, card) is None:
        classes = ", ".join(quoted(value) for value in card.class_values[:12])
        expected = f"one of {classes}" if classes else "a finite number"
        faults.append(Fault(row=row, field="value", found=quoted(one.value), expected=expected))
    shares = one.probabilities
    if shares is None and card.answer == "probability":
        faults.append(
            Fault(
                row=row,
                field="probabilities",
                found="missing",
                expected="one for each class: the answer is a risk",
            )
        )
    if shares is not None and not _are_shares(shares, len(card.class_values)):
        expected = f"{plural(len(card.class_values), 'number')} from 0 to 1 that sum to 1"
        faults.append(
            Fault(row=row, field="probabilities", found=quoted(shares), expected=expected)
        )
    if not faults and (expected := _expected_confidence(one, card)):
        found = quoted(one.confidence)
        faults.append(Fault(row=row, field="confidence", found=found, expected=expected))
    return faults


def _expected_confidence(one: GivenAnswer, card: ModelCard) -> str:
    """What the confidence would have to be; empty where it may be what it is."""
    if one.confidence is None:
        return ""
    if card.task == "regression":
        return "none: the answer is a number"
    if one.probabilities is None:
        return ""
    share = _share(one.probabilities, one.value, card)
    is_same = abs(one.confidence - share) <= ROUNDING
    return "" if is_same else f"{share}, the probability of this class, or none"


def _value(value: Any, card: ModelCard) -> Any:
    """The answer as the card writes it; None for what is no answer."""
    if card.task == "regression":
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return value if is_number and abs(value) < math.inf else None
    return next((one for one in card.class_values if same_value(one, value)), None)


def _are_shares(shares: Sequence[float], classes: int) -> bool:
    sound = all(0 <= share <= 1 for share in shares)
    return sound and len(shares) == classes and abs(sum(shares) - 1) <= ROUNDING


def _confidence(one: GivenAnswer, value: Any, card: ModelCard) -> float | None:
    if one.confidence is not None or one.probabilities is None:
        return one.confidence
    return _share(one.probabilities, value, card)


def _share(probabilities: Sequence[float], value: Any, card: ModelCard) -> float:
    places = [same_value(choice, value) for choice in card.class_values]
    return probabilities[places.index(True)]


def _flags(
    inputs: Sequence[dict[str, Any]], confidences: Sequence[float | None], card: ModelCard
) -> list[tuple[str, ...]]:
    schema = card.case_schema
    known = np.array([math.nan if one is None else one for one in confidences])
    marks = card_flags.raised(card, schema.columns(inputs), schema.arrays(inputs), known)
    raised = Answers(known, None, None, marks).flags()
    return [(*flags, card_flags.GIVEN_ELSEWHERE) for flags in raised]


def _store_all(store: Store, made: Sequence[Prediction]) -> None:
    """Store all, or none and a `CallError` where another prediction has one of these ids."""
    if others := store.singles.add_given(made):
        raise CallError(
            HTTPStatus.CONFLICT,
            f"There is a prediction {others[0]} already, and it is another one; a prediction "
            "never changes. Send this one under another id, or without one.",
        )
