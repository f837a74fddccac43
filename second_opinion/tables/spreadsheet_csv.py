"""Exports: exact for programs, or safe to open in a spreadsheet; and the way back.

A spreadsheet runs a cell that begins like a formula, also one that an expert typed as a comment.
The safe form puts ``'`` before such texts, which spreadsheets show as text, and `read_export` takes
it off again.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pv

from second_opinion.tables.csv_writer import lines, quoted, write_csv, write_records

FORMULA = r"^[=+\-@\t\r\n\x00'＝＋－＠]"
# Text that is nothing but a number stays one: -0.21 is no formula.
NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"

BLOCK = 1 << 20


def write_export(
    chunks: Iterable[pa.Table], out: BinaryIO, *, spreadsheet_safe: bool = False
) -> int:
    """Write tables as one CSV file, exact or safe for a spreadsheet; returns the number of rows.

    Both keep null (an empty cell) and empty text (``""``) apart.
    """
    return write_records(chunks, out, _safe) if spreadsheet_safe else write_csv(chunks, out)


def read_export(
    source: str | Path | bytes | BinaryIO, *, spreadsheet_safe: bool = True
) -> pa.Table:
    """An export as it was before it was written: every column as text, in its order.

    ``source`` is a path, the bytes, or a stream. ``spreadsheet_safe`` says which of the two forms
    it is in.
    """
    content = _content(source)
    header = next(
        csv.reader(TextIOWrapper(BytesIO(content), "utf-8-sig", newline=""), strict=True), []
    )
    places = [str(at) for at in range(len(header))]
    table = pv.read_csv(
        pa.BufferReader(content),
        # A block must hold a whole record, and a text may be long.
        pv.ReadOptions(column_names=places, block_size=max(BLOCK, len(content))),
        pv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
        pv.ConvertOptions(
            column_types=dict.fromkeys(places, pa.string()),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )
    texts = [_without_guard(column) if spreadsheet_safe else column for column in table.columns]
    names = [str(column[0]) for column in texts]
    return pa.table([column[1:] for column in texts], names=names)


def _safe(cells: Sequence[pa.Array]) -> bytes:
    return lines([quoted(_guard(column)) for column in cells], ",")


def _guard(column: pa.Array) -> pa.Array:
    formula = pc.match_substring_regex(column, FORMULA)
    number = pc.match_substring_regex(column, NUMBER)
    marked = pc.binary_join_element_wise("'", column, "")
    return pc.if_else(pc.and_not(formula, number), marked, column)


def _without_guard(column: pa.ChunkedArray) -> pa.ChunkedArray:
    guarded = pc.starts_with(column, "'")
    return pc.if_else(guarded, pc.utf8_slice_codeunits(column, 1), column)


def _content(source: str | Path | bytes | BinaryIO) -> bytes:
    if isinstance(source, bytes):
        return source
    if not isinstance(source, (str, Path)):
        return source.read()
    return Path(source).read_bytes()
