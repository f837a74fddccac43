"""The evidence of answers in draw order, for and against a count of errors in a pool."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from second_opinion.statistics import betting, doubt_draws, equal_draws
from second_opinion.statistics.doubt_draws import Bands, Beliefs, Trail
from second_opinion.statistics.ratings import Array

COLUMNS = ("band", "doubt", "base")


def bands_of(draws: pd.DataFrame) -> tuple[Bands, Array]:
    """The bands of a pool by the table of its draws, and the band of each draw.

    The table has a row for each case, and ``base`` sums to 1; `ValueError` otherwise. Within a
    band all are drawn with one chance.
    """
    missing = [name for name in COLUMNS if name not in draws]
    if missing:
        raise ValueError(f"the draws have no column {', '.join(missing)}; `sampling.draws` has all")
    if len(draws) and not np.isclose(draws["base"].sum(), 1):
        raise ValueError(f"base sums to {draws['base'].sum():g}; expected 1, each case of the pool")
    first = draws.groupby("band", sort=True)[["base", "doubt"]].first()
    band = np.searchsorted(first.index, draws["band"])
    size = np.bincount(band, minlength=len(first))
    return Bands(size, first["base"].to_numpy(), first["doubt"].to_numpy()), band


def bar_of(alpha: float) -> float:
    """What the log of evidence has to reach; less by the rounding of logarithms."""
    return float(np.log(1 / alpha)) - 1e-12


@dataclass(frozen=True)
class PoolEvidence:
    """The answers to the first draws of a pool, and what they say of its errors.

    ``trail`` counts an unsure answer as wrong, since it does not confirm the model; ``certain``
    as right, since it does not contradict it.
    """

    trail: Trail
    certain: Trail
    expected: float | None

    @classmethod
    def of(cls, draws: pd.DataFrame, losses: Array, expected: float | None) -> PoolEvidence:
        """Of the table of all draws and the losses of the first: 1 wrong, 0 right, NaN unsure."""
        bands, band = bands_of(draws)
        band = band[: len(losses)]
        wrong, certain = (
            np.where(np.isnan(losses), unsure, losses).astype(int) for unsure in (1, 0)
        )
        return cls(Trail.of(bands, band, wrong), Trail.of(bands, band, certain), expected)

    @property
    def is_equal(self) -> bool:
        """Whether every case is drawn with one chance, so that the closed form holds."""
        return len(self.trail.bands.base) < 2 or bool(np.ptp(self.trail.bands.base) < 1e-15)

    @property
    def wrong(self) -> int:
        return int(self.trail.wrong.sum())

    def against(self, errors: int) -> Array:
        """The log of the evidence, after each draw, against ``errors`` or more in the pool."""
        cases = self.trail.bands.cases
        if not 0 < errors <= cases or not self.is_equal:
            return self._by_doubt(errors)
        n = np.arange(1, len(self.trail.band) + 1)
        wrong = np.cumsum(self.trail.wrong)
        return np.asarray(equal_draws.uniform(n, wrong, cases, errors - 1, self.expected))

    def _by_doubt(self, errors: int) -> Array:
        bands = self.trail.bands
        if not 0 < errors <= bands.cases:
            return np.full(len(self.trail.band), np.inf if errors > 0 else -np.inf)
        beliefs = Beliefs.of(bands, errors - 1, self.expected)
        return doubt_draws.evidence(self.trail, errors - 1, beliefs)

    def strength(self, errors: int) -> float:
        """The most that it ever was against ``errors`` or more; −inf before an answer."""
        trail = self.trail
        if self.is_equal:
            # It grows with each right answer: only what stands before a wrong one can be the most.
            turns = np.append(np.flatnonzero(trail.wrong) - 1, len(trail.band) - 1)
            return self._most_of(errors, turns[turns >= 0])
        return float(self.against(errors).max(initial=-np.inf))

    def _most_of(self, errors: int, draws: Array) -> float:
        cases = self.trail.bands.cases
        wrong = np.cumsum(self.trail.wrong)[draws]
        logs = equal_draws.uniform(draws + 1, wrong, cases, errors - 1, self.expected)
        return float(np.max(logs, initial=-np.inf))

    def most_errors(self, alpha: float) -> int:
        """The largest count of errors in the pool that the answers do not reject at ``alpha``."""
        cases, answers = self.trail.bands.cases, len(self.trail.band)
        if self.wrong == answers:
            return cases
        # One right answer is proof that not every case is wrong.
        share = (self.wrong + 3 + 2 * np.sqrt(self.wrong)) / answers
        return largest_open(self.strength, self.wrong, cases, bar_of(alpha), round(share * cases))

    def against_target(self, allowed: int) -> Array:
        """The log of the evidence, after each draw, for more errors than ``allowed``."""
        return betting.against_target(self.certain, allowed)

    def errors(self) -> float:
        """The errors in the pool as estimated by inverse probability, between what is possible."""
        trail, cases = self.trail, self.trail.bands.cases
        if not len(trail.band):
            return float("nan")
        right, wrong = betting.errors_by_draw(trail)
        estimate = cases * float(np.where(trail.wrong > 0, wrong, right).mean())
        return float(np.clip(estimate, self.wrong, cases - (len(trail.band) - self.wrong)))


def largest_open(
    strength: Callable[[int], float], low: int, high: int, bar: float, guess: int
) -> int:
    """The largest count from ``low``, which is open, to ``high``, which is not, under the ``bar``.

    Strength grows with the count. The root of the strength is close to
    a straight line, so that the ends are drawn together along it, and halved where it misleads.
    """
    at_low, at_high = (low, 0.0), (high, np.inf)
    turn, next_one = 0, guess
    while high - low > 1:
        turn, middle = turn + 1, int(np.clip(next_one, low + 1, high - 1))
        point = middle, float(np.sqrt(max(strength(middle), 0)))
        if point[1] ** 2 < bar:
            low, at_low = middle, point
        else:
            high, at_high = middle, point
        next_one = _crossing(at_low, at_high, np.sqrt(bar), turn)
    return low


def _crossing(low: tuple[int, float], high: tuple[int, float], bar: float, turn: int) -> int:
    """Where a line through both points passes the bar; the middle each third time."""
    if turn % 3 == 0 or not np.isfinite(high[1]):
        return (low[0] + high[0]) // 2
    share = (bar - low[1]) / (high[1] - low[1])
    return round(low[0] + share * (high[0] - low[0]))
