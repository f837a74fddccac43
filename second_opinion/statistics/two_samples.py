"""Do two columns come from one distribution? The tests and the sizes that `drift` puts together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from second_opinion.statistics.ratings import Array
from second_opinion.statistics.sides import Grid, Levels, Sample

LEAST_EXPECTED = 5.0


@dataclass(frozen=True)
class Outcome:
    """What a test found. ``expected`` and ``actual`` are the shares of the bins for the PSI."""

    name: str
    statistic: float
    p_value: float
    size: float
    expected: Array
    actual: Array


def distance(a: Sample | Grid, b: Sample | Grid) -> float:
    """The largest gap between two distribution functions, 0 to 1.

    Exact for two samples. With a grid of quantiles it is at most the exact one, and at most one
    grain (1/200 for 201 quantiles) below.
    """
    a, b = (a, b) if len(a.values) <= len(b.values) else (b, a)
    begin, end, before, after = a.steps()
    return float(max((after - b.upto(end)).max(), (b.before(begin) - before).max(), 0.0))


def kolmogorov_smirnov(before: Sample | Grid, after: Sample | Grid) -> Outcome:
    """The two-sample test; its p-value is scipy's for ``method="asymp"``."""
    from scipy.stats import kstwo

    gap = distance(before, after)
    effective = round(before.n * after.n / (before.n + after.n))
    edges = np.unique(before.quantiles(np.arange(1, 10) / 10))
    expected, actual = (
        np.diff(np.concatenate([[0.0], side.share(edges), [1.0]])) for side in (before, after)
    )
    p_value = float(kstwo.sf(gap, effective))
    return Outcome("Kolmogorov-Smirnov", gap, p_value, gap, expected, actual)


def levels_test(before: Levels, after: Levels) -> Outcome | None:
    """Pearson's chi-square test of homogeneity, rare levels pooled to five expected on each side.

    Where they are too few even together, they join the rarest of the others for that test, and
    Fisher's exact test asks about them alone: the smaller p-value counts, doubled for being the
    better of two. Where all levels are rare, Fisher's test of the commonest against the others.
    Which levels are rare follows from both sides together, so that no test is bent by the choice.
    None where no level is listed on both sides.
    """
    counts = _counts(before, after)
    table, others_are_few = _pooled(counts)
    if counts.shape[1] < 2:
        return None
    if table.shape[1] < 2:
        table = np.column_stack([counts[:, 0], counts[:, 1:].sum(axis=1)])
        return _outcome(table, _fisher(table))
    if not others_are_few:
        return _outcome(table, _pearson(table))
    others = np.column_stack([table[:, :-1].sum(axis=1), table[:, -1]])
    if table.shape[1] == 2:
        return _outcome(table, _fisher(table))
    joined = np.column_stack([table[:, :-2], table[:, -2:].sum(axis=1)])
    name, statistic, p_value = min(_pearson(joined), _fisher(others), key=lambda found: found[2])
    return _outcome(table, (name, statistic, min(2 * p_value, 1.0)))


def _pearson(table: Array) -> tuple[str, float, float]:
    from scipy.special import chdtrc

    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / table.sum()
    statistic = float(((table - expected) ** 2 / expected).sum())
    return "chi-square", statistic, float(chdtrc(table.shape[1] - 1, statistic))


def _fisher(table: Array) -> tuple[str, float, float]:
    from scipy.stats import fisher_exact

    odds_ratio, p_value = fisher_exact(table.astype(int))
    return "Fisher", float(odds_ratio), float(p_value)


def _outcome(table: Array, found: tuple[str, float, float]) -> Outcome:
    expected, actual = table / table.sum(axis=1, keepdims=True)
    size = float(np.abs(expected - actual).sum() / 2)
    return Outcome(*found, size, expected, actual)


def _counts(before: Levels, after: Levels) -> Array:
    """Counts, 2 × levels, the commonest first and at the end what is not listed on both sides."""
    listed = before.counts.keys() | after.counts.keys()
    if before.rest:
        listed &= before.counts.keys()
    if after.rest:
        listed &= after.counts.keys()
    pairs = [(before.counts.get(key, 0), after.counts.get(key, 0)) for key in listed]
    named = np.array(sorted(pairs, key=sum, reverse=True), dtype=float).reshape(-1, 2)
    others = np.array([before.n, after.n]) - named.sum(axis=0)
    return np.vstack([named, others]).T


def _pooled(counts: Array) -> tuple[Array, bool]:
    """The common levels and, at the end, all rare ones together; and whether those are too few."""
    sizes = counts.sum(axis=1)
    needed = LEAST_EXPECTED * sizes.sum() / sizes.min()
    kept = int((counts[:, :-1].sum(axis=0) >= needed).sum())
    others = counts[:, kept:].sum(axis=1)
    if not others.sum():
        return counts[:, :kept], False
    return np.column_stack([counts[:, :kept], others]), bool(others.sum() < needed)
