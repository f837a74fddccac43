"""Is the model as often right as it says? And how far are its numbers from the experts'?

Arrays have one entry a case. A NaN (no confidence, no verdict, unsure) leaves its case out.
``weights`` mend unequal draws: 1/(N q) for a case that was drawn with probability q out of N.
``case`` has a number for each entry, where several may be on one case: the intervals then rest on
`clustered_share`, without weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from second_opinion.statistics import clustered_share
from second_opinion.statistics.agreement import wilson
from second_opinion.statistics.ratings import Array

BINS = 10
MOST_POINTS = 201


def brier(y: Any, p: Any, weights: Any = None) -> float:
    """The mean squared distance of probabilities ``p`` from what happened, ``y`` of 0 and 1.

    0 is perfect; always saying one half gives .25. NaN without a case. Source: Brier 1950.
    """
    y, p, weights, _ = _complete(y, p, weights)
    return float(weights @ (y - p) ** 2 / weights.sum()) if len(y) else float("nan")


def bins(p: Any, correct: Any, weights: Any = None, case: Any = None) -> pd.DataFrame:
    """The reliability diagram: ten bins with as many cases each, or fewer where values are tied.

    ``p`` is the confidence (0 to 1), ``correct`` whether the model was right. A row each:
    ``cases``, mean ``confidence``, share ``right`` and its 95 % Wilson interval ``low``, ``high``,
    and the bin's ends ``from`` and ``to``. With weights the interval rests on Kish's effective
    number of cases, ``effective``.
    """
    right, p, weights, case = _complete(correct, p, weights, case)
    edges = np.unique(np.quantile(p, np.linspace(0, 1, BINS + 1))) if len(p) else np.empty(0)
    count = max(len(edges) - 1, min(len(edges), 1))
    at = np.clip(np.searchsorted(edges, p, side="left") - 1, 0, max(count - 1, 0))
    cases = np.bincount(at, minlength=count)
    has_cases = cases > 0
    total, squares, confidence, share = (
        np.bincount(at, values, count)[has_cases]
        for values in (weights, weights**2, weights * p, weights * right)
    )
    share = np.clip(share / total, 0, 1)
    effective = total**2 / squares
    if case is not None:
        effective = clustered_share.numbers_by(at, case, right, count)[has_cases]
    low, high = wilson(share * effective, effective)
    # One value throughout makes one bin that begins and ends there.
    begin, end = (edges[:-1], edges[1:]) if len(edges) > 1 else (edges, edges)
    return pd.DataFrame(
        {
            "from": begin[has_cases],
            "to": end[has_cases],
            "cases": cases[has_cases],
            "confidence": confidence / total,
            "right": share,
            "low": low,
            "high": high,
            "effective": effective,
        }
    )


def risk_coverage(
    confidence: Any, wrong: Any, weights: Any = None, case: Any = None
) -> pd.DataFrame:
    """How often the model is wrong when only its surest answers are used.

    Rows from the surest cases to all, 201 at most: ``threshold`` (answers at least this sure),
    ``coverage`` (their share of all cases), ``cases``, ``risk`` (share wrong among them) and its
    95 % Wilson interval ``low``, ``high``. Source: El-Yaniv and Wiener 2010. Several entries on one
    case count for as much in each row as among all.
    """
    wrong, confidence, weights, case = _complete(wrong, confidence, weights, case)
    part = 1.0
    if case is not None and len(wrong):
        part = clustered_share.numbers_by(np.zeros(len(case), int), case, wrong, 1)[0] / len(case)
    order = np.argsort(-confidence, kind="stable")
    wrong, confidence, weights = wrong[order], confidence[order], weights[order]
    last_of_its_value = np.flatnonzero(np.diff(confidence, append=-np.inf))
    if len(last_of_its_value) > MOST_POINTS:
        ranks = np.linspace(0, len(last_of_its_value) - 1, MOST_POINTS).round().astype(int)
        last_of_its_value = last_of_its_value[ranks]
    total, squares = np.cumsum(weights), np.cumsum(weights**2)
    risk = np.clip(np.cumsum(weights * wrong) / total, 0, 1)[last_of_its_value]
    effective = part * (total**2 / squares)[last_of_its_value]
    low, high = wilson(risk * effective, effective)
    return pd.DataFrame(
        {
            "threshold": confidence[last_of_its_value],
            "coverage": total[last_of_its_value] / total[-1] if len(total) else [],
            "cases": last_of_its_value + 1,
            "risk": risk,
            "low": low,
            "high": high,
        }
    )


@dataclass(frozen=True)
class BlandAltman:
    """Two measurements of the same cases: mean difference, its sd, and where 95 % of them lie.

    In the unit of the measurements. NaN where ``n`` is too small: under 1, for the sd under 2.
    """

    bias: float
    sd: float
    low: float
    high: float
    n: int


def bland_altman(a: Any, b: Any) -> BlandAltman:
    """The differences a − b: bias and limits of agreement, bias ± 1.96 sd.

    Source: Bland and Altman 1986, Statistical methods for assessing agreement.
    """
    a, b, _, _ = _complete(a, b, None)
    differences = a - b
    n = len(differences)
    bias = float(differences.mean()) if n else float("nan")
    sd = float(differences.std(ddof=1)) if n > 1 else float("nan")
    return BlandAltman(bias, sd, bias - 1.96 * sd, bias + 1.96 * sd, n)


def _complete(
    first: Any, second: Any, weights: Any, case: Any = None
) -> tuple[Array, Array, Array, Array | None]:
    """All as numbers without the entries in which one of the first three is not known."""
    first, second = (pd.to_numeric(pd.Series(v), "coerce").to_numpy(float) for v in (first, second))
    weights = np.ones(len(first)) if weights is None else np.asarray(weights, dtype=float)
    if not len(first) == len(second) == len(weights):
        raise ValueError("the arrays need an entry for each case")
    is_known = ~(np.isnan(first) | np.isnan(second)) & (weights > 0)
    case = None if case is None else np.asarray(case)[is_known]
    return first[is_known], second[is_known], weights[is_known], case
