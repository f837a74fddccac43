"""Which cells of a column are unlike those of the training data: never seen, or outside."""

from __future__ import annotations

from typing import Any

import numpy as np

from second_opinion.records.choices import Choices
from second_opinion.records.value import plain
from second_opinion.schema import Feature


def unseen_and_missing(cells: Any, choices: Choices) -> tuple[np.ndarray, np.ndarray]:
    """Which cells hold an unknown value, and which none."""
    import pandas as pd

    missing = np.asarray(pd.isna(cells))
    if isinstance(cells, list):
        is_listed = np.array([choices.same(value) is not None for value in cells], dtype=bool)
    else:
        codes, levels = pd.Series(cells, copy=False).factorize()
        # The last place is for missing cells, which have the code -1.
        is_listed = np.array([*(choices.same(plain(v)) is not None for v in levels), False])[codes]
    return ~is_listed & ~missing, missing


def outside_training(column: Any, feature: Feature) -> Any:
    """Which values lie outside the training range of their feature, which has both ends.

    ``column`` is a series, or an array as `Schema.arrays` gives it.
    """
    import pandas as pd

    low, high = feature.min, feature.max
    are_texts = isinstance(low, str) or isinstance(high, str)
    if isinstance(column, np.ndarray) and column.dtype.kind in "fiu" and not are_texts:
        return (column < low) | (column > high)
    column = pd.Series(column)
    if feature.shape == "date":
        moments = (column < pd.Timestamp(str(low))) | (column > pd.Timestamp(str(high)))
        return moments.to_numpy(bool, na_value=False)
    if are_texts:
        codes, levels = column.factorize()
        outside = [feature.outside(level) is not None for level in levels.tolist()]
        return np.array([*outside, False])[codes]
    cells: Any = column.to_numpy()
    if cells.dtype == object:
        # A missing value among nullable numbers would make the comparison itself missing.
        cells = column.to_numpy(float, na_value=np.nan)
    return (cells < low) | (cells > high)
