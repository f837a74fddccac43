"""The risks of a model that gives a probability, with what counts of each."""

from __future__ import annotations

import pandas as pd

from second_opinion.models.card import ModelCard
from second_opinion.records.review import CERTAIN, Judged
from second_opinion.records.verdict_filter import VerdictFilter
from second_opinion.review.totals import MOST_READ
from second_opinion.statistics import risk_bands
from second_opinion.store.review_queries import Review
from second_opinion.verdicts.meaning import side_of


def side(row: Judged) -> str:
    """What counts of a risk: about_right, too_low, too_high, or empty where nobody says."""
    return side_of(row.outcome, row.direction)


def by_band(
    review: Review, verdict_filter: VerdictFilter, card: ModelCard, most: int = MOST_READ
) -> pd.DataFrame:
    """What the verdicts say of the risks, as `risk_bands.counts` gives it.

    Of the newest ``most`` verdicts of the filter, without those that say neither right nor wrong.
    """
    rows = review.page(verdict_filter, size=most).rows
    pairs = [
        (card.probability(row.prediction.probabilities), side(row))
        for row in rows
        if row.outcome in CERTAIN
    ]
    told = [pair for pair in pairs if pair[0] is not None]
    return risk_bands.counts([risk for risk, _ in told], [side for _, side in told])
