"""What a bound on a pool is for the cases of which that pool is a random sample."""

from __future__ import annotations

import numpy as np
import pandas as pd

from second_opinion.records.plan import Claim
from second_opinion.statistics.agreement import clopper_pearson
from second_opinion.statistics.pool_evidence import PoolEvidence
from second_opinion.statistics.release import answered


def bound(plan: Claim, draws: pd.DataFrame) -> float:
    """The least share of all such cases that is right, with confidence 1 − alpha.

    Half of alpha is spent on the pool and half on its having been drawn (Clopper and Pearson 1934).
    ``draws`` as for `release.assess`.
    """
    losses = np.asarray(answered(draws)[0], dtype=float)
    errors = PoolEvidence.of(draws, losses, plan.expected).most_errors(plan.alpha / 2)
    cases = len(draws) + plan.failed
    return 1 - float(clopper_pearson(errors + plan.failed, cases, 1 - plan.alpha)[1])
