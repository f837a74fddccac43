"""The answers to a drawn case that count, what each makes of the model's, and if they differ."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from second_opinion.records.plan import Plan
from second_opinion.records.prediction import Prediction
from second_opinion.records.review import Outcome
from second_opinion.records.value import same_value
from second_opinion.records.verdict import Verdict
from second_opinion.records.verdict_kinds import kind_of
from second_opinion.verdicts import meaning
from second_opinion.verdicts.blind_answer import is_models

# What an answer counts as that says whether the model is right.
CLEAR: frozenset[Outcome] = frozenset({"right", "wrong"})


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


def differ(answers: Sequence[Verdict], loss_of: Callable[[Verdict], Outcome]) -> bool:
    """Whether these answers cannot all be so; one that is unsure contradicts nobody.

    One is the model's and one is not, or they name different values, none of them the model's.
    """
    losses = [(answer, loss_of(answer)) for answer in answers]
    outcomes = {outcome for _, outcome in losses}
    named = [named_answer(answer) for answer, outcome in losses if outcome in CLEAR]
    is_one = "wrong" not in outcomes or all(same_value(one, named[0]) for one in named)
    return outcomes >= CLEAR or not is_one


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
