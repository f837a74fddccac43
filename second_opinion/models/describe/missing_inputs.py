"""Which inputs a model does without: what it does when a value is missing is tried."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from second_opinion.errors import UserError
from second_opinion.models.describe.estimator_checks import third_party
from second_opinion.models.describe.estimator_facts import known_of
from second_opinion.models.model import Model

MOST_TRIED = 200


def allowed(model: Model) -> set[str]:
    """The names of features that may be missing although the training data had no hole there.

    Not those that a step would take for some other value: an encoder that has never seen a hole
    ignores it as it ignores every unknown category. `UserError` when the model cannot answer a
    typical case.
    """
    schema = model.card.case_schema
    with third_party(f"The {type(model.estimator).__name__} cannot predict a typical case"):
        model.predict(schema.typical)
    facts = known_of(model.estimator, schema.names)
    candidates = [
        feature.name
        for feature in schema
        if not (feature.optional or feature.shape == "text")
        and facts[feature.name].missing is not False
    ]
    if _answers(model, candidates):
        return set(candidates)
    return {name for name in candidates[:MOST_TRIED] if _answers(model, [name])}


def _answers(model: Model, names: list[str]) -> bool:
    """Whether it answers a typical case without each of these features in turn."""
    typical = model.card.case_schema.typical
    cases: list[dict[str, Any]] = [{**typical, name: None} for name in names]
    with suppress(UserError), third_party("It needs every value"):
        return not cases or len(model.predict(cases)) == len(cases)
    return False
