"""Where versions of scikit-learn and pandas differ: a noun for each difference, and its reason.

The app runs with scikit-learn 1.2 and pandas 2.1, and all that came after. Whoever raises the
lowest version in pyproject.toml takes out what nobody needs any more.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


def is_estimator(thing: Any) -> bool:
    """Whether scikit-learn can ask an object what it is: from 1.6 on by its tags."""
    from sklearn import utils

    marks = "__sklearn_tags__" if hasattr(utils, "get_tags") else "_estimator_type"
    return hasattr(thing, marks) or (marks == "_estimator_type" and hasattr(thing, "get_params"))


def takes_missing(step: Any) -> bool:
    """Whether an estimator says that it takes NaN: before 1.6 its tags were private."""
    from sklearn import utils

    if hasattr(utils, "get_tags"):
        return bool(utils.get_tags(step).input_tags.allow_nan)
    return bool(step._get_tags()["allow_nan"])


def has_text_type() -> bool:
    """Whether pandas reads texts into a type of their own, as it does from 3 on; else objects."""
    import pandas as pd

    return int(pd.__version__.partition(".")[0]) >= 3


def pandas_has_calamine() -> bool:
    """Whether `pandas.read_excel` can read by python-calamine, as it does from 2.2 on."""
    import pandas as pd

    return tuple(map(int, pd.__version__.split(".")[:2])) >= (2, 2)


def texts(values: Any) -> Any:
    """A column of texts as pandas reads it from a file, missing ones as NaN.

    ``astype("str")`` would write "nan" for a missing text before pandas 3.
    """
    import numpy as np
    import pandas as pd

    if has_text_type():
        return pd.array(values, dtype="str")
    if hasattr(values, "to_pandas"):  # arrow
        values = values.to_pandas()
    cells = np.empty(len(values), dtype=object)
    cells[:] = values
    cells[pd.isna(cells)] = math.nan
    return cells


def object_texts(values: Any) -> Any:
    """`texts` in Python's own objects, not in arrow's memory: encoders hash those as they are."""
    import pandas as pd

    return pd.array(values, dtype=_object_texts()) if has_text_type() else texts(values)


def are_object_texts(values: Any) -> bool:
    """Whether `object_texts` has nothing to change in a column."""
    dtype = getattr(values, "dtype", None)
    return bool(dtype == (_object_texts() if has_text_type() else "object"))


def _object_texts() -> Any:
    import pandas as pd

    return pd.StringDtype("python", na_value=math.nan)


def frame(columns: Mapping[str, Any], index: Any) -> pd.DataFrame:
    """Columns as a frame, each in its own dtype.

    pandas 3 takes objects that are texts for texts of its own type, and None among them for NaN.
    """
    import pandas as pd

    own = {
        name: pd.Series(cells, index, dtype="object") if cells.dtype == "object" else cells
        for name, cells in columns.items()
    }
    return pd.DataFrame(own, index=index, copy=False)


def moments(values: Any, dtype: str) -> Any:
    """ISO texts of days or moments, None where there is none, as a column of a dtype with a unit.

    pandas 2.1 counts texts in nanoseconds first, which end in the year 2262; NumPy does not.
    """
    import pandas as pd

    try:
        return pd.array(values, dtype=dtype)
    except pd.errors.OutOfBoundsDatetime:
        in_utc = pd.array(_in_utc(values), dtype="datetime64[us]")
        return (in_utc.tz_localize("UTC") if "," in dtype else in_utc).astype(dtype)


def _in_utc(values: Any) -> Any:
    import numpy as np
    import pandas as pd

    read = [None if pd.isna(text) else datetime.fromisoformat(text) for text in values]
    zoneless = [
        moment.astimezone(UTC).replace(tzinfo=None) if moment and moment.tzinfo else moment
        for moment in read
    ]
    return np.array(zoneless, dtype="datetime64[us]")


def dtype_name(column: pd.Series[Any]) -> str:
    """What a card calls the type of a training column: "str" for texts that `texts` would give."""
    import pandas as pd

    if has_text_type() or column.dtype != "object":
        return str(column.dtype)
    own_gaps = all(isinstance(gap, float) for gap in column[column.isna()])
    is_str = own_gaps and pd.api.types.infer_dtype(column, skipna=True) == "string"
    return "str" if is_str else "object"


def with_types(frame: pd.DataFrame, types: dict[str, str]) -> pd.DataFrame:
    """A frame of objects whose columns get these types, "str" among them."""
    import pandas as pd

    named = {name for name, dtype in types.items() if dtype == "str"}
    typed = frame.astype({name: dtype for name, dtype in types.items() if name not in named})
    return typed.assign(**{name: pd.Series(texts(frame[name]), frame.index) for name in named})
