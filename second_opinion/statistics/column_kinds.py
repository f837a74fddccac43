"""One column of cases as numbers or as counts of its levels, whatever type it comes in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from second_opinion.records.feature_kinds import Shape
from second_opinion.records.value import key_of, plain
from second_opinion.statistics.ratings import Array

# A frame, or anything that gives a column for a name: a batch may read its columns one at a time.
Columns = pd.DataFrame | Mapping[str, Any]


def shape_of_column(column: Any) -> Shape:
    """The shape of a column that no schema describes."""
    dtype = pd.Series(column).dtype
    if pd.api.types.is_datetime64_any_dtype(dtype):
        return "date"
    is_number = pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_bool_dtype(dtype)
    return "number" if is_number else "level"


def numbers(column: Any, shape: Shape = "number") -> Array:
    """The column as floats, days since 1970 for dates; NaN where there is none, or no finite one.

    May be the column's own memory: not to be written to.
    """
    if shape == "date":
        return days(column)
    if isinstance(column, np.ndarray) and column.dtype.kind in "iuf":
        values = column.astype(float, copy=False)
    else:
        series = pd.to_numeric(pd.Series(column), errors="coerce")
        values = series.to_numpy(dtype=float, na_value=np.nan)
    infinite = np.isinf(values)
    return np.where(infinite, np.nan, values) if infinite.any() else values


def days(column: Any) -> Array:
    """Dates, times or ISO texts as whole days since 1970, as floats; NaN where there is none."""
    series = pd.Series(column)
    if not pd.api.types.is_datetime64_any_dtype(series.dtype):
        series = pd.to_datetime(series.astype(object), errors="coerce", format="ISO8601", utc=True)
    if getattr(series.dtype, "tz", None) is not None:
        series = series.dt.tz_convert("UTC").dt.tz_localize(None)
    dates = series.to_numpy().astype("datetime64[D]")
    return np.where(np.isnat(dates), np.nan, dates.astype("int64").astype(float))


def level_counts(column: Any) -> tuple[dict[Any, int], int]:
    """How often each level stands there, commonest first, and how many rows have one.

    Levels are keys of `value.key_of`, which keep ``True``, ``1`` and ``"1"`` apart.
    """
    counts = pd.Series(column).value_counts()
    by_level: dict[Any, int] = {}
    for value, count in counts.items():
        key = key_of(plain(value))
        if count and key is not None:
            by_level[key] = by_level.get(key, 0) + int(count)
    return by_level, sum(by_level.values())
