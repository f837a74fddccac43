"""One field of a case at a time with another value: what that does to the answer.

Every variant of a case goes to the model in one batch. An effect says what the model does, one
field at a time; it is no cause, and fields that act together share it in no particular way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from second_opinion.models.card import ModelCard
from second_opinion.models.insight.known_cases import FieldValues, Variants, variant_key
from second_opinion.models.model import Outputs
from second_opinion.records.value import key_of, plain, same_value
from second_opinion.schema import Feature

Case = Mapping[str, Any]
Ask = Callable[[Sequence[Case]], Outputs]


@dataclass(frozen=True)
class Effect:
    """What the value of one field does to the answer.

    ``size`` is the answer less its mean with the values of 50 known cases in the field's place: in
    the unit of a number, else as a fraction of probability. Of a model without probabilities it is
    the share of those values with which it answers something else.
    """

    feature: Feature
    value: Any
    size: float


@dataclass(frozen=True)
class Change:
    """The smallest single change that flips an answer: the field, its new value, the new answer.

    ``answer`` is a class, a number, or of a risk the probability of the event.
    """

    feature: Feature
    value: Any
    answer: Any


@dataclass(frozen=True)
class WhatIf:
    """What single fields do: their effects, the largest first, and what would flip the answer.

    ``score`` is the number that effects are of, for the case as it is.
    """

    score: float
    effects: tuple[Effect, ...]
    change: Change | None


@dataclass(frozen=True)
class Flip:
    """When an answer counts as another one.

    A class is another class. A risk is on the other side of ``base``, a fraction. A number is more
    than ``off`` away, in its unit; None where nobody knows how much is much.
    """

    base: float | None = None
    off: float | None = None


def what_if(ask: Ask, card: ModelCard, case: Case, variants: Variants, flip: Flip) -> WhatIf:
    """Try the usual values of each field, and a grid of others, in one batch."""
    outputs = ask([case, *({**case, field: value} for field, value in variants.pairs)])
    tried = _Tried(card, outputs, variants.places)
    fields = variants.fields
    effects = [effect for field in fields if (effect := tried.effect(field, case)) is not None]
    effects.sort(key=lambda effect: -abs(effect.size))
    return WhatIf(float(tried.scores[0]), tuple(effects), tried.smallest(fields, case, flip))


class _Tried:
    """What the model said of a case and its variants, and where each variant stands."""

    def __init__(self, card: ModelCard, outputs: Outputs, places: dict[Any, int]) -> None:
        self._card, self._outputs, self._places = card, outputs, places
        self.scores = _scores(card, outputs)

    def effect(self, field: FieldValues, case: Case) -> Effect | None:
        """None where no value gives an answer to compare with."""
        scores = self.scores[[self._place(field, value) for value in field.usual]]
        scores = scores[~np.isnan(scores)]
        if not len(scores):
            return None
        size = float(self.scores[0] - scores.mean())
        return Effect(field.feature, case[field.feature.name], size)

    def smallest(self, fields: Sequence[FieldValues], case: Case, flip: Flip) -> Change | None:
        """The change over the fewest known cases; of equal ones that which moves the score most."""
        others = self._others(flip)
        steps = [
            (field.step(start, value), -self._moved(place), place, field.feature, value)
            for field in fields
            for start in [case[field.feature.name]]
            for value in field.grid
            for place in [self._place(field, value)]
            if others[place] and not same_value(value, start)
        ]
        if not steps:
            return None
        *_, place, feature, value = min(steps, key=lambda step: step[:2])
        return Change(feature, value, self._answer(place))

    def _moved(self, place: int) -> float:
        return float(abs(self.scores[place] - self.scores[0]))

    def _others(self, flip: Flip) -> np.ndarray:
        """Of the case and each variant, whether the answer counts as another one."""
        scores = self.scores
        if self._card.task == "regression":
            off = np.inf if flip.off is None else flip.off
            is_far: np.ndarray = np.abs(scores - scores[0]) > off
        elif self._card.answer == "probability" and flip.base is not None:
            is_far = (scores >= flip.base) != (scores[0] >= flip.base)
        else:
            values = [key_of(plain(value)) for value in self._outputs.values]
            is_far = np.array([value != values[0] for value in values])
        is_far[np.isnan(scores)] = False
        return is_far

    def _answer(self, place: int) -> Any:
        is_score = self._card.task == "regression" or self._card.answer == "probability"
        return float(self.scores[place]) if is_score else plain(self._outputs.values[place])

    def _place(self, field: FieldValues, value: Any) -> int:
        return self._places[variant_key(field.feature.name, value)]


def _scores(card: ModelCard, outputs: Outputs) -> np.ndarray:
    """One number for each case: its own, the risk, or how likely the class of the first case is."""
    if card.task == "regression":
        return np.asarray(outputs.values, dtype=float)
    answer = card.positive if card.answer == "probability" else plain(outputs.values[0])
    if outputs.probabilities is None:
        return np.array([same_value(plain(value), answer) for value in outputs.values], dtype=float)
    column = next(at for at, value in enumerate(card.class_values) if same_value(value, answer))
    return outputs.probabilities[:, column]
