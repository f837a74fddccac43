"""Whether an answer to a drawn case confirms the model, by the rules of its plan."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from second_opinion.records.plan import Plan
from second_opinion.records.prediction import Prediction
from second_opinion.records.review import Outcome
from second_opinion.records.value import same_value
from second_opinion.records.verdict import Verdict
from second_opinion.records.verdict_kinds import kind_of
from second_opinion.store.plans import FinalAnswer, PlanAnswers
from second_opinion.verdicts import meaning
from second_opinion.verdicts.blind_answer import is_models


def first_answers(plan: Plan, verdicts: Iterable[tuple[int, Verdict]]) -> dict[int, list[Verdict]]:
    """Of each drawn case the answers that count: of each expert of the panel the first one.

    ``verdicts`` are in the order of storing, each with the position of its draw. What changes or
    takes back an answer changes nothing here, and neither does a verdict that was given with the
    model's answer in view, where the plan is blind.
    """
    first: dict[int, dict[str, Verdict]] = {}
    for position, verdict in verdicts:
        if plan.asks(verdict.expert, verdict.by_key) and verdict.mode == plan.mode:
            first.setdefault(position, {}).setdefault(verdict.by_key, verdict)
    return {position: [*answers.values()] for position, answers in first.items()}


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
    losses = {answer.id: loss_of(answer) for answer in answers[: plan.answers]}
    outcomes = {*losses.values()}
    clear = [one for one in answers[: plan.answers] if losses[one.id] != "unsure"]
    named = [named_answer(answer) for answer in clear]
    is_one = "wrong" not in outcomes or all(same_value(one, named[0]) for one in named)
    if outcomes >= {"right", "wrong"} or not is_one:
        return final
    return "unsure" if "unsure" in outcomes else outcomes.pop()


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


def loss(plan: Plan, answer: Verdict, prediction: Prediction) -> Outcome:
    """Whether one answer is the model's: right, wrong, or unsure where it says neither.

    A number is the same within the plan's tolerance. Of a risk the judgement says it, which was
    worked out when the answer was locked: a prediction does not tell which class is the event.
    """
    counts_as = kind_of(answer.judgement).counts_as
    value = named_answer(answer)
    if counts_as == "nothing":
        return "unsure"
    if value is None or meaning.scale_of(prediction).answer == "probability":
        return "right" if counts_as == "right" else "wrong"
    return "right" if is_models(value, prediction, plan.tolerance or 0.0) else "wrong"


def named_answer(answer: Verdict) -> Any:
    """The value that an expert gave, before the model's answer was in view or beside it."""
    return answer.blind_value if answer.mode == "blind" else answer.correct_value


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
