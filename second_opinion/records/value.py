"""Values as JSON knows them, and when two of them are the same."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any

# Above, Python writes a float with an exponent.
WHOLE_TO = 1e16


def key_of(value: Any) -> tuple[bool, Any] | None:
    """A key under which a plain value can be counted; None for None.

    Python takes True for 1, which in an answer are two different things.
    """
    return None if value is None else (isinstance(value, bool), value)


def same_value(left: Any, right: Any) -> bool:
    """Equality that keeps ``True``, ``1`` and ``"1"`` apart, and 1 and 1.0 together."""
    left, right = plain(left), plain(right)
    numbers = (int, float)
    if isinstance(left, bool) or isinstance(right, bool):
        return type(left) is type(right) and left == right
    if isinstance(left, numbers) and isinstance(right, numbers):
        return left == right
    return type(left) is type(right) and bool(left == right)


def same_inputs(left: Mapping[str, Any], right: Mapping[str, Any]) -> bool:
    """Whether two cases are the same, value by value, whatever the order of their fields."""
    return left.keys() == right.keys() and all(same_value(left[name], right[name]) for name in left)


def text_of(value: Any) -> str:
    """A value as a cell of a table holds it, to the digit; empty for None.

    Text as it is, flags and lists as JSON writes them, numbers in their shortest exact form, dates
    and times as ISO text.
    """
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, (list, tuple, dict)):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return str(value)


def typed_text(value: Any) -> str:
    """A value as a person would type it into a cell: 35 rather than 35.0."""
    is_whole = isinstance(value, float) and value.is_integer() and abs(value) < WHOLE_TO
    return text_of(int(value) if is_whole else value)


def plain(value: Any) -> Any:
    """The value as JSON knows it: dates as ISO text, NaN, NaT and NA as None, scalars unpacked."""
    if isinstance(value, str):
        return str.__str__(value)
    if type(value).__name__ == "NAType":
        return None
    if getattr(value, "ndim", None) == 0:
        value = _unpacked(value)
    if isinstance(value, (float, datetime)) and value != value:
        return None
    if isinstance(value, date):
        return value.isoformat()
    return value


def shortest(value: Any, dtype: Any) -> Any:
    """A number of a column as its shortest text in that column's floats reads: 0.1, not 0.1000…15.

    What is no float of 32 bits or less comes back plain.
    """
    narrow = str(dtype).casefold().removesuffix("[pyarrow]")
    size = {"float16": "f2", "halffloat": "f2", "float32": "f4", "float": "f4"}.get(narrow)
    if size is None or plain(value) is None:
        return plain(value)
    import numpy as np

    return float(str(np.dtype(size).type(value)))


def _unpacked(scalar: Any) -> Any:
    # NumPy unpacks a datetime64[ns] to a bare count of nanoseconds.
    in_nanoseconds = str(scalar.dtype) == "datetime64[ns]"
    return (scalar.astype("datetime64[us]") if in_nanoseconds else scalar).item()
