"""Release decision: what the parts of the page read of a plan, each once in a run."""

from __future__ import annotations

import pandas as pd

from second_opinion.evidence import decision
from second_opinion.records.batch import Batch
from second_opinion.records.plan import Closing, Plan
from second_opinion.store.plan_answers import PlanAnswers
from second_opinion.ui.run_memory import once
from second_opinion.ui.visit import Visit


def answers(visit: Visit, plan: Plan) -> PlanAnswers:
    """What was said of its draws."""
    return once(f"answers {plan.id}", lambda: visit.store.plans.answers(plan, by=visit.asker))


def draws(visit: Visit, plan: Plan) -> pd.DataFrame:
    """`decision.draw_table`, which nobody changes."""
    stored = answers(visit, plan)
    return once(
        f"draws {plan.id}",
        lambda: decision.draw_table(visit.store, plan, by=visit.asker, stored=stored),
    )


def closing(visit: Visit, plan: Plan) -> Closing | None:
    """How it was closed, or None."""
    return once(f"closing {plan.id}", lambda: visit.store.plans.closing(plan.id, by=visit.asker))


def batch(visit: Visit, plan: Plan) -> Batch | None:
    """The file that its cases are the rows of; None where it is gone."""
    return once(
        f"batch {plan.batch_id}", lambda: visit.store.batches.find(plan.batch_id, by=visit.asker)
    )
