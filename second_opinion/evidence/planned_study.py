"""What the planner needs to know of a plan that is not frozen yet."""

from __future__ import annotations

import numpy as np

from second_opinion.batches.scored_rows import ScoredRows
from second_opinion.models.card import ModelCard
from second_opinion.records.batch import Batch
from second_opinion.records.plan import Draw, Plan
from second_opinion.statistics.planner import Effort, PlannedStudy
from second_opinion.statistics.sampling import Design
from second_opinion.store import Store

# Beyond it, how many answers it takes hardly depends on the size of the pool.
MOST_FORESEEN = 5000


def study_of(
    store: Store,
    plan: Plan,
    draws: list[Draw],
    batch: Batch,
    effort: Effort | None = None,
    *,
    design: Design = "uniform",
    agreement: float | None = None,
) -> PlannedStudy:
    """The study that a plan would be, with ``effort`` (None: one person who answers all).

    ``agreement`` as in `PlannedStudy`. Where no accuracy is expected, it is taken for 1.
    """
    confidence = np.array([draw.confidence for draw in draws], float)
    # A file may be sorted, and draws by doubt are: their start is no sample of the pool.
    np.random.default_rng(int(plan.seed)).shuffle(confidence)
    counts = ScoredRows(store).summary(batch).classes
    part = min(1.0, MOST_FORESEEN / plan.cases)
    return PlannedStudy(
        confidence=confidence[:MOST_FORESEEN],
        target=plan.target,
        expected=plan.expected if plan.expected is not None else 1.0,
        effort=effort or Effort(1, plan.cases),
        design=design,
        alpha=plan.alpha,
        failed=round(part * plan.failed),
        agreement=agreement,
        commonest=max(counts.values()) / batch.rows_done if counts else None,
    )


def expected_accuracy(card: ModelCard) -> float | None:
    """The test score on the card, of a model that answers with classes; None without one."""
    accuracy = card.metrics.get("accuracy")
    is_share = isinstance(accuracy, (int, float)) and 0 < accuracy <= 1
    return float(accuracy) if is_share and card.answer == "class" else None  # type: ignore[arg-type]
