"""Values as JSON knows them, and when two of them are the same."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any


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


def _unpacked(scalar: Any) -> Any:
    # NumPy unpacks a datetime64[ns] to a bare count of nanoseconds.
    in_nanoseconds = str(scalar.dtype) == "datetime64[ns]"
    return (scalar.astype("datetime64[us]") if in_nanoseconds else scalar).item()
