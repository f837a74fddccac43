"""Whether an answer to a drawn case confirms the model, by the rules of its plan."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from second_opinion.records.plan import Plan
from second_opinion.records.prediction import Prediction
from second_opinion.records.review import Outcome
from second_opinion.records.verdict import Verdict
from second_opinion.store.plan_answers import FinalAnswer, PlanAnswers
from second_opinion.verdicts import meaning
from second_opinion.verdicts.blind_answer import is_models
from second_opinion.verdicts.first_answers import CLEAR, differ, first_answers, loss


def outcome_of(
    plan: Plan,
    answers: Sequence[Verdict],
    loss_of: Callable[[Verdict], Outcome],
    final: Outcome | None,
) -> Outcome | None:
    """What a case counts as; None while it is open.

    It is open until as many answered as the plan asks, and, where these differ, until a third
    person decided the case: ``final``. Where somebody is unsure and nobody contradicts anybody
    there is nothing to decide, and it is unsure. ``loss_of`` says what one answer makes of the
    model's.
    """
    if len(answers) < plan.answers:
        return None
    counted = answers[: plan.answers]
    if differ(counted, loss_of):
        return final
    outcomes = {*map(loss_of, counted)}
    return outcomes.pop() if outcomes <= CLEAR else "unsure"


def final_loss(plan: Plan, final: FinalAnswer | None, prediction: Prediction) -> Outcome | None:
    """Whether a final answer is the model's, by the tolerance of the plan; None without one."""
    if final is None:
        return None
    if final.answer is None:
        return final.outcome
    if meaning.scale_of(prediction).answer == "probability":
        is_right = meaning.same_answer(final.answer, prediction)
    else:
        is_right = is_models(final.answer, prediction, plan.tolerance or 0.0)
    return "right" if is_right else "wrong"


def _counted(plan: Plan, stored: PlanAnswers, at: int, answers: list[Verdict]) -> Outcome | None:
    prediction = stored.predictions[at]
    final = final_loss(plan, stored.final.get(at), prediction)
    return outcome_of(plan, answers, lambda answer: loss(plan, answer, prediction), final)


def outcomes(plan: Plan, stored: PlanAnswers) -> dict[int, Outcome]:
    """What each case that is not open counts as, by the position of its draw.

    A case that everybody of the panel skipped, or answered where that was not enough, is unsure.
    """
    answers = first_answers(plan, stored.verdicts)
    counted = {at: _counted(plan, stored, at, given) for at, given in answers.items()}
    panel = {*range(len(plan.experts))}
    for position, skipped in stored.skipped.items():
        given = answers.get(position, [])
        people = {*skipped, *((answer.expert, answer.by_key) for answer in given)}
        seen = {seat for label, key in people for seat in plan.seats(label, key)}
        if panel and panel <= seen and len(given) < plan.answers:
            counted[position] = "unsure"
    return {position: outcome for position, outcome in counted.items() if outcome}
