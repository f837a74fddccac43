"""Drawn cases whose first answers differ, which a plan cannot count before somebody decides them.

What the experts say of such a case now may agree: a plan goes by what they said first, and by its
own tolerance.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from second_opinion.access import roles
from second_opinion.records.expert import Expert
from second_opinion.records.plan import Plan
from second_opinion.records.review import Conflict
from second_opinion.records.verdict import Verdict
from second_opinion.store.blind_cases import closed_among
from second_opinion.store.plan_answers import PlanAnswers, answers_to
from second_opinion.store.plans import open_plans
from second_opinion.verdicts.first_answers import differ, first_answers, loss
from second_opinion.verdicts.same_case import case_id


def undecided(plan: Plan, stored: PlanAnswers) -> dict[int, list[Verdict]]:
    """By position the answers of each drawn case that differ, where nobody decided it since."""
    return {
        position: answers[: plan.answers]
        for position, answers in first_answers(plan, stored.verdicts).items()
        if len(answers) >= plan.answers > 1 and position not in stored.final
        if _differ(plan, stored, position, answers[: plan.answers])
    }


def _differ(plan: Plan, stored: PlanAnswers, position: int, answers: list[Verdict]) -> bool:
    prediction = stored.predictions[position]
    return differ(answers, lambda answer: loss(plan, answer, prediction))


def waiting(
    connection: sqlite3.Connection,
    by: Expert,
    model: str | None = None,
    version: str | None = None,
) -> list[Conflict]:
    """The undecided cases of the open plans that this person may decide, each case once."""
    plans = [
        plan
        for plan in open_plans(connection)
        if model in (None, plan.model) and version in (None, plan.version)
        if roles.may_use(by, plan.model)
    ]
    cases = {one.case_id: one for plan in plans for one in _cases(connection, plan)}
    closed = closed_among(connection, [one.prediction_id for one in cases.values()], by)
    return [one for one in cases.values() if one.prediction_id not in closed]


def waits(connection: sqlite3.Connection, case: int, model: str) -> bool:
    """Whether an open plan on this model waits for a decision on this case."""
    plans = [plan for plan in open_plans(connection) if plan.model == model]
    return any(one.case_id == case for plan in plans for one in _cases(connection, plan))


def _cases(connection: sqlite3.Connection, plan: Plan) -> Iterator[Conflict]:
    if plan.answers < 2:
        return
    stored = answers_to(connection, plan)
    for position, answers in undecided(plan, stored).items():
        prediction = stored.predictions[position]
        yield Conflict(
            case_id=case_id(prediction),
            prediction_id=prediction.id,
            model=plan.model,
            version=plan.version,
            adjudicated=False,
            last_at=max(answer.created_at for answer in answers),
            verdicts=tuple(answers),
            is_drawn=True,
        )
