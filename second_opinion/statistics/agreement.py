"""Shares with their intervals, and how far raters agree beyond chance.

A table is raters × cases of answers, as `ratings.read` takes it. NaN stands for "not defined":
nothing to compare, or one category only, where chance explains everything.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, Literal

import numpy as np

from second_opinion.statistics.ratings import Array, Level, Ratings, place_of, read

Statistic = Literal["alpha", "ac1"]


def wilson(k: Any, n: Any, confidence: float = 0.95) -> tuple[Any, Any]:
    """The Wilson interval of a share k/n, without continuity correction.

    ``k`` and ``n`` are numbers or arrays of one shape, and so are the two ends. With n = 0 nothing
    is known: 0 to 1. Source: Wilson 1927; the same as scipy's ``binomtest``, without its import.
    """
    from scipy.special import ndtri

    k, n = _counts(k, n)
    z = float(ndtri((1 + confidence) / 2))
    some = np.maximum(n, 1)
    share = k / some
    middle = share + z * z / (2 * some)
    spread = z * np.sqrt(share * (1 - share) / some + z * z / (4 * some * some))
    low, high = ((middle + sign * spread) / (1 + z * z / some) for sign in (-1, 1))
    low = np.where((k == 0) | (n == 0), 0.0, np.clip(low, 0, 1))
    high = np.where((k == n) | (n == 0), 1.0, np.clip(high, 0, 1))
    return _unwrapped(low), _unwrapped(high)


def clopper_pearson(k: Any, n: Any, confidence: float = 0.95) -> tuple[Any, Any]:
    """The exact interval of a share k/n (Clopper and Pearson 1934); shapes as in `wilson`."""
    from scipy.special import betaincinv

    k, n = _counts(k, n)
    tail = (1 - confidence) / 2
    low = np.where(k == 0, 0.0, betaincinv(np.maximum(k, 1), n - k + 1, tail))
    high = np.where(k == n, 1.0, betaincinv(k + 1, np.maximum(n - k, 1), 1 - tail))
    return _unwrapped(low), _unwrapped(high)


def _counts(k: Any, n: Any) -> tuple[Array, Array]:
    k, n = np.broadcast_arrays(np.asarray(k, dtype=float), np.asarray(n, dtype=float))
    if not ((0 <= k) & (k <= n)).all():
        raise ValueError("a share is k of n with 0 <= k <= n")
    return k, n


def _unwrapped(values: Array) -> Any:
    return float(values) if values.ndim == 0 else values


def krippendorff_alpha(
    table: Any, level: Level = "nominal", order: Sequence[Hashable] | None = None
) -> float:
    """Krippendorff's alpha, 1 − observed / expected disagreement; cases with one answer count not.

    ``level`` says what a difference between two answers weighs: nothing but being one (nominal),
    the answers that lie between (ordinal), its square (interval), its square over the square of
    the sum (ratio). ``order`` lists ordinal answers from low to high; without it they are sorted.
    Source: Krippendorff 2011, Computing Krippendorff's alpha-reliability.
    """
    ratings = read(table, order)
    return alpha_of(ratings, place_of(ratings, level), level, np.ones(len(ratings.counts)))


def gwet_ac1(table: Any, categories: Sequence[Hashable] | None = None) -> float:
    """Gwet's AC1, which does not collapse where one answer is much commoner than the others.

    ``categories`` names the possible answers where some were never given. Source: Gwet 2008,
    Computing inter-rater reliability and its variance in the presence of high agreement.
    """
    ratings = read(table, categories)
    return ac1_of(ratings, np.ones(len(ratings.counts)))


def fleiss_kappa(counts: Any) -> float:
    """Fleiss' kappa of a cases × categories table of counts, each case with as many raters.

    Source: Fleiss 1971, Measuring nominal scale agreement among many raters.
    """
    counts = np.asarray(counts, dtype=float)
    raters = counts.sum(axis=-1)
    if counts.ndim != 2 or not counts.size or (raters != raters[0]).any() or raters[0] < 2:
        raise ValueError("Fleiss' kappa needs the same number of raters, two or more, in each case")
    observed = ((counts**2).sum(axis=1) - raters[0]) / (raters[0] * (raters[0] - 1))
    return chance_corrected(observed.mean(), ((counts.sum(axis=0) / counts.sum()) ** 2).sum())


def cohen_kappa(matrix: Any) -> float:
    """Cohen's kappa of a square table of counts: rows one rater's answers, columns the other's.

    Source: Cohen 1960, A coefficient of agreement for nominal scales.
    """
    counts = np.asarray(matrix, dtype=float)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1]:
        raise ValueError("Cohen's kappa needs a square table of counts")
    if not counts.sum():
        return float("nan")
    shares = counts / counts.sum()
    return chance_corrected(np.trace(shares), (shares.sum(axis=0) * shares.sum(axis=1)).sum())


def chance_corrected(observed: float, by_chance: float) -> float:
    """Agreement beyond chance, 1 at most; NaN where chance explains everything."""
    if by_chance > 1 - 1e-12:
        return float("nan")
    return float((observed - by_chance) / (1 - by_chance))


def alpha_of(
    ratings: Ratings, place: Array, level: Level, weights: Array, within: Array | None = None
) -> float:
    """Alpha with a weight for each case, so that a bootstrap is a change of weights.

    ``place`` puts each category on its scale. ``within``, the disagreement in each case, is taken
    from the counts where it is not given; ordinal cannot give it, as it depends on the weights.
    """
    raters = ratings.counts.sum(axis=1)
    totals = (weights * (raters >= 2)) @ ratings.counts
    if (totals > 0).sum() < 2:
        return float("nan")
    if level == "ordinal":
        # The answers between two categories, half of each end with them, are their midranks' gap.
        place = np.cumsum(totals) - totals / 2
    if within is None:
        within = _disagreements(ratings.counts, place, level)
    observed = float((weights * (raters >= 2) / np.maximum(raters - 1, 1)) @ within)
    expected = float(_disagreements(totals[None, :], place, level)[0])
    return 1 - (float(totals.sum()) - 1) * observed / expected


def _disagreements(counts: Array, place: Array, level: Level) -> Array:
    """The sum of squared differences over ordered pairs of answers, within each row of counts."""
    if level == "nominal":
        return np.asarray(counts.sum(axis=1) ** 2 - (counts**2).sum(axis=1))
    if level == "ratio":
        gaps, sums = (np.abs(sign(place[:, None], place)) for sign in (np.subtract, np.add))
        weights = np.divide(gaps, sums, out=np.zeros_like(gaps), where=sums > 0) ** 2
        return np.asarray(((counts @ weights) * counts).sum(axis=1))
    # Measured from the middle, or the difference of two large sums would lose its digits.
    place = place - place.mean() if len(place) else place
    return np.asarray(2 * (counts.sum(axis=1) * (counts @ place**2) - (counts @ place) ** 2))


def ac1_of(ratings: Ratings, weights: Array) -> float:
    """AC1 with a weight for each case."""
    counts = ratings.counts
    raters = counts.sum(axis=1)
    rated, twice = weights * (raters >= 1), weights * (raters >= 2)
    if len(ratings.categories) < 2 or not twice.sum():
        return float("nan")
    shares = rated @ (counts / np.maximum(raters, 1)[:, None]) / rated.sum()
    agreeing = (counts * (counts - 1)).sum(axis=1) / np.maximum(raters * (raters - 1), 1)
    by_chance = (shares * (1 - shares)).sum() / (len(shares) - 1)
    return chance_corrected(float(twice @ agreeing / twice.sum()), float(by_chance))


def bootstrap(
    table: Any,
    statistic: Statistic = "alpha",
    level: Level = "nominal",
    *,
    seed: int = 0,
    times: int = 1000,
) -> tuple[float, float]:
    """The 95 % percentile interval of alpha or AC1 over cases drawn again with replacement.

    Draws in which the figure is not defined are left out; NaN where that is more than half.
    """
    return resampled(read(table), statistic, level, seed, times)


def resampled(
    ratings: Ratings, statistic: Statistic, level: Level, seed: int, times: int = 1000
) -> tuple[float, float]:
    """`bootstrap` of a table that has been read."""
    answered = ratings.counts.sum(axis=1) >= 1
    ratings = Ratings(ratings.categories, ratings.codes[:, answered], ratings.counts[answered])
    place, cases = place_of(ratings, level), int(answered.sum())
    if not cases:
        return float("nan"), float("nan")
    within = None if level == "ordinal" else _disagreements(ratings.counts, place, level)

    def figure(weights: Array) -> float:
        if statistic == "ac1":
            return ac1_of(ratings, weights)
        return alpha_of(ratings, place, level, weights, within)

    draws = np.random.default_rng(seed).integers(0, cases, (times, cases))
    estimates = np.array(
        [figure(np.bincount(draw, minlength=cases).astype(float)) for draw in draws]
    )
    if np.isnan(estimates).mean() > 0.5:
        return float("nan"), float("nan")
    low, high = np.nanquantile(estimates, (0.025, 0.975))
    return float(low), float(high)
