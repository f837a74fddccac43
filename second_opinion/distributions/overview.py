"""All that the page Distributions shows of one batch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from second_opinion.models.card import ModelCard
from second_opinion.statistics.column_kinds import Columns, days, numbers
from second_opinion.statistics.histogram import Histogram
from second_opinion.statistics.tallies import Counts, Faults, Means, Pairs, of_feature

CONFIDENCE_EDGES = np.round(np.linspace(0, 1, 21), 2)


class Overview:
    """All that the Distributions page shows of one batch, from one pass over its chunks.

    ``answers`` (levels, or bars for regression), ``confidence`` (bins by answer), ``low`` (cases
    under the card's band, of ``sure`` with a confidence), ``features`` by name, ``faults``,
    ``days`` (counts by day and answer; regression: by day) and ``daily`` (mean confidence by day;
    regression: mean answer).
    """

    def __init__(self, card: ModelCard) -> None:
        self.card = card
        self.is_regression = card.task == "regression"
        self.answers: Histogram | Counts = (
            Histogram() if self.is_regression else Counts(card.class_values)
        )
        self.confidence = Pairs(CONFIDENCE_EDGES)
        self.features = {f.name: of_feature(f) for f in card.features if f.shape != "text"}
        self.faults = Faults(card.case_schema)
        self.days, self.daily = Pairs(), Means()
        self.rows, self.low, self.sure = 0, 0, 0

    def add(self, cases: Columns, value: Any, confidence: Any = None, when: Any = None) -> Overview:
        """Count a chunk: inputs, answers, and where there are any, confidences and times."""
        rows = len(value)
        self.rows += rows
        self.answers.add(value)
        for name, tally in self.features.items():
            if name in cases:
                tally.add(cases[name])
        self.faults.add(cases, rows)
        if confidence is not None:
            sure = numbers(confidence)
            self.sure += int((~np.isnan(sure)).sum())
            self.low += int((sure < self.card.bands.low).sum())
            self.confidence.add(sure, value)
        if when is not None:
            day = _day_texts(when)
            self.days.add(day, np.full(rows, "all") if self.is_regression else value)
            self.daily.add(day, value if self.is_regression else _or_nothing(confidence, rows))
        return self


def _or_nothing(confidence: Any, rows: int) -> Any:
    return np.full(rows, np.nan) if confidence is None else confidence


def _day_texts(when: Any) -> pd.Series[Any]:
    """Each time's day as ISO text (UTC), None where there is none."""
    codes, levels = pd.factorize(days(when))
    names = [str(np.datetime64(int(level), "D")) for level in levels]
    return pd.Series([*names, None], dtype=object).iloc[codes]
