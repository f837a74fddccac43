"""What the model says by one feature, or by two at once, added up chunk by chunk.

A feature is cut before the first chunk, between round edges or level by level, so adding in pieces
equals adding at once.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from second_opinion.formatting import number_text
from second_opinion.records.feature_kinds import Shape
from second_opinion.records.value import key_of, plain
from second_opinion.schema import Feature
from second_opinion.statistics.column_kinds import numbers
from second_opinion.statistics.histogram import Histogram, round_edges
from second_opinion.statistics.ratings import Array
from second_opinion.statistics.tallies import OTHERS, Counts

MOST_BINS = 12
# Beyond these shares of the values the outermost bins stand open: one far value would else leave
# all others in one bin.
TAILS = 0.01, 0.99
# Of more rows than these every second, third or so tells where the tails begin.
ENOUGH = 100_000


@dataclass(frozen=True)
class Axis:
    """How a feature is cut: up to ``edges`` and from them on (days since 1970 for dates), or level
    by level; the outermost bins stand open, and ``others`` says whether a last one is the rest.

    ``low`` and ``high`` are the smallest and the largest number of all.
    """

    shape: Shape
    edges: tuple[float, ...] = ()
    levels: tuple[Any, ...] = ()
    others: bool = False
    low: float = -np.inf
    high: float = np.inf

    @classmethod
    def of(
        cls, feature: Feature, tally: Histogram | Counts, column: Any, most: int = MOST_BINS
    ) -> Axis:
        """At most so many bins, or one more for the rest, for a column that was counted before."""
        shape = feature.shape
        if isinstance(tally, Histogram):
            edges = _inner(column, shape, 0 if shape == "date" else -feature.decimals, most)
            return cls(shape, edges, low=tally.low, high=tally.high)
        levels = tally.result(most)["value"].tolist()[:most]
        ranks = {key_of(value): at for at, value in enumerate(feature.values)}
        # The card's own order says more than which is the commonest.
        levels.sort(key=lambda value: ranks.get(key_of(value), len(ranks)))
        return cls(shape, levels=tuple(levels), others=tally.distinct > len(levels))

    def __len__(self) -> int:
        if self.shape in ("number", "date"):
            return len(self.edges) + 1
        return len(self.levels) + self.others

    @property
    def ranges(self) -> list[tuple[float, float]]:
        """For each bin of numbers from where on, and up to but without."""
        ends = [-np.inf, *self.edges, np.inf]
        return list(itertools.pairwise(ends))

    def places(self, column: Any) -> Array:
        """The bin of each row, −1 where the value is not known."""
        if self.shape in ("number", "date"):
            points = numbers(column, self.shape)
            at = np.searchsorted(self.edges, points, side="right")
            return np.where(np.isnan(points), -1, at)
        codes, values = pd.factorize(pd.Series(column))
        bins = {key_of(level): at for at, level in enumerate(self.levels)}
        rest = len(self.levels) if self.others else -1
        places = [bins.get(key_of(plain(value)), rest) for value in values]
        return np.array([*places, -1], dtype=np.int64)[codes]


def _inner(column: Any, shape: Shape, smallest: int, most: int) -> tuple[float, ...]:
    """The round edges between the bins, without the outermost ones."""
    sample = numbers(column[:: -(-len(column) // ENOUGH) or 1], shape)
    values = sample[~np.isnan(sample)]
    if not len(values):
        return ()
    low, high = np.quantile(values, TAILS, method="nearest").tolist()
    return tuple(round_edges(low, high, most, smallest)[1:-1].tolist())


class Crossed:
    """How many cases stand in each bin of one axis, or of two, and the mean of a number there: of
    a 1 for one answer and a 0 for each other one, it is that answer's share."""

    def __init__(self, x: Axis, y: Axis | None = None) -> None:
        self.x, self.y = x, y
        self._shape = len(x), 1 if y is None else len(y)
        size = self._shape[0] * self._shape[1]
        self._counts = np.zeros(size, dtype=np.int64)
        self._sums = np.zeros(size)

    def add(self, x: Any, y: Any, value: Any) -> Crossed:
        """Count a chunk; ``y`` is None where there is one axis. Rows in which a feature or the
        number is missing are left out."""
        at = self.x.places(x)
        across = np.zeros(len(at), dtype=np.int64) if self.y is None else self.y.places(y)
        values = numbers(value)
        is_complete = (at >= 0) & (across >= 0) & ~np.isnan(values)
        places = at[is_complete] * self._shape[1] + across[is_complete]
        self._counts += np.bincount(places, minlength=len(self._counts))
        self._sums += np.bincount(places, values[is_complete], minlength=len(self._counts))
        return self

    @property
    def rows(self) -> int:
        """The rows that know all."""
        return int(self._counts.sum())

    @property
    def mean(self) -> float:
        """The mean over all of these rows; NaN without any."""
        return float(self._sums.sum() / self.rows) if self.rows else float("nan")

    def result(self) -> pd.DataFrame:
        """Columns ``x`` and ``y`` (numbers of bins), ``count``, ``mean``: the cells with cases."""
        filled = np.flatnonzero(self._counts)
        x, y = np.divmod(filled, self._shape[1])
        count = self._counts[filled]
        mean = self._sums[filled] / count
        return pd.DataFrame({"x": x, "y": y, "count": count, "mean": mean})


def is_class(answers: Any, value: Any) -> Array:
    """1 for each answer that is this class, 0 for each other one, NaN where there is none."""
    codes, values = pd.factorize(pd.Series(answers))
    ones = [float(key_of(plain(level)) == key_of(value)) for level in values]
    return np.array([*ones, np.nan])[codes]


def names_of(axis: Axis, feature: Feature) -> list[str]:
    """The bins in words: ``20 up to 30``, ``60 and more``, a level in the card's words."""
    if axis.shape not in ("number", "date"):
        return [*(feature.text(level) for level in axis.levels), *[OTHERS] * axis.others]
    ends = edge_texts(axis)
    if not ends:
        return ["any"]
    if is_whole(axis, feature):
        return _whole(axis, ends)
    between = [f"{low} up to {high}" for low, high in itertools.pairwise(ends)]
    return [f"below {ends[0]}", *between, f"{ends[-1]} and more"]


def is_whole(axis: Axis, feature: Feature) -> bool:
    """Whether each bin is one whole number."""
    return feature.kind_of.is_whole and set(np.diff(axis.edges)) <= {1.0}


def _whole(axis: Axis, ends: list[str]) -> list[str]:
    """Bins of one whole number each by this number."""
    first, last = axis.edges[0] - 1, axis.edges[-1]
    low = number_text(first) if axis.low == first else f"{number_text(first)} or less"
    return [low, *ends[:-1], ends[-1] if axis.high == last else f"{ends[-1]} or more"]


def edge_texts(axis: Axis) -> list[str]:
    """The edges between bins in words."""
    if axis.shape == "date":
        return [str(np.datetime64(int(edge), "D")) for edge in axis.edges]
    return [number_text(edge) for edge in axis.edges]
