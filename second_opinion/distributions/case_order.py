"""The order in which cases are listed: as they came, by how sure the model is, or by its answer."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
import pandas as pd

from second_opinion.distributions.selection import Selection
from second_opinion.records.value import key_of, plain
from second_opinion.statistics.column_kinds import numbers
from second_opinion.statistics.ratings import Array

Order = Literal["row", "confidence", "prediction"]


def in_order(selection: Selection, of: Order, *, descending: bool) -> Selection:
    """The same cases in another order; those without such a thing come last."""
    if of == "row":
        return selection
    places = selection.places
    places = np.arange(len(selection.answers)) if places is None else places
    ranks = _ranks(selection, of)[places]
    order = np.argsort(-ranks if descending else ranks, kind="stable")
    return replace(selection, places=places[order])


def _ranks(selection: Selection, of: Order) -> Array:
    """A number for each row; of classes their place in the card."""
    if of == "confidence":
        return np.asarray(selection.confidence, dtype=float)
    card = selection.card
    if card.task == "regression":
        return numbers(selection.answers, "number")
    place = {key_of(value): at for at, value in enumerate(card.class_values)}
    codes, values = pd.factorize(pd.Series(selection.answers))
    of_value = [float(place.get(key_of(plain(value)), len(place))) for value in values]
    # The code of a missing answer is -1: the last one.
    return np.asarray([*of_value, np.nan])[codes]
