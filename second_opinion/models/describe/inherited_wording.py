"""The words that people wrote into one version's card, for the next version to begin with."""

from __future__ import annotations

from typing import Any

from second_opinion.models.card import ModelCard
from second_opinion.records.value import same_value
from second_opinion.schema import Feature

TEXTS = ("intended_use", "limits", "owner", "licence")
ABOUT_A_TARGET = ("unit", "description", "event")
ABOUT_A_FEATURE = ("label", "unit", "description")
ABOUT_CLASSES = {"classes", "positive", "answer", "bands"}


def taken_over(inferred: dict[str, Any], before: ModelCard) -> dict[str, Any]:
    """An inferred card with the words of the version before, where both speak of the same thing.

    Texts and bands are taken as they are; a feature's words where name and kind are the same;
    labels of classes where the classes are. What is measured or learned is never taken.
    """
    fields = inferred | {text: getattr(before, text) for text in TEXTS}
    fields["features"] = [_feature(f, before) for f in inferred["features"]]
    if before.target.name == inferred["target"]["name"]:
        fields["target"] = inferred["target"] | _words(before.target, ABOUT_A_TARGET)
    if before.task == inferred["task"] and _same_classes(inferred, before):
        fields |= before.model_dump(include=ABOUT_CLASSES, exclude_none=True)
    return fields


def _feature(inferred: dict[str, Any], before: ModelCard) -> dict[str, Any]:
    feature = before.case_schema.get(inferred["name"])
    if feature is None or feature.kind != inferred["kind"]:
        return inferred
    words = _words(feature, ABOUT_A_FEATURE)
    if inferred.get("choices"):
        words["choices"] = [_choice(choice, feature) for choice in inferred["choices"]]
    return inferred | words


def _choice(inferred: Any, feature: Feature) -> Any:
    value = inferred["value"] if isinstance(inferred, dict) else inferred
    for choice in feature.choices:
        if same_value(choice.value, value) and choice.label != str(value):
            return {"value": value, "label": choice.label}
    return inferred


def _words(part: Any, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: value for name in names if (value := getattr(part, name))}


def _same_classes(inferred: dict[str, Any], before: ModelCard) -> bool:
    values = [choice["value"] for choice in inferred.get("classes", ())]
    return 0 < len(values) == len(before.classes) and all(
        same_value(value, class_value)
        for value, class_value in zip(values, before.class_values, strict=True)
    )
