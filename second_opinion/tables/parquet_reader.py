"""Parquet tables as text."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from second_opinion.errors import UserError
from second_opinion.formatting import joined, quoted
from second_opinion.records.dialect import Dialect
from second_opinion.schema import Schema
from second_opinion.tables.column_names import with_columns
from second_opinion.tables.split_rows import csv_lines, rows_allowed, rows_at_once, split_typed
from second_opinion.tables.table_file import MEGABYTE, Chunk, Decisions, Limits, Look, TableFile

SAMPLE = 500
# Where pandas keeps the row labels of a frame that has no name for them.
PANDAS_INDEX = re.compile(r"__index_level_[0-9]+__")


def look_at_parquet(source: TableFile, look: Look, schema: Schema, decisions: Decisions) -> Look:
    """The columns of a Parquet table."""
    look = replace(look, format="parquet", delimiter=",")
    try:
        with source.open() as stream:
            file = pq.ParquetFile(stream)
            fields = list(file.schema_arrow)
            columns = tuple(field.name for field in fields)
            look = replace(look, header=csv_lines([columns]))
            if refused := look.limits.too_wide(len(columns)) or _too_large(file, look):
                return look.refused(refused)
            unreadable = _unreadable(fields)
            taken = [columns[at] for at in unreadable if columns[at] in schema.names]
            if taken:
                return look.refused(_nested_said(taken))
            if not file.metadata.num_rows:
                return look.refused("has no rows; expected cases. Choose another file.")
            batch = next(file.iter_batches(batch_size=SAMPLE))
            rows = zip(*_texts(batch, unreadable), strict=True)
            look = with_columns(look, columns, list(rows), schema, decisions, unreadable)
            return replace(look, dialect=_dialect(look, fields))
    except (pa.ArrowException, OSError) as error:
        return replace(look, problems=(_damaged(look.name, error),))


def _dialect(look: Look, fields: list[pa.Field]) -> Dialect:
    kept = [field for at, field in enumerate(fields) if at not in look.left_out]
    # What pandas wrote of its index would be wrong with columns more.
    plain = pa.schema(kept).remove_metadata().serialize().to_pybytes()
    return Dialect(schema=base64.b64encode(plain).decode())


def _too_large(file: pq.ParquetFile, look: Look) -> str:
    """What is wrong with a table that is packed so well that it takes too much unpacked."""
    about, most = file.metadata, look.limits.max_unpacked
    unpacked = sum(about.row_group(at).total_byte_size for at in range(about.num_row_groups))
    cells = about.num_rows * about.num_columns
    if most is None or max(unpacked, cells) <= most:
        return ""
    found = f"{unpacked / MEGABYTE:,.0f} MB and {cells / 1e6:,.0f} million cells"
    return (
        f"unpacks to {found}; expected at most {most / MEGABYTE:,.0f} of each. Split it, or use "
        "the command line."
    )


def _unreadable(fields: list[pa.Field]) -> list[int]:
    """The places of columns that no cell of a table can hold, and of the index that pandas adds."""
    return [
        at
        for at, field in enumerate(fields)
        if not _is_plain(field.type) or PANDAS_INDEX.fullmatch(field.name)
    ]


def read_parquet(source: TableFile, look: Look, schema: Schema, limits: Limits) -> Iterator[Chunk]:
    """The rows of a Parquet table, some thousands at a time."""
    rows = 0
    try:
        with source.open() as stream:
            file = pq.ParquetFile(stream)
            for batch in file.iter_batches(rows_at_once(look.width), use_threads=False):
                lines = np.arange(rows + 1, rows + batch.num_rows + 1)
                rows = rows_allowed(rows + batch.num_rows, limits)
                kept = [at for at in range(look.width) if at not in look.left_out]
                table = pa.table([_text(batch.column(at)) for at in kept], list(look.columns))
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


def _nested_said(nested: list[str]) -> str:
    names = joined([quoted(column) for column in nested])
    return f"has lists or bytes in {names}; expected one value a cell. Write one there."


def _is_plain(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return _is_plain(kind.value_type)
    binary = pa.types.is_binary(kind) or pa.types.is_large_binary(kind)
    return not (pa.types.is_nested(kind) or binary or pa.types.is_fixed_size_binary(kind))


def _texts(batch: pa.RecordBatch, unreadable: list[int]) -> list[list[str | None]]:
    return [
        [None] * batch.num_rows if at in unreadable else _text(column).to_pylist()
        for at, column in enumerate(batch.columns)
    ]


def _text(column: pa.Array) -> pa.Array:
    """A column as text; a float in all its digits, not a number as nothing."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_floating(column.type):
        column = column.cast(pa.float64())
        column = pc.if_else(pc.is_nan(column), pa.scalar(None, pa.float64()), column)
    if pa.types.is_timestamp(column.type) and column.type.tz:
        # In its own zone the text would be another time of day than the moment that is stored.
        column = column.cast(pa.timestamp(column.type.unit, "UTC"))
    return column.cast(pa.string())
