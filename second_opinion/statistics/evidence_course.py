"""How the bound and the estimate moved with each answer, for a chart. It decides nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd

from second_opinion.records.plan import Claim
from second_opinion.statistics import betting
from second_opinion.statistics.pool_evidence import PoolEvidence, bar_of
from second_opinion.statistics.ratings import Array
from second_opinion.statistics.release import answered

# The bound of the chart is at most so much of the pool below the true one.
FINENESS = 250


def course(plan: Claim, draws: pd.DataFrame) -> pd.DataFrame:
    """``answers`` from 1 on, and the ``bound`` and ``estimate`` after each, as shares right.

    ``draws`` as for `release.assess`. The bound never falls, and may be a 250th of the pool under
    that of `release.assess`.
    """
    losses, _ = answered(draws)
    cases = len(draws) + plan.failed
    answers = np.arange(1, len(losses) + 1)
    if not len(losses):
        return pd.DataFrame({"answers": answers, "bound": [], "estimate": []})
    evidence = PoolEvidence.of(draws, losses, plan.expected)
    errors = _most_errors(evidence, plan.alpha)
    return pd.DataFrame(
        {
            "answers": answers,
            "bound": 1 - (errors + plan.failed) / cases,
            "estimate": 1 - (_estimates(evidence) + plan.failed) / cases,
        }
    )


def _estimates(evidence: PoolEvidence) -> Array:
    """The errors in the pool as estimated after each answer, between what is possible."""
    trail, pool = evidence.trail, evidence.trail.bands.cases
    right, wrong = betting.errors_by_draw(trail)
    answers = np.arange(1, len(trail.band) + 1)
    means = np.cumsum(np.where(trail.wrong > 0, wrong, right)) / answers
    seen = np.cumsum(trail.wrong)
    return np.asarray(np.clip(pool * means, seen, pool - (answers - seen)))


def _most_errors(evidence: PoolEvidence, alpha: float) -> Array:
    """The largest count of errors that is not rejected after each answer."""
    pool, answers = evidence.trail.bands.cases, len(evidence.trail.band)
    at = {evidence.wrong: answers, pool + 1: 0}
    _look_between(evidence, bar_of(alpha), evidence.wrong, pool + 1, at)
    most = np.full(answers, pool)
    # A count that is rejected after an answer bounds all later ones.
    for errors, rejected in sorted(at.items(), reverse=True):
        most[rejected:] = errors - 1
    return most


def _look_between(
    evidence: PoolEvidence, bar: float, low: int, high: int, at: dict[int, int]
) -> None:
    """Find after which answer counts between two others are rejected, where these differ."""
    fine = max(1, evidence.trail.bands.cases // FINENESS)
    if high - low <= fine or at[low] == at[high]:
        return
    middle = (low + high) // 2
    passing = evidence.against(middle) >= bar
    at[middle] = int(passing.argmax()) if passing.any() else len(passing)
    _look_between(evidence, bar, low, middle, at)
    _look_between(evidence, bar, middle, high, at)
