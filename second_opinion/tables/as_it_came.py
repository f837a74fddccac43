"""Rows with columns more, written in the form in which their file came.

That is its kind, and of a text its encoding, byte order mark, line ends, what stood above the
names, what parts the cells, and the decimal sign. Of the kinds of workbooks only .xlsx is written.
"""

from __future__ import annotations

import base64
import codecs
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from second_opinion.records.batch import Batch
from second_opinion.records.dialect import CellKind
from second_opinion.tables.csv_writer import as_text, write_csv
from second_opinion.tables.decoding import BYTE_ORDER_MARKS
from second_opinion.tables.workbook_writer import SheetColumn, write_workbook

Chunks = Callable[[], Iterable[pa.Table]]

WORKBOOKS = ("xlsx", "xlsb", "xls", "ods")
_JSON_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
# A longer one is more likely the number of an account, and a workbook would round it.
_SHORT_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,14})?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}( [0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?)?")
_ROUND_TRIP = (
    pa.types.is_integer,
    pa.types.is_floating,
    pa.types.is_boolean,
    pa.types.is_string,
    pa.types.is_large_string,
    pa.types.is_date,
    pa.types.is_timestamp,
    pa.types.is_decimal,
)


def suffix(batch: Batch) -> str:
    """The end of the name of the file that `write_as_it_came` writes for a batch."""
    if batch.format in WORKBOOKS:
        return "xlsx"
    end = "tsv" if batch.format == "csv" and batch.delimiter == "\t" else batch.format
    return f"{end}.gz" if is_packed(batch) else end


def is_packed(batch: Batch) -> bool:
    """Whether its text came packed by gzip, which is told by the name."""
    return batch.name.casefold().endswith(".gz")


def write_as_it_came(batch: Batch, chunks: Chunks, out: BinaryIO) -> None:
    """Write tables with the same columns, at least one, as one file in the form of the batch's.

    Columns of the file are text, under its names; what was added to them has types of its own.
    ``chunks`` may be asked for twice, and ``out`` can be sought in.
    """
    if batch.format == "csv":
        _write_text(batch, chunks, out)
    elif batch.format == "parquet":
        _write_parquet(batch, chunks(), out)
    elif batch.format in WORKBOOKS:
        _write_workbook(batch, chunks(), out)
    else:
        _write_json(batch, chunks(), out)


def _write_text(batch: Batch, chunks: Chunks, out: BinaryIO) -> None:
    """In UTF-8 with its mark where an answer has letters that the encoding lacks."""
    try:
        _write_csv(batch, chunks(), out, batch.encoding, mark=batch.dialect.byte_order_mark)
    except UnicodeEncodeError:
        out.seek(0)
        out.truncate()
        _write_csv(batch, chunks(), out, "utf-8", mark=True)


def _write_csv(
    batch: Batch, chunks: Iterable[pa.Table], out: BinaryIO, encoding: str, *, mark: bool
) -> None:
    encoded = _Encoded(out, encoding)
    if mark:
        out.write(_mark(encoding))
    encoded.write(batch.dialect.above.encode())
    names = set(batch.columns)
    write_csv(
        (_with_decimal_sign(chunk, names, batch.decimal[:1]) for chunk in chunks),
        encoded,
        delimiter=batch.delimiter or ",",
        line_end=batch.dialect.line_end,
    )


class _Encoded:
    """Takes UTF-8 and hands it on in another encoding."""

    def __init__(self, out: BinaryIO, encoding: str) -> None:
        self._out, self._encoding = out, encoding

    def write(self, content: bytes) -> None:
        """Hand whole records on."""
        same = self._encoding == "utf-8"
        self._out.write(content if same else content.decode().encode(self._encoding))


def _mark(encoding: str) -> bytes:
    return next((mark for mark, name in BYTE_ORDER_MARKS if name == encoding), codecs.BOM_UTF8)


def _with_decimal_sign(chunk: pa.Table, names: set[str], sign: str) -> pa.Table:
    """The same with the file's decimal sign in the numbers that were added."""
    if sign != ",":
        return chunk
    for at, name in enumerate(chunk.column_names):
        if name not in names and pa.types.is_floating(chunk.schema.field(at).type):
            text = pc.replace_substring(as_text(chunk.column(at)), ".", ",")
            chunk = chunk.set_column(at, name, text)
    return chunk


def _write_json(batch: Batch, chunks: Iterable[pa.Table], out: BinaryIO) -> None:
    by_line = batch.format == "jsonl"
    encoded = _Encoded(out, batch.encoding)
    if batch.dialect.byte_order_mark:
        out.write(_mark(batch.encoding))
    before, between, after = ("", "\n", "\n") if by_line else ("[\n", ",\n", "\n]\n")
    for row in (row for chunk in chunks for row in _json_rows(batch, chunk)):
        encoded.write((before + row).encode())
        before = between
    encoded.write((after if before == between else "" if by_line else "[]\n").encode())


def _json_rows(batch: Batch, chunk: pa.Table) -> Iterator[str]:
    columns = [
        [f"{json.dumps(name, ensure_ascii=False)}: {cell}" for cell in _json_cells(column, kind)]
        for name, column, kind in _kinds(batch, chunk)
    ]
    for cells in zip(*columns, strict=True):
        yield f"{{{', '.join(cells)}}}"


def _json_cells(column: pa.ChunkedArray, kind: CellKind | None) -> list[str]:
    """A column as JSON writes it; without a kind its values say what they are."""
    values = column.to_pylist()
    if kind is None:
        return [json.dumps(value, ensure_ascii=False) for value in values]
    return [_json_cell(text, kind) for text in values]


def _json_cell(text: str | None, kind: CellKind) -> str:
    if text is None:
        return "null"
    is_bare = _JSON_NUMBER.fullmatch(text) if kind in ("number", "mixed") else None
    is_bool = kind in ("boolean", "mixed") and text in ("true", "false")
    return text if is_bare or is_bool else json.dumps(text, ensure_ascii=False)


def _kinds(batch: Batch, chunk: pa.Table) -> Iterator[tuple[str, pa.ChunkedArray, CellKind | None]]:
    """The columns with what their cells were in the file; None for those that were added."""
    kinds = dict(zip(batch.columns, batch.dialect.kinds, strict=False))
    for name, column in zip(chunk.column_names, chunk.columns, strict=True):
        yield name, column, kinds.get(name, "mixed") if name in batch.columns else None


def _write_parquet(batch: Batch, chunks: Iterable[pa.Table], out: BinaryIO) -> None:
    schema = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(batch.dialect.schema)))
    types = dict(zip(batch.columns, schema.types, strict=True)) if batch.dialect.schema else {}
    writer: pq.ParquetWriter | None = None
    for chunk in chunks:
        arrays = [
            _of_type(column, types[name]) if name in types else column
            for name, column in zip(chunk.column_names, chunk.columns, strict=True)
        ]
        table = pa.table(arrays, names=chunk.column_names)
        writer = writer or pq.ParquetWriter(out, table.schema)
        writer.write_table(table)
    if writer:
        writer.close()


def _of_type(column: pa.ChunkedArray, type: pa.DataType) -> pa.ChunkedArray:
    """Text in the type that it had; text it stays where there is no way back."""
    if pa.types.is_dictionary(type):
        return _of_type(column, type.value_type).dictionary_encode()
    if not any(is_such(type) for is_such in _ROUND_TRIP):
        return column
    if pa.types.is_timestamp(type) and type.tz:
        # It was read in UTC.
        return column.cast(pa.timestamp(type.unit, "UTC")).cast(type)
    return column.cast(type)


def _write_workbook(batch: Batch, chunks: Iterable[pa.Table], out: BinaryIO) -> None:
    chunks = iter(chunks)
    first = next(chunks)
    columns = [SheetColumn(name) for name in first.column_names]
    rows = (row for chunk in _again(first, chunks) for row in _sheet_rows(batch, chunk))
    write_workbook(out, columns, rows, sheet=batch.dialect.sheet)


def _again(first: pa.Table, rest: Iterable[pa.Table]) -> Iterator[pa.Table]:
    yield first
    yield from rest


def _sheet_rows(batch: Batch, chunk: pa.Table) -> Iterator[Sequence[Any]]:
    columns = [
        column.to_pylist()
        if kind is None
        else [None if text is None else sheet_value(text, kind) for text in column.to_pylist()]
        for _, column, kind in _kinds(batch, chunk)
    ]
    yield from zip(*columns, strict=True)


def sheet_value(text: str, kind: CellKind) -> str | float | bool | date:
    """The text of a cell as what it was in a column of this kind."""
    if kind in ("number", "mixed") and _SHORT_NUMBER.fullmatch(text):
        return float(text)
    if kind == "number" and _JSON_NUMBER.fullmatch(text):
        return float(text)
    if kind in ("boolean", "mixed") and text in ("true", "false"):
        return text == "true"
    return _date_of(text) if kind in ("date", "mixed") else text


def _date_of(text: str) -> str | date:
    if not _DATE.fullmatch(text):
        return text
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    return moment if " " in text else moment.date()
