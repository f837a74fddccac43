"""Which cells of a column are unlike those of the training data: never seen, or outside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from second_opinion.records.choices import Choices
from second_opinion.records.value import plain
from second_opinion.schema import Feature

if TYPE_CHECKING:
    import pandas as pd


def unseen_and_missing(cells: Any, choices: Choices) -> tuple[np.ndarray, np.ndarray]:
    """Which cells hold an unknown value, and which none."""
    import pandas as pd

    missing = np.asarray(pd.isna(pd.array(cells, "object") if isinstance(cells, list) else cells))
    if isinstance(cells, list):
        is_listed = np.array([choices.same(value) is not None for value in cells], dtype=bool)
    else:
        codes, levels = pd.factorize(cells)
        # The last place is for missing cells, which have the code -1.
        is_listed = np.array([*(choices.same(plain(v)) is not None for v in levels), False])[codes]
    return ~is_listed & ~missing, missing


def outside_training(column: pd.Series[Any], feature: Feature) -> Any:
    """Which values lie outside the training range of their feature, which has both ends."""
    import pandas as pd

    low, high = feature.min, feature.max
    if feature.shape == "date":
        moments = (column < pd.Timestamp(str(low))) | (column > pd.Timestamp(str(high)))
        return moments.to_numpy(bool, na_value=False)
    if isinstance(low, str) or isinstance(high, str):
        codes, levels = column.factorize()
        outside = [feature.outside(level) is not None for level in levels.tolist()]
        return np.array([*outside, False])[codes]
    cells: Any = column.to_numpy()
    if cells.dtype == object:
        # A missing value among nullable numbers would make the comparison itself missing.
        cells = column.to_numpy(float, na_value=np.nan)
    return (cells < low) | (cells > high)
