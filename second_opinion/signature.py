"""An MLflow signature as features of a card, where there is no training data to tell them from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

# The types of MLflow's columns; others (binary, arrays, objects) have no field in a form.
KINDS = {
    "double": "number",
    "float": "number",
    "long": "integer",
    "integer": "integer",
    "string": "text",
    "boolean": "boolean",
    "datetime": "date",
}
# What an encoder in the model says of a column is more than its type.
CLOSER = ("category", "boolean")


def refined(
    features: Sequence[dict[str, Any]], signature: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """The features of a card, made without data, with the kinds that a signature names.

    A category stays one: the model's own choices say more than ``string``. A column that MLflow
    does not require may be missing; one that it requires may still hold missing values.
    """
    columns = {column["name"]: column for column in signature}
    return [_refined(feature, columns.get(feature["name"], {})) for feature in features]


def _refined(feature: dict[str, Any], column: dict[str, Any]) -> dict[str, Any]:
    kind = KINDS.get(column.get("type", ""), feature["kind"])
    if feature["kind"] in CLOSER:
        kind = feature["kind"]
    changed = {"kind": kind} if kind != feature["kind"] else {}
    if changed:
        changed |= {"typical": _typical(kind, feature.get("typical")), "dtype": ""}
        changed |= {} if kind in ("number", "integer", "date") else {"min": None, "max": None}
    optional = {} if column.get("required", True) else {"missing": True}
    return {**feature, **changed, **optional}


def _typical(kind: str, guess: Any) -> Any:
    """A value of this kind to begin with: nobody knows a typical one without data."""
    known = isinstance(guess, (int, float)) and not isinstance(guess, bool)
    number = guess if known else 0
    begin = {"number": float(number), "integer": round(number), "date": "2000-01-01"}
    return {**begin, "boolean": False}.get(kind, "")
