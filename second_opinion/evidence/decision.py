"""What the answers to a plan establish, and its draws with their answers as a table."""

from __future__ import annotations

import numpy as np
import pandas as pd

from second_opinion.evidence.answer_loss import outcomes
from second_opinion.recent import Recent
from second_opinion.records.expert import Expert
from second_opinion.records.plan import Closing, Plan
from second_opinion.statistics import release
from second_opinion.statistics.release import Assessment
from second_opinion.store import Store
from second_opinion.store.plan_answers import PlanAnswers
from second_opinion.verdicts.first_answers import first_answers

COLUMNS = (
    *("position", "batch_id", "row_number", "prediction_id", "band", "doubt", "base"),
    *("confidence", "twice", "answer", "answers", "answered_at"),
)
FROZEN = ("position", "row_number", "prediction_id", "band", "doubt", "base", "confidence", "twice")
# Plans of 50,000 cases take 10 MB each.
MOST_BYTES = 40_000_000
CASE_BYTES = 200

# By plan: draws never change.
_frozen: Recent[pd.DataFrame] = Recent(MOST_BYTES)


def assess(store: Store, plan: Plan, *, by: Expert) -> Assessment:
    """What the answers to a plan say of it; `UserError` below a reviewer."""
    return release.assess(plan, draw_table(store, plan, by=by))


def draw_table(
    store: Store, plan: Plan, *, by: Expert, stored: PlanAnswers | None = None
) -> pd.DataFrame:
    """The draws of a plan in draw order, as `release.assess` reads them. A row for each case.

    ``position`` from 0, ``batch_id``, ``row_number`` from 1, ``prediction_id``, ``band`` of
    confidence with its ``doubt``, ``base`` (the chance of the first draw), ``confidence``,
    ``twice``; ``answer`` (right, wrong, unsure, or None where the case is open), how many
    ``answers`` it has, and ``answered_at``, when the first came. ``stored`` are the answers where
    they were read before. `UserError` below a reviewer.
    """
    stored = stored or store.plans.answers(plan, by=by)
    table = _frozen_draws(store, plan, by).copy()
    answers = first_answers(plan, stored.verdicts)
    outcome, count, first_at = (np.full(len(table), None) for _ in range(3))
    count[:] = 0
    for position, some in answers.items():
        count[position], first_at[position] = len(some), some[0].created_at
    for position, counted in outcomes(plan, stored).items():
        outcome[position] = counted
    table["answer"] = pd.Series(outcome, dtype="object")
    table["answers"] = count.astype(int)
    table["answered_at"] = pd.Series(first_at, dtype="object")
    return table


def _frozen_draws(store: Store, plan: Plan, by: Expert) -> pd.DataFrame:
    """The columns of the draws themselves, by position."""
    key = str(store.path), plan.id
    table = _frozen.get(key)
    if table is None:
        draws = store.plans.draws(plan.id, by=by)
        table = pd.DataFrame({name: [getattr(draw, name) for draw in draws] for name in FROZEN})
        table.insert(1, "batch_id", plan.batch_id)
        table = table.astype({"confidence": "float64"})
        _frozen.keep(key, table, CASE_BYTES * len(table))
    return table


def close(store: Store, plan: Plan, *, by: Expert) -> Closing:
    """Take no more answers, and keep the bound that was reached; `UserError` for all but owners."""
    reached = assess(store, plan, by=by)
    closing = Closing(plan.id, by.label, reached.state, reached.bound, reached.answers)
    return store.plans.close(closing, by=by)
