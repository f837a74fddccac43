"""What a case of each model looks like, as pydantic models made from the cards: for the description
of the API. Cases themselves are read by the schema, as on the pages."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

from second_opinion.models.card import ModelCard
from second_opinion.schema import Feature

TYPES: dict[str, Any] = {
    "number": float,
    "integer": int,
    "boolean": bool,
    "text": str,
    "date": date,
    "datetime": datetime,
}


def model_name(card: ModelCard) -> str:
    """What the case of a version is called in the description: ``Case of churn/1``."""
    return f"Case of {card.ref}"


def case_model(card: ModelCard) -> type[BaseModel]:
    """A pydantic model with the fields of a card: names, types, units, ranges, a typical case."""
    fields: dict[str, Any] = {
        f"field_{at}": (_type(feature), _field(feature)) for at, feature in enumerate(card.features)
    }
    config = ConfigDict(
        extra="forbid",
        title=model_name(card),
        json_schema_extra={"examples": [card.case_schema.typical]},
    )
    return create_model("Case", __config__=config, **fields)


def _type(feature: Feature) -> Any:
    if feature.kind_of.choices == "pair" and feature.values != (False, True):
        # True and false stand for the pair too.
        known: Any = Literal[(*feature.values, True, False)]
    elif feature.kind_of.choices == "list" and feature.unknown == "error":
        known = Literal[feature.values]
    elif feature.kind_of.choices == "list":
        # Another value of their type is taken, and flagged.
        types = dict.fromkeys(type(value) for value in feature.values)
        known = next(iter(types)) if len(types) == 1 else Any
    else:
        known = TYPES.get(feature.kind, Any)
    return known | None if feature.optional else known


def _field(feature: Feature) -> Any:
    return Field(
        default=None if feature.optional else ...,
        alias=feature.name,
        title=feature.label,
        description=described(feature),
        json_schema_extra=_more(feature),
    )


def described(feature: Feature) -> str:
    """A field in words: what it is, its unit, what the training cases had."""
    parts = [feature.description, f"In {feature.unit}." if feature.unit else ""]
    if feature.range_text:
        parts.append(
            f"The training cases go from {feature.range_text}; a value outside is predicted, and "
            "flagged."
        )
    if feature.kind_of.choices == "list" and feature.unknown != "error":
        parts.append("A value beside the listed ones is predicted, and flagged.")
    if feature.optional:
        parts.append("May be null: not known.")
    return " ".join(part for part in parts if part)


def _more(feature: Feature) -> dict[str, Any]:
    """What JSON Schema has no word for, under names of our own."""
    more: dict[str, Any] = {"x-kind": feature.kind}
    if feature.unit:
        more["x-unit"] = feature.unit
    if feature.min is not None and feature.max is not None:
        more["x-training-range"] = [feature.min, feature.max]
    if feature.choices:
        more["x-choices"] = [choice.model_dump() for choice in feature.choices]
    if feature.typical is not None:
        more["examples"] = [feature.typical]
    return more
