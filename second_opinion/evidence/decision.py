"""What the answers to a plan establish, and its draws with their answers as a table."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pandas as pd

from second_opinion.evidence.answer_loss import first_answers, outcomes
from second_opinion.records.expert import Expert
from second_opinion.records.plan import Closing, Plan
from second_opinion.statistics import release
from second_opinion.statistics.release import Assessment
from second_opinion.store import Store

COLUMNS = (
    *("position", "batch_id", "row_number", "prediction_id", "band", "doubt", "base"),
    *("confidence", "twice", "answer", "answers", "answered_at"),
)


def assess(store: Store, plan: Plan, *, by: Expert) -> Assessment:
    """What the answers to a plan say of it; `UserError` below a reviewer."""
    return release.assess(plan, draw_table(store, plan, by=by))


def draw_table(store: Store, plan: Plan, *, by: Expert) -> pd.DataFrame:
    """The draws of a plan in draw order, as `release.assess` reads them. A row for each case.

    ``position`` from 0, ``batch_id``, ``row_number`` from 1, ``prediction_id``, ``band`` of
    confidence with its ``doubt``, ``base`` (the chance of the first draw), ``confidence``,
    ``twice``; ``answer`` (right, wrong, unsure, or None where the case is open), how many
    ``answers`` it has, and ``answered_at``, when the first came. `UserError` below a reviewer.
    """
    drawn, stored = store.plans.draws(plan.id, by=by), store.plans.answers(plan, by=by)
    answers = first_answers(plan, stored.verdicts)
    outcome = outcomes(plan, stored)
    rows: list[dict[str, Any]] = [
        {
            **asdict(draw),
            "batch_id": plan.batch_id,
            "answer": outcome.get(draw.position),
            "answers": len(answers.get(draw.position, ())),
            "answered_at": answers[draw.position][0].created_at
            if draw.position in answers
            else None,
        }
        for draw in drawn
    ]
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return table.astype({"confidence": "float64", "answer": "object", "answered_at": "object"})


def close(store: Store, plan: Plan, *, by: Expert) -> Closing:
    """Take no more answers, and keep the bound that was reached; `UserError` for all but owners."""
    reached = assess(store, plan, by=by)
    closing = Closing(plan.id, by.label, reached.state, reached.bound, reached.answers)
    return store.plans.close(closing, by=by)
