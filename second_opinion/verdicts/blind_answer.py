"""The verdict that an answer given before the model's was in view amounts to."""

from __future__ import annotations

from typing import Any

from second_opinion.records.prediction import Prediction
from second_opinion.records.verdict import Judgement, Verdict
from second_opinion.verdicts.meaning import same_answer


def locked(prediction: Prediction, expert: str, value: Any, **about: Any) -> Verdict:
    """An expert's own answer to a case, None for unsure; ``about`` are further fields of `Verdict`.

    Its judgement is worked out: agree where it is the model's answer, else disagree with it.
    """
    is_models = value is not None and same_answer(value, prediction)
    judgement: Judgement = "agree" if is_models else "unsure" if value is None else "disagree"
    return Verdict(
        prediction_id=prediction.id,
        expert=expert,
        judgement=judgement,
        correct_value=None if is_models else value,
        mode="blind",
        blind_value=value,
        **about,
    )
