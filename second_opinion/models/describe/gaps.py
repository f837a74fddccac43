"""What a missing value is to a model: what its own steps learned, or else what its data have.

Encoders tell None, NaN and an empty text apart, and pandas reads each of them as NaN from a file.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from second_opinion.records.value import plain
from second_opinion.schema import GAPS

if TYPE_CHECKING:
    import pandas as pd


def gaps_among(levels: Iterable[Any]) -> list[str]:
    """What stands for a missing value among levels: an empty text only where nothing else does."""
    levels = list(levels)
    # A step that takes pandas' NA for missing takes NaN as well.
    nan = any(level is not None and plain(level) is None for level in levels)
    none = any(level is None for level in levels)
    empty = any(isinstance(level, str) and not level for level in levels)
    is_there = {"nan": nan, "none": none, "empty": empty and not (nan or none)}
    return [gap for gap in GAPS if is_there[gap]]


def by_evidence(learned: Sequence[str], replaced: Sequence[str]) -> tuple[str, ...]:
    """What encoders learned; what imputers replace beside empty texts, or where that is all."""
    others = replaced if set(learned) <= {"empty"} else []
    return tuple(dict.fromkeys([*learned, *others]))


def gap_of(column: pd.Series[Any], learned: Sequence[str]) -> str:
    """The name in `schema.GAPS` of what a missing value is for a model with this training column.

    ``learned`` are the names of what its steps know. Where they know an empty text, that is it,
    unless the column has both it and others that they know; among those the column decides.
    """
    kinds = _kinds(column)
    others = [gap for gap in learned if gap != "empty"]
    if "empty" in learned and not (others and kinds and (column == "").any()):
        return "empty"
    own = "none" if kinds == {"none"} else "nan"
    return own if own in others or not others else others[0]


def blank(column: pd.Series[Any], gap: str) -> pd.Series[Any]:
    """The column with its empty texts missing, where they stand for that."""
    return column.mask(column == "") if gap == "empty" else column


def filled(column: pd.Series[Any], learned: Sequence[str]) -> pd.Series[Any]:
    """The column with its missing values as the model's steps know them, where they say how."""
    import pandas as pd

    kinds, gap = _kinds(column), gap_of(column, learned)
    if not (learned and kinds) or (gap != "empty" and kinds <= set(learned)):
        return column
    cells = column.to_numpy(dtype=object, copy=True)
    cells[np.asarray(column.isna())] = GAPS[gap]
    return pd.Series(cells, index=column.index, name=column.name, dtype="object")


def _kinds(column: pd.Series[Any]) -> set[str]:
    """As what missing values stand in a column; scikit-learn makes NaN of those beside numbers."""
    import pandas as pd

    holes = column[column.isna()]
    if column.dtype != "object" and not isinstance(column.dtype, pd.StringDtype):
        return {"nan"} if len(holes) else set()
    return {"none" if hole is None else "na" if hole is pd.NA else "nan" for hole in holes}
