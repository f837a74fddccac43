"""The forms in which programs put many cases into one JSON object."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from itertools import zip_longest
from typing import Any

# Keys under which a list of cases stands, or another object in one of these forms.
LISTS = ("cases", "records", "data", "instances", "dataframe_records", "rows", "inputs")
SPLIT = "dataframe_split"


def cases_in(value: Any, names: Collection[str]) -> Iterable[Any]:
    """The cases in a JSON value, in the form that it has; one that is in no form is a case itself.

    ``names`` are those of the model's columns: they tell whether an object goes by column, as
    pandas writes it, or by row.
    """
    if not isinstance(value, dict):
        return [value]
    if not set(names) & set(value):
        if SPLIT in value:
            return cases_in(value[SPLIT], names)
        if isinstance(value.get("columns"), list) and isinstance(value.get("data"), list):
            return _of_split(value["columns"], value["data"])
        for key in LISTS:
            if isinstance(value.get(key), (list, dict)):
                return value[key] if isinstance(value[key], list) else cases_in(value[key], names)
        deeper = _list_within(value, names)
        if deeper is not None:
            return deeper
    return _by_column_or_row(value, names)


def is_case(value: Any) -> bool:
    """Whether an object is one case, and holds no others."""
    nested = isinstance(value, dict) and any(isinstance(v, (list, dict)) for v in value.values())
    return isinstance(value, dict) and not nested


def _list_within(
    value: Mapping[str, Any], names: Collection[str], depth: int = 3
) -> list[Any] | None:
    """The one list of objects with the model's names further down; None for none or several."""
    lists: list[list[Any]] = []
    for part in value.values():
        if isinstance(part, list) and any(isinstance(c, dict) and {*names} & {*c} for c in part):
            lists.append(part)
        elif isinstance(part, dict) and depth:
            inner = _list_within(part, names, depth - 1)
            lists += [] if inner is None else [inner]
    return lists[0] if len(lists) == 1 else None


def _of_split(columns: list[Any], rows: list[Any]) -> Iterable[Any]:
    names = [str(name) for name in columns]
    once = len(set(names)) == len(names)
    for row in rows:
        fits = once and isinstance(row, list) and len(row) == len(names)
        yield dict(zip(names, row, strict=True)) if fits else row


def _by_column_or_row(value: Mapping[str, Any], names: Collection[str]) -> Iterable[Any]:
    parts = list(value.values())
    if parts and all(isinstance(part, list) for part in parts):
        return _of_lists(value)
    if not parts or not all(isinstance(part, dict) for part in parts):
        return [value]
    inner = {name for part in parts for name in part}
    if len(set(names) & inner) > len(set(names) & set(value)):
        return parts
    return [
        {name: part[row] for name, part in value.items() if row in part}
        for row in dict.fromkeys(row for part in parts for row in part)
    ]


def _of_lists(value: Mapping[str, list[Any]]) -> Iterable[Any]:
    lengths = {len(part) for part in value.values()}
    if len(lengths) > 1:
        return [value]
    return [dict(zip(value, row, strict=True)) for row in zip_longest(*value.values())]
