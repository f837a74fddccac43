"""The features of a batch by name: read a few columns at a time, and kept as small arrays."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from second_opinion.batches.scored_rows import ScoredRows
from second_opinion.recent import Recent
from second_opinion.records.batch import Batch
from second_opinion.records.value import key_of, plain
from second_opinion.schema import Feature, Schema
from second_opinion.statistics.column_kinds import days
from second_opinion.statistics.ratings import Array
from second_opinion.store import Store

if TYPE_CHECKING:
    from second_opinion.tables.parse_column import Column

# A million rows with 8 numbers and 4 categories take 80 MB.
MOST_BYTES = 120_000_000

_columns: Recent[Any] = Recent(MOST_BYTES)


class BatchColumns(Mapping[str, Any]):
    """The features of a batch by name, read when they are asked for. Free text is there as known
    or not."""

    def __init__(self, store: Store, batch: Batch, schema: Schema, key: Hashable) -> None:
        self._store, self._batch, self._key = store, batch, key
        self._schema, self._inputs = schema, schema.inputs_in(batch.columns)
        self._features = {name: schema[name] for name in self._inputs}

    def __getitem__(self, name: str) -> Any:
        column = _columns.get((self._key, name))
        return self._read(name) if column is None else column

    def __iter__(self) -> Iterator[str]:
        return iter(self._features)

    def __len__(self) -> int:
        return len(self._features)

    def _read(self, name: str) -> Any:
        """Read a column, and those after it that fit into a third of the memory with it."""
        import pyarrow as pa

        from second_opinion.tables.parse_column import columns

        room = max(MOST_BYTES // 3 // max(8 * self._batch.rows_done, 1), 1)
        names = list(self._features)
        unread_names = [
            other
            for other in names[names.index(name) :]
            if other == name or _columns.get((self._key, other)) is None
        ][:room]
        schema = Schema((self._features[other] for other in unread_names), self._schema.dummies)
        inputs = [name for other in unread_names for name in self._inputs[other]]
        parts: dict[str, list[Column]] = {other: [] for other in unread_names}
        for text in ScoredRows(self._store).texts(self._batch, inputs):
            for column in columns(text, schema, self._batch.decimal)[0]:
                parts[column.feature.name].append(_light(column))
        for other in unread_names:
            whole = whole_of(parts.pop(other), self._features[other])
            size = int(whole.memory_usage() if hasattr(whole, "memory_usage") else whole.nbytes)
            _columns.keep((self._key, other), whole, size)
            if other == name:
                named_column = whole
        # Arrow keeps what it has freed for the next time, tens of megabytes.
        pa.default_memory_pool().release_unused()
        return named_column


def _light(column: Column) -> Column:
    """A column of a chunk without what is not needed: the texts of free text, and wide codes."""
    if column.feature.shape == "text":
        return replace(column, values=np.where(column.missing, -1, 0), levels=("text",))
    if column.levels is not None:
        return replace(column, values=column.values.astype(np.int32))
    return column


def whole_of(parts: list[Column], feature: Feature) -> Any:
    """The chunks of a column as one: numbers, days, or a categorical."""
    shape = feature.shape
    if shape == "number":
        return np.concatenate([np.empty(0), *map(_numbers, parts)])
    if shape == "date":
        pieces = [_dates(part) for part in parts]
        return np.concatenate([np.empty(0, "datetime64[s]"), *pieces])
    codes: dict[Any, int] = {}
    pieces = []
    for part in parts:
        places = [codes.setdefault(key_of(plain(level)), len(codes)) for level in part.levels or ()]
        pieces.append(np.array([*places, -1], dtype=np.int32)[part.values])
    values = np.empty(len(codes), dtype=object)
    values[:] = [key[1] for key in codes]
    whole = np.concatenate([np.empty(0, np.int32), *pieces])
    return pd.Categorical.from_codes(whole, pd.Index(values, dtype=object))


def _numbers(part: Column) -> Array:
    if part.levels is not None:
        return np.asarray(np.append(np.array(part.levels, float), np.nan)[part.values])
    return np.where(part.missing, np.nan, part.values)


def _dates(part: Column) -> Array:
    day_numbers = np.append(days(list(part.levels or ())), np.nan)
    moments = np.full(len(day_numbers), np.datetime64("NaT"), dtype="datetime64[s]")
    is_known = ~np.isnan(day_numbers)
    moments[is_known] = day_numbers[is_known].astype("int64").astype("datetime64[D]")
    return np.asarray(moments[part.values])
