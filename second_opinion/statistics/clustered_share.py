"""A share of verdicts of which several are on one case: they say less than as many on others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from second_opinion.statistics.agreement import wilson
from second_opinion.statistics.ratings import Array

# What a frame of groups has of the cases of each, beside ``right`` and ``wrong``.
SUMS = ["judged_cases", "right_squared", "right_certain", "certain_squared"]


@dataclass(frozen=True)
class CaseSums:
    """Verdicts by case, summed up: of each case with a clear verdict ``right`` of ``certain``."""

    cases: int = 0
    right: int = 0
    certain: int = 0
    right_squared: int = 0
    right_certain: int = 0
    certain_squared: int = 0

    @classmethod
    def of(cls, right: Any, certain: Any) -> CaseSums:
        """``right`` and ``certain`` have a number for each case."""
        k, n = (np.asarray(counts, dtype=np.int64) for counts in (right, certain))
        sums = (np.count_nonzero(n), k.sum(), n.sum(), k @ k, k @ n, n @ n)
        return cls(*map(int, sums))

    def with_single(self, right: int, certain: int) -> CaseSums:
        """With so many more verdicts, each the only one on its case."""
        return CaseSums(
            self.cases + certain,
            self.right + right,
            self.certain + certain,
            self.right_squared + right,
            self.right_certain + right,
            self.certain_squared + certain,
        )

    @property
    def number(self) -> float:
        """As many verdicts, each on a case of its own, would say as much of the share.

        p (1 − p) m / variance of the shares of the m cases, kept between the number of cases and of
        verdicts; the number of cases where they do not vary. Cases with unequal numbers of verdicts
        weigh by these, in the variance (of a ratio: Cochran 1977, Sampling Techniques, 6.4) and in
        how many cases they stand for (Kish 1965, Survey Sampling, 8.2).
        """
        if not self.certain:
            return 0.0
        p, m, n = self.right / self.certain, self.cases, self.certain
        fewest = n * n / self.certain_squared
        squares = self.right_squared - 2 * p * self.right_certain + p * p * self.certain_squared
        if m < 2 or squares <= 1e-9 * self.certain_squared:
            return fewest
        return min(max(p * (1 - p) * n * n * (m - 1) / (m * squares), fewest), float(n))


def interval(k: int, n: int, number: float) -> tuple[float, float]:
    """The 95 % Wilson interval of the share k/n, where the n verdicts say as much as ``number``."""
    low, high = wilson(k / n * number, number) if n else wilson(0, 0)
    return float(low), float(high)


def numbers(groups: pd.DataFrame) -> pd.Series[float]:
    """`CaseSums.number` of each row with ``right, wrong`` and `SUMS`; without these, right + wrong.

    The sums of groups that share no case may be added up.
    """
    certain = groups["right"] + groups["wrong"]
    if not {*SUMS} <= {*groups}:
        return certain.astype(float)
    columns = (groups["judged_cases"], groups["right"], certain, *(groups[n] for n in SUMS[1:]))
    rows = zip(*columns, strict=True)
    return pd.Series([CaseSums(*map(int, row)).number for row in rows], groups.index, dtype=float)


def numbers_by(group: Any, case: Any, is_right: Any, count: int) -> Array:
    """`CaseSums.number` of each of ``count`` groups, 0 for an empty one.

    ``group`` (from 0), ``case`` (a number) and ``is_right`` have an entry for each verdict that
    says right or wrong.
    """
    case_codes, cases = pd.factorize(np.asarray(case))
    many = max(len(cases), 1)
    pairs, at = np.unique(np.asarray(group) * many + case_codes, return_inverse=True)
    right = np.bincount(at, weights=np.asarray(is_right, dtype=float), minlength=len(pairs))
    certain = np.bincount(at, minlength=len(pairs))
    places = [np.flatnonzero(pairs // many == one) for one in range(count)]
    return np.array([CaseSums.of(right[own], certain[own]).number for own in places], dtype=float)
