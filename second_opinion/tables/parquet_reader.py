"""Parquet tables as text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from second_opinion.errors import UserError
from second_opinion.formatting import joined, quoted
from second_opinion.schema import Schema
from second_opinion.tables.split_rows import MOST_ROWS, csv_lines, rows_allowed, split_typed
from second_opinion.tables.table_file import Chunk, Limits, Look, TableFile

SAMPLE = 500


def look_at_parquet(source: TableFile, look: Look) -> tuple[Look, list[list[str | None]]]:
    """The columns of a Parquet table, and some rows."""
    look = replace(look, format="parquet", delimiter=",")
    try:
        with source.open() as stream:
            file = pq.ParquetFile(stream)
            columns = tuple(file.schema_arrow.names)
            look = replace(look, columns=columns, header=csv_lines([columns]))
            nested = [field.name for field in file.schema_arrow if not _is_plain(field.type)]
            if nested:
                return replace(look, problems=(_nested_said(look.name, nested),)), []
            if not file.metadata.num_rows:
                problem = f"{look.name} has no rows; expected cases. Choose another file."
                return replace(look, problems=(problem,)), []
            batch = next(file.iter_batches(batch_size=SAMPLE))
            rows = zip(*[column.to_pylist() for column in _texts(batch)], strict=True)
            return look, [list(row) for row in rows]
    except (pa.ArrowException, OSError) as error:
        return replace(look, problems=(_damaged(look.name, error),)), []


def read_parquet(source: TableFile, look: Look, schema: Schema, limits: Limits) -> Iterator[Chunk]:
    """The rows of a Parquet table, some thousands at a time."""
    rows = 0
    try:
        with source.open() as stream:
            file = pq.ParquetFile(stream)
            for batch in file.iter_batches(batch_size=MOST_ROWS, use_threads=False):
                lines = np.arange(rows + 1, rows + batch.num_rows + 1)
                rows = rows_allowed(rows + batch.num_rows, limits)
                table = pa.table(_texts(batch), names=list(look.columns))
                bytes_read = source.size * rows // file.metadata.num_rows
                yield split_typed(table, lines, schema, limits, bytes_read)
    except (pa.ArrowException, OSError) as error:
        raise UserError(_damaged(source.name, error)) from error


def _damaged(name: str, error: Exception) -> str:
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return (
        f"{name} is a Parquet table that cannot be read ({reason}); expected a whole one. Save it "
        "again, or save it as CSV."
    )


def _nested_said(name: str, nested: list[str]) -> str:
    names = joined([quoted(column) for column in nested])
    return f"{name} has lists or bytes in {names}; expected one value a cell. Remove that column."


def _is_plain(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return _is_plain(kind.value_type)
    binary = pa.types.is_binary(kind) or pa.types.is_large_binary(kind)
    return not (pa.types.is_nested(kind) or binary or pa.types.is_fixed_size_binary(kind))


def _texts(batch: pa.RecordBatch) -> list[pa.Array]:
    return [_text(column) for column in batch.columns]


def _text(column: pa.Array) -> pa.Array:
    """A column as text; a float in all its digits, not a number as nothing."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_floating(column.type):
        column = column.cast(pa.float64())
        column = pc.if_else(pc.is_nan(column), pa.scalar(None, pa.float64()), column)
    return column.cast(pa.string())
