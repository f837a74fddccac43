"""Exports: exact for programs, or safe to open in a spreadsheet; and the way back.

A spreadsheet runs a cell that begins like a formula, also one that an expert typed as a comment.
Where it ends cells at another sign than the comma, one begins in the middle of a text too:
``x;=1+1`` is two there. The safe form puts ``'`` before each such beginning, which spreadsheets
show as text, and `read_export` takes it off again. It opens with a byte order mark, without which
Excel does not read UTF-8.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Callable, Iterable, Sequence
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pv

from second_opinion.tables.csv_writer import lines, one_array, quoted, write_csv, write_records

# Signs at which some program ends a cell or a line, whatever quotes stand around them.
ENDS = "[,;|\t\n\v\f\r\u001c-\u001e\u0085\u2028\u2029]"
# What a program may drop before it looks for a formula: blanks, controls, quotes, the invisible.
DROPPED = '[\u0000- "\u007f-\u00a0\u00ad\u1680\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff]'
# Those of other widths become plain ones on the way into some spreadsheets.
SIGNS = "[-=+@'\uff1d\uff0b\uff0d\uff20\ufe62\ufe63\ufe66\ufe6b]"
SPLITTING = "[\t\r\n\u0000]"
# Arrow knows no look-around: it finds the texts, and Python the places in them.
HAS_BEGINNING = f"(?:^|{ENDS}){DROPPED}*{SIGNS}|^{SPLITTING}"
BEGINNING = re.compile(f"(?:^|(?<={ENDS}))(?={DROPPED}*{SIGNS})|^(?={SPLITTING})")
HAS_GUARD = f"(?:^|{ENDS})'"
GUARD = re.compile(f"(?:^|(?<={ENDS}))'")
# Text that is nothing but a number stays one: -0.21 is no formula.
NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"

BLOCK = 1 << 20


def write_export(
    chunks: Iterable[pa.Table], out: BinaryIO, *, spreadsheet_safe: bool = False
) -> int:
    """Write tables as one CSV file, exact or safe for a spreadsheet; returns the number of rows.

    Both keep null (an empty cell) and empty text (``""``) apart.
    """
    if not spreadsheet_safe:
        return write_csv(chunks, out)
    out.write(codecs.BOM_UTF8)
    return write_records(chunks, out, safe_records)


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


def safe_header(names: Iterable[str]) -> bytes:
    """What a safe file that is written piece by piece begins with."""
    return codecs.BOM_UTF8 + safe_records([pa.array([name], pa.string()) for name in names])


def safe_records(cells: Sequence[pa.Array]) -> bytes:
    """Columns of text as the bytes of CSV records that no spreadsheet takes for formulas."""
    return lines([quoted(guarded(column)) for column in cells], ",")


def guarded(column: pa.Array) -> pa.Array:
    """Texts that no spreadsheet takes for a formula, at whatever sign it ends its cells."""
    begins = pc.match_substring_regex(column, HAS_BEGINNING)
    number = pc.match_substring_regex(column, NUMBER)
    return _rewritten(column, pc.and_not(begins, number), lambda text: BEGINNING.sub("'", text))


def _without_guard(column: pa.ChunkedArray) -> pa.Array:
    texts = one_array(column)
    marked = pc.match_substring_regex(texts, HAS_GUARD)
    return _rewritten(texts, marked, lambda text: GUARD.sub("", text))


def _rewritten(column: pa.Array, where: pa.Array, rewrite: Callable[[str], str]) -> pa.Array:
    chosen = pc.fill_null(where, False)
    texts = [rewrite(text) for text in column.filter(chosen).to_pylist()]
    return pc.replace_with_mask(column, chosen, pa.array(texts, pa.string())) if texts else column


def _content(source: str | Path | bytes | BinaryIO) -> bytes:
    if isinstance(source, bytes):
        return source
    if not isinstance(source, (str, Path)):
        return source.read()
    return Path(source).read_bytes()
