"""The verdict that an answer given before the model's was in view amounts to."""

from __future__ import annotations

from typing import Any

from second_opinion.records.answer_scale import is_number
from second_opinion.records.prediction import Prediction
from second_opinion.records.value import same_value
from second_opinion.records.verdict import Direction, Judgement, Verdict
from second_opinion.verdicts import meaning


def locked(
    prediction: Prediction,
    expert: str,
    value: Any,
    *,
    tolerance: float | None = None,
    risk: float | None = None,
    **about: Any,
) -> Verdict:
    """An expert's own answer to a case, None for unsure; ``about`` are further fields of `Verdict`.

    Its judgement is worked out: agree, or disagree with the answer as the right one. A number may
    be ``tolerance`` away from the model's; None takes that of the card. Of a risk the answer is a
    range of probabilities, one probability, or yes or no, and is held against ``risk``, the model's
    probability of the event; disagreeing says on which side that lies.
    """
    about |= {"mode": "blind", "blind_value": value}
    if value is None:
        return Verdict(prediction.id, expert, "unsure", **about)
    if meaning.scale_of(prediction).answer == "probability":
        if risk is None:
            raise ValueError("an answer to a risk needs the model's probability of the event")
        side = _side(value, risk, tolerance or 0.0)
        judgement: Judgement = "disagree" if side else "agree"
        return Verdict(prediction.id, expert, judgement, direction=side, **about)
    if is_models(value, prediction, tolerance):
        return Verdict(prediction.id, expert, "agree", **about)
    return Verdict(prediction.id, expert, "disagree", correct_value=value, **about)


def is_models(value: Any, prediction: Prediction, tolerance: float | None) -> bool:
    """Whether a class or a number is the model's; None as in `locked`."""
    allowed = meaning.tolerance_of(prediction) if tolerance is None else tolerance
    if meaning.scale_of(prediction).answer == "class" or allowed is None:
        return same_value(value, prediction.value)
    return meaning.within(value, prediction.value, allowed)


def _side(value: Any, risk: float, tolerance: float) -> Direction | None:
    """On which side of the answer the model's probability lies; None where it is the answer."""
    if isinstance(value, (list, tuple)):
        low, high = value
    elif is_number(value):
        low, high = value - tolerance, value + tolerance
    else:
        return None if bool(value) == (risk >= 0.5) else "too_low" if value else "too_high"
    return "too_low" if risk < low else "too_high" if risk > high else None
