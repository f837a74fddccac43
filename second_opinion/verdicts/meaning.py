"""What a verdict or a final answer says of a prediction: right, wrong or unsure, and the answer.

Nothing else decides it. The store asks when a verdict or a final answer comes in and keeps what it
hears; figures, pages and exports count what is kept. docs/feedback.md has an example of each line.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from second_opinion.records.answer_scale import AnswerScale, half_a_place, is_number
from second_opinion.records.prediction import Prediction
from second_opinion.records.review import CERTAIN, Adjudication, FinalDirection, Opinion, Outcome
from second_opinion.records.value import same_value
from second_opinion.records.verdict import Verdict
from second_opinion.records.verdict_kinds import kind_of

# Tenths are no exact floats: 0.3 - 0.2 is just below 0.1.
SLACK, NOISE = 1e-9, 1e-12


@dataclass(frozen=True)
class Meaning:
    """``outcome`` is of the model's answer; ``answer`` the class or number that is named as right,
    or None."""

    outcome: Outcome
    answer: Any = None


def of_verdict(verdict: Verdict, prediction: Prediction) -> Meaning:
    """What one expert says of a prediction.

    A number within the tolerance is the model's own, however it was given. That a risk is about
    right names no class.
    """
    counts_as = kind_of(verdict.judgement).counts_as
    if counts_as == "nothing":
        return Meaning("unsure")
    is_risk = scale_of(prediction).answer == "probability"
    if counts_as == "right":
        return Meaning("right", None if is_risk else prediction.value)
    answer = verdict.correct_value
    is_same = answer is not None and not is_risk and same_answer(answer, prediction)
    return Meaning("right" if is_same else "wrong", answer)


def of_final_answer(decision: Adjudication, prediction: Prediction) -> Meaning:
    """What a third person decided about a prediction.

    A class that is named of a risk is held against the class that the model would answer.
    """
    if decision.direction is not None:
        return Meaning("right" if decision.direction == "about_right" else "wrong")
    is_same = same_answer(decision.answer, prediction)
    return Meaning("right" if is_same else "wrong", decision.answer)


def same_answer(answer: Any, prediction: Prediction) -> bool:
    """Whether an answer is the model's: the same class, or a number within the tolerance."""
    allowed = tolerance_of(prediction)
    if allowed is None:
        return same_value(answer, prediction.value)
    return within(answer, prediction.value, allowed)


def within(left: Any, right: Any, tolerance: float) -> bool:
    """Whether two numbers are no further apart than the tolerance."""
    if not (is_number(left) and is_number(right)):
        return same_value(left, right)
    return bool(abs(left - right) <= tolerance * (1 + SLACK) + NOISE * abs(right))


def tolerance_of(prediction: Prediction) -> float | None:
    """How far a number may be from the model's and still be the same; None of what is no number."""
    scale = scale_of(prediction)
    if scale.answer != "number":
        return None
    if scale.tolerance is not None:
        return scale.tolerance
    return half_a_place(prediction.value) if is_number(prediction.value) else 0.0


def scale_of(prediction: Prediction) -> AnswerScale:
    """The scale of its card. Where no card is known, a fraction without probabilities is a number
    and everything else a class."""
    if prediction.scale is not None:
        return prediction.scale
    is_fraction = isinstance(prediction.value, float) and prediction.probabilities is None
    return AnswerScale("number" if is_fraction else "class")


def contradict(opinions: Iterable[Opinion], tolerance: float | None) -> bool:
    """Whether what experts say of one case cannot all be so.

    They name different answers (numbers: further apart than the tolerance), one takes the model's
    and one does not without naming another, or they name no answer and opposite directions.
    """
    certain = [opinion for opinion in opinions if opinion.outcome in CERTAIN]
    unnamed = [opinion for opinion in certain if opinion.answer is None]
    answers = [opinion.answer for opinion in certain if opinion.answer is not None]
    directions = {opinion.direction for opinion in unnamed if opinion.outcome == "wrong"} - {None}
    if len(directions) > 1 or _differ(answers, tolerance):
        return True
    some = unnamed or tolerance is None
    return bool(some) and {opinion.outcome for opinion in certain} == {"right", "wrong"}


def _differ(answers: Sequence[Any], tolerance: float | None) -> bool:
    if tolerance is None or not all(map(is_number, answers)):
        return any(not same_value(answer, answers[0]) for answer in answers)
    return bool(answers) and not within(max(answers), min(answers), tolerance)


def side_of(outcome: Outcome, direction: FinalDirection | None) -> str:
    """What counts of a risk, by its outcome and direction: about_right, too_low, too_high, or
    empty where neither says."""
    if outcome == "right":
        return "about_right"
    return str(direction or "") if outcome == "wrong" else ""
