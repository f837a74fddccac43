"""One feature on one side of a comparison, and whether two sides differ.

A side is all its rows, or a summary of them, whose quantiles tell the distribution function
at their own points only. Every method therefore gives a bound, which for rows is the exact
value: distances that are made of bounds never claim more than the rows would have shown, and
at most one grain of the summary less.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from second_opinion.records.feature_kinds import Shape
from second_opinion.records.value import key_of, plain
from second_opinion.statistics.column_kinds import Columns, days, level_counts, numbers
from second_opinion.statistics.ratings import Array
from second_opinion.statistics.training_summary import Reference

# A summary keeps seven digits of each quantile.
GRAIN = 5.1e-7


@dataclass(frozen=True)
class Sample:
    """The sorted known numbers of a column."""

    values: Array

    @property
    def n(self) -> int:
        return len(self.values)

    def steps(self) -> tuple[Array, Array, Array, Array]:
        """Where the distribution function F rises: from, to, F before and F after each step."""
        points = self.values[np.diff(self.values, prepend=-np.inf) > 0]
        return points, points, self.before(points), self.upto(points)

    def before(self, points: Array) -> Array:
        """At least this share lies below the points."""
        return np.searchsorted(self.values, points, "left") / max(self.n, 1)

    def upto(self, points: Array) -> Array:
        """At most this share lies at or below the points."""
        return np.searchsorted(self.values, points, "right") / max(self.n, 1)

    def below(self, points: Array) -> Array:
        """The share below the points."""
        return self.before(points)

    def share(self, points: Array) -> Array:
        """The share at or below the points."""
        return self.upto(points)

    def quantiles(self, shares: Array) -> Array:
        """The smallest values at or below which these shares lie."""
        at = np.ceil(np.asarray(shares) * self.n).astype(int) - 1
        return np.asarray(self.values[np.clip(at, 0, self.n - 1)])


@dataclass(frozen=True)
class Grid:
    """Evenly spaced quantiles of ``n`` numbers that are not kept themselves."""

    values: Array
    n: int

    def _knots(self) -> tuple[Array, Array, Array]:
        """The distinct quantiles with their first and their last share."""
        shares = np.linspace(0, 1, len(self.values))
        first = np.diff(self.values, prepend=-np.inf) > 0
        last = np.diff(self.values, append=np.inf) > 0
        return self.values[first], shares[first], shares[last]

    def steps(self) -> tuple[Array, Array, Array, Array]:
        points, before, after = self._knots()
        grain = np.abs(points) * GRAIN
        return points - grain, points + grain, before, after

    def before(self, points: Array) -> Array:
        _, end, _, after = self.steps()
        return np.concatenate([[0.0], after])[np.searchsorted(end, points, "left")]

    def upto(self, points: Array) -> Array:
        begin, _, before, _ = self.steps()
        return np.append(before, 1.0)[np.searchsorted(begin, points, "right")]

    def below(self, points: Array) -> Array:
        """The share below the points, straight lines between the quantiles."""
        points = np.asarray(points, dtype=float)
        knots, before, after = self._knots()
        at = np.searchsorted(knots, points, "left")
        left, right = np.maximum(at - 1, 0), np.minimum(at, len(knots) - 1)
        width = knots[right] - knots[left]
        part = np.divide(points - knots[left], width, out=np.zeros_like(points), where=width > 0)
        inside = after[left] + part * (before[right] - after[left])
        return np.where(at == 0, 0.0, np.where(at == len(knots), 1.0, inside))

    def share(self, points: Array) -> Array:
        """The share at or below the points: their own step and all below."""
        return self.below(np.nextafter(points, np.inf))

    def quantiles(self, shares: Array) -> Array:
        at = np.round(np.asarray(shares) * (len(self.values) - 1)).astype(int)
        return np.asarray(self.values[at])


@dataclass(frozen=True)
class Levels:
    """How often each level stands in a column; ``rest`` rows have one that is not listed."""

    counts: Mapping[Any, int]
    rest: int = 0

    @property
    def n(self) -> int:
        return sum(self.counts.values()) + self.rest


@dataclass(frozen=True)
class KnownColumn:
    """One feature of one side. ``distribution`` is None where nothing is kept of its values."""

    rows: int
    missing: float
    distribution: Sample | Grid | Levels | None
    from_summary: bool

    @property
    def n(self) -> int:
        """Rows in which the value is known."""
        return self.distribution.n if self.distribution else round(self.rows * (1 - self.missing))


def side_of(source: Columns | Reference, name: str, shape: Shape) -> KnownColumn | None:
    """One feature of a frame of cases or of a summary; None where it is not there at all."""
    if isinstance(source, Reference):
        summary = source.features.get(name)
        return None if summary is None else _from_summary(summary, source.rows, shape)
    return _from_rows(source[name], shape) if name in source else None


def _from_rows(column: Any, shape: Shape) -> KnownColumn:
    rows = len(column)
    if shape in ("number", "date"):
        values = numbers(column, shape)
        values = np.sort(values)
        # NaN sorts to the end, so the known values are a view of the rest.
        sample = Sample(values[: rows - int(np.isnan(values).sum())])
        return KnownColumn(rows, 1 - sample.n / max(rows, 1), sample, False)
    counts, known_rows = level_counts(column)
    missing = 1 - known_rows / max(rows, 1)
    return KnownColumn(rows, missing, None if shape == "text" else Levels(counts), False)


def _from_summary(summary: Mapping[str, Any], rows: int, shape: Shape) -> KnownColumn:
    missing = float(summary.get("missing", 0.0))
    n = round(rows * (1 - missing))
    distribution: Grid | Levels | None = None
    if "quantiles" in summary and shape in ("number", "date"):
        values = (
            days(summary["quantiles"]) if shape == "date" else np.array(summary["quantiles"], float)
        )
        distribution = Grid(values, n)
    elif "counts" in summary and shape == "level":
        counts = {key_of(plain(value)): int(count) for value, count in summary["counts"]}
        distribution = Levels(counts, max(n - sum(counts.values()), 0))
    return KnownColumn(rows, missing, distribution, True)


def summary_shape(summary: Mapping[str, Any]) -> Shape:
    """The shape of a feature as its summary shows it."""
    if "quantiles" not in summary:
        return "level" if "counts" in summary else "text"
    return "date" if isinstance(summary["quantiles"][0], str) else "number"


LEAST_EXPECTED = 5.0


@dataclass(frozen=True)
class Difference:
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


def kolmogorov_smirnov(before: Sample | Grid, after: Sample | Grid) -> Difference:
    """The two-sample test; its p-value is scipy's for ``method="asymp"``."""
    from scipy.stats import kstwo

    gap = distance(before, after)
    effective = round(before.n * after.n / (before.n + after.n))
    edges = np.unique(before.quantiles(np.arange(1, 10) / 10))
    expected, actual = (
        np.diff(np.concatenate([[0.0], side.share(edges), [1.0]])) for side in (before, after)
    )
    p_value = float(kstwo.sf(gap, effective))
    return Difference("Kolmogorov-Smirnov", gap, p_value, gap, expected, actual)


def levels_test(before: Levels, after: Levels) -> Difference | None:
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
    name, statistic, p_value = min(_pearson(joined), _fisher(others), key=lambda test: test[2])
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


def _outcome(table: Array, test: tuple[str, float, float]) -> Difference:
    expected, actual = table / table.sum(axis=1, keepdims=True)
    size = float(np.abs(expected - actual).sum() / 2)
    return Difference(*test, size, expected, actual)


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
    common_count = int((counts[:, :-1].sum(axis=0) >= needed).sum())
    others = counts[:, common_count:].sum(axis=1)
    if not others.sum():
        return counts[:, :common_count], False
    return np.column_stack([counts[:, :common_count], others]), bool(others.sum() < needed)
