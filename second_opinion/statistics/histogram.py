"""A histogram with round edges that finds its own range, chunk by chunk."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from second_opinion.records.feature_kinds import Shape
from second_opinion.schema import Feature
from second_opinion.statistics.column_kinds import numbers
from second_opinion.statistics.ratings import Array

# Counted this finely, and shown in no more bars than asked for.
FINE_BINS = 5_000
# A float holds some sixteen digits; edges keep to twelve of the largest number.
DIGITS = 12


class Histogram:
    """Counts of numbers between round edges.

    The steps between fine edges are powers of ten, which nest, and a step depends on the smallest
    and the largest number alone: so any order of chunks gives what all rows at once would.
    """

    def __init__(self, shape: Shape = "number", smallest: int | None = None) -> None:
        """``smallest`` is the power of ten below which no step may go: 0 for whole numbers."""
        self._shape = shape
        self._smallest = 0 if shape == "date" else smallest
        self._fine, self._start = 0, 0
        self._counts: Array = np.zeros(0, dtype=np.int64)
        self.missing = 0
        self.low, self.high = math.inf, -math.inf

    @classmethod
    def of(cls, feature: Feature) -> Histogram:
        """Bars no narrower than the feature's own digits: whole years for whole years."""
        shape = feature.shape
        return cls(shape, None if shape == "date" else -feature.decimals)

    def add(self, values: Any) -> Histogram:
        """Count a chunk of numbers or dates; what is missing or infinite counts as missing."""
        column = numbers(values, self._shape)
        finite_values = column[~np.isnan(column)]
        self.missing += len(column) - len(finite_values)
        if len(finite_values):
            self._count(finite_values)
        return self

    def _count(self, values: Array) -> None:
        self.low, self.high = min(self.low, values.min()), max(self.high, values.max())
        power = _power(self.low, self.high, self._smallest)
        places = _places(values, power)
        start = int(places.min())
        counts = np.bincount(places - start)
        if len(self._counts):
            old = _coarser(np.arange(len(self._counts)) + self._start, power - self._fine)
            first = min(start, int(old[0]))
            both = np.zeros(max(int(old[-1]), start + len(counts) - 1) - first + 1, dtype=np.int64)
            np.add.at(both, old - first, self._counts)
            both[start - first : start - first + len(counts)] += counts
            start, counts = first, both
        self._start, self._counts, self._fine = start, counts, power

    @property
    def rows(self) -> int:
        """All rows so far, missing ones included."""
        return self.missing + int(self._counts.sum())

    def result(self, most: int = 30) -> pd.DataFrame:
        """Columns ``low``, ``high`` (the edges: from, and up to but without), ``count``, ``share``.

        Steps of 1, 2 or 5 times a power of ten, so that there are at most ``most`` bars; shares are
        of the known values. Dates have edges as dates.
        """
        if not len(self._counts):
            return pd.DataFrame({"low": [], "high": [], "count": [], "share": []})
        step, power = self._shown_step(most)
        places = _coarser(np.arange(len(self._counts)) + self._start, power - self._fine) // step
        counts = np.bincount(places - places[0], self._counts).astype(int)
        edges = _edges((np.arange(len(counts) + 1) + places[0]) * step, power)
        if self._shape == "date":
            edges = edges.astype("int64").astype("datetime64[D]").astype("datetime64[s]")
        share = counts / counts.sum()
        return pd.DataFrame({"low": edges[:-1], "high": edges[1:], "count": counts, "share": share})

    def _shown_step(self, most: int) -> tuple[int, int]:
        ends = np.array([self._start, self._start + len(self._counts) - 1])
        # A single value has no range to take a step from: a hundredth of it will do.
        lone = self.low == self.high
        power = max(self._fine, _magnitude(self.low) - 2) if lone else self._fine
        while True:
            for step in (1, 2, 5):
                first, last = _coarser(ends, power - self._fine) // step
                # No step is wide enough to have both sides of nought in one bar.
                if last - first < max(most, 2):
                    return step, power
            power += 1


def round_edges(low: float, high: float, most: int = 30, smallest: int | None = None) -> Array:
    """Round edges, ``most`` + 1 of them or fewer, around a known range."""
    bars = Histogram(smallest=smallest).add(np.array([low, high]))
    table = bars.result(most)
    return np.append(table["low"], table["high"].iloc[-1:]).astype(float)


def _power(low: float, high: float, smallest: int | None) -> int:
    """The power of ten of the fine step: the finest that needs no more than `FINE_BINS` steps."""
    largest = max(abs(low), abs(high), 1e-280)
    power = math.ceil(math.log10(largest)) - DIGITS
    # Halves, as the range of the largest floats is beyond any float.
    reach = high / 2 - low / 2
    if reach > 0:
        power = max(power, math.ceil(math.log10(reach / FINE_BINS * 2)))
    return max(power, -300, -300 if smallest is None else smallest)


def _magnitude(value: float) -> int:
    return math.floor(math.log10(abs(value))) if value else 2


def _coarser(places: Array, powers: int) -> Array:
    """The places among steps that are ten to this power as wide."""
    # Beyond eighteen powers nothing is left of a place but its sign, and an int64 overflows.
    return np.asarray(places // 10 ** min(powers, 18))


def _edges(places: Array, power: int) -> Array:
    """The floats nearest to these multiples of a power of ten."""
    return places * 10.0**power if power >= 0 else places / 10.0**-power


def _places(values: Array, power: int) -> Array:
    """Between which edges each value lies: edge(place) <= value < edge(place + 1), exactly."""
    places = np.floor(values / 10.0**power if power >= 0 else values * 10.0**-power)
    places += _edges(places + 1, power) <= values
    places -= _edges(places, power) > values
    return places.astype(np.int64)
