"""The flags that a card raises of its cases, whoever answered them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from second_opinion.models.card import ModelCard
from second_opinion.models.unlike_training import outside_training, unseen_and_missing

LOW_CONFIDENCE = "low_confidence"
GIVEN_ELSEWHERE = "given_elsewhere"


def raised(
    card: ModelCard,
    columns: Mapping[str, Any],
    arrays: Mapping[str, Any],
    confidence: np.ndarray | None,
) -> dict[str, np.ndarray]:
    """Each flag that some case has, with the cases that have it, in the order of the features.

    ``columns`` and ``arrays`` are the cases as `Schema.columns` and `Schema.arrays` give them.
    """
    marks = _marks(card, columns, arrays, confidence)
    return {flag: mark for flag, mark in marks if mark.any()}


def _marks(
    card: ModelCard,
    columns: Mapping[str, Any],
    arrays: Mapping[str, Any],
    confidence: np.ndarray | None,
) -> Iterable[tuple[str, np.ndarray]]:
    import pandas as pd

    for feature in card.features:
        name = feature.name
        if feature.kind_of.choices == "list":
            # The typed column will not do: an unseen level of a pandas category is NaN there.
            unseen, missing = unseen_and_missing(columns[name], feature.index)
            yield f"unseen:{name}", unseen
        else:
            missing = np.asarray(pd.isna(columns[name]))
            if feature.min is not None and feature.max is not None:
                yield f"out_of_range:{name}", outside_training(arrays[name], feature)
        yield f"missing:{name}", missing
    if confidence is not None:
        yield LOW_CONFIDENCE, confidence < card.bands.low
