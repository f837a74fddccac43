"""Feedback review for a person who may not use every model: of the others there is no trace."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import signature
from typing import Any, cast

from second_opinion.access import roles
from second_opinion.errors import UserError
from second_opinion.records.expert import Expert
from second_opinion.store.review_queries import Review

ModelOf = Callable[[str], str | None]


def as_seen_by(person: Expert, review: Review, model_of: ModelOf) -> Review:
    """The same verbs, each of one model that the person may use, or of a case or verdict of one.

    ``model_of`` gives the model of a prediction by its id. `UserError` as for a model that is not
    there.
    """
    return cast(Review, _Limited(person, review, model_of))


class _Limited:
    def __init__(self, by: Expert, review: Review, model_of: ModelOf) -> None:
        self._by, self._review, self._model_of = by, review, model_of

    def __getattr__(self, name: str) -> Any:
        verb = getattr(self._review, name)

        @wraps(verb)
        def checked(*args: Any, **kwargs: Any) -> Any:
            bound = signature(verb).bind(*args, **kwargs)
            bound.apply_defaults()
            self._check(bound.arguments)
            return verb(*args, **kwargs)

        return checked

    def _check(self, arguments: dict[str, Any]) -> None:
        for name, value in arguments.items():
            if name == "model":
                self._check_model(value)
            elif name == "verdict_filter":
                self._check_model(value.model)
            elif name == "prediction_id":
                self._check_model(self._model_of(value) or "")
            elif name == "verdict_id":
                verdict = self._review.verdict(value)
                self._check_model(self._model_of(verdict.prediction_id) or "" if verdict else "")

    def _check_model(self, model: str | None) -> None:
        if model is None:
            raise UserError("These are of all models together; expected one. Choose a model.")
        roles.check_model(self._by, model)
