"""An MLflow signature as features of a card, where there is no training data to tell them from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from second_opinion.formatting import humanise

# The types of MLflow's columns; others (binary, arrays, objects) have no field in a form.
KINDS = {
    "double": "number",
    "float": "number",
    "long": "integer",
    "integer": "integer",
    "string": "text",
    "boolean": "boolean",
    "datetime": "datetime",
}
# What an encoder in the model says of a column is more than its type.
CLOSER = ("category", "boolean")


def refined(
    features: Sequence[dict[str, Any]], signature: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """The features of a card, made without data, with the kinds that a signature names.

    A category stays one: the model's own choices say more than ``string``. A column that MLflow
    does not require may be missing; one that it requires may still hold missing values. Where the
    model knows no names of its own, the columns of the signature are taken in their order.
    """
    columns = {str(column["name"]): column for column in signature}
    strangers = not any(feature["name"] in columns for feature in features)
    if strangers and len(columns) == len(features):
        features = [
            {**feature, "name": name, "label": humanise(name)}
            for name, feature in zip(columns, features, strict=True)
        ]
    return [_refined(feature, columns.get(feature["name"], {})) for feature in features]


def _refined(feature: dict[str, Any], column: dict[str, Any]) -> dict[str, Any]:
    kind = KINDS.get(column.get("type", ""), feature["kind"])
    if feature["kind"] in CLOSER:
        kind = feature["kind"]
    optional = {} if column.get("required", True) else {"missing": True}
    if kind == feature["kind"]:
        return {**feature, **optional}
    rest = {key: value for key, value in feature.items() if key not in ("min", "max", "dtype")}
    bounds = {key: round(feature[key]) for key in ("min", "max") if _whole(kind, feature, key)}
    return {**rest, **bounds, "kind": kind, "typical": _typical(kind, feature), **optional}


def _whole(kind: str, feature: dict[str, Any], key: str) -> bool:
    return kind == "integer" and feature.get(key) is not None


def _typical(kind: str, feature: dict[str, Any]) -> Any:
    """A value of this kind to begin with: nobody knows a typical one without data."""
    number = round(feature["typical"]) if feature["kind"] in ("number", "integer") else 0
    begin = {
        "number": float(number),
        "integer": number,
        "datetime": "2000-01-01T00:00:00",
        "boolean": False,
    }
    return begin.get(kind, "")
