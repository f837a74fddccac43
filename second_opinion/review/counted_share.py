"""A share of verdicts with its interval, as every headline says it."""

from __future__ import annotations

from dataclasses import dataclass

from second_opinion.formatting import FEWEST_FOR_A_SHARE, interval_text, share_text
from second_opinion.review.totals import Figures
from second_opinion.statistics import clustered_share


@dataclass(frozen=True)
class CountedShare:
    """``count`` of ``total`` verdicts, worth as much as ``number`` on a case of their own each."""

    count: int
    total: int
    number: float

    @property
    def interval(self) -> tuple[float, float]:
        """The ends of the 95 % Wilson interval on ``number``, 0 to 1."""
        return clustered_share.interval(self.count, self.total, self.number)

    @property
    def words(self) -> tuple[str, str]:
        """The share and its interval; of fewer than ten the counts alone, without interval."""
        if not self.total:
            return "none yet", ""
        if self.total < FEWEST_FOR_A_SHARE:
            return f"{self.count} of {self.total}", ""
        return share_text(self.count / self.total), interval_text(*self.interval)


def model_right(figures: Figures) -> CountedShare:
    """How often the model is right, of the verdicts that say right or wrong by what counts."""
    return _of(figures, "right", "wrong")


def agreed(figures: Figures) -> CountedShare:
    """How often experts agree, of the verdicts that agree or disagree."""
    return _of(figures, "agree", "disagree")


def _of(figures: Figures, name: str, other: str) -> CountedShare:
    count, total = figures.of(name), figures.of(name) + figures.of(other)
    by_case = figures.by_case
    # Where several experts judged a case, they agree as much alike as they find the model right.
    part = by_case.number / by_case.certain if by_case.certain else 1.0
    return CountedShare(count, total, total * part)
