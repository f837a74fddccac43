"""Is a case like the known ones? Its distance to the nearest of them, and how rare that is.

Numbers and dates are scaled by median and quartiles, a category has a place for each level, a
missing value a place of its own; a free text is left out. The last fifth of the known cases is held
out, and says how far from the others such cases are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from second_opinion.records.value import key_of
from second_opinion.schema import Feature, Schema

Cases = Sequence[Mapping[str, Any]]

NEAREST = 5
RARE = 0.01
NAMED = 2


@dataclass(frozen=True)
class Novelty:
    """How far a case is from the known ones.

    ``distance`` is the mean distance to the five nearest, ``nearest`` their places, and ``p_value``
    the share of held-out cases that are at least as far: (1 + their count) / (n + 1), a conformal
    p-value (Vovk, Gammerman and Shafer 2005, section 2.2). ``fields`` are those that it is farthest
    off in, the worst first.
    """

    distance: float
    p_value: float
    nearest: tuple[int, ...]
    fields: tuple[str, ...]

    @property
    def is_unlike(self) -> bool:
        """Whether at most one in a hundred known cases is as far from the others."""
        return self.p_value <= RARE


class Neighbourhood:
    """The known cases of one model as points, to look for the nearest of another case."""

    def __init__(self, cases: Cases, schema: Schema) -> None:
        self._axes = [_axes_of(feature, _column(cases, feature)) for feature in schema]
        self._names = np.repeat(schema.names, [axes.width for axes in self._axes])
        points = self._points(cases, schema)
        split = len(points) - len(points) // 5
        self._schema, self._known = schema, points[:split]
        self._held_out = np.sort([self._nearest(point)[1] for point in points[split:]])

    @property
    def can_tell(self) -> bool:
        """Whether there are enough cases to call one of them rare."""
        is_enough = 1 / (len(self._held_out) + 1) <= RARE
        return is_enough and len(self._names) > 0

    def novelty(self, case: Mapping[str, Any]) -> Novelty:
        """How far a case that the schema has read is from the known ones."""
        point = self._points([case], self._schema)[0]
        places, distance = self._nearest(point)
        farther = len(self._held_out) - np.searchsorted(self._held_out, distance)
        p_value = float(1 + farther) / (len(self._held_out) + 1)
        off = ((self._known[places] - point) ** 2).mean(axis=0)
        by_field = {name: off[self._names == name].sum() for name in dict.fromkeys(self._names)}
        worst = sorted(by_field, key=lambda name: -by_field[name])[:NAMED]
        fields = tuple(str(name) for name in worst if by_field[name] > 0)
        return Novelty(distance, p_value, tuple(map(int, places)), fields)

    def _nearest(self, point: np.ndarray) -> tuple[np.ndarray, float]:
        squares = ((self._known - point) ** 2).sum(axis=1)
        places = np.argsort(squares, kind="stable")[:NEAREST]
        return places, float(np.sqrt(squares[places]).mean())

    def _points(self, cases: Cases, schema: Schema) -> np.ndarray:
        columns = [
            axes.of(_column(cases, feature))
            for axes, feature in zip(self._axes, schema, strict=True)
        ]
        return np.hstack([np.empty((len(cases), 0)), *columns])


@dataclass(frozen=True)
class _Line:
    """A number or a date: its place on a line, and one for a missing value."""

    middle: float
    scale: float
    width: int = 2

    def of(self, values: Sequence[Any]) -> np.ndarray:
        numbers = _numbers(values)
        is_missing = np.isnan(numbers)
        places = np.where(is_missing, 0.0, (numbers - self.middle) / self.scale)
        return np.column_stack([places, is_missing])


@dataclass(frozen=True)
class _Levels:
    """A category: a place for each level. None of them is a level that nobody knows."""

    keys: tuple[Any, ...]

    @property
    def width(self) -> int:
        return len(self.keys)

    def of(self, values: Sequence[Any]) -> np.ndarray:
        places = {key: at for at, key in enumerate(self.keys)}
        points = np.zeros((len(values), self.width))
        for row, value in enumerate(values):
            if (at := places.get(key_of(value))) is not None:
                points[row, at] = 1.0
        return points


def _axes_of(feature: Feature, values: Sequence[Any]) -> _Line | _Levels:
    if feature.shape == "text":
        return _Levels(())
    if feature.shape == "level":
        return _Levels(tuple(dict.fromkeys(map(key_of, values))))
    numbers = _numbers(values)
    numbers = numbers[~np.isnan(numbers)]
    if not len(numbers):
        return _Line(0.0, 1.0)
    low, middle, high = np.quantile(numbers, [0.25, 0.5, 0.75])
    # A column that is nearly always the same has no quartiles to go by.
    return _Line(float(middle), float(high - low) or float(numbers.std()) or 1.0)


def _column(cases: Cases, feature: Feature) -> list[Any]:
    return [case.get(feature.name) for case in cases]


def _numbers(values: Sequence[Any]) -> np.ndarray:
    """Numbers as they are, dates as seconds, missing values as NaN."""
    return np.array([_number(value) for value in values], dtype=float)


def _number(value: Any) -> float:
    if value is None:
        return float("nan")
    return datetime.fromisoformat(value).timestamp() if isinstance(value, str) else float(value)
