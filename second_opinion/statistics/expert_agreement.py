"""Do the experts agree with each other? What a page says of cases that several have answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from second_opinion.formatting import plural
from second_opinion.statistics.agreement import (
    ac1_of,
    alpha_of,
    chance_corrected,
    resampled,
    wilson,
)
from second_opinion.statistics.ratings import Array, Level, Ratings, place_of, read

# Below this many cases with two answers the chance-corrected figures say more about luck.
FEW_CASES = 30


@dataclass(frozen=True)
class Agreement:
    """How well experts agree. Intervals are (low, high) at 95 %; NaN is "not defined".

    ``cases`` have two answers or more; in ``agreed`` of them all answers are the same. The
    chance-corrected figures are None under `FEW_CASES` cases. ``note`` says what limits them.
    """

    cases: int
    agreed: int
    share: float
    share_interval: tuple[float, float]
    ac1: float | None = None
    ac1_interval: tuple[float, float] | None = None
    alpha: float | None = None
    alpha_interval: tuple[float, float] | None = None
    note: str = ""


def between(
    table: Any,
    level: Level = "nominal",
    *,
    tolerance: float = 0.0,
    counted: tuple[int, int] | None = None,
    seed: int = 0,
) -> Agreement:
    """Everything that the answers of two or more experts to the same cases tell.

    Numbers agree when they lie within ``tolerance``; where each case has its own, ``counted`` says
    how many cases there are and in how many all answers are the same. AC1 is left out for numbers
    on a scale (``interval``, ``ratio``), to which it does not apply.
    """
    ratings = read(table)
    cases, agreed = counted or _same_answers(ratings, tolerance)
    share = agreed / cases if cases else float("nan")
    raw = Agreement(cases, agreed, share, wilson(agreed, cases))
    if min(cases, int(ratings.twice.sum())) < FEW_CASES:
        few = f"{plural(cases, 'case')} {'has' if cases == 1 else 'have'} two answers or more; "
        return replace(raw, note=few + f"from {FEW_CASES} on, agreement beyond chance is shown.")
    alpha = alpha_of(ratings, place_of(ratings, level), level, np.ones(len(ratings.counts)))
    agreement = replace(raw, alpha=alpha, alpha_interval=resampled(ratings, "alpha", level, seed))
    if level in ("nominal", "ordinal"):
        ac1 = ac1_of(ratings, np.ones(len(ratings.counts)))
        agreement = replace(agreement, ac1=ac1, ac1_interval=resampled(ratings, "ac1", level, seed))
    if np.isnan(alpha):
        one = "All answers are the same; agreement beyond chance is not defined."
        return replace(agreement, note=one)
    return agreement


def same_answers(table: Any, tolerance: float = 0.0) -> tuple[int, int]:
    """How many cases have two answers or more, and in how many of them all are the same."""
    return _same_answers(read(table), tolerance)


def _same_answers(ratings: Ratings, tolerance: float) -> tuple[int, int]:
    cases = int(ratings.twice.sum())
    return cases, cases - int(_conflicts(ratings, tolerance).sum())


def conflicts(table: Any, tolerance: float = 0.0) -> Array:
    """Which cases have answers that differ (numbers: by more than the tolerance); booleans."""
    return _conflicts(read(table), tolerance)


def _conflicts(ratings: Ratings, tolerance: float) -> Array:
    differ = (ratings.counts > 0).sum(axis=1) > 1
    if not tolerance:
        return np.asarray(differ)
    place = place_of(ratings, "interval")
    has_answer = ratings.codes >= 0
    values = place[np.maximum(ratings.codes, 0)]
    highest = np.where(has_answer, values, -np.inf).max(axis=0)
    lowest = np.where(has_answer, values, np.inf).min(axis=0)
    # Tenths are no exact floats: 0.3 - 0.2 is just below 0.1.
    apart: Array = highest - lowest > tolerance * (1 + 1e-9)
    return np.asarray(apart & differ)


def pairwise(
    table: Any, names: Sequence[str] | None = None, *, tolerance: float = 0.0
) -> pd.DataFrame:
    """Each two raters who share a case: rater_a, rater_b, cases, agreed, share, low, high, kappa.

    ``names`` default to the index of a frame, else to the rows' numbers. The most shared cases
    come first; kappa is Cohen's, NaN where it is not defined.
    """
    ratings = read(table)
    index = table.index if isinstance(table, pd.DataFrame) else range(len(ratings.codes))
    raters = list(index if names is None else names)
    rows = [
        {"rater_a": raters[a], "rater_b": raters[b], **_pair(ratings, a, b, tolerance)}
        for a, b in combinations(range(len(ratings.codes)), 2)
    ]
    columns = ["rater_a", "rater_b", "cases", "agreed", "share", "low", "high", "kappa"]
    pairs = pd.DataFrame(rows, columns=columns)
    return pairs[pairs["cases"] > 0].sort_values("cases", ascending=False, kind="stable")


def _pair(ratings: Ratings, a: int, b: int, tolerance: float) -> dict[str, Any]:
    one, other = ratings.codes[a], ratings.codes[b]
    both = (one >= 0) & (other >= 0)
    one, other, cases = one[both], other[both], int(both.sum())
    if not cases:
        return {"cases": 0}
    place = place_of(ratings, "interval" if tolerance else "nominal")
    agreed = int((np.abs(place[one] - place[other]) <= tolerance * (1 + 1e-9)).sum())
    low, high = wilson(agreed, cases)
    shares = [np.bincount(each, minlength=len(place)) / cases for each in (one, other)]
    kappa = chance_corrected(float((one == other).mean()), float(shares[0] @ shares[1]))
    return {
        "cases": cases,
        "agreed": agreed,
        "share": agreed / cases,
        "low": low,
        "high": high,
        "kappa": kappa,
    }
