"""What charts show of many cases, added up chunk by chunk.

Every class has `add` for a chunk and `result` for a frame of a few rows, the only thing that
travels to a browser. Adding in pieces equals adding at once, so a batch of a million rows is read
once, chunk by chunk, and one that grows is not read again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from second_opinion.records.value import key_of, plain
from second_opinion.schema import Feature, Schema
from second_opinion.statistics.column_kinds import Columns, days, level_counts, numbers
from second_opinion.statistics.histogram import Histogram
from second_opinion.statistics.ratings import Array
from second_opinion.statistics.samples import Levels, side_of
from second_opinion.statistics.training_summary import Reference

MOST_LEVELS = 30
OTHERS = "all others"


class Counts:
    """How often each level stands there. ``levels`` come first in the result, in their order."""

    def __init__(self, levels: Iterable[Any] = ()) -> None:
        self._counts: Counter[Any] = Counter({key_of(level): 0 for level in levels})
        self.rows = 0

    def add(self, values: Any) -> Counts:
        """Count a chunk of values; None and NaN are missing."""
        counts, _ = level_counts(values)
        self._counts.update(counts)
        self.rows += len(values)
        return self

    @property
    def missing(self) -> int:
        """Rows without a value."""
        return self.rows - sum(self._counts.values())

    @property
    def distinct(self) -> int:
        """How many levels there are in the rows."""
        return sum(count > 0 for count in self._counts.values())

    def result(self, most: int = MOST_LEVELS) -> pd.DataFrame:
        """Columns ``value``, ``count``, ``share`` (of the known): the commonest first, then the
        others together as one row that says so."""
        return _leveled(self._counts, most)


def _leveled(counts: Mapping[Any, int], most: int) -> pd.DataFrame:
    # Ties stand in the order of their names, which does not depend on the order of the chunks.
    ranked = sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))
    commonest, others = ranked[:most], sum(count for _, count in ranked[most:])
    rows = [(key[1], count) for key, count in commonest] + [(OTHERS, others)] * (others > 0)
    total = max(sum(counts.values()), 1)
    return pd.DataFrame(
        {
            "value": pd.Series([value for value, _ in rows], dtype=object),
            "count": [count for _, count in rows],
            "share": [count / total for _, count in rows],
        }
    )


class Pairs:
    """How often two columns' values stand together: a heat map, or bars by class.

    ``x`` and ``y`` are edges for a column of numbers (values outside count in the outermost bins)
    or None for a column of levels.
    """

    def __init__(self, x: Array | None = None, y: Array | None = None) -> None:
        self._edges = x, y
        self._counts: Counter[tuple[Any, Any]] = Counter()

    def add(self, x: Any, y: Any) -> Pairs:
        """Count a chunk of both columns; rows in which one is missing are left out."""
        (at, names), (other, others) = (
            _places(column, edges) for column, edges in zip((x, y), self._edges, strict=True)
        )
        is_complete = (at >= 0) & (other >= 0)
        both = np.bincount(
            at[is_complete] * max(len(others), 1) + other[is_complete],
            minlength=len(names) * len(others),
        ).reshape(len(names), len(others))
        for row, column in np.argwhere(both):
            self._counts[names[row], others[column]] += int(both[row, column])
        return self

    def result(self, most: int = MOST_LEVELS) -> pd.DataFrame:
        """Columns ``x``, ``y``, ``count``: levels as they are, numbers by the low end of their bin.

        Levels beyond the commonest ``most`` of a column make one, "all others".
        """
        keys = [self._commonest(side, most) for side in (0, 1)]
        merged: Counter[tuple[Any, Any]] = Counter()
        for (x, y), count in self._counts.items():
            merged[x if x in keys[0] else OTHERS_KEY, y if y in keys[1] else OTHERS_KEY] += count
        cells = sorted(merged.items(), key=lambda cell: (_order(cell[0][0]), _order(cell[0][1])))
        return pd.DataFrame(
            [(x[1], y[1], count) for (x, y), count in cells], columns=["x", "y", "count"]
        ).astype({"x": object, "y": object, "count": int})

    def _commonest(self, side: int, most: int) -> set[Any]:
        totals: Counter[Any] = Counter()
        for pair, count in self._counts.items():
            totals[pair[side]] += count
        if self._edges[side] is not None:
            return set(totals)
        ranked = sorted(totals.items(), key=lambda item: (-item[1], str(item[0])))
        return {key for key, _ in ranked[:most]}


OTHERS_KEY = (False, OTHERS)


def _order(key: tuple[bool, Any]) -> tuple[int, float, str]:
    value = key[1]
    if key == OTHERS_KEY:
        return 2, 0.0, ""
    return (0, float(value), "") if isinstance(value, (int, float)) else (1, 0.0, str(value))


def _places(column: Any, edges: Array | None) -> tuple[Array, list[Any]]:
    """A place for each row, −1 where there is no value, and what each place stands for."""
    if edges is None:
        codes, levels = pd.factorize(pd.Series(column))
        return np.asarray(codes), [key_of(plain(value)) for value in levels]
    values = numbers(column)
    at = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
    return np.where(np.isnan(values), -1, at), [key_of(float(edge)) for edge in edges[:-1]]


class Means:
    """The mean of a number in each group, such as confidence by day."""

    def __init__(self) -> None:
        self._sums: dict[Any, float] = {}
        self._counts: Counter[Any] = Counter()

    def add(self, groups: Any, values: Any) -> Means:
        """Count a chunk; rows in which the group or the number is missing are left out."""
        at, names = _places(groups, None)
        column = numbers(values)
        is_complete = (at >= 0) & ~np.isnan(column)
        counts = np.bincount(at[is_complete], minlength=len(names))
        sums = np.bincount(at[is_complete], column[is_complete], minlength=len(names))
        for name, count, total in zip(names, counts, sums, strict=True):
            if count:
                self._counts[name] += int(count)
                self._sums[name] = self._sums.get(name, 0.0) + float(total)
        return self

    def result(self) -> pd.DataFrame:
        """Columns ``group``, ``count``, ``mean``, in the order of the groups."""
        names = sorted(self._counts, key=_order)
        return pd.DataFrame(
            {
                "group": pd.Series([name[1] for name in names], dtype=object),
                "count": [self._counts[name] for name in names],
                "mean": [self._sums[name] / self._counts[name] for name in names],
            }
        )


class Faults:
    """How many values of each feature are missing, outside the training range, or never seen."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._counts = {feature.name: np.zeros(3, dtype=np.int64) for feature in schema}
        self.rows = 0

    def add(self, cases: Columns, rows: int) -> Faults:
        """Count a chunk of ``rows`` cases."""
        for feature in self._schema:
            if feature.name in cases:
                self._counts[feature.name] += _faults(cases[feature.name], feature)
        self.rows += rows
        return self

    def result(self) -> pd.DataFrame:
        """One row a feature: ``feature``, ``missing``, ``out_of_range``, ``unseen`` (counts) and
        the same as shares of all rows, ``missing_share`` and so on."""
        names = ["missing", "out_of_range", "unseen"]
        counts = pd.DataFrame.from_dict(self._counts, orient="index", columns=names)
        shares = (counts / max(self.rows, 1)).add_suffix("_share")
        return pd.concat([counts, shares], axis=1).rename_axis("feature").reset_index()


def _faults(column: Any, feature: Feature) -> tuple[int, int, int]:
    shape = feature.shape
    if shape in ("number", "date"):
        values = numbers(column, shape)
        low, high = _range(feature)
        outside = (values < low) | (values > high)
        return int(np.isnan(values).sum()), int(outside.sum()), 0
    counts, known_rows = level_counts(column)
    allowed = {key_of(value) for value in feature.values}
    unseen = sum(count for key, count in counts.items() if allowed and key not in allowed)
    beyond = sum(count for key, count in counts.items() if _is_outside(key[1], feature))
    return len(column) - known_rows, beyond, unseen


def _is_outside(level: Any, feature: Feature) -> bool:
    # A choice lies in no range, whatever the card says.
    has_range = feature.shape == "level" and feature.kind_of.choices == "none"
    return has_range and feature.outside(level) is not None


def _range(feature: Feature) -> tuple[float, float]:
    if feature.min is None or feature.max is None:
        return -np.inf, np.inf
    if feature.shape == "date":
        low, high = days([feature.min, feature.max])
        return float(low), float(high)
    return float(feature.min), float(feature.max)


def of_feature(feature: Feature) -> Histogram | Counts:
    """What counts this feature's values: bars for numbers and dates, levels for the others."""
    shape = feature.shape
    return Histogram.of(feature) if shape in ("number", "date") else Counts(feature.values)


def reference_shares(
    reference: Columns | Reference, feature: Feature, result: pd.DataFrame
) -> Array | None:
    """The reference's share in each row of a feature's `Histogram` or `Counts` result.

    From rows exactly, from a summary by straight lines between its quantiles; None where the
    reference keeps nothing of the feature. "All others" is what the other rows leave.
    """
    shape = feature.shape
    side = side_of(reference, feature.name, shape)
    if side is None or side.distribution is None or not side.n:
        return None
    if isinstance(side.distribution, Levels):
        counts, total = side.distribution.counts, side.distribution.n
        shares = np.array([counts.get(key_of(plain(v)), 0) / total for v in result["value"]])
        return np.where(result["value"] == OTHERS, 1 - shares.sum(), shares)
    edges = [result[end] for end in ("low", "high")]
    low, high = (side.distribution.below(numbers(edge, shape)) for edge in edges)
    return np.asarray(high - low)
