"""Why a model gives an answer, and what an answer is held against, in words."""

from __future__ import annotations

from second_opinion.formatting import duration, number_text, percent, plural, round_to_three
from second_opinion.models.card import ModelCard, value_text
from second_opinion.models.insight.answer_context import AnswerContext, Place, usual_error
from second_opinion.models.insight.insight import Absence, Insight
from second_opinion.models.insight.known_cases import USUAL, Origin
from second_opinion.models.insight.what_if import Change, Effect
from second_opinion.records.prediction import Prediction
from second_opinion.schema import Feature
from second_opinion.statistics.novelty import Novelty

# Seconds of a single answer that nobody would call slow.
NOT_SLOW = 0.1

NO_EFFECT = "No field alone makes a difference: with usual values in its place the answer stays."
NO_CHANGE = "No other value of a single field gives another answer, among those that were tried."


def field_text(feature: Feature, value: object) -> str:
    """``Tenure: 24 months``."""
    return f"{feature.label}: {feature.text(value)}"


def effect_text(card: ModelCard, prediction: Prediction, effect: Effect) -> str:
    """What the value of a field does to the answer: ``31 points towards Leaves``."""
    up = effect.size > 0
    if card.task == "regression":
        return f"{round_to_three(abs(effect.size))} {card.target.unit}".strip() + (
            " higher by it" if up else " lower by it"
        )
    points = points_text(abs(effect.size))
    if card.answer == "probability":
        return f"risk {points} {'higher' if up else 'lower'} by it"
    answer = card.label(prediction.value)
    if prediction.probabilities is None:
        return f"{answer} by it in {percent(abs(effect.size))} of cases"
    return f"{points} {'towards' if up else 'away from'} {answer}"


def points_text(size: float) -> str:
    """A difference of two probabilities in percentage points."""
    points = round(size * 100)
    return plural(points, "point") if points else "under 1 point"


def caption(insight: Insight) -> str:
    """What a bar means, and what it rests on."""
    cases = plural(insight.total, "training case")
    source = (
        f"those of {min(USUAL, insight.total)} of the {cases}"
        if insight.origin == "rows"
        else f"made up from a summary of the {cases}, whose rows are not kept"
    )
    return (
        f"How far the answer moves when one field alone has usual values instead: {source}. This "
        "is what the model does with a field, not a cause."
    )


def change_text(card: ModelCard, change: Change, prediction: Prediction) -> str:
    """The smallest change that flips the answer, and the answer then."""
    before = change.feature.text(prediction.inputs[change.feature.name])
    after = change.feature.text(change.value)
    return f"{change.feature.label} {after} instead of {before} ({new_answer(card, change)})."


def new_answer(card: ModelCard, change: Change) -> str:
    """The answer after a change, in the words of the card."""
    if card.answer == "probability":
        return f"{percent(change.answer)} risk of {card.event}"
    return value_text(card, change.answer)


def change_label(card: ModelCard, context: AnswerContext) -> str:
    """What counts as another answer, before the change that gives one."""
    if card.task == "regression":
        return "The smallest single change that moves the answer by more than its usual error"
    if card.answer == "probability" and context.base_rate is not None:
        return "The smallest single change that takes the risk across that of the training cases"
    return "The smallest single change that gives another answer"


def novelty_text(card: ModelCard, novelty: Novelty, prediction: Prediction, origin: Origin) -> str:
    """That a case is unlike the training data, and in what most."""
    known = "training cases" if origin == "rows" else "cases made up from their summary"
    worst = [
        f"{feature.label} {feature.text(prediction.inputs[feature.name])}"
        for feature in map(card.case_schema.get, novelty.fields)
        if feature is not None
    ]
    most = f" Furthest off: {' and '.join(worst)}." if worst else ""
    return (
        f"Unlike the training data: at most 1 in 100 {known} is as far from the others as this "
        f"one.{most}"
    )


def slow_text(absence: Absence) -> str:
    """That reasons were not computed, and how long an answer of the model takes."""
    if absence.seconds_an_answer is None:
        return absence.reason
    if absence.seconds_an_answer < NOT_SLOW:
        return "Not computed: this model takes long for many cases."
    return f"Not computed: this model takes {pace_text(absence.seconds_an_answer)} an answer."


def pace_text(seconds: float) -> str:
    """``2.3 s``, ``0.04 s``, ``2 min``."""
    return f"{round_to_three(seconds)} s" if seconds < 10 else duration(seconds)


def wait_label(absence: Absence) -> str:
    """The button to compute them all the same."""
    return f"Compute it, about {duration(absence.seconds or 0)}"


def place_text(card: ModelCard, place: Place) -> str:
    """Where a number lies among the training answers."""
    low, quarter, _, three_quarters, high = (round_to_three(level) for level in place.quartiles)
    unit = f" {card.target.unit}" if card.target.unit else ""
    if place.above == 0 and place.below == 1:
        return f"Above all training answers, {low} to {high}{unit}"
    if place.below == 0 and place.above == 1:
        return f"Below all training answers, {low} to {high}{unit}"
    return (
        f"Higher than {percent(place.below)} of the training answers, {low} to {high}{unit}; half "
        f"of them lie between {quarter} and {three_quarters}"
    )


def error_text(card: ModelCard) -> str:
    """How far off the model usually is; empty where its card has no such figure."""
    error = usual_error(card)
    if error is None:
        return ""
    unit = f" {card.target.unit}" if card.target.unit else ""
    rows = card.metrics.get("rows")
    basis = ": ".join(
        part
        for part in (plural(rows, "case") if rows else "", str(card.metrics.get("on", "")))
        if part
    )
    text = f"Usually off by {round_to_three(error)}{unit}"
    return f"{text} (mean of {basis})." if basis else f"{text}."


def base_rate_text(context: AnswerContext, risk: float) -> str:
    """How a risk compares with the share of training cases that had the event."""
    if context.base_rate is None:
        return ""
    base = f"Of the {plural(context.cases, 'training case')}, {percent(context.base_rate)} had it"
    if not 0 < context.base_rate < 1:
        return f"{base}."
    ratio = risk / context.base_rate
    if 0.95 <= ratio <= 1.05:
        return f"{base}: this risk is about the same."
    return f"{base}: this risk is {number_text(float(f'{ratio:.2g}'))} times that."
